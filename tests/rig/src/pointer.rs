/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pointer of a server: what it looks like and where it is.

use anyhow::Result;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, Rectangle,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::wrapper::ConnectionExt as _;

use crate::picture::Bgra;
use crate::server::{XServer, root_window};

/// The core protocol's event code, which XTEST takes.
const MOTION_NOTIFY: u8 = 6;

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
        let connection = self.connect()?;
        let root = root_window(&connection)?;
        connection.xtest_fake_input(MOTION_NOTIFY, 0, 0, root, x, y, 0)?;
        connection.sync()?;
        Ok(())
    }
}
