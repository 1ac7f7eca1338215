/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine's thread, and how to reach it.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use polling::{Events, Poller};
use servo_capture_traits::SourceId;

use super::counters::EngineCounters;
use super::{Engine, EventSink, IndicatorWatch};
use crate::core::{EngineCommand, Event, RawFrame};
use crate::grabber::{GrabberFactory, StallObserver};

/// How long the thread sleeps when the system cannot wait for it.
const POLL_FALLBACK: Duration = Duration::from_millis(10);

/// How many commands are carried out before frames are made again.
const MAX_COMMANDS_AT_ONCE: usize = 64;

/// The way to the engine's thread. Dropping it ends the thread.
pub(in crate::service) struct EngineHandle {
    /// None only while it is dropped, or when there is no thread.
    commands: Option<Sender<EngineCommand>>,
    poller: Option<Arc<Poller>>,
    counters: Arc<EngineCounters>,
}

impl EngineHandle {
    /// Hands a command to the engine, unless it has too many already. Does not
    /// block.
    ///
    /// # Errors
    /// When there is no room, or no engine.
    pub(in crate::service) fn try_send(
        &self,
        command: EngineCommand,
    ) -> Result<(), TrySendError<EngineCommand>> {
        let Some(commands) = &self.commands else {
            return Err(TrySendError::Disconnected(command));
        };
        commands.try_send(command)?;
        self.wake();
        Ok(())
    }

    /// What the engine has done so far.
    #[cfg(test)]
    pub(in crate::service) fn counters(&self) -> &Arc<EngineCounters> {
        &self.counters
    }

    fn wake(&self) {
        if let Some(poller) = &self.poller
            && let Err(error) = poller.notify()
        {
            log::warn!("the capture engine could not be woken: {error}");
        }
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        log::debug!("the capture engine ends: {:?}", self.counters.counts());
        drop(self.commands.take());
        self.wake();
    }
}

/// Starts the engine's thread, with room for so many commands. Without a thread
/// every command is refused as if the engine had ended.
pub(in crate::service) fn spawn(
    factory: GrabberFactory,
    watch: IndicatorWatch,
    events: Sender<Event>,
    max_waiting: usize,
) -> (EngineHandle, Option<JoinHandle<()>>) {
    let (commands, receiver) = bounded(max_waiting);
    let counters = Arc::new(EngineCounters::default());
    let stalled_events = events.clone();
    let observer: StallObserver = Arc::new(move |stalled| {
        stalled_events
            .clone()
            .event(Event::ServerStalled { stalled });
    });
    let engine = Engine::new(factory, observer, watch, counters.clone());
    let started = Poller::new().and_then(|poller| {
        let poller = Arc::new(poller);
        let waiting = poller.clone();
        let thread = thread::Builder::new()
            .name("CaptureEngine".to_owned())
            .spawn(move || run(engine, &receiver, &waiting, events))?;
        Ok((poller, thread))
    });
    match started {
        Ok((poller, thread)) => {
            let handle = EngineHandle {
                commands: Some(commands),
                poller: Some(poller),
                counters,
            };
            (handle, Some(thread))
        }
        Err(error) => {
            log::error!("the capture engine cannot run: {error}");
            let handle = EngineHandle {
                commands: None,
                poller: None,
                counters,
            };
            (handle, None)
        }
    }
}

/// Carries out commands and makes frames until the commands' sender is dropped.
fn run(
    mut engine: Engine,
    commands: &Receiver<EngineCommand>,
    poller: &Poller,
    mut events: Sender<Event>,
) {
    let mut ready = Events::new();
    loop {
        // A stream of commands delays no frame for long.
        for _ in 0..MAX_COMMANDS_AT_ONCE {
            match commands.try_recv() {
                Ok(command) => engine.handle(command, Instant::now(), &mut events),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        engine.tick(Instant::now(), &mut events);
        if !commands.is_empty() {
            continue;
        }
        ready.clear();
        if let Err(error) = wait(&engine, poller, &mut ready) {
            log::warn!("the capture engine cannot wait: {error}");
            thread::sleep(POLL_FALLBACK);
        }
        engine.woke_up();
    }
}

/// Waits for a command, for the display server if the engine has use for its
/// news now, and for the engine's deadline.
fn wait(engine: &Engine, poller: &Poller, ready: &mut Events) -> std::io::Result<()> {
    let wait = engine.next_wait(Instant::now());
    let timeout = wait
        .deadline
        .map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match wait.descriptor {
        None => poller.wait(ready, timeout).map(drop),
        Some(descriptor) => {
            // SAFETY: `descriptor` borrows the engine's grabber, which lives unchanged until after
            // `delete`; nothing in between returns early.
            #[expect(unsafe_code)]
            unsafe {
                poller.add(&descriptor, polling::Event::readable(0))?;
            }
            let waited = poller.wait(ready, timeout);
            poller.delete(descriptor)?;
            waited.map(drop)
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
        self.try_send(Event::Frame { source, frame }).is_ok()
    }
}
