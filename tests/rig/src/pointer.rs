/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pointer of a server: what it looks like, where it is and what is pressed with it.

use anyhow::Result;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ChangeWindowAttributesAux, ConnectionExt as _,
    CreateGCAux, MOTION_NOTIFY_EVENT, Rectangle,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::picture::Bgra;
use crate::server::{XServer, root_window};

/// The main button.
const MAIN_BUTTON: u8 = 1;

/// One event of the pointer: its kind in the protocol, the button, and the place on the desktop.
/// The server has dealt with it when this returns.
pub(crate) fn point(
    connection: &RustConnection,
    event: u8,
    button: u8,
    (x, y): (i32, i32),
) -> Result<()> {
    let root = root_window(connection)?;
    let (x, y) = (i16::try_from(x)?, i16::try_from(y)?);
    connection
        .xtest_fake_input(event, button, 0, root, x, y, 0)?
        .check()?;
    Ok(())
}

/// Moves the pointer there and presses and releases the main button.
pub(crate) fn click(connection: &RustConnection, place: (i32, i32)) -> Result<()> {
    point(connection, MOTION_NOTIFY_EVENT, 0, place)?;
    point(connection, BUTTON_PRESS_EVENT, MAIN_BUTTON, place)?;
    point(connection, BUTTON_RELEASE_EVENT, MAIN_BUTTON, place)
}

impl XServer {
    /// Makes the pointer a filled square, its position at the upper left corner, over every window
    /// that has no pointer of its own. The fourth channel does not count.
    ///
    /// # Errors
    /// The server is gone.
    pub fn show_pointer(&self, edge: u16, color: Bgra) -> Result<()> {
        let connection = self.connect()?;
        let root = root_window(&connection)?;
        let pixmap = connection.generate_id()?;
        let context = connection.generate_id()?;
        let cursor = connection.generate_id()?;
        let whole = Rectangle {
            x: 0,
            y: 0,
            width: edge,
            height: edge,
        };
        connection.create_pixmap(1, pixmap, root, edge, edge)?;
        connection.create_gc(context, pixmap, &CreateGCAux::new().foreground(1))?;
        connection.poly_fill_rectangle(pixmap, context, &[whole])?;
        let [blue, green, red] = [color[0], color[1], color[2]].map(|value| u16::from(value) * 257);
        connection
            .create_cursor(cursor, pixmap, pixmap, red, green, blue, 0, 0, 0, 0, 0)?
            .check()?;
        let attributes = ChangeWindowAttributesAux::new().cursor(cursor);
        connection.change_window_attributes(root, &attributes)?;
        connection.sync()?;
        Ok(())
    }

    /// Moves the pointer as its user would.
    ///
    /// # Errors
    /// The server is gone or has no XTEST extension.
    pub fn move_pointer(&self, x: i16, y: i16) -> Result<()> {
        let place = (x.into(), y.into());
        point(&self.connect()?, MOTION_NOTIFY_EVENT, 0, place)
    }

    /// Moves the pointer to (`x`, `y`) of the desktop and clicks as a mouse does.
    ///
    /// # Errors
    /// As [`move_pointer`](Self::move_pointer).
    pub fn click(&self, x: i32, y: i32) -> Result<()> {
        click(&self.connect()?, (x, y))
    }
}
