/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The memory of one monitor's picture, and how it is brought up to date.

use euclid::{Box2D, Size2D};
use servo_capture_traits::{DesktopPixel, MonitorPixel};
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::x11_utils::X11Error;

use super::connection::{Refusal, Server, Transport, answer, disconnected};
use super::shm::{Segment, SegmentError};
use crate::grabber::GrabError;

pub(super) const BYTES_PER_PIXEL: usize = 4;
/// How much one request reads. The server serves other clients between
/// requests: 16 MiB keep them waiting for about 2 ms (9 GB/s were measured on
/// Xvfb), and a picture of up to 2560x1600 pixels is one request, so that it
/// cannot be torn.
const BAND_BYTES: usize = 16 << 20;

enum Memory {
    Shared(Segment),
    Own(Vec<u8>),
}

/// The picture of one monitor: rows from the top without padding.
pub(super) struct Canvas {
    bounds: Box2D<i32, DesktopPixel>,
    memory: Memory,
}

/// Why a picture was not read.
pub(super) enum ReadError {
    /// The server refused; the picture may be incomplete.
    Refused(Box<X11Error>),
    /// The server told something else than a picture.
    Nonsense(String),
    /// The connection broke; the server may still be writing.
    Connection(GrabError),
}

impl From<ConnectionError> for ReadError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(disconnected(error))
    }
}

/// Some rows of a picture.
struct Band {
    top: usize,
    rows: usize,
}

impl Canvas {
    /// Memory for the pixels in `bounds`. Where shared memory is refused, the
    /// server is not asked for it again.
    ///
    /// # Errors
    /// The reason, where there is no memory; a broken connection.
    pub(super) fn new(
        server: &mut Server,
        bounds: Box2D<i32, DesktopPixel>,
    ) -> Result<Result<Self, String>, GrabError> {
        let Some(bytes) = byte_count(bounds) else {
            return Ok(Err(format!("{bounds:?} is too large")));
        };
        let memory = if server.transport == Transport::SharedMemory {
            match Segment::attach(&server.connection, bytes) {
                Ok(segment) => Memory::Shared(segment),
                Err(SegmentError::Refused(refusal)) => {
                    server.give_up_shared_memory(&refusal);
                    Memory::Own(vec![0; bytes])
                }
                Err(SegmentError::Memory(error)) => {
                    return Ok(Err(format!("no memory to share: {error}")));
                }
                Err(SegmentError::Connection(error)) => return Err(error),
            }
        } else {
            Memory::Own(vec![0; bytes])
        };
        Ok(Ok(Self { bounds, memory }))
    }

    /// The rectangle of the screen that it shows.
    pub(super) fn bounds(&self) -> Box2D<i32, DesktopPixel> {
        self.bounds
    }

    /// Moves it: it shows another rectangle of the same size from the next
    /// read on. `false` where the size is another.
    pub(super) fn show(&mut self, bounds: Box2D<i32, DesktopPixel>) -> bool {
        let fits = self.bounds.size() == bounds.size();
        if fits {
            self.bounds = bounds;
        }
        fits
    }

    /// Width and height.
    pub(super) fn size(&self) -> Size2D<u32, MonitorPixel> {
        // Not negative: `byte_count` checked it.
        self.bounds.size().cast_unit().cast()
    }

    /// Blue, green, red and a spare byte for each pixel.
    pub(super) fn pixels(&self) -> &[u8] {
        match &self.memory {
            Memory::Shared(segment) => segment.bytes(),
            Memory::Own(bytes) => bytes,
        }
    }

    /// Reads all pixels and waits until the last one has come.
    pub(super) fn read(&mut self, server: &Server) -> Result<(), ReadError> {
        let size = self.bounds.size();
        let request = Request {
            x: coordinate(self.bounds.min.x)?,
            y: self.bounds.min.y,
            width: coordinate(size.width)?,
            stride: size.width as usize * BYTES_PER_PIXEL,
            height: size.height as usize,
        };
        match &mut self.memory {
            Memory::Shared(segment) => request.read_shared(server, segment),
            Memory::Own(bytes) => request.read_socket(server, bytes),
        }
    }

    /// Gives its memory back.
    pub(super) fn close(self, server: &Server) {
        if let Memory::Shared(segment) = self.memory {
            segment.detach(&server.connection);
        }
    }
}

/// What is asked of the server, in the protocol's own integers.
struct Request {
    x: i16,
    y: i32,
    width: u16,
    stride: usize,
    height: usize,
}

impl Request {
    fn bands(&self) -> impl Iterator<Item = Band> + use<> {
        let height = self.height;
        let rows = (BAND_BYTES / self.stride.max(1)).max(1);
        (0..height).step_by(rows).map(move |top| Band {
            top,
            rows: rows.min(height - top),
        })
    }

