/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What pages and administrators write.

use std::collections::BTreeMap;

use servo_capture::policy::{
    EnginePreferences, OriginPattern, PreferenceKind, PreferenceLoader, PreferenceValue,
};
use servo_capture_traits::permissions_policy::{
    Allowlist, Feature, parse_header, parse_policy_directive,
};
use servo_url::{ImmutableOrigin, ServoUrl};
use url::{Origin, Url};

fn origin(url: &str) -> ImmutableOrigin {
    ServoUrl::parse(url).map_or_else(|_| ImmutableOrigin::new_opaque(), |url| url.origin())
}

/// What an allowlist cannot be made to say by text.
fn check_allowlists(directive: &BTreeMap<Feature, Allowlist>) {
    for allowlist in directive.values() {
        let opaque = ImmutableOrigin::new_opaque();
        assert!(
            *allowlist == Allowlist::Everyone || !allowlist.matches(&opaque),
            "an opaque origin is named by {allowlist:?}"
        );
        let _ = allowlist.serialize_entries();
    }
}

/// A `Permissions-Policy` header: each line is one field.
pub(crate) fn permissions_policy_header(bytes: &[u8]) {
    let fields = bytes.split(|byte| *byte == b'\n');
    if let Ok(declared) = parse_header(fields, &origin("https://page.example")) {
        check_allowlists(&declared);
    }
}

/// An `allow` attribute.
pub(crate) fn allow_attribute(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (container, target) = (origin("https://outer.example"), origin("data:,"));
    let directive = parse_policy_directive(&text, &container, &target);
    // 'src' of an opaque target is that document and no other.
    for allowlist in directive.values() {
        let _ = (allowlist.matches(&container), allowlist.serialize_entries());
    }
    let target = origin("https://inner.example:8443");
    check_allowlists(&parse_policy_directive(&text, &container, &target));
}

/// One entry of the list of origins.
pub(crate) fn origin_pattern(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(pattern) = text.parse::<OriginPattern>() else {
        return;
    };
    // What is printed means the same.
    let printed = pattern.to_string();
    assert_eq!(
        printed.parse::<OriginPattern>().as_ref(),
        Ok(&pattern),
        "{printed}"
    );
    assert!(!pattern.matches(&Origin::new_opaque()), "{printed}");
    for url in ["ftp://a.example", "ws://a.example", "file:///a", "data:,a"] {
        let origin = Url::parse(url).map(|url| url.origin());
        let is_allowed = origin.is_ok_and(|origin| pattern.matches(&origin));
        assert!(!is_allowed, "{printed} allows {url}");
    }
    // A pattern overlaps with itself in itself.
    assert_eq!(pattern.intersection(&pattern).as_ref(), Some(&pattern));
}

/// An engine that has a preference of each kind.
struct Engine;

impl EnginePreferences for Engine {
    fn kind(&self, name: &str) -> Option<PreferenceKind> {
        Some(match name {
            "a_bool" => PreferenceKind::Bool,
            "an_int" => PreferenceKind::Int,
            "a_uint" => PreferenceKind::UInt,
            "a_float" => PreferenceKind::Float,
            "a_string" => PreferenceKind::String,
            "two_floats" => PreferenceKind::FloatArray(2),
            _ => return None,
        })
    }

    fn set(&mut self, name: &str, value: PreferenceValue) {
        let fits = matches!(
            (self.kind(name), &value),
            (Some(PreferenceKind::Bool), PreferenceValue::Bool(_))
                | (Some(PreferenceKind::Int), PreferenceValue::Int(_))
                | (Some(PreferenceKind::UInt), PreferenceValue::UInt(_))
                | (Some(PreferenceKind::Float), PreferenceValue::Float(_))
                | (Some(PreferenceKind::String), PreferenceValue::String(_))
                | (
                    Some(PreferenceKind::FloatArray(_)),
                    PreferenceValue::FloatArray(_)
                )
        );
        assert!(fits, "{name} was set to {value:?}");
    }
}

/// A file of preferences, and the same as an argument.
pub(crate) fn preferences(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut engine = Engine;
    let mut loader = PreferenceLoader::new(&mut engine);
    let is_taken = loader.defaults("file.json", text).is_ok();
    if let Err(problem) = loader.argument(text) {
        assert!(!problem.to_string().is_empty());
    }
    let loaded = loader.finish();
    if !is_taken && !text.contains('=') {
        // Nothing of a bad file counts.
        assert!(loaded.policy.all_screens_allowed_origins.is_empty());
    }
    let allowed = loaded.policy.check_all_screens(&Origin::new_opaque());
    assert!(allowed.is_err(), "an opaque origin is allowed");
}
