/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the shell is told, for people.

use std::fmt;

use super::LockReason;

/// One thing that happened. [`fmt::Display`] gives the sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CaptureNotice {
    /// Which grabber is used, and why.
    Backend {
        /// One sentence.
        explanation: String,
    },
    /// A page began to capture.
    Started {
        /// The page's origin.
        origin: String,
        /// How many monitors.
        monitors: usize,
    },
    /// A page's capture ended.
    Stopped {
        /// The page's origin.
        origin: String,
    },
    /// A page asked in vain.
    Refused {
        /// The page's origin.
        origin: String,
        /// Why.
        reason: String,
    },
    /// Captures, or calls for one, ended because the session was locked.
    Locked {
        /// What locked it.
        reason: LockReason,
        /// How many ended.
        captures: usize,
    },
    /// The user wants to know what is captured, by whom and since when.
    ShowInformation,
    /// Something of the service failed.
    Fault {
        /// What happened.
        reason: String,
    },
    /// The user has taken a permission away.
    Revoked {
        /// Whose.
        pattern: String,
    },
    /// Preferences that were read again allow less.
    Narrowed,
}

impl fmt::Display for CaptureNotice {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Backend { explanation } => write!(formatter, "screen capture: {explanation}"),
            Self::Started {
                origin,
                monitors: 1,
            } => {
                write!(formatter, "{origin} captures 1 monitor")
            }
            Self::Started { origin, monitors } => {
                write!(formatter, "{origin} captures {monitors} monitors")
            }
            Self::Stopped { origin } => write!(formatter, "{origin} has stopped capturing"),
            Self::Refused { origin, reason } => {
                write!(formatter, "{origin} may not capture the screens: {reason}")
            }
            Self::Locked { reason, captures } => {
                write!(formatter, "{reason}: {captures} screen captures ended")
            }
            Self::ShowInformation => formatter.write_str("the user asks what is captured"),
            Self::Fault { reason } => write!(formatter, "screen capture: {reason}"),
            Self::Revoked { pattern } => {
                write!(
                    formatter,
                    "{pattern} may not capture any more: revoked by the user"
                )
            }
            Self::Narrowed => {
                formatter.write_str("the preferences were read again: fewer pages may capture now")
            }
        }
    }
}
