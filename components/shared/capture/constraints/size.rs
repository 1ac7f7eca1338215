/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The sizes that frames of a surface may have, and what of the surface they
//! show.

use std::cmp::Ordering;

use euclid::{Box2D, Point2D, Size2D};

use super::settings::aspect_ratio;
use crate::MonitorPixel;

/// The part of a surface that frames of `output` size show, in device pixels of
/// the surface. `output` is at least one pixel each way and not larger than the
/// surface.
///
/// Frames show the whole surface if its aspect ratio is theirs to the nearest
/// pixel; otherwise the largest part with their aspect ratio, out of the middle.
pub(super) fn crop(
    surface: Size2D<u32, MonitorPixel>,
    output: Size2D<u32, MonitorPixel>,
) -> Box2D<u32, MonitorPixel> {
    let size = visible(surface, output);
    let origin = Point2D::new(
        (surface.width - size.width) / 2,
        (surface.height - size.height) / 2,
    );
    Box2D::from_origin_and_size(origin, size)
}

/// The size of the part of a surface that frames of `output` size show.
fn visible(
    surface: Size2D<u32, MonitorPixel>,
    output: Size2D<u32, MonitorPixel>,
) -> Size2D<u32, MonitorPixel> {
    let whole_width = scaled(output.height, surface.width, surface.height);
    let whole_height = scaled(output.width, surface.height, surface.width);
    if output.width == whole_width || output.height == whole_height {
        return surface;
    }
    let wider = u64::from(output.width) * u64::from(surface.height)
        > u64::from(output.height) * u64::from(surface.width);
    if wider {
        let height = scaled(output.height, surface.width, output.width);
        Size2D::new(surface.width, height.min(surface.height))
    } else {
        let width = scaled(output.width, surface.height, output.height);
        Size2D::new(width.min(surface.width), surface.height)
    }
}

/// `length * to / from` to the nearest pixel, at least one. `from` is not zero.
fn scaled(length: u32, to: u32, from: u32) -> u32 {
    let from = u64::from(from);
    let nearest = (u64::from(length) * u64::from(to) + from / 2) / from;
    u32::try_from(nearest).unwrap_or(u32::MAX).max(1)
}

/// Bounds of a number, both included; none if the lower is above the upper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds<T> {
    pub(super) min: T,
    pub(super) max: T,
}

impl<T: Copy + PartialOrd> Bounds<T> {
    pub(super) fn new(min: T, max: T) -> Self {
        Self { min, max }
    }

    /// What is within these bounds and others.
    pub(super) fn within(self, min: T, max: T) -> Self {
        Self {
            min: if min > self.min { min } else { self.min },
            max: if max < self.max { max } else { self.max },
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.min > self.max
    }

    pub(super) fn contains(self, value: T) -> bool {
        self.min <= value && value <= self.max
    }

    /// The value within the bounds that is closest to `value`.
    pub(super) fn nearest(self, value: T) -> T {
        if value < self.min {
            self.min
        } else if value > self.max {
            self.max
        } else {
            value
        }
    }
}

impl Bounds<u32> {
    /// The whole numbers within these bounds and others.
    pub(super) fn within_numbers(self, min: f64, max: f64) -> Self {
        if max < 0.0 {
            return Self::new(1, 0);
        }
        // A cast saturates at the ends of the type.
        self.within(min.ceil() as u32, max.floor() as u32)
    }
}

/// A set of sizes: all those with width, height and aspect ratio within bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sizes {
    pub(super) width: Bounds<u32>,
    pub(super) height: Bounds<u32>,
    pub(super) aspect_ratio: Bounds<f64>,
}

/// The sizes that a page wants.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WantedSize {
    pub(super) height: Option<f64>,
    pub(super) aspect_ratio: Option<f64>,
}

/// Distances closer than this are the same: they are sums of a few fractions of
/// numbers below 2^32.
const SAME_DISTANCE: f64 = 1e-12;

/// The share of a surface up to which rounding may take from it unnoticed.
const WORTH_ROUNDING: f64 = 0.98;

