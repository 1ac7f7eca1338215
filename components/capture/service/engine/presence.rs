/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether the indicator is on the monitors: it is looked for in their own
//! pixels. Where it is not seen nothing is read for anybody.
//!
//! No clock drives this on a screen that stands still: it is looked for when
//! something was drawn where it is, with the verification that happens once a
//! second anyway, and before a frame is read if that was a while ago. At last it
//! is looked for in the picture that was read: what is without it never leaves.

use std::time::{Duration, Instant};

use euclid::Box2D;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel};

use super::counters::EngineCounters;
use super::source::Source;
use super::{Engine, EventSink};
use crate::core::Event;
use crate::grabber::GrabError;
use crate::indicator::{Expected, Marks};
use crate::monitor::MonitorId;

/// A frame does not leave if the indicator was looked for longer ago than this:
/// the display server may not tell what is drawn.
const FRESH: Duration = Duration::from_millis(200);
/// How often it is looked for while it is not seen.
const SEARCH_PERIOD: Duration = Duration::from_millis(100);

/// What the engine needs to know of the indicator.
#[derive(Clone, Debug, Default)]
pub(in crate::service) struct IndicatorWatch {
    /// Where it must be seen; nothing is looked for while there are none.
    pub(in crate::service) marks: Marks,
    /// Whether frames show a grey area instead of it.
    pub(in crate::service) is_masked: bool,
}

/// What is known of the indicator on one monitor.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// Whether it was seen the last time; none: nobody has looked.
    is_seen: Option<bool>,
    looked_at: Option<Instant>,
    /// Something was drawn where it is.
    is_doubtful: bool,
    /// Of what was looked for the last time.
    version: u64,
}

impl Sight {
    /// Whether frames may leave: it was seen, and nothing keeps us from looking.
    pub(super) fn is_clear(&self) -> bool {
        self.is_seen == Some(true) && self.looked_at.is_some()
    }

    /// Whether it was not seen.
    pub(super) fn is_lost(&self) -> bool {
        self.is_seen == Some(false)
    }

    /// Something may be in front of it.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// When it is looked for again although nothing happens.
    pub(super) fn next_search(&self) -> Option<Instant> {
        let looked_at = self.looked_at.filter(|_| self.is_lost());
        looked_at.map(|time| time + SEARCH_PERIOD)
    }

    /// Whether to look now. `is_asked`: it is time to verify; `is_leaving`: a
    /// frame is about to be made.
    fn is_due(&self, now: Instant, version: u64, is_asked: bool, is_leaving: bool) -> bool {
        let (Some(is_seen), Some(looked_at)) = (self.is_seen, self.looked_at) else {
            return true;
        };
        let age = now.saturating_duration_since(looked_at);
        self.version != version
            || self.is_doubtful
            || match is_seen {
                true => is_asked || (is_leaving && age >= FRESH),
                false => age >= SEARCH_PERIOD,
            }
    }
}

impl Engine {
    /// Looks for the indicator where that is due, and tells where it is gone or
    /// back.
    pub(super) fn look_for_indicator(
        &mut self,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        self.expected = self.watch.marks.expected();
        let version = self.expected.version();
        let is_asked = self.next_verification.is_some_and(|time| time <= now);
        let mut due = Vec::new();
        for (&id, monitor) in &mut self.monitors {
            let of_this = |source: &&Source| source.monitor == id;
            let sources: Vec<&Source> = self.sources.values().filter(of_this).collect();
            if sources.is_empty() {
                // Nobody was told of it who is still there.
                monitor.sight = Sight::default();
                continue;
            }
            let is_leaving = sources
                .iter()
                .any(|source| source.is_due(now) || (monitor.is_polled && source.pace.allows(now)));
            let is_due = monitor.sight.is_due(now, version, is_asked, is_leaving);
            if monitor.is_present && is_due {
                due.push(id);
            }
        }
        for id in due {
            self.look(id, now, events)?;
        }
        Ok(())
    }

    fn look(
        &mut self,
        id: MonitorId,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        let (Some(monitor), Some(grabber)) = (self.monitors.get_mut(&id), self.grabber.as_mut())
        else {
            return Ok(());
        };
        let is_seen = match self.expected.rows(monitor.bounds) {
            _ if self.expected.is_empty() => true,
            None => false,
            Some(rows) => {
                let top = rows.start;
                if let Err(error) = grabber.read_rows(id, rows, &mut monitor.rows) {
                    // Whoever cannot look has not seen it: nothing leaves.
                    monitor.sight.looked_at = None;
                    return self.monitor_failed(id, error, now, events);
                }
                let bytes = monitor.rows.len() as u64;
                EngineCounters::add(&self.counters.bytes_verified, bytes);
                EngineCounters::add(&self.counters.indicator_checks, 1);
                self.expected.is_seen(monitor.bounds, &monitor.rows, top)
            }
        };
        let was_lost = monitor.sight.is_lost();
        monitor.sight = Sight {
            is_seen: Some(is_seen),
            looked_at: Some(now),
            is_doubtful: false,
            version: self.expected.version(),
        };
        match (was_lost, is_seen) {
            (false, false) => {
                EngineCounters::add(&self.counters.indicator_misses, 1);
                events.event(Event::IndicatorCovered { monitor: id });
            }
            (true, true) => events.event(Event::IndicatorSeen { monitor: id }),
            (false, true) | (true, false) => {}
        }
        Ok(())
    }

    /// Something was drawn on a monitor: perhaps over the indicator.
    pub(super) fn doubt_indicator(&mut self, id: MonitorId, damage: &Damage) {
        if let Some(monitor) = self.monitors.get_mut(&id) {
            let mut areas = self.expected.areas(monitor.bounds);
            if areas.any(|area| damage.intersects(area)) {
                monitor.sight.doubt();
            }
        }
    }
}

/// What of a monitor frames must not show.
pub(super) fn masked(
    watch: &IndicatorWatch,
    expected: &Expected,
    bounds: Box2D<i32, DesktopPixel>,
) -> Vec<Box2D<u32, MonitorPixel>> {
    if watch.is_masked {
        expected.areas(bounds).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_when_something_happens_and_otherwise_when_asked() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut sight = Sight::default();
        assert!(sight.is_due(start, 1, false, false), "nobody has looked");
        sight = Sight {
            is_seen: Some(true),
            looked_at: Some(start),
            is_doubtful: false,
            version: 1,
        };
        assert!(!sight.is_due(at(100), 1, false, true), "just looked");
        assert!(!sight.is_due(at(5000), 1, false, false), "nothing leaves");
        assert!(sight.is_due(at(250), 1, false, true), "a frame leaves");
        assert!(sight.is_due(at(1), 1, true, false), "time to verify");
        assert!(sight.is_due(at(1), 2, false, false), "it has changed");
        assert_eq!(sight.next_search(), None);
        sight.is_doubtful = true;
        assert!(sight.is_due(at(1), 1, false, false), "drawn over");
        sight.is_doubtful = false;
        sight.is_seen = Some(false);
        assert_eq!(sight.next_search(), Some(at(100)));
        assert!(!sight.is_due(at(50), 1, true, true) && sight.is_due(at(100), 1, false, false));
    }
}
