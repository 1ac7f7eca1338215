/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who may capture what: the administrator's policy.
//!
//! The policy comes from preferences ([`preferences`]), names origins with the
//! URL patterns that browser administrators know ([`pattern`]), and is asked by
//! the service for every call. It denies whenever it is in doubt.

pub mod pattern;
pub mod preferences;
mod refusal;

use std::collections::HashSet;
use std::ops::RangeInclusive;

use url::Origin;

pub use self::pattern::{OriginPattern, PatternError};
pub use self::preferences::{
    EnginePreferences, ListedOrigin, LoadedPreferences, Location, PreferenceError, PreferenceKind,
    PreferenceLayer, PreferenceLoader, PreferenceReason, PreferenceValue,
};
pub use self::refusal::PolicyRefusal;

/// Turns `getAllScreensMedia` on (a truth value).
pub const ALL_SCREENS_ENABLED: &str = "dom_screen_capture_all_screens_enabled";

/// Who may call `getAllScreensMedia` (a list of [`OriginPattern`]s).
pub const ALL_SCREENS_ALLOWED_ORIGINS: &str = "dom_screen_capture_all_screens_allowed_origins";

/// The most entries an allowlist may have. Chromium puts the same limit on its
/// lists of URL patterns; it bounds the work of a check and of narrowing.
pub const MAX_ALLOWED_ORIGINS: usize = 1000;

/// Lets the person in front of the monitors stop captures by the indicator and
/// by what the desktop shows (a truth value).
pub const USER_MAY_STOP: &str = "dom_screen_capture_user_may_stop";

/// Shows a grey area instead of the indicator in captured frames (a truth
/// value). On the monitors it is there all the same, and looked for.
pub const MASK_INDICATOR: &str = "dom_screen_capture_mask_indicator";

/// Keeps a record of captures (a truth value).
pub const RECORD_ENABLED: &str = "dom_screen_capture_record_enabled";

/// Refuses captures that cannot be recorded (a truth value).
pub const RECORD_REQUIRED: &str = "dom_screen_capture_record_required";

/// The directory of the record (an absolute path, or an empty text for the
/// default one).
pub const RECORD_DIRECTORY: &str = "dom_screen_capture_record_directory";

/// The most bytes of one file of the record (a number within
/// [`RECORD_MAX_BYTES_RANGE`]).
pub const RECORD_MAX_BYTES: &str = "dom_screen_capture_record_max_bytes";

/// How many files of the record are kept (a number within
/// [`RECORD_MAX_FILES_RANGE`]).
pub const RECORD_MAX_FILES: &str = "dom_screen_capture_record_max_files";

/// Refuses captures by documents in frames (a truth value).
pub const TOP_LEVEL_ONLY: &str = "dom_screen_capture_all_screens_top_level_only";

/// Refuses captures outside of isolated contexts (a truth value). Servo has no
/// such contexts, so that nobody may capture.
pub const ISOLATED_ONLY: &str = "dom_screen_capture_all_screens_isolated_only";

/// From 64 KiB, in which a few entries have room, to 1 TiB.
pub const RECORD_MAX_BYTES_RANGE: RangeInclusive<u64> = 64 * 1024..=1024 * 1024 * 1024 * 1024;

/// From 2, so that rotating leaves what came before, to as many as are listed
/// quickly.
pub const RECORD_MAX_FILES_RANGE: RangeInclusive<u64> = 2..=1000;

/// What the administrator allows. The default allows no page anything.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CapturePolicy {
    /// Whether anyone may capture all screens.
    pub all_screens_enabled: bool,
    /// The origins that may capture all screens without being asked.
    pub all_screens_allowed_origins: Vec<OriginPattern>,
    /// Whether only what can be recorded may be captured.
    pub record_required: bool,
    /// Whether the person in front of the monitors may stop captures.
    pub user_may_stop: bool,
    /// Whether frames show a grey area instead of the indicator.
    pub mask_indicator: bool,
    /// Whether only top-level documents may capture all screens.
    pub top_level_only: bool,
    /// Whether only isolated contexts may, of which Servo has none.
    pub isolated_only: bool,
    /// What the person in front of the monitors has taken away. Wins over the
    /// allowed origins.
    pub revoked_origins: Vec<OriginPattern>,
}

impl Default for CapturePolicy {
    fn default() -> Self {
        Self {
            all_screens_enabled: false,
            all_screens_allowed_origins: Vec::new(),
            record_required: false,
            user_may_stop: true,
            mask_indicator: false,
            top_level_only: false,
            isolated_only: false,
            revoked_origins: Vec::new(),
        }
    }
}

