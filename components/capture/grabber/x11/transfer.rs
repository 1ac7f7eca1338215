/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Requests that are on their way, and what comes back.

use euclid::{Box2D, Size2D};
use servo_capture_traits::{DesktopPixel, MonitorPixel, PictureWriter};
use x11rb::cookie::{Cookie, VoidCookie};
use x11rb::errors::ConnectionError;
use x11rb::protocol::shm::{self, ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{
    self, ClipOrdering, ConnectionExt as _, Gcontext, ImageFormat, Pixmap, Rectangle,
};
use x11rb::x11_utils::X11Error;

use super::connection::{Server, answer};
use super::memory::{Attachment, BYTES_PER_PIXEL};
use super::plan::{Part, Shape};
use crate::grabber::GrabError;
use crate::x11::X11Connection;

/// Where a monitor's pixels are, in the protocol's own integers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    x: u16,
    y: u16,
    pub(super) size: Size2D<u32, MonitorPixel>,
}

impl Origin {
    /// `None` where the protocol cannot ask for these pixels: no pixel's
    /// coordinate may be beyond 32767, and no picture have 4 GiB.
    pub(super) fn new(bounds: Box2D<i32, DesktopPixel>) -> Option<Self> {
        let origin = Self {
            x: u16::try_from(bounds.min.x).ok()?,
            y: u16::try_from(bounds.min.y).ok()?,
            size: bounds.size().cast_unit().try_cast()?,
        };
        i16::try_from(bounds.max.x.checked_sub(1)?).ok()?;
        i16::try_from(bounds.max.y.checked_sub(1)?).ok()?;
        let bytes = origin.bytes();
        (bytes > 0 && u32::try_from(bytes).is_ok()).then_some(origin)
    }

    /// Bytes of the whole picture.
    pub(super) fn bytes(&self) -> usize {
        self.stride() * self.size.height as usize
    }

    /// Bytes of a row.
    pub(super) fn stride(&self) -> usize {
        self.size.width as usize * BYTES_PER_PIXEL
    }

    /// A part of the monitor on the screen.
    fn on_screen(&self, part: &Part) -> Rectangle {
        let mut rectangle = in_picture(part);
        rectangle.x = signed(u32::from(self.x) + part.min.x);
        rectangle.y = signed(u32::from(self.y) + part.min.y);
        rectangle
    }
}

/// A part of the monitor in its picture.
fn in_picture(part: &Part) -> Rectangle {
    Rectangle {
        x: signed(part.min.x),
        y: signed(part.min.y),
        width: u16::try_from(part.width()).unwrap_or(u16::MAX),
        height: u16::try_from(part.height()).unwrap_or(u16::MAX),
    }
}

/// [`Origin::new`] has seen to it that every coordinate fits.
fn signed(coordinate: u32) -> i16 {
    i16::try_from(coordinate).unwrap_or(i16::MAX)
}

/// Where pixels go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Pixmap(Pixmap),
    Segment(Seg),
    /// Into replies.
    Socket,
}

impl Target {
    pub(super) fn of(attachment: Option<&Attachment>) -> Self {
        match attachment {
            Some(attachment) => match attachment.pixmap {
                Some(pixmap) => Self::Pixmap(pixmap),
                None => Self::Segment(attachment.segment),
            },
            None => Self::Socket,
        }
    }

    /// What one request can read.
    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Pixmap(_) => Shape::Region,
            Self::Segment(_) => Shape::Rows,
            Self::Socket => Shape::Rectangle,
        }
    }
}

type Connection = X11Connection;

/// A request that was sent.
pub(super) enum Sent<'c> {
    Copy([VoidCookie<'c, Connection>; 2]),
    Shared(Cookie<'c, Connection, shm::GetImageReply>, usize),
    Socket(Cookie<'c, Connection, xproto::GetImageReply>, Part),
}

/// Why pixels did not come.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused.
    Refused(Box<X11Error>),
    /// The server told something else than pixels.
    Nonsense(String),
}

/// Asks for `parts` of a monitor: one request, one state of the screen. Shared
/// memory gets them at their places in the picture.
pub(super) fn send<'c>(
    connection: &'c Connection,
    server: &Server,
    context: Gcontext,
    origin: &Origin,
    target: Target,
    parts: &[Part],
) -> Result<Sent<'c>, ConnectionError> {
    let around = parts
        .iter()
        .copied()
        .reduce(|around, part| around.union(&part))
        .unwrap_or_default();
    match target {
        Target::Pixmap(pixmap) => {
            let rectangles: Vec<_> = parts.iter().map(in_picture).collect();
            let clip = connection.set_clip_rectangles(
                ClipOrdering::UNSORTED,
                context,
                0,
                0,
                &rectangles,
            )?;
            let (from, to) = (origin.on_screen(&around), in_picture(&around));
            let copy = connection.copy_area(
                server.root,
                pixmap,
                context,
                from.x,
                from.y,
                to.x,
                to.y,
                to.width,
                to.height,
            )?;
            Ok(Sent::Copy([clip, copy]))
        }
        Target::Segment(segment) => {
            let offset = around.min.y as usize * origin.stride();
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            send_rows(connection, server, origin, segment, &around, offset)
        }
        Target::Socket => {
            let from = origin.on_screen(&around);
            let request = connection.get_image(
                ImageFormat::Z_PIXMAP,
                server.root,
                from.x,
                from.y,
                from.width,
                from.height,
                !0,
            )?;
            Ok(Sent::Socket(request, around))
        }
    }
}

