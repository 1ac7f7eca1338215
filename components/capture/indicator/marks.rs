/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where the indicator must be seen, and how it looks there: written by the
//! indicator, read by the engine, which looks for it in the monitors' pixels.
//!
//! Not a message on the way through the core, as a message would come too late:
//! when the indicator changes, the engine has to know the new picture before
//! that is on the screen, or it would take it for something in front of the old
//! one. What follows from the engine's finding is the core's decision.

use std::sync::Arc;

use euclid::{Box2D, Point2D};
use parking_lot::Mutex;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel};

use crate::pixels::compare;

/// One picture of the indicator on the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where it lies on the desktop, in device pixels.
    pub area: Box2D<i32, DesktopPixel>,
    /// The part of `area` that must be seen, every pixel exactly. Not the outer
    /// ends, which a compositor may round off.
    pub checked: Box2D<i32, DesktopPixel>,
    /// Blue, green, red and a spare byte for each pixel of `area`; rows from top
    /// to bottom without padding.
    pub pixels: Arc<Vec<u8>>,
}

impl Mark {
    /// Its place on a monitor with these bounds; none if it is not wholly there.
    fn place(
        &self,
        area: Box2D<i32, DesktopPixel>,
        bounds: Box2D<i32, DesktopPixel>,
    ) -> Option<Box2D<u32, MonitorPixel>> {
        if area.is_empty() || !bounds.contains_box(&self.area) {
            return None;
        }
        let convert = |point: Point2D<i32, DesktopPixel>| {
            let offset = point - bounds.min;
            Point2D::new(offset.x.unsigned_abs(), offset.y.unsigned_abs())
        };
        Some(Box2D::new(convert(area.min), convert(area.max)))
    }

    /// Whether every checked pixel of it is in `rows`, full rows of a monitor
    /// with these bounds from its row `top` on.
    fn is_in(&self, bounds: Box2D<i32, DesktopPixel>, rows: &[u8], top: u32) -> bool {
        let Some(found) = self.place(self.checked, bounds) else {
            return false;
        };
        if found.min.y < top || !self.area.contains_box(&self.checked) {
            return false;
        }
        let stride = bounds.width().unsigned_abs() as usize * 4;
        let own_stride = self.area.width().unsigned_abs() as usize * 4;
        let inset = (self.checked.min - self.area.min).to_u32();
        (found.min.y..found.max.y).all(|y| {
            let at = (y - top) as usize * stride;
            let own_at = (y - found.min.y + inset.y) as usize * own_stride + inset.x as usize * 4;
            let seen = rows.get(at + found.min.x as usize * 4..at + found.max.x as usize * 4);
            let drawn = self.pixels.get(own_at..own_at + found.width() as usize * 4);
            let (Some(seen), Some(drawn)) = (seen, drawn) else {
                return false;
            };
            compare::same_pixels(seen, drawn)
        })
    }
}

/// What must be seen at one moment: one of these sets, whole.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Grows with every change.
    version: u64,
    /// What is on the screen.
    settled: Option<Arc<Vec<Mark>>>,
    /// What is about to take its place.
    coming: Option<Arc<Vec<Mark>>>,
}

impl Expected {
    /// Another one for each other expectation.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether anything is to be looked for at all.
    pub fn is_empty(&self) -> bool {
        self.settled.is_none() && self.coming.is_none()
    }

    fn sets(&self) -> impl Iterator<Item = &Vec<Mark>> {
        [&self.settled, &self.coming]
            .into_iter()
            .flatten()
            .map(Arc::as_ref)
    }

    /// Where the indicator may be on a monitor with these bounds, whichever of
    /// its pictures it is.
    pub fn areas(
        &self,
        bounds: Box2D<i32, DesktopPixel>,
    ) -> impl Iterator<Item = Box2D<u32, MonitorPixel>> {
        self.sets()
            .flatten()
            .filter_map(move |mark| mark.place(mark.area, bounds))
    }

    /// The rows of such a monitor that tell whether the indicator is seen there.
    pub fn rows(&self, bounds: Box2D<i32, DesktopPixel>) -> Option<std::ops::Range<u32>> {
        self.areas(bounds)
            .map(|area| area.min.y..area.max.y)
            .reduce(|one, other| one.start.min(other.start)..one.end.max(other.end))
    }

