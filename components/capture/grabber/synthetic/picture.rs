/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What synthetic monitors show: a picture whose every pixel is known, so that
//! a test, also one in a page, can compute what it must receive.
//!
//! All positions are device pixels from the monitor's top left corner. From
//! top to bottom in the order of precedence; what does not fit on a small
//! monitor is cut off.
//!
//! 1. The time code, 384x96 pixels at (48, 96): four rows of sixteen cells of
//!    24x24 pixels, white (255, 255, 255) for 1 and black for 0, the most
//!    significant bit first. The upper two rows are the frame number, 32 bits;
//!    the lower two its complement. It is all of the picture that moves.
//! 2. Corner markers, 32x32 pixels: red (255, 0, 0) at the left edge from row
//!    48, green (0, 255, 0) at the right edge from row 48, blue (0, 0, 255) in
//!    the bottom left corner, white in the bottom right corner. No part of 1
//!    and 2 lies in the uppermost 40 rows, where the indicator is drawn.
//! 3. The column scale, rows 224 to 255: red 0, green x / 256, blue x mod 256.
//! 4. The row scale, columns 464 to 495 from row 256 on: red 255, green
//!    y / 256, blue y mod 256.
//! 5. The background, one color for each monitor: [`BACKGROUNDS`].

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::MonitorPixel;

/// Red, green and blue of the backgrounds; the first monitor has the first,
/// the ninth has the first again.
pub const BACKGROUNDS: [[u8; 3]; 8] = [
    [0x1f, 0x4e, 0x79],
    [0x2e, 0x7d, 0x32],
    [0x8e, 0x3b, 0x46],
    [0x6a, 0x4c, 0x93],
    [0xb8, 0x86, 0x0b],
    [0x00, 0x83, 0x8f],
    [0x5d, 0x40, 0x37],
    [0x37, 0x47, 0x4f],
];

/// Edge of a time code cell in device pixels.
pub const CELL: u32 = 24;
/// Cells in a row of the time code.
pub const CELL_COLUMNS: u32 = 16;
/// Rows of the time code.
pub const CELL_ROWS: u32 = 4;
/// Left edge of the time code.
pub const TIME_CODE_X: u32 = 48;
/// Top edge of the time code.
pub const TIME_CODE_Y: u32 = 96;
/// Edge of a corner marker.
pub const MARKER: u32 = 32;
/// Top edge of the upper two markers.
pub const MARKER_Y: u32 = 48;

const COLUMN_SCALE_ROWS: std::ops::Range<u32> = 224..256;
const ROW_SCALE_COLUMNS: std::ops::Range<u32> = 464..496;

/// Blue, green, red and 255 of one pixel.
///
/// `index` counts the monitors of a layout from 0 in the order in which they
/// were plugged in, `size` is the monitor's, `frame` the frame number.
pub fn pixel(index: u32, size: Size2D<u32, MonitorPixel>, x: u32, y: u32, frame: u32) -> [u8; 4] {
    if time_code_area().contains(Point2D::new(x, y)) {
        let cell = (y - TIME_CODE_Y) / CELL * CELL_COLUMNS + (x - TIME_CODE_X) / CELL;
        return bgrx(if time_code_bit(frame, cell) {
            [255; 3]
        } else {
            [0; 3]
        });
    }
    let is_left = x < MARKER;
    let is_right = x >= size.width.saturating_sub(MARKER);
    let is_upper = (MARKER_Y..MARKER_Y + MARKER).contains(&y);
    let is_lower = y >= size.height.saturating_sub(MARKER);
    match (is_left, is_right, is_upper, is_lower) {
        (true, _, true, _) => bgrx([255, 0, 0]),
        (_, true, true, _) => bgrx([0, 255, 0]),
        (true, _, _, true) => bgrx([0, 0, 255]),
        (_, true, _, true) => bgrx([255, 255, 255]),
        _ if COLUMN_SCALE_ROWS.contains(&y) => bgrx([0, byte(x >> 8), byte(x)]),
        _ if y >= COLUMN_SCALE_ROWS.end && ROW_SCALE_COLUMNS.contains(&x) => {
            bgrx([255, byte(y >> 8), byte(y)])
        }
        _ => bgrx(BACKGROUNDS[index as usize % BACKGROUNDS.len()]),
    }
}

/// Where the time code is.
pub fn time_code_area() -> Box2D<u32, MonitorPixel> {
    Box2D::from_origin_and_size(
        Point2D::new(TIME_CODE_X, TIME_CODE_Y),
        Size2D::new(CELL * CELL_COLUMNS, CELL * CELL_ROWS),
    )
}

