/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The `Permissions-Policy` header of a response.

use std::collections::BTreeMap;

use servo_url::ImmutableOrigin;
use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};

use super::{AllowedOrigins, Allowlist, Feature, PolicyDirective};

/// The header is no structured field, and counts as absent therefore.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the Permissions-Policy header is no dictionary of structured fields: {0}")]
pub struct HeaderError(String);

/// <https://w3c.github.io/webappsec-permissions-policy/#algo-process-response-policy>,
/// with the values of all header fields of that name, in their order, and the
/// origin of the document.
///
/// # Errors
/// When the values together are no dictionary.
pub fn parse_header<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
    origin: &ImmutableOrigin,
) -> Result<PolicyDirective, HeaderError> {
    // Steps 1 and 2. Several fields are one list; none is an empty one.
    let fields = values.into_iter().collect::<Vec<_>>().join(&b", "[..]);
    let dictionary = Parser::new(&fields)
        .parse::<Dictionary>()
        .map_err(|error| HeaderError(error.to_string()))?;
    // Steps 3 and 4.
    Ok(construct_policy(&dictionary, origin))
}

/// <https://w3c.github.io/webappsec-permissions-policy/#algo-construct-policy>
fn construct_policy(dictionary: &Dictionary, origin: &ImmutableOrigin) -> PolicyDirective {
    // Step 1.
    let mut policy = BTreeMap::new();
    // Step 2.
    for (name, value) in dictionary {
        // Steps 2.1 and 2.2. Features that are not known here are passed over.
        let Some(feature) = Feature::from_name(name.as_str()) else {
            continue;
        };
        // Steps 2.3 to 2.5. A single item is a list of one.
        let items = match value {
            ListEntry::Item(item) => std::slice::from_ref(item),
            ListEntry::InnerList(list) => &list.items,
        };
        // Step 2.6.
        policy.insert(feature, allowlist(items, origin));
    }
    // Step 3.
    policy
}

/// Steps 2.3 to 2.5. The prose of the specification passes over a member that
/// is, for example, a number; its algorithm makes it an empty list. That is
/// what happens here: a declaration with a mistake in it restricts.
fn allowlist(items: &[Item], origin: &ImmutableOrigin) -> Allowlist {
    let mut entries = Vec::new();
    for item in items {
        let entry = match &item.bare_item {
            BareItem::Token(token) if token.as_str() == "*" => return Allowlist::Everyone,
            BareItem::Token(token) if token.as_str() == "self" => {
                Some(AllowedOrigins::One(origin.clone()))
            }
            BareItem::String(text) => AllowedOrigins::parse(text.as_str()),
            _ => None,
        };
        if let Some(entry) = entry {
            Allowlist::append(&mut entries, entry);
        }
    }
    Allowlist::Origins(entries)
}
