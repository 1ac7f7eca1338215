/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The part of the desktop that panels and docks leave free.
//!
//! Source: Extended Window Manager Hints 1.5, `_NET_WORKAREA`: one rectangle
//! for each virtual desktop, around all monitors. GNOME's window manager also
//! tells one for each monitor, `_GTK_WORKAREAS_D<desktop>`.

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::DesktopPixel;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _};

use super::connection::Server;

/// How many 32-bit values are read of a property: 256 rectangles.
const MAX_VALUES: u32 = 1024;

/// The rectangles that the window manager tells for the current desktop.
#[derive(Debug, Default)]
pub(super) struct WorkAreas {
    /// One for each monitor, in an order of the window manager's own.
    per_monitor: Vec<Box2D<i32, DesktopPixel>>,
    /// One around all.
    whole: Option<Box2D<i32, DesktopPixel>>,
}

impl WorkAreas {
    /// Asks the properties of the root window; without a window manager there
    /// are none.
    pub(super) fn read(server: &Server) -> Result<Self, ReplyError> {
        let desktop = cardinals(server, server.atoms.current_desktop)?;
        let desktop = desktop.first().copied().unwrap_or(0);
        let name = format!("_GTK_WORKAREAS_D{desktop}");
        let per_monitor = server
            .connection
            .intern_atom(true, name.as_bytes())?
            .reply()?
            .atom;
        let per_monitor = if per_monitor == x11rb::NONE {
            Vec::new()
        } else {
            rectangles(&cardinals(server, per_monitor)?)
        };
        let whole = rectangles(&cardinals(server, server.atoms.work_area)?);
        let desktop = usize::try_from(desktop).unwrap_or(usize::MAX);
        Ok(Self {
            per_monitor,
            whole: whole.get(desktop).copied(),
        })
    }

    /// What is free of a monitor: all of it where nothing sensible is told.
    pub(super) fn of(&self, monitor: Box2D<i32, DesktopPixel>) -> Box2D<i32, DesktopPixel> {
        let own = self
            .per_monitor
            .iter()
            .filter_map(|area| area.intersection(&monitor))
            .max_by_key(|area| i64::from(area.width()) * i64::from(area.height()));
        let around_all = || self.whole.and_then(|area| area.intersection(&monitor));
        own.or_else(around_all).unwrap_or(monitor)
    }
}

fn cardinals(server: &Server, property: Atom) -> Result<Vec<u32>, ReplyError> {
    let reply = server
        .connection
        .get_property(
            false,
            server.root,
            property,
            AtomEnum::CARDINAL,
            0,
            MAX_VALUES,
        )?
        .reply()?;
    Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
}

/// Left, top, width, height; four values each.
fn rectangles(values: &[u32]) -> Vec<Box2D<i32, DesktopPixel>> {
    let limited = |value: u32| i32::from(u16::try_from(value).unwrap_or(u16::MAX));
    let (rectangles, _) = values.as_chunks::<4>();
    rectangles
        .iter()
        .map(|[x, y, width, height]| {
            // Positions may be negative; the bits are those of an `i32`.
            let position = |value: u32| value.cast_signed().clamp(-0xffff, 0xffff);
            Box2D::from_origin_and_size(
                Point2D::new(position(*x), position(*y)),
                Size2D::new(limited(*width), limited(*height)),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(x: i32, y: i32, width: i32, height: i32) -> Box2D<i32, DesktopPixel> {
        Box2D::from_origin_and_size(Point2D::new(x, y), Size2D::new(width, height))
    }

    #[test]
    fn a_desktop_wide_area_is_cut_to_the_monitor() {
        let areas = WorkAreas {
            per_monitor: Vec::new(),
            whole: Some(area(0, 32, 3840, 1048)),
        };
        assert_eq!(areas.of(area(0, 0, 1920, 1080)), area(0, 32, 1920, 1048));
        assert_eq!(
            areas.of(area(1920, 0, 1920, 1080)),
            area(1920, 32, 1920, 1048)
        );
    }

    #[test]
    fn a_monitor_that_no_area_touches_is_free_as_a_whole() {
        let areas = WorkAreas {
            per_monitor: vec![area(0, 0, 10, 10)],
            whole: Some(area(0, 32, 1920, 1048)),
        };
        let apart = area(5000, 0, 800, 600);
        assert_eq!(areas.of(apart), apart);
        assert_eq!(WorkAreas::default().of(apart), apart);
    }

    #[test]
    fn an_area_of_the_monitors_own_goes_before_the_common_one() {
        let areas = WorkAreas {
            per_monitor: vec![area(0, 0, 1920, 1080), area(1920, 40, 1280, 984)],
            whole: Some(area(0, 40, 3200, 984)),
        };
        assert_eq!(areas.of(area(0, 0, 1920, 1080)), area(0, 0, 1920, 1080));
        assert_eq!(
            areas.of(area(1920, 0, 1280, 1024)),
            area(1920, 40, 1280, 984)
        );
    }

    #[test]
    fn senseless_values_do_not_overflow() {
        let values = [u32::MAX, i32::MIN.cast_unsigned(), u32::MAX, 7, 1, 2];
        assert_eq!(rectangles(&values), [area(-1, -0xffff, 0xffff, 7)]);
    }
}
