/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a captured surface can give.

use euclid::Size2D;

use super::fitness::{constraint_distance, number_distance, satisfies};
use super::set::{Ideal, Required};
use super::size::{Bounds, Sizes, WantedSize, crop};
use super::{
    BareValue, Candidates, ConstraintSet, Property, ResizeMode, TrackKind, TrackSettings, Value,
};
use crate::{CursorMode, DisplaySurface, FrameFormat, MonitorPixel, ScreenInfo, SourceSettings};

/// The least frame rate of a capture: a frame a minute, as in Chromium
/// (`kMinScreenCastFrameRate`). The same for every surface, as Screen Capture
/// asks of a floor value.
pub const FLOOR_FRAME_RATE: f64 = 1.0 / 60.0;

/// The greatest frame rate that a page may ask for. Chromium's limit is 120
/// (`kMaxScreenCastFrameRate`); here it is what most monitors show.
pub const MAX_FRAME_RATE: f64 = 60.0;

/// `MediaTrackCapabilities` of a capture track.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceCapabilities {
    /// The surface, at least one pixel each way. Frames may have any size from
    /// one pixel up to this; they are never scaled up.
    pub size: Size2D<u32, MonitorPixel>,
    /// The greatest frame rate.
    pub max_frame_rate: f64,
    /// The cursor modes that the grabber can do, the default first.
    pub cursors: Vec<CursorMode>,
    /// The kind of surface.
    pub display_surface: DisplaySurface,
    /// Whether it is captured whole, whatever covers it.
    pub logical_surface: bool,
    /// Its device pixels per CSS pixel.
    pub screen_pixel_ratio: f64,
    /// The source, random for every grant.
    pub device_id: String,
    /// The device of the source, random for every grant.
    pub group_id: String,
}

impl SurfaceCapabilities {
    /// Those of a newly granted source, whose frames are its surface as it is.
    pub fn new(granted: &SourceSettings, device_id: String, group_id: String) -> Self {
        let mut cursors = vec![CursorMode::Never, CursorMode::Always, CursorMode::Motion];
        cursors.sort_by_key(|cursor| *cursor != granted.cursor);
        Self {
            size: granted.size,
            max_frame_rate: MAX_FRAME_RATE,
            cursors,
            display_surface: granted.surface,
            // Whatever a window covers is not shown on a monitor either: the
            // monitor is captured whole.
            logical_surface: true,
            screen_pixel_ratio: f64::from(granted.screen_pixel_ratio),
            device_id,
            group_id,
        }
    }

    /// Takes over a change of the surface. Returns whether its size has changed,
    /// and with it the format of its frames, to the new size.
    pub fn update(&mut self, screen: &ScreenInfo, settings: &SourceSettings) -> bool {
        self.screen_pixel_ratio = f64::from(settings.screen_pixel_ratio);
        let is_resized = self.is_resized(screen);
        if is_resized {
            self.size = settings.size;
        }
        is_resized
    }

    /// Whether a surface that is this large on the screen has another size than
    /// this one. The corners of `bounds` are rounded to CSS pixels.
    fn is_resized(&self, screen: &ScreenInfo) -> bool {
        let ratio = f64::from(screen.device_pixel_ratio);
        let rounding = if ratio == 1.0 { 0.5 } else { ratio };
        let is_another =
            |css: i32, device: u32| (f64::from(css) * ratio - f64::from(device)).abs() > rounding;
        is_another(screen.bounds.width(), self.size.width)
            || is_another(screen.bounds.height(), self.size.height)
    }

    /// The least and the greatest aspect ratio.
    pub fn aspect_ratios(&self) -> (f64, f64) {
        (
            1.0 / f64::from(self.size.height),
            f64::from(self.size.width),
        )
    }

