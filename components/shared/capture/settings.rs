/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The settings of a source, as `MediaStreamTrack.getSettings()` tells them.

use std::fmt;

use euclid::Size2D;
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
}

impl fmt::Display for CursorMode {
    /// The value of the IDL enum.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Never => "never",
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
