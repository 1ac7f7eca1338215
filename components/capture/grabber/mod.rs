/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What reads pixels from a display server.
//!
//! A [`Grabber`] is owned by one thread (`service::engine`) and knows nothing of
//! sessions, pages or pace. Everything above this trait builds and is tested
//! without a display.

use std::fmt;
use std::str::FromStr;

use euclid::Size2D;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, MonitorPixel};

use crate::monitor::{Monitor, MonitorId};

#[cfg(all(test, target_os = "linux"))]
pub(crate) mod alone;
pub mod auto;
pub mod synthetic;
#[cfg(target_os = "linux")]
pub mod x11;
pub mod xcap;

/// Which grabber the administrator or the user asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BackendChoice {
    /// The best that works here; says which and why.
    #[default]
    Auto,
    /// X11 through MIT-SHM.
    X11,
    /// The portable `xcap` library.
    Xcap,
    /// Monitors of known size and picture, without any display.
    Synthetic,
}

impl BackendChoice {
    /// The values that [`FromStr`] knows.
    pub const NAMES: [&str; 4] = ["auto", "x11", "xcap", "synthetic"];
}

impl FromStr for BackendChoice {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Ok(match name {
            "auto" => Self::Auto,
            "x11" => Self::X11,
            "xcap" => Self::Xcap,
            "synthetic" => Self::Synthetic,
            _ => return Err(UnknownBackend(name.to_owned())),
        })
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::X11 => "x11",
            Self::Xcap => "xcap",
            Self::Synthetic => "synthetic",
        })
    }
}

/// No backend has this name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the capture backend must be one of auto, x11, xcap and synthetic, found {0:?}")]
pub struct UnknownBackend(pub String);

/// Why monitors could not be listed or read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GrabError {
    /// There is no display server to talk to, or it lacks what is needed.
    #[error("{0}")]
    NoDisplayServer(String),
    /// The display server has no active monitor.
    #[error("the display server has no active monitor")]
    NoMonitor,
    /// The monitor is not, or no longer, there.
    #[error("{0} is not connected")]
    UnknownMonitor(MonitorId),
    /// The monitor changed its mode or place meanwhile: list the monitors again.
    #[error("{0} changed while it was read")]
    MonitorChanged(MonitorId),
    /// The display server refused to hand out pixels, or handed out nonsense.
    #[error("reading {monitor} failed: {reason}")]
    Unreadable {
        /// Which monitor.
        monitor: MonitorId,
        /// What the display server said.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to the display server broke: {0}")]
    Disconnected(String),
}

impl GrabError {
    /// Whether the same call may succeed if it is made again soon.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::MonitorChanged(_))
    }

    /// Whether the grabber is of no more use and must be made anew.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::NoDisplayServer(_) | Self::Disconnected(_))
    }
}

/// The newest complete picture of a monitor, lent by its grabber until the
/// next call.
#[derive(Debug)]
pub struct Canvas<'a> {
    /// Width and height in device pixels.
    pub size: Size2D<u32, MonitorPixel>,
    /// Bytes from the beginning of one row to the next; at least `4 * width`.
    pub stride_bytes: usize,
    /// Blue, green, red and one undefined byte for each pixel; rows from top
    /// to bottom; at least `stride_bytes * (height - 1) + 4 * width` bytes.
    pub pixels: &'a [u8],
    /// What changed since the previous [`Grabber::grab`] of this monitor.
    pub damage: Damage,
    /// When the pixels were read.
    pub captured_at: CrossProcessInstant,
}

/// Reads pixels from one display server.
pub trait Grabber: Send {
    /// How it reads, for people: `X11 (:0) through MIT-SHM`.
    fn describe(&self) -> String;

    /// All active monitors, in the order of [`Monitor::sort`].
    ///
    /// # Errors
    /// [`GrabError::NoMonitor`] if there is none; otherwise as the display
    /// server fails.
    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError>;

    /// Whether monitors came, went, moved or changed their mode since the last
    /// call of this or of [`Grabber::monitors`]. Does not block.
    ///
    /// # Errors
    /// When the connection broke.
    fn layout_changed(&mut self) -> Result<bool, GrabError>;

    /// Gets ready to grab a monitor: memory, notifications. Opening an open
    /// monitor adapts it to the monitor's present size.
    ///
    /// # Errors
    /// When the monitor is unknown or its memory cannot be had.
    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError>;

    /// Lets go of what [`Grabber::open`] took.
    fn close(&mut self, monitor: MonitorId);

    /// Whether the picture of an open monitor may have changed since it was
    /// grabbed last. A grabber that cannot tell says yes. Does not block.
    ///
    /// # Errors
    /// When the connection broke.
    fn has_damage(&mut self, monitor: MonitorId) -> Result<bool, GrabError>;

    /// Brings the canvas of an open monitor up to date and lends it.
    ///
    /// # Errors
    /// [`GrabError::MonitorChanged`] when the monitor no longer has the place
    /// and size that it was opened with.
    fn grab(&mut self, monitor: MonitorId) -> Result<Canvas<'_>, GrabError>;
}

/// Makes a grabber; called again when the display server was lost.
pub type GrabberFactory = Box<dyn FnMut() -> Result<Box<dyn Grabber>, GrabError> + Send>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_found_by_its_own_name() {
        for name in BackendChoice::NAMES {
            assert_eq!(name.parse::<BackendChoice>().unwrap().to_string(), name);
        }
        assert!("X11".parse::<BackendChoice>().is_err());
    }
}
