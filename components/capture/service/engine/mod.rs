/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Makes frames: hears from the grabber what was drawn, and brings pictures of
//! the sources up to date, each at its pace.
//!
//! [`Engine`] is the logic, driven by commands and by the time it is given;
//! `thread` is the thread around it. The grabber lives on that thread alone.
//!
//! Each picture has a stale region. What was drawn makes all pictures of the
//! monitor stale there; a frame takes the free picture that needs least, has
//! just that read into it, and is delivered with what changed since the frame
//! before. A source that does not show its monitor as it is gets its frames
//! from a canvas, a picture of the monitor that nobody else sees; so does every
//! source of a monitor of which nobody tells what was drawn.

mod counters;
mod inspect;
mod monitor;
mod pace;
mod pointer;
mod pool;
mod presence;
mod rounds;
mod serve;
mod source;
#[cfg(test)]
mod tests;
mod thread;
mod verify;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use servo_capture_traits::{CursorMode, Damage, SourceId};

pub use self::counters::{EngineCounters, EngineCounts};
use self::monitor::OpenMonitor;
use self::pointer::PointerWatch;
pub(super) use self::presence::IndicatorWatch;
use self::presence::Sight;
use self::rounds::Rounds;
use self::source::Source;
pub(super) use self::thread::{EngineHandle, spawn};
use crate::core::{EngineCommand, Event, RawFrame, SessionId};
use crate::grabber::{GrabError, Grabber, GrabberFactory, StallObserver, WakeBy};
use crate::indicator::Expected;
use crate::monitor::{Monitor, MonitorId};
use crate::pixels::scale::Scaler;

/// How often the layout is looked at while the engine does not listen to the
/// display server.
const LAYOUT_PERIOD: Duration = Duration::from_millis(250);
/// How long a monitor that could not be read is left alone.
const RETRY_PERIOD: Duration = Duration::from_millis(33);
/// How often in a row a monitor may answer "changed, ask again".
const MAX_TEMPORARY_FAILURES: u32 = 20;

/// Where frames and answers go. Frames may be dropped, answers may not.
pub(super) trait EventSink {
    /// Delivers an answer or a fault.
    fn event(&mut self, event: Event);
    /// Delivers a frame, or says that there is no room for it.
    fn frame(&mut self, source: SourceId, frame: RawFrame) -> bool;
}

#[cfg(unix)]
type Descriptor<'a> = std::os::fd::BorrowedFd<'a>;
#[cfg(windows)]
type Descriptor<'a> = std::os::windows::io::BorrowedSocket<'a>;

/// What [`Engine::tick`] is to wait for.
pub(super) struct Wait<'a> {
    /// At the latest; a command comes first otherwise.
    deadline: Option<Instant>,
    /// Until this is readable.
    descriptor: Option<Descriptor<'a>>,
}

/// The logic of the engine's thread.
pub(super) struct Engine {
    factory: GrabberFactory,
    observer: StallObserver,
    grabber: Option<Box<dyn Grabber>>,
    /// As the grabber listed it last.
    layout: Vec<Monitor>,
    monitors: BTreeMap<MonitorId, OpenMonitor>,
    sources: BTreeMap<SourceId, Source>,
    pointer: PointerWatch,
    watch: IndicatorWatch,
    /// What of the indicator must be seen, as it was when it was looked for last.
    expected: Expected,
    next_verification: Option<Instant>,
    rounds: Rounds,
    /// How many frames there were at the last verification.
    frames_verified: u64,
    scaler: Scaler,
    counters: Arc<EngineCounters>,
    /// The layout is told although no monitor may be open.
    watches_layout: bool,
}

