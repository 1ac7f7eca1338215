/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What reads pixels from a display server.
//!
//! A [`Grabber`] is owned by one thread (`service::engine`) and knows nothing of
//! sessions, pages or pace. Everything above this trait builds and is tested
//! without a display.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use euclid::{Point2D, Size2D, Vector2D};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel, PictureWriter};

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
    /// X11, through shared memory where it can be had.
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

/// How whoever owns a grabber learns that something happened.
#[derive(Clone, Copy, Debug)]
pub enum WakeBy<'a> {
    /// Readable when something happened.
    #[cfg(unix)]
    Descriptor(std::os::fd::BorrowedFd<'a>),
    /// Readable when something happened.
    #[cfg(windows)]
    Descriptor(std::os::windows::io::BorrowedSocket<'a>),
    /// Nothing tells: look again after so long. [`Duration::ZERO`] where
    /// something happened already that was not asked for yet.
    Period(Duration),
}

/// A picture that a grabber can write: memory, and what the display server
/// knows of it. Dropping it takes the memory back from the display server.
pub struct Picture {
    /// The pixels. Nobody reads them while they are read from the display
    /// server, nor ever again after [`Grabber::read`] failed as a whole.
    pub writer: PictureWriter,
    /// What it shows.
    pub monitor: MonitorId,
    /// Width and height of the monitor when the picture was made.
    pub size: Size2D<u32, MonitorPixel>,
    attachment: Option<Box<dyn Any + Send>>,
}

impl Picture {
    /// A picture for `monitor`; `attachment` is what its grabber has to know
    /// of it, and takes the memory back from the display server when dropped.
    pub fn new(
        writer: PictureWriter,
        monitor: MonitorId,
        size: Size2D<u32, MonitorPixel>,
        attachment: Option<Box<dyn Any + Send>>,
    ) -> Self {
        Self {
            writer,
            monitor,
            size,
            attachment,
        }
    }

    /// What the grabber that made it attached, where that is a `T`.
    pub fn attachment<T: Any>(&self) -> Option<&T> {
        self.attachment.as_deref()?.downcast_ref()
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Picture")
            .field("monitor", &self.monitor)
            .field("size", &self.size)
            .field("is_attached", &self.attachment.is_some())
            .finish_non_exhaustive()
    }
}

/// One picture of a [`Grabber::read`].
#[derive(Debug)]
pub struct Read<'a> {
    /// What is brought up to date.
    pub picture: &'a mut Picture,
    /// The parts of it that are stale.
    pub parts: &'a Damage,
    /// Out: what was drawn since [`Grabber::take_damage`] and had to be read
    /// besides `parts`, because the picture would have been torn without. The
    /// same for all pictures of a monitor in one call; `take_damage` does not
    /// tell it again, so that it is damage of the frame made of this picture
    /// and makes all pictures of the monitor stale that were not read.
    pub more: Damage,
}

impl<'a> Read<'a> {
    /// Asks for these parts.
    pub fn new(picture: &'a mut Picture, parts: &'a Damage) -> Self {
        Self {
            picture,
            parts,
            more: Damage::nothing(),
        }
    }
}

/// Rows of one monitor in a [`Grabber::read_many_rows`].
#[derive(Debug)]
pub struct RowsRead<'a> {
    /// Which monitor, open.
    pub monitor: MonitorId,
    /// Counted from its top.
    pub rows: Range<u32>,
    /// Out: as [`Grabber::read_rows`] gives them.
    pub into: &'a mut Vec<u8>,
}

/// What the pointer looks like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PointerShape {
    /// Another one for each other picture.
    pub serial: u64,
    /// Width and height of the picture; both zero where it is invisible.
    pub size: Size2D<u32, MonitorPixel>,
    /// The pixel of the picture that lies at the pointer's position.
    pub hot_spot: Vector2D<i32, MonitorPixel>,
    /// Blue, green, red and alpha, the colors multiplied by alpha; rows from
    /// top to bottom without padding.
    pub pixels: Vec<u8>,
}

/// The pointer of a mouse, pen or touchpad.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointer {
    /// Where its hot spot is on the desktop.
    pub position: Point2D<i32, DesktopPixel>,
    /// What it looks like; the same `Arc` while the shape stays.
    pub shape: Arc<PointerShape>,
}

