/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The random mark in a strip, by which the service knows its own.

use tiny_skia::{Pixmap, Rect, Transform};

use super::paint;

/// Cells in a row and rows of cells: one for each bit of the tag.
const COLUMNS: u32 = 16;
const ROWS: u32 = 4;
/// Edge of a cell in CSS pixels.
const CELL: f32 = 3.0;

/// Random bits, shown as light and dark cells. Whoever wants to draw something
/// that the service takes for its indicator must read them off the screen first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tag(pub u64);

impl Tag {
    /// One that nobody can guess.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Edge of a cell in device pixels: whole, so that no cell is blurred.
    fn cell(scale: f32) -> u32 {
        ((CELL * scale).round() as u32).max(2)
    }

    /// Width of all cells in device pixels.
    pub(super) fn width(scale: f32) -> u32 {
        Self::cell(scale) * COLUMNS
    }

    /// Draws the cells, the left edge at `left`, centered in `height`.
    pub(super) fn draw(self, pixmap: &mut Pixmap, left: f32, height: f32, scale: f32) {
        let edge = Self::cell(scale);
        let left = left.round() as u32;
        let top = (height.round() as u32).saturating_sub(edge * ROWS) / 2;
        for index in 0..COLUMNS * ROWS {
            let is_light = self.0 >> index & 1 == 1;
            let shade = if is_light { [0xff; 3] } else { [0; 3] };
            let (x, y) = (left + index % COLUMNS * edge, top + index / COLUMNS * edge);
            let cell = Rect::from_xywh(x as f32, y as f32, edge as f32, edge as f32);
            if let Some(cell) = cell {
                let mut exact = paint(shade);
                exact.anti_alias = false;
                pixmap.fill_rect(cell, &exact, Transform::identity(), None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_a_cell_of_one_of_two_colors_at_every_scale() {
        for scale in [1.0, 1.25, 1.5, 2.0, 3.0] {
            let edge = Tag::cell(scale);
            let draw = |tag: u64| {
                let mut pixmap = Pixmap::new(Tag::width(scale) + 3, 64).unwrap();
                Tag(tag).draw(&mut pixmap, 2.4, 28.0 * scale, scale);
                pixmap.take()
            };
            let dark = draw(0);
            for bit in 0..64 {
                let light = draw(1 << bit);
                let changed: Vec<_> = light
                    .chunks(4)
                    .zip(dark.chunks(4))
                    .filter(|(light, dark)| light != dark)
                    .collect();
                assert_eq!(changed.len() as u32, edge * edge, "bit {bit} at {scale}");
                assert!(
                    changed
                        .iter()
                        .all(|(light, dark)| *light == [255; 4] && *dark == [0, 0, 0, 255])
                );
            }
        }
    }

    #[test]
    fn no_two_sessions_have_the_same_tag() {
        assert_ne!(Tag::random(), Tag::random());
    }
}
