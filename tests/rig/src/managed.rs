/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use anyhow::Result;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, MapState,
    PropMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::picture::Bgra;
use crate::server::{XServer, root_window};

/// What `_NET_ACTIVE_WINDOW` calls a request that a person has made, as with a task list.
const FROM_A_PERSON: u32 = 2;
/// How far from the corner of a monitor it is looked whether a window covers it.
const INSET: u32 = 10;

/// A window of a program that lets the window manager decide where it is. Gone when dropped.
#[derive(Debug)]
pub struct ManagedWindow {
    connection: RustConnection,
    window: Window,
    filling: Bgra,
}

impl ManagedWindow {
    /// A window of one color that its manager shows over a whole monitor.
    ///
    /// # Errors
    /// The server is gone.
    pub fn full_screen(server: &XServer, filling: Bgra) -> Result<Self> {
        let window = Self::new(server, filling)?;
        let connection = &window.connection;
        let state = atom(connection, "_NET_WM_STATE")?;
        let wanted = [atom(connection, "_NET_WM_STATE_FULLSCREEN")?];
        let (replace, kind) = (PropMode::REPLACE, AtomEnum::ATOM);
        connection.change_property32(replace, window.window, state, kind, &wanted)?;
        window.map()
    }

    /// A small one.
    ///
    /// # Errors
    /// The server is gone.
    pub fn small(server: &XServer) -> Result<Self> {
        Self::new(server, [0, 0, 0, u8::MAX])?.map()
    }

    fn new(server: &XServer, filling: Bgra) -> Result<Self> {
        let connection = server.connect()?;
        let window = connection.generate_id()?;
        let root = root_window(&connection)?;
        let [blue, green, red, _] = filling.map(u32::from);
        let attributes = CreateWindowAux::new().background_pixel(red << 16 | green << 8 | blue);
        let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
        connection
            .create_window(
                depth,
                window,
                root,
                0,
                0,
                300,
                200,
                0,
                class,
                0,
                &attributes,
            )?
            .check()?;
        Ok(Self {
            connection,
            window,
            filling,
        })
    }

    fn map(self) -> Result<Self> {
        self.connection.map_window(self.window)?.check()?;
        Ok(self)
    }

    /// Whether a manager has taken it and shows it.
    ///
    /// # Errors
    /// The server is gone.
    pub fn is_managed(&self) -> Result<bool> {
        // ICCCM: the manager sets it.
        let state = atom(&self.connection, "WM_STATE")?;
        let set = self
            .connection
            .get_property(false, self.window, state, state, 0, 1)?;
        let is_set = !set.reply()?.value.is_empty();
        let attributes = self.connection.get_window_attributes(self.window)?;
        Ok(is_set && attributes.reply()?.map_state == MapState::VIEWABLE)
    }

    /// Asks the manager to bring it to the front.
    ///
    /// # Errors
    /// The server is gone.
    pub fn activate(&self) -> Result<()> {
        let kind = atom(&self.connection, "_NET_ACTIVE_WINDOW")?;
        let event = ClientMessageEvent::new(32, self.window, kind, [FROM_A_PERSON, 0, 0, 0, 0]);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        let root = root_window(&self.connection)?;
        self.connection
            .send_event(false, root, mask, event)?
            .check()?;
        Ok(())
    }

    /// Whether it is seen in the lower left corner of a monitor, whichever its manager has chosen.
    ///
    /// # Errors
    /// The server is gone.
    pub fn is_in_front(&self, server: &XServer) -> Result<bool> {
        let screen = server.screenshot()?;
        Ok(server.monitors()?.into_iter().any(|monitor| {
            let x = monitor.x.cast_unsigned() + INSET;
            let y = monitor.y.cast_unsigned() + monitor.height - INSET;
            screen.pixel(x, y) == Some(self.filling)
        }))
    }
}

fn atom(connection: &RustConnection, name: &str) -> Result<Atom> {
    Ok(connection
        .intern_atom(false, name.as_bytes())?
        .reply()?
        .atom)
}
