/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The X server: what it offers, and what its errors mean.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _, NotifyMask};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xinput::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    Atom, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageFormat, ImageOrder,
    Screen, Setup, Window,
};
use x11rb::x11_utils::X11Error;

use crate::grabber::{GrabError, StallObserver};
use crate::x11::{Patience, Refusal, X11Connection, connect_to};

/// For how long an X server may be silent while somebody waits for it. A
/// stopped one that goes on within this time has lost us nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Bits per pixel in memory, color depth: the only layout that is passed on
/// without a conversion.
const BITS_PER_PIXEL: u8 = 32;

/// What knows the monitors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MonitorSource {
    /// RandR 1.5 monitors, virtual ones included.
    Monitors,
    /// The CRTCs of an older RandR; `true` if it is at least 1.3.
    Crtcs { has_current: bool },
    /// No usable RandR: the whole screen is one monitor.
    Screen,
}

/// How pictures can be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Transport {
    /// Copied into pixmaps in memory that we share with the server, nothing but
    /// what changed.
    Pixmaps,
    /// As full rows into memory that we share with the server, and why.
    Rows(String),
    /// As replies over the socket, and why.
    Socket(String),
}

/// A connected and examined X server.
pub(super) struct Server {
    pub(super) connection: Arc<X11Connection>,
    /// Its name, `:0`.
    pub(super) display: String,
    pub(super) root: Window,
    /// Bits per pixel that the root window has.
    pub(super) depth: u8,
    pub(super) monitor_source: MonitorSource,
    pub(super) transport: Transport,
    /// Whether it tells what was drawn on.
    pub(super) has_damage: bool,
    /// Whether it tells where the pointer is and what it looks like.
    pub(super) has_pointer: bool,
    /// Whether it tells when the pointer moves.
    pub(super) has_motion: bool,
    /// Whether it only draws into a Wayland compositor's windows.
    pub(super) is_xwayland: bool,
    pub(super) atoms: Atoms,
}

/// Names that the protocol has numbers for.
pub(super) struct Atoms {
    pub(super) edid: Atom,
    pub(super) current_desktop: Atom,
    pub(super) work_area: Atom,
}

impl Server {
    /// Connects to `display` and asks what it can do.
    pub(super) fn connect(display: &str, stalls: &StallObserver) -> Result<Self, GrabError> {
        let connected = connect_to(Some(display), Some(stalls.clone())).map_err(|error| {
            GrabError::NoDisplayServer(format!(
                "the X server {display:?} cannot be reached: {error}"
            ))
        })?;
        let connection = connected.connection;
        let (root, depth) = {
            let setup = connection.setup();
            let screen = setup.roots.get(connected.screen).ok_or_else(|| {
                GrabError::NoDisplayServer(format!("the X server {display:?} has no such screen"))
            })?;
            check_pixels(setup, screen).map_err(GrabError::NoDisplayServer)?;
            (screen.root, screen.root_depth)
        };
        let examined = examine(&connection, root, connected.is_local)
            .map_err(|error| unusable(display, &error))?;
        connection
            .stream()
            .set_patience(Patience::Each(ANSWER_TIMEOUT));
        Ok(Self {
            display: display.to_owned(),
            root,
            depth,
            monitor_source: examined.monitor_source,
            transport: examined.transport,
            has_damage: examined.has_damage,
            has_pointer: examined.has_pointer,
            has_motion: examined.has_motion,
            is_xwayland: examined.is_xwayland,
            atoms: examined.atoms,
            connection: Arc::new(connection),
        })
    }

    /// Shared memory was refused after all.
    pub(super) fn give_up_shared_memory(&mut self, refusal: &X11Error) {
        self.transport = Transport::Socket(format!(
            "the server refused shared memory: {}",
            Refusal(refusal)
        ));
    }

    /// Pixmaps in shared memory were refused after all.
    pub(super) fn give_up_pixmaps(&mut self, refusal: &X11Error) {
        self.transport =
            Transport::Rows(format!("the server refused pixmaps: {}", Refusal(refusal)));
    }
}