    /// What can be selected without constraints.
    pub fn candidates(&self) -> SurfaceCandidates<'_> {
        SurfaceCandidates {
            surface: self,
            sizes: Sizes::up_to(self.size),
            modes: ResizeMode::ALL.to_vec(),
            frame_rate: Bounds::new(FLOOR_FRAME_RATE, self.max_frame_rate),
            cursors: self.cursors.clone(),
        }
    }

    /// The frames of selected settings.
    pub fn format(&self, settings: &TrackSettings) -> FrameFormat {
        let native = FrameFormat::native(self.size);
        let size = Size2D::new(
            settings.width.unwrap_or(native.size.width),
            settings.height.unwrap_or(native.size.height),
        );
        FrameFormat {
            crop: crop(self.size, size),
            size,
            frame_rate: settings.frame_rate.unwrap_or(native.frame_rate),
            cursor: settings.cursor.unwrap_or(native.cursor),
        }
    }

    /// The settings of the properties that nothing can change, and others as
    /// given.
    fn settings(
        &self,
        size: Size2D<u32, MonitorPixel>,
        mode: ResizeMode,
        frame_rate: f64,
        cursor: Option<CursorMode>,
    ) -> TrackSettings {
        TrackSettings {
            width: Some(size.width),
            height: Some(size.height),
            frame_rate: Some(frame_rate),
            resize_mode: Some(mode),
            device_id: Some(self.device_id.clone()),
            group_id: Some(self.group_id.clone()),
            display_surface: Some(self.display_surface),
            logical_surface: Some(self.logical_surface),
            cursor,
            screen_pixel_ratio: Some(self.screen_pixel_ratio),
        }
    }
}

/// Settings dictionaries of a capture track. Only the size depends on the resize
/// mode; all else can be combined freely, so the parts stand for all of their
/// combinations.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceCandidates<'a> {
    surface: &'a SurfaceCapabilities,
    /// The sizes for "crop-and-scale". With "none" there is only the surface's,
    /// if it is one of these.
    sizes: Sizes,
    /// Of the resize modes those that have a size.
    modes: Vec<ResizeMode>,
    frame_rate: Bounds<f64>,
    cursors: Vec<CursorMode>,
}

