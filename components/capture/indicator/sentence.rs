/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator's sentence in the room that a strip has. Pure.

use std::ops::Range;

use super::IndicatorContent;

/// No origin is shown with more characters than this, however wide the monitor.
const LONGEST_ORIGIN: usize = 120;
/// Where an origin would have to be shortened below this, the text gets smaller
/// instead: what is left must tell who captures.
const SHORTEST_ORIGIN: usize = 24;
/// Stands for what was left out.
const ELLIPSIS: char = '…';

/// The sentence in at most `room` characters, if shortening the origins to
/// [`SHORTEST_ORIGIN`] is enough for that; and where the origins are in it.
pub(super) fn fit(content: &IndicatorContent, room: usize) -> (String, Vec<Range<usize>>) {
    let sentence = |longest: usize| {
        let mut content = content.clone();
        for origin in &mut content.origins {
            *origin = shorten(origin, longest);
        }
        (content.text(), content.origins)
    };
    let (text, origins) = (SHORTEST_ORIGIN..=LONGEST_ORIGIN)
        .rev()
        .map(sentence)
        .find(|(text, _)| text.chars().count() <= room)
        .unwrap_or_else(|| sentence(SHORTEST_ORIGIN));
    let mut from = 0;
    let mut ranges = Vec::new();
    for origin in &origins {
        // Origins after the first two are counted, not named.
        if let Some(start) = text[from..].find(origin.as_str()) {
            let range = from + start..from + start + origin.len();
            from = range.end;
            ranges.push(range);
        }
    }
    (text, ranges)
}

/// An origin in at most `longest` characters: its scheme and beginning, an
/// ellipsis, and its end. The end gets the most, as the end of a host says to
/// whom it belongs. Anything but printable ASCII, which no serialized origin
/// holds, is shown as a question mark.
fn shorten(origin: &str, longest: usize) -> String {
    let printable = |character: char| match character {
        ' '..='~' => character,
        _ => '?',
    };
    let characters: Vec<char> = origin.chars().map(printable).collect();
    if characters.len() <= longest {
        return characters.into_iter().collect();
    }
    let scheme = origin
        .find("://")
        .map_or(0, |at| at + 3)
        .min(longest * 2 / 3);
    let kept = longest.saturating_sub(1);
    let head = scheme + kept.saturating_sub(scheme) / 6;
    let tail = characters.len() - kept.saturating_sub(head);
    characters[..head]
        .iter()
        .copied()
        .chain([ELLIPSIS])
        .chain(characters[tail..].iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "https://a-very-long-subdomain.of-another.and-one-more.accounts.example.co.uk:8443";

    #[test]
    fn long_origins_are_shortened_in_the_middle() {
        #[track_caller]
        fn check(origin: &str, longest: usize, expected: &str) {
            let short = shorten(origin, longest);
            assert_eq!(short, expected);
            assert!(short.chars().count() <= longest);
        }
        check("https://a.example", 17, "https://a.example");
        check("https://a.example", 16, "https://a…xample");
        check(LONG, 24, "https://a-…le.co.uk:8443");
        check(LONG, 40, "https://a-ver…ccounts.example.co.uk:8443");
        check(
            "https://accounts.bank.example.evil.example",
            32,
            "https://acc…example.evil.example",
        );
        check(
            "isolated-app://abcdefghijklmnopqrstuvwxyz",
            24,
            "isolated-app://a…tuvwxyz",
        );
        // What a host in another script is serialized to is shown as it is: no
        // letter of it can be taken for another one.
        check(
            "https://xn--80ak6aa92e.example",
            32,
            "https://xn--80ak6aa92e.example",
        );
        check("null", 24, "null");
        check("https://a\u{202e}b\n.example", 24, "https://a?b?.example");
        check("", 24, "");
        for longest in 0..30 {
            assert!(shorten(LONG, longest).chars().count() <= longest.max(1));
        }
    }

    #[test]
    fn origins_are_shortened_only_as_far_as_the_room_demands() {
        #[track_caller]
        fn check(origins: &[&str], room: usize, expected: &str, marked: &[&str]) {
            let content = IndicatorContent {
                origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
                live: true,
                ..IndicatorContent::default()
            };
            let (text, ranges) = fit(&content, room);
            assert_eq!(text, expected);
            let found: Vec<&str> = ranges.into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, marked);
        }
        let a = "https://a.example";
        check(
            &[a],
            100,
            "https://a.example is capturing all screens",
            &[a],
        );
        check(
            &[LONG],
            65,
            "https://a-ver…ccounts.example.co.uk:8443 is capturing all screens",
            &["https://a-ver…ccounts.example.co.uk:8443"],
        );
        // One origin in the other, and more than can be named.
        check(
            &[a, "https://a.example:1"],
            100,
            "https://a.example and https://a.example:1 are capturing all screens",
            &[a, "https://a.example:1"],
        );
        check(
            &[a, "https://b.example", "https://c.example"],
            100,
            "https://a.example and 2 other sites are capturing all screens",
            &[a],
        );
        check(&[], 100, "A page is capturing all screens", &[]);
        // No room at all: what is left of the origin stays.
        check(
            &[LONG],
            0,
            "https://a-…le.co.uk:8443 is capturing all screens",
            &["https://a-…le.co.uk:8443"],
        );
    }
}
