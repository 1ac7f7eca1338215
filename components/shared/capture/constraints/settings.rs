/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A settings dictionary
//! (<https://w3c.github.io/mediacapture-main/#dfn-settings-dictionary>).

use std::fmt;

use super::Property;
use crate::{CursorMode, DisplaySurface};

/// <https://w3c.github.io/mediacapture-main/#dom-videoresizemodeenum>
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResizeMode {
    /// Frames are what the source is.
    None,
    /// Frames may be scaled down, and cropped to another aspect ratio. They are
    /// neither scaled up nor distorted.
    CropAndScale,
}

impl ResizeMode {
    /// Both, the preferred one first.
    pub const ALL: [Self; 2] = [Self::None, Self::CropAndScale];

    /// The value of the IDL enum.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::CropAndScale => "crop-and-scale",
        }
    }
}

impl fmt::Display for ResizeMode {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `MediaTrackSettings`. A member is absent when the source has no such
/// property or does not tell it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackSettings {
    /// Pixels of a frame from left to right.
    pub width: Option<u32>,
    /// Pixels of a frame from top to bottom.
    pub height: Option<u32>,
    /// Frames per second at most.
    pub frame_rate: Option<f64>,
    /// Whether frames are made smaller than the source.
    pub resize_mode: Option<ResizeMode>,
    /// The source, for one document.
    pub device_id: Option<String>,
    /// The device that the source is a part of, for one document.
    pub group_id: Option<String>,
    /// The kind of captured surface.
    pub display_surface: Option<DisplaySurface>,
    /// Whether the surface is captured whole, whatever covers it.
    pub logical_surface: Option<bool>,
    /// Whether the pointer is in the frames.
    pub cursor: Option<CursorMode>,
    /// Device pixels of the captured surface per CSS pixel.
    pub screen_pixel_ratio: Option<f64>,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A string, or a value of an enumeration.
    Text(String),
    /// A boolean.
    Boolean(bool),
}

impl TrackSettings {
    /// Width divided by height, rounded to the tenth decimal place.
    pub fn aspect_ratio(&self) -> Option<f64> {
        match (self.width, self.height) {
            (Some(width), Some(height)) if height > 0 => Some(aspect_ratio(width, height)),
            _ => None,
        }
    }

    /// The setting of a property.
    pub fn value(&self, property: Property) -> Option<Value> {
        match property {
            Property::Width => self.width.map(f64::from).map(Value::Number),
            Property::Height => self.height.map(f64::from).map(Value::Number),
            Property::AspectRatio => self.aspect_ratio().map(Value::Number),
            Property::FrameRate => self.frame_rate.map(Value::Number),
            Property::ResizeMode => self.resize_mode.map(|mode| Value::Text(mode.to_string())),
            Property::DeviceId => self.device_id.clone().map(Value::Text),
            Property::GroupId => self.group_id.clone().map(Value::Text),
            Property::DisplaySurface => self
                .display_surface
                .map(|surface| Value::Text(surface.to_string())),
            Property::LogicalSurface => self.logical_surface.map(Value::Boolean),
            Property::Cursor => self.cursor.map(|cursor| Value::Text(cursor.to_string())),
            Property::ScreenPixelRatio => self.screen_pixel_ratio.map(Value::Number),
            // No source here tells these.
            Property::FacingMode
            | Property::SampleRate
            | Property::SampleSize
            | Property::EchoCancellation
            | Property::AutoGainControl
            | Property::NoiseSuppression
            | Property::Latency
            | Property::ChannelCount
            | Property::RestrictOwnAudio
            | Property::SuppressLocalAudioPlayback => None,
        }
    }

    /// What is left of the settings of an ended track: the list of inherent
    /// constrainable track properties
    /// (<https://w3c.github.io/mediacapture-main/#list-of-inherent-constrainable-track-properties>).
    pub fn inherent(&self) -> Self {
        Self {
            device_id: self.device_id.clone(),
            group_id: self.group_id.clone(),
            ..Self::default()
        }
    }
}

/// The aspect ratio of a frame of at least one pixel each way.
pub(super) fn aspect_ratio(width: u32, height: u32) -> f64 {
    Property::AspectRatio.rounded(f64::from(width) / f64::from(height))
}
