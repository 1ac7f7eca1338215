/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page may know of a monitor.

use euclid::Rect;
use serde::{Deserialize, Serialize};

use crate::CssPixel;

/// The values behind a page's `ScreenDetailed`
/// (<https://w3c.github.io/window-management/#api-screendetailed-interface>).
///
/// Nothing in it identifies the monitor from one grant to the next beyond what
/// the page can see on it anyway; the stable id stays in the service.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ScreenInfo {
    /// The whole monitor within the multi-screen area.
    pub bounds: Rect<i32, CssPixel>,
    /// `bounds` without the panels and docks that the desktop reserves.
    pub available: Rect<i32, CssPixel>,
    /// Device pixels per CSS pixel.
    pub device_pixel_ratio: f32,
    /// Bits per pixel that carry color: 24 for eight bits a channel.
    pub color_depth: u32,
    /// Whether the desktop calls it its primary monitor.
    pub is_primary: bool,
    /// Whether the panel is built into the machine.
    pub is_internal: bool,
    /// The model's name from its EDID; where it has none, the connector's.
    pub label: String,
}
