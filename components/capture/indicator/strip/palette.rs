/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The colors of a strip.

use super::Rgb;
use crate::indicator::{ColorScheme, IndicatorContent};

/// One set for each color scheme, and for captures that run or have ended. A
/// strip is to be noticed on a page of any color: its own edge sets it off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) background: Rgb,
    /// The sentence but for its origins.
    pub(super) text: Rgb,
    pub(super) origin: Rgb,
    /// The border and the ring around the dot.
    pub(super) edge: Rgb,
    pub(super) dot: Rgb,
}

impl Palette {
    const DARK_LIVE: Self = Self {
        background: [0x7d, 0x00, 0x12],
        text: [0xff, 0xff, 0xff],
        origin: [0xff, 0xe9, 0x8a],
        edge: [0xff, 0xff, 0xff],
        dot: [0xff, 0x2d, 0x2d],
    };
    const DARK_ENDED: Self = Self {
        background: [0x26, 0x26, 0x28],
        text: [0xff, 0xff, 0xff],
        origin: [0xff, 0xe9, 0x8a],
        edge: [0xc4, 0xc4, 0xc8],
        dot: [0x8c, 0x8c, 0x90],
    };
    const LIGHT_LIVE: Self = Self {
        background: [0xff, 0xdf, 0xdb],
        text: [0x24, 0x10, 0x10],
        origin: [0x86, 0x00, 0x12],
        edge: [0xb0, 0x00, 0x1c],
        dot: [0xe0, 0x00, 0x1e],
    };
    const LIGHT_ENDED: Self = Self {
        background: [0xea, 0xea, 0xec],
        text: [0x1c, 0x1c, 0x1e],
        origin: [0x5e, 0x34, 0x00],
        edge: [0x56, 0x56, 0x5a],
        dot: [0x8c, 0x8c, 0x90],
    };

    pub(super) fn of(content: &IndicatorContent) -> Self {
        match (content.scheme, content.live) {
            (ColorScheme::Dark, true) => Self::DARK_LIVE,
            (ColorScheme::Dark, false) => Self::DARK_ENDED,
            (ColorScheme::Light, true) => Self::LIGHT_LIVE,
            (ColorScheme::Light, false) => Self::LIGHT_ENDED,
        }
    }
}
