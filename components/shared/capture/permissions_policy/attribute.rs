/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The `allow` attribute of `<iframe>`.

use std::collections::BTreeMap;

use servo_url::ImmutableOrigin;

use super::{AllowedOrigins, Allowlist, Feature, PolicyDirective};

/// <https://w3c.github.io/webappsec-permissions-policy/#algo-parse-policy-directive>,
/// with the value of an `allow` attribute, the origin of the document that the
/// element is in, and the element's declared origin.
pub fn parse_policy_directive(
    value: &str,
    container_origin: &ImmutableOrigin,
    target_origin: &ImmutableOrigin,
) -> PolicyDirective {
    // Step 1.
    let mut directive = BTreeMap::new();
    // Step 2. For each declaration.
    for declaration in value.split(';') {
        // Steps 2.1 and 2.2. Its words; there may be none.
        let mut tokens = declaration.split_ascii_whitespace();
        // Steps 2.3 to 2.5. The first names the feature; others are passed over.
        let Some(feature) = tokens.next().and_then(Feature::from_name) else {
            continue;
        };
        // Steps 2.6 to 2.9. The others are its allowlist. Step 2.10: the last
        // declaration of a feature counts.
        let targets = tokens.collect::<Vec<_>>();
        directive.insert(
            feature,
            allowlist(&targets, container_origin, target_origin),
        );
    }
    // Step 3.
    directive
}

/// Steps 2.7 to 2.9.
fn allowlist(
    targets: &[&str],
    container_origin: &ImmutableOrigin,
    target_origin: &ImmutableOrigin,
) -> Allowlist {
    // Step 2.8.
    if targets.contains(&"*") {
        return Allowlist::Everyone;
    }
    // Steps 2.9.1 and 2.9.2. No target is 'src'.
    if targets.is_empty() {
        return Allowlist::Origins(vec![AllowedOrigins::One(target_origin.clone())]);
    }
    // Step 2.9.3. Opaque origins are left out; 'none' is no URL.
    let mut entries = Vec::new();
    for target in targets {
        let entry = if target.eq_ignore_ascii_case("'self'") {
            one(container_origin)
        } else if target.eq_ignore_ascii_case("'src'") {
            one(target_origin)
        } else {
            AllowedOrigins::parse(target)
        };
        if let Some(entry) = entry {
            Allowlist::append(&mut entries, entry);
        }
    }
    Allowlist::Origins(entries)
}

fn one(origin: &ImmutableOrigin) -> Option<AllowedOrigins> {
    origin
        .is_tuple()
        .then(|| AllowedOrigins::One(origin.clone()))
}