impl Sizes {
    /// From one pixel up to those of the surface.
    pub(super) fn up_to(surface: Size2D<u32, MonitorPixel>) -> Self {
        Self {
            width: Bounds::new(1, surface.width),
            height: Bounds::new(1, surface.height),
            aspect_ratio: Bounds::new(f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    pub(super) fn contains(&self, size: Size2D<u32, MonitorPixel>) -> bool {
        self.width.contains(size.width)
            && self.height.contains(size.height)
            && self
                .aspect_ratio
                .contains(aspect_ratio(size.width, size.height))
    }

    pub(super) fn is_empty(&self) -> bool {
        !(self.width.min..=self.width.max).any(|width| self.heights(width).is_some())
    }

    /// The heights that go with a width. The aspect ratio falls as the height
    /// grows, so they have no gaps.
    fn heights(&self, width: u32) -> Option<Bounds<u32>> {
        let all = self.height;
        if all.is_empty() {
            return None;
        }
        let flat_enough = |height| aspect_ratio(width, height) <= self.aspect_ratio.max;
        let too_tall = |height| aspect_ratio(width, height) < self.aspect_ratio.min;
        let first = first_height(all, flat_enough);
        let end = first_height(all, too_tall);
        (first < end).then(|| Bounds::new(first, end - 1))
    }

    /// The size with the smallest distance. Of several such, the one that shows
    /// most of the surface, then the largest.
    ///
    /// For one width, the distance as a function of the height is made of pieces
    /// that end at the wanted height and aspect ratio, and on each of them it is
    /// a sum of linear and concave functions. So it is smallest at the end of a
    /// piece, and a few heights are enough to look at.
    pub(super) fn fittest(
        &self,
        surface: Size2D<u32, MonitorPixel>,
        wanted: WantedSize,
        distance: impl Fn(Size2D<u32, MonitorPixel>) -> f64,
    ) -> Option<Size2D<u32, MonitorPixel>> {
        let mut best: Option<(f64, Size2D<u32, MonitorPixel>)> = None;
        for width in self.width.min..=self.width.max {
            let Some(heights) = self.heights(width) else {
                continue;
            };
            let wanted_height = wanted.height.unwrap_or_default();
            let wanted_by_ratio = wanted
                .aspect_ratio
                .filter(|ratio| *ratio > 0.0)
                .map_or(0.0, |ratio| f64::from(width) / ratio);
            let at_ends = [
                heights.min,
                heights.max,
                // A cast saturates at the ends of the type.
                wanted_height.floor() as u32,
                wanted_height.ceil() as u32,
                wanted_by_ratio.floor() as u32,
                wanted_by_ratio.ceil() as u32,
                scaled(width, surface.height, surface.width),
            ];
            for height in at_ends {
                let size = Size2D::new(width, heights.nearest(height));
                let distance = distance(size);
                let better = best.is_none_or(|(least, found)| {
                    if (distance - least).abs() < SAME_DISTANCE {
                        by_default(surface, size, found) == Ordering::Greater
                    } else {
                        distance < least
                    }
                });
                if better {
                    best = Some((distance, size));
                }
            }
        }
        best.map(|(_, size)| size)
    }
}

/// The first height for which `holds` is true, or the one after the last.
/// `holds` stays true once it is.
fn first_height(heights: Bounds<u32>, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (heights.min, heights.max.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Which of two sizes is closer to what is given by default: the whole surface,
/// as large as it is.
fn by_default(
    surface: Size2D<u32, MonitorPixel>,
    one: Size2D<u32, MonitorPixel>,
    other: Size2D<u32, MonitorPixel>,
) -> Ordering {
    // Of sizes that are whole to the nearest pixel, several have the shorter side
    // in common, and one of them has the best longer side to it.
    let shorter_side = |size: Size2D<u32, MonitorPixel>| {
        if surface.width < surface.height {
            size.width
        } else {
            size.height
        }
    };
    shown(surface, one)
        .total_cmp(&shown(surface, other))
        .then(shorter_side(one).cmp(&shorter_side(other)))
        .then(share(surface, one).total_cmp(&share(surface, other)))
}

/// How much of a surface frames of `output` size show, from 0 to 1.
///
/// What rounding to the nearest pixel takes away is not counted, unless it is
/// much: frames of a few pixels hardly have an aspect ratio to keep.
fn shown(surface: Size2D<u32, MonitorPixel>, output: Size2D<u32, MonitorPixel>) -> f64 {
    let share = share(surface, output);
    if share > WORTH_ROUNDING && visible(surface, output) == surface {
        1.0
    } else {
        share
    }
}

/// The part of a surface that has the aspect ratio of frames, from 0 to 1.
fn share(surface: Size2D<u32, MonitorPixel>, output: Size2D<u32, MonitorPixel>) -> f64 {
    let wide = u64::from(output.width) * u64::from(surface.height);
    let tall = u64::from(output.height) * u64::from(surface.width);
    wide.min(tall) as f64 / wide.max(tall) as f64
}
