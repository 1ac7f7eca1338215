/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::borrow::Cow;
use std::collections::VecDeque;

use anyhow::{Context, Result, bail};
use x11rb::connection::Connection;
use x11rb::image::{BitsPerPixel, Image, ImageOrder, ScanlinePad};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeGCAux, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _,
    CreateGCAux, CreateWindowAux, PropMode, Rectangle, StackMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::monitor::MonitorSpec;
use crate::picture::{Bgra, Picture};
use crate::server::{XServer, root_window};

/// Frames that are kept ready in the server; the oldest goes first.
const MAX_LOADED: usize = 64;
const DEPTH: u8 = 24;

/// An X client that shows a [`Picture`] in a window which covers one monitor and lies under every
/// other window. When dropped the picture goes.
///
/// The window has the picture as its background, so what another window uncovers is right again
/// without help.
#[derive(Debug)]
pub struct Painter {
    connection: RustConnection,
    window: u32,
    context: u32,
    size: (u16, u16),
    picture: Picture,
    /// Frame numbers and their pixmaps, in the order of loading.
    loaded: VecDeque<(u32, u32)>,
    frame: u32,
}

impl Painter {
    /// Covers `monitor` with frame 0 of `picture`; it is on the screen when this returns.
    ///
    /// # Errors
    /// The server is gone, or its screen is not 24 bits deep.
    pub fn cover(server: &XServer, monitor: &MonitorSpec, picture: Picture) -> Result<Self> {
        let area = monitor.protocol_area()?;
        let connection = server.connect()?;
        let root = root_window(&connection)?;
        let screen = connection.setup().roots.first().context("no screen")?;
        if screen.root_depth != DEPTH {
            bail!(
                "a screen of depth {DEPTH} is wanted, this one has {}",
                screen.root_depth
            );
        }
        let window = connection.generate_id()?;
        let context = connection.generate_id()?;
        connection
            .create_window(
                DEPTH,
                window,
                root,
                area.x,
                area.y,
                area.width,
                area.height,
                0,
                WindowClass::INPUT_OUTPUT,
                screen.root_visual,
                &CreateWindowAux::new()
                    .override_redirect(1)
                    .background_pixel(0),
            )?
            .check()
            .context("creating the painter's window")?;
        connection.create_gc(context, window, &CreateGCAux::new().graphics_exposures(0))?;
        let title = format!("Test picture on {}", monitor.name);
        connection.change_property8(
            PropMode::REPLACE,
            window,
            AtomEnum::WM_NAME,
            AtomEnum::STRING,
            title.as_bytes(),
        )?;
        connection.change_property8(
            PropMode::REPLACE,
            window,
            AtomEnum::WM_CLASS,
            AtomEnum::STRING,
            b"test-painter\0test-painter\0",
        )?;
        connection.configure_window(
            window,
            &ConfigureWindowAux::new().stack_mode(StackMode::BELOW),
        )?;
        let mut painter = Self {
            connection,
            window,
            context,
            size: (area.width, area.height),
            picture,
            loaded: VecDeque::new(),
            frame: 0,
        };
        // Before the window is mapped, so that nothing else is ever seen in it.
        let pixmap = painter.load(0)?;
        painter.set_background(pixmap)?;
        painter.connection.map_window(window)?.check()?;
        painter.show(0)?;
        Ok(painter)
    }

