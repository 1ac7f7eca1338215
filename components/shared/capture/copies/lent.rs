/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The memory of a copy that two processes map: the page's writes it, the
//! browser's reads it.
//!
//! It begins with a count of messages about it that have not been read. While that
//! is not zero the page writes nothing. The count is the page's own safety: a page
//! that does not keep to it shows mixed pictures, and nothing else.

use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use euclid::Size2D;
use ipc_channel::ipc::IpcSharedMemory;

use crate::picture::{PictureError, copy_opaque};
use crate::{Damage, MonitorPixel};

/// Bytes before the pixels: the count, and room so that pixels begin with a line
/// of the processor's cache.
const HEADER: usize = 64;

/// The map, at the address that it has as long as it lives. It is used by that
/// address only, and by no reference to all of it.
struct Map {
    memory: IpcSharedMemory,
    start: NonNull<u8>,
    /// Bytes of pixels.
    len: usize,
}

// SAFETY: `start` is the address of `memory`, which is of the process and not of a thread.
#[expect(unsafe_code)]
unsafe impl Send for Map {}
// SAFETY: as above. Shared references reach the count, which is atomic, and pixels that are only read
// while there can be shared references (`LentMemory::free` takes `&mut`).
#[expect(unsafe_code)]
unsafe impl Sync for Map {}

impl Map {
    /// None if the header does not fit.
    #[expect(unsafe_code)]
    fn new(mut memory: IpcSharedMemory) -> Option<Self> {
        let len = memory.len().checked_sub(HEADER)?;
        // SAFETY: nobody else in this process has the memory (`memory` is moved in). Nothing is read or
        // written through the slice, which is asked for its address and gone.
        let start = NonNull::new(unsafe { memory.deref_mut() }.as_mut_ptr())?;
        Some(Self { memory, start, len })
    }

    #[expect(unsafe_code)]
    fn pixels(&self) -> NonNull<u8> {
        // SAFETY: the map has at least `HEADER` bytes (`new`).
        unsafe { self.start.add(HEADER) }
    }

    #[expect(unsafe_code)]
    fn unread(&self) -> &AtomicU32 {
        // SAFETY: the map is writable, lives as long as `self`, has at least four bytes (`new`) and
        // begins with a page of memory, so it is aligned. All of this program uses the count by this
        // function; another process that does not can change its value, and every value is a `u32`.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().cast()) }
    }
}

/// The page's side.
pub(super) struct LentMemory(Map);

impl LentMemory {
    /// Pixels of `bytes` bytes, all zero.
    pub(super) fn new(bytes: usize) -> Self {
        let memory = IpcSharedMemory::from_byte(0, HEADER + bytes);
        match Map::new(memory) {
            Some(map) => Self(map),
            None => unreachable!("memory of {HEADER} bytes and more has room for them"),
        }
    }

    /// To be written to, if all messages have been read.
    #[expect(unsafe_code)]
    pub(super) fn free(&mut self) -> Option<&mut [u8]> {
        if self.0.unread().load(Ordering::Acquire) != 0 {
            return None;
        }
        // SAFETY: the map has that many bytes after its header and lives as long as `self`; `&mut`
        // excludes every other use in this process, and the browser's reads no pixels while the count
        // is zero (`Received` counts down when it is done).
        Some(unsafe { slice::from_raw_parts_mut(self.0.pixels().as_ptr(), self.0.len) })
    }

    /// To be read by the page itself.
    #[expect(unsafe_code)]
    pub(super) fn pixels(&self) -> &[u8] {
        // SAFETY: as in `free`; it is written by `&mut self` only, and by no other process.
        unsafe { slice::from_raw_parts(self.0.pixels().as_ptr(), self.0.len) }
    }

    /// A message about it is on its way.
    pub(super) fn lend(&self) {
        self.0.unread().fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn memory(&self) -> &IpcSharedMemory {
        &self.0.memory
    }
}

/// The browser's side: one message. Dropping it tells the page that it was read.
pub(super) struct Received(Map);

impl Received {
    /// What a page's process sent; none if it is not such memory.
    pub(super) fn new(memory: IpcSharedMemory) -> Option<Self> {
        Map::new(memory).map(Self)
    }

    /// See [`crate::PictureMemory::copy_opaque`].
    #[expect(unsafe_code)]
    pub(super) fn copy_opaque(
        &self,
        size: Size2D<u32, MonitorPixel>,
        parts: &Damage,
        into: &mut [u8],
    ) -> Result<(), PictureError> {
        // SAFETY: the map has that many bytes after its header and is readable as long as `self` lives.
        unsafe { copy_opaque(self.0.pixels().as_ptr(), self.0.len, size, parts, into) }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len
    }

    /// All bytes, as they are.
    #[expect(unsafe_code)]
    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut pixels = vec![0; self.len()];
        let from = self.0.pixels().as_ptr();
        // SAFETY: as in `copy_opaque`; `pixels` has as many bytes, and is memory of its own.
        unsafe { from.copy_to_nonoverlapping(pixels.as_mut_ptr(), pixels.len()) };
        pixels
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        // Where a page has made something else of the count, it wraps, and the page waits.
        self.0.unread().fetch_sub(1, Ordering::Release);
    }
}
