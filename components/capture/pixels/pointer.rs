/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pointer, drawn into a frame.

use euclid::{Box2D, Point2D, Size2D};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use servo_capture_traits::{DesktopPixel, MonitorPixel};

use super::scale::View;
use crate::grabber::Pointer;

const PIXEL: usize = 4;
/// Larger shapes are no pointers: not drawn.
const MAX_EDGE: u32 = 1024;

/// Where on a frame the pointer's shape lies, its parts beyond the edges
/// included; nowhere if no part of it is on the frame.
pub fn area(
    pointer: &Pointer,
    monitor: Box2D<i32, DesktopPixel>,
    view: &View,
) -> Option<Box2D<i32, MonitorPixel>> {
    let shape = &pointer.shape;
    let edge = 1..=MAX_EDGE;
    if !edge.contains(&shape.size.width) || !edge.contains(&shape.size.height) {
        return None;
    }
    let (ratio_x, ratio_y) = view.ratio();
    let crop = view.crop();
    let place = |position: i32, monitor: i32, hot_spot: i32, crop: u32, ratio: f64| {
        let on_part =
            i64::from(position) - i64::from(monitor) - i64::from(hot_spot) - i64::from(crop);
        (on_part as f64 / ratio).round() as i32
    };
    let left = place(
        pointer.position.x,
        monitor.min.x,
        shape.hot_spot.x,
        crop.min.x,
        ratio_x,
    );
    let top = place(
        pointer.position.y,
        monitor.min.y,
        shape.hot_spot.y,
        crop.min.y,
        ratio_y,
    );
    let length = |length: u32, ratio: f64| (f64::from(length) / ratio).round().max(1.0) as i32;
    let (width, height) = (
        length(shape.size.width, ratio_x),
        length(shape.size.height, ratio_y),
    );
    let area = Box2D::new(
        Point2D::new(left, top),
        Point2D::new(left.checked_add(width)?, top.checked_add(height)?),
    );
    visible(area, view.size()).map(|_| area)
}

/// What of an area lies on a frame of this size.
pub fn visible(
    area: Box2D<i32, MonitorPixel>,
    size: Size2D<u32, MonitorPixel>,
) -> Option<Box2D<u32, MonitorPixel>> {
    let frame = Box2D::from_size(size.try_cast::<i32>()?);
    area.intersection(&frame)?.try_cast()
}

/// Draws the shape over a frame of this size, scaled to `area`.
pub fn draw(
    pointer: &Pointer,
    area: Box2D<i32, MonitorPixel>,
    frame: &mut [u8],
    size: Size2D<u32, MonitorPixel>,
) {
    let Some(visible) = visible(area, size) else {
        return;
    };
    let Some(scaled) = scaled(pointer, area) else {
        return;
    };
    let frame_stride = size.width as usize * PIXEL;
    let shape_stride = area.width() as usize * PIXEL;
    for y in visible.y_range() {
        // `visible` lies in `area`: no difference is negative.
        let shape_x = (visible.min.x as i32 - area.min.x) as usize * PIXEL;
        let shape_y = (y as i32 - area.min.y) as usize;
        let bytes = visible.width() as usize * PIXEL;
        let into = y as usize * frame_stride + visible.min.x as usize * PIXEL;
        let from = shape_y * shape_stride + shape_x;
        if let (Some(into), Some(from)) = (
            frame.get_mut(into..into + bytes),
            scaled.get(from..from + bytes),
        ) {
            blend(from, into);
        }
    }
}

/// The shape's pixels at the size of `area`; none where it has too few.
fn scaled(pointer: &Pointer, area: Box2D<i32, MonitorPixel>) -> Option<Vec<u8>> {
    let shape = &pointer.shape;
    let size = area.size().try_cast::<u32>()?;
    if size == shape.size {
        return Some(shape.pixels.clone());
    }
    let from = ImageRef::new(
        shape.size.width,
        shape.size.height,
        &shape.pixels,
        PixelType::U8x4,
    );
    let mut into = Image::new(size.width, size.height, PixelType::U8x4);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        // The colors are multiplied by alpha already.
        .use_alpha(false);
    let scaled = Resizer::new().resize(&from.ok()?, &mut into, &options);
    scaled.ok().map(|()| into.into_vec())
}

