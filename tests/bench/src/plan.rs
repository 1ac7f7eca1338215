/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is to be measured.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;
use crate::peer::{MonitorArea, Reach};

/// A monitor's size in pixels. In text `1080p`, `4k` or `WIDTHxHEIGHT`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Size {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl Size {
    /// 1920×1080.
    pub const FULL_HD: Self = Self {
        width: 1920,
        height: 1080,
    };
    /// 3840×2160.
    pub const FOUR_K: Self = Self {
        width: 3840,
        height: 2160,
    };

    /// A frame's bytes, at four a pixel.
    pub fn frame_bytes(self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * 4
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FULL_HD => f.pad("1080p"),
            Self::FOUR_K => f.pad("4k"),
            Self { width, height } => f.pad(&format!("{width}x{height}")),
        }
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "1080p" => return Ok(Self::FULL_HD),
            "4k" => return Ok(Self::FOUR_K),
            _ => {}
        }
        let (width, height) = text
            .split_once('x')
            .context("a size is 1080p, 4k or WIDTHxHEIGHT")?;
        let size = Self {
            width: width.parse().context("a size's width")?,
            height: height.parse().context("a size's height")?,
        };
        // Room for two codes, and for four monitors in the X protocol's 16 bits.
        if !(1024..=8000).contains(&size.width) || !(768..=8000).contains(&size.height) {
            bail!("a size is from 1024x768 to 8000x8000, not {size}");
        }
        Ok(size)
    }
}

/// A desktop and what happens on it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Scene {
    /// What is drawn.
    pub pattern: Pattern,
    /// How many monitors.
    pub monitors: usize,
    /// The size of each.
    pub size: Size,
}

impl Scene {
    /// A scene of 1080p monitors.
    pub const fn full_hd(pattern: Pattern, monitors: usize) -> Self {
        Self {
            pattern,
            monitors,
            size: Size::FULL_HD,
        }
    }

    /// A scene of 4K monitors.
    pub const fn four_k(pattern: Pattern, monitors: usize) -> Self {
        Self {
            pattern,
            monitors,
            size: Size::FOUR_K,
        }
    }

    /// Its monitors, side by side.
    pub fn areas(&self) -> Vec<MonitorArea> {
        (0_u32..)
            .take(self.monitors)
            .map(|index| MonitorArea {
                name: format!("DUMMY{index}"),
                x: index * self.size.width,
                y: 0,
                width: self.size.width,
                height: self.size.height,
            })
            .collect()
    }

    /// Whether peers that read in a page run here without being asked for by name: they measure the
    /// way to the page, not each pattern.
    pub fn suits(&self, reach: Reach) -> bool {
        let end_to_end = self.pattern == Pattern::Full && self.size == Size::FULL_HD;
        reach != Reach::Page || end_to_end
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.pattern.name(), self.monitors, self.size)
    }
}

/// How often and how long.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Pace {
    /// Turns of each peer in each scene.
    pub rounds: usize,
    /// What is measured of a turn, in seconds.
    pub seconds: f64,
    /// What comes before, counted from the peer's first frame, in seconds.
    pub warm_up: f64,
}

impl Pace {
    /// For figures that are published.
    pub const FULL: Self = Self {
        rounds: 5,
        seconds: 20.0,
        warm_up: 2.0,
    };
    /// For a look.
    pub const QUICK: Self = Self {
        rounds: 2,
        seconds: 3.0,
        warm_up: 0.7,
    };
}

/// The scenes that the targets speak of, and some between.
pub fn full_scenes() -> Vec<Scene> {
    let mut scenes: Vec<Scene> = (1..=4)
        .map(|count| Scene::full_hd(Pattern::Full, count))
        .collect();
    scenes.extend([
        Scene::full_hd(Pattern::Static, 4),
        Scene::full_hd(Pattern::Caret, 3),
        Scene::full_hd(Pattern::Typing, 3),
        Scene::full_hd(Pattern::Scroll, 3),
        Scene::full_hd(Pattern::Video, 3),
        Scene::full_hd(Pattern::OneOfN, 4),
        Scene::four_k(Pattern::Full, 1),
        Scene::four_k(Pattern::Full, 3),
        Scene::four_k(Pattern::Static, 4),
        Scene::four_k(Pattern::OneOfN, 4),
    ]);
    scenes
}

/// Fewer of them.
pub fn quick_scenes() -> Vec<Scene> {
    vec![
        Scene::full_hd(Pattern::Full, 1),
        Scene::full_hd(Pattern::Full, 3),
        Scene::full_hd(Pattern::Static, 4),
        Scene::full_hd(Pattern::Caret, 3),
        Scene::full_hd(Pattern::OneOfN, 4),
        Scene::four_k(Pattern::Full, 3),
    ]
}

/// In which order `count` peers have their turns in a round: forwards and backwards by turns, so
/// that a machine that becomes slower treats all alike.
pub fn order(count: usize, round: usize) -> Vec<usize> {
    if round.is_multiple_of(2) {
        (0..count).collect()
    } else {
        (0..count).rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, width, written) in [
            ("1080p", 1920, "1080p"),
            ("4K", 3840, "4k"),
            ("1920x1080", 1920, "1080p"),
            ("1280x800", 1280, "1280x800"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.width, size.to_string().as_str()), (width, written));
        }
        for text in ["", "big", "12x", "10x10", "1920x99999", "1280x720", "-1x5"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_other_round_goes_backwards() {
        assert_eq!(order(3, 0), [0, 1, 2]);
        assert_eq!(order(3, 1), [2, 1, 0]);
    }

    #[test]
    fn monitors_stand_side_by_side() {
        let areas = Scene::four_k(Pattern::Full, 3).areas();
        assert_eq!(areas[2].x, 2 * 3840);
        assert_eq!(areas[1].name, "DUMMY1");
    }

    #[test]
    fn pages_run_where_the_way_to_the_page_is_measured() {
        assert!(Scene::full_hd(Pattern::Full, 4).suits(Reach::Page));
        assert!(!Scene::full_hd(Pattern::Static, 4).suits(Reach::Page));
        assert!(Scene::four_k(Pattern::Static, 4).suits(Reach::OtherProcess));
    }
}