/// Asks for full rows, to be written `offset` bytes into a segment.
pub(super) fn send_rows<'c>(
    connection: &'c Connection,
    server: &Server,
    origin: &Origin,
    segment: Seg,
    rows: &Part,
    offset: u32,
) -> Result<Sent<'c>, ConnectionError> {
    let from = origin.on_screen(rows);
    let format = ImageFormat::Z_PIXMAP.into();
    let request = connection.shm_get_image(
        server.root,
        from.x,
        from.y,
        from.width,
        from.height,
        !0,
        format,
        segment,
        offset,
    )?;
    Ok(Sent::Shared(request, bytes_of(rows)))
}

fn bytes_of(part: &Part) -> usize {
    part.width() as usize * part.height() as usize * BYTES_PER_PIXEL
}

impl Sent<'_> {
    /// Takes the answer; a part that came over the socket is handed to `store`.
    /// For a copy, an answer to a later request must have come.
    pub(super) fn finish(
        self,
        server: &Server,
        store: impl FnOnce(&Part, &[u8]),
    ) -> Result<Result<(), Failure>, GrabError> {
        let (depth, found, wanted) = match self {
            Self::Copy(requests) => {
                for request in requests {
                    if let Err(refusal) = answer(request.check())? {
                        return Ok(Err(Failure::Refused(refusal)));
                    }
                }
                return Ok(Ok(()));
            }
            Self::Shared(request, bytes) => match answer(request.reply())? {
                Ok(reply) => (reply.depth, reply.size as usize, bytes),
                Err(refusal) => return Ok(Err(Failure::Refused(refusal))),
            },
            Self::Socket(request, part) => match answer(request.reply())? {
                Ok(reply) => {
                    let found = (reply.depth, reply.data.len(), bytes_of(&part));
                    if found.1 == found.2 {
                        store(&part, &reply.data);
                    }
                    found
                }
                Err(refusal) => return Ok(Err(Failure::Refused(refusal))),
            },
        };
        if depth != server.depth || found != wanted {
            return Ok(Err(Failure::Nonsense(format!(
                "{wanted} bytes of depth {} were asked for, the X server sent {found} of depth {depth}",
                server.depth
            ))));
        }
        Ok(Ok(()))
    }
}

/// Puts pixels that came over the socket to their place in a picture.
pub(super) fn store(writer: &mut PictureWriter, origin: &Origin, part: &Part, pixels: &[u8]) {
    let width = part.width() as usize * BYTES_PER_PIXEL;
    let left = part.min.x as usize * BYTES_PER_PIXEL;
    let picture = writer.bytes_mut();
    let rows = picture.chunks_exact_mut(origin.stride().max(1));
    let rows = rows.skip(part.min.y as usize);
    for (row, pixels) in rows.zip(pixels.chunks_exact(width.max(1))) {
        row[left..left + width].copy_from_slice(pixels);
    }
}

#[cfg(test)]
mod tests {
    use euclid::point2;

    use super::*;

    #[test]
    fn what_the_protocol_cannot_ask_for_has_no_origin() {
        let origin = |x, y, width, height| {
            Origin::new(Box2D::new(point2(x, y), point2(x + width, y + height)))
        };
        let found = origin(10, 20, 1920, 1080).expect("it fits");
        assert_eq!(found.bytes(), 1920 * 1080 * 4);
        assert!(origin(32000, 0, 768, 1).is_some());
        for (x, y, width, height) in [
            (0, 0, 0, 1),
            (0, 0, 1, 0),
            (0, 0, -1, 1),
            (5, 5, 1, -1),
            (-1, 0, 10, 10),
            (32000, 0, 769, 1),
            (0, 0, 32768, 32768),
        ] {
            assert!(
                origin(x, y, width, height).is_none(),
                "{width}x{height}+{x}+{y}"
            );
        }
    }

    #[test]
    fn a_part_is_stored_at_its_place_and_nowhere_else() {
        let bounds = Box2D::new(point2(100, 100), point2(105, 104));
        let origin = Origin::new(bounds).expect("it fits");
        let mut writer = PictureWriter::new(origin.bytes()).expect("memory");
        let part = Box2D::new(point2(1, 2), point2(4, 4));
        store(&mut writer, &origin, &part, &[7; 3 * 2 * 4]);
        for (index, pixel) in writer.bytes().chunks_exact(4).enumerate() {
            let inside = part.contains(point2(index as u32 % 5, index as u32 / 5));
            assert_eq!(pixel, [if inside { 7 } else { 0 }; 4], "pixel {index}");
        }
    }
}
