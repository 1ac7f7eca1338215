/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pointer.

use std::sync::Arc;

use euclid::{Point2D, Size2D, Vector2D};
use servo_capture_traits::DesktopPixel;
use x11rb::connection::Connection;
use x11rb::errors::ConnectionError;
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};
use x11rb::protocol::xinput::{self, ConnectionExt as _, XIEventMask};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::connection::{Server, answer, disconnected};
use crate::grabber::{GrabError, Pointer, PointerShape};

/// All pointers together (XInput 2, `XIAllMasterDevices`).
const ALL_MASTER_DEVICES: u16 = 1;

/// What is known of the pointer.
#[derive(Default)]
pub(super) struct PointerWatch {
    /// Notifications are on.
    is_watched: bool,
    /// Something was notified that nobody asked for yet.
    has_news: bool,
    /// The shape, as long as notifications would tell of another one.
    shape: Option<Arc<PointerShape>>,
}

impl PointerWatch {
    /// The pointer moved.
    pub(super) fn moved(&mut self) {
        self.has_news = true;
    }

    /// It has another shape.
    pub(super) fn reshaped(&mut self) {
        self.shape = None;
        self.has_news = true;
    }

    pub(super) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Whether it moved or changed, as far as anybody wants to know.
    pub(super) fn has_news(&self) -> bool {
        self.is_watched && self.has_news
    }

    /// Turns notifications on or off.
    pub(super) fn watch(&mut self, server: &Server, wanted: bool) -> Result<(), GrabError> {
        if self.is_watched == wanted || !server.has_pointer {
            return Ok(());
        }
        let send = || -> Result<(), ConnectionError> {
            let (shapes, motion) = if wanted {
                (CursorNotifyMask::DISPLAY_CURSOR, XIEventMask::RAW_MOTION)
            } else {
                (CursorNotifyMask::from(0u8), XIEventMask::from(0u8))
            };
            let connection = &server.connection;
            connection.xfixes_select_cursor_input(server.root, shapes)?;
            if server.has_motion {
                let mask = xinput::EventMask {
                    deviceid: ALL_MASTER_DEVICES,
                    mask: vec![motion],
                };
                connection.xinput_xi_select_events(server.root, &[mask])?;
            }
            connection.flush()
        };
        send().map_err(disconnected)?;
        self.is_watched = wanted;
        self.reshaped();
        Ok(())
    }

    /// Asks the server where it is, and what it looks like if that is unknown.
    pub(super) fn ask(&mut self, server: &Server) -> Result<Option<Pointer>, GrabError> {
        if !server.has_pointer {
            return Ok(None);
        }
        self.has_news = false;
        let connection = &server.connection;
        if let Some(shape) = &self.shape
            && self.is_watched
        {
            let asked = connection
                .query_pointer(server.root)
                .map_err(disconnected)?;
            let Ok(reply) = answer(asked.reply())? else {
                return Ok(None);
            };
            return Ok(reply.same_screen.then(|| Pointer {
                position: position(reply.root_x, reply.root_y),
                shape: shape.clone(),
            }));
        }
        let asked = connection.xfixes_get_cursor_image().map_err(disconnected)?;
        // Without a pointing device there is no picture, which the server answers with an error.
        let Ok(reply) = answer(asked.reply())? else {
            return Ok(None);
        };
        let position = position(reply.x, reply.y);
        let known = self.shape.take();
        let shape = known
            .filter(|shape| shape.serial == u64::from(reply.cursor_serial))
            .or_else(|| shape(&reply).map(Arc::new));
        self.shape = shape.clone();
        Ok(shape.map(|shape| Pointer { position, shape }))
    }
}

fn position(x: i16, y: i16) -> Point2D<i32, DesktopPixel> {
    Point2D::new(i32::from(x), i32::from(y))
}

/// `None` for a picture of another size than it says.
fn shape(reply: &GetCursorImageReply) -> Option<PointerShape> {
    let pixels = usize::from(reply.width) * usize::from(reply.height);
    (reply.cursor_image.len() == pixels).then(|| PointerShape {
        serial: u64::from(reply.cursor_serial),
        size: Size2D::new(u32::from(reply.width), u32::from(reply.height)),
        hot_spot: Vector2D::new(i32::from(reply.xhot), i32::from(reply.yhot)),
        // Alpha in the highest byte, blue in the lowest.
        pixels: reply
            .cursor_image
            .iter()
            .flat_map(|pixel| pixel.to_le_bytes())
            .collect(),
    })
}
