/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The copies of a painter, in the browser's process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use euclid::{Box2D, Size2D};

use super::update::UpdatePixels;
use super::{Copies, CopyPlace, CopyUpdate};
use crate::picture::{PictureError, picture_bytes};
use crate::{Damage, MonitorPixel};

/// How many copies there are of one image: the renderer has one, one is on its way
/// to it, one is being made.
const MAX_COPIES: usize = 3;

/// Of how many images there are copies. Of more, those that changed last: the
/// others are copied whole when they change.
const MAX_IMAGES: usize = 64;

/// What a renderer is to show of an image.
pub struct Mirrored {
    /// All of it, opaque, as in [`super::PictureCopy`].
    pub pixels: Arc<Vec<u8>>,
    /// Where it differs from what was shown before; none: anywhere.
    pub part: Option<Box2D<u32, MonitorPixel>>,
}

struct Mirror {
    copies: Copies,
    /// When it changed, counted in changes of all.
    changed: u64,
}

/// The copies of all images of a painter, by their names there.
pub struct Mirrors<Image> {
    images: HashMap<Image, Mirror>,
    changes: u64,
}

impl<Image> Default for Mirrors<Image> {
    fn default() -> Self {
        Self {
            images: HashMap::new(),
            changes: 0,
        }
    }
}

impl<Image: Copy + Eq + Hash> Mirrors<Image> {
    /// A new picture of an image; all of it is new if the image is.
    ///
    /// # Errors
    /// When what was sent is not of this size; the image stays what it was.
    pub fn update(
        &mut self,
        image: Image,
        size: Size2D<u32, MonitorPixel>,
        update: CopyUpdate,
    ) -> Result<Mirrored, PictureError> {
        let wanted = picture_bytes(size)?;
        let found = match &update.pixels {
            UpdatePixels::Own(pixels) => pixels.len(),
            UpdatePixels::Lent(copy) => copy.bytes().len(),
            UpdatePixels::Received(received) => received.len(),
        };
        if found != wanted || wanted == 0 {
            return Err(PictureError::Size { wanted, found });
        }
        let copies = self.copies(image);
        copies.change(size, &update.damage);
        let pixels = match &update.pixels {
            UpdatePixels::Own(pixels) => pixels.clone(),
            UpdatePixels::Lent(copy) => copy.pixels(),
            UpdatePixels::Received(received) => {
                let copied = copies.fill(|stale, into| received.copy_opaque(size, stale, into))?;
                if let Some(copy) = copied {
                    copy.pixels()
                } else {
                    // Rather memory of its own than an image that stays old.
                    let mut pixels = vec![0; wanted];
                    received.copy_opaque(size, &Damage::Whole, &mut pixels)?;
                    Arc::new(pixels)
                }
            }
        };
        let part = match copies.take_damage() {
            Damage::Whole => None,
            damage => Some(Box2D::from_points(
                damage
                    .rectangles(size)
                    .flat_map(|part| [part.min, part.max]),
            )),
        };
        Ok(Mirrored { pixels, part })
    }

    /// The image is gone, or became another one by itself.
    pub fn forget(&mut self, image: Image) {
        self.images.remove(&image);
    }

    fn copies(&mut self, image: Image) -> &mut Copies {
        self.changes += 1;
        if self.images.len() >= MAX_IMAGES && !self.images.contains_key(&image) {
            let oldest = self.images.iter().min_by_key(|(_, mirror)| mirror.changed);
            if let Some(oldest) = oldest.map(|(image, _)| *image) {
                self.forget(oldest);
            }
        }
        let mirror = self.images.entry(image).or_insert_with(|| Mirror {
            copies: Copies::new(CopyPlace::Own, MAX_COPIES),
            changed: 0,
        });
        mirror.changed = self.changes;
        &mut mirror.copies
    }
}
