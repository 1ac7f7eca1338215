/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Rows that are read for nobody but ourselves.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use euclid::{Box2D, point2};
use servo_capture_traits::{Damage, PictureWriter};
use x11rb::connection::Connection;

use super::X11Grabber;
use super::connection::{Server, disconnected};
use super::memory::{Attachment, attach};
use super::plan::{Part, REQUEST_BYTES, Shape, requests};
use super::reading::unreadable;
use super::transfer::{Failure, Origin, Target, send, send_rows};
use crate::grabber::{GrabError, RowsRead};
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

    /// Reads all of a batch, which fits into the memory that was made for it: one
    /// wait for all. One outcome for each piece; the pixels of those that went
    /// well are appended by `append`, with the piece's number.
    fn read(
        &self,
        server: &Server,
        context: u32,
        batch: &[Piece],
        nap: Duration,
        mut append: impl FnMut(usize, &[u8]),
    ) -> Result<Vec<Result<(), Failure>>, GrabError> {
        let connection = &server.connection;
        let mut sent = Vec::new();
        let mut offset = 0;
        for piece in batch {
            let Piece { origin, part, .. } = piece;
            let request = match &self.shared {
                Some((_, attachment)) => {
                    let at = u32::try_from(offset).unwrap_or(u32::MAX);
                    send_rows(connection, server, origin, attachment.segment, part, at)
                }
                None => send(
                    connection,
                    server,
                    context,
                    origin,
                    Target::Socket,
                    &[*part],
                ),
            };
            sent.push(request.map_err(disconnected)?);
            offset += piece.bytes();
        }
        if !nap.is_zero() {
            connection.flush().map_err(disconnected)?;
            thread::sleep(nap);
        }
        let mut outcomes = Vec::new();
        for (number, request) in sent.into_iter().enumerate() {
            outcomes.push(request.finish(server, |_, pixels| append(number, pixels))?);
        }
        // Only now: nobody writes to any of it any more.
        if let Some((writer, _)) = &self.shared {
            let mut rest = writer.bytes();
            for (number, (piece, outcome)) in batch.iter().zip(&outcomes).enumerate() {
                let Some((pixels, after)) = rest.split_at_checked(piece.bytes()) else {
                    break;
                };
                if outcome.is_ok() {
                    append(number, pixels);
                }
                rest = after;
            }
        }
        Ok(outcomes)
    }
}

/// What one request reads.
struct Piece {
    /// For which of the reads.
    index: usize,
    monitor: MonitorId,
    origin: Origin,
    part: Part,
}

impl Piece {
    fn bytes(&self) -> usize {
        self.origin.stride() * self.part.height() as usize
    }
}

/// How many of the first pieces one wait is for: as many as fit into what one
/// request may read at most, and at least one.
fn batch_length(pieces: &[Piece]) -> usize {
    let mut room = REQUEST_BYTES;
    let fitting = pieces.iter().take_while(|piece| {
        let fits = piece.bytes() <= room;
        room = room.saturating_sub(piece.bytes());
        fits
    });
    fitting.count().max(1)
}

impl X11Grabber {
    /// [`crate::grabber::Grabber::read_rows`] on a connection that is not broken.
    pub(super) fn read_some_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError> {
        let read = RowsRead {
            monitor,
            rows,
            into,
        };
        let result = self.read_all_rows(&mut [read], Duration::ZERO)?.pop();
        // There is one result for each read.
        result.unwrap_or(Err(GrabError::UnknownMonitor(monitor)))
    }

    /// [`crate::grabber::Grabber::read_many_rows`] on a connection that is not
    /// broken.
    pub(super) fn read_all_rows(
        &mut self,
        reads: &mut [RowsRead<'_>],
        nap: Duration,
    ) -> Result<Vec<Result<(), GrabError>>, GrabError> {
        self.check_places()?;
        let mut results = Vec::new();
        let mut pieces = Vec::new();
        for (index, read) in reads.iter_mut().enumerate() {
            read.into.clear();
            results.push(self.pieces(index, read, &mut pieces));
        }
        let mut left = pieces.as_slice();
        while !left.is_empty() {
            let (batch, rest) = left.split_at(batch_length(left));
            left = rest;
            let bytes = batch.iter().map(Piece::bytes).sum();
            self.rows.prepare(&mut self.server, &self.is_lost, bytes)?;
            let outcomes =
                self.rows
                    .read(&self.server, self.context, batch, nap, |number, pixels| {
                        if let Some(read) = batch
                            .get(number)
                            .and_then(|piece| reads.get_mut(piece.index))
                        {
                            read.into.extend_from_slice(pixels);
                        }
                    })?;
            for (piece, outcome) in batch.iter().zip(outcomes) {
                if let (Err(failure), Some(result)) = (outcome, results.get_mut(piece.index)) {
                    self.places_unchecked |= matches!(failure, Failure::Refused(_));
                    *result = Err(unreadable(piece.monitor, &failure));
                }
            }
        }
        self.look_after_reading()?;
        for (read, result) in reads.iter().zip(&mut results) {
            // A monitor that changed says why its rows were refused.
            if let Err(error) = self.check_presence(read.monitor) {
                *result = Err(error);
            }
        }
        Ok(results)
    }

    /// Adds what is to be asked for some rows.
    fn pieces(
        &self,
        index: usize,
        read: &RowsRead<'_>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), GrabError> {
        let monitor = read.monitor;
        let origin = self.present_origin(monitor)?;
        let end = read.rows.end.min(origin.size.height);
        let wanted = Damage::from(Box2D::new(
            point2(0, read.rows.start),
            point2(origin.size.width, end),
        ));
        let requests = requests(Shape::Rows, origin.size, &wanted, false);
        pieces.extend(requests.into_iter().flatten().map(|part| Piece {
            index,
            monitor,
            origin,
            part,
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use euclid::Size2D;

    use super::*;

    #[test]
    fn one_wait_is_for_as_many_rows_as_fit_and_for_one_piece_at_least() {
        let piece = |rows: u32| {
            let bounds = Box2D::from_size(Size2D::new(1920, 30_000));
            Piece {
                index: 0,
                monitor: MonitorId(1),
                origin: Origin::new(bounds).expect("it fits"),
                part: Box2D::from_size(Size2D::new(1920, rows)),
            }
        };
        let length = |rows: &[u32]| {
            let pieces: Vec<Piece> = rows.iter().map(|rows| piece(*rows)).collect();
            batch_length(&pieces)
        };
        // 2184 rows of 7680 bytes are 16 MiB.
        assert_eq!(length(&[64; 8]), 8);
        assert_eq!(length(&[1000, 1184, 1]), 2);
        assert_eq!(length(&[1000, 1185, 1]), 1);
        assert_eq!(length(&[30_000, 1]), 1);
    }
}
