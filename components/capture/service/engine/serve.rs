/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The frames that are due: plans what is read for them, has it read in one go,
//! and delivers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, SourceId};

use super::counters::EngineCounters;
use super::monitor::Canvas;
use super::pool::Buffer;
use super::presence::masked;
use super::source::{Moment, Source};
use super::{Engine, EventSink};
use crate::grabber::{GrabError, Grabber, Read};
use crate::monitor::MonitorId;

/// What is read for the frames that are due.
#[derive(Debug, Default)]
struct Plan {
    /// Sources that show their monitor as it is, and which of their pictures.
    slots: BTreeMap<SourceId, usize>,
    /// Monitors that the other sources get their frames from.
    canvases: BTreeSet<MonitorId>,
    /// Monitors of which the place of the indicator was read just now.
    looked_at: BTreeSet<MonitorId>,
    /// What went wrong on the way.
    failures: BTreeMap<MonitorId, GrabError>,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Slot(SourceId, usize),
    Canvas,
}

/// What became of one picture that was read.
#[derive(Debug)]
struct Outcome {
    result: Result<CrossProcessInstant, GrabError>,
    /// See [`Read::more`].
    more: Damage,
    asked: Asked,
}

/// What a picture was read for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    target: Target,
    monitor: MonitorId,
    pixels: u64,
    /// Every place where the indicator may be is in it.
    is_look: bool,
}

