/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the pattern program draws, and where the codes are in it.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use x11rb::protocol::xproto::Rectangle;

use crate::code::CodePlace;

/// Below the strip that the product itself shows at a monitor's upper edge.
const BELOW_INDICATOR: u32 = 64;
/// A cell of the codes in large patterns, in pixels.
const LARGE_CELL: u32 = 24;
/// The same where the code must not be what the pattern costs.
const SMALL_CELL: u32 = 8;

/// How the monitors' pictures change.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Never, after they were drawn once.
    Static,
    /// A text caret of 2×16 pixels, twice a second.
    Caret,
    /// A letter of 20×30 pixels, ten times a second.
    Typing,
    /// The lower half of each monitor, sixty times a second.
    Scroll,
    /// A quarter of each monitor, thirty times a second.
    Video,
    /// Every pixel, sixty times a second.
    Full,
    /// Every pixel of the first monitor, sixty times a second; the others never.
    OneOfN,
}

impl Pattern {
    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Caret => "caret",
            Self::Typing => "typing",
            Self::Scroll => "scroll",
            Self::Video => "video",
            Self::Full => "full",
            Self::OneOfN => "one-of-n",
        }
    }

    /// Updates a second of one monitor; 0 for a picture that never changes.
    pub fn updates_per_second(self, monitor: usize) -> u32 {
        match self {
            Self::Static => 0,
            Self::Caret => 2,
            Self::Typing => 10,
            Self::Video => 30,
            Self::Scroll | Self::Full => 60,
            Self::OneOfN => {
                if monitor == 0 {
                    60
                } else {
                    0
                }
            }
        }
    }

    /// Where things are on a monitor of this size, in pixels.
    pub fn layout(self, width: u32, height: u32) -> Layout {
        let whole = Layout::spread((0, 0, width, height), BELOW_INDICATOR, LARGE_CELL);
        match self {
            Self::Static | Self::Full | Self::OneOfN => whole,
            Self::Scroll => Layout::spread((0, height / 2, width, height / 2), 0, LARGE_CELL),
            Self::Video => Layout::spread(
                (width / 4, height / 4, width / 2, height / 2),
                0,
                LARGE_CELL,
            ),
            Self::Caret => Layout::spread((64, 200, 128, 128 + 16), 0, SMALL_CELL),
            Self::Typing => Layout::spread((64, 200, 128, 128 + 30), 0, SMALL_CELL),
        }
    }
}

/// Where a pattern's codes are and what an update replaces, on one monitor, in pixels from its top
/// left corner.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The first code: at the updated part's top left.
    pub top: CodePlace,
    /// The second: at its bottom right. Both are shown by one request; a picture in which they
    /// differ is torn.
    pub bottom: CodePlace,
    /// The part that an update replaces.
    pub updated: Rectangle,
}

impl Layout {
    /// The second code stands a whole number of cells from the first, so that one scaled copy of
    /// what is between them has one pixel for each cell of both.
    fn spread((x, y, width, height): (u32, u32, u32, u32), from_top: u32, cell: u32) -> Self {
        let top = CodePlace {
            x,
            y: y + from_top,
            cell,
        };
        let last = |start: u32, end: u32, length: u32| start + (end - start - length) / cell * cell;
        let bottom = CodePlace {
            x: last(top.x, x + width, top.width()),
            y: last(top.y, y + height, top.height()),
            cell,
        };
        Self {
            top,
            bottom,
            updated: Rectangle {
                x: x as i16,
                y: y as i16,
                width: width as u16,
                height: height as u16,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_apart_and_inside_what_is_updated() {
        for pattern in Pattern::value_variants() {
            for (width, height) in [(1024, 768), (1920, 1080), (3840, 2160)] {
                let layout = pattern.layout(width, height);
                let (top, bottom) = (layout.top, layout.bottom);
                let area = layout.updated;
                assert!(top.y + top.height() <= bottom.y, "{pattern:?}");
                assert!(top.x >= area.x as u32 && top.y >= area.y as u32);
                let (right, lower) = (bottom.x + bottom.width(), bottom.y + bottom.height());
                let (end_x, end_y) = (
                    area.x as u32 + u32::from(area.width),
                    area.y as u32 + u32::from(area.height),
                );
                assert!((end_x - top.cell + 1..=end_x).contains(&right));
                assert!((end_y - top.cell + 1..=end_y).contains(&lower));
                assert_eq!((bottom.x - top.x) % top.cell, 0);
                assert_eq!((bottom.y - top.y) % top.cell, 0);
                assert!(bottom.x + bottom.width() <= width && bottom.y + bottom.height() <= height);
            }
        }
    }
}