/// The frame number that a picture shows, read from the middle of each cell;
/// None where it has no intact time code.
///
/// `pixels` holds four bytes a pixel in rows of `stride_bytes` bytes.
pub fn read_time_code(pixels: &[u8], stride_bytes: usize) -> Option<u32> {
    let mut bits = 0u64;
    for cell in 0..CELL_COLUMNS * CELL_ROWS {
        let x = TIME_CODE_X + cell % CELL_COLUMNS * CELL + CELL / 2;
        let y = TIME_CODE_Y + cell / CELL_COLUMNS * CELL + CELL / 2;
        let start = y as usize * stride_bytes + x as usize * 4;
        let color = pixels.get(start..start + 3)?;
        let is_white = match color {
            [0, 0, 0] => 0,
            [255, 255, 255] => 1,
            _ => return None,
        };
        bits = bits << 1 | is_white;
    }
    let frame = u32::try_from(bits >> 32).ok()?;
    let complement = (bits & u64::from(u32::MAX)) as u32;
    (complement == !frame).then_some(frame)
}

/// Draws the part of a frame that lies in `area` into rows of `size.width`
/// pixels without padding.
pub(super) fn draw(
    pixels: &mut [u8],
    index: u32,
    size: Size2D<u32, MonitorPixel>,
    area: Box2D<u32, MonitorPixel>,
    frame: u32,
) {
    let Some(area) = area.intersection(&Box2D::from_size(size)) else {
        return;
    };
    let stride = size.width as usize * 4;
    for (y, row) in
        (area.min.y..area.max.y).zip(pixels.chunks_exact_mut(stride).skip(area.min.y as usize))
    {
        let row = &mut row[area.min.x as usize * 4..area.max.x as usize * 4];
        for (x, target) in (area.min.x..).zip(row.chunks_exact_mut(4)) {
            target.copy_from_slice(&pixel(index, size, x, y, frame));
        }
    }
}

fn time_code_bit(frame: u32, cell: u32) -> bool {
    let word = if cell < 32 { frame } else { !frame };
    word >> (31 - cell % 32) & 1 == 1
}

fn bgrx([red, green, blue]: [u8; 3]) -> [u8; 4] {
    [blue, green, red, 255]
}

fn byte(value: u32) -> u8 {
    (value & 0xff) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_picture_is_as_documented() {
        let size = Size2D::new(1920, 1080);
        let at = |x, y| {
            let [blue, green, red, _] = pixel(0, size, x, y, 0x8000_0001);
            [red, green, blue]
        };
        assert_eq!(at(0, 0), [0x1f, 0x4e, 0x79], "background");
        assert_eq!([at(0, 48), at(31, 79)], [[255, 0, 0]; 2], "upper left");
        assert_eq!(
            [at(1888, 48), at(1919, 79)],
            [[0, 255, 0]; 2],
            "upper right"
        );
        assert_eq!([at(0, 1048), at(31, 1079)], [[0, 0, 255]; 2], "lower left");
        assert_eq!(
            [at(1888, 1048), at(1919, 1079)],
            [[255; 3]; 2],
            "lower right"
        );
        assert_eq!([at(32, 48), at(0, 80), at(0, 47)], [BACKGROUNDS[0]; 3]);
        assert_eq!([at(48, 96), at(71, 119)], [[255; 3]; 2], "bit 31 is 1");
        assert_eq!(
            [at(72, 96), at(407, 143)],
            [[0; 3]; 2],
            "bits 30 and 1 are 0"
        );
        assert_eq!(
            [at(48, 144), at(431, 191)],
            [[0; 3]; 2],
            "complement of bits 31 and 0"
        );
        assert_eq!(at(1000, 230), [0, 3, 232], "column scale");
        assert_eq!(at(470, 700), [255, 2, 188], "row scale");
        assert_eq!(pixel(1, size, 600, 600, 0), pixel(9, size, 600, 600, 7));
    }

    proptest! {
        #[test]
        fn the_frame_number_is_read_back(frame: u32, index in 0..9u32) {
            let size = Size2D::new(480, 200);
            let mut pixels = vec![7; 480 * 200 * 4];
            draw(&mut pixels, index, size, Box2D::from_size(size), frame);
            prop_assert_eq!(read_time_code(&pixels, 480 * 4), Some(frame));
            // One damaged cell is noticed.
            let start = (TIME_CODE_Y as usize + 12) * 480 * 4 + (TIME_CODE_X as usize + 12) * 4;
            for byte in &mut pixels[start..start + 3] {
                *byte = !*byte;
            }
            prop_assert_eq!(read_time_code(&pixels, 480 * 4), None);
        }

        #[test]
        fn monitors_of_any_size_are_drawn_without_panic(width in 1..600u32, height in 1..300u32) {
            let size = Size2D::new(width, height);
            let mut pixels = vec![0; (width * height * 4) as usize];
            draw(&mut pixels, 0, size, Box2D::from_size(size), 5);
            draw(&mut pixels, 0, size, time_code_area(), 6);
            prop_assert!(pixels.chunks_exact(4).all(|pixel| pixel[3] == 255));
        }
    }
}
