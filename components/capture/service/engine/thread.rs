/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine's thread, and how to reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use polling::{Events, Poller};
use servo_capture_traits::SourceId;

use super::counters::EngineCounters;
use super::{Engine, EventSink, IndicatorWatch};
use crate::core::{EngineCommand, Event, RawFrame};
use crate::grabber::{GrabError, GrabberFactory, StallObserver};
use crate::service::obituary::Obituary;
use crate::service::thread_handle::ThreadHandle;

/// How long the thread sleeps when the system cannot wait for it.
const POLL_FALLBACK: Duration = Duration::from_millis(10);

/// How many commands are carried out before frames are made again.
const MAX_COMMANDS_AT_ONCE: usize = 64;

/// The way to the engine's thread. Dropping it ends the thread.
pub(in crate::service) struct EngineHandle {
    thread: ThreadHandle<EngineCommand>,
    /// A source has no picture left for a frame that is due.
    lacks_pictures: Arc<AtomicBool>,
    counters: Arc<EngineCounters>,
}

impl EngineHandle {
    /// Hands a command to the engine, unless it has too many already. Does not
    /// block. A picture that comes back wakes it only if it waits for one.
    ///
    /// # Errors
    /// When there is no room, or no engine.
    pub(in crate::service) fn try_send(
        &self,
        command: EngineCommand,
    ) -> Result<(), TrySendError<EngineCommand>> {
        if !matches!(command, EngineCommand::Released { .. }) {
            return self.thread.try_send(command);
        }
        self.thread.leave(command)?;
        // After the command was left, as the engine looks for commands after it
        // has set this: one of the two sees the other.
        if self.lacks_pictures.load(Ordering::SeqCst) {
            self.thread.wake();
        }
        Ok(())
    }

    /// What the engine has done so far.
    pub(in crate::service) fn counters(&self) -> &Arc<EngineCounters> {
        &self.counters
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        log::debug!("the capture engine ends: {:?}", self.counters.counts());
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
    let counters = Arc::new(EngineCounters::default());
    let lacks_pictures = Arc::new(AtomicBool::new(false));
    let stalled_events = events.clone();
    let observer: StallObserver = Arc::new(move |stalled| {
        tell(&stalled_events, Event::ServerStalled { stalled });
    });
    let engine = Engine::new(factory, observer, watch, counters.clone());
    let lacks = lacks_pictures.clone();
    let (thread, join) = ThreadHandle::spawn("CaptureEngine", max_waiting, {
        move |commands: &Receiver<EngineCommand>, poller: &Poller| {
            let error = GrabError::Disconnected("the capture engine has crashed".to_owned());
            let _obituary = Obituary::new(events.clone(), Event::DisplayServerLost { error });
            run(engine, commands, poller, &lacks, events);
        }
    });
    let handle = EngineHandle {
        thread,
        lacks_pictures,
        counters,
    };
    (handle, join)
}

/// Carries out commands and makes frames until the commands' sender is dropped.
fn run(
    mut engine: Engine,
    commands: &Receiver<EngineCommand>,
    poller: &Poller,
    lacks_pictures: &AtomicBool,
    events: Sender<Event>,
) {
    let mut ready = Events::new();
    let mut events = Outbox {
        events,
        frames: Vec::new(),
    };
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
        events.send_frames();
        // Before the look for commands, see `EngineHandle::try_send`.
        lacks_pictures.store(engine.lacks_pictures(), Ordering::SeqCst);
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
        None if timeout == Some(Duration::ZERO) => Ok(()),
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

/// The way to the service. Frames that are made together leave together, so that
/// the service wakes once for all of them.
struct Outbox {
    events: Sender<Event>,
    frames: Vec<Event>,
}

impl Outbox {
    fn send_frames(&mut self) {
        for frame in self.frames.drain(..) {
            // There was room, unless somebody else took it meanwhile.
            tell(&self.events, frame);
        }
    }
}

impl EventSink for Outbox {
    fn event(&mut self, event: Event) {
        self.send_frames();
        tell(&self.events, event);
    }

    fn frame(&mut self, source: SourceId, frame: RawFrame) -> bool {
        let waiting = self.events.len() + self.frames.len();
        let has_room = self.events.capacity().is_none_or(|most| waiting < most);
        if has_room {
            self.frames.push(Event::Frame { source, frame });
        }
        has_room
    }
}

/// Bounded and blocking: the service never waits for the engine, so it gets around
/// to reading this.
fn tell(events: &Sender<Event>, event: Event) {
    // An error means that it has ended.
    if events.send(event).is_err() {
        log::debug!("the capture service ended before its engine");
    }
}
