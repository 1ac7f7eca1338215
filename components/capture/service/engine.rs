/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Makes frames: asks the grabber for what changed, at each source's pace, and
//! fills the source's buffers.
//!
//! [`Engine`] is the logic, driven by commands and by the time it is given;
//! [`spawn`] is the thread around it. The grabber lives on that thread alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use servo_capture_traits::{Damage, SourceId};

use super::pool::FramePool;
use crate::core::{EngineCommand, Event, RawFrame, SessionId};
use crate::grabber::{GrabError, Grabber, GrabberFactory};
use crate::monitor::MonitorId;

/// How often the layout is looked at while a monitor is open and no frame is due.
const LAYOUT_PERIOD: Duration = Duration::from_millis(250);
/// Frames of one source that may be out at once before it pauses.
const MAX_FRAMES_OUT: u32 = 4;
/// How often in a row a monitor may answer "changed, ask again".
const MAX_TEMPORARY_FAILURES: u32 = 20;

/// Where frames and answers go. Frames may be dropped, answers may not.
pub(super) trait EventSink {
    /// Delivers an answer or a fault.
    fn event(&mut self, event: Event);
    /// Delivers a frame, or says that there is no room for it.
    fn frame(&mut self, source: SourceId, frame: RawFrame) -> bool;
}

struct EngineSource {
    monitor: MonitorId,
    period: Duration,
    due: Instant,
    sequence: u64,
    /// The monitor's picture that was delivered last; 0: none.
    delivered_version: u64,
    frames_out: u32,
    pool: FramePool,
}

#[derive(Default)]
struct OpenMonitor {
    /// Which sessions need it.
    sessions: BTreeSet<SessionId>,
    /// Counts the changes of its picture, from 1.
    version: u64,
    failures: u32,
}

/// The logic of the engine's thread.
pub(super) struct Engine {
    factory: GrabberFactory,
    grabber: Option<Box<dyn Grabber>>,
    sources: BTreeMap<SourceId, EngineSource>,
    monitors: BTreeMap<MonitorId, OpenMonitor>,
    next_layout_check: Option<Instant>,
    /// Frames that were not made because every buffer was in use.
    dropped: u64,
}

impl Engine {
    pub(super) fn new(factory: GrabberFactory) -> Self {
        Self {
            factory,
            grabber: None,
            sources: BTreeMap::new(),
            monitors: BTreeMap::new(),
            next_layout_check: None,
            dropped: 0,
        }
    }