/// Lays colors that are multiplied by their alpha over others.
fn blend(from: &[u8], into: &mut [u8]) {
    let (from, _) = from.as_chunks::<PIXEL>();
    let (into, _) = into.as_chunks_mut::<PIXEL>();
    for (from, into) in from.iter().zip(into) {
        let rest = 255 - u32::from(from[3]);
        for (from, into) in from.iter().zip(into.iter_mut()).take(3) {
            let below = (u32::from(*into) * rest + 127) / 255;
            *into = (u32::from(*from) + below).min(255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use euclid::Vector2D;
    use servo_capture_traits::FrameFormat;

    use super::*;
    use crate::grabber::PointerShape;

    const SURFACE: Size2D<u32, MonitorPixel> = Size2D::new(40, 30);

    fn monitor() -> Box2D<i32, DesktopPixel> {
        Box2D::new(Point2D::new(100, 50), Point2D::new(140, 80))
    }

    /// Four by four pixels of half-transparent red, the hot spot at (1, 2).
    fn pointer(x: i32, y: i32) -> Pointer {
        let shape = PointerShape {
            serial: 1,
            size: Size2D::new(4, 4),
            hot_spot: Vector2D::new(1, 2),
            pixels: [0, 0, 128, 128].repeat(16),
        };
        Pointer {
            position: Point2D::new(x, y),
            shape: Arc::new(shape),
        }
    }

    fn drawn(pointer: &Pointer, format: &FrameFormat) -> Vec<(u32, u32)> {
        let view = View::new(format, SURFACE);
        let size = view.size();
        let mut frame = vec![100; (size.width * size.height * 4) as usize];
        let Some(area) = area(pointer, monitor(), &view) else {
            return Vec::new();
        };
        draw(pointer, area, &mut frame, size);
        let changed = frame.chunks_exact(4).enumerate().filter(|(_, pixel)| {
            let is_changed = pixel[..3] != [100, 100, 100];
            assert!(!is_changed || pixel[..3] == [50, 50, 178], "{pixel:?}");
            is_changed
        });
        changed
            .map(|(index, _)| (index as u32 % size.width, index as u32 / size.width))
            .collect()
    }

    #[test]
    fn the_hot_spot_lies_at_the_position_and_colors_shine_through() {
        let pixels = drawn(&pointer(110, 60), &FrameFormat::native(SURFACE));
        assert_eq!(pixels.len(), 16);
        assert_eq!((pixels[0], pixels[15]), ((9, 8), (12, 11)));
    }

    #[test]
    fn what_lies_beyond_an_edge_is_cut_off() {
        let native = FrameFormat::native(SURFACE);
        assert_eq!(drawn(&pointer(100, 50), &native).len(), 3 * 2);
        assert_eq!(
            drawn(&pointer(139, 79), &native),
            [(38, 27), (39, 27), (38, 28), (39, 28), (38, 29), (39, 29)]
        );
        for (x, y) in [(90, 60), (i32::MIN, 60), (i32::MAX, i32::MAX)] {
            assert!(drawn(&pointer(x, y), &native).is_empty());
        }
    }

    #[test]
    fn on_a_scaled_frame_it_is_scaled_and_in_its_place() {
        let mut format = FrameFormat::native(SURFACE);
        format.size = Size2D::new(20, 15);
        let pixels = drawn(&pointer(111, 62), &format);
        assert_eq!(pixels, [(5, 5), (6, 5), (5, 6), (6, 6)]);
    }

    #[test]
    fn senseless_shapes_are_not_drawn() {
        let mut huge = pointer(110, 60);
        let shape = Arc::make_mut(&mut huge.shape);
        shape.size = Size2D::new(u32::MAX, 1);
        assert!(drawn(&huge, &FrameFormat::native(SURFACE)).is_empty());
        let mut short = pointer(110, 60);
        Arc::make_mut(&mut short.shape).pixels.truncate(10);
        assert!(drawn(&short, &FrameFormat::native(SURFACE)).is_empty());
    }
}
