/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The memory in which pictures of monitors stand: written by the display
//! server or the service, read where the page is.
//!
//! On Linux a picture is a memfd. Its size is sealed when it is made, and once
//! whoever writes it has mapped it, it is sealed against every further writer:
//! a page's process that gets the descriptor can neither write the picture nor
//! pull the memory from under anybody's feet. Elsewhere pictures are plain
//! memory of the process, and go to other processes as copies.

mod memory;
mod writer;

use std::ops::Range;

use euclid::Size2D;

pub use self::memory::PictureMemory;
pub use self::memory::is_opaque;
pub(crate) use self::memory::{copy_opaque, make_opaque};
pub use self::writer::PictureWriter;
use crate::{Damage, MonitorPixel};

/// Bytes of a pixel: blue, green, red, and one that means nothing.
pub const BYTES_PER_PIXEL: usize = 4;

/// Why pixels could not be copied out of a picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PictureError {
    /// The picture, or the place to copy to, has not as many bytes as the size
    /// asks for.
    #[error("a picture of {wanted} bytes is wanted, found {found} bytes")]
    Size {
        /// Bytes that a picture of this size has.
        wanted: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// No memory can hold a picture of this size.
    #[error("a picture of {width}x{height} pixels does not fit in memory")]
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
}

/// Bytes of a picture of this size without padding.
///
/// # Errors
/// When that is more than memory can hold.
pub fn picture_bytes(size: Size2D<u32, MonitorPixel>) -> Result<usize, PictureError> {
    let too_large = PictureError::TooLarge {
        width: size.width,
        height: size.height,
    };
    (u64::from(size.width) * u64::from(size.height))
        .checked_mul(BYTES_PER_PIXEL as u64)
        .and_then(|bytes| isize::try_from(bytes).ok())
        .map(isize::unsigned_abs)
        .ok_or(too_large)
}

/// The bytes of each row of each of `parts`, in a picture of this size that has
/// been found to fit in memory.
pub(crate) fn rows(
    size: Size2D<u32, MonitorPixel>,
    parts: &Damage,
) -> impl Iterator<Item = Range<usize>> {
    let row_bytes = size.width as usize * BYTES_PER_PIXEL;
    parts.rectangles(size).flat_map(move |part| {
        let left = part.min.x as usize * BYTES_PER_PIXEL;
        let right = part.max.x as usize * BYTES_PER_PIXEL;
        (part.min.y as usize..part.max.y as usize)
            .map(move |y| y * row_bytes + left..y * row_bytes + right)
    })
}

#[cfg(test)]
mod tests;
