/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Copies of pictures on their way to a renderer.
//!
//! A renderer holds what it is given for as long as it likes, and the service
//! needs its pictures back at once: so a player has a few copies, each of them is
//! brought up to date only where it is stale ([`Copies`]), and the frame is let go.
//!
//! In one process the renderer gets the copy's memory itself. A page in a process
//! of its own keeps its copies in memory that the browser's process maps, which has
//! copies of its own and brings these up to date where they are stale
//! ([`Mirrors`]): no memory is made for a frame, and only what has changed is
//! copied.

mod lent;
mod mirrors;
mod pool;
mod update;

use std::sync::Arc;

use euclid::{Box2D, Point2D, Rect, Size2D};

use self::lent::LentMemory;
pub use self::mirrors::{Mirrored, Mirrors};
pub use self::pool::Copies;
pub use self::update::CopyUpdate;
use crate::picture::{PictureError, picture_bytes, rows};
use crate::{Damage, MonitorPixel};

/// Where the memory of copies is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CopyPlace {
    /// In this process, and so is the renderer.
    #[default]
    Own,
    /// In memory that the renderer's process maps.
    Lent,
}

/// A copy of a picture: blue, green, red and 255 for each pixel, rows from the top
/// without padding.
struct PictureCopy {
    memory: CopyMemory,
}

enum CopyMemory {
    Own(Arc<Vec<u8>>),
    Lent(LentMemory),
}

impl PictureCopy {
    fn new(place: CopyPlace, bytes: usize) -> Self {
        let memory = match place {
            CopyPlace::Own => CopyMemory::Own(Arc::new(vec![0; bytes])),
            CopyPlace::Lent => CopyMemory::Lent(LentMemory::new(bytes)),
        };
        Self { memory }
    }

    /// To write to, unless a renderer may be reading.
    fn free(&mut self) -> Option<&mut [u8]> {
        match &mut self.memory {
            CopyMemory::Own(pixels) => Arc::get_mut(pixels).map(Vec::as_mut_slice),
            CopyMemory::Lent(memory) => memory.free(),
        }
    }

    /// All of it, in memory of this process.
    fn pixels(&self) -> Arc<Vec<u8>> {
        match &self.memory {
            CopyMemory::Own(pixels) => pixels.clone(),
            CopyMemory::Lent(memory) => Arc::new(memory.pixels().to_vec()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.memory {
            CopyMemory::Own(pixels) => pixels,
            CopyMemory::Lent(memory) => memory.pixels(),
        }
    }
}

/// A copy that an element shows, and what has changed since the one before.
#[derive(Clone)]
pub struct ShownCopy {
    copy: Arc<PictureCopy>,
    size: Size2D<u32, MonitorPixel>,
    damage: Damage,
}

impl ShownCopy {
    /// Width and height.
    pub fn size(&self) -> Size2D<u32, MonitorPixel> {
        self.size
    }

    /// Whether the renderer is in another process.
    pub fn is_lent(&self) -> bool {
        matches!(self.copy.memory, CopyMemory::Lent(_))
    }

    /// What a renderer is told of it. The copy is not written until the renderer has
    /// read it; of a message that is lost on its way, never again.
    pub fn update(&self) -> CopyUpdate {
        CopyUpdate::new(&self.copy, self.damage.clone())
    }

    /// All of it; costs a copy where the renderer is in another process.
    pub fn pixels(&self) -> Arc<Vec<u8>> {
        self.copy.pixels()
    }

    /// A part of it.
    ///
    /// # Errors
    /// When the part reaches beyond the picture, or memory.
    pub fn part(&self, part: Rect<u32, MonitorPixel>) -> Result<Vec<u8>, PictureError> {
        let wanted = picture_bytes(part.size)?;
        let end = Point2D::new(
            part.origin.x.saturating_add(part.size.width),
            part.origin.y.saturating_add(part.size.height),
        );
        let inside = Damage::from(Box2D::new(part.origin, end)).bounded(self.size);
        let mut pixels = Vec::with_capacity(wanted.min(self.copy.bytes().len()));
        for row in rows(self.size, &inside) {
            pixels.extend_from_slice(self.copy.bytes().get(row).unwrap_or_default());
        }
        let found = pixels.len();
        if found == wanted {
            Ok(pixels)
        } else {
            Err(PictureError::Size { wanted, found })
        }
    }
}

#[cfg(test)]
mod tests;