    /// Whether all places of it on such a monitor, of which there is one at least,
    /// are in `parts`: whoever reads those reads what tells whether it is seen.
    pub fn is_within(&self, bounds: Box2D<i32, DesktopPixel>, parts: &Damage) -> bool {
        let mut areas = self.areas(bounds).peekable();
        areas.peek().is_some() && areas.all(|area| parts.contains(area))
    }

    /// Whether the indicator is seen in these full rows of the monitor, from its
    /// row `top` on: all of the marks of one set that lie on it, and one at
    /// least.
    pub fn is_seen(&self, bounds: Box2D<i32, DesktopPixel>, rows: &[u8], top: u32) -> bool {
        self.sets().any(|set| {
            let mut here = set
                .iter()
                .filter(|mark| bounds.contains_box(&mark.area))
                .peekable();
            here.peek().is_some() && here.all(|mark| mark.is_in(bounds, rows, top))
        })
    }
}

impl Expected {
    /// Whether the indicator is seen in a picture of the whole monitor, if any is
    /// to be.
    pub fn is_in_picture(&self, bounds: Box2D<i32, DesktopPixel>, picture: &[u8]) -> bool {
        self.is_empty() || self.is_seen(bounds, picture, 0)
    }
}

/// Where the indicator writes and the engine reads. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    expected: Arc<Mutex<Expected>>,
}

impl Marks {
    /// What must be seen now.
    pub fn expected(&self) -> Expected {
        self.expected.lock().clone()
    }

    /// These are about to be on the screen, in place of what is there. From now
    /// on either will do, until [`Marks::settle`].
    pub fn expect(&self, coming: Vec<Mark>) {
        let mut expected = self.expected.lock();
        expected.version += 1;
        expected.coming = Some(Arc::new(coming));
    }

    /// What came is on the screen, and what was there before is not any more.
    pub fn settle(&self) {
        let mut expected = self.expected.lock();
        if let Some(coming) = expected.coming.take() {
            expected.version += 1;
            expected.settled = Some(coming);
        }
    }

