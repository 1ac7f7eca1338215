/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A part of a surface as a frame of another size.

use euclid::{Box2D, Point2D, Size2D};
// The typed interface: the other one is compiled for every format of pixels that
// the library knows, which takes minutes.
use fast_image_resize::images::{
    TypedCroppedImage, TypedCroppedImageMut, TypedImage, TypedImageRef,
};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{
    CropBoxError, FilterType, ImageBufferError, ResizeAlg, ResizeError, ResizeOptions, Resizer,
};
use servo_capture_traits::{Damage, FrameFormat, MonitorPixel};

const PIXEL: usize = 4;

/// Which part of a surface frames show, and at which size: never a larger one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    crop: Box2D<u32, MonitorPixel>,
    size: Size2D<u32, MonitorPixel>,
}

/// Pixels could not be scaled, because buffers have not the bytes that their
/// sizes ask for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ScaleError {
    /// Of one of the pictures.
    #[error(transparent)]
    Buffer(#[from] ImageBufferError),
    /// Of the part.
    #[error(transparent)]
    Crop(#[from] CropBoxError),
    /// While scaling.
    #[error(transparent)]
    Resize(#[from] ResizeError),
}

impl View {
    /// What frames of this format show of a surface of this size; all of it
    /// where the format is not for such a surface.
    pub fn new(format: &FrameFormat, surface: Size2D<u32, MonitorPixel>) -> Self {
        let format = match format.check(surface) {
            Ok(()) => *format,
            Err(_) => format.with_surface(surface),
        };
        Self {
            crop: format.crop,
            size: format.size,
        }
    }

    /// Width and height of the frames.
    pub fn size(&self) -> Size2D<u32, MonitorPixel> {
        self.size
    }

    /// The part of the surface that they show.
    pub fn crop(&self) -> Box2D<u32, MonitorPixel> {
        self.crop
    }

    /// Whether frames have the surface's pixels as they are.
    pub fn is_unscaled(&self) -> bool {
        self.crop.size() == self.size
    }

    /// How many of the surface's pixels make one of a frame, in each direction;
    /// at least 1.
    pub fn ratio(&self) -> (f64, f64) {
        (
            f64::from(self.crop.width()) / f64::from(self.size.width),
            f64::from(self.crop.height()) / f64::from(self.size.height),
        )
    }

    /// The pixels of a frame that may change when these of the surface do.
    pub fn damage_of(&self, surface: &Damage) -> Damage {
        if matches!(surface, Damage::Whole) {
            return Damage::Whole;
        }
        let mut damage = Damage::nothing();
        let (ratio_x, ratio_y) = self.ratio();
        // A pixel of a scaled frame is made of all within the filter's radius
        // around its middle, which is one pixel of the frame.
        let radius = if self.is_unscaled() { 0.0 } else { 2.0 };
        let map = |from: u32, to: u32, origin: u32, ratio: f64, end: u32| {
            let least = (f64::from(from - origin) / ratio - radius).floor().max(0.0);
            let most = (f64::from(to - origin) / ratio + radius).ceil();
            (least as u32, (most as u32).min(end))
        };
        for part in surface
            .clip(self.crop)
            .rectangles(self.crop.max.to_vector().to_size())
        {
            let (left, right) = map(
                part.min.x,
                part.max.x,
                self.crop.min.x,
                ratio_x,
                self.size.width,
            );
            let (top, bottom) = map(
                part.min.y,
                part.max.y,
                self.crop.min.y,
                ratio_y,
                self.size.height,
            );
            damage.add(Box2D::new(
                Point2D::new(left, top),
                Point2D::new(right, bottom),
            ));
        }
        damage
    }
}

/// Makes frames of a view. Keeps what scaling needs from one to the next.
#[derive(Debug, Default)]
pub struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// Brings `parts` of a frame up to date from a picture of the surface: by
    /// copying, or with a triangular filter as wide as the frame's pixels are.
    ///
    /// # Errors
    /// When a buffer has not the bytes of its size.
    pub fn update(
        &mut self,
        surface: &[u8],
        surface_size: Size2D<u32, MonitorPixel>,
        view: &View,
        frame: &mut [u8],
        parts: &Damage,
    ) -> Result<(), ScaleError> {
        if view.is_unscaled() {
            return copy(surface, surface_size, view, frame, parts);
        }
        let crop = view.crop;
        let from =
            TypedImageRef::<U8x4>::from_buffer(surface_size.width, surface_size.height, surface)?;
        let from = TypedCroppedImage::from_ref(
            &from,
            crop.min.x,
            crop.min.y,
            crop.width(),
            crop.height(),
        )?;
        let mut into = TypedImage::<U8x4>::from_buffer(view.size.width, view.size.height, frame)?;
        let (ratio_x, ratio_y) = view.ratio();
        for part in parts.rectangles(view.size) {
            let left = f64::from(part.min.x) * ratio_x;
            let top = f64::from(part.min.y) * ratio_y;
            // The last bits of a product must not reach beyond the picture.
            let width = (f64::from(part.width()) * ratio_x).min(f64::from(crop.width()) - left);
            let height = (f64::from(part.height()) * ratio_y).min(f64::from(crop.height()) - top);
            let options = ResizeOptions::new()
                .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
                // The fourth byte is no alpha.
                .use_alpha(false)
                .crop(left, top, width, height);
            let mut into = TypedCroppedImageMut::from_ref(
                &mut into,
                part.min.x,
                part.min.y,
                part.width(),
                part.height(),
            )?;
            self.resizer.resize_typed(&from, &mut into, &options)?;
        }
        Ok(())
    }
}

/// Copies `parts` of a frame that shows a part of the surface as it is.
fn copy(
    surface: &[u8],
    surface_size: Size2D<u32, MonitorPixel>,
    view: &View,
    frame: &mut [u8],
    parts: &Damage,
) -> Result<(), ScaleError> {
    let from_stride = surface_size.width as usize * PIXEL;
    let into_stride = view.size.width as usize * PIXEL;
    for part in parts.rectangles(view.size) {
        let bytes = part.width() as usize * PIXEL;
        for y in part.min.y as usize..part.max.y as usize {
            let from = (y + view.crop.min.y as usize) * from_stride
                + (part.min.x as usize + view.crop.min.x as usize) * PIXEL;
            let into = y * into_stride + part.min.x as usize * PIXEL;
            match (
                frame.get_mut(into..into + bytes),
                surface.get(from..from + bytes),
            ) {
                (Some(into), Some(from)) => into.copy_from_slice(from),
                _ => return Err(ImageBufferError::InvalidBufferSize.into()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn view(crop: (u32, u32, u32, u32), size: (u32, u32)) -> View {
        let (x, y, width, height) = crop;
        View {
            crop: Box2D::from_origin_and_size(Point2D::new(x, y), Size2D::new(width, height)),
            size: Size2D::from(size),
        }
    }

    /// Noise, the same for the same seed.
    fn picture(size: Size2D<u32, MonitorPixel>, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..size.width * size.height * 4).map(|_| next()).collect()
    }

    /// The weights of the pixels of one line that make pixel `index` of a line
    /// of `into` pixels: a triangle around its middle, cut off at the edges.
    fn weights(from: u32, into: u32, index: u32) -> Vec<(u32, f64)> {
        let ratio = f64::from(from) / f64::from(into);
        let middle = (f64::from(index) + 0.5) * ratio;
        let weights: Vec<(u32, f64)> = (0..from)
            .map(|x| (x, 1.0 - ((f64::from(x) + 0.5 - middle) / ratio).abs()))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
        weights
            .into_iter()
            .map(|(x, weight)| (x, weight / sum))
            .collect()
    }

    /// What the documented filter gives, computed the slow way.
    fn reference(surface: &[u8], size: Size2D<u32, MonitorPixel>, view: &View) -> Vec<f64> {
        let mut frame = Vec::new();
        for y in 0..view.size.height {
            let rows = weights(view.crop.height(), view.size.height, y);
            for x in 0..view.size.width {
                let columns = weights(view.crop.width(), view.size.width, x);
                for channel in 0..4 {
                    let value = |dx: u32, dy: u32| {
                        let pixel = (view.crop.min.y + dy) * size.width + view.crop.min.x + dx;
                        f64::from(surface[pixel as usize * 4 + channel])
                    };
                    let row = |dy: u32| -> f64 {
                        columns
                            .iter()
                            .map(|&(dx, weight)| value(dx, dy) * weight)
                            .sum()
                    };
                    frame.push(rows.iter().map(|&(dy, weight)| row(dy) * weight).sum());
                }
            }
        }
        frame
    }

    fn check(surface_size: (u32, u32), view: View, seed: u64) {
        let size = Size2D::from(surface_size);
        let surface = picture(size, seed);
        let mut frame = vec![0; (view.size.width * view.size.height * 4) as usize];
        Scaler::default()
            .update(&surface, size, &view, &mut frame, &Damage::Whole)
            .unwrap();
        for (index, (found, expected)) in frame
            .iter()
            .zip(reference(&surface, size, &view))
            .enumerate()
        {
            // Each of the two directions rounds once.
            let difference = (f64::from(*found) - expected).abs();
            assert!(
                difference <= 1.01,
                "{index}: {found} for {expected}, {view:?}"
            );
        }
    }

    #[test]
    fn scaled_frames_are_what_the_filter_gives() {
        check((64, 48), view((0, 0, 64, 48), (32, 24)), 1);
        check((64, 48), view((0, 0, 64, 48), (63, 47)), 2);
        check((64, 48), view((5, 7, 40, 30), (13, 29)), 3);
        check((64, 48), view((5, 7, 40, 30), (40, 10)), 4);
        check((64, 48), view((0, 0, 64, 48), (1, 1)), 5);
    }

    #[test]
    fn a_part_at_its_own_size_is_copied_exactly() {
        let size = Size2D::new(20, 10);
        let surface = picture(size, 9);
        let view = view((3, 2, 8, 4), (8, 4));
        let mut frame = vec![0; 8 * 4 * 4];
        Scaler::default()
            .update(&surface, size, &view, &mut frame, &Damage::Whole)
            .unwrap();
        for y in 0..4 {
            let from = ((y + 2) * 20 + 3) * 4;
            assert_eq!(frame[y * 32..][..32], surface[from..][..32]);
        }
        let mut short = vec![0; 8];
        assert!(
            Scaler::default()
                .update(&surface, size, &view, &mut short, &Damage::Whole)
                .is_err()
        );
    }

    #[test]
    fn a_format_of_another_surface_shows_all_of_this_one() {
        let format = FrameFormat::native(Size2D::new(640, 480));
        let surface = Size2D::new(320, 200);
        let view = View::new(&format, surface);
        assert_eq!((view.size(), view.is_unscaled()), (surface, true));
        // Nothing is ever enlarged.
        let mut format = FrameFormat::native(surface);
        format.size = Size2D::new(321, 200);
        assert_eq!(View::new(&format, surface).size(), surface);
    }

    proptest! {
        #[test]
        fn updating_what_is_damaged_makes_the_frame_of_the_new_picture(
            (width, height) in (8..60u32, 8..50u32),
            (left, top, right, bottom) in (0..4u32, 0..4u32, 0..4u32, 0..4u32),
            (scale_x, scale_y) in (0.05..1.0f64, 0.05..1.0f64),
            changes in proptest::collection::vec((0..60u32, 0..50u32, 1..9u32, 1..9u32), 0..4),
        ) {
            let size = Size2D::new(width, height);
            let crop = (left, top, width - left - right, height - top - bottom);
            let scaled = |length: u32, scale: f64| ((f64::from(length) * scale) as u32).max(1);
            let view = view(crop, (scaled(crop.2, scale_x), scaled(crop.3, scale_y)));
            let before = picture(size, 1);
            let other = picture(size, 2);
            let mut after = before.clone();
            let mut damage = Damage::nothing();
            for (x, y, w, h) in changes {
                let part = Box2D::from_origin_and_size(Point2D::new(x, y), Size2D::new(w, h));
                damage.add(part);
            }
            for part in damage.rectangles(size) {
                for y in part.y_range() {
                    let row = ((y * width + part.min.x) * 4) as usize..((y * width + part.max.x) * 4) as usize;
                    after[row.clone()].copy_from_slice(&other[row]);
                }
            }
            let mut scaler = Scaler::default();
            let bytes = (view.size.width * view.size.height * 4) as usize;
            let (mut updated, mut whole) = (vec![0; bytes], vec![0; bytes]);
            scaler.update(&before, size, &view, &mut updated, &Damage::Whole).unwrap();
            scaler.update(&after, size, &view, &mut updated, &view.damage_of(&damage)).unwrap();
            scaler.update(&after, size, &view, &mut whole, &Damage::Whole).unwrap();
            for (index, (one, other)) in updated.iter().zip(&whole).enumerate() {
                // Weights of a part are rounded for themselves.
                prop_assert!(one.abs_diff(*other) <= 1, "{index}: {one} {other}");
            }
        }
    }
}
