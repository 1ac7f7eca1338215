/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What differs between two pictures of the same surface.
//!
//! Blue, green and red count; the fourth byte of a pixel is undefined. Rows are
//! compared as bytes first, which settles nearly all of them.

use std::ops::Range;

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::{Damage, MonitorPixel};

/// Edge of the blocks in which differences are told.
const BLOCK: usize = 32;
const PIXEL: usize = 4;
/// Of so many rows one is looked at before all are.
const PROBE_ROWS: u32 = 128;

/// Where two pictures differ, in blocks of 32x32 pixels. Pictures that have not
/// the bytes of their size differ everywhere.
pub fn differences(before: &[u8], after: &[u8], size: Size2D<u32, MonitorPixel>) -> Damage {
    let row_bytes = size.width as usize * PIXEL;
    let wanted = row_bytes * size.height as usize;
    if row_bytes == 0 || before.len() != wanted || after.len() != wanted {
        return Damage::Whole;
    }
    let mut damage = Damage::nothing();
    let band_bytes = row_bytes * BLOCK;
    let mut changed = vec![false; row_bytes.div_ceil(BLOCK * PIXEL)];
    let bands = before.chunks(band_bytes).zip(after.chunks(band_bytes));
    for (band, (before, after)) in bands.enumerate() {
        if before == after {
            continue;
        }
        changed.fill(false);
        let rows = before
            .chunks_exact(row_bytes)
            .zip(after.chunks_exact(row_bytes));
        for (before, after) in rows.filter(|(before, after)| before != after) {
            mark_blocks(before, after, &mut changed);
        }
        let top = (band * BLOCK) as u32;
        let bottom = (top + BLOCK as u32).min(size.height);
        for run in runs(&changed) {
            let left = (run.start * BLOCK) as u32;
            let right = ((run.end * BLOCK) as u32).min(size.width);
            damage.add(Box2D::new(
                Point2D::new(left, top),
                Point2D::new(right, bottom),
            ));
        }
    }
    damage
}

fn mark_blocks(before: &[u8], after: &[u8], changed: &mut [bool]) {
    let block_bytes = BLOCK * PIXEL;
    let blocks = before.chunks(block_bytes).zip(after.chunks(block_bytes));
    for ((before, after), changed) in blocks.zip(changed) {
        *changed = *changed || !same_pixels(before, after);
    }
}

/// The ranges of indices that are set.
fn runs(flags: &[bool]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + flags.get(from..)?.iter().position(|flag| *flag)?;
        let length = flags.get(start..)?.iter().take_while(|flag| **flag).count();
        from = start + length;
        Some(start..from)
    })
}

/// Whether two pictures of this size have the same pixels in `parts`.
pub fn same(before: &[u8], after: &[u8], size: Size2D<u32, MonitorPixel>, parts: &Damage) -> bool {
    let row_bytes = size.width as usize * PIXEL;
    let same_row = |part: &Box2D<u32, MonitorPixel>, y: u32| {
        let start = y as usize * row_bytes;
        let row = start + part.min.x as usize * PIXEL..start + part.max.x as usize * PIXEL;
        match (before.get(row.clone()), after.get(row)) {
            (Some(before), Some(after)) => same_pixels(before, after),
            _ => false,
        }
    };
    // A picture that differs does so at a few probes already. From the top it would not: what is
    // there, a bar or the indicator, is the part that stays.
    let probes_agree = |part: &Box2D<u32, MonitorPixel>| {
        let mut probes = (part.min.y + PROBE_ROWS / 2..part.max.y).step_by(PROBE_ROWS as usize);
        probes.all(|y| same_row(part, y))
    };
    let all_agree = |part: &Box2D<u32, MonitorPixel>| part.y_range().all(|y| same_row(part, y));
    parts.rectangles(size).all(|part| probes_agree(&part))
        && parts.rectangles(size).all(|part| all_agree(&part))
}

/// Whether full rows of a surface, the first of which is `top`, differ from a
/// picture of it anywhere outside `stale`.
pub fn rows_differ(
    rows: &[u8],
    top: u32,
    picture: &[u8],
    size: Size2D<u32, MonitorPixel>,
    stale: &Damage,
) -> bool {
    let row_bytes = size.width as usize * PIXEL;
    if row_bytes == 0 {
        return false;
    }
    let known = picture.chunks_exact(row_bytes).skip(top as usize);
    let rows = rows.chunks_exact(row_bytes);
    (top..).zip(rows.zip(known)).any(|(y, (row, known))| {
        if row == known {
            return false;
        }
        let (row, _) = row.as_chunks::<PIXEL>();
        let (known, _) = known.as_chunks::<PIXEL>();
        let differ = |(x, (one, other)): (u32, (&[u8; PIXEL], &[u8; PIXEL]))| {
            let pixel = Box2D::new(Point2D::new(x, y), Point2D::new(x + 1, y + 1));
            color(one) != color(other) && !stale.intersects(pixel)
        };
        (0..).zip(row.iter().zip(known)).any(differ)
    })
}

