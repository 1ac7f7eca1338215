/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What an entry says, and its form in the file.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use servo_capture_traits::CaptureError;
use uuid::Uuid;

use super::RecordError;
use crate::monitor::Monitor;

/// The number that [`RecordLine::v`] has. It changes when a reader of the
/// present form would misunderstand the new one; new fields and events do not
/// change it.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The most bytes of a line. Far more than an entry of 1024 monitors has.
pub(super) const MAX_LINE_BYTES: usize = 1024 * 1024;

/// The most characters of a text in an entry. Origins and reasons may come from
/// a page's process.
const MAX_TEXT_CHARS: usize = 512;

/// One line of the record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordLine {
    /// The version of the form: 1.
    pub v: u32,
    /// When it was written, by the wall clock, in UTC (RFC 3339).
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub time: Timestamp,
    /// Which start of the capture service wrote it. Sessions and `uptime_us`
    /// mean something only within one run.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    pub run: Uuid,
    /// Microseconds since the run began, by a clock that nobody can set.
    pub uptime_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: RecordEntry,
}

/// What happened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RecordEntry {
    /// A page may capture. Written before the page hears of it.
    Grant {
        /// The session that begins.
        session: u64,
        /// The page's origin, in ASCII.
        origin: String,
        /// What the page called.
        api: RecordedApi,
        /// What it may capture.
        monitors: Vec<RecordedMonitor>,
        /// When the indicator was confirmed on all of these monitors, in
        /// microseconds since the run began.
        indicator_confirmed_us: u64,
    },
    /// A page asked in vain.
    Refusal {
        /// The origin that the page's process gave; `null` if it is opaque.
        origin: String,
        /// What the page called.
        api: RecordedApi,
        /// What kind of refusal it was.
        kind: RefusalKind,
        /// Why, in words.
        reason: String,
        /// How many refusals this entry stands for: a page that is refused often
        /// gets one entry for many, with the last one's origin and reason.
        count: u64,
    },
    /// The frames of a monitor begin. Written before the first of them.
    Start {
        /// Of which session.
        session: u64,
        /// The page's origin, in ASCII.
        origin: String,
        /// Which monitor, as it is now.
        monitor: RecordedMonitor,
    },
    /// The frames of a monitor have ended.
    Stop {
        /// Of which session.
        session: u64,
        /// The page's origin, in ASCII.
        origin: String,
        /// Which monitor, as it was last.
        monitor: RecordedMonitor,
        /// Why, in words.
        reason: String,
    },
    /// A session is over; its page may capture no more.
    End {
        /// Which session.
        session: u64,
        /// The page's origin, in ASCII.
        origin: String,
        /// Why, in words.
        reason: String,
    },
    /// The indicator was not to be seen, or could not be shown.
    IndicatorFault {
        /// The sessions that it concerns.
        sessions: Vec<u64>,
        /// What became of them.
        outcome: FaultOutcome,
        /// What happened, in words.
        reason: String,
    },
    /// The indicator was confirmed again after a fault.
    IndicatorRestored {
        /// The sessions that it concerns.
        sessions: Vec<u64>,
    },
    /// Something is wrong with the preferences.
    PolicyError {
        /// What, in words, with file, line and column.
        reason: String,
    },
    /// The line before this one was not completed, as a browser or the machine
    /// crashed or the disk was full: what it tells of did not come to pass.
    Recovered {
        /// How many bytes that line has.
        torn_bytes: u64,
    },
    /// Entries are missing here, because they could not be written.
    Gap {
        /// How many.
        lost: u64,
        /// Since when, in microseconds since the run began.
        since_us: u64,
        /// Why the first of them could not be written, in words.
        reason: String,
    },
    /// Less is allowed from here on: the user has revoked a permission, or the
    /// preferences were read again.
    PolicyChange {
        /// Which of these, in words.
        reason: String,
    },
}

/// What a page called.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RecordedApi {
    /// <https://screen-share.github.io/capture-all-screens/#dom-mediadevices-getallscreensmedia>
    #[serde(rename = "getAllScreensMedia")]
    GetAllScreensMedia,
}

/// What became of captures without an indicator.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FaultOutcome {
    /// No frame leaves until the indicator is confirmed again.
    Muted,
    /// They have ended.
    Ended,
}

/// The kinds of refusals, one for each [`CaptureError`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// The policy does not allow it, or the record that it requires cannot be written.
    Policy,
    /// The platform cannot capture.
    Platform,
    /// The indicator could not be shown.
    Indicator,
    /// A monitor could not be read.
    Unreadable,
    /// The document was left or closed.
    InactiveDocument,
    /// The request named what is another's.
    BadRequest,
    /// A limit.
    TooMany,
    /// Any other failure.
    Aborted,
    /// The page's process claimed what the browser does not vouch for.
    Unvouched,
}

impl From<&CaptureError> for RefusalKind {
    fn from(error: &CaptureError) -> Self {
        match error {
            CaptureError::RefusedByPolicy(_) => Self::Policy,
            CaptureError::PlatformLimitation(_) => Self::Platform,
            CaptureError::NoIndicator(_) => Self::Indicator,
            CaptureError::NotReadable(_) => Self::Unreadable,
            CaptureError::DocumentInactive => Self::InactiveDocument,
            CaptureError::BadRequest(_) => Self::BadRequest,
            CaptureError::TooMany { .. } => Self::TooMany,
            CaptureError::Aborted(_) => Self::Aborted,
            CaptureError::Unvouched(_) => Self::Unvouched,
        }
    }
}

/// A monitor as people know it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordedMonitor {
    /// The model's name, or the connector's.
    pub label: String,
    /// Its left edge on the desktop, in device pixels.
    pub x: i32,
    /// Its upper edge on the desktop, in device pixels.
    pub y: i32,
    /// In device pixels.
    pub width: u32,
    /// In device pixels.
    pub height: u32,
    /// Device pixels per CSS pixel.
    pub scale: f32,
}

impl From<&Monitor> for RecordedMonitor {
    fn from(monitor: &Monitor) -> Self {
        let size = monitor.size();
        Self {
            label: shortened(&monitor.label),
            x: monitor.bounds.min.x,
            y: monitor.bounds.min.y,
            width: size.width,
            height: size.height,
            // JSON has no other numbers.
            scale: if monitor.scale.is_finite() {
                monitor.scale
            } else {
                1.0
            },
        }
    }
}

/// What an entry keeps of a text.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// When an entry was written, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) time: Timestamp,
    pub(super) run: Uuid,
    pub(super) uptime: Duration,
}

impl Stamp {
    /// The bytes of the line with its newline.
    pub(super) fn line(self, entry: &RecordEntry) -> Result<Vec<u8>, RecordError> {
        let line = RecordLine {
            v: FORMAT_VERSION,
            time: Timestamp::from_microsecond(self.time.as_microsecond()).unwrap_or(self.time),
            run: self.run,
            uptime_us: microseconds(self.uptime),
            entry: entry.clone(),
        };
        let mut bytes = serde_json::to_vec(&line)
            .map_err(|error| RecordError::file("write an entry to", "")(error.into()))?;
        bytes.push(b'\n');
        if bytes.len() > MAX_LINE_BYTES {
            return Err(RecordError::TooLong {
                length: bytes.len(),
                limit: MAX_LINE_BYTES,
            });
        }
        Ok(bytes)
    }
}

/// A time of the record's clock.
pub(crate) fn microseconds(uptime: Duration) -> u64 {
    u64::try_from(uptime.as_micros()).unwrap_or(u64::MAX)
}
