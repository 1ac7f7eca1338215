/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether the display server tells truly what was drawn: once a second some
//! rows of each monitor are read and compared with what they must show.

use std::time::{Duration, Instant};

use servo_capture_traits::Damage;

use super::{Engine, EventSink};
use crate::core::Event;
use crate::grabber::GrabError;
use crate::monitor::MonitorId;
use crate::pixels::compare;

/// How often, for all monitors together. Each time wakes the thread twice, at its
/// beginning and for the display server's answers: a little more than a second
/// keeps a still screen below two wake-ups a second.
const PERIOD: Duration = Duration::from_millis(1025);

/// How long the thread sleeps while the display server answers, if no frame was
/// made since the last time: it answers monitor by monitor, and each answer alone
/// would wake the thread.
const NAP: Duration = Duration::from_millis(3);

impl Engine {
    /// Verifies, if it is time to.
    pub(super) fn verify(
        &mut self,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        let monitors = self.verifiable();
        if monitors.is_empty() {
            self.next_verification = None;
            return Ok(());
        }
        match self.next_verification {
            None => {
                self.next_verification = Some(now + PERIOD);
                return Ok(());
            }
            Some(time) if time > now => return Ok(()),
            Some(_) => self.next_verification = Some(now + PERIOD),
        }
        self.take_damage()?;
        let looks = self.worth_a_look(now);
        let frames = self.counters.counts().frames;
        let is_still = std::mem::replace(&mut self.frames_verified, frames) == frames;
        let nap = if is_still { NAP } else { Duration::ZERO };
        let inspection = self.inspect(&looks, &monitors, nap)?;
        self.take_looks(inspection.looks, now, events)?;
        // What was drawn meanwhile is in the rows and in no picture.
        self.take_damage()?;
        for (id, top) in inspection.strips {
            if self.is_told_falsely(id, top) {
                self.distrust(id, events);
            }
        }
        Ok(())
    }

    /// The monitors of which somebody gets frames and damage is believed.
    fn verifiable(&self) -> Vec<MonitorId> {
        let monitors = self.monitors.iter();
        monitors
            .filter(|(id, monitor)| {
                let mut sources = self.sources.values();
                monitor.is_present
                    && !monitor.is_polled
                    && sources.any(|source| source.monitor == **id && !source.paused)
            })
            .map(|(&id, _)| id)
            .collect()
    }

    /// Whether the rows that were read differ from the newest picture of the
    /// monitor where that should show the same.
    fn is_told_falsely(&self, id: MonitorId, top: u32) -> bool {
        let Some(monitor) = self.monitors.get(&id) else {
            return false;
        };
        let size = monitor.size();
        let pools = self
            .sources
            .values()
            .filter(|source| source.monitor == id && source.is_native(size))
            .flat_map(|source| source.pool.slots())
            .map(|slot| (slot.buffer.writer().bytes(), &slot.stale));
        let newest = pools
            .chain(monitor.canvas.as_ref().map(|canvas| canvas.picture()))
            .min_by_key(|(_, stale)| stale.pixels(size));
        newest.is_some_and(|(picture, stale)| {
            compare::rows_differ(&monitor.rows, top, picture, size, stale)
        })
    }

    /// From now on pictures of the monitor are compared.
    fn distrust(&mut self, id: MonitorId, events: &mut dyn EventSink) {
        if let Some(monitor) = self.monitors.get_mut(&id) {
            monitor.is_polled = true;
            monitor.canvas = None;
        }
        self.mark(id, &Damage::Whole);
        let explanation = self.describe();
        log::warn!("{id} changed and the display server did not tell; {explanation}");
        events.event(Event::DamageMissed {
            monitor: id,
            explanation,
        });
    }

    /// How pixels are read, for people, with everything that is slower than it
    /// might be.
    fn describe(&self) -> String {
        let grabber = self.grabber.as_ref();
        let mut text = grabber.map_or_else(String::new, |grabber| grabber.describe());
        for (id, monitor) in &self.monitors {
            if monitor.is_polled {
                let listed = self.layout.iter().find(|listed| listed.id == *id);
                let label = listed.map_or_else(|| id.to_string(), |listed| listed.label.clone());
                text.push_str(&format!(
                    "; {label} is read whole for every frame, because changes of it are not told"
                ));
            }
        }
        text
    }
}