    /// Sends all requests, then takes every answer, refused ones included: the
    /// server must have stopped writing when this returns.
    fn read_shared(&self, server: &Server, segment: &Segment) -> Result<(), ReadError> {
        // Nothing is sent before all of it is known to be sendable.
        let bands = self
            .bands()
            .map(|band| {
                let bytes = band.rows * self.stride;
                let offset = coordinate(band.top * self.stride)?;
                Ok((self.top_of(&band)?, coordinate(band.rows)?, bytes, offset))
            })
            .collect::<Result<Vec<_>, ReadError>>()?;
        let mut requests = Vec::new();
        for (top, rows, bytes, offset) in bands {
            requests.push((
                bytes,
                server.connection.shm_get_image(
                    server.root,
                    self.x,
                    top,
                    self.width,
                    rows,
                    !0,
                    ImageFormat::Z_PIXMAP.into(),
                    segment.id(),
                    offset,
                )?,
            ));
        }
        let replies = requests.into_iter().map(|(bytes, request)| {
            let reply = accept(request.reply())?;
            self.check(server, reply.depth, reply.size as usize, bytes)
        });
        first_error(replies)
    }

    fn read_socket(&self, server: &Server, bytes: &mut [u8]) -> Result<(), ReadError> {
        let mut requests = Vec::new();
        for band in self.bands() {
            let request = server.connection.get_image(
                ImageFormat::Z_PIXMAP,
                server.root,
                self.x,
                self.top_of(&band)?,
                self.width,
                coordinate(band.rows)?,
                !0,
            )?;
            requests.push((band, request));
        }
        let replies = requests.into_iter().map(|(band, request)| {
            let reply = accept(request.reply())?;
            let start = band.top * self.stride;
            let rows = &mut bytes[start..start + band.rows * self.stride];
            self.check(server, reply.depth, reply.data.len(), rows.len())?;
            rows.copy_from_slice(&reply.data);
            Ok(())
        });
        first_error(replies)
    }

    fn top_of(&self, band: &Band) -> Result<i16, ReadError> {
        coordinate(i64::from(self.y) + band.top as i64)
    }

    fn check(
        &self,
        server: &Server,
        depth: u8,
        found: usize,
        wanted: usize,
    ) -> Result<(), ReadError> {
        if depth != server.depth || found != wanted {
            return Err(ReadError::Nonsense(format!(
                "{wanted} bytes of depth {} were asked for, the X server sent {found} of depth {depth}",
                server.depth
            )));
        }
        Ok(())
    }
}

fn accept<T>(reply: Result<T, ReplyError>) -> Result<T, ReadError> {
    answer(reply)
        .map_err(ReadError::Connection)?
        .map_err(ReadError::Refused)
}

/// Goes on after a refusal, but not on a broken connection, which has no
/// further answers.
fn first_error(replies: impl Iterator<Item = Result<(), ReadError>>) -> Result<(), ReadError> {
    let mut result = Ok(());
    for reply in replies {
        match reply {
            Err(error @ ReadError::Connection(_)) => return Err(error),
            Err(error) if result.is_ok() => result = Err(error),
            _ => {}
        }
    }
    result
}

fn byte_count(bounds: Box2D<i32, DesktopPixel>) -> Option<usize> {
    let size = bounds.size();
    let width = usize::try_from(size.width).ok()?;
    let height = usize::try_from(size.height).ok()?;
    let bytes = width.checked_mul(height)?.checked_mul(BYTES_PER_PIXEL)?;
    // Offsets in requests have 32 bits.
    (bytes > 0 && u32::try_from(bytes).is_ok()).then_some(bytes)
}

fn coordinate<From, To: TryFrom<From>>(value: From) -> Result<To, ReadError> {
    To::try_from(value)
        .map_err(|_| ReadError::Nonsense("a coordinate does not fit the X protocol".to_owned()))
}

/// What a failed read says to people.
pub(super) fn explain(error: &X11Error) -> String {
    format!("the X server answered {}", Refusal(error))
}

#[cfg(test)]
mod tests {
    use euclid::point2;

    use super::*;

    #[test]
    fn bands_cover_every_row_once_and_stay_small() {
        for (width, height) in [(1, 1), (1920, 1080), (3840, 2160), (7680, 4321), (32767, 3)] {
            let request = Request {
                x: 0,
                y: 0,
                width,
                stride: usize::from(width) * BYTES_PER_PIXEL,
                height,
            };
            let mut next = 0;
            for band in request.bands() {
                assert_eq!(band.top, next);
                assert!(band.rows > 0 && band.rows * request.stride <= BAND_BYTES);
                next += band.rows;
            }
            assert_eq!(next, height, "{width}x{height}");
        }
    }

    #[test]
    fn a_full_hd_picture_is_one_request() {
        let request = Request {
            x: 0,
            y: 0,
            width: 1920,
            stride: 1920 * BYTES_PER_PIXEL,
            height: 1080,
        };
        assert_eq!(request.bands().count(), 1);
    }

    #[test]
    fn empty_and_inverted_rectangles_need_no_memory() {
        let bytes =
            |width, height| byte_count(Box2D::new(point2(5, 5), point2(5 + width, 5 + height)));
        assert_eq!(bytes(1920, 1080), Some(1920 * 1080 * 4));
        for (width, height) in [(0, 1), (1, 0), (-1, 1), (1, -1), (40_000, 40_000)] {
            assert_eq!(bytes(width, height), None, "{width}x{height}");
        }
    }
}