impl CapturePolicy {
    /// The allowlist check of `getAllScreensMedia`.
    ///
    /// # Errors
    /// Says why `origin` may not, and which preference decides it.
    pub fn check_all_screens(&self, origin: &Origin) -> Result<(), PolicyRefusal> {
        if !self.all_screens_enabled {
            return Err(PolicyRefusal::Disabled);
        }
        if self.isolated_only {
            return Err(PolicyRefusal::NotIsolated);
        }
        if !origin.is_tuple() {
            return Err(PolicyRefusal::OpaqueOrigin);
        }
        let is_listed = self
            .all_screens_allowed_origins
            .iter()
            .any(|pattern| pattern.matches(origin));
        if !is_listed {
            return Err(PolicyRefusal::NotListed {
                origin: origin.ascii_serialization(),
            });
        }
        let mut revoked = self.revoked_origins.iter();
        if revoked.any(|pattern| pattern.matches(origin)) {
            return Err(PolicyRefusal::Revoked {
                origin: origin.ascii_serialization(),
            });
        }
        Ok(())
    }

    /// Whether a document that is in a frame, or is not, may call
    /// `getAllScreensMedia` at all.
    ///
    /// # Errors
    /// Says which preference forbids it.
    pub fn check_nesting(&self, is_top_level: bool) -> Result<(), PolicyRefusal> {
        if self.top_level_only && !is_top_level {
            return Err(PolicyRefusal::NotTopLevel);
        }
        Ok(())
    }

    /// Whether any page may capture.
    pub fn allows_anybody(&self) -> bool {
        self.all_screens_enabled && !self.all_screens_allowed_origins.is_empty()
    }

    /// Takes away what `pattern` matches, whichever entries allow it.
    ///
    /// After [`MAX_ALLOWED_ORIGINS`] of these nobody may capture any more, which
    /// is what was asked for and more.
    pub fn revoke(&mut self, pattern: OriginPattern) {
        if self.revoked_origins.contains(&pattern) {
            return;
        }
        if self.revoked_origins.len() == MAX_ALLOWED_ORIGINS {
            self.all_screens_enabled = false;
            return;
        }
        self.revoked_origins.push(pattern);
    }

