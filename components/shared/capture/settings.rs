/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The settings of a source, as `MediaStreamTrack.getSettings()` tells them.

use std::fmt;

use euclid::{Box2D, Size2D};
use serde::{Deserialize, Serialize};

use crate::MonitorPixel;

/// <https://w3c.github.io/mediacapture-screen-share/#dom-displaycapturesurfacetype>
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum DisplaySurface {
    /// A whole monitor.
    Monitor,
}

impl fmt::Display for DisplaySurface {
    /// The value of the IDL enum.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Monitor => "monitor",
        })
    }
}

/// <https://w3c.github.io/mediacapture-screen-share/#dom-cursorcaptureconstraint>
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum CursorMode {
    /// The pointer is not in the frames.
    Never,
    /// The pointer is in the frames whenever it is on the surface.
    Always,
    /// The pointer is in the frames while it moves and shortly after.
    Motion,
}

impl fmt::Display for CursorMode {
    /// The value of the IDL enum.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::Motion => "motion",
        })
    }
}

/// The current settings of a source.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SourceSettings {
    /// Width and height of its frames.
    pub size: Size2D<u32, MonitorPixel>,
    /// Frames per second at most; a static surface delivers fewer.
    pub frame_rate: f64,
    /// What kind of surface it shows.
    pub surface: DisplaySurface,
    /// Whether the pointer is in its frames.
    pub cursor: CursorMode,
    /// Device pixels of the surface per CSS pixel.
    pub screen_pixel_ratio: f32,
}

/// What the frames of a source are like: a part of the surface, scaled to a
/// size.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct FrameFormat {
    /// The part of the surface that they show.
    pub crop: Box2D<u32, MonitorPixel>,
    /// Their width and height: that of `crop` or less.
    pub size: Size2D<u32, MonitorPixel>,
    /// Frames per second at most.
    pub frame_rate: f64,
    /// Whether the pointer is in them.
    pub cursor: CursorMode,
}

impl FrameFormat {
    /// Frames per second of a track that no constraint has touched, as in
    /// Chromium's display capture.
    pub const DEFAULT_FRAME_RATE: f64 = 30.0;
    /// The lowest rate that a source can have.
    pub const MIN_FRAME_RATE: f64 = 0.01;
    /// The highest rate that a source can have.
    pub const MAX_FRAME_RATE: f64 = 240.0;

    /// The whole surface at its own size, as a track has it that no constraint
    /// has touched.
    pub fn native(surface: Size2D<u32, MonitorPixel>) -> Self {
        Self {
            crop: Box2D::from_size(surface),
            size: surface,
            frame_rate: Self::DEFAULT_FRAME_RATE,
            cursor: CursorMode::Never,
        }
    }

    /// The same rate and cursor for the whole of a surface of this size.
    #[must_use]
    pub fn with_surface(self, surface: Size2D<u32, MonitorPixel>) -> Self {
        Self {
            frame_rate: self.frame_rate,
            cursor: self.cursor,
            ..Self::native(surface)
        }
    }

    /// Whether frames have the pixels of a surface of this size as they are.
    pub fn is_native(&self, surface: Size2D<u32, MonitorPixel>) -> bool {
        self.crop == Box2D::from_size(surface) && self.size == surface
    }

    /// Whether a surface of this size can be shown so.
    ///
    /// # Errors
    /// When the part is empty or reaches beyond the surface, when frames are
    /// empty or larger than the part, or when the rate is none.
    pub fn check(&self, surface: Size2D<u32, MonitorPixel>) -> Result<(), FormatError> {
        let crop = self.crop;
        if crop.is_empty() || crop.max.x > surface.width || crop.max.y > surface.height {
            return Err(FormatError::Crop { crop, surface });
        }
        let largest = crop.size();
        let is_empty = self.size.width == 0 || self.size.height == 0;
        if is_empty || self.size.width > largest.width || self.size.height > largest.height {
            return Err(FormatError::Size {
                size: self.size,
                largest,
            });
        }
        if !(Self::MIN_FRAME_RATE..=Self::MAX_FRAME_RATE).contains(&self.frame_rate) {
            return Err(FormatError::FrameRate(self.frame_rate));
        }
        Ok(())
    }
}

/// Why a [`FrameFormat`] is refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// The part is no part of the surface.
    #[error("the part must lie within {surface:?}, found {crop:?}")]
    Crop {
        /// The part asked for.
        crop: Box2D<u32, MonitorPixel>,
        /// The surface's size.
        surface: Size2D<u32, MonitorPixel>,
    },
    /// Frames of no size, or larger than what they show.
    #[error("frames must be between 1x1 and {largest:?}, found {size:?}")]
    Size {
        /// The size asked for.
        size: Size2D<u32, MonitorPixel>,
        /// That of the part.
        largest: Size2D<u32, MonitorPixel>,
    },
    /// No rate, or one that nothing can keep.
    #[error("the frame rate must be between 0.01 and 240, found {0}")]
    FrameRate(f64),
}

#[cfg(test)]
mod tests {
    use euclid::Point2D;

    use super::*;

    const SURFACE: Size2D<u32, MonitorPixel> = Size2D::new(640, 480);

    fn check(change: impl FnOnce(&mut FrameFormat), is_valid: bool) {
        let mut format = FrameFormat::native(SURFACE);
        change(&mut format);
        assert_eq!(format.check(SURFACE).is_ok(), is_valid, "{format:?}");
    }

    fn part(min: (u32, u32), max: (u32, u32)) -> Box2D<u32, MonitorPixel> {
        Box2D::new(Point2D::from(min), Point2D::from(max))
    }

    #[test]
    fn the_part_must_lie_within_the_surface() {
        check(|_| {}, true);
        check(|format| format.crop = part((0, 0), (641, 480)), false);
        check(|format| format.crop = part((0, 0), (u32::MAX, 480)), false);
        check(|format| format.crop = part((10, 10), (10, 20)), false);
        check(|format| format.crop = part((20, 20), (10, 30)), false);
    }

    #[test]
    fn frames_are_not_empty_and_not_larger_than_what_they_show() {
        check(|format| format.size = Size2D::new(1, 1), true);
        check(|format| format.size = Size2D::new(0, 480), false);
        check(|format| format.size = Size2D::new(640, 481), false);
        let half = |format: &mut FrameFormat| format.crop = part((0, 0), (320, 480));
        check(half, false);
    }

    #[test]
    fn the_rate_is_a_number_that_can_be_kept() {
        for (rate, is_valid) in [
            (0.01, true),
            (240.0, true),
            (0.0, false),
            (-1.0, false),
            (240.1, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            check(|format| format.frame_rate = rate, is_valid);
        }
    }

    #[test]
    fn another_surface_keeps_rate_and_cursor() {
        let mut format = FrameFormat::native(SURFACE);
        (format.frame_rate, format.cursor) = (5.0, CursorMode::Motion);
        format.size = Size2D::new(64, 48);
        let format = format.with_surface(Size2D::new(800, 600));
        assert!(format.is_native(Size2D::new(800, 600)));
        assert_eq!(
            (format.frame_rate, format.cursor),
            (5.0, CursorMode::Motion)
        );
    }

    #[test]
    fn cursor_modes_are_the_values_of_the_idl_enum() {
        let names = [CursorMode::Never, CursorMode::Always, CursorMode::Motion];
        assert_eq!(
            names.map(|name| name.to_string()),
            ["never", "always", "motion"]
        );
    }
}
