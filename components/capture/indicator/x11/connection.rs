/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A connection to an X server on which no wait is without a deadline.

use std::io;
use std::time::Duration;

use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::{ConnectError, ConnectionError, ParseError, ReplyError, ReplyOrIdError};
use x11rb::image::PixelLayout;
use x11rb::protocol::xinput::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{Atom, ConnectionExt as _, Screen, VisualClass, Visualtype, Window};
use x11rb::x11_utils::X11Error;

use crate::x11::{Connected, Patience, Refusal, X11Connection, connect_to};

/// How long a server may be silent, as for the grabber: nothing is captured
/// meanwhile, and what is on the screen stays there.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What went wrong between us and the display server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the display server did not answer in time")]
    Timeout,
    #[error("the connection to the display server broke: {0}")]
    Broken(ConnectionError),
    #[error("the display server refused: {}", Refusal(.0))]
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

/// The names the indicator's windows carry, and others that it needs.
pub(super) struct Atoms {
    pub(super) net_wm_name: Atom,
    pub(super) utf8_string: Atom,
    pub(super) net_wm_window_type: Atom,
    pub(super) net_wm_window_type_notification: Atom,
    pub(super) net_wm_state: Atom,
    pub(super) net_wm_state_above: Atom,
    pub(super) net_wm_window_opacity: Atom,
    /// Not of a window: of the devices whose events programs make with XTEST.
    pub(super) xtest_device: Atom,
}

/// The X server and what is known of its screen.
pub(super) struct Server {
    pub(super) connection: X11Connection,
    pub(super) root: Window,
    pub(super) depth: u8,
    pub(super) layout: PixelLayout,
    /// The bits of a pixel that carry color.
    pub(super) color_mask: u32,
    pub(super) atoms: Atoms,
    /// Whether it tells which device an event comes from (XInput 2).
    pub(super) tells_devices: bool,
}

impl Server {
    /// Connects to `display`, or to that of the environment variable `DISPLAY`.
    ///
    /// # Errors
    /// What is missing, for people.
    pub(super) fn connect(display: Option<&str>) -> Result<Self, String> {
        let Connected {
            connection, screen, ..
        } = connect_to(display, None).map_err(|error| match error {
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
        let tells_devices = tells_devices(&connection).map_err(|fault| fault.to_string())?;
        let patience = Patience::Each(ANSWER_TIMEOUT);
        connection.stream().set_patience(patience);
        Ok(Self {
            root: screen.root,
            depth: screen.root_depth,
            layout,
            color_mask: visual.red_mask | visual.green_mask | visual.blue_mask,
            atoms,
            tells_devices,
            connection,
        })
    }
}

fn tells_devices(connection: &X11Connection) -> Result<bool, Fault> {
    let extension = connection.extension_information(xinput::X11_EXTENSION_NAME)?;
    if extension.is_none() {
        return Ok(false);
    }
    let version = connection.xinput_xi_query_version(2, 0)?.reply()?;
    Ok(version.major_version >= 2)
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

fn intern(connection: &X11Connection) -> Result<Atoms, Fault> {
    let atom = |name: &str| connection.intern_atom(false, name.as_bytes());
    // All are asked before the first answer is awaited: one round trip.
    let net_wm_name = atom("_NET_WM_NAME")?;
    let utf8_string = atom("UTF8_STRING")?;
    let net_wm_window_type = atom("_NET_WM_WINDOW_TYPE")?;
    let notification = atom("_NET_WM_WINDOW_TYPE_NOTIFICATION")?;
    let net_wm_state = atom("_NET_WM_STATE")?;
    let above = atom("_NET_WM_STATE_ABOVE")?;
    let opacity = atom("_NET_WM_WINDOW_OPACITY")?;
    let xtest_device = atom("XTEST Device")?;
    Ok(Atoms {
        net_wm_name: net_wm_name.reply()?.atom,
        utf8_string: utf8_string.reply()?.atom,
        net_wm_window_type: net_wm_window_type.reply()?.atom,
        net_wm_window_type_notification: notification.reply()?.atom,
        net_wm_state: net_wm_state.reply()?.atom,
        net_wm_state_above: above.reply()?.atom,
        net_wm_window_opacity: opacity.reply()?.atom,
        xtest_device: xtest_device.reply()?.atom,
    })
}
