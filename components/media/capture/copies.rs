/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A playback's own copies of the picture, in memory that renderers can keep.
//!
//! A renderer holds what it is given for as long as it likes, and the service
//! needs its pictures back at once: so there are a few copies, each of them is
//! brought up to date only where it is stale, and the frame is let go.

use std::sync::Arc;

use euclid::Size2D;
use servo_capture_traits::picture::picture_bytes;
use servo_capture_traits::{CapturedFrame, Damage, FramePicture, MonitorPixel, PictureError};

/// How many copies there are at most. The element, its renderer and the
/// compositor hold one each, one is being made; the rest is slack for pictures
/// that the compositor has not come to.
pub(crate) const MAX_COPIES: usize = 6;

struct Copy {
    /// Free when nobody else holds it.
    pixels: Arc<Vec<u8>>,
    /// Where it is not the newest picture.
    stale: Damage,
}

/// The copies, all of one size.
#[derive(Default)]
pub(crate) struct Copies {
    size: Size2D<u32, MonitorPixel>,
    copies: Vec<Copy>,
}

impl Copies {
    /// The frame's picture, opaque, in memory of this process; none while all
    /// copies are held. The frame's damage must be what changed since the frame
    /// that came here last, or more.
    ///
    /// # Errors
    /// When the frame's picture is not of its size.
    pub(crate) fn update(
        &mut self,
        frame: &CapturedFrame,
    ) -> Result<Option<Arc<Vec<u8>>>, PictureError> {
        if frame.size != self.size {
            self.copies.clear();
            self.size = frame.size;
        }
        for copy in &mut self.copies {
            copy.stale.merge(&frame.damage);
            copy.stale.settle(frame.size);
        }
        if let FramePicture::Own(pixels) = &frame.picture {
            // A copy already, and opaque: nothing waits for its memory.
            return Ok(Some(pixels.clone()));
        }
        let Some(index) = self.free()? else {
            return Ok(None);
        };
        let Some(Copy { pixels, stale }) = self.copies.get_mut(index) else {
            return Ok(None);
        };
        let Some(into) = Arc::get_mut(pixels) else {
            return Ok(None);
        };
        frame.picture.copy_opaque(frame.size, stale, into)?;
        *stale = Damage::nothing();
        Ok(Some(pixels.clone()))
    }

    /// The index of the free copy that needs least work, or of a new one.
    fn free(&mut self) -> Result<Option<usize>, PictureError> {
        let size = self.size;
        let copies = self.copies.iter_mut().enumerate();
        let free = copies
            .filter_map(|(index, copy)| {
                Arc::get_mut(&mut copy.pixels).map(|_| (copy.stale.pixels(size), index))
            })
            .min();
        if let Some((_, index)) = free {
            return Ok(Some(index));
        }
        if self.copies.len() == MAX_COPIES {
            return Ok(None);
        }
        self.copies.push(Copy {
            pixels: Arc::new(vec![0; picture_bytes(size)?]),
            stale: Damage::Whole,
        });
        Ok(Some(self.copies.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use euclid::{Box2D, Point2D};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use servo_base::cross_process_instant::CrossProcessInstant;
    use servo_capture_traits::PictureWriter;

    use super::*;

    type Size = Size2D<u32, MonitorPixel>;

    fn frame(writer: &PictureWriter, size: Size, damage: Damage) -> CapturedFrame {
        CapturedFrame {
            sequence: 1,
            captured_at: CrossProcessInstant::now(),
            size,
            damage,
            picture: FramePicture::Shared(writer.memory().clone()),
            lease: None,
        }
    }

    fn picture(size: Size, value: u8) -> PictureWriter {
        let mut writer = PictureWriter::new(picture_bytes(size).unwrap()).unwrap();
        writer.bytes_mut().fill(value);
        writer
    }

    fn part(x: u32, y: u32, width: u32, height: u32) -> Damage {
        Damage::from(Box2D::from_origin_and_size(
            Point2D::new(x, y),
            Size::new(width, height),
        ))
    }

    #[test]
    fn only_what_is_stale_is_copied() {
        let size = Size::new(4, 1);
        let mut copies = Copies::default();
        let mut writer = picture(size, 1);
        let first = copies.update(&frame(&writer, size, Damage::Whole));
        drop(first);
        writer.bytes_mut().fill(2);
        // Of all that has changed, one pixel is said to have.
        let second = copies.update(&frame(&writer, size, part(1, 0, 1, 1)));
        let row = [
            [1, 1, 1, 255],
            [2, 2, 2, 255],
            [1, 1, 1, 255],
            [1, 1, 1, 255],
        ];
        assert_eq!(**second.unwrap().unwrap(), *row.as_flattened());
        assert_eq!(copies.copies.len(), 1);
    }

    #[test]
    fn a_copy_that_is_held_is_not_written_and_there_are_no_more_than_the_limit() {
        let size = Size::new(2, 2);
        let mut copies = Copies::default();
        let mut held = Vec::new();
        for value in 1..=MAX_COPIES as u8 {
            let frame = frame(&picture(size, value), size, Damage::Whole);
            held.push(copies.update(&frame).unwrap().unwrap());
        }
        let late = frame(&picture(size, 99), size, Damage::Whole);
        assert!(copies.update(&late).unwrap().is_none());
        for (value, pixels) in (1..).zip(&held) {
            assert_eq!(pixels[0], value);
        }
        held.remove(3);
        assert_eq!(copies.update(&late).unwrap().unwrap()[0], 99);
    }

    #[test]
    fn a_picture_that_is_not_of_its_size_is_an_error() {
        let writer = picture(Size::new(2, 2), 1);
        let wrong = frame(&writer, Size::new(3, 2), Damage::Whole);
        assert!(Copies::default().update(&wrong).is_err());
    }

    #[test]
    fn another_size_gets_other_memory() {
        let mut copies = Copies::default();
        for (size, bytes) in [(Size::new(2, 2), 16), (Size::new(4, 2), 32)] {
            let frame = frame(&picture(size, 5), size, Damage::Whole);
            assert_eq!(copies.update(&frame).unwrap().unwrap().len(), bytes);
            assert_eq!(copies.copies.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn every_copy_handed_out_is_the_newest_picture(
            steps in vec((0..6u32, 0..6u32, 1..4u32, 1..4u32, any::<u8>(), 0..5usize), 1..60),
        ) {
            let size = Size::new(6, 6);
            let mut writer = picture(size, 0);
            let mut copies = Copies::default();
            let mut held = Vec::new();
            for (x, y, width, height, value, keep) in steps {
                let damage = part(x, y, width, height);
                for part in damage.rectangles(size) {
                    for (x, y) in part.y_range().flat_map(|y| part.x_range().map(move |x| (x, y))) {
                        let at = ((y * 6 + x) * 4) as usize;
                        writer.bytes_mut()[at..at + 3].fill(value);
                    }
                }
                if let Some(copy) = copies.update(&frame(&writer, size, damage)).unwrap() {
                    let mut expected = vec![0; 144];
                    writer.memory().copy_opaque(size, &Damage::Whole, &mut expected).unwrap();
                    prop_assert_eq!(&*copy, &expected);
                    held.push(copy);
                }
                while held.len() > keep {
                    held.remove(0);
                }
            }
        }
    }
}
