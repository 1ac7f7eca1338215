/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A connection to an X server on which no wait is without a deadline.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectError, ConnectionError, ParseError, ReplyError, ReplyOrIdError};
use x11rb::image::PixelLayout;
use x11rb::protocol::xproto::{Atom, ConnectionExt as _, Screen, VisualClass, Visualtype, Window};
use x11rb::reexports::x11rb_protocol::parse_display::parse_display;
use x11rb::reexports::x11rb_protocol::xauth::get_auth;
use x11rb::rust_connection::{DefaultStream, PollMode, RustConnection, Stream};
use x11rb::utils::RawFdContainer;
use x11rb::x11_utils::X11Error;

/// How long a server may take to accept a client and to tell about its screen.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What went wrong between us and the display server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the display server did not answer in time")]
    Timeout,
    #[error("the connection to the display server broke: {0}")]
    Broken(ConnectionError),
    #[error("the display server refused {} with {:?}", .0.request_name.unwrap_or("a request"), .0.error_kind)]
    Refused(X11Error),
    #[error("the display server has no numbers left for windows")]
    IdsExhausted,
    #[error("the display's pixel format cannot be drawn: {0}")]
    Format(#[from] ParseError),
    #[error("{0}")]
    NotOnScreen(String),
}

impl Fault {
    /// Whether the connection is of no more use: broken, or with an answer that
    /// may still come to a question that nobody asks any more.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(self, Self::Timeout | Self::Broken(_))
    }
}

impl From<ConnectionError> for Fault {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => {
                Self::Timeout
            }
            error => Self::Broken(error),
        }
    }
}

impl From<ReplyError> for Fault {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(error) => error.into(),
            ReplyError::X11Error(error) => Self::Refused(error),
        }
    }
}

impl From<ReplyOrIdError> for Fault {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::IdsExhausted => Self::IdsExhausted,
            ReplyOrIdError::ConnectionError(error) => error.into(),
            ReplyOrIdError::X11Error(error) => Self::Refused(error),
        }
    }
}

/// A stream whose waits end at a deadline, with [`io::ErrorKind::TimedOut`].
/// Without this a stopped server would hold its client for ever.
pub(super) struct BoundedStream {
    inner: DefaultStream,
    deadline: Mutex<Instant>,
}

impl BoundedStream {
    fn new(inner: DefaultStream, timeout: Duration) -> Self {
        Self {
            inner,
            deadline: Mutex::new(Instant::now() + timeout),
        }
    }

    fn set_deadline(&self, deadline: Instant) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    fn remaining(&self) -> Duration {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.saturating_duration_since(Instant::now())
    }
}

