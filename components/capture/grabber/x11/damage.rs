/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What was drawn on since somebody looked.

use euclid::Box2D;
use servo_capture_traits::{DesktopPixel, MonitorPixel};
use x11rb::connection::Connection;
use x11rb::cookie::Cookie;
use x11rb::errors::ConnectionError;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::xfixes::{ConnectionExt as _, FetchRegionReply, Region};
use x11rb::protocol::xproto::{Rectangle, Window};

use super::connection::{disconnected, new_id};
use crate::grabber::GrabError;
use crate::x11::X11Connection;

/// The damage of the root window: one notification when it stops being empty,
/// and none until it was taken.
pub(super) struct RootDamage {
    damage: u32,
    /// Holds what was taken until its rectangles are fetched.
    taken: Region,
    is_pending: bool,
    /// The request that took the damage last: notifications from before it
    /// tell of what it took.
    last_take: u64,
}

impl RootDamage {
    /// Watches `root`, with what lies in it.
    pub(super) fn watch(connection: &X11Connection, root: Window) -> Result<Self, GrabError> {
        let damage = new_id(connection)?;
        let taken = new_id(connection)?;
        let send = || {
            connection.xfixes_create_region(taken, &[])?;
            connection.damage_create(damage, root, ReportLevel::NON_EMPTY)?;
            // At first all of the window counts as damage: nobody has read anything that it could
            // make stale.
            connection.damage_subtract(damage, x11rb::NONE, x11rb::NONE)
        };
        let created = send().map_err(disconnected)?;
        Ok(Self {
            damage,
            taken,
            is_pending: false,
            last_take: created.sequence_number(),
        })
    }

    /// A notification came while the server was at request number `sequence`.
    pub(super) fn notified(&mut self, damage: u32, sequence: u64) {
        if damage == self.damage && sequence >= self.last_take {
            self.is_pending = true;
        }
    }

    /// Whether there is something to take.
    pub(super) fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// Asks for the damage and clears it.
    pub(super) fn take<'a>(
        &mut self,
        connection: &'a X11Connection,
    ) -> Result<Cookie<'a, X11Connection, FetchRegionReply>, ConnectionError> {
        let taking = connection.damage_subtract(self.damage, x11rb::NONE, self.taken)?;
        self.last_take = taking.sequence_number();
        self.is_pending = false;
        connection.xfixes_fetch_region(self.taken)
    }

    /// Stops watching.
    pub(super) fn forget(self, connection: &X11Connection) {
        let send = || -> Result<(), ConnectionError> {
            connection.damage_destroy(self.damage)?.ignore_error();
            connection.xfixes_destroy_region(self.taken)?.ignore_error();
            connection.flush()
        };
        // On a broken connection the server has forgotten both already.
        let _ = send();
    }
}

/// The part of a rectangle of the screen that lies on a monitor, in the
/// monitor's own pixels.
pub(super) fn on_monitor(
    drawn: &Rectangle,
    monitor: Box2D<i32, DesktopPixel>,
) -> Option<Box2D<u32, MonitorPixel>> {
    let left = i32::from(drawn.x);
    let top = i32::from(drawn.y);
    let drawn: Box2D<i32, DesktopPixel> = Box2D::new(
        euclid::point2(left, top),
        euclid::point2(left + i32::from(drawn.width), top + i32::from(drawn.height)),
    );
    let part = drawn.intersection(&monitor)?;
    part.translate(-monitor.min.to_vector())
        .cast_unit()
        .try_cast()
}

#[cfg(test)]
mod tests {
    use euclid::point2;

    use super::*;

    fn monitor(x: i32, y: i32, width: i32, height: i32) -> Box2D<i32, DesktopPixel> {
        Box2D::new(point2(x, y), point2(x + width, y + height))
    }

    #[test]
    fn a_rectangle_across_two_monitors_is_split_between_them() {
        let drawn = Rectangle {
            x: 1900,
            y: 10,
            width: 40,
            height: 5,
        };
        let part = |min, max| Some(Box2D::new(min, max));
        assert_eq!(
            on_monitor(&drawn, monitor(0, 0, 1920, 1080)),
            part(point2(1900, 10), point2(1920, 15))
        );
        assert_eq!(
            on_monitor(&drawn, monitor(1920, 0, 1280, 1024)),
            part(point2(0, 10), point2(20, 15))
        );
        assert_eq!(on_monitor(&drawn, monitor(0, 1080, 1920, 1080)), None);
    }

    #[test]
    fn what_is_drawn_beyond_the_screen_is_cut_off() {
        let drawn = Rectangle {
            x: i16::MIN,
            y: -3,
            width: u16::MAX,
            height: 10,
        };
        assert_eq!(
            on_monitor(&drawn, monitor(0, 0, 640, 480)),
            Some(Box2D::new(point2(0, 0), point2(640, 7)))
        );
    }
}
