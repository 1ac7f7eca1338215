/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Monitors as the display server knows them.

use std::fmt;

use euclid::{Box2D, Point2D, Rect, Size2D};
use servo_capture_traits::{CssPixel, DesktopPixel, MonitorPixel, ScreenInfo};

/// The stable, private name of a monitor for as long as it is plugged in:
/// whatever the display server identifies it by (the RandR monitor's name atom
/// on X11). Never leaves the service.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MonitorId(pub u64);

impl fmt::Display for MonitorId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "monitor {:#x}", self.0)
    }
}

/// One monitor.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    /// Which one it is.
    pub id: MonitorId,
    /// Where it lies on the desktop, in device pixels.
    pub bounds: Box2D<i32, DesktopPixel>,
    /// `bounds` without what panels and docks reserve.
    pub work_area: Box2D<i32, DesktopPixel>,
    /// Device pixels per CSS pixel.
    pub scale: f32,
    /// Bits per pixel that carry color.
    pub color_depth: u32,
    /// Whether the desktop calls it primary.
    pub is_primary: bool,
    /// Whether it is built into the machine.
    pub is_internal: bool,
    /// The model's name from its EDID; where it has none, the connector's.
    pub label: String,
}

impl Monitor {
    /// Width and height in device pixels; zero where the display server
    /// reports a negative one.
    pub fn size(&self) -> Size2D<u32, MonitorPixel> {
        let size = self.bounds.size();
        Size2D::new(size.width.max(0) as u32, size.height.max(0) as u32)
    }

    /// What a page may know of it.
    pub fn screen_info(&self) -> ScreenInfo {
        ScreenInfo {
            bounds: to_css(self.bounds, self.scale),
            available: to_css(self.work_area, self.scale),
            device_pixel_ratio: self.scale,
            color_depth: self.color_depth,
            is_primary: self.is_primary,
            is_internal: self.is_internal,
            label: self.label.clone(),
        }
    }

    /// The order in which monitors are told to pages: left to right, and top
    /// to bottom where they share a left edge. It does not depend on the order
    /// in which they were plugged in.
    pub fn sort(monitors: &mut [Monitor]) {
        monitors.sort_by_key(|monitor| (monitor.bounds.min.x, monitor.bounds.min.y, monitor.id));
    }
}

/// Desktop pixels to CSS pixels by a monitor's scale. The far corner is rounded
/// rather than the size, so that neighbors that touch go on touching.
fn to_css(area: Box2D<i32, DesktopPixel>, scale: f32) -> Rect<i32, CssPixel> {
    let scale = if scale.is_finite() && scale > 0.0 {
        f64::from(scale)
    } else {
        1.0
    };
    let convert = |value: i32| (f64::from(value) / scale).round() as i32;
    Box2D::new(
        Point2D::new(convert(area.min.x), convert(area.min.y)),
        Point2D::new(convert(area.max.x), convert(area.max.y)),
    )
    .to_rect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A monitor for tests: scale 1, no panels.
    pub(crate) fn monitor(id: u64, x: i32, y: i32, width: i32, height: i32) -> Monitor {
        let bounds = Box2D::new(Point2D::new(x, y), Point2D::new(x + width, y + height));
        Monitor {
            id: MonitorId(id),
            bounds,
            work_area: bounds,
            scale: 1.0,
            color_depth: 24,
            is_primary: id == 1,
            is_internal: false,
            label: format!("M{id}"),
        }
    }

    #[test]
    fn css_rectangles_of_touching_monitors_touch_at_any_scale() {
        for scale in [1.0, 1.25, 1.5, 1.7, 2.0, 3.0] {
            let mut left = monitor(1, 0, 0, 1367, 768);
            let mut right = monitor(2, 1367, 0, 1920, 1080);
            (left.scale, right.scale) = (scale, scale);
            let (left, right) = (left.screen_info(), right.screen_info());
            assert_eq!(left.bounds.max_x(), right.bounds.min_x(), "scale {scale}");
        }
    }

    #[test]
    fn a_senseless_scale_counts_as_one() {
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let mut monitor = monitor(1, 0, 0, 800, 600);
            monitor.scale = scale;
            assert_eq!(monitor.screen_info().bounds.size, Size2D::new(800, 600));
        }
    }

    #[test]
    fn order_is_by_position_and_not_by_arrival() {
        let mut monitors = [
            monitor(3, 1920, 0, 1, 1),
            monitor(1, 0, 1080, 1, 1),
            monitor(2, 0, 0, 1, 1),
        ];
        Monitor::sort(&mut monitors);
        assert_eq!(monitors.map(|monitor| monitor.id.0), [2, 1, 3]);
    }
}
