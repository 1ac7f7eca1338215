/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Rows that are read for nobody but ourselves.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use euclid::{Box2D, point2};
use servo_capture_traits::{Damage, PictureWriter};

use super::X11Grabber;
use super::connection::{Server, disconnected};
use super::memory::{Attachment, attach};
use super::plan::{REQUEST_BYTES, Shape, requests};
use super::reading::unreadable;
use super::transfer::{Failure, Origin, Target, send, send_rows};
use crate::grabber::GrabError;
use crate::monitor::MonitorId;

/// Memory that rows pass through, where the server takes any.
#[derive(Default)]
pub(super) struct RowReader {
    shared: Option<(PictureWriter, Attachment)>,
}

impl RowReader {
    /// Gives the memory back.
    pub(super) fn clear(&mut self) {
        self.shared = None;
    }

    /// Makes room for `bytes` bytes, if there is any to be had. Without it rows
    /// come over the socket.
    fn prepare(
        &mut self,
        server: &mut Server,
        is_lost: &Arc<AtomicBool>,
        bytes: usize,
    ) -> Result<(), GrabError> {
        if matches!(&self.shared, Some((writer, _)) if writer.bytes().len() >= bytes) {
            return Ok(());
        }
        self.shared = None;
        let Ok(writer) = PictureWriter::new(bytes) else {
            return Ok(());
        };
        if let Ok(Some(attachment)) = attach(server, is_lost, &writer, None)? {
            self.shared = Some((writer, attachment));
        }
        Ok(())
    }

    /// Appends the pixels of `rows`, which are not more than fit.
    fn read(
        &mut self,
        server: &Server,
        context: u32,
        origin: &Origin,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<Result<(), Failure>, GrabError> {
        let part = Box2D::new(point2(0, rows.start), point2(origin.size.width, rows.end));
        let connection = &server.connection;
        let Some((writer, attachment)) = &self.shared else {
            let sent = send(connection, server, context, origin, Target::Socket, &[part]);
            let sent = sent.map_err(disconnected)?;
            return sent.finish(server, |_, pixels| into.extend_from_slice(pixels));
        };
        let sent = send_rows(connection, server, origin, attachment.segment, &part, 0);
        let finished = sent.map_err(disconnected)?.finish(server, |_, _| {})?;
        if finished.is_ok() {
            let bytes = origin.stride() * part.height() as usize;
            into.extend_from_slice(writer.bytes().get(..bytes).unwrap_or_default());
        }
        Ok(finished)
    }
}

impl X11Grabber {
    /// [`crate::grabber::Grabber::read_rows`] on a connection that is not broken.
    pub(super) fn read_some_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError> {
        into.clear();
        self.take_events()?;
        self.check_places()?;
        let origin = self.present_origin(monitor)?;
        let rows = rows.start..rows.end.min(origin.size.height);
        let wanted = Damage::from(Box2D::new(
            point2(0, rows.start),
            point2(origin.size.width, rows.end),
        ));
        let bytes = origin.stride() * rows.len();
        let room = bytes.min(REQUEST_BYTES.max(origin.stride()));
        if room > 0 {
            self.rows.prepare(&mut self.server, &self.is_lost, room)?;
        }
        let mut result = Ok(());
        for part in requests(Shape::Rows, origin.size, &wanted, false)
            .iter()
            .flatten()
        {
            let read = self
                .rows
                .read(&self.server, self.context, &origin, part.y_range(), into);
            if let Err(failure) = read? {
                self.places_unchecked |= matches!(failure, Failure::Refused(_));
                result = Err(unreadable(monitor, &failure));
                break;
            }
        }
        self.take_events()?;
        self.check_places()?;
        self.check_presence(monitor)?;
        result
    }
}
