/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which entries to print.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use servo_capture::policy::{OriginPattern, PatternError};
use servo_capture::record::{RecordEntry, RecordLine};
use url::Url;

/// Takes an entry if all that is set takes it.
pub struct Filter<'a> {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Any of them; all when there are none.
    pub origins: &'a [OriginFilter],
}

impl Filter<'_> {
    pub fn takes(&self, line: &RecordLine) -> bool {
        self.since.is_none_or(|since| line.time >= since)
            && self.until.is_none_or(|until| line.time < until)
            && (self.origins.is_empty()
                || origin_of(&line.entry)
                    .is_some_and(|origin| self.origins.iter().any(|filter| filter.takes(origin))))
    }
}

/// The origin that an entry concerns, if it concerns one.
pub fn origin_of(entry: &RecordEntry) -> Option<&str> {
    match entry {
        RecordEntry::Grant { origin, .. }
        | RecordEntry::Refusal { origin, .. }
        | RecordEntry::Start { origin, .. }
        | RecordEntry::Stop { origin, .. }
        | RecordEntry::End { origin, .. } => Some(origin),
        RecordEntry::IndicatorFault { .. }
        | RecordEntry::IndicatorRestored { .. }
        | RecordEntry::PolicyError { .. }
        | RecordEntry::Recovered { .. }
        | RecordEntry::Gap { .. }
        | RecordEntry::PolicyChange { .. } => None,
    }
}

/// Some origins.
#[derive(Clone, Debug)]
pub enum OriginFilter {
    /// Those that a pattern of the preferences names.
    Pattern(OriginPattern),
    /// Opaque ones, which no pattern names.
    Opaque,
}

impl OriginFilter {
    fn takes(&self, origin: &str) -> bool {
        match self {
            Self::Opaque => origin == "null",
            Self::Pattern(pattern) => {
                Url::parse(origin).is_ok_and(|url| pattern.matches(&url.origin()))
            }
        }
    }
}

impl FromStr for OriginFilter {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "null" => Self::Opaque,
            _ => Self::Pattern(text.parse()?),
        })
    }
}

/// Makes a point in time of what somebody typed.
///
/// # Errors
/// Says what is understood.
pub fn point_in_time(text: &str) -> Result<Timestamp, String> {
    point_before(text, &Zoned::now()).ok_or_else(|| {
        "a time is 2026-11-20, 2026-11-20T08:30, 2026-11-20T08:30:00Z, or how long ago, as in 90min, \
         2h or 3 days"
            .to_owned()
    })
}

fn point_before(text: &str, now: &Zoned) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Ok(local) = text.parse::<DateTime>() {
        let zone: &TimeZone = now.time_zone();
        return Some(zone.to_zoned(local).ok()?.timestamp());
    }
    let ago: Span = text.parse().ok()?;
    // "2h ago" is negative already.
    Some(now.checked_sub(ago.abs()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_a_time_of_a_day_or_how_long_ago() {
        let now: Zoned = "2026-11-20T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        let check = |text: &str, expected: &str| {
            let found = point_before(text, &now).map(|time| time.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        };
        check("2026-11-20", "2026-11-19T23:00:00Z");
        check("2026-11-20T08:30", "2026-11-20T07:30:00Z");
        check("2026-11-20 08:30:15", "2026-11-20T07:30:15Z");
        check("2026-11-20T08:30:00Z", "2026-11-20T08:30:00Z");
        check("2026-11-20T08:30:00-05:00", "2026-11-20T13:30:00Z");
        check("2h", "2026-11-20T09:00:00Z");
        check("90min ago", "2026-11-20T09:30:00Z");
        // Over the end of summer time: the same time of the day.
        check("1 month", "2026-10-20T10:00:00Z");
        for text in ["", "soon", "2026", "2026-13-01", "-", "99999999 years"] {
            assert_eq!(point_before(text, &now), None, "{text}");
        }
    }

    #[test]
    fn an_origin_is_asked_for_as_it_is_allowed() {
        let check = |filter: &str, origin: &str, expected: bool| {
            let filter: OriginFilter = filter.parse().unwrap();
            assert_eq!(filter.takes(origin), expected, "{filter:?} {origin}");
        };
        check("https://wall.example", "https://wall.example", true);
        check(
            "https://wall.example:443",
            "https://wall.example:8443",
            false,
        );
        check("[*.]example", "http://a.wall.example", true);
        check("null", "null", true);
        check("*", "null", false);
        assert!("https://".parse::<OriginFilter>().is_err());
    }
}
