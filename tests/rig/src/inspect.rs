/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is on a display, asked in the plainest way: the oracle for everything faster.

use anyhow::{Context, Result, bail};
use x11rb::image::{BitsPerPixel, Image, ImageOrder};
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, MapState};
use x11rb::rust_connection::RustConnection;

use crate::picture::Bgra;
use crate::server::root_window;

/// The picture of a whole desktop.
#[derive(Clone, Eq, PartialEq)]
pub struct Screenshot {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Rows from the top without padding; each pixel blue, green, red, 255.
    pub pixels: Vec<u8>,
}

impl Screenshot {
    /// The pixel at (`x`, `y`) of the desktop; None outside of it.
    pub fn pixel(&self, x: u32, y: u32) -> Option<Bgra> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let start = (y as usize * self.width as usize + x as usize) * 4;
        self.pixels.get(start..start + 4)?.try_into().ok()
    }
}

impl std::fmt::Debug for Screenshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Screenshot({}x{})", self.width, self.height)
    }
}

/// A window directly under the root window.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WindowInfo {
    /// The X id.
    pub id: u32,
    /// Left edge in desktop pixels.
    pub x: i32,
    /// Top edge in desktop pixels.
    pub y: i32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Whether window managers leave it alone.
    pub override_redirect: bool,
    /// Whether it is mapped.
    pub viewable: bool,
    /// The instance part of `WM_CLASS`; empty without one.
    pub instance: String,
    /// The class part of `WM_CLASS`; empty without one.
    pub class: String,
    /// `_NET_WM_NAME`, or else `WM_NAME`; empty without either.
    pub title: String,
}

impl WindowInfo {
    /// Whether `WM_CLASS` has `name` as its instance or class.
    pub fn is_of_class(&self, name: &str) -> bool {
        self.instance == name || self.class == name
    }
}

/// Reads every pixel of a display with one `GetImage`.
///
/// # Errors
/// No server, or one whose pixels are not four bytes with blue first.
pub fn screenshot(display: &str) -> Result<Screenshot> {
    let connection = connect(display)?;
    let root = root_window(&connection)?;
    let geometry = connection.get_geometry(root)?.reply()?;
    let (image, _) = Image::get(&connection, root, 0, 0, geometry.width, geometry.height)
        .context("reading the root window")?;
    if image.bits_per_pixel() != BitsPerPixel::B32 || image.byte_order() != ImageOrder::LsbFirst {
        bail!(
            "32 bits a pixel, blue first, are wanted, the server has {:?} {:?}",
            image.bits_per_pixel(),
            image.byte_order()
        );
    }
    let mut pixels = image.data().to_vec();
    for pixel in pixels.chunks_exact_mut(4) {
        pixel[3] = 255;
    }
    Ok(Screenshot {
        width: geometry.width.into(),
        height: geometry.height.into(),
        pixels,
    })
}

/// The windows directly under the root window, from the lowest to the topmost, all at one moment:
/// the server does nothing for other clients meanwhile. Windows of a client that ends just then are
/// left out.
///
/// # Errors
/// No server.
pub fn windows(display: &str) -> Result<Vec<WindowInfo>> {
    let connection = connect(display)?;
    // Closing the connection ends the grab.
    connection.grab_server()?;
    let root = root_window(&connection)?;
    let net_name = connection
        .intern_atom(false, b"_NET_WM_NAME")?
        .reply()?
        .atom;
    let children = connection.query_tree(root)?.reply()?.children;
    // A client that ends meanwhile takes its windows along in spite of the grab.
    Ok(children
        .into_iter()
        .filter_map(|window| describe(&connection, window, net_name).ok())
        .collect())
}

/// Unmaps a window of another client.
///
/// # Errors
/// No server, or no such window.
pub fn unmap_window(display: &str, window: u32) -> Result<()> {
    let connection = connect(display)?;
    connection.unmap_window(window)?.check()?;
    Ok(())
}

fn connect(display: &str) -> Result<RustConnection> {
    let (connection, _) = RustConnection::connect(Some(display))
        .with_context(|| format!("connecting to {display}"))?;
    Ok(connection)
}

fn describe(connection: &RustConnection, window: u32, net_name: Atom) -> Result<WindowInfo> {
    let attributes = connection.get_window_attributes(window)?.reply()?;
    let geometry = connection.get_geometry(window)?.reply()?;
    let class = text_property(connection, window, AtomEnum::WM_CLASS.into())?;
    let mut parts = class.split('\0');
    let instance = parts.next().unwrap_or_default().to_owned();
    let class = parts.next().unwrap_or_default().to_owned();
    let mut title = text_property(connection, window, net_name)?;
    if title.is_empty() {
        title = text_property(connection, window, AtomEnum::WM_NAME.into())?;
    }
    Ok(WindowInfo {
        id: window,
        x: geometry.x.into(),
        y: geometry.y.into(),
        width: geometry.width.into(),
        height: geometry.height.into(),
        override_redirect: attributes.override_redirect,
        viewable: attributes.map_state == MapState::VIEWABLE,
        instance,
        class,
        title,
    })
}

/// The first 64 KiB of a property.
fn text_property(connection: &RustConnection, window: u32, property: Atom) -> Result<String> {
    let reply = connection
        .get_property(false, window, property, AtomEnum::ANY, 0, 16 * 1024)?
        .reply()?;
    Ok(String::from_utf8_lossy(&reply.value).into_owned())
}
