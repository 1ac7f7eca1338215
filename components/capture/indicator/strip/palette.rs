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
    pub(super) fn of(content: &IndicatorContent) -> Self {
        use ColorScheme::{Dark, Light};

        // Background, text, origin, edge, dot.
        let colors = match (content.scheme, content.live) {
            (Dark, true) => [0x7d_00_12, 0xff_ff_ff, 0xff_e9_8a, 0xff_ff_ff, 0xff_2d_2d],
            (Dark, false) => [0x26_26_28, 0xff_ff_ff, 0xff_e9_8a, 0xc4_c4_c8, 0x8c_8c_90],
            (Light, true) => [0xff_df_db, 0x24_10_10, 0x86_00_12, 0xb0_00_1c, 0xe0_00_1e],
            (Light, false) => [0xea_ea_ec, 0x1c_1c_1e, 0x5e_34_00, 0x56_56_5a, 0x8c_8c_90],
        };
        let [background, text, origin, edge, dot] = colors.map(|color: u32| {
            let [_, red, green, blue] = color.to_be_bytes();
            [red, green, blue]
        });
        Self {
            background,
            text,
            origin,
            edge,
            dot,
        }
    }
}
