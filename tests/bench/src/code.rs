/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The code that tells from a picture when it was drawn.
//!
//! Sixteen by eight cells, black or white, hold 128 bits: the time of drawing in microseconds of
//! `CLOCK_MONOTONIC` (64), the update's number on its monitor (32), and a CRC-32 of both and of the
//! monitor's index (32), so that a torn or blended code, and a code of another monitor, is not
//! mistaken for a good one. Bits go from the highest to the lowest, row by row.

use x11rb::protocol::xproto::Rectangle;

/// Cells in a row.
pub const COLUMNS: u32 = 16;
/// Rows of cells.
pub const ROWS: u32 = 8;

/// What a code says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Code {
    /// When the pattern program began to draw it, in microseconds of `CLOCK_MONOTONIC`.
    pub drawn_us: u64,
    /// Which update of its monitor it is, counted from 1.
    pub seq: u32,
}

impl Code {
    /// The 128 bits, first cell in the highest bit of the first byte.
    pub fn to_bits(self, monitor: usize) -> [u8; 16] {
        let mut bits = [0; 16];
        bits[..8].copy_from_slice(&self.drawn_us.to_be_bytes());
        bits[8..12].copy_from_slice(&self.seq.to_be_bytes());
        let checksum = checksum(&bits[..12], monitor);
        bits[12..].copy_from_slice(&checksum.to_be_bytes());
        bits
    }

    /// The opposite of [`to_bits`](Self::to_bits). `None`: these are not the bits of a code that
    /// was drawn for this monitor.
    pub fn from_bits(bits: [u8; 16], monitor: usize) -> Option<Self> {
        let word = u128::from_be_bytes(bits);
        // The halves of the word as they were put together above.
        let code = Self {
            drawn_us: (word >> 64) as u64,
            seq: (word >> 32) as u32,
        };
        (word as u32 == checksum(&bits[..12], monitor)).then_some(code)
    }

    /// Reads a code from a picture of four bytes a pixel, BGRA or BGRX or RGBA, that starts in the
    /// monitor's top left corner. `stride` is in bytes. Looks at one pixel in the middle of each
    /// cell, and there at the green byte only.
    pub fn read(pixels: &[u8], stride: usize, place: CodePlace, monitor: usize) -> Option<Self> {
        let mut word = 0_u128;
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let x = (place.x + column * place.cell + place.cell / 2) as usize;
                let y = (place.y + row * place.cell + place.cell / 2) as usize;
                let green = pixels.get(y * stride + x * 4 + 1)?;
                word = word << 1 | u128::from(*green > 127);
            }
        }
        Self::from_bits(word.to_be_bytes(), monitor)
    }

    /// The white cells, neighbors in a row joined; the rest of the code's area is black.
    pub fn white_rectangles(self, monitor: usize, place: CodePlace) -> Vec<Rectangle> {
        let word = u128::from_be_bytes(self.to_bits(monitor));
        let is_white = |cell: u32| word >> (COLUMNS * ROWS - 1 - cell) & 1 == 1;
        let mut rectangles = Vec::new();
        for row in 0..ROWS {
            let mut column = 0;
            while column < COLUMNS {
                let start = column;
                while column < COLUMNS && is_white(row * COLUMNS + column) {
                    column += 1;
                }
                if column > start {
                    rectangles.push(place.rectangle(start, row, column - start, 1));
                }
                column += 1;
            }
        }
        rectangles
    }
}

/// Where a code is in a picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodePlace {
    /// The left edge, from the monitor's own, in pixels.
    pub x: u32,
    /// The upper edge, from the monitor's own, in pixels.
    pub y: u32,
    /// The length of a cell's side in pixels.
    pub cell: u32,
}

impl CodePlace {
    /// The whole code's width in pixels.
    pub fn width(self) -> u32 {
        COLUMNS * self.cell
    }

    /// The whole code's height in pixels.
    pub fn height(self) -> u32 {
        ROWS * self.cell
    }

    /// The whole code's area.
    pub fn area(self) -> Rectangle {
        self.rectangle(0, 0, COLUMNS, ROWS)
    }

    /// Some of its cells. A monitor's coordinates fit the X protocol's 16 bits.
    fn rectangle(self, column: u32, row: u32, columns: u32, rows: u32) -> Rectangle {
        Rectangle {
            x: (self.x + column * self.cell) as i16,
            y: (self.y + row * self.cell) as i16,
            width: (columns * self.cell) as u16,
            height: (rows * self.cell) as u16,
        }
    }
}

fn checksum(bytes: &[u8], monitor: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes);
    hasher.update(&(monitor as u64).to_be_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of noise with the code drawn into it.
    fn picture(code: Code, monitor: usize, place: CodePlace, stride: usize) -> Vec<u8> {
        let mut pixels: Vec<u8> = (0..stride * (place.y + place.height()) as usize)
            .map(|index| ((index * 31) >> 3) as u8)
            .collect();
        let mut fill = |area: Rectangle, value: u8| {
            for y in area.y as usize..area.y as usize + usize::from(area.height) {
                let start = y * stride + area.x as usize * 4;
                pixels[start..start + usize::from(area.width) * 4].fill(value);
            }
        };
        fill(place.area(), 0);
        for area in code.white_rectangles(monitor, place) {
            fill(area, 255);
        }
        pixels
    }

    proptest! {
        #[test]
        fn what_was_drawn_is_read_back(
            drawn_us: u64, seq: u32, monitor in 0_usize..4,
            x in 0_u32..40, y in 0_u32..40, cell in 1_u32..25, padding in 0_usize..64,
        ) {
            let code = Code { drawn_us, seq };
            let place = CodePlace { x, y, cell };
            let stride = (x + place.width()) as usize * 4 + padding;
            let pixels = picture(code, monitor, place, stride);
            prop_assert_eq!(Code::read(&pixels, stride, place, monitor), Some(code));
            prop_assert_eq!(Code::read(&pixels, stride, place, monitor + 1), None);
        }

        #[test]
        fn a_flipped_cell_is_noticed(drawn_us: u64, seq: u32, bit in 0_usize..128) {
            let mut bits = Code { drawn_us, seq }.to_bits(2);
            bits[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Code::from_bits(bits, 2), None);
        }
    }

    #[test]
    fn a_picture_that_is_too_small_holds_no_code() {
        let place = CodePlace {
            x: 0,
            y: 0,
            cell: 4,
        };
        assert_eq!(Code::read(&[0; 400], 64 * 4, place, 0), None);
    }

    #[test]
    fn an_empty_area_is_no_code() {
        let place = CodePlace {
            x: 0,
            y: 0,
            cell: 4,
        };
        for value in [0, 255] {
            assert_eq!(Code::read(&[value; 64 * 32 * 4], 64 * 4, place, 0), None);
        }
    }
}