    /// The window's X id.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// The picture's size in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.size.0.into(), self.size.1.into())
    }

    /// The number of the frame on the screen.
    pub fn frame(&self) -> u32 {
        self.frame
    }

    /// The colour that is at (`x`, `y`) of the monitor now.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 4] {
        self.picture.pixel(self.size(), x, y, self.frame)
    }

    /// Sends a frame to the server without showing it, so that [`show`](Self::show) is quick. The
    /// newest 64 are kept.
    ///
    /// # Errors
    /// The server is gone or out of memory.
    pub fn prepare(&mut self, frame: u32) -> Result<()> {
        self.load(frame)?;
        self.connection.sync()?;
        Ok(())
    }

    /// Shows a frame, sent first if it was not prepared, and returns when the server has done it.
    /// The pixels change in one request.
    ///
    /// # Errors
    /// The server is gone or out of memory.
    pub fn show(&mut self, frame: u32) -> Result<()> {
        let pixmap = self.load(frame)?;
        let (width, height) = self.size;
        self.connection
            .copy_area(pixmap, self.window, self.context, 0, 0, 0, 0, width, height)?
            .check()
            .context("showing a frame")?;
        self.set_background(pixmap)?;
        self.frame = frame;
        self.connection.sync()?;
        Ok(())
    }

    /// Replaces the picture, at the current frame number.
    ///
    /// # Errors
    /// The server is gone or out of memory.
    pub fn change_picture(&mut self, picture: Picture) -> Result<()> {
        self.picture = picture;
        self.unload()?;
        self.show(self.frame)
    }

    /// Draws a rectangle over the picture, until the next one is shown.
    ///
    /// # Errors
    /// The server is gone.
    pub fn draw_over(&mut self, rectangle: Rectangle, [blue, green, red, _]: Bgra) -> Result<()> {
        let color = u32::from_be_bytes([0, red, green, blue]);
        let foreground = ChangeGCAux::new().foreground(color);
        self.connection.change_gc(self.context, &foreground)?;
        self.connection
            .poly_fill_rectangle(self.window, self.context, &[rectangle])?
            .check()
            .context("drawing over a picture")?;
        self.connection.sync()?;
        Ok(())
    }

    /// Follows the monitor to where it is now and to its size.
    ///
    /// # Errors
    /// The server is gone or out of memory.
    pub fn follow(&mut self, monitor: &MonitorSpec) -> Result<()> {
        let area = monitor.protocol_area()?;
        if self.size != (area.width, area.height) {
            self.size = (area.width, area.height);
            self.unload()?;
        }
        let pixmap = self.load(self.frame)?;
        self.set_background(pixmap)?;
        let place = ConfigureWindowAux::new()
            .x(i32::from(area.x))
            .y(i32::from(area.y))
            .width(u32::from(area.width))
            .height(u32::from(area.height));
        self.connection
            .configure_window(self.window, &place)?
            .check()?;
        self.show(self.frame)
    }

    fn set_background(&self, pixmap: u32) -> Result<()> {
        let background = ChangeWindowAttributesAux::new().background_pixmap(pixmap);
        self.connection
            .change_window_attributes(self.window, &background)?;
        Ok(())
    }

    /// The pixmap of a frame, made if there is none.
    fn load(&mut self, frame: u32) -> Result<u32> {
        if let Some((_, pixmap)) = self.loaded.iter().find(|(loaded, _)| *loaded == frame) {
            return Ok(*pixmap);
        }
        if self.loaded.len() == MAX_LOADED
            && let Some((_, oldest)) = self.loaded.pop_front()
        {
            self.connection.free_pixmap(oldest)?;
        }
        let (width, height) = self.size;
        let image = Image::new(
            width,
            height,
            ScanlinePad::Pad32,
            DEPTH,
            BitsPerPixel::B32,
            ImageOrder::LsbFirst,
            Cow::Owned(self.picture.render(self.size(), frame)),
        )?;
        let pixmap = self.connection.generate_id()?;
        self.connection
            .create_pixmap(DEPTH, pixmap, self.window, width, height)?
            .check()
            .context("making room for a frame")?;
        for part in image.native(self.connection.setup())?.put(
            &self.connection,
            pixmap,
            self.context,
            0,
            0,
        )? {
            part.check().context("sending a frame")?;
        }
        self.loaded.push_back((frame, pixmap));
        Ok(pixmap)
    }

    fn unload(&mut self) -> Result<()> {
        for (_, pixmap) in self.loaded.drain(..) {
            self.connection.free_pixmap(pixmap)?;
        }
        Ok(())
    }
}
