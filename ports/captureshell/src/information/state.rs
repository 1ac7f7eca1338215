/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the information page shows, as JSON.

use std::time::Instant;

use serde::Serialize;
use servo_capture::policy::{OriginPattern, PreferenceLayer};
use servo_capture::{CaptureStatus, OngoingCapture};
use url::{Origin, Url};

use super::facts::Preferences;
use crate::record::tail::{self, Row};

/// Everything that the page shows. The names are those of `resources/pages/capture.js`.
#[derive(Debug, Serialize)]
pub struct State {
    /// Whether anybody may capture.
    pub enabled: bool,
    /// Whether the user may stop and revoke.
    pub may_stop: bool,
    /// Why nothing can be captured for now.
    pub locked: Option<String>,
    /// Who may capture.
    pub allowed: Vec<Allowed>,
    /// What the user has revoked.
    pub revoked: Vec<String>,
    /// What the preferences allow from the next start on.
    pub next_start: Vec<Place>,
    /// What is captured.
    pub captures: Vec<Capture>,
    /// What is wrong with the preferences.
    pub problems: Vec<String>,
    /// What was captured.
    pub record: Record,
}

/// One entry of the list.
#[derive(Debug, Serialize)]
pub struct Allowed {
    #[serde(flatten)]
    place: Place,
    revoked: bool,
}

/// A pattern and where it stands.
#[derive(Debug, Serialize)]
pub struct Place {
    pattern: String,
    meaning: String,
    layer: &'static str,
    location: String,
}

/// A capture.
#[derive(Debug, Serialize)]
pub struct Capture {
    /// As text: JSON's numbers are not exact.
    session: String,
    origin: String,
    /// The origin and no other, as a pattern; none where it is no tuple origin.
    pattern: Option<String>,
    /// Milliseconds since the grant; none while it waits.
    age: Option<u64>,
    monitors: Vec<Monitor>,
}

#[derive(Debug, Serialize)]
struct Monitor {
    label: String,
    width: u32,
    height: u32,
    muted: bool,
}

/// The record.
#[derive(Debug, Serialize)]
pub struct Record {
    enabled: bool,
    required: bool,
    directory: Option<String>,
    rows: Vec<Row>,
    problem: Option<String>,
}

impl State {
    /// What is to be shown now.
    pub fn new(status: &CaptureStatus, preferences: &Preferences, now: Instant) -> Self {
        let overview = &status.overview;
        let policy = &overview.policy;
        let running = &policy.all_screens_allowed_origins;
        let capture = |capture: &OngoingCapture| Capture {
            session: capture.session.0.to_string(),
            origin: capture.origin.clone(),
            pattern: exact_pattern(&capture.origin),
            age: status
                .age(capture, now)
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            monitors: capture
                .monitors
                .iter()
                .map(|monitor| Monitor {
                    label: monitor.label.clone(),
                    width: monitor.size.width,
                    height: monitor.size.height,
                    muted: monitor.is_muted,
                })
                .collect(),
        };
        let listed = preferences.latest.iter();
        let next_start = listed.filter(|entry| !running.contains(&entry.pattern));
        Self {
            enabled: policy.all_screens_enabled,
            may_stop: policy.user_may_stop,
            locked: overview.locked.map(|reason| reason.to_string()),
            allowed: running
                .iter()
                .map(|pattern| Allowed {
                    place: place(pattern, preferences),
                    revoked: policy.revoked_origins.contains(pattern),
                })
                .collect(),
            revoked: policy
                .revoked_origins
                .iter()
                .map(ToString::to_string)
                .collect(),
            next_start: next_start
                .map(|entry| {
                    let location = entry.location.to_string();
                    Place::new(&entry.pattern, layer(entry.layer), location)
                })
                .collect(),
            captures: overview.captures.iter().map(capture).collect(),
            problems: preferences.problems.clone(),
            record: Record::new(preferences, policy.record_required),
        }
    }
}

impl Place {
    fn new(pattern: &OriginPattern, layer: &'static str, location: String) -> Self {
        Self {
            pattern: pattern.to_string(),
            meaning: pattern.meaning(),
            layer,
            location,
        }
    }
}

fn place(pattern: &OriginPattern, preferences: &Preferences) -> Place {
    let mut listed = preferences.at_start.iter();
    match listed.find(|entry| entry.pattern == *pattern) {
        Some(entry) => Place::new(pattern, layer(entry.layer), entry.location.to_string()),
        // Neither list has it: it is what both allow.
        None => Place::new(pattern, "narrowed", String::new()),
    }
}

fn layer(layer: PreferenceLayer) -> &'static str {
    match layer {
        PreferenceLayer::Shipped => "shipped",
        PreferenceLayer::User => "user",
        PreferenceLayer::Managed => "managed",
    }
}

/// A pattern without a port means every port.
fn exact_pattern(origin: &str) -> Option<String> {
    match Url::parse(origin).ok()?.origin() {
        Origin::Tuple(scheme, host, port) => Some(format!("{scheme}://{host}:{port}")),
        Origin::Opaque(_) => None,
    }
}

impl Record {
    fn new(preferences: &Preferences, required: bool) -> Self {
        let enabled = preferences.record.enabled || required;
        let mut record = Self {
            enabled,
            required,
            directory: None,
            rows: Vec::new(),
            problem: None,
        };
        match preferences.record.place() {
            // What was recorded before it was turned off is still shown.
            Ok(directory) => {
                match tail::newest(&directory) {
                    Ok(rows) => record.rows = rows,
                    Err(error) => record.problem = Some(error.to_string()),
                }
                record.directory = Some(directory.display().to_string());
            }
            Err(error) => record.problem = enabled.then(|| error.to_string()),
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_of_an_origin_names_it_and_no_other_port() {
        let check = |origin: &str, expected: Option<&str>| {
            let pattern = exact_pattern(origin);
            assert_eq!(pattern.as_deref(), expected);
            if let Some(pattern) = pattern {
                let pattern: OriginPattern = pattern.parse().unwrap();
                assert!(pattern.matches(&Url::parse(origin).unwrap().origin()));
            }
        };
        check("https://wall.example", Some("https://wall.example:443"));
        check("http://[::1]:8080", Some("http://[::1]:8080"));
        check("null", None);
    }
}
