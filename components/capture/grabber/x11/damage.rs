/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What was drawn on since somebody looked.

use euclid::Box2D;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel};
use x11rb::connection::Connection;
use x11rb::cookie::Cookie;
use x11rb::errors::ConnectionError;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::xfixes::{ConnectionExt as _, FetchRegionReply, Region};
use x11rb::protocol::xproto::{Rectangle, Window};

use super::connection::{disconnected, new_id};
use super::stream::X11Connection;
use crate::grabber::GrabError;

/// How many rectangles are kept of one monitor before they become one.
const MAX_RECTANGLES: usize = 16;

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
            connection.damage_create(damage, root, ReportLevel::NON_EMPTY)
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

    /// Asks for the damage and clears it. Whoever reads pixels asks before
    /// reading them: what is drawn in between is read and told again, never
    /// missed.
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

/// What changed on one monitor since it was grabbed last.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Dirt {
    /// Everything, or nobody knows.
    Whole,
    /// At most [`MAX_RECTANGLES`].
    Parts(Vec<Box2D<u32, MonitorPixel>>),
}

impl Dirt {
    /// Adds the part of a rectangle of the screen that lies on the monitor.
    pub(super) fn add(&mut self, drawn: &Rectangle, monitor: Box2D<i32, DesktopPixel>) {
        let Self::Parts(parts) = self else {
            return;
        };
        let Some(part) = on_monitor(drawn, monitor) else {
            return;
        };
        if parts.iter().any(|known| known.contains_box(&part)) {
            return;
        }
        // The server cuts regions into bands; what it cut is put together again.
        let neighbor = parts.iter_mut().find(|known| {
            (known.min.x, known.max.x) == (part.min.x, part.max.x)
                && known.min.y <= part.max.y
                && part.min.y <= known.max.y
        });
        if let Some(neighbor) = neighbor {
            *neighbor = neighbor.union(&part);
            return;
        }
        parts.retain(|known| !part.contains_box(known));
        parts.push(part);
        if parts.len() > MAX_RECTANGLES {
            let around = parts
                .iter()
                .skip(1)
                .fold(parts[0], |all, part| all.union(part));
            *parts = vec![around];
        }
    }

    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Parts(parts) if parts.is_empty())
    }

    /// What changed; from now on nothing did.
    pub(super) fn clear(&mut self) -> Damage {
        match std::mem::replace(self, Self::Parts(Vec::new())) {
            Self::Whole => Damage::Whole,
            Self::Parts(parts) => Damage::Rectangles(parts),
        }
    }
}

fn on_monitor(
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
    use proptest::prelude::*;

    use super::*;

    fn monitor(x: i32, y: i32, width: i32, height: i32) -> Box2D<i32, DesktopPixel> {
        Box2D::new(point2(x, y), point2(x + width, y + height))
    }

    fn rectangle(x: i16, y: i16, width: u16, height: u16) -> Rectangle {
        Rectangle {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn a_rectangle_across_two_monitors_is_split_between_them() {
        let drawn = rectangle(1900, 10, 40, 5);
        let mut left = Dirt::Parts(Vec::new());
        let mut right = Dirt::Parts(Vec::new());
        let mut below = Dirt::Parts(Vec::new());
        left.add(&drawn, monitor(0, 0, 1920, 1080));
        right.add(&drawn, monitor(1920, 0, 1280, 1024));
        below.add(&drawn, monitor(0, 1080, 1920, 1080));
        let part = |min, max| Damage::Rectangles(vec![Box2D::new(min, max)]);
        assert_eq!(left.clear(), part(point2(1900, 10), point2(1920, 15)));
        assert_eq!(right.clear(), part(point2(0, 10), point2(20, 15)));
        assert!(below.is_empty());
    }

    #[test]
    fn bands_of_one_rectangle_become_one() {
        let mut dirt = Dirt::Parts(Vec::new());
        for (y, height) in [(0, 2), (2, 7), (20, 1)] {
            dirt.add(&rectangle(3, y, 4, height), monitor(0, 0, 100, 100));
        }
        let whole = Box2D::new(point2(3, 0), point2(7, 9));
        let apart = Box2D::new(point2(3, 20), point2(7, 21));
        assert_eq!(dirt.clear(), Damage::Rectangles(vec![whole, apart]));
    }

    #[test]
    fn clearing_whole_dirt_leaves_none() {
        let mut dirt = Dirt::Whole;
        dirt.add(&rectangle(0, 0, 1, 1), monitor(0, 0, 10, 10));
        assert_eq!(dirt.clear(), Damage::Whole);
        assert!(dirt.is_empty());
    }

    proptest! {
        #[test]
        fn dirt_stays_small_and_covers_all_that_was_drawn(
            drawn in proptest::collection::vec((-50..150i16, -50..150i16, 1..60u16, 1..60u16), 0..60),
        ) {
            let monitor = monitor(10, 20, 100, 80);
            let mut dirt = Dirt::Parts(Vec::new());
            for (x, y, width, height) in &drawn {
                dirt.add(&rectangle(*x, *y, *width, *height), monitor);
            }
            let Damage::Rectangles(parts) = dirt.clear() else {
                panic!("whole");
            };
            prop_assert!(parts.len() <= MAX_RECTANGLES);
            for part in &parts {
                prop_assert!(!part.is_empty() && part.max.x <= 100 && part.max.y <= 80);
            }
            for x in 0..100u32 {
                for y in 0..80u32 {
                    let (at_x, at_y) = (x as i32 + 10, y as i32 + 20);
                    let touched = drawn.iter().any(|(left, top, width, height)| {
                        (i32::from(*left)..i32::from(*left) + i32::from(*width)).contains(&at_x)
                            && (i32::from(*top)..i32::from(*top) + i32::from(*height)).contains(&at_y)
                    });
                    prop_assert!(!touched || parts.iter().any(|part| part.contains(point2(x, y))));
                }
            }
        }
    }
}
