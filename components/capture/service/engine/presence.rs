/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether the indicator is on the monitors: it is looked for in their own
//! pixels. Where it is not seen nothing is read for anybody.
//!
//! No clock drives this on a screen that stands still: it is looked for when
//! something was drawn where it is, with the verification that happens once a
//! second anyway, and before a frame is read if that was a while ago. At last it
//! is looked for in the picture that was read: what is without it never leaves,
//! and where its place was read just then, that was a look.

use std::time::{Duration, Instant};

use euclid::Box2D;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel};

use super::counters::EngineCounters;
use super::inspect::Look;
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

    /// It was seen in a picture that was read now, its place included.
    pub(super) fn confirm(&mut self, now: Instant) {
        if self.is_clear() {
            self.looked_at = Some(now);
        }
    }

    /// Whether it is looked for when there is an occasion: not if somebody has
    /// just looked.
    fn is_old(&self, now: Instant) -> bool {
        let looked_at = self.looked_at.filter(|_| self.is_seen.is_some());
        looked_at.is_none_or(|time| now.saturating_duration_since(time) >= FRESH)
    }

    /// When it is looked for again although nothing happens.
    pub(super) fn next_search(&self) -> Option<Instant> {
        let looked_at = self.looked_at.filter(|_| self.is_lost());
        looked_at.map(|time| time + SEARCH_PERIOD)
    }

    /// Whether to look now. `is_leaving`: a frame is about to be made.
    fn is_due(&self, now: Instant, version: u64, is_leaving: bool) -> bool {
        let (Some(is_seen), Some(looked_at)) = (self.is_seen, self.looked_at) else {
            return true;
        };
        let age = now.saturating_duration_since(looked_at);
        self.version != version
            || self.is_doubtful
            || match is_seen {
                true => is_leaving && age >= FRESH,
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
            let is_due = monitor.sight.is_due(now, version, is_leaving);
            if monitor.is_present && is_due {
                due.push(id);
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let inspection = self.inspect(&due, &[], Duration::ZERO)?;
        self.take_looks(inspection.looks, now, events)
    }

    /// The monitors where to look for the indicator while rows of them are read
    /// anyway.
    pub(super) fn worth_a_look(&self, now: Instant) -> Vec<MonitorId> {
        let monitors = self.monitors.iter().filter(|(id, monitor)| {
            monitor.is_present
                && monitor.sight.is_old(now)
                && self.sources.values().any(|source| source.monitor == **id)
        });
        monitors.map(|(&id, _)| id).collect()
    }

    /// Looks for the indicator in what was read, and tells where it is gone or
    /// back.
    pub(super) fn take_looks(
        &mut self,
        looks: Vec<(MonitorId, Look)>,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        for (id, look) in looks {
            let Some(monitor) = self.monitors.get_mut(&id) else {
                continue;
            };
            let is_seen = match look {
                Look::NothingExpected => true,
                Look::NoPlace => false,
                Look::Rows(rows) => {
                    EngineCounters::add(&self.counters.indicator_checks, 1);
                    let pixels = &monitor.indicator_rows;
                    self.expected.is_seen(monitor.bounds, pixels, rows.start)
                }
                Look::Failed(error) => {
                    // Nothing of it leaves. Where the others are now is not sure any more:
                    // they are looked at again.
                    monitor.sight.looked_at = None;
                    return self.monitor_failed(id, error, now, events);
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
    fn it_is_looked_for_when_something_happens_and_otherwise_when_there_is_an_occasion() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut sight = Sight::default();
        assert!(sight.is_due(start, 1, false), "nobody has looked");
        assert!(sight.is_old(start));
        sight = Sight {
            is_seen: Some(true),
            looked_at: Some(start),
            is_doubtful: false,
            version: 1,
        };
        assert!(!sight.is_due(at(100), 1, true), "just looked");
        assert!(!sight.is_old(at(100)), "just looked");
        assert!(!sight.is_due(at(5000), 1, false), "nothing leaves");
        assert!(sight.is_old(at(1000)), "an occasion");
        assert!(sight.is_due(at(250), 1, true), "a frame leaves");
        sight.confirm(at(240));
        assert!(!sight.is_due(at(250), 1, true), "seen in the last frame");
        assert!(sight.is_due(at(251), 2, false), "it has changed");
        assert_eq!(sight.next_search(), None);
        sight.is_doubtful = true;
        assert!(sight.is_due(at(241), 1, false), "drawn over");
        sight.is_doubtful = false;
        sight.is_seen = Some(false);
        sight.confirm(at(300));
        assert_eq!(sight.next_search(), Some(at(340)), "a picture is no search");
        assert!(!sight.is_due(at(339), 1, true) && sight.is_due(at(340), 1, false));
    }
}