/// Reads pixels from one display server.
///
/// Whoever owns one waits for [`Grabber::wakes_by`] and then asks
/// [`Grabber::layout_changed`], [`Grabber::take_damage`] and, where it watches
/// it, [`Grabber::pointer`].
pub trait Grabber: Send {
    /// How it reads, for people, with everything that is slower than it might
    /// be: `X11 (:0) through MIT-SHM pixmaps`.
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

    /// Starts to watch a monitor. Opening an open monitor adapts it to the
    /// monitor's present place and size. One row is read, into memory that
    /// nobody else has, so that a monitor that cannot be read fails here.
    ///
    /// # Errors
    /// When the monitor is unknown or cannot be read.
    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError>;

    /// Lets go of what [`Grabber::open`] took. Pictures of the monitor go on
    /// existing, but cannot be read into.
    fn close(&mut self, monitor: MonitorId);

    /// How to learn that something happened. What it says holds until the next
    /// call of another function: ask before each wait.
    fn wakes_by(&self) -> WakeBy<'_>;

    /// Whether damage of this monitor is told at all; where it is not, whoever
    /// wants to know compares pictures.
    fn tells_damage(&self, monitor: MonitorId) -> bool;

    /// Tells what was drawn on each open monitor since this was called last, or
    /// since the monitor was opened, as exactly as it is known. Waits no longer than for one answer of the
    /// display server, and for none where it notified nothing.
    ///
    /// # Errors
    /// When the connection broke.
    fn take_damage(&mut self, told: &mut dyn FnMut(MonitorId, Damage)) -> Result<(), GrabError>;

    /// Memory for pictures of an open monitor in its present size.
    ///
    /// # Errors
    /// When the monitor is not open, has changed, or there is no memory.
    fn new_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError>;

    /// Brings the stale parts of all these pictures up to date in one go: one
    /// wait for all of them. Each then shows one state of its monitor, nothing
    /// torn, provided that what is outside its parts was up to date when
    /// [`Grabber::take_damage`] was called last. One result for each, in order:
    /// an instant not later than that state.
    ///
    /// # Errors
    /// For one picture: [`GrabError::MonitorChanged`] when the monitor no
    /// longer has the place and size that the picture was made for; the picture
    /// may be of use after another [`Grabber::open`], and must then be read
    /// whole. For all: the connection broke. The display server may then go on
    /// writing to the pictures: they must never be lent again.
    fn read(
        &mut self,
        reads: &mut [Read<'_>],
    ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError>;

    /// Reads full rows of an open monitor, counted from its top, into a buffer
    /// of the caller's: blue, green, red and one undefined byte for each pixel,
    /// without padding. The memory on the way is shared with nobody but the
    /// display server.
    ///
    /// # Errors
    /// As for one picture of [`Grabber::read`]; what is in `into` is then of no
    /// use.
    fn read_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError>;

    /// As [`Grabber::read_rows`], for any number of monitors and parts of them in
    /// one go: one wait for all, where the display server allows. One result for
    /// each, in order. Whoever is in no hurry gives a `nap`: the caller sleeps
    /// through it instead of being woken by each of several answers, where there
    /// is somebody to wait for.
    ///
    /// # Errors
    /// When the connection broke.
    fn read_many_rows(
        &mut self,
        reads: &mut [RowsRead<'_>],
        nap: Duration,
    ) -> Result<Vec<Result<(), GrabError>>, GrabError> {
        // Whoever reads at once is woken by nobody.
        let _ = nap;
        let mut results = Vec::new();
        for read in reads {
            match self.read_rows(read.monitor, read.rows.clone(), read.into) {
                Err(error) if error.is_fatal() => return Err(error),
                result => results.push(result),
            }
        }
        Ok(results)
    }

    /// Where the pointer is and what it looks like; `None` where that cannot be
    /// told. Cheap: the shape is fetched when it changed.
    ///
    /// # Errors
    /// When the connection broke.
    fn pointer(&mut self) -> Result<Option<Pointer>, GrabError>;

    /// Whether moves of the pointer and changes of its shape are something that
    /// [`Grabber::wakes_by`] tells.
    ///
    /// # Errors
    /// When the connection broke.
    fn watch_pointer(&mut self, wanted: bool) -> Result<(), GrabError>;
}

/// Told `true` when the display server has been silent for a second while
/// somebody waits for it, and `false` when it answers again.
pub type StallObserver = Arc<dyn Fn(bool) + Send + Sync>;

/// Makes a grabber; called again when the display server was lost.
pub type GrabberFactory =
    Box<dyn FnMut(&StallObserver) -> Result<Box<dyn Grabber>, GrabError> + Send>;

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
