/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A few copies of one picture, each of which knows where it is stale.

use std::sync::Arc;

use euclid::Size2D;

use super::{CopyMemory, CopyPlace, PictureCopy, ShownCopy};
use crate::picture::{PictureError, picture_bytes};
use crate::{CapturedFrame, Damage, FramePicture, MonitorPixel};

struct Slot {
    copy: Arc<PictureCopy>,
    /// Where it is not the newest picture.
    stale: Damage,
}

/// The copies, all of one size.
pub struct Copies {
    place: CopyPlace,
    limit: usize,
    size: Size2D<u32, MonitorPixel>,
    slots: Vec<Slot>,
    /// What has changed since a copy was handed out.
    damage: Damage,
}

impl Copies {
    /// None yet, and never more than `limit`.
    pub fn new(place: CopyPlace, limit: usize) -> Self {
        Self {
            place,
            limit,
            size: Size2D::zero(),
            slots: Vec::new(),
            damage: Damage::Whole,
        }
    }

    /// The frame's picture; none while all copies are held. The frame's damage must
    /// be what changed since the frame that came here last, or more.
    ///
    /// # Errors
    /// When the frame's picture is not of its size.
    pub fn update(&mut self, frame: &CapturedFrame) -> Result<Option<ShownCopy>, PictureError> {
        self.change(frame.size, &frame.damage);
        let copy = if let FramePicture::Own(pixels) = &frame.picture {
            // A copy already, and opaque: nothing waits for its memory.
            let memory = CopyMemory::Own(pixels.clone());
            Arc::new(PictureCopy { memory })
        } else {
            let copied =
                self.fill(|stale, into| frame.picture.copy_opaque(frame.size, stale, into))?;
            let Some(copy) = copied else {
                return Ok(None);
            };
            copy
        };
        Ok(Some(ShownCopy {
            copy,
            size: frame.size,
            damage: self.take_damage(),
        }))
    }

    /// There is a new picture of this size, and `damage` is what has changed.
    pub(super) fn change(&mut self, size: Size2D<u32, MonitorPixel>, damage: &Damage) {
        if size != self.size {
            self.slots.clear();
            self.size = size;
            self.damage = Damage::Whole;
        }
        let slots = self.slots.iter_mut().map(|slot| &mut slot.stale);
        for stale in slots.chain([&mut self.damage]) {
            stale.merge(damage);
            stale.settle(size);
        }
    }

    /// What has changed since a copy was handed out; now one is.
    pub(super) fn take_damage(&mut self) -> Damage {
        self.damage.take()
    }

    /// A copy that nobody holds, made new where it is stale; none if there is none.
    ///
    /// # Errors
    /// What `write` says.
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&Damage, &mut [u8]) -> Result<(), PictureError>,
    ) -> Result<Option<Arc<PictureCopy>>, PictureError> {
        let Some(index) = self.free()? else {
            return Ok(None);
        };
        let Some(Slot { copy, stale }) = self.slots.get_mut(index) else {
            return Ok(None);
        };
        let Some(pixels) = Arc::get_mut(copy).and_then(PictureCopy::free) else {
            return Ok(None);
        };
        write(stale, pixels)?;
        *stale = Damage::nothing();
        Ok(Some(copy.clone()))
    }

    /// The index of the free copy that needs least work, or of a new one.
    fn free(&mut self) -> Result<Option<usize>, PictureError> {
        let size = self.size;
        let slots = self.slots.iter_mut().enumerate();
        let free = slots
            .filter_map(|(index, slot)| {
                let pixels = Arc::get_mut(&mut slot.copy).and_then(PictureCopy::free);
                pixels.map(|_| (slot.stale.pixels(size), index))
            })
            .min();
        if let Some((_, index)) = free {
            return Ok(Some(index));
        }
        if self.slots.len() >= self.limit {
            return Ok(None);
        }
        self.slots.push(Slot {
            copy: Arc::new(PictureCopy::new(self.place, picture_bytes(size)?)),
            stale: Damage::Whole,
        });
        Ok(Some(self.slots.len() - 1))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}