    pub(super) fn handle(
        &mut self,
        command: EngineCommand,
        now: Instant,
        events: &mut dyn EventSink,
    ) {
        match command {
            EngineCommand::List { session } => {
                let result = self.list();
                if let Err(error) = &result {
                    self.forget_if_fatal(error, events);
                }
                events.event(Event::MonitorsListed { session, result });
            }
            EngineCommand::Open { session, monitors } => {
                let result = self.open(session, &monitors);
                if let Err(error) = &result {
                    self.close(session);
                    self.forget_if_fatal(error, events);
                }
                self.next_layout_check = Some(now);
                events.event(Event::MonitorsOpened { session, result });
            }
            EngineCommand::Close { session } => self.close(session),
            EngineCommand::Start {
                source,
                monitor,
                frame_rate,
            } => {
                let frame_rate = if frame_rate.is_finite() {
                    frame_rate.clamp(0.01, 1000.0)
                } else {
                    30.0
                };
                let state = EngineSource {
                    monitor,
                    period: Duration::from_secs_f64(1.0 / frame_rate),
                    due: now,
                    sequence: 0,
                    delivered_version: 0,
                    frames_out: 0,
                    pool: FramePool::default(),
                };
                self.sources.insert(source, state);
            }
            EngineCommand::Refresh { source } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.delivered_version = 0;
                    source.due = now;
                }
            }
            EngineCommand::Stop { source } => {
                self.sources.remove(&source);
            }
            EngineCommand::Released { source } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.frames_out = source.frames_out.saturating_sub(1);
                }
            }
        }
    }

    /// When [`Engine::tick`] is to be called next; never, if nothing is open.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let sources = self.sources.values().map(|source| source.due);
        sources.chain(self.next_layout_check).min()
    }

    /// Makes whatever frames are due.
    pub(super) fn tick(&mut self, now: Instant, events: &mut dyn EventSink) {
        if self.monitors.is_empty() {
            self.next_layout_check = None;
        } else if let Err(error) = self.check_layout(now, events) {
            return self.forget_if_fatal(&error, events);
        }
        let due: BTreeSet<MonitorId> = self
            .sources
            .values()
            .filter(|source| source.due <= now)
            .map(|source| source.monitor)
            .collect();
        for monitor in due {
            if let Err(error) = self.serve_monitor(monitor, now, events) {
                self.monitor_failed(monitor, error, now, events);
            }
        }
    }

    fn grabber(&mut self) -> Result<&mut Box<dyn Grabber>, GrabError> {
        match &mut self.grabber {
            Some(grabber) => Ok(grabber),
            empty => Ok(empty.insert((self.factory)()?)),
        }
    }

    fn list(&mut self) -> Result<Vec<crate::monitor::Monitor>, GrabError> {
        let monitors = self.grabber()?.monitors()?;
        self.reopen();
        Ok(monitors)
    }

    fn open(&mut self, session: SessionId, monitors: &[MonitorId]) -> Result<(), GrabError> {
        for &id in monitors {
            let is_new = !self.monitors.contains_key(&id);
            let grabber = self.grabber()?;
            if is_new {
                grabber.open(id)?;
            }
            // Read once: a monitor that cannot be read must fail the call.
            grabber.grab(id)?;
            let monitor = self.monitors.entry(id).or_default();
            monitor.sessions.insert(session);
            monitor.version += 1;
        }
        Ok(())
    }

    fn close(&mut self, session: SessionId) {
        let grabber = &mut self.grabber;
        self.monitors.retain(|&id, monitor| {
            monitor.sessions.remove(&session);
            let is_needed = !monitor.sessions.is_empty();
            if !is_needed && let Some(grabber) = grabber {
                grabber.close(id);
            }
            is_needed
        });
        // An idle service keeps no connection to the display server.
        if self.monitors.is_empty() {
            self.grabber = None;
            self.next_layout_check = None;
        }
    }

    /// Adapts every open monitor to its present size; one that is gone fails
    /// when it is grabbed, after the core has heard of the new layout.
    fn reopen(&mut self) {
        let Some(grabber) = &mut self.grabber else {
            return;
        };
        for (&id, monitor) in &mut self.monitors {
            match grabber.open(id) {
                Ok(()) => monitor.version += 1,
                Err(error) => log::debug!("{id} was not opened again: {error}"),
            }
        }
    }

    fn check_layout(&mut self, now: Instant, events: &mut dyn EventSink) -> Result<(), GrabError> {
        self.next_layout_check = Some(now + LAYOUT_PERIOD);
        if self.grabber()?.layout_changed()? {
            self.tell_layout(events)?;
        }
        Ok(())
    }

    fn tell_layout(&mut self, events: &mut dyn EventSink) -> Result<(), GrabError> {
        let monitors = match self.list() {
            Ok(monitors) => monitors,
            // All unplugged: the connection stays, the tracks end.
            Err(GrabError::NoMonitor) => Vec::new(),
            Err(error) => return Err(error),
        };
        events.event(Event::MonitorsChanged { monitors });
        Ok(())
    }

    /// Grabs a monitor if it must and makes a frame for each of its sources
    /// that is due and has not seen this picture.
    fn serve_monitor(
        &mut self,
        id: MonitorId,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        let Some(open) = self.monitors.get_mut(&id) else {
            return Err(GrabError::UnknownMonitor(id));
        };
        let Some(grabber) = &mut self.grabber else {
            return Err(GrabError::Disconnected("no connection".to_owned()));
        };
        let has_damage = grabber.has_damage(id)?;
        let mut waiting: Vec<(SourceId, &mut EngineSource)> = Vec::new();
        for (&source, state) in &mut self.sources {
            if state.monitor != id || state.due > now {
                continue;
            }
            // Keeps the pace, but does not catch up on what was missed.
            state.due = (state.due + state.period).max(now);
            if !has_damage && state.delivered_version == open.version {
                continue;
            }
            if state.frames_out >= MAX_FRAMES_OUT {
                self.dropped += 1;
                // Whatever is missed now is owed.
                state.delivered_version = 0;
                continue;
            }
            waiting.push((source, state));
        }
        if waiting.is_empty() {
            return Ok(());
        }
        let canvas = grabber.grab(id)?;
        open.failures = 0;
        let previous_version = open.version;
        if has_damage {
            open.version += 1;
        }
        for (source, state) in waiting {
            let Some(pixels) = state.pool.fill(&canvas) else {
                self.dropped += 1;
                state.delivered_version = 0;
                continue;
            };
            state.sequence += 1;
            let frame = RawFrame {
                sequence: state.sequence,
                captured_at: canvas.captured_at,
                size: canvas.size,
                // The canvas tells what changed since it was grabbed last; a
                // source that missed a picture knows nothing.
                damage: if has_damage && state.delivered_version == previous_version {
                    canvas.damage.clone()
                } else {
                    Damage::Whole
                },
                pixels,
            };
            if events.frame(source, frame) {
                state.frames_out += 1;
                state.delivered_version = open.version;
            } else {
                self.dropped += 1;
                state.delivered_version = 0;
            }
        }
        Ok(())
    }

    fn monitor_failed(
        &mut self,
        id: MonitorId,
        error: GrabError,
        now: Instant,
        events: &mut dyn EventSink,
    ) {
        // Whoever waits for a frame of it waits for the next one.
        for source in self.sources.values_mut() {
            if source.monitor == id {
                source.due = source.due.max(now + source.period);
                source.delivered_version = 0;
            }
        }
        if error.is_fatal() {
            return self.forget_if_fatal(&error, events);
        }
        // Mostly the layout changed: the core must know before it hears of a
        // failure, so that an unplugged monitor ends as unplugged.
        if let Err(error) = self.tell_layout(events) {
            return self.forget_if_fatal(&error, events);
        }
        let Some(open) = self.monitors.get_mut(&id) else {
            return;
        };
        open.failures += 1;
        if !error.is_temporary() || open.failures > MAX_TEMPORARY_FAILURES {
            open.failures = 0;
            self.sources.retain(|_, source| source.monitor != id);
            events.event(Event::MonitorFailed { monitor: id, error });
        }
    }

    /// After a broken connection everything starts anew with the next call.
    fn forget_if_fatal(&mut self, error: &GrabError, events: &mut dyn EventSink) {
        if !error.is_fatal() {
            return;
        }
        let had_monitors = !self.monitors.is_empty();
        self.grabber = None;
        self.sources.clear();
        self.monitors.clear();
        self.next_layout_check = None;
        if had_monitors {
            events.event(Event::DisplayServerLost {
                error: error.clone(),
            });
        }
    }
}

impl EventSink for Sender<Event> {
    fn event(&mut self, event: Event) {
        // Bounded and blocking: the service never waits for the engine, so it
        // gets around to reading this. An error means that it has ended.
        if self.send(event).is_err() {
            log::debug!("the capture service ended before its engine");
        }
    }

    fn frame(&mut self, source: SourceId, frame: RawFrame) -> bool {
        match self.try_send(Event::Frame { source, frame }) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// Runs an engine until its commands' sender is dropped.
pub(super) fn run(
    mut engine: Engine,
    commands: &Receiver<EngineCommand>,
    mut events: Sender<Event>,
) {
    loop {
        let due = engine.next_due();
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            // Before any command, so that a stream of them delays no frame.
            engine.tick(now, &mut events);
        }
        let received = match engine.next_due() {
            Some(due) => commands.recv_deadline(due),
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(command) => engine.handle(command, Instant::now(), &mut events),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
