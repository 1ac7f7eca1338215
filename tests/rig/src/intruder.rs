/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use anyhow::{Context, Result};
use x11rb::connection::Connection;
use x11rb::protocol::shape::{ConnectionExt as _, SK, SO};
use x11rb::protocol::xproto::{
    ClipOrdering, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux,
    ImageFormat, Rectangle, StackMode, SubwindowMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::inspect::WindowInfo;
use crate::pointer::click;
use crate::server::{XServer, root_window};

/// An X client that means ill by other clients' windows. What it has made goes when it is dropped.
#[derive(Debug)]
pub struct Intruder {
    connection: RustConnection,
    root: u32,
}

impl Intruder {
    /// Connects.
    ///
    /// # Errors
    /// The server is gone.
    pub fn enter(server: &XServer) -> Result<Self> {
        let connection = server.connect()?;
        let root = root_window(&connection)?;
        Ok(Self { connection, root })
    }

    /// Puts a window of one color (red, green, blue, in one number) on top of all others, which no
    /// window manager manages.
    ///
    /// # Errors
    /// The server is gone.
    pub fn cover(&self, (x, y): (i32, i32), size: (u32, u32), color: u32) -> Result<u32> {
        let window = self.connection.generate_id()?;
        let (x, y) = (i16::try_from(x)?, i16::try_from(y)?);
        let (width, height) = (u16::try_from(size.0)?, u16::try_from(size.1)?);
        let attributes = CreateWindowAux::new()
            .override_redirect(1)
            .background_pixel(color);
        self.connection.create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            window,
            self.root,
            x,
            y,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &attributes,
        )?;
        self.connection.map_window(window)?.check()?;
        self.raise(window)?;
        Ok(window)
    }

    /// Puts a window above all others.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn raise(&self, window: u32) -> Result<()> {
        let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        self.connection.configure_window(window, &above)?;
        Ok(self.connection.flush()?)
    }

    /// Puts a window below all others.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn lower(&self, window: u32) -> Result<()> {
        let below = ConfigureWindowAux::new().stack_mode(StackMode::BELOW);
        self.connection.configure_window(window, &below)?;
        Ok(self.connection.flush()?)
    }

    /// Moves a window to where no monitor is.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn banish(&self, window: u32) -> Result<()> {
        let away = ConfigureWindowAux::new().x(-8000).y(-8000);
        self.connection.configure_window(window, &away)?;
        Ok(self.connection.flush()?)
    }

    /// Makes a window one pixel large.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn shrink(&self, window: u32) -> Result<()> {
        let size = ConfigureWindowAux::new().width(1).height(1);
        self.connection.configure_window(window, &size)?;
        Ok(self.connection.flush()?)
    }

    /// Gives a window the shape of nothing.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn hollow(&self, window: u32) -> Result<()> {
        self.connection.shape_rectangles(
            SO::SET,
            SK::BOUNDING,
            ClipOrdering::UNSORTED,
            window,
            0,
            0,
            &[],
        )?;
        Ok(self.connection.flush()?)
    }

    /// Unmaps a window.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn unmap(&self, window: u32) -> Result<()> {
        self.connection.unmap_window(window)?;
        Ok(self.connection.flush()?)
    }

    /// Destroys a window.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn destroy(&self, window: u32) -> Result<()> {
        self.connection.destroy_window(window)?;
        Ok(self.connection.flush()?)
    }

    /// Ends the connection of the client that has made a window.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn kill_owner(&self, window: u32) -> Result<()> {
        self.connection.kill_client(window)?;
        Ok(self.connection.flush()?)
    }

    /// Puts a window into another one.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn put_into(&self, window: u32, parent: u32) -> Result<()> {
        self.connection.reparent_window(window, parent, 0, 500)?;
        Ok(self.connection.flush()?)
    }

    /// Fills a part of a window of another client, as any client may.
    ///
    /// # Errors
    /// The server is gone. A window that is not there is none.
    pub fn scribble(
        &self,
        window: u32,
        (x, y): (i32, i32),
        size: (u32, u32),
        color: u32,
    ) -> Result<()> {
        let context = self.connection.generate_id()?;
        let colors = CreateGCAux::new()
            .foreground(color)
            .subwindow_mode(SubwindowMode::INCLUDE_INFERIORS);
        self.connection.create_gc(context, window, &colors)?;
        let area = Rectangle {
            x: i16::try_from(x)?,
            y: i16::try_from(y)?,
            width: u16::try_from(size.0)?,
            height: u16::try_from(size.1)?,
        };
        self.connection
            .poly_fill_rectangle(window, context, &[area])?;
        self.connection.free_gc(context)?;
        Ok(self.connection.flush()?)
    }

    /// Puts a picture of a window over it, in which the middle half is of one color: a double with
    /// other words and the same edges.
    ///
    /// # Errors
    /// The server is gone.
    pub fn double(&self, window: &WindowInfo, color: u32) -> Result<u32> {
        let (x, y) = (i16::try_from(window.x)?, i16::try_from(window.y)?);
        let (width, height) = (u16::try_from(window.width)?, u16::try_from(window.height)?);
        let picture = self.connection.get_image(
            ImageFormat::Z_PIXMAP,
            self.root,
            x,
            y,
            width,
            height,
            u32::MAX,
        )?;
        let picture = picture.reply().context("reading the window's picture")?;
        let double = self.cover((window.x, window.y), (window.width, window.height), color)?;
        let context = self.connection.generate_id()?;
        self.connection
            .create_gc(context, double, &CreateGCAux::new())?;
        self.connection.put_image(
            ImageFormat::Z_PIXMAP,
            double,
            context,
            width,
            height,
            0,
            0,
            0,
            picture.depth,
            &picture.data,
        )?;
        self.connection.change_gc(
            context,
            &x11rb::protocol::xproto::ChangeGCAux::new().foreground(color),
        )?;
        let middle = Rectangle {
            x: i16::try_from(window.width / 4)?,
            y: 2,
            width: width / 2,
            height: height.saturating_sub(4),
        };
        self.connection
            .poly_fill_rectangle(double, context, &[middle])?;
        self.connection.free_gc(context)?;
        self.connection.sync()?;
        Ok(double)
    }

    /// Presses and releases the first button of the pointer there.
    ///
    /// # Errors
    /// The server is gone.
    pub fn click(&self, place: (i32, i32)) -> Result<()> {
        click(&self.connection, place)
    }

    /// Waits until the server has carried out what was asked of it.
    ///
    /// # Errors
    /// The server is gone.
    pub fn settle(&self) -> Result<()> {
        Ok(self.connection.sync()?)
    }
}
