/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is captured now, as the desktop is told.

use jiff::Zoned;

use crate::core::CaptureNotice;
use crate::indicator::readable;

/// How many captures are named; the others are counted.
const MAX_NAMED: usize = 4;
/// How much of an origin is shown. Longer hosts do not exist in DNS.
const MAX_ORIGIN: usize = 300;

/// One granted call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LiveCapture {
    /// The page's origin, serialized.
    pub(crate) origin: String,
    /// How many monitors it was granted.
    pub(crate) monitors: usize,
    /// When it was granted.
    pub(crate) since: Zoned,
}

impl LiveCapture {
    /// One line for people.
    pub(crate) fn sentence(&self) -> String {
        let monitors = match self.monitors {
            1 => "1 monitor".to_owned(),
            count => format!("{count} monitors"),
        };
        let since = self.since.strftime("%H:%M");
        format!("{} captures {monitors} since {since}", plain(&self.origin))
    }
}

/// The origin as on the indicator. What no serialized origin holds is shown as a
/// question mark, markup included.
fn plain(origin: &str) -> String {
    let shown = |character| match character {
        '<' | '>' | '&' => '?',
        _ => character,
    };
    let origin = readable(origin);
    origin.chars().map(shown).take(MAX_ORIGIN).collect()
}

/// One line for each capture, the oldest first, and one for those that have no
/// room.
pub(crate) fn sentences(captures: &[LiveCapture]) -> Vec<String> {
    let mut lines: Vec<String> = captures
        .iter()
        .take(MAX_NAMED)
        .map(LiveCapture::sentence)
        .collect();
    if captures.len() > MAX_NAMED {
        lines.push(format!("and {} more", captures.len() - MAX_NAMED));
    }
    lines
}

/// The captures that are live, kept from what the shell is told.
#[derive(Debug, Default)]
pub(crate) struct LiveCaptures(Vec<LiveCapture>);

impl LiveCaptures {
    /// The oldest first.
    pub(crate) fn all(&self) -> &[LiveCapture] {
        &self.0
    }

    /// Whether the notice changed them.
    pub(crate) fn notice(&mut self, notice: &CaptureNotice) -> bool {
        match notice {
            CaptureNotice::Started { origin, monitors } => {
                self.0.push(LiveCapture {
                    origin: origin.clone(),
                    monitors: *monitors,
                    since: Zoned::now(),
                });
                true
            }
            CaptureNotice::Stopped { origin } => {
                let place = self.0.iter().position(|live| live.origin == *origin);
                place.map(|place| self.0.remove(place)).is_some()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn started(origin: &str, monitors: usize) -> CaptureNotice {
        CaptureNotice::Started {
            origin: origin.to_owned(),
            monitors,
        }
    }

    fn stopped(origin: &str) -> CaptureNotice {
        CaptureNotice::Stopped {
            origin: origin.to_owned(),
        }
    }

    #[test]
    fn a_capture_is_live_from_its_start_to_its_stop() {
        let mut live = LiveCaptures::default();
        assert!(live.notice(&started("https://a.example", 2)));
        assert!(live.notice(&started("https://a.example", 2)));
        assert!(live.notice(&started("https://b.example", 1)));
        assert!(live.notice(&stopped("https://a.example")));
        let origins: Vec<_> = live.all().iter().map(|live| live.origin.as_str()).collect();
        assert_eq!(origins, ["https://a.example", "https://b.example"]);
        assert!(!live.notice(&stopped("https://c.example")));
    }

    #[test]
    fn nobody_is_named_with_markup_and_many_are_counted() {
        let since = "2026-03-01T14:05[UTC]".parse::<Zoned>().unwrap();
        let capture = |origin: &str| LiveCapture {
            origin: origin.to_owned(),
            monitors: 3,
            since: since.clone(),
        };
        let captures: Vec<_> = (0..6).map(|_| capture("https://<b>\u{202e}")).collect();
        let lines = sentences(&captures);
        assert_eq!(lines[0], "https://?b?? captures 3 monitors since 14:05");
        assert_eq!(lines.len(), MAX_NAMED + 1);
        assert_eq!(lines[MAX_NAMED], "and 2 more");
    }
}