impl Engine {
    pub(super) fn new(
        factory: GrabberFactory,
        observer: StallObserver,
        watch: IndicatorWatch,
        counters: Arc<EngineCounters>,
    ) -> Self {
        Self {
            factory,
            observer,
            grabber: None,
            layout: Vec::new(),
            monitors: BTreeMap::new(),
            sources: BTreeMap::new(),
            pointer: PointerWatch::default(),
            watch,
            expected: Expected::default(),
            next_verification: None,
            rounds: Rounds::default(),
            frames_verified: 0,
            scaler: Scaler::default(),
            counters,
            watches_layout: false,
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
                let result = self.list(now);
                if let Err(error) = &result {
                    self.forget_if_fatal(error, events);
                }
                events.event(Event::MonitorsListed { session, result });
            }
            EngineCommand::Open { session, monitors } => {
                let result = self.open(session, &monitors, now);
                if let Err(error) = &result {
                    self.close(session);
                    self.forget_if_fatal(error, events);
                }
                events.event(Event::MonitorsOpened { session, result });
            }
            EngineCommand::Close { session } => self.close(session),
            EngineCommand::Start {
                source,
                monitor,
                format,
            } => match self.monitors.get_mut(&monitor) {
                Some(open) => {
                    if !self.sources.values().any(|other| other.monitor == monitor) {
                        // Whoever knew that the indicator is not seen is gone.
                        open.sight = Sight::default();
                    }
                    let state = Source::new(monitor, format, open.size());
                    self.sources.insert(source, state);
                }
                None => {
                    let error = GrabError::UnknownMonitor(monitor);
                    events.event(Event::MonitorFailed { monitor, error });
                }
            },
            EngineCommand::Configure { source, format } => {
                if let Some(source) = self.sources.get_mut(&source)
                    && let Some(monitor) = self.monitors.get(&source.monitor)
                {
                    source.configure(format, monitor.size(), now);
                }
            }
            EngineCommand::Refresh { source } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.refresh();
                }
            }
            EngineCommand::Pause { source } => self.set_paused(source, true),
            EngineCommand::Resume { source } => self.set_paused(source, false),
            EngineCommand::Stop { source } => {
                self.sources.remove(&source);
            }
            EngineCommand::Released { source, sequence } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.pool.release(sequence);
                }
            }
            EngineCommand::Watch { wanted } => self.watch_layout(wanted, now, events),
        }
    }

    fn set_paused(&mut self, source: SourceId, paused: bool) {
        if let Some(source) = self.sources.get_mut(&source) {
            source.paused = paused;
        }
    }

    /// Hears what happened and makes whatever frames are due.
    pub(super) fn tick(&mut self, now: Instant, events: &mut dyn EventSink) {
        if self.monitors.is_empty() {
            self.look_at_layout(now, events);
            return;
        }
        if let Err(error) = self.work(now, events) {
            self.forget_if_fatal(&error, events);
        }
    }

    fn work(&mut self, now: Instant, events: &mut dyn EventSink) -> Result<(), GrabError> {
        if self.grabber()?.layout_changed()? {
            self.tell_layout(now, events)?;
        }
        self.take_damage()?;
        self.look_for_indicator(now, events)?;
        self.follow_pointer(now)?;
        if self.begins_round(now) {
            self.serve(now, events)?;
        }
        self.verify(now, events)
    }

    /// What to wait for before the next [`Engine::tick`].
    pub(super) fn next_wait(&self, now: Instant) -> Wait<'_> {
        let mut wait = Wait {
            deadline: self.next_verification,
            descriptor: None,
        };
        let Some(grabber) = self.grabber.as_ref().filter(|_| !self.monitors.is_empty()) else {
            return self.wait_for_layout(now);
        };
        let mut by = |time: Instant| {
            wait.deadline = Some(wait.deadline.map_or(time, |deadline| deadline.min(time)));
        };
        // News of the display server is of use only when a frame could be made
        // of it: until then it may draw what it likes and wakes nobody.
        let gathers_until = self.rounds.gathers_until();
        let mut listens = gathers_until.is_some();
        if let Some(time) = gathers_until {
            by(time);
        }
        for source in self.sources.values().filter(|source| !source.paused) {
            let monitor = self.monitors.get(&source.monitor);
            let may_be_read =
                |monitor: &&OpenMonitor| monitor.is_present && !monitor.sight.is_lost();
            let Some(monitor) = monitor.filter(may_be_read) else {
                continue;
            };
            if source.cursor() == CursorMode::Motion
                && let Some(hides_at) = self.pointer.hides_at().filter(|time| *time > now)
            {
                by(hides_at);
            }
            let next = source.next_due().max(monitor.not_before);
            match next.filter(|next| *next > now) {
                Some(next) => by(next),
                None if monitor.is_polled || source.is_waiting() => {
                    by(gathers_until.unwrap_or(now));
                }
                None => listens = true,
            }
        }
        for monitor in self.monitors.values() {
            if let Some(search) = monitor.sight.next_search() {
                by(search);
            }
        }
        if listens {
            match grabber.wakes_by() {
                WakeBy::Descriptor(descriptor) => wait.descriptor = Some(descriptor),
                WakeBy::Period(period) => by(now + period),
            }
        } else {
            by(now + LAYOUT_PERIOD);
        }
        wait
    }

    /// Whether a picture that comes back is waited for.
    pub(super) fn lacks_pictures(&self) -> bool {
        self.sources
            .values()
            .any(|source| !source.paused && source.lacks_pictures())
    }

    /// The thread comes back from waiting.
    pub(super) fn woke_up(&self) {
        EngineCounters::add(&self.counters.wakeups, 1);
    }

    fn grabber(&mut self) -> Result<&mut Box<dyn Grabber>, GrabError> {
        match &mut self.grabber {
            Some(grabber) => Ok(grabber),
            empty => Ok(empty.insert((self.factory)(&self.observer)?)),
        }
    }

    fn list(&mut self, now: Instant) -> Result<Vec<Monitor>, GrabError> {
        let listed = self.grabber()?.monitors();
        // None left: the connection stays, the tracks end.
        self.layout = match &listed {
            Ok(monitors) => monitors.clone(),
            Err(GrabError::NoMonitor) => Vec::new(),
            Err(_) => return listed,
        };
        self.adapt(now)?;
        listed
    }

    fn open(
        &mut self,
        session: SessionId,
        monitors: &[MonitorId],
        now: Instant,
    ) -> Result<(), GrabError> {
        for &id in monitors {
            // Also one that is open: it must be readable for this session too.
            let grabber = self.grabber()?;
            grabber.open(id)?;
            let is_polled = !grabber.tells_damage(id);
            if !self.monitors.contains_key(&id) {
                let known = |monitor: &&Monitor| monitor.id == id;
                if !self.layout.iter().any(|monitor| known(&monitor)) {
                    self.list(now)?;
                }
                let monitor = self.layout.iter().find(known);
                let monitor = monitor.ok_or(GrabError::UnknownMonitor(id))?;
                let open = OpenMonitor::new(monitor, is_polled);
                self.monitors.insert(id, open);
            }
            if let Some(open) = self.monitors.get_mut(&id) {
                open.sessions.insert(session);
            }
            // What it showed before it was opened anew is of no use.
            self.mark(id, &Damage::Whole);
        }
        Ok(())
    }

    fn close(&mut self, session: SessionId) {
        let grabber = &mut self.grabber;
        let sources = &mut self.sources;
        self.monitors.retain(|&id, monitor| {
            monitor.sessions.remove(&session);
            let is_needed = !monitor.sessions.is_empty();
            if !is_needed {
                sources.retain(|_, source| source.monitor != id);
                if let Some(grabber) = grabber {
                    grabber.close(id);
                }
            }
            is_needed
        });
        // An idle service keeps no connection to the display server.
        if self.monitors.is_empty() && !self.keeps_watching() {
            self.disconnect();
        }
    }

    fn disconnect(&mut self) {
        // Pictures before the connection that they are attached to.
        self.sources.clear();
        self.monitors.clear();
        self.grabber = None;
        self.layout.clear();
        self.pointer = PointerWatch::default();
        self.next_verification = None;
        self.rounds = Rounds::default();
        self.watches_layout = false;
    }

    /// Adapts every open monitor to the listed layout. One that is gone is left
    /// alone until the core has ended its sources, or it comes back.
    fn adapt(&mut self, now: Instant) -> Result<(), GrabError> {
        let mut changed = Vec::new();
        for (&id, open) in &mut self.monitors {
            let listed = self.layout.iter().find(|monitor| monitor.id == id);
            let is_same = listed.is_some_and(|monitor| {
                open.is_present && open.failures == 0 && monitor.bounds == open.bounds
            });
            open.is_present = listed.is_some();
            if let Some(monitor) = listed.filter(|_| !is_same) {
                let before = open.size();
                open.bounds = monitor.bounds;
                changed.push((id, before != open.size()));
            }
        }
        for (id, is_resized) in changed {
            match self.grabber()?.open(id) {
                Ok(()) => {}
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => log::debug!("{id} was not opened again: {error}"),
            }
            if is_resized {
                self.resized(id, now);
            }
            self.mark(id, &Damage::Whole);
        }
        Ok(())
    }

    /// Pictures of a monitor's old size are of no use any more.
    fn resized(&mut self, id: MonitorId, now: Instant) {
        let Some(open) = self.monitors.get_mut(&id) else {
            return;
        };
        open.canvas = None;
        for source in self.sources.values_mut() {
            if source.monitor == id {
                source.surface_changed(open.size(), now);
            }
        }
    }

    /// What is drawn there makes every picture of the monitor stale.
    fn mark(&mut self, id: MonitorId, damage: &Damage) {
        // Before it is made coarser: most of a monitor changes all the time in
        // front of some, and nothing of that is where the indicator is.
        self.doubt_indicator(id, damage);
        let Some(open) = self.monitors.get(&id) else {
            return;
        };
        let mut damage = damage.clone();
        damage.settle(open.size());
        let damage = &damage;
        for source in self.sources.values_mut() {
            if source.monitor == id {
                source.mark(damage);
            }
        }
        let canvas = self.monitors.get_mut(&id);
        if let Some(canvas) = canvas.and_then(|open| open.canvas.as_mut()) {
            canvas.mark(damage);
        }
    }

    fn take_damage(&mut self) -> Result<(), GrabError> {
        let mut told = Vec::new();
        self.grabber()?
            .take_damage(&mut |id, damage| told.push((id, damage)))?;
        for (id, damage) in told {
            // Of a polled monitor it is not believed.
            let open = self.monitors.get(&id);
            if let Some(open) = open.filter(|open| !open.is_polled) {
                let damage = damage.bounded(open.size());
                self.mark(id, &damage);
            }
        }
        Ok(())
    }

    /// A monitor could not be read.
    fn monitor_failed(
        &mut self,
        id: MonitorId,
        error: GrabError,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        if error.is_fatal() {
            return Err(error);
        }
        if let Some(open) = self.monitors.get_mut(&id) {
            open.failures += 1;
            open.not_before = Some(now + RETRY_PERIOD);
        }
        // Mostly the layout changed: the core must know before it hears of a
        // failure, so that an unplugged monitor ends as unplugged.
        self.tell_layout(now, events)?;
        let Some(open) = self.monitors.get_mut(&id) else {
            return Ok(());
        };
        if !error.is_temporary() || open.failures > MAX_TEMPORARY_FAILURES {
            open.failures = 0;
            self.sources.retain(|_, source| source.monitor != id);
            events.event(Event::MonitorFailed { monitor: id, error });
        }
        Ok(())
    }

    /// After a broken connection everything starts anew with the next call.
    fn forget_if_fatal(&mut self, error: &GrabError, events: &mut dyn EventSink) {
        if !error.is_fatal() {
            return;
        }
        let was_of_use = !self.monitors.is_empty() || self.watches_layout;
        self.disconnect();
        if was_of_use {
            events.event(Event::DisplayServerLost {
                error: error.clone(),
            });
        }
    }
}
