/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The true places of monitors, out of what `xcap` tells.
//!
//! On X11 `xcap` 0.9 divides positions and sizes by the desktop's scale and
//! drops the fraction, while its pictures have all device pixels. A size is
//! therefore taken from a picture, and a position is the smallest one that the
//! told number can mean, unless a neighbor's edge lies within what it can mean.

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::MonitorPixel;
use xcap::{Monitor as XcapMonitor, XCapResult};

use crate::grabber::GrabError;
use crate::monitor::{Monitor, MonitorId};

/// What `xcap` tells of one monitor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) scale: f32,
    pub(super) is_primary: bool,
    pub(super) is_internal: bool,
}

impl Told {
    /// Asks `xcap`. Only the place is required.
    pub(super) fn by(monitor: &XcapMonitor) -> XCapResult<Self> {
        Ok(Self {
            id: monitor.id()?,
            name: monitor
                .friendly_name()
                .or_else(|_| monitor.name())
                .unwrap_or_else(|_| "Screen".to_owned()),
            x: monitor.x()?,
            y: monitor.y()?,
            width: monitor.width()?,
            height: monitor.height()?,
            scale: monitor.scale_factor().unwrap_or(1.0),
            is_primary: monitor.is_primary().unwrap_or(false),
            is_internal: monitor.is_builtin().unwrap_or(false),
        })
    }

    fn is_scaled(&self) -> bool {
        self.scale != 1.0
    }
}

/// The monitors in the order of [`Monitor::sort`]. `picture_size` makes a
/// picture of a monitor to measure it.
pub(super) fn monitors_of(
    told: &[Told],
    mut picture_size: impl FnMut(MonitorId) -> Result<Size2D<u32, MonitorPixel>, GrabError>,
) -> Result<Vec<Monitor>, GrabError> {
    let mut measured = Vec::new();
    for told in told {
        let id = MonitorId(u64::from(told.id));
        let size = if told.is_scaled() {
            picture_size(id)?
        } else {
            Size2D::new(told.width, told.height)
        };
        if size.is_empty() {
            continue;
        }
        measured.push((told, id, size.cast::<i32>()));
    }
    // Neighbors to the left and above come first.
    let extents = |horizontal: bool| {
        let mut all: Vec<_> = measured
            .iter()
            .map(|(told, _, size)| {
                if horizontal {
                    (told.x, size.width, told.scale)
                } else {
                    (told.y, size.height, told.scale)
                }
            })
            .collect();
        all.sort_by_key(|(told, ..)| *told);
        all
    };
    let columns = edges(&extents(true));
    let rows = edges(&extents(false));
    let mut monitors: Vec<Monitor> = measured
        .iter()
        .map(|(told, id, size)| {
            let origin = Point2D::new(
                true_position(told.x, told.scale, &columns),
                true_position(told.y, told.scale, &rows),
            );
            let bounds = Box2D::from_origin_and_size(origin, size.cast_unit());
            Monitor {
                id: *id,
                bounds,
                work_area: bounds,
                scale: if is_sensible(told.scale) {
                    told.scale
                } else {
                    1.0
                },
                color_depth: 24,
                is_primary: told.is_primary,
                is_internal: told.is_internal,
                label: told.name.clone(),
            }
        })
        .collect();
    Monitor::sort(&mut monitors);
    Ok(monitors)
}

/// Where monitors end, of (told position, true length, scale) in ascending
/// order of position.
fn edges(extents: &[(i32, i32, f32)]) -> Vec<i32> {
    let mut edges = vec![0];
    for (told, length, scale) in extents {
        let start = true_position(*told, *scale, &edges);
        edges.push(start.saturating_add(*length));
    }
    edges
}

/// Undoes `(position as f32 / scale) as i32`.
fn true_position(told: i32, scale: f32, edges: &[i32]) -> i32 {
    if scale == 1.0 || !is_sensible(scale) {
        return told;
    }
    let tells = |position: i32| (position as f32 / scale) as i32 == told;
    if let Some(edge) = edges.iter().copied().find(|edge| tells(*edge)) {
        return edge;
    }
    let near = (f64::from(told) * f64::from(scale)).floor() as i32;
    (near.saturating_sub(1)..=near.saturating_add(1))
        .find(|position| tells(*position))
        .unwrap_or(near)
}

fn is_sensible(scale: f32) -> bool {
    (0.25..=16.0).contains(&scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `xcap` makes of a true place.
    fn told(id: u32, place: (i32, i32, u32, u32), scale: f32) -> Told {
        let (x, y, width, height) = place;
        Told {
            id,
            name: format!("M{id}"),
            x: (x as f32 / scale) as i32,
            y: (y as f32 / scale) as i32,
            width: (width as f32 / scale) as u32,
            height: (height as f32 / scale) as u32,
            scale,
            is_primary: id == 1,
            is_internal: false,
        }
    }

    fn check(places: &[(i32, i32, u32, u32)], scale: f32) {
        let told: Vec<Told> = (1..)
            .zip(places)
            .map(|(id, place)| told(id, *place, scale))
            .collect();
        let mut monitors = monitors_of(&told, |id| {
            let (_, _, width, height) = places[id.0 as usize - 1];
            Ok(Size2D::new(width, height))
        })
        .expect("no monitor fails");
        monitors.sort_by_key(|monitor| monitor.id);
        let found: Vec<_> = monitors
            .iter()
            .map(|monitor| {
                let (min, size) = (monitor.bounds.min, monitor.size());
                (min.x, min.y, size.width, size.height)
            })
            .collect();
        assert_eq!(found, places, "scale {scale}");
    }

    #[test]
    fn unscaled_places_are_taken_as_told() {
        check(&[(0, 0, 1920, 1080), (-1281, -7, 1281, 1024)], 1.0);
    }

    #[test]
    fn a_monitor_without_pixels_is_left_out() {
        let told = [told(1, (0, 0, 0, 1080), 1.0)];
        let monitors = monitors_of(&told, |_| panic!("not measured")).expect("no error");
        assert!(monitors.is_empty());
    }

    proptest! {
        #[test]
        fn monitors_side_by_side_get_their_true_places_at_any_scale(
            first in (200..4000u32, 200..3000u32),
            second in (200..4000u32, 200..3000u32),
            third in (200..4000u32, 200..3000u32),
            scale in prop::sample::select(vec![1.0f32, 1.25, 1.5, 1.75, 2.0, 3.0]),
        ) {
            let right = first.0 as i32;
            let below = first.1 as i32;
            check(
                &[(0, 0, first.0, first.1), (right, 0, second.0, second.1), (0, below, third.0, third.1)],
                scale,
            );
        }
    }
}
