/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Memory that the X server writes pixels into and we read them from.

use std::os::fd::OwnedFd;

use memmap2::{Mmap, MmapOptions};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use x11rb::connection::Connection;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::x11_utils::X11Error;

use super::connection::{answer, disconnected, new_id};
use super::stream::X11Connection;
use crate::grabber::GrabError;

/// Why there is no [`Segment`].
#[derive(Debug)]
pub(super) enum SegmentError {
    /// The X server does not want it; the socket still works.
    Refused(Box<X11Error>),
    /// This system has no memory to share.
    Memory(std::io::Error),
    /// The connection broke.
    Connection(GrabError),
}

/// A sealed memfd, attached to the X server and mapped here for reading.
pub(super) struct Segment {
    id: Seg,
    map: Mmap,
}

impl Segment {
    /// Memory of `bytes` bytes, all zero.
    pub(super) fn attach(connection: &X11Connection, bytes: usize) -> Result<Self, SegmentError> {
        let memory = sealed_memory(bytes).map_err(|error| SegmentError::Memory(error.into()))?;
        let for_server = memory.try_clone().map_err(SegmentError::Memory)?;
        let id = new_id(connection).map_err(SegmentError::Connection)?;
        let attached = connection
            .shm_attach_fd(id, for_server, false)
            .map_err(|error| SegmentError::Connection(disconnected(error)))?
            .check();
        answer(attached)
            .map_err(SegmentError::Connection)?
            .map_err(SegmentError::Refused)?;
        let map = fcntl_add_seals(&memory, SealFlags::FUTURE_WRITE | SealFlags::SEAL)
            .map_err(std::io::Error::from)
            .and_then(|()| map(&memory, bytes));
        match map {
            Ok(map) => Ok(Self { id, map }),
            Err(error) => {
                detach(connection, id);
                Err(SegmentError::Memory(error))
            }
        }
    }

    /// Its name in requests.
    pub(super) fn id(&self) -> Seg {
        self.id
    }

    /// What the server wrote. Nothing is written but between a request that
    /// names this segment and its reply.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Makes the server let go of it; ours is given back when the value drops.
    pub(super) fn detach(self, connection: &X11Connection) {
        detach(connection, self.id);
    }
}

/// The server forgets the segment with the connection at the latest, so that a
/// broken connection needs no more.
fn detach(connection: &X11Connection, id: Seg) {
    if let Ok(cookie) = connection.shm_detach(id) {
        cookie.ignore_error();
    }
    // A request that stays in our buffer would hold the server's map for as
    // long as nothing else is asked.
    let _ = connection.flush();
}

/// A memfd whose size no process can change any more.
fn sealed_memory(bytes: usize) -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = memfd_create("captured-monitor", flags)?;
    ftruncate(&memory, bytes as u64)?;
    fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW)?;
    Ok(memory)
}

#[expect(unsafe_code)]
fn map(memory: &OwnedFd, bytes: usize) -> std::io::Result<Mmap> {
    // SAFETY: the memfd is `bytes` long and sealed against shrinking and growing, so that no read of
    // the map can fault. Besides us only the X server has it, which writes to it while it carries
    // out a `ShmGetImage`; the bytes are lent only when every such request was answered
    // (`Canvas::read`), and never again once an answer failed to come (`X11Grabber::broken`).
    unsafe { MmapOptions::new().len(bytes).map(memory) }
}

#[cfg(test)]
mod tests {
    use rustix::fs::fstat;

    use super::*;

    #[test]
    fn sealed_memory_can_neither_shrink_nor_grow() {
        let memory = sealed_memory(8192).expect("a memfd");
        assert!(ftruncate(&memory, 4096).is_err(), "it shrank");
        assert!(ftruncate(&memory, 16384).is_err(), "it grew");
        assert_eq!(fstat(&memory).expect("it is open").st_size, 8192);
        assert!(
            map(&memory, 8192)
                .expect("a map")
                .iter()
                .all(|byte| *byte == 0)
        );
    }
}