impl Stream for BoundedStream {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, mode.readable());
        flags.set(PollFlags::OUT, mode.writable());
        loop {
            let remaining = self.remaining();
            let timeout = Timespec::try_from(remaining).map_err(io::Error::other)?;
            let mut descriptors = [PollFd::from_borrowed_fd(self.inner.as_fd(), flags)];
            match poll(&mut descriptors, Some(&timeout)) {
                Ok(0) if self.remaining().is_zero() => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // An error on the socket is told by the read or write that follows.
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read(&self, buffer: &mut [u8], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.inner.read(buffer, fds)
    }

    fn write(&self, buffer: &[u8], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.inner.write(buffer, fds)
    }

    fn write_vectored(
        &self,
        buffers: &[io::IoSlice<'_>],
        fds: &mut Vec<RawFdContainer>,
    ) -> io::Result<usize> {
        self.inner.write_vectored(buffers, fds)
    }
}

/// The names the indicator's windows carry.
pub(super) struct Atoms {
    pub(super) net_wm_name: Atom,
    pub(super) utf8_string: Atom,
    pub(super) net_wm_window_type: Atom,
    pub(super) net_wm_window_type_notification: Atom,
    pub(super) net_wm_state: Atom,
    pub(super) net_wm_state_above: Atom,
}

/// The X server and what is known of its screen.
pub(super) struct Server {
    pub(super) connection: RustConnection<BoundedStream>,
    pub(super) root: Window,
    pub(super) depth: u8,
    pub(super) layout: PixelLayout,
    /// The bits of a pixel that carry color.
    pub(super) color_mask: u32,
    pub(super) atoms: Atoms,
}

impl Server {
    /// Connects to `display`, or to that of the environment variable `DISPLAY`.
    ///
    /// # Errors
    /// What is missing, for people.
    pub(super) fn connect(display: Option<&str>) -> Result<Self, String> {
        let (connection, screen) = open(display).map_err(|error| match error {
            ConnectError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => {
                "the display server did not answer in time".to_owned()
            }
            error => format!("no connection to the display server: {error}"),
        })?;
        let screen = connection
            .setup()
            .roots
            .get(screen)
            .ok_or("the display server has no such screen")?
            .clone();
        let visual = root_visual(&screen)
            .ok_or("the display has no true color visual to draw the indicator with")?;
        let layout = PixelLayout::from_visual_type(visual)
            .map_err(|error| Fault::from(error).to_string())?;
        let atoms = intern(&connection).map_err(|fault| fault.to_string())?;
        Ok(Self {
            root: screen.root,
            depth: screen.root_depth,
            layout,
            color_mask: visual.red_mask | visual.green_mask | visual.blue_mask,
            atoms,
            connection,
        })
    }

    /// From now on, every wait ends at `deadline`.
    pub(super) fn set_deadline(&self, deadline: Instant) {
        self.connection.stream().set_deadline(deadline);
    }
}

fn open(display: Option<&str>) -> Result<(RustConnection<BoundedStream>, usize), ConnectError> {
    let parsed = parse_display(display)?;
    let screen = usize::from(parsed.screen);
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for address in parsed.connect_instruction() {
        let (stream, (family, peer)) = match DefaultStream::connect(&address) {
            Ok(connected) => connected,
            Err(error) => {
                last_error = error;
                continue;
            }
        };
        // As x11rb does: without readable credentials, the server may accept us all the same.
        let (name, data) = get_auth(family, &peer, parsed.display)
            .ok()
            .flatten()
            .unwrap_or_default();
        let stream = BoundedStream::new(stream, CONNECT_TIMEOUT);
        let connection =
            RustConnection::connect_to_stream_with_auth_info(stream, screen, name, data)?;
        return Ok((connection, screen));
    }
    Err(last_error.into())
}

fn root_visual(screen: &Screen) -> Option<Visualtype> {
    screen
        .allowed_depths
        .iter()
        .flat_map(|depth| &depth.visuals)
        .find(|visual| {
            visual.visual_id == screen.root_visual && visual.class == VisualClass::TRUE_COLOR
        })
        .copied()
}

fn intern(connection: &RustConnection<BoundedStream>) -> Result<Atoms, Fault> {
    let atom = |name: &str| connection.intern_atom(false, name.as_bytes());
    // All are asked before the first answer is awaited: one round trip.
    let net_wm_name = atom("_NET_WM_NAME")?;
    let utf8_string = atom("UTF8_STRING")?;
    let net_wm_window_type = atom("_NET_WM_WINDOW_TYPE")?;
    let notification = atom("_NET_WM_WINDOW_TYPE_NOTIFICATION")?;
    let net_wm_state = atom("_NET_WM_STATE")?;
    let above = atom("_NET_WM_STATE_ABOVE")?;
    Ok(Atoms {
        net_wm_name: net_wm_name.reply()?.atom,
        utf8_string: utf8_string.reply()?.atom,
        net_wm_window_type: net_wm_window_type.reply()?.atom,
        net_wm_window_type_notification: notification.reply()?.atom,
        net_wm_state: net_wm_state.reply()?.atom,
        net_wm_state_above: above.reply()?.atom,
    })
}