    /// Keeps only what both allow: a running session can only become narrower.
    ///
    /// An entry that the newer list allows whole stays as it is. The result has
    /// at most [`MAX_ALLOWED_ORIGINS`] entries. Two lists whose overlap needs more
    /// lose the last of them, which narrows further.
    pub fn narrowed_by(&self, newer: &CapturePolicy) -> CapturePolicy {
        let mut seen = HashSet::new();
        let mut all_screens_allowed_origins = Vec::new();
        for ours in &self.all_screens_allowed_origins {
            if all_screens_allowed_origins.len() >= MAX_ALLOWED_ORIGINS {
                break;
            }
            let theirs = newer.all_screens_allowed_origins.iter();
            let mut overlaps: Vec<_> = theirs
                .filter_map(|theirs| ours.intersection(theirs))
                .collect();
            if overlaps.contains(ours) {
                overlaps = vec![ours.clone()];
            }
            overlaps.retain(|both| seen.insert(both.clone()));
            all_screens_allowed_origins.append(&mut overlaps);
        }
        all_screens_allowed_origins.truncate(MAX_ALLOWED_ORIGINS);
        let mut revoked_origins = self.revoked_origins.clone();
        let others = newer.revoked_origins.iter();
        revoked_origins.extend(
            others
                .filter(|other| !self.revoked_origins.contains(other))
                .cloned(),
        );
        CapturePolicy {
            all_screens_enabled: self.all_screens_enabled && newer.all_screens_enabled,
            all_screens_allowed_origins,
            record_required: self.record_required || newer.record_required,
            user_may_stop: self.user_may_stop || newer.user_may_stop,
            mask_indicator: self.mask_indicator && newer.mask_indicator,
            top_level_only: self.top_level_only || newer.top_level_only,
            isolated_only: self.isolated_only || newer.isolated_only,
            revoked_origins,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn policy(patterns: &[&str]) -> CapturePolicy {
        CapturePolicy {
            all_screens_enabled: true,
            all_screens_allowed_origins: patterns.iter().map(|p| p.parse().unwrap()).collect(),
            ..CapturePolicy::default()
        }
    }

    fn origin(url: &str) -> Origin {
        Url::parse(url).unwrap().origin()
    }

    #[test]
    fn a_listed_origin_may_capture_and_others_may_not() {
        let policy = policy(&["https://www.chromium.org"]);
        let check = |url| policy.check_all_screens(&origin(url));
        assert_eq!(check("https://www.chromium.org/page"), Ok(()));
        assert_eq!(
            check("https://chromium.org:8443/page"),
            Err(PolicyRefusal::NotListed {
                origin: "https://chromium.org:8443".to_owned()
            })
        );
    }

    #[test]
    fn an_empty_list_allows_nobody() {
        let refusal = policy(&[]).check_all_screens(&origin("https://www.chromium.org"));
        assert!(matches!(refusal, Err(PolicyRefusal::NotListed { .. })));
    }

    #[test]
    fn the_default_policy_allows_nobody() {
        let refusal = CapturePolicy::default().check_all_screens(&origin("https://a.test"));
        assert_eq!(refusal, Err(PolicyRefusal::Disabled));
    }

    #[test]
    fn turning_the_feature_off_refuses_listed_origins() {
        let mut policy = policy(&["*"]);
        policy.all_screens_enabled = false;
        let refusal = policy.check_all_screens(&origin("https://a.test"));
        assert_eq!(refusal, Err(PolicyRefusal::Disabled));
    }

    #[test]
    fn an_opaque_origin_is_refused_even_by_the_widest_list() {
        for opaque in [
            origin("data:text/html,x"),
            origin("file:///etc/hosts"),
            Origin::new_opaque(),
        ] {
            let refusal = policy(&["*"]).check_all_screens(&opaque);
            assert_eq!(refusal, Err(PolicyRefusal::OpaqueOrigin));
        }
    }

    #[test]
    fn a_refusal_names_the_preference_to_set() {
        assert!(
            PolicyRefusal::Disabled
                .to_string()
                .contains(ALL_SCREENS_ENABLED)
        );
        let not_listed = PolicyRefusal::NotListed {
            origin: "https://a.test".to_owned(),
        };
        assert!(not_listed.to_string().contains(ALL_SCREENS_ALLOWED_ORIGINS));
        assert!(not_listed.to_string().ends_with("https://a.test"));
    }

    #[test]
    fn narrowing_keeps_the_overlap_of_wildcards() {
        let older = policy(&["https://[*.]corp.test", "http://a.test:8080"]);
        let newer = policy(&["kiosk.corp.test:443", "a.test", "https://new.test"]);
        let both = older.narrowed_by(&newer);
        let listed: Vec<String> = both
            .all_screens_allowed_origins
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            listed,
            ["https://kiosk.corp.test:443", "http://a.test:8080"]
        );
    }

    #[test]
    fn reading_the_same_list_again_changes_nothing() {
        let older = policy(&["https://*", "*:8443", "[*.]a.test", "b.a.test"]);
        let mut newer = older.clone();
        assert_eq!(older.narrowed_by(&newer), older);
        newer.all_screens_allowed_origins.reverse();
        assert_eq!(older.narrowed_by(&newer), older);
    }

    #[test]
    fn what_is_revoked_is_refused_whichever_entry_allows_it() {
        let mut policy = policy(&["https://[*.]a.test", "b.a.test", "https://c.test"]);
        policy.revoke("https://[*.]a.test".parse().unwrap());
        let check = |url| policy.check_all_screens(&origin(url)).is_ok();
        assert!(!check("https://b.a.test") && !check("https://a.test"));
        assert!(check("http://b.a.test") && check("https://c.test"));
        // A newer list does not give it back.
        let newer = self::policy(&["*"]);
        let both = policy.narrowed_by(&newer);
        let refusal = both.check_all_screens(&origin("https://a.test"));
        assert!(matches!(refusal, Err(PolicyRefusal::Revoked { .. })));
    }

    #[test]
    fn more_revocations_than_are_kept_leave_nobody() {
        let mut policy = policy(&["*"]);
        for n in 0..MAX_ALLOWED_ORIGINS {
            policy.revoke(format!("https://a{n}.test").parse().unwrap());
            policy.revoke(format!("https://a{n}.test").parse().unwrap());
        }
        assert!(policy.check_all_screens(&origin("https://b.test")).is_ok());
        policy.revoke("https://one.more.test".parse().unwrap());
        assert!(!policy.allows_anybody());
        assert_eq!(policy.revoked_origins.len(), MAX_ALLOWED_ORIGINS);
    }

    #[test]
    fn narrowing_never_turns_the_feature_on_again() {
        let mut off = policy(&["*"]);
        off.all_screens_enabled = false;
        let on = policy(&["*"]);
        assert!(!off.narrowed_by(&on).all_screens_enabled);
        assert!(!on.narrowed_by(&off).all_screens_enabled);
        assert!(on.narrowed_by(&on).all_screens_enabled);
    }

    #[test]
    fn narrowing_never_takes_the_duty_to_record_away() {
        let free = policy(&["*"]);
        let mut recorded = policy(&["*"]);
        recorded.record_required = true;
        assert!(free.narrowed_by(&recorded).record_required);
        assert!(recorded.narrowed_by(&free).record_required);
        assert!(!free.narrowed_by(&free).record_required);
        // Whoever may stop goes on to; nothing is hidden that was not before.
        let strict = CapturePolicy {
            user_may_stop: false,
            mask_indicator: true,
            ..free.clone()
        };
        assert!(free.narrowed_by(&strict).user_may_stop);
        assert!(strict.narrowed_by(&free).user_may_stop);
        assert!(!strict.narrowed_by(&strict).user_may_stop);
        assert!(!strict.narrowed_by(&free).mask_indicator);
        assert!(!free.narrowed_by(&strict).mask_indicator);
    }

    #[test]
    fn frames_may_capture_unless_only_top_level_documents_may() {
        let mut policy = policy(&["*"]);
        assert_eq!(policy.check_nesting(false), Ok(()));
        policy.top_level_only = true;
        assert_eq!(policy.check_nesting(true), Ok(()));
        assert_eq!(policy.check_nesting(false), Err(PolicyRefusal::NotTopLevel));
        assert!(
            PolicyRefusal::NotTopLevel
                .to_string()
                .contains(TOP_LEVEL_ONLY)
        );
    }

    #[test]
    fn nobody_may_capture_where_only_isolated_contexts_may() {
        let mut policy = policy(&["*"]);
        policy.isolated_only = true;
        let refusal = policy.check_all_screens(&origin("https://a.test"));
        assert_eq!(refusal, Err(PolicyRefusal::NotIsolated));
        assert!(
            PolicyRefusal::NotIsolated
                .to_string()
                .contains(ISOLATED_ONLY)
        );
    }

    #[test]
    fn narrowing_never_takes_strictness_away() {
        let free = policy(&["*"]);
        let strict = CapturePolicy {
            top_level_only: true,
            isolated_only: true,
            ..free.clone()
        };
        for both in [free.narrowed_by(&strict), strict.narrowed_by(&free)] {
            assert!(both.top_level_only && both.isolated_only);
        }
        let still_free = free.narrowed_by(&free);
        assert!(!still_free.top_level_only && !still_free.isolated_only);
    }

    #[test]
    fn narrowing_stays_within_the_limit_of_a_list() {
        let hosts: Vec<String> = (0..60).map(|n| format!("host{n}.test")).collect();
        let ports: Vec<String> = (0..60).map(|n| format!("*:{n}")).collect();
        let list = |texts: &[String]| policy(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let both = list(&hosts).narrowed_by(&list(&ports));
        assert_eq!(both.all_screens_allowed_origins.len(), MAX_ALLOWED_ORIGINS);
    }

    fn any_list() -> impl Strategy<Value = Vec<&'static str>> {
        let patterns = vec![
            "*",
            "https://*",
            "*:8443",
            "[*.]a.test",
            "https://[*.]a.test",
            "a.test",
            "b.a.test:443",
            "http://[*.]b.a.test:*",
            "http://127.0.0.1",
            "https://[::1]:8443",
        ];
        proptest::collection::vec(proptest::sample::select(patterns), 0..5)
    }

    proptest! {
        #[test]
        fn a_narrowed_policy_allows_exactly_what_both_allow(older in any_list(), newer in any_list()) {
            let (older, newer) = (policy(&older), policy(&newer));
            let both = older.narrowed_by(&newer);
            for url in [
                "https://a.test", "http://a.test", "https://a.test:8443", "https://b.a.test",
                "http://c.b.a.test", "http://127.0.0.1", "https://[::1]:8443", "https://evila.test",
            ] {
                let origin = origin(url);
                let expected = older.check_all_screens(&origin).is_ok()
                    && newer.check_all_screens(&origin).is_ok();
                prop_assert_eq!(both.check_all_screens(&origin).is_ok(), expected, "{}", url);
            }
        }
    }
}
