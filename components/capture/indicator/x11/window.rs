/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One strip on the X server.

use std::borrow::Cow;
use std::thread;
use std::time::Duration;

use euclid::Point2D;
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::image::{BitsPerPixel, ColorComponent, Image, ImageOrder, PixelLayout, ScanlinePad};
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ClipOrdering, ConfigureNotifyEvent, ConfigureWindowAux, ConnectionExt as _,
    CreateGCAux, CreateWindowAux, EventMask, Gcontext, MapState, Pixmap, PropMode, Rectangle,
    StackMode, Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use super::super::placement::PlacedStrip;
use super::super::strip::{Control, PlacedControl};
use super::connection::{Fault, Server};
use super::presses;

/// How long to wait before looking again whether a strip is on the screen.
const LOOK_AGAIN: Duration = Duration::from_millis(15);
/// How often it is looked for at most, before it counts as not shown.
const MAX_LOOKS: u32 = 120;
/// The longest name a window gets, in characters.
const LONGEST_NAME: usize = 2048;
/// What comes before the pixels in a PutImage request, in bytes; 4 more when
/// the request is a big one.
const PUT_IMAGE_HEADER: usize = 28;

/// A mapped window with the strip's picture as its background, so that the
/// server itself repaints what was covered.
pub(super) struct StripWindow {
    pub(super) window: Window,
    pub(super) placed: PlacedStrip,
    /// The picture in the display's own format.
    picture: Image<'static>,
    covered: bool,
    displaced: bool,
    /// What another program took it away by.
    pub(super) gone: Option<Gone>,
}

/// How a strip left the screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Gone {
    /// Its window is there and not shown.
    Unmapped,
    /// Its window does not exist any more.
    Destroyed,
    /// Its window is part of another one.
    Reparented,
}

impl StripWindow {
    /// Draws it and maps it on top of everything else. Whether it can be seen
    /// is for [`Self::confirm`] to find out.
    pub(super) fn create(server: &Server, placed: PlacedStrip, name: &str) -> Result<Self, Fault> {
        let picture = native_picture(server, &placed)?;
        let window = server.connection.generate_id()?;
        let strip = Self {
            window,
            placed,
            picture,
            covered: false,
            displaced: false,
            gone: None,
        };
        strip.make_window(server)?;
        strip.describe(server, name)?;
        strip.take_clicks_on_controls_only(server)?;
        server.connection.map_window(window)?;
        strip.put_back(server)?;
        Ok(strip)
    }

    /// Its left, top, width and height, as the protocol has them.
    fn geometry(&self) -> Result<(i16, i16, u16, u16), Fault> {
        let area = self.placed.area;
        let convert = || {
            Some((
                i16::try_from(area.min.x).ok()?,
                i16::try_from(area.min.y).ok()?,
                u16::try_from(area.width()).ok()?,
                u16::try_from(area.height()).ok()?,
            ))
        };
        convert().ok_or_else(|| Fault::NotOnScreen(format!("{area:?} is beyond what X11 can name")))
    }

    fn make_window(&self, server: &Server) -> Result<(), Fault> {
        let connection = &server.connection;
        let (x, y, width, height) = self.geometry()?;
        let pixmap: Pixmap = connection.generate_id()?;
        connection.create_pixmap(server.depth, pixmap, server.root, width, height)?;
        let context: Gcontext = connection.generate_id()?;
        connection.create_gc(context, pixmap, &CreateGCAux::new())?;
        self.picture.put(connection, pixmap, context, 0, 0)?;
        let mut events = EventMask::VISIBILITY_CHANGE;
        if !server.tells_devices {
            events |= EventMask::BUTTON_PRESS | EventMask::BUTTON_RELEASE;
        }
        connection.create_window(
            COPY_DEPTH_FROM_PARENT,
            self.window,
            server.root,
            x,
            y,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &CreateWindowAux::new()
                .background_pixmap(pixmap)
                .override_redirect(1)
                .save_under(0)
                .event_mask(events),
        )?;
        if server.tells_devices {
            presses::select(server, self.window)?;
        }
        // The window keeps the picture alive.
        connection.free_gc(context)?;
        connection.free_pixmap(pixmap)?;
        Ok(())
    }