    /// Nothing is to be seen.
    pub fn clear(&self) {
        let mut expected = self.expected.lock();
        expected.version += 1;
        expected.settled = None;
        expected.coming = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(x: i32, y: i32, width: i32, height: i32) -> Box2D<i32, DesktopPixel> {
        Box2D::new(Point2D::new(x, y), Point2D::new(x + width, y + height))
    }

    /// A mark of one color but for its random-looking inside.
    fn mark(x: i32, y: i32, seed: u8) -> Mark {
        let area = rectangle(x, y, 6, 3);
        let pixels = (0..6 * 3 * 4u32).map(|at| (at as u8).wrapping_mul(seed));
        Mark {
            area,
            checked: rectangle(x + 1, y, 4, 3),
            pixels: Arc::new(pixels.collect()),
        }
    }

    const MONITOR: (i32, i32, i32, i32) = (100, 50, 20, 8);

    fn bounds() -> Box2D<i32, DesktopPixel> {
        rectangle(MONITOR.0, MONITOR.1, MONITOR.2, MONITOR.3)
    }

    /// All rows of the monitor, with these marks painted.
    fn screen(marks: &[Mark]) -> Vec<u8> {
        let mut rows = vec![0xaa; 20 * 8 * 4];
        for mark in marks {
            let left = mark.area.min - bounds().min;
            for y in 0..3 {
                let at = ((left.y + y) * 20 + left.x) as usize * 4;
                let own = y as usize * 24;
                rows[at..at + 24].copy_from_slice(&mark.pixels[own..own + 24]);
            }
        }
        rows
    }

    fn expected(settled: &[Mark], coming: &[Mark]) -> Expected {
        let marks = Marks::default();
        marks.expect(settled.to_vec());
        marks.settle();
        if !coming.is_empty() {
            marks.expect(coming.to_vec());
        }
        marks.expected()
    }

    #[test]
    fn one_wrong_pixel_of_the_checked_part_is_found_and_the_ends_do_not_count() {
        let drawn = mark(105, 51, 7);
        let expected = expected(std::slice::from_ref(&drawn), &[]);
        let good = screen(std::slice::from_ref(&drawn));
        assert!(expected.is_seen(bounds(), &good, 0));
        for y in 0..8usize {
            for x in 0..20usize {
                let mut screen = good.clone();
                screen[(y * 20 + x) * 4 + 1] ^= 1;
                let is_checked = (6..10).contains(&x) && (1..4).contains(&y);
                assert_eq!(
                    expected.is_seen(bounds(), &screen, 0),
                    !is_checked,
                    "{x}, {y}"
                );
                // The fourth byte is nobody's.
                let mut screen = good.clone();
                screen[(y * 20 + x) * 4 + 3] ^= 255;
                assert!(expected.is_seen(bounds(), &screen, 0));
            }
        }
    }

    #[test]
    fn only_the_rows_that_are_named_are_needed() {
        let drawn = mark(105, 52, 9);
        let expected = expected(std::slice::from_ref(&drawn), &[]);
        assert_eq!(expected.rows(bounds()), Some(2..5));
        let screen = screen(&[drawn]);
        assert!(expected.is_seen(bounds(), &screen[2 * 80..5 * 80], 2));
        assert!(!expected.is_seen(bounds(), &screen[2 * 80..4 * 80], 2));
        assert!(!expected.is_seen(bounds(), &screen[2 * 80..5 * 80], 3));
        assert!(!expected.is_seen(bounds(), &[], 0));
    }

    #[test]
    fn during_a_change_the_old_picture_will_do_as_well_as_the_new_one() {
        let (old, new) = (mark(105, 50, 3), mark(103, 51, 5));
        let both = expected(std::slice::from_ref(&old), std::slice::from_ref(&new));
        assert!(both.is_seen(bounds(), &screen(std::slice::from_ref(&old)), 0));
        assert!(both.is_seen(bounds(), &screen(&[old.clone(), new.clone()]), 0));
        assert!(!both.is_seen(bounds(), &screen(&[]), 0));
        assert_eq!(both.areas(bounds()).count(), 2);
        let marks = Marks::default();
        marks.expect(vec![old.clone()]);
        marks.settle();
        let before = marks.expected().version();
        marks.expect(vec![new.clone()]);
        marks.settle();
        let after = marks.expected();
        assert!(after.version() > before);
        assert!(!after.is_seen(bounds(), &screen(&[old]), 0));
        assert!(after.is_seen(bounds(), &screen(&[new]), 0));
        marks.clear();
        assert!(marks.expected().is_empty());
    }

    #[test]
    fn what_does_not_hold_all_of_its_places_is_no_look_at_it() {
        let part = |x, y, width, height| {
            Damage::from(Box2D::from_origin_and_size(
                Point2D::new(x, y),
                euclid::Size2D::new(width, height),
            ))
        };
        let one = expected(&[mark(105, 51, 7)], &[]);
        for (parts, is_look) in [
            (Damage::Whole, true),
            (part(5, 1, 6, 3), true),
            (part(5, 1, 5, 3), false),
            (part(0, 4, 20, 4), false),
            (Damage::nothing(), false),
        ] {
            assert_eq!(one.is_within(bounds(), &parts), is_look, "{parts:?}");
        }
        let two = expected(&[mark(105, 51, 7)], &[mark(112, 51, 7)]);
        assert!(!two.is_within(bounds(), &part(5, 1, 6, 3)));
        assert!(two.is_within(bounds(), &part(5, 1, 13, 3)));
        let elsewhere = expected(&[mark(0, 0, 7)], &[]);
        assert!(!elsewhere.is_within(bounds(), &Damage::Whole));
    }

    #[test]
    fn a_monitor_that_moved_away_from_under_its_mark_does_not_show_it() {
        let drawn = mark(100, 50, 7);
        let expected = expected(std::slice::from_ref(&drawn), &[]);
        let rows = screen(&[drawn]);
        assert!(expected.is_seen(bounds(), &rows, 0));
        let moved = bounds().translate((1, 0).into());
        assert!(!expected.is_seen(moved, &rows, 0));
        assert_eq!(expected.rows(moved), None);
    }
}