impl fmt::Display for Server {
    /// `X11 (:0) through MIT-SHM pixmaps`, then what is missing.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "X11 ({})", self.display)?;
        match &self.transport {
            Transport::Pixmaps => formatter.write_str(" through MIT-SHM pixmaps")?,
            Transport::Rows(reason) => write!(formatter, " through MIT-SHM rows ({reason})")?,
            Transport::Socket(reason) => write!(formatter, " over the socket ({reason})")?,
        }
        if !self.has_damage {
            formatter.write_str("; without DAMAGE: still pictures are read too")?;
        }
        if !self.has_pointer {
            formatter.write_str("; without XFIXES: no pointer")?;
        } else if !self.has_motion {
            formatter.write_str("; without XInput 2: moves of the pointer are looked for")?;
        }
        match self.monitor_source {
            MonitorSource::Monitors => Ok(()),
            MonitorSource::Crtcs { .. } => {
                formatter.write_str("; RandR before 1.5: no virtual monitors")
            }
            MonitorSource::Screen => {
                formatter.write_str("; without RANDR: the whole screen is one monitor")
            }
        }
    }
}

/// Whether a pixel of the root window is blue, green, red and a spare byte.
fn check_pixels(setup: &Setup, screen: &Screen) -> Result<(), String> {
    let depth = screen.root_depth;
    let bits = setup
        .pixmap_formats
        .iter()
        .find(|format| format.depth == depth)
        .map_or(0, |format| format.bits_per_pixel);
    if !matches!(depth, 24 | 32) || bits != BITS_PER_PIXEL {
        return Err(format!(
            "a screen of depth 24 or 32 is required, the X server's has depth {depth}"
        ));
    }
    if setup.image_byte_order != ImageOrder::LSB_FIRST {
        return Err("an X server with little-endian pixels is required".to_owned());
    }
    let masks = screen
        .allowed_depths
        .iter()
        .flat_map(|allowed| &allowed.visuals)
        .find(|visual| visual.visual_id == screen.root_visual)
        .map(|visual| (visual.red_mask, visual.green_mask, visual.blue_mask));
    match masks {
        Some((0xff_0000, 0xff00, 0xff)) => Ok(()),
        masks => Err(format!(
            "eight bits each of red, green and blue are required, the X server has {masks:x?}"
        )),
    }
}

/// What [`examine`] finds out.
struct Examined {
    monitor_source: MonitorSource,
    transport: Transport,
    has_damage: bool,
    has_pointer: bool,
    has_motion: bool,
    is_xwayland: bool,
    atoms: Atoms,
}

fn examine(
    connection: &X11Connection,
    root: Window,
    is_local: bool,
) -> Result<Examined, ReplyError> {
    for name in [
        randr::X11_EXTENSION_NAME,
        shm::X11_EXTENSION_NAME,
        xfixes::X11_EXTENSION_NAME,
        damage::X11_EXTENSION_NAME,
        xinput::X11_EXTENSION_NAME,
        XWAYLAND,
    ] {
        connection.prefetch_extension_information(name)?;
    }
    let atom = |name: &str| connection.intern_atom(false, name.as_bytes());
    let edid = atom("EDID")?;
    let current_desktop = atom("_NET_CURRENT_DESKTOP")?;
    let work_area = atom("_NET_WORKAREA")?;
    connection.change_window_attributes(
        root,
        &ChangeWindowAttributesAux::new()
            .event_mask(EventMask::STRUCTURE_NOTIFY | EventMask::PROPERTY_CHANGE),
    )?;
    let fixes = xfixes_version(connection)?;
    Ok(Examined {
        atoms: Atoms {
            edid: edid.reply()?.atom,
            current_desktop: current_desktop.reply()?.atom,
            work_area: work_area.reply()?.atom,
        },
        monitor_source: monitor_source(connection, root)?,
        transport: transport(connection, is_local)?,
        has_damage: fixes >= 2 && has_damage(connection)?,
        has_pointer: fixes >= 1,
        has_motion: has_motion(connection)?,
        is_xwayland: connection.extension_information(XWAYLAND)?.is_some(),
    })
}

/// The extension that Xwayland has had since version 23.1 to be told apart.
const XWAYLAND: &str = "XWAYLAND";

fn monitor_source(connection: &X11Connection, root: Window) -> Result<MonitorSource, ReplyError> {
    if connection
        .extension_information(randr::X11_EXTENSION_NAME)?
        .is_none()
    {
        return Ok(MonitorSource::Screen);
    }
    let version = connection.randr_query_version(1, 5)?.reply()?;
    let version = (version.major_version, version.minor_version);
    if version < (1, 2) {
        return Ok(MonitorSource::Screen);
    }
    connection.randr_select_input(
        root,
        NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE,
    )?;
    Ok(if version >= (1, 5) {
        MonitorSource::Monitors
    } else {
        MonitorSource::Crtcs {
            has_current: version >= (1, 3),
        }
    })
}

