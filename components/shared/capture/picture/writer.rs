/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The writable side of a picture's memory.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::slice;
use std::sync::Arc;

#[cfg(target_os = "linux")]
use memmap2::MmapOptions;
#[cfg(not(target_os = "linux"))]
use memmap2::MmapRaw;
#[cfg(target_os = "linux")]
use rustix::fs::{
    MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, ftruncate, memfd_create,
};

use super::PictureMemory;

/// The writable side of a picture's memory. There is one for each picture, and
/// the service has it.
///
/// Whoever lends the picture to a reader (the engine, with a frame's lease)
/// writes nothing until it is given back.
#[derive(Debug)]
pub struct PictureWriter {
    /// Also the writable map.
    memory: Arc<PictureMemory>,
    #[cfg(target_os = "linux")]
    descriptor: Arc<OwnedFd>,
}

impl PictureWriter {
    /// A picture of `bytes` bytes, all zero. On Linux its size can never change.
    ///
    /// # Errors
    /// `InvalidInput` for no bytes; else when the system has no more memory or
    /// descriptors.
    pub fn new(bytes: usize) -> io::Result<Self> {
        if bytes == 0 {
            let what = "a picture has at least one byte";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        Self::with_memory(bytes)
    }

    #[cfg(target_os = "linux")]
    fn with_memory(bytes: usize) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let descriptor = Arc::new(memfd_create("captured-picture", flags)?);
        ftruncate(&descriptor, bytes as u64)?;
        fcntl_add_seals(&descriptor, SealFlags::SHRINK | SealFlags::GROW)?;
        let map = MmapOptions::new().len(bytes).map_raw(&*descriptor)?;
        Ok(Self {
            memory: Arc::new(PictureMemory::new(map, descriptor.clone())),
            descriptor,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn with_memory(bytes: usize) -> io::Result<Self> {
        let map = MmapRaw::from(memmap2::MmapMut::map_anon(bytes)?);
        Ok(Self {
            memory: Arc::new(PictureMemory::new(map)),
        })
    }

    /// What readers get.
    pub fn memory(&self) -> &Arc<PictureMemory> {
        &self.memory
    }

    /// What the picture shows. To be called when no request that lets the
    /// display server write to it is unanswered.
    #[expect(unsafe_code)]
    pub fn bytes(&self) -> &[u8] {
        let map = self.memory.map();
        // SAFETY: the map has `len` bytes, zero at first, and cannot shrink or fault (`with_memory`);
        // it lives as long as `self.memory`. In this process it is written only through `&mut self`
        // (a writer is never cloned, and no other map of it is writable). The display server writes
        // to it only between a request and its answer, for which time the grabber has the writer
        // by `&mut`; a picture with an unanswered request is never used again (`Grabber::read`).
        unsafe { slice::from_raw_parts(map.as_ptr(), map.len()) }
    }

    /// For writing; the same conditions as for [`PictureWriter::bytes`], and no
    /// reader has it on loan.
    #[expect(unsafe_code)]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let map = self.memory.map();
        // SAFETY: as in `bytes`; the map is writable (`with_memory`). `&mut self` excludes `bytes` and
        // every other `bytes_mut`; `PictureMemory` makes no reference to these bytes, only copies.
        unsafe { slice::from_raw_parts_mut(map.as_mut_ptr(), map.len()) }
    }

    /// What the display server maps.
    #[cfg(target_os = "linux")]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// From now on nobody can map it for writing any more; the maps that there
    /// are stay. To be called when the display server has its own, and before
    /// the picture is lent to another process. Calling it twice does no harm.
    ///
    /// # Errors
    /// On Linux before 5.1. The picture can be used all the same, but not in
    /// another process.
    pub fn seal(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            let descriptor = self.descriptor();
            let seals = SealFlags::FUTURE_WRITE | SealFlags::SEAL;
            if !fcntl_get_seals(descriptor)?.contains(seals) {
                fcntl_add_seals(descriptor, seals)?;
            }
        }
        Ok(())
    }
}
