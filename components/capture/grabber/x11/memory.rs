/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The X server's side of a picture's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use euclid::Size2D;
use servo_capture_traits::{MonitorPixel, PictureWriter};
use x11rb::connection::Connection;
use x11rb::errors::ConnectionError;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{ConnectionExt as _, Pixmap};

use super::connection::{Server, Transport, answer, disconnected, new_id};
use crate::grabber::GrabError;
use crate::x11::X11Connection;

pub(super) const BYTES_PER_PIXEL: usize = 4;

/// Memory that the X server has mapped. It forgets it when this is dropped.
pub(super) struct Attachment {
    connection: Arc<X11Connection>,
    /// The server is gone, and has forgotten everything, or does not answer.
    is_lost: Arc<AtomicBool>,
    /// The memory.
    pub(super) segment: Seg,
    /// The same memory as something that can be drawn on.
    pub(super) pixmap: Option<Pixmap>,
}

impl Attachment {
    /// Whether it belongs to this connection.
    pub(super) fn is_of(&self, server: &Server) -> bool {
        Arc::ptr_eq(&self.connection, &server.connection)
    }

    fn forget(&self) -> Result<(), ConnectionError> {
        if let Some(pixmap) = self.pixmap {
            self.connection.free_pixmap(pixmap)?.ignore_error();
        }
        self.connection.shm_detach(self.segment)?.ignore_error();
        self.connection.flush()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.is_lost.load(Ordering::Acquire)
            && let Err(error) = self.forget()
        {
            log::debug!("the X server is gone before its memory was taken back: {error}");
        }
    }
}

/// Gives the X server a picture's memory, as far as it takes any: where it
/// refuses, it is not asked again. `size` is for a pixmap; without it there is
/// none.
pub(super) fn attach(
    server: &mut Server,
    is_lost: &Arc<AtomicBool>,
    writer: &PictureWriter,
    size: Option<Size2D<u32, MonitorPixel>>,
) -> Result<Result<Option<Attachment>, std::io::Error>, GrabError> {
    if matches!(server.transport, Transport::Socket(_)) {
        return Ok(Ok(None));
    }
    let descriptor = match writer.descriptor().try_clone_to_owned() {
        Ok(descriptor) => descriptor,
        Err(error) => return Ok(Err(error)),
    };
    let connection = server.connection.clone();
    let segment = new_id(&connection)?;
    let size = size.filter(|_| server.transport == Transport::Pixmaps);
    let with_pixmap = match size {
        Some(size) => Some((new_id(&connection)?, size)),
        None => None,
    };
    let attaching = connection
        .shm_attach_fd(segment, descriptor, false)
        .map_err(disconnected)?;
    let making = match with_pixmap {
        Some((pixmap, size)) => {
            let [width, height] = [size.width, size.height].map(saturated);
            let request = connection.shm_create_pixmap(
                pixmap,
                server.root,
                width,
                height,
                server.depth,
                segment,
                0,
            );
            Some((pixmap, request.map_err(disconnected)?))
        }
        None => None,
    };
    // Both were sent: one wait for both.
    let made = match making {
        Some((pixmap, request)) => Some((pixmap, answer(request.check())?)),
        None => None,
    };
    if let Err(refusal) = answer(attaching.check())? {
        server.give_up_shared_memory(&refusal);
        return Ok(Ok(None));
    }
    let pixmap = match made {
        Some((pixmap, Ok(()))) => Some(pixmap),
        Some((_, Err(refusal))) => {
            server.give_up_pixmaps(&refusal);
            None
        }
        None => None,
    };
    Ok(Ok(Some(Attachment {
        connection: connection.clone(),
        is_lost: is_lost.clone(),
        segment,
        pixmap,
    })))
}

/// A length that was checked to fit, for the protocol.
fn saturated(length: u32) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
