/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One strip on the X server.

use std::borrow::Cow;
use std::thread;
use std::time::{Duration, Instant};

use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::image::{BitsPerPixel, ColorComponent, Image, ImageOrder, PixelLayout, ScanlinePad};
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ClipOrdering, ConfigureNotifyEvent, ConfigureWindowAux, ConnectionExt as _,
    CreateGCAux, CreateWindowAux, EventMask, Gcontext, MapState, Pixmap, PropMode, StackMode,
    Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use super::super::placement::PlacedStrip;
use super::connection::{Fault, Server};

/// How long to wait before looking again whether a strip is on the screen.
const LOOK_AGAIN: Duration = Duration::from_millis(15);
/// How far each color channel may be off: a compositor may draw what it takes
/// for a notification slightly transparent.
const TOLERANCE: u16 = 32 << 8;
/// A strip that is covered or out of place for longer than this is lost.
const AMISS_LIMIT: Duration = Duration::from_millis(400);
/// A strip that is in order for this long is safe.
const SETTLED: Duration = Duration::from_millis(200);
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
    /// For how long it was covered or out of place since it was last in order
    /// for [`SETTLED`].
    amiss_for: Duration,
    in_order_for: Duration,
    /// Why it is not on the screen any more.
    pub(super) gone: Option<&'static str>,
    /// Whether it had to be made anew already.
    pub(super) restored: bool,
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
            amiss_for: Duration::ZERO,
            in_order_for: Duration::ZERO,
            gone: None,
            restored: false,
        };
        strip.make_window(server)?;
        strip.describe(server, name)?;
        strip.let_clicks_through(server)?;
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
                .event_mask(EventMask::VISIBILITY_CHANGE),
        )?;
        // The window keeps the picture alive.
        connection.free_gc(context)?;
        connection.free_pixmap(pixmap)?;
        Ok(())
    }

    /// Tells window managers, compositors and assistive tools what it is.
    fn describe(&self, server: &Server, name: &str) -> Result<(), Fault> {
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
        Ok(())
    }

    /// The page below stays usable. Without the SHAPE extension it does not,
    /// where the strip is; that is no reason not to show it.
    fn let_clicks_through(&self, server: &Server) -> Result<(), Fault> {
        let connection = &server.connection;
        if connection
            .extension_information(shape::X11_EXTENSION_NAME)?
            .is_none()
        {
            return Ok(());
        }
        connection.shape_rectangles(
            shape::SO::SET,
            shape::SK::INPUT,
            ClipOrdering::UNSORTED,
            self.window,
            0,
            0,
            &[],
        )?;
        Ok(())
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

    /// Makes a new window in place of one that is gone.
    pub(super) fn create_again(&mut self, server: &Server, name: &str) -> Result<(), Fault> {
        // Unmapped or put elsewhere, it still exists.
        self.destroy(server)?;
        *self = Self::create(server, self.placed.clone(), name)?;
        self.restored = true;
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
    /// When that has not happened at `deadline`.
    pub(super) fn confirm(&self, server: &Server, deadline: Instant) -> Result<(), Fault> {
        server.set_deadline(deadline);
        loop {
            let Some(missing) = self.what_is_missing(server)? else {
                return Ok(());
            };
            if Instant::now() + LOOK_AGAIN >= deadline {
                return Err(Fault::NotOnScreen(missing.to_owned()));
            }
            self.put_back(server)?;
            server.connection.flush()?;
            // A compositor draws a new window with its next frame only.
            thread::sleep(LOOK_AGAIN);
        }
    }

    fn what_is_missing(&self, server: &Server) -> Result<Option<&'static str>, Fault> {
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
        let (width, height) = (self.picture.width(), self.picture.height());
        // Compositors may round the corners of what they take for a notification.
        let corner = height / 2;
        let in_corner = |x: u16, y: u16| {
            (x < corner || x >= width.saturating_sub(corner))
                && (y < corner / 2 || y >= height.saturating_sub(corner / 2))
        };
        let close = |x: u16, y: u16| {
            let drawn = self.picture.get_pixel(x, y) & server.color_mask;
            let found = screen.get_pixel(x, y) & server.color_mask;
            if drawn == found {
                return true;
            }
            let (drawn, found) = (server.layout.decode(drawn), server.layout.decode(found));
            drawn.0.abs_diff(found.0) <= TOLERANCE
                && drawn.1.abs_diff(found.1) <= TOLERANCE
                && drawn.2.abs_diff(found.2) <= TOLERANCE
        };
        (0..height).all(|y| (0..width).all(|x| in_corner(x, y) || close(x, y)))
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

    /// Forgets how long it was covered or out of place: it was seen just now.
    pub(super) fn note_seen(&mut self) {
        self.amiss_for = Duration::ZERO;
    }

    /// Lets time pass, and tells what keeps the strip from being seen if that
    /// has lasted for too long. Moments in which it was in order do not count
    /// for much: another program may cover it again and again.
    pub(super) fn pass_time(&mut self, elapsed: Duration) -> Option<&'static str> {
        if !self.is_amiss() {
            self.in_order_for += elapsed;
            if self.in_order_for >= SETTLED {
                self.amiss_for = Duration::ZERO;
            }
            return None;
        }
        self.in_order_for = Duration::ZERO;
        self.amiss_for += elapsed;
        (self.amiss_for > AMISS_LIMIT).then_some(if self.displaced {
            "another program moves its window"
        } else {
            "another window covers it"
        })
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
