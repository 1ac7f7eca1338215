/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! An open monitor as the engine sees it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use euclid::{Box2D, Size2D};
use rand::seq::SliceRandom;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel};

use super::presence::Sight;
use crate::core::SessionId;
use crate::grabber::Picture;
use crate::monitor::Monitor;
use crate::pixels::compare;

/// Rows that are compared at once to find out whether damage is told truly.
const STRIP_ROWS: u32 = 48;

static WHOLE: Damage = Damage::Whole;

/// An open monitor.
#[derive(Debug)]
pub(super) struct OpenMonitor {
    /// Which sessions need it.
    pub(super) sessions: BTreeSet<SessionId>,
    pub(super) bounds: Box2D<i32, DesktopPixel>,
    /// It was in the last list of monitors.
    pub(super) is_present: bool,
    /// Nobody tells its damage, or not truly: its pictures are compared.
    pub(super) is_polled: bool,
    /// Readings in a row that failed.
    pub(super) failures: u32,
    /// Not to be read before, because it failed or was just polled.
    pub(super) not_before: Option<Instant>,
    /// Whether the indicator is seen on it.
    pub(super) sight: Sight,
    /// For sources that do not show it as it is.
    pub(super) canvas: Option<Canvas>,
    strips: Vec<u32>,
    /// The rows that are being verified.
    pub(super) rows: Vec<u8>,
    /// The rows in which the indicator is looked for.
    pub(super) indicator_rows: Vec<u8>,
}

impl OpenMonitor {
    pub(super) fn new(monitor: &Monitor, is_polled: bool) -> Self {
        Self {
            sessions: BTreeSet::new(),
            bounds: monitor.bounds,
            is_present: true,
            is_polled,
            failures: 0,
            not_before: None,
            sight: Sight::default(),
            canvas: None,
            strips: Vec::new(),
            rows: Vec::new(),
            indicator_rows: Vec::new(),
        }
    }

    pub(super) fn size(&self) -> Size2D<u32, MonitorPixel> {
        let size = self.bounds.size();
        Size2D::new(size.width.max(0) as u32, size.height.max(0) as u32)
    }

    /// Whether it can be read now, and may be.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.is_present && self.sight.is_clear() && self.not_before.is_none_or(|time| time <= now)
    }

    /// The rows to verify next: a strip at random, each of them once before any
    /// comes again.
    pub(super) fn next_strip(&mut self) -> Range<u32> {
        let height = self.size().height;
        let count = height.div_ceil(STRIP_ROWS);
        // After a change of size the old ones may reach beyond the picture.
        self.strips.retain(|strip| *strip < count);
        if self.strips.is_empty() {
            self.strips.extend(0..count);
            self.strips.shuffle(&mut rand::rng());
        }
        let top = self.strips.pop().unwrap_or(0) * STRIP_ROWS;
        top..(top + STRIP_ROWS).min(height)
    }
}

/// A picture of the whole monitor that nobody else sees, of which frames of
/// other sizes are made.
#[derive(Debug)]
pub(super) struct Canvas {
    front: Picture,
    /// Where `front` does not show what the monitor shows.
    stale: Damage,
    captured_at: CrossProcessInstant,
    /// For a polled monitor: what is read while `front` is kept to compare.
    back: Option<Picture>,
}

impl Canvas {
    /// A canvas that shows nothing yet.
    pub(super) fn new(front: Picture) -> Self {
        Self {
            front,
            stale: Damage::Whole,
            captured_at: CrossProcessInstant::now(),
            back: None,
        }
    }

    pub(super) fn size(&self) -> Size2D<u32, MonitorPixel> {
        self.front.size
    }

    /// Whether polling needs a second picture.
    pub(super) fn needs_back(&self) -> bool {
        self.back.is_none() && self.stale.is_empty()
    }

    pub(super) fn set_back(&mut self, back: Picture) {
        self.back = Some(back);
    }

    /// What it shows and where it does not.
    pub(super) fn picture(&self) -> (&[u8], &Damage) {
        (self.front.writer.bytes(), &self.stale)
    }

    pub(super) fn captured_at(&self) -> CrossProcessInstant {
        self.captured_at
    }

    pub(super) fn is_up_to_date(&self) -> bool {
        self.stale.is_empty()
    }

    pub(super) fn mark(&mut self, damage: &Damage) {
        self.stale.merge(damage);
    }

    /// Nothing is known of what it shows.
    pub(super) fn spoil(&mut self) {
        self.stale = Damage::Whole;
    }

    /// For the grabber: what is to be read, and which parts.
    pub(super) fn for_reading(&mut self, is_polled: bool) -> Option<(&mut Picture, &Damage)> {
        self.stale.settle(self.front.size);
        if !is_polled {
            return (!self.stale.is_empty()).then_some((&mut self.front, &self.stale));
        }
        if self.stale.is_empty() {
            Some((self.back.as_mut()?, &WHOLE))
        } else {
            Some((&mut self.front, &WHOLE))
        }
    }

    /// What [`Canvas::for_reading`] gave was read. For a polled monitor: what
    /// has changed.
    pub(super) fn was_read(&mut self, is_polled: bool, captured_at: CrossProcessInstant) -> Damage {
        self.captured_at = captured_at;
        let was_stale = !self.stale.is_empty();
        self.stale = Damage::nothing();
        if !is_polled {
            return Damage::nothing();
        }
        match &mut self.back {
            Some(back) if !was_stale => {
                let (before, after) = (self.front.writer.bytes(), back.writer.bytes());
                let damage = compare::differences(before, after, self.front.size);
                std::mem::swap(&mut self.front, back);
                damage
            }
            _ => Damage::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::tests::monitor;

    #[test]
    fn every_row_is_verified_once_before_any_is_again() {
        let mut open = OpenMonitor::new(&monitor(1, 0, 0, 640, 480), false);
        for _ in 0..2 {
            let mut rows = vec![0; 480];
            for _ in 0..480u32.div_ceil(STRIP_ROWS) {
                for row in open.next_strip() {
                    rows[row as usize] += 1;
                }
            }
            assert_eq!(rows, [1; 480]);
        }
        open.next_strip();
        open.bounds = monitor(1, 0, 0, 64, 10).bounds;
        assert_eq!(open.next_strip(), 0..10);
    }
}
