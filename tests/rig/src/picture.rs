/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/// One pixel as capture delivers it: blue, green, red, and alpha, which is always 255.
pub type Bgra = [u8; 4];

/// Edge of a cell of the coded picture, in pixels.
const CELL: u32 = 8;

/// What is shown on a monitor: for each pixel and each frame number one exact colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Picture {
    /// One colour; every frame is the same.
    Solid(Bgra),
    /// Top left, top right, bottom left, bottom right. Frame *n* turns them by *n* places, so that
    /// the next frame differs everywhere when neighbours differ.
    Quadrants([Bgra; 4]),
    /// Blue grows by one each pixel to the right, green each pixel down, red is the frame number;
    /// each wraps at 256.
    Gradient,
    /// [`expected`] of the monitor's index.
    Coded {
        /// Which monitor: 0 to 15.
        monitor: u32,
    },
}

impl Picture {
    /// The colour at (`x`, `y`), counted from the top left corner of a monitor of `size` (width,
    /// height) pixels, in frame `frame`.
    pub fn pixel(&self, size: (u32, u32), x: u32, y: u32, frame: u32) -> Bgra {
        match self {
            Self::Solid(color) => *color,
            Self::Quadrants(colors) => {
                let right = u32::from(x >= size.0 / 2);
                let bottom = u32::from(y >= size.1 / 2);
                let quadrant = (right + 2 * bottom + frame % 4) % 4;
                colors[quadrant as usize]
            }
            Self::Gradient => [low_byte(x), low_byte(y), low_byte(frame), 255],
            Self::Coded { monitor } => expected(*monitor, x, y, frame),
        }
    }

    /// The whole picture: rows from the top, no padding, four bytes a pixel.
    pub fn render(&self, size: (u32, u32), frame: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size.0 as usize * size.1 as usize * 4);
        for y in 0..size.1 {
            for x in 0..size.0 {
                bytes.extend_from_slice(&self.pixel(size, x, y, frame));
            }
        }
        bytes
    }
}

/// The coded picture: a checkerboard of 8-pixel cells in which a wrong crop, a swapped monitor and a
/// stale frame all show.
///
/// Red is `monitor` (high four bits) and `frame` (low four bits) everywhere. In the cells of the top
/// left corner's colour blue and green are the low bytes of `x` and `y`; in the others blue is the
/// next four bits of `x` (low) and `y` (high), and green the next eight bits of `frame`. So positions
/// repeat after 4096 pixels and frame numbers after 4096 frames.
pub fn expected(monitor: u32, x: u32, y: u32, frame: u32) -> Bgra {
    let red = low_byte(((monitor & 15) << 4) | (frame & 15));
    if (x / CELL + y / CELL).is_multiple_of(2) {
        [low_byte(x), low_byte(y), red, 255]
    } else {
        let high = low_byte(((x >> 8) & 15) | (((y >> 8) & 15) << 4));
        [high, low_byte(frame >> 4), red, 255]
    }
}

/// The frame number, 0 to 4095, that the coded picture carries at any pixel of the second kind of
/// cell, such as (8, 0).
pub fn frame_number(pixel: Bgra) -> u32 {
    (u32::from(pixel[1]) << 4) | u32::from(pixel[2] & 15)
}

fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coded_pixels_differ_by_monitor_position_and_frame() {
        let here = |monitor, x, y, frame| expected(monitor, x, y, frame);
        assert_ne!(here(0, 3, 5, 0), here(1, 3, 5, 0), "monitor");
        assert_ne!(here(0, 3, 5, 0), here(0, 4, 5, 0), "one pixel to the right");
        assert_ne!(here(0, 3, 5, 0), here(0, 3, 6, 0), "one pixel down");
        assert_ne!(
            here(0, 8, 0, 0),
            here(0, 8 + 256, 0, 0),
            "256 pixels to the right"
        );
        assert_ne!(here(0, 8, 0, 0), here(0, 8, 256, 0), "256 pixels down");
        assert_ne!(here(0, 3, 5, 7), here(0, 3, 5, 8), "next frame");
        assert_ne!(here(0, 8, 0, 0), here(0, 8, 0, 16), "sixteen frames later");
        assert_eq!(here(2, 1000, 700, 9)[3], 255);
    }

    #[test]
    fn the_frame_number_is_read_back_from_the_coded_picture() {
        for frame in [0, 1, 15, 16, 255, 256, 4095] {
            assert_eq!(frame_number(expected(3, 8, 0, frame)), frame);
        }
    }

    #[test]
    fn quadrants_turn_with_the_frame_number() {
        let colors = [
            [1, 1, 1, 255],
            [2, 2, 2, 255],
            [3, 3, 3, 255],
            [4, 4, 4, 255],
        ];
        let picture = Picture::Quadrants(colors);
        let corner = |x, y, frame| picture.pixel((10, 10), x, y, frame);
        assert_eq!(
            [
                corner(0, 0, 0),
                corner(9, 0, 0),
                corner(0, 9, 0),
                corner(9, 9, 0)
            ],
            colors
        );
        assert_eq!(corner(0, 0, 1), colors[1]);
        assert_eq!(corner(9, 9, 1), colors[0]);
    }
}
