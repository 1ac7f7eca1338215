/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What people are told before the first page loads, where any page may capture
//! (<https://screen-share.github.io/capture-all-screens/#privacy-indicator-requirements>).

use servo_capture::policy::{ListedOrigin, PreferenceLayer};

use crate::config::Configuration;
use crate::information::ADDRESS;

/// How many of those who may capture are named; the information page names all.
const MAX_NAMED: usize = 3;
/// How much of an entry is shown.
const MAX_CHARS: usize = 80;

/// That pages may capture, by whom, and what it means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureWarning {
    /// The fact.
    pub headline: String,
    /// Who may.
    pub who: String,
    /// What it implies.
    pub meaning: String,
}

impl CaptureWarning {
    /// None where nobody may capture.
    pub fn new(configuration: &Configuration) -> Option<Self> {
        if !configuration.policy.allows_anybody() {
            return None;
        }
        let listed = &configuration.listed;
        let mut names: Vec<String> = listed
            .iter()
            .take(MAX_NAMED)
            .map(|entry| shortened(&entry.pattern.to_string()))
            .collect();
        if listed.len() > MAX_NAMED {
            names.push(format!("{} more", listed.len() - MAX_NAMED));
        }
        Some(Self {
            headline: "Pages may capture all your screens".to_owned(),
            who: format!("{} let {} do so.", who_allows(listed), joined(&names)),
            meaning: "They need not ask: they see whatever is on any monitor, other programs \
                      included, at any time from now on. While they do, a strip on each monitor \
                      names them."
                .to_owned(),
        })
    }

    /// One line.
    pub fn line(&self) -> String {
        let Self {
            headline,
            who,
            meaning,
        } = self;
        format!("{headline}. {who} {meaning} ({ADDRESS} tells more.)")
    }
}

fn who_allows(listed: &[ListedOrigin]) -> &'static str {
    match listed.first().map(|entry| entry.layer) {
        Some(PreferenceLayer::Managed) => "Your administrator's preferences",
        Some(PreferenceLayer::User) => "Your own preferences",
        Some(PreferenceLayer::Shipped) | None => "The preferences of this browser",
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn joined(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Arguments;
    use crate::config;

    fn warning(arguments: &[&str]) -> Option<CaptureWarning> {
        let arguments = [&["captureshell"], arguments].concat();
        let configuration = config::load(&Arguments::parse_from(arguments));
        CaptureWarning::new(&configuration.expect("good preferences"))
    }

    fn allowing(origins: &str) -> String {
        format!("dom_screen_capture_all_screens_allowed_origins={origins}")
    }

    #[test]
    fn nobody_is_warned_of_nothing() {
        assert_eq!(warning(&[]), None);
        assert_eq!(warning(&["--pref", &allowing("[]")]), None);
        let all = allowing("[\"*\"]");
        let off = "dom_screen_capture_all_screens_enabled=false";
        assert_eq!(warning(&["--pref", &all, "--pref", off]), None);
    }

    #[test]
    fn the_warning_says_who_may_and_who_has_allowed_it() {
        let check = |origins: &str, expected: &str| {
            let warning = warning(&["--pref", &allowing(origins)]).unwrap();
            assert_eq!(warning.who, expected);
            assert!(warning.line().contains(expected));
            assert!(!warning.line().contains('\n'));
        };
        check(
            "[\"https://a.example\"]",
            "Your own preferences let https://a.example do so.",
        );
        check(
            "[\"a.example\", \"b.example\"]",
            "Your own preferences let a.example and b.example do so.",
        );
        check(
            "[\"a\", \"b\", \"c\", \"d\", \"e\"]",
            "Your own preferences let a, b, c and 2 more do so.",
        );
    }
}
