/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record for people: a line for each entry.

use jiff::tz::TimeZone;
use servo_capture::record::{FaultOutcome, RecordEntry, RecordLine, RecordedMonitor};

use super::filter::origin_of;
use crate::output::one_line;

/// The columns' names.
pub const HEADER: &str = "TIME                       EVENT               SESSION       \
                          ORIGIN                            WHAT";

/// One entry. Its session is named with the start of its run, as each run counts from 1.
pub fn row(line: &RecordLine) -> String {
    let time = line.time.to_zoned(TimeZone::system());
    let row = format!(
        "{}  {:<18}  {:<12}  {:<32}  {}",
        time.strftime("%Y-%m-%d %H:%M:%S%:z"),
        event(&line.entry),
        session(line),
        origin_of(&line.entry).unwrap_or("-"),
        what(&line.entry)
    );
    one_line(row.trim_end())
}

/// The name of what happened.
pub fn event(entry: &RecordEntry) -> &'static str {
    match entry {
        RecordEntry::Grant { .. } => "grant",
        RecordEntry::Refusal { .. } => "refusal",
        RecordEntry::Start { .. } => "start",
        RecordEntry::Stop { .. } => "stop",
        RecordEntry::End { .. } => "end",
        RecordEntry::IndicatorFault { .. } => "indicator-fault",
        RecordEntry::IndicatorRestored { .. } => "indicator-restored",
        RecordEntry::PolicyError { .. } => "policy-error",
        RecordEntry::Recovered { .. } => "recovered",
        RecordEntry::Gap { .. } => "gap",
        RecordEntry::PolicyChange { .. } => "policy-change",
    }
}

fn session(line: &RecordLine) -> String {
    let sessions = match &line.entry {
        RecordEntry::Grant { session, .. }
        | RecordEntry::Start { session, .. }
        | RecordEntry::Stop { session, .. }
        | RecordEntry::End { session, .. } => session.to_string(),
        RecordEntry::IndicatorFault { sessions, .. }
        | RecordEntry::IndicatorRestored { sessions } => listed(sessions),
        _ => return "-".to_owned(),
    };
    let mut run = line.run.simple().to_string();
    run.truncate(8);
    format!("{run}/{sessions}")
}

fn listed<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// What happened, as far as its name and its origin do not say it.
pub fn what(entry: &RecordEntry) -> String {
    match entry {
        RecordEntry::Grant { monitors, .. } => {
            listed(&monitors.iter().map(monitor).collect::<Vec<_>>())
        }
        RecordEntry::Refusal { reason, count, .. } if *count > 1 => {
            format!("{reason} (and others, {count} in all)")
        }
        RecordEntry::Start { monitor: of, .. } => monitor(of),
        RecordEntry::Stop {
            monitor: of,
            reason,
            ..
        } => format!("{}: {reason}", monitor(of)),
        RecordEntry::IndicatorFault {
            outcome, reason, ..
        } => match outcome {
            FaultOutcome::Muted => format!("frames withheld: {reason}"),
            FaultOutcome::Ended => format!("captures ended: {reason}"),
        },
        RecordEntry::Refusal { reason, .. }
        | RecordEntry::End { reason, .. }
        | RecordEntry::PolicyError { reason }
        | RecordEntry::PolicyChange { reason } => reason.clone(),
        RecordEntry::IndicatorRestored { .. } => String::new(),
        RecordEntry::Recovered { torn_bytes } => {
            format!("the line before was not completed, {torn_bytes} bytes")
        }
        RecordEntry::Gap { lost, reason, .. } => {
            format!("{lost} entries are missing: {reason}")
        }
    }
}

/// As X11 writes geometries: `DP-1 1920x1080+0+0`.
fn monitor(monitor: &RecordedMonitor) -> String {
    let RecordedMonitor {
        label,
        x,
        y,
        width,
        height,
        ..
    } = monitor;
    format!("{label} {width}x{height}{x:+}{y:+}")
}
