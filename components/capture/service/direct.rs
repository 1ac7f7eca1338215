/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine by itself, for tests: no page, policy, indicator or record.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use servo_capture_traits::{FrameFormat, FrameMessage, FramePixels, PoolAccess, SourceId};

use super::MAX_WAITING;
use super::engine::{self, EngineCounts, EngineHandle, IndicatorWatch};
use crate::core::{EngineCommand, Event, SessionId};
use crate::grabber::{BackendChoice, GrabError, GrabberFactory, auto};
use crate::monitor::{Monitor, MonitorId};
#[cfg(target_os = "linux")]
use crate::transport::PoolServer;

/// How long the engine may take to list and to open monitors.
const PATIENCE: Duration = Duration::from_secs(30);
/// The only session there is.
const SESSION: SessionId = SessionId(1);

/// An engine that captures the monitors of one display server.
///
/// Frames name pictures that another process of the same user fetches by
/// [`DirectCapture::access`] (see `servo_capture_traits::pools`) and that are
/// not written again until [`DirectCapture::release`].
pub struct DirectCapture {
    /// None only while it is dropped.
    engine: Option<EngineHandle>,
    thread: Option<JoinHandle<()>>,
    events: Receiver<Event>,
    monitors: Vec<Monitor>,
    #[cfg(target_os = "linux")]
    server: PoolServer,
}

/// What happens while an engine captures.
#[derive(Debug)]
pub enum DirectEvent {
    /// A frame, to be released.
    Frame {
        /// Whose it is.
        source: SourceId,
        /// The frame; its picture is in the source's pool.
        frame: FrameMessage,
    },
    /// Monitors came, went, moved or changed their mode.
    Layout(Vec<Monitor>),
    /// The display server stalls, or answers again.
    Stalled(bool),
    /// How pixels are read now, because changes of a monitor were not told.
    DamageMissed(String),
    /// A monitor, or all of them, cannot be read any more.
    Failed(GrabError),
}

impl DirectCapture {
    /// Connects to the display server that `choice` means here and opens all
    /// its monitors.
    ///
    /// # Errors
    /// When that does not work, or pictures cannot be shared.
    pub fn start(choice: BackendChoice) -> Result<Self, GrabError> {
        Self::with_grabber(Box::new(move |observer| {
            auto::connect(choice, observer).map(|chosen| chosen.grabber)
        }))
    }

    /// Opens all monitors of a grabber.
    ///
    /// # Errors
    /// As [`DirectCapture::start`].
    pub fn with_grabber(factory: GrabberFactory) -> Result<Self, GrabError> {
        #[cfg(target_os = "linux")]
        let server = PoolServer::start()
            .map_err(|error| GrabError::NoDisplayServer(format!("no socket: {error}")))?;
        let (sender, events) = bounded(MAX_WAITING);
        // Nothing is shown, so nothing is looked for.
        let watch = IndicatorWatch::default();
        let (engine, thread) = engine::spawn(factory, watch, sender, MAX_WAITING);
        let mut direct = Self {
            engine: Some(engine),
            thread,
            events,
            monitors: Vec::new(),
            #[cfg(target_os = "linux")]
            server,
        };
        direct.command(EngineCommand::List { session: SESSION })?;
        direct.monitors = direct.answer(|event| match event {
            Event::MonitorsListed { result, .. } => Some(result),
            _ => None,
        })?;
        let monitors = direct.monitors.iter().map(|monitor| monitor.id).collect();
        direct.command(EngineCommand::Open {
            session: SESSION,
            monitors,
        })?;
        direct.answer(|event| match event {
            Event::MonitorsOpened { result, .. } => Some(result),
            _ => None,
        })?;
        Ok(direct)
    }

    /// The monitors, in the order of [`Monitor::sort`].
    pub fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    /// How another process gets at the pictures.
    pub fn access(&self) -> PoolAccess {
        #[cfg(target_os = "linux")]
        return PoolAccess::Socket(self.server.address().clone());
        #[cfg(not(target_os = "linux"))]
        PoolAccess::SameProcess
    }

    /// Makes frames of a monitor from now on.
    ///
    /// # Errors
    /// When the engine has ended.
    pub fn add(&self, monitor: MonitorId, format: FrameFormat) -> Result<SourceId, GrabError> {
        let source = SourceId::random();
        self.command(EngineCommand::Start {
            source,
            monitor,
            format,
        })?;
        Ok(source)
    }

    /// Makes no more frames of a source.
    ///
    /// # Errors
    /// When the engine has ended.
    pub fn remove(&self, source: SourceId) -> Result<(), GrabError> {
        self.command(EngineCommand::Stop { source })
    }

    /// Nobody looks at a frame any more.
    ///
    /// # Errors
    /// When the engine has ended.
    pub fn release(&self, source: SourceId, sequence: u64) -> Result<(), GrabError> {
        self.command(EngineCommand::Released { source, sequence })
    }

    /// What happened next, if anything within `timeout`.
    ///
    /// # Errors
    /// When the engine has ended.
    pub fn next(&self, timeout: Duration) -> Result<Option<DirectEvent>, GrabError> {
        let event = match self.events.recv_timeout(timeout) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Err(ended()),
        };
        Ok(match event {
            Event::Frame { source, frame } => Some(DirectEvent::Frame {
                source,
                frame: FrameMessage {
                    sequence: frame.sequence,
                    captured_at: frame.captured_at,
                    size: frame.size,
                    damage: frame.damage,
                    is_last_picture: frame.is_last_picture,
                    more_follow: false,
                    pixels: FramePixels::Pooled {
                        pool: frame.pool,
                        index: frame.index,
                    },
                },
            }),
            Event::MonitorsChanged { monitors } => Some(DirectEvent::Layout(monitors)),
            Event::ServerStalled { stalled } => Some(DirectEvent::Stalled(stalled)),
            Event::DamageMissed { explanation, .. } => Some(DirectEvent::DamageMissed(explanation)),
            Event::MonitorFailed { error, .. } | Event::DisplayServerLost { error } => {
                Some(DirectEvent::Failed(error))
            }
            _ => None,
        })
    }

    /// What the engine has done so far.
    pub fn counts(&self) -> EngineCounts {
        let engine = self.engine.as_ref();
        engine.map_or_else(EngineCounts::default, |engine| engine.counters().counts())
    }

    fn command(&self, command: EngineCommand) -> Result<(), GrabError> {
        let engine = self.engine.as_ref().ok_or_else(ended)?;
        engine.try_send(command).map_err(|_| ended())
    }

    fn answer<T>(
        &self,
        pick: impl Fn(Event) -> Option<Result<T, GrabError>>,
    ) -> Result<T, GrabError> {
        loop {
            let event = self.events.recv_timeout(PATIENCE).map_err(|_| ended())?;
            if let Some(result) = pick(event) {
                return result;
            }
        }
    }
}

impl Drop for DirectCapture {
    fn drop(&mut self) {
        drop(self.engine.take());
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() {
            // It may wait for room to tell something.
            let _ = self.events.recv_timeout(Duration::from_millis(10));
        }
        if thread.join().is_err() {
            log::error!("the capture engine panicked");
        }
    }
}

fn ended() -> GrabError {
    GrabError::Disconnected("the capture engine has ended".to_owned())
}