impl Engine {
    /// Makes the frames that are due.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        let mut plan = self.plan(now)?;
        let outcomes = self.read(&plan)?;
        self.take_in(outcomes, &mut plan, now);
        self.deliver_read(&plan, now, events);
        self.deliver_made(&mut plan, now, events);
        for (monitor, error) in plan.failures {
            self.monitor_failed(monitor, error, now, events)?;
        }
        Ok(())
    }

    fn plan(&mut self, now: Instant) -> Result<Plan, GrabError> {
        let mut plan = Plan::default();
        let Some(grabber) = &mut self.grabber else {
            return Ok(plan);
        };
        for (&id, source) in &mut self.sources {
            let monitor_id = source.monitor;
            let monitor = self.monitors.get(&monitor_id);
            let Some(monitor) = monitor.filter(|monitor| monitor.is_ready(now)) else {
                continue;
            };
            if monitor.is_polled {
                if !source.paused && source.pace.allows(now) {
                    plan.canvases.insert(monitor_id);
                }
                continue;
            }
            if !source.is_due(now) {
                continue;
            }
            if !source.is_native(monitor.size()) {
                plan.canvases.insert(monitor_id);
                continue;
            }
            let picked = source.pick(
                || grabber.new_picture(monitor_id).map(Buffer::Attached),
                // The monitor has another size than its pictures were to have.
                |_| GrabError::MonitorChanged(monitor_id),
            );
            match picked {
                Ok(Some(slot)) => drop(plan.slots.insert(id, slot)),
                Ok(None) => count_blocked(source, now, &self.counters),
                Err(error) => drop(plan.failures.insert(monitor_id, error)),
            }
        }
        let Plan {
            canvases, failures, ..
        } = &mut plan;
        canvases.retain(|&id| {
            let Some(monitor) = self.monitors.get_mut(&id) else {
                return false;
            };
            let size = monitor.size();
            match prepare(&mut **grabber, id, monitor.is_polled, &mut monitor.canvas) {
                Ok(canvas) if canvas.size() == size => true,
                Ok(_) => {
                    monitor.canvas = None;
                    failures.insert(id, GrabError::MonitorChanged(id));
                    false
                }
                Err(error) => {
                    failures.insert(id, error);
                    false
                }
            }
        });
        match plan.failures.values().find(|error| error.is_fatal()) {
            Some(error) => Err(error.clone()),
            None => Ok(plan),
        }
    }

    /// Has everything read that is planned, in one go.
    fn read(&mut self, plan: &Plan) -> Result<Vec<Outcome>, GrabError> {
        let mut reads = Vec::new();
        let mut asked = Vec::new();
        let expected = &self.expected;
        let ask = |target, monitor, bounds, read: &Read<'_>| Asked {
            target,
            monitor,
            pixels: read.parts.pixels(read.picture.size),
            is_look: expected.is_within(bounds, read.parts),
        };
        for (&id, source) in &mut self.sources {
            let (Some(&index), Some(monitor)) =
                (plan.slots.get(&id), self.monitors.get(&source.monitor))
            else {
                continue;
            };
            let monitor_id = source.monitor;
            let slot = source.pool.free_slot_mut(index);
            if let Some((picture, parts)) = slot.and_then(|slot| slot.for_reading())
                && !parts.is_empty()
            {
                let read = Read::new(picture, parts);
                let target = Target::Slot(id, index);
                asked.push(ask(target, monitor_id, monitor.bounds, &read));
                reads.push(read);
            }
        }
        for (&id, monitor) in &mut self.monitors {
            if plan.canvases.contains(&id)
                && let Some(canvas) = &mut monitor.canvas
                && let Some((picture, parts)) = canvas.for_reading(monitor.is_polled)
            {
                let read = Read::new(picture, parts);
                asked.push(ask(Target::Canvas, id, monitor.bounds, &read));
                reads.push(read);
            }
        }
        let Some(grabber) = self.grabber.as_mut().filter(|_| !reads.is_empty()) else {
            return Ok(Vec::new());
        };
        let results = grabber.read(&mut reads)?;
        EngineCounters::add(&self.counters.reads, 1);
        let read = asked.into_iter().zip(reads).zip(results);
        let outcomes = read.map(|((asked, read), result)| Outcome {
            result,
            more: read.more,
            asked,
        });
        Ok(outcomes.collect())
    }

    fn take_in(&mut self, outcomes: Vec<Outcome>, plan: &mut Plan, now: Instant) {
        // First all marks, then what is up to date in spite of them.
        let mut more: BTreeMap<MonitorId, Damage> = BTreeMap::new();
        for outcome in &outcomes {
            let known = more
                .entry(outcome.asked.monitor)
                .or_insert_with(Damage::nothing);
            known.merge(&outcome.more);
        }
        for (&id, damage) in more.iter().filter(|(_, damage)| !damage.is_empty()) {
            self.mark(id, damage);
        }
        let mut differences = Vec::new();
        for outcome in outcomes {
            let Asked {
                target,
                monitor: id,
                pixels,
                is_look,
            } = outcome.asked;
            let Some(monitor) = self.monitors.get_mut(&id) else {
                continue;
            };
            if outcome.result.is_ok() {
                monitor.failures = 0;
                EngineCounters::add(&self.counters.pixels_read, pixels);
                if is_look {
                    plan.looked_at.insert(id);
                }
            }
            match (target, outcome.result) {
                (Target::Slot(source, slot), Ok(captured_at)) => {
                    if let Some(source) = self.sources.get_mut(&source) {
                        source.was_read(slot, captured_at);
                    }
                }
                (Target::Slot(source, slot), Err(error)) => {
                    plan.slots.remove(&source);
                    if let Some(source) = self.sources.get_mut(&source) {
                        source.spoil(slot);
                    }
                    plan.failures.insert(id, error);
                }
                (Target::Canvas, Ok(captured_at)) => {
                    if let Some(canvas) = &mut monitor.canvas {
                        let damage = canvas.was_read(monitor.is_polled, captured_at);
                        differences.push((id, damage));
                    }
                }
                (Target::Canvas, Err(error)) => {
                    plan.canvases.remove(&id);
                    if let Some(canvas) = &mut monitor.canvas {
                        canvas.spoil();
                    }
                    plan.failures.insert(id, error);
                }
            }
        }
        for (id, damage) in differences {
            for source in self.sources.values_mut() {
                if source.monitor == id {
                    source.mark(&damage);
                }
            }
            self.poll_again_later(id, now);
        }
    }

    /// Polls a monitor no more often than its fastest source wants frames.
    fn poll_again_later(&mut self, id: MonitorId, now: Instant) {
        let sources = self.sources.values();
        let period = sources
            .filter(|source| source.monitor == id && !source.paused)
            .map(|source| source.pace.period())
            .min();
        if let Some(monitor) = self.monitors.get_mut(&id).filter(|open| open.is_polled) {
            monitor.not_before = period.map(|period| now + period);
        }
    }

    /// Delivers what the grabber has written.
    fn deliver_read(&mut self, plan: &Plan, now: Instant, events: &mut dyn EventSink) {
        for (&id, &slot) in &plan.slots {
            let Some(source) = self.sources.get_mut(&id) else {
                continue;
            };
            let Some(monitor) = self.monitors.get_mut(&source.monitor) else {
                continue;
            };
            let shows_indicator = source.pool.slot(slot).is_some_and(|slot| {
                let picture = slot.buffer.writer().bytes();
                self.expected.is_in_picture(monitor.bounds, picture)
            });
            if !shows_indicator {
                // It was covered just before this was read. Looked for again, and
                // read again if it is there.
                monitor.sight.doubt();
                source.spoil(slot);
                continue;
            }
            if plan.looked_at.contains(&source.monitor) {
                monitor.sight.confirm(now);
            }
            let masked = masked(&self.watch, &self.expected, monitor.bounds);
            let moment = Moment {
                now,
                bounds: monitor.bounds,
                pointer: &self.pointer,
                masked: &masked,
                counters: &self.counters,
            };
            source.deliver(id, slot, &moment, events);
        }
    }

    /// Makes frames from the canvases, and delivers them.
    fn deliver_made(&mut self, plan: &mut Plan, now: Instant, events: &mut dyn EventSink) {
        let mut unseen = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (&id, source) in &mut self.sources {
            let monitor_id = source.monitor;
            if !plan.canvases.contains(&monitor_id) || !source.is_due(now) {
                continue;
            }
            let Some(monitor) = self.monitors.get(&monitor_id) else {
                continue;
            };
            let Some(canvas) = monitor
                .canvas
                .as_ref()
                .filter(|canvas| canvas.is_up_to_date())
            else {
                continue;
            };
            if !monitor.is_polled && source.is_native(monitor.size()) {
                continue;
            }
            if !self
                .expected
                .is_in_picture(monitor.bounds, canvas.picture().0)
            {
                unseen.insert(monitor_id);
                continue;
            }
            if plan.looked_at.contains(&monitor_id) {
                seen.insert(monitor_id);
            }
            let unreadable = |reason: String| GrabError::Unreadable {
                monitor: monitor_id,
                reason,
            };
            let size = source.view.size();
            let picked = source.pick(
                || Buffer::plain(size).map_err(|error| unreadable(error.to_string())),
                |error| unreadable(error.to_string()),
            );
            let slot = match picked {
                Ok(Some(slot)) => slot,
                Ok(None) => {
                    count_blocked(source, now, &self.counters);
                    continue;
                }
                Err(error) => {
                    plan.failures.insert(monitor_id, error);
                    continue;
                }
            };
            let surface = canvas.picture().0;
            let made = source.make(
                slot,
                surface,
                monitor.size(),
                canvas.captured_at(),
                &mut self.scaler,
            );
            match made {
                Ok(pixels) => {
                    EngineCounters::add(&self.counters.pixels_made, pixels);
                    let masked = masked(&self.watch, &self.expected, monitor.bounds);
                    let moment = Moment {
                        now,
                        bounds: monitor.bounds,
                        pointer: &self.pointer,
                        masked: &masked,
                        counters: &self.counters,
                    };
                    source.deliver(id, slot, &moment, events);
                }
                Err(error) => {
                    source.spoil(slot);
                    plan.failures
                        .insert(monitor_id, unreadable(error.to_string()));
                }
            }
        }
        for id in seen {
            if let Some(monitor) = self.monitors.get_mut(&id) {
                monitor.sight.confirm(now);
            }
        }
        for id in unseen {
            if let Some(monitor) = self.monitors.get_mut(&id) {
                monitor.sight.doubt();
                if let Some(canvas) = &mut monitor.canvas {
                    canvas.spoil();
                }
            }
        }
    }
}

fn count_blocked(source: &mut Source, now: Instant, counters: &EngineCounters) {
    if source.blocked(now) {
        EngineCounters::add(&counters.dropped, 1);
    }
}

/// A canvas that can be read into, made if there is none.
fn prepare<'a>(
    grabber: &mut dyn Grabber,
    id: MonitorId,
    is_polled: bool,
    canvas: &'a mut Option<Canvas>,
) -> Result<&'a Canvas, GrabError> {
    let canvas = match canvas {
        Some(canvas) => canvas,
        none => none.insert(Canvas::new(grabber.new_picture(id)?)),
    };
    if is_polled && canvas.needs_back() {
        let back = grabber.new_picture(id)?;
        if back.size != canvas.size() {
            return Err(GrabError::MonitorChanged(id));
        }
        canvas.set_back(back);
    }
    Ok(canvas)
}
