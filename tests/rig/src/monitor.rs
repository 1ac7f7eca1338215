/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use anyhow::{Context, Result};

/// One monitor of a server's desktop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MonitorSpec {
    /// The RandR monitor's name. With [`XorgDummy`](crate::XorgDummy) it is the name of an output,
    /// `DUMMY0` to `DUMMY15`; with [`Xvfb`](crate::Xvfb) any name but `screen`.
    pub name: String,
    /// Left edge in desktop pixels.
    pub x: i32,
    /// Top edge in desktop pixels.
    pub y: i32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Physical width; 0 where the server does not say. The outputs of Xorg's dummy driver have none.
    pub width_mm: u32,
    /// Physical height, as [`width_mm`](Self::width_mm).
    pub height_mm: u32,
}

impl MonitorSpec {
    /// A monitor with the top left corner at (`x`, `y`) and no physical size.
    pub fn new(name: impl Into<String>, x: i32, y: i32, width: u32, height: u32) -> Self {
        Self {
            name: name.into(),
            x,
            y,
            width,
            height,
            width_mm: 0,
            height_mm: 0,
        }
    }

    /// The same monitor with a physical size.
    #[must_use]
    pub fn millimeters(mut self, width_mm: u32, height_mm: u32) -> Self {
        self.width_mm = width_mm;
        self.height_mm = height_mm;
        self
    }

    /// The rectangle as the X protocol has it.
    ///
    /// # Errors
    /// A coordinate that does not fit 16 bits.
    pub(crate) fn protocol_area(&self) -> Result<ProtocolArea> {
        let area = || {
            anyhow::Ok(ProtocolArea {
                x: i16::try_from(self.x)?,
                y: i16::try_from(self.y)?,
                width: u16::try_from(self.width)?,
                height: u16::try_from(self.height)?,
            })
        };
        area().with_context(|| format!("monitor {self:?} does not fit the X protocol"))
    }
}

/// A rectangle in the X protocol's own integers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProtocolArea {
    pub(crate) x: i16,
    pub(crate) y: i16,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// The smallest screen that starts at (0, 0) and holds every monitor.
pub(crate) fn bounding_size(monitors: &[MonitorSpec]) -> (u32, u32) {
    monitors.iter().fold((0, 0), |(width, height), monitor| {
        (
            width.max(monitor.x.max(0).unsigned_abs() + monitor.width),
            height.max(monitor.y.max(0).unsigned_abs() + monitor.height),
        )
    })
}
