/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator's sentence in the room that a strip has. Pure.

use std::ops::Range;

use super::{IndicatorContent, readable};

/// No origin is shown with more characters than this, however wide the monitor.
const LONGEST_ORIGIN: usize = 120;
/// Where an origin would have to be shortened below this, or below what tells
/// whose it is, the text gets smaller instead.
const SHORTEST_ORIGIN: usize = 24;
/// The most characters of an origin for which the text gets smaller.
const LONGEST_OWNER: usize = 60;
/// So many labels at the end of a host hold the name that somebody has
/// registered: no registry's suffix that matters has more than two.
const OWNER_LABELS: usize = 3;
/// Stands for what was left out.
const ELLIPSIS: char = '…';

/// The sentence in at most `room` characters, if shortening the origins to
/// [`SHORTEST_ORIGIN`] is enough for that; and where the origins are in it.
pub(super) fn fit(content: &IndicatorContent, room: usize) -> (String, Vec<Range<usize>>) {
    let mut readable_content = content.clone();
    for origin in &mut readable_content.origins {
        *origin = readable(origin);
    }
    let sentence = |longest: usize| {
        let mut content = readable_content.clone();
        for origin in &mut content.origins {
            *origin = shorten(origin, longest.max(needed(origin)));
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

/// Where the host begins in an origin: all before it is ASCII.
fn host_start(origin: &str) -> usize {
    origin.find("://").map_or(0, |at| at + 3)
}

/// How many characters at the end of an origin tell to whom it belongs: the last
/// labels of its host, and the port.
fn owner_length(origin: &str) -> usize {
    let host = origin.get(host_start(origin)..).unwrap_or(origin);
    let dots = host.rmatch_indices('.');
    let start = dots.map(|(at, _)| at + 1).nth(OWNER_LABELS - 1);
    let owner = host.get(start.unwrap_or(0)..).unwrap_or(host);
    owner.chars().count()
}

/// How many characters an origin needs at least.
fn needed(origin: &str) -> usize {
    let owner = host_start(origin) + 1 + owner_length(origin);
    owner.min(LONGEST_OWNER)
}

/// An origin in at most `longest` characters: its scheme and beginning, an
/// ellipsis, and its end. The end gets the most, as the end of a host says to
/// whom it belongs.
fn shorten(origin: &str, longest: usize) -> String {
    let characters: Vec<char> = origin.chars().collect();
    if characters.len() <= longest {
        return characters.into_iter().collect();
    }
    let scheme = host_start(origin).min(longest * 2 / 3);
    let kept = longest.saturating_sub(1);
    let room = kept.saturating_sub(scheme);
    let head = scheme + (room / 6).min(room.saturating_sub(owner_length(origin)));
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
        check("https://a.example", 16, "https://…example");
        check(LONG, 24, "https://…mple.co.uk:8443");
        check(LONG, 40, "https://a-ver…ccounts.example.co.uk:8443");
        check(
            "https://accounts.bank.example.evil.example",
            32,
            "https://acc…example.evil.example",
        );
        check(
            "isolated-app://abcdefghijklmnopqrstuvwxyz",
            24,
            "isolated-app://…stuvwxyz",
        );
        check(
            "https://ä-very-long-one.пример.рф",
            24,
            "https://…g-one.пример.рф",
        );
        check("null", 24, "null");
        check("", 24, "");
        for longest in 0..30 {
            assert!(shorten(LONG, longest).chars().count() <= longest.max(1));
        }
    }

    #[test]
    fn the_end_of_a_host_that_tells_whose_it_is_is_never_cut() {
        #[track_caller]
        fn check(origin: &str, owner: &str) {
            let content = IndicatorContent {
                origins: vec![origin.to_owned(); 2],
                live: true,
                ..IndicatorContent::default()
            };
            for room in 0..300 {
                let (text, ranges) = fit(&content, room);
                for range in ranges {
                    assert!(text[range].ends_with(owner), "{room}: {text}");
                }
            }
        }
        check(LONG, "example.co.uk:8443");
        check(
            "https://bank.example.accounts.login.evil.example",
            "login.evil.example",
        );
        check("https://a.example", "https://a.example");
        check("http://127.0.0.1:8080", "0.0.1:8080");
        check("https://[2001:db8::1]:8443", "[2001:db8::1]:8443");
        let label = "x".repeat(63);
        let owner = format!("{}.example", &label[20..]);
        check(&format!("https://{label}.example"), &owner);
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
        check(
            &[
                "https://xn--bcher-kva.example",
                "https://xn--80ak6aa92e.example",
            ],
            200,
            "https://bücher.example and https://xn--80ak6aa92e.example are capturing all screens",
            &["https://bücher.example", "https://xn--80ak6aa92e.example"],
        );
        check(&[], 100, "A page is capturing all screens", &[]);
        // No room at all: what is left of the origin stays.
        check(
            &[LONG],
            0,
            "https://…example.co.uk:8443 is capturing all screens",
            &["https://…example.co.uk:8443"],
        );
    }
}
