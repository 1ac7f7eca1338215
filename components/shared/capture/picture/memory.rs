/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The readable side of a picture's memory.

use std::fmt;
#[cfg(target_os = "linux")]
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(target_os = "linux")]
use std::sync::Arc;

use euclid::Size2D;
#[cfg(target_os = "linux")]
use memmap2::MmapOptions;
use memmap2::MmapRaw;
#[cfg(target_os = "linux")]
use rustix::fs::{SealFlags, fcntl_get_seals, fstat};

use super::{BYTES_PER_PIXEL, PictureError, picture_bytes, rows};
use crate::{Damage, MonitorPixel};

/// The readable side of a picture's memory: blue, green, red and an undefined
/// byte for each pixel, rows from the top without padding. Bytes are only ever
/// copied out, so that it does not matter to memory safety who writes them
/// meanwhile; that nobody does, and the copy is of one picture, is what the
/// frame's lease is for.
pub struct PictureMemory {
    map: MmapRaw,
    /// In the service's process: what other processes can be given.
    #[cfg(target_os = "linux")]
    descriptor: Option<Arc<OwnedFd>>,
}

impl PictureMemory {
    /// The memory of a [`super::PictureWriter`].
    pub(super) fn new(map: MmapRaw, #[cfg(target_os = "linux")] descriptor: Arc<OwnedFd>) -> Self {
        Self {
            map,
            #[cfg(target_os = "linux")]
            descriptor: Some(descriptor),
        }
    }

    /// Maps what another process sent, for reading, and closes the descriptor.
    ///
    /// # Errors
    /// `InvalidData` for memory of another size than `bytes`, or that somebody
    /// could still shrink; else what the system says.
    #[cfg(target_os = "linux")]
    pub fn open(descriptor: OwnedFd, bytes: usize) -> io::Result<Self> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let seals = fcntl_get_seals(&descriptor)
            .map_err(|error| invalid(format!("this memory cannot be sealed: {error}")))?;
        if !seals.contains(SealFlags::SHRINK) {
            return Err(invalid("this memory could shrink".to_owned()));
        }
        let found = fstat(&descriptor)?.st_size;
        if u64::try_from(found) != Ok(bytes as u64) {
            let what = format!("{bytes} bytes of memory are wanted, found {found}");
            return Err(invalid(what));
        }
        let map = MmapOptions::new()
            .len(bytes)
            .map_raw_read_only(&descriptor)?;
        Ok(Self {
            map,
            descriptor: None,
        })
    }

    /// What another process may be given to map; none for memory that came from
    /// another process itself, and for memory that can still be written by
    /// whoever gets it (see [`super::PictureWriter::seal`]).
    #[cfg(target_os = "linux")]
    pub fn sealed_descriptor(&self) -> Option<BorrowedFd<'_>> {
        let descriptor = self.descriptor.as_ref()?;
        let seals = fcntl_get_seals(descriptor).ok()?;
        (seals.contains(SealFlags::SHRINK) && seals.contains(SealFlags::FUTURE_WRITE))
            .then(|| descriptor.as_fd())
    }

    pub(super) fn map(&self) -> &MmapRaw {
        &self.map
    }

    /// How many bytes the picture has.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Never: a picture has at least one byte.
    pub fn is_empty(&self) -> bool {
        self.map.len() == 0
    }

    /// Copies `parts` of a picture of `size` to the same places in `into`, and
    /// makes them opaque there. Parts outside the picture are left out.
    ///
    /// # Errors
    /// When this memory, or `into`, has not the bytes of a picture of `size`;
    /// nothing is copied then.
    #[expect(unsafe_code)]
    pub fn copy_opaque(
        &self,
        size: Size2D<u32, MonitorPixel>,
        parts: &Damage,
        into: &mut [u8],
    ) -> Result<(), PictureError> {
        // SAFETY: the map is readable and has `len` bytes for as long as `self` lives. No read can fault:
        // the memory is our own, or a memfd that is sealed against shrinking (`PictureWriter::new`,
        // `PictureMemory::open`).
        unsafe { copy_opaque(self.map.as_ptr(), self.len(), size, parts, into) }
    }
}

/// Copies `parts` of the picture of `size` that begins at `from` and has `len`
/// bytes to the same places in `into`, and makes them opaque there. Parts outside
/// the picture are left out.
///
/// # Errors
/// When the picture, or `into`, has not the bytes of a picture of `size`; nothing
/// is copied then.
///
/// # Safety
/// `len` bytes can be read at `from`. Another process may write them meanwhile.
#[expect(unsafe_code)]
pub(crate) unsafe fn copy_opaque(
    from: *const u8,
    len: usize,
    size: Size2D<u32, MonitorPixel>,
    parts: &Damage,
    into: &mut [u8],
) -> Result<(), PictureError> {
    let wanted = picture_bytes(size)?;
    for found in [len, into.len()] {
        if found != wanted {
            return Err(PictureError::Size { wanted, found });
        }
    }
    for row in rows(size, parts) {
        if let Some(into) = into.get_mut(row.clone()) {
            // SAFETY: `row` ends within `into`, which is as long as the picture (checked above), and
            // `into` has now its length.
            unsafe { read_opaque(from.add(row.start), into) };
        }
    }
    Ok(())
}

/// Copies as many pixels as there is room for. One pass over both: it costs no
/// more than copying alone.
///
/// # Safety
/// As many bytes as `into` has can be read at `from`.
#[expect(unsafe_code)]
unsafe fn read_opaque(from: *const u8, into: &mut [u8]) {
    let from = from.cast::<[u8; BYTES_PER_PIXEL]>();
    let (into, _) = into.as_chunks_mut::<BYTES_PER_PIXEL>();
    for (index, into) in into.iter_mut().enumerate() {
        // SAFETY: pixel `index` ends within what can be read; an array of bytes has no alignment. No
        // reference to it is made; should its writer break its word and write meanwhile, bytes of both
        // pictures are read, and every byte is a valid `u8`.
        let pixel = unsafe { from.add(index).read() };
        *into = opaque(pixel);
    }
}

impl fmt::Debug for PictureMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "PictureMemory({} bytes)", self.len())
    }
}

/// Sets the alpha of each pixel to 255.
pub(crate) fn make_opaque(pixels: &mut [u8]) {
    let (pixels, _) = pixels.as_chunks_mut::<BYTES_PER_PIXEL>();
    for pixel in pixels {
        *pixel = opaque(*pixel);
    }
}

/// Whether the alpha of each pixel is 255; not of half a pixel.
pub fn is_opaque(pixels: &[u8]) -> bool {
    // By blocks, because a loop without a way out in it takes many pixels at once.
    const BLOCK: usize = 4096;
    let (pixels, rest) = pixels.as_chunks::<BYTES_PER_PIXEL>();
    let all = |block: &[[u8; BYTES_PER_PIXEL]]| {
        let pixels = block.iter().map(|pixel| u32::from_le_bytes(*pixel));
        pixels.fold(u32::MAX, |all, pixel| all & pixel) >= 0xff00_0000
    };
    rest.is_empty() && pixels.chunks(BLOCK).all(all)
}

fn opaque(pixel: [u8; BYTES_PER_PIXEL]) -> [u8; BYTES_PER_PIXEL] {
    (u32::from_le_bytes(pixel) | 0xff00_0000).to_le_bytes()
}