impl SurfaceCandidates<'_> {
    /// Leaves those that meet a requirement. Returns whether any may be left.
    fn require(&mut self, property: Property, required: &Required) -> bool {
        match (property, required) {
            (Property::Width, Required::Within { min, max }) => {
                self.sizes.width = self.sizes.width.within_numbers(*min, *max);
            }
            (Property::Height, Required::Within { min, max }) => {
                self.sizes.height = self.sizes.height.within_numbers(*min, *max);
            }
            (Property::AspectRatio, Required::Within { min, max }) => {
                let bounds = self.sizes.aspect_ratio;
                self.sizes.aspect_ratio =
                    bounds.within(property.rounded(*min), property.rounded(*max));
            }
            (Property::FrameRate, Required::Within { min, max }) => {
                self.frame_rate = self.frame_rate.within(*min, *max);
            }
            (Property::ResizeMode, Required::OneOf(texts)) => {
                self.modes.retain(|mode| texts.contains(mode.as_str()));
            }
            (Property::Cursor, Required::OneOf(texts)) => {
                self.cursors
                    .retain(|cursor| texts.contains(&cursor.to_string()));
                return !self.cursors.is_empty();
            }
            // The rest has one value that nothing changes.
            _ => {
                let fixed = self
                    .surface
                    .settings(self.surface.size, ResizeMode::None, 0.0, None);
                return fixed
                    .value(property)
                    .is_some_and(|value| satisfies(property, &value, required));
            }
        }
        true
    }

    /// Whether frames may have a size in a resize mode.
    fn has_size(&self, mode: ResizeMode) -> bool {
        match mode {
            ResizeMode::None => self.sizes.contains(self.surface.size),
            ResizeMode::CropAndScale => !self.sizes.is_empty(),
        }
    }

    fn fittest_frame_rate(&self, basic: &ConstraintSet) -> f64 {
        let default = self.frame_rate.nearest(FrameFormat::DEFAULT_FRAME_RATE);
        let Some(ideal) = ideal_number(basic, Property::FrameRate) else {
            return default;
        };
        let nearest = self.frame_rate.nearest(ideal);
        if number_distance(nearest, ideal) < number_distance(default, ideal) {
            nearest
        } else {
            default
        }
    }

    fn fittest_cursor(&self, basic: &ConstraintSet) -> Option<CursorMode> {
        let ideal = basic.get(&Property::Cursor).and_then(|constraint| {
            let Some(Ideal::OneOf(texts)) = constraint.ideal(false) else {
                return None;
            };
            let wanted = |cursor: &&CursorMode| texts.contains(&cursor.to_string());
            self.cursors.iter().find(wanted)
        });
        ideal.or(self.cursors.first()).copied()
    }

    /// The resize mode and size with the smallest distance; of several, those
    /// without resizing.
    fn fittest_size(&self, basic: &ConstraintSet) -> (ResizeMode, Size2D<u32, MonitorPixel>) {
        let size_distance = |size: Size2D<u32, MonitorPixel>| {
            let settings = TrackSettings {
                width: Some(size.width),
                height: Some(size.height),
                ..TrackSettings::default()
            };
            [Property::Width, Property::Height, Property::AspectRatio]
                .into_iter()
                .map(|property| share(basic, property, settings.value(property)))
                .sum::<f64>()
        };
        let wanted = WantedSize {
            height: ideal_number(basic, Property::Height),
            aspect_ratio: ideal_number(basic, Property::AspectRatio),
        };
        let mut best = (f64::INFINITY, ResizeMode::None, self.surface.size);
        for mode in &self.modes {
            let size = match mode {
                ResizeMode::None => Some(self.surface.size),
                ResizeMode::CropAndScale => {
                    self.sizes.fittest(self.surface.size, wanted, size_distance)
                }
            };
            let Some(size) = size else {
                continue;
            };
            let name = Value::Text(mode.to_string());
            let distance = size_distance(size) + share(basic, Property::ResizeMode, Some(name));
            if distance < best.0 {
                best = (distance, *mode, size);
            }
        }
        (best.1, best.2)
    }
}

impl Candidates for SurfaceCandidates<'_> {
    fn satisfying(&self, set: &ConstraintSet, bare: BareValue) -> Option<Self> {
        let mut fewer = self.clone();
        for (property, constraint) in set {
            if !property.is_supported() || !property.applies_to(TrackKind::Video) {
                continue;
            }
            if let Some(required) = constraint.required(bare.is_exact())
                && !fewer.require(*property, &required)
            {
                return None;
            }
        }
        let modes = std::mem::take(&mut fewer.modes);
        fewer.modes = modes
            .into_iter()
            .filter(|mode| fewer.has_size(*mode))
            .collect();
        (!fewer.modes.is_empty() && !fewer.frame_rate.is_empty()).then_some(fewer)
    }

    fn fittest(&self, basic: &ConstraintSet) -> TrackSettings {
        let (mode, size) = self.fittest_size(basic);
        let frame_rate = self.fittest_frame_rate(basic);
        let cursor = self.fittest_cursor(basic);
        self.surface.settings(size, mode, frame_rate, cursor)
    }
}

/// The share of one property in the fitness distance to the basic set.
fn share(basic: &ConstraintSet, property: Property, value: Option<Value>) -> f64 {
    basic.get(&property).map_or(0.0, |constraint| {
        constraint_distance(
            property,
            constraint,
            value,
            TrackKind::Video,
            BareValue::Ideal,
        )
    })
}

fn ideal_number(basic: &ConstraintSet, property: Property) -> Option<f64> {
    match basic.get(&property)?.ideal(false)? {
        Ideal::Number(ideal) => Some(ideal),
        _ => None,
    }
}