/// Whether two rows of pixels are alike but for the fourth bytes, which mean
/// nothing.
pub fn same_pixels(before: &[u8], after: &[u8]) -> bool {
    if before == after {
        return true;
    }
    if before.len() != after.len() {
        return false;
    }
    let (before, _) = before.as_chunks::<PIXEL>();
    let (after, _) = after.as_chunks::<PIXEL>();
    // Without an end at the first difference within a piece: several pixels at once.
    let mut pieces = before.chunks(PIECE).zip(after.chunks(PIECE));
    pieces.all(|(before, after)| {
        let pairs = before.iter().zip(after);
        pairs.fold(0, |known, (one, other)| known | (color(one) ^ color(other))) == 0
    })
}

/// Pixels that are compared at once.
const PIECE: usize = 256;

fn color(pixel: &[u8; PIXEL]) -> u32 {
    u32::from_le_bytes(*pixel) & 0x00ff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size2D<u32, MonitorPixel> = Size2D::new(100, 70);
    const BYTES: usize = 100 * 70 * 4;

    fn offset(x: u32, y: u32) -> usize {
        (y as usize * 100 + x as usize) * 4
    }

    fn part(x: u32, y: u32, width: u32, height: u32) -> Box2D<u32, MonitorPixel> {
        Box2D::from_origin_and_size(Point2D::new(x, y), Size2D::new(width, height))
    }

    #[test]
    fn a_changed_pixel_is_told_as_its_block_and_the_fourth_byte_is_not() {
        let before = vec![7; BYTES];
        let mut after = before.clone();
        after[offset(40, 40) + 3] = 99;
        assert!(differences(&before, &after, SIZE).is_empty());
        after[offset(40, 40) + 2] = 99;
        let expected = Damage::from(part(32, 32, 32, 32));
        assert_eq!(differences(&before, &after, SIZE), expected);
        after[offset(99, 69)] = 99;
        let damage = differences(&before, &after, SIZE);
        assert_eq!(damage.pixels(SIZE), 32 * 32 + 4 * 6);
        assert_eq!(differences(&before, &after[4..], SIZE), Damage::Whole);
    }

    #[test]
    fn stale_parts_of_a_picture_prove_nothing() {
        let picture = vec![7; BYTES];
        let mut rows = vec![7; 100 * 4 * 10];
        assert!(!rows_differ(&rows, 60, &picture, SIZE, &Damage::nothing()));
        rows[offset(5, 3) + 1] = 8;
        assert!(rows_differ(&rows, 60, &picture, SIZE, &Damage::nothing()));
        let stale = Damage::from(part(5, 63, 1, 1));
        assert!(!rows_differ(&rows, 60, &picture, SIZE, &stale));
        rows[offset(6, 3) + 1] = 8;
        assert!(rows_differ(&rows, 60, &picture, SIZE, &stale));
        assert!(!rows_differ(&rows, 60, &picture, SIZE, &Damage::Whole));
    }

    proptest! {
        #[test]
        fn every_difference_is_told_and_nothing_outside_blocks_that_differ(
            pixels in proptest::collection::vec((0..100u32, 0..70u32), 0..40),
        ) {
            let before = vec![0; BYTES];
            let mut after = before.clone();
            for &(x, y) in &pixels {
                after[offset(x, y)] = 1;
            }
            let damage = differences(&before, &after, SIZE);
            for &(x, y) in &pixels {
                prop_assert!(damage.intersects(part(x, y, 1, 1)));
            }
            prop_assert_eq!(damage.is_empty(), pixels.is_empty());
            prop_assert_eq!(same(&before, &after, SIZE, &damage), pixels.is_empty());
            // Copying what is told makes the pictures equal.
            let mut copy = before.clone();
            for rectangle in damage.rectangles(SIZE) {
                for y in rectangle.y_range() {
                    let row = offset(rectangle.min.x, y)..offset(rectangle.max.x, y);
                    copy[row.clone()].copy_from_slice(&after[row]);
                }
            }
            prop_assert_eq!(copy, after);
        }
    }
}
