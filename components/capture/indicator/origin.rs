/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! An origin as people read it. Pure.
//!
//! A host in another script is serialized in ASCII (`xn--…`). It is shown in its own
//! letters where nobody can take them for others, label by label: one script
//! alone, no letter that [UTS #39](https://www.unicode.org/reports/tr39/) advises
//! against, and not to be confused with a label in ASCII. In any other case it is
//! shown as it is serialized.

use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

/// What a label begins with that stands for one in another script.
const ENCODED: &str = "xn--";

/// The origin for people. Anything but printable ASCII, which no serialized
/// origin holds, becomes a question mark first.
pub(crate) fn readable(origin: &str) -> String {
    let printable = |character: char| match character {
        ' '..='~' => character,
        _ => '?',
    };
    let origin: String = origin.chars().map(printable).collect();
    let labels: Vec<String> = origin.split('.').map(label).collect();
    labels.join(".")
}

/// A part of an origin between two dots: with the scheme at the first one's
/// beginning, and the port at the last one's end.
fn label(part: &str) -> String {
    let (before, rest) = match part.rfind('/') {
        Some(at) => part.split_at(at + 1),
        None => ("", part),
    };
    let (name, after) = match rest.find(':') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    match decoded(name) {
        Some(name) => format!("{before}{name}{after}"),
        None => part.to_owned(),
    }
}

/// A label in its own letters, if it can be shown in them.
fn decoded(label: &str) -> Option<String> {
    if !label.starts_with(ENCODED) {
        return None;
    }
    let (decoded, valid) = idna::domain_to_unicode(label);
    valid.ok()?;
    let is_shown = decoded.chars().all(is_drawn)
        && decoded.check_restriction_level(RestrictionLevel::SingleScript)
        && !skeleton(&decoded).all(|character| character.is_ascii());
    is_shown.then_some(decoded)
}

/// Whether the strip's font has the letter, and in one direction with the rest
/// of the sentence: those of Latin, Greek and Cyrillic scripts in use today.
fn is_drawn(character: char) -> bool {
    matches!(character,
        'a'..='z' | '0'..='9' | '-' | '\u{df}'..='\u{17e}' | '\u{3ac}'..='\u{3ce}'
        | '\u{430}'..='\u{45f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, expected: &str) {
        assert_eq!(readable(origin), expected);
    }

    #[test]
    fn a_name_in_one_script_is_shown_in_its_letters() {
        check("https://xn--bcher-kva.example", "https://bücher.example");
        check(
            "https://www.xn--bcher-kva.xn--e1afmkfd.xn--p1ai:8443",
            "https://www.bücher.пример.рф:8443",
        );
        check(
            "https://xn--hxajbheg2az3al.example",
            "https://παράδειγμα.example",
        );
        check("http://xn--d1acpjx3f:80", "http://яндекс:80");
    }

    #[test]
    fn a_name_that_can_be_taken_for_another_is_shown_as_it_is_serialized() {
        for origin in [
            // Cyrillic letters alone, which look like "apple".
            "https://xn--80ak6aa92e.example",
            // "аmazon" and "gооgle" with Cyrillic letters among the Latin ones.
            "https://xn--mazon-3ve.example",
            "https://xn--ggle-55da.example",
            // A dotless i, a ligature.
            "https://xn--paypa-r4a.example",
            "https://xn--uvre-f4a.example",
            // Scripts that the font does not have, or from right to left.
            "https://xn--fsqu00a.example",
            "https://xn--mgbh0fb.example",
            "https://xn--4dbrk0ce.example",
            // Not valid, or nothing encoded.
            "https://xn--.example",
            "https://xn--a.example",
            "https://xn--99999999999.example",
            "https://xn-bcher-kva.example",
            "https://a.example:8443",
            "http://127.0.0.1",
            "http://[2001:db8::1]:8443",
            "null",
            "",
        ] {
            check(origin, origin);
        }
    }

    #[test]
    fn what_no_serialized_origin_holds_is_a_question_mark() {
        check("https://a\u{202e}b\n.example", "https://a?b?.example");
        check("https://bücher.example", "https://b?cher.example");
    }
}