    /// Tells window managers, compositors and assistive tools what it is.
    pub(super) fn describe(&self, server: &Server, name: &str) -> Result<(), Fault> {
        let (connection, atoms) = (&server.connection, &server.atoms);
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let latin: String = name
            .chars()
            .map(|character| if character.is_ascii() { character } else { '?' })
            .collect();
        let replace = PropMode::REPLACE;
        let text = |property: u32, kind: u32, value: &[u8]| {
            connection.change_property8(replace, self.window, property, kind, value)
        };
        text(
            AtomEnum::WM_CLASS.into(),
            AtomEnum::STRING.into(),
            b"captureshell-indicator\0captureshell-indicator\0",
        )?;
        text(
            AtomEnum::WM_NAME.into(),
            AtomEnum::STRING.into(),
            latin.as_bytes(),
        )?;
        text(atoms.net_wm_name, atoms.utf8_string, name.as_bytes())?;
        for (property, value) in [
            (
                atoms.net_wm_window_type,
                atoms.net_wm_window_type_notification,
            ),
            (atoms.net_wm_state, atoms.net_wm_state_above),
        ] {
            connection.change_property32(
                replace,
                self.window,
                property,
                AtomEnum::ATOM,
                &[value],
            )?;
        }
        // Compositors that make notifications transparent leave it opaque.
        connection.change_property32(
            replace,
            self.window,
            atoms.net_wm_window_opacity,
            AtomEnum::CARDINAL,
            &[u32::MAX],
        )?;
        Ok(())
    }

    /// What is below stays usable but for the controls. Without the SHAPE
    /// extension it does not, where the strip is; that is no reason not to show
    /// it.
    fn take_clicks_on_controls_only(&self, server: &Server) -> Result<(), Fault> {
        let connection = &server.connection;
        if connection
            .extension_information(shape::X11_EXTENSION_NAME)?
            .is_none()
        {
            return Ok(());
        }
        let rectangle = |(_, area): &PlacedControl| {
            Some(Rectangle {
                x: i16::try_from(area.min.x).ok()?,
                y: i16::try_from(area.min.y).ok()?,
                width: u16::try_from(area.width()).ok()?,
                height: u16::try_from(area.height()).ok()?,
            })
        };
        let controls = self.placed.strip.controls.iter();
        let areas: Vec<Rectangle> = controls.filter_map(rectangle).collect();
        connection.shape_rectangles(
            shape::SO::SET,
            shape::SK::INPUT,
            ClipOrdering::UNSORTED,
            self.window,
            0,
            0,
            &areas,
        )?;
        Ok(())
    }

    /// The control at this place in the window.
    pub(super) fn control_at(&self, x: i16, y: i16) -> Option<Control> {
        let point = Point2D::new(u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        let mut controls = self.placed.strip.controls.iter();
        controls
            .find(|(_, area)| area.contains(point))
            .map(|&(control, _)| control)
    }

    /// Asks for its place, its size and the top of the stack.
    pub(super) fn put_back(&self, server: &Server) -> Result<(), Fault> {
        let (x, y, width, height) = self.geometry()?;
        server.connection.configure_window(
            self.window,
            &ConfigureWindowAux::new()
                .x(i32::from(x))
                .y(i32::from(y))
                .width(u32::from(width))
                .height(u32::from(height))
                .border_width(0)
                .stack_mode(StackMode::ABOVE),
        )?;
        Ok(())
    }

    /// Asks for what another program took away. Whether that brings it back is
    /// for whoever looks at the screen to find out.
    pub(super) fn bring_back(&mut self, server: &Server, name: &str) -> Result<(), Fault> {
        match self.gone.take() {
            None => {}
            Some(Gone::Unmapped) => {
                server.connection.map_window(self.window)?;
                self.put_back(server)?;
            }
            Some(gone) => {
                if gone == Gone::Reparented {
                    self.destroy(server)?;
                }
                *self = Self::create(server, self.placed.clone(), name)?;
            }
        }
        Ok(())
    }

    /// A new window in place of one that is where it belongs and not seen:
    /// another program may have drawn in it, or given it another shape. The old
    /// one goes when the new one is above it.
    pub(super) fn make_anew(&mut self, server: &Server, name: &str) -> Result<(), Fault> {
        let anew = Self::create(server, self.placed.clone(), name)?;
        self.destroy(server)?;
        *self = anew;
        Ok(())
    }

    pub(super) fn destroy(&self, server: &Server) -> Result<(), Fault> {
        server.connection.destroy_window(self.window)?;
        Ok(())
    }

    /// Waits until it can be seen: mapped, in its place, and its pixels found on
    /// the screen. What covers it meanwhile is put below it.
    ///
    /// # Errors
    /// When that does not happen for two seconds in which the server answers.
    pub(super) fn confirm(&self, server: &Server) -> Result<(), Fault> {
        let mut missing = "";
        for _ in 0..MAX_LOOKS {
            let Some(found) = self.what_is_missing(server)? else {
                return Ok(());
            };
            missing = found;
            self.put_back(server)?;
            server.connection.flush()?;
            // A compositor draws a new window with its next frame only.
            thread::sleep(LOOK_AGAIN);
        }
        Err(Fault::NotOnScreen(missing.to_owned()))
    }

    /// What keeps it from being seen, if anything. Waits for the server.
    pub(super) fn what_is_missing(&self, server: &Server) -> Result<Option<&'static str>, Fault> {
        let connection = &server.connection;
        let (x, y, width, height) = self.geometry()?;
        let attributes = connection.get_window_attributes(self.window)?;
        let geometry = connection.get_geometry(self.window)?;
        let (attributes, geometry) = (attributes.reply()?, geometry.reply()?);
        if attributes.map_state != MapState::VIEWABLE {
            return Ok(Some("the display server does not map its window"));
        }
        if (geometry.x, geometry.y, geometry.width, geometry.height) != (x, y, width, height) {
            return Ok(Some("its window is not where it was put"));
        }
        // Of the root window, with all that is above it: what people see.
        let (screen, _) = Image::get(connection, server.root, x, y, width, height)?;
        if self.is_seen_in(server, &screen) {
            Ok(None)
        } else {
            Ok(Some("its pixels are not on the screen"))
        }
    }