fn transport(connection: &X11Connection, is_local: bool) -> Result<Transport, ReplyError> {
    if !is_local {
        return Ok(Transport::Socket("the server is remote".to_owned()));
    }
    if connection
        .extension_information(shm::X11_EXTENSION_NAME)?
        .is_none()
    {
        return Ok(Transport::Socket("the server has no MIT-SHM".to_owned()));
    }
    let version = connection.shm_query_version()?.reply()?;
    if (version.major_version, version.minor_version) < (1, 2) {
        return Ok(Transport::Socket(format!(
            "MIT-SHM 1.2 is required, the server offers {}.{}",
            version.major_version, version.minor_version
        )));
    }
    if !version.shared_pixmaps || version.pixmap_format != u8::from(ImageFormat::Z_PIXMAP) {
        return Ok(Transport::Rows("the server shares no pixmaps".to_owned()));
    }
    Ok(Transport::Pixmaps)
}

/// The server's major version of XFIXES, zero without it. It refuses every
/// request until it was asked, and so do the other extensions.
fn xfixes_version(connection: &X11Connection) -> Result<u32, ReplyError> {
    if connection
        .extension_information(xfixes::X11_EXTENSION_NAME)?
        .is_none()
    {
        return Ok(0);
    }
    Ok(connection
        .xfixes_query_version(4, 0)?
        .reply()?
        .major_version)
}

fn has_damage(connection: &X11Connection) -> Result<bool, ReplyError> {
    if connection
        .extension_information(damage::X11_EXTENSION_NAME)?
        .is_none()
    {
        return Ok(false);
    }
    Ok(connection
        .damage_query_version(1, 1)?
        .reply()?
        .major_version
        >= 1)
}

/// XInput 2.1 and newer tells of every motion, also while another client has
/// grabbed the pointer.
fn has_motion(connection: &X11Connection) -> Result<bool, ReplyError> {
    if connection
        .extension_information(xinput::X11_EXTENSION_NAME)?
        .is_none()
    {
        return Ok(false);
    }
    let version = connection.xinput_xi_query_version(2, 2)?.reply()?;
    Ok((version.major_version, version.minor_version) >= (2, 1))
}

fn unusable(display: &str, error: &ReplyError) -> GrabError {
    GrabError::NoDisplayServer(match error {
        ReplyError::ConnectionError(error) => {
            format!("the X server {display:?} is of no use: {error}")
        }
        ReplyError::X11Error(error) => {
            format!("the X server {display:?} is of no use: {}", Refusal(error))
        }
    })
}

/// The connection is of no more use.
pub(super) fn disconnected(error: impl Into<ConnectionError>) -> GrabError {
    GrabError::Disconnected(error.into().to_string())
}

/// Tells a refusal, which is an answer, from a broken connection, which is the
/// end.
pub(super) fn answer<T>(
    result: Result<T, ReplyError>,
) -> Result<Result<T, Box<X11Error>>, GrabError> {
    match result {
        Ok(reply) => Ok(Ok(reply)),
        Err(ReplyError::X11Error(error)) => Ok(Err(Box::new(error))),
        Err(ReplyError::ConnectionError(error)) => Err(disconnected(error)),
    }
}

/// As [`answer`], where a refusal means that the server lacks something basic.
pub(super) fn required<T>(wanted: &str, result: Result<T, ReplyError>) -> Result<T, GrabError> {
    answer(result)?.map_err(|error| {
        GrabError::NoDisplayServer(format!(
            "the X server refused to tell {wanted}: {}",
            Refusal(&error)
        ))
    })
}

/// An id for a new resource of the server's.
pub(super) fn new_id(connection: &X11Connection) -> Result<u32, GrabError> {
    connection.generate_id().map_err(|error| match error {
        ReplyOrIdError::ConnectionError(error) => disconnected(error),
        ReplyOrIdError::X11Error(error) => GrabError::Disconnected(Refusal(&error).to_string()),
        ReplyOrIdError::IdsExhausted => {
            GrabError::Disconnected("the X server has no more ids for us".to_owned())
        }
    })
}