    fn is_seen_in(&self, server: &Server, screen: &Image<'_>) -> bool {
        let checked = self.placed.strip.checked;
        let mut pixels = (checked.min.y..checked.max.y)
            .flat_map(|y| (checked.min.x..checked.max.x).map(move |x| (x as u16, y as u16)));
        pixels.all(|(x, y)| {
            let difference = self.picture.get_pixel(x, y) ^ screen.get_pixel(x, y);
            difference & server.color_mask == 0
        })
    }

    /// Notes where the server says that the window is now.
    pub(super) fn note_configure(&mut self, event: &ConfigureNotifyEvent) {
        let area = self.placed.area;
        let found = (event.x, event.y, event.width, event.height);
        let found = (
            i32::from(found.0),
            i32::from(found.1),
            i32::from(found.2),
            i32::from(found.3),
        );
        self.displaced = found != (area.min.x, area.min.y, area.width(), area.height());
    }

    /// Notes whether something is above it.
    pub(super) fn note_covered(&mut self, covered: bool) {
        self.covered = covered;
    }

    /// Whether it is covered or out of place, as far as the server has told.
    pub(super) fn is_amiss(&self) -> bool {
        self.covered || self.displaced
    }
}

/// The strip in the format that the display's pixmaps have.
fn native_picture(server: &Server, placed: &PlacedStrip) -> Result<Image<'static>, Fault> {
    let setup = server.connection.setup();
    let too_large = || Fault::NotOnScreen("it is larger than X11 allows".to_owned());
    let width = u16::try_from(placed.strip.size.width).map_err(|_| too_large())?;
    let height = u16::try_from(placed.strip.size.height).map_err(|_| too_large())?;
    let drawn = Image::new(
        width,
        height,
        ScanlinePad::Pad32,
        24,
        BitsPerPixel::B32,
        ImageOrder::LsbFirst,
        Cow::Borrowed(placed.strip.pixels.as_slice()),
    )?;
    let component = |shift| ColorComponent::new(8, shift);
    let bgrx = PixelLayout::new(component(16)?, component(8)?, component(0)?);
    let mut native = Image::allocate_native(width, height, server.depth, setup)?;
    if server.layout == bgrx {
        native = drawn.native(setup)?.into_owned().into_owned();
    } else {
        for y in 0..height {
            for x in 0..width {
                let color = bgrx.decode(drawn.get_pixel(x, y));
                native.put_pixel(x, y, server.layout.encode(color));
            }
        }
    }
    let row = native.data().len() / usize::from(height.max(1));
    if row + PUT_IMAGE_HEADER > server.connection.maximum_request_bytes() {
        return Err(too_large());
    }
    Ok(native)
}
