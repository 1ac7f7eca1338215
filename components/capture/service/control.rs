/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How the shell, and nobody else, looks at the service and commands it. No
//! message of a page's process leads here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use parking_lot::Mutex;

use crate::core::{CaptureOverview, Event, OngoingCapture, SessionId, Timestamp};
use crate::indicator::UserAction;
use crate::policy::{CapturePolicy, OriginPattern};

/// Commands that may wait. A person gives one at a time.
const MAX_WAITING_COMMANDS: usize = 64;
/// How long what takes permissions away waits for room: it must not get lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a command did not reach the service.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// It does not come to its commands.
    #[error("the capture service does not answer")]
    Busy,
    /// It has ended, or was never started.
    #[error("the capture service has ended")]
    Gone,
}

/// The shell's hold on the service. What it can do only ever takes away.
#[derive(Clone, Debug)]
pub struct CaptureControl {
    commands: Sender<Command>,
    status: Arc<Mutex<Arc<CaptureStatus>>>,
}

/// What the service does, and since when.
#[derive(Clone, Debug)]
pub struct CaptureStatus {
    /// What it does and whom it lets.
    pub overview: CaptureOverview,
    /// When the service's clock began.
    started: Instant,
}

impl CaptureStatus {
    /// How long a capture has been granted, at `now`. None while it waits for its
    /// answer.
    pub fn age(&self, capture: &OngoingCapture, now: Instant) -> Option<Duration> {
        let granted_at = capture.granted_at?;
        let uptime = now.saturating_duration_since(self.started);
        Some(Timestamp::from_start(uptime).since(granted_at))
    }
}

#[derive(Debug)]
pub(super) enum Command {
    StopAll,
    Stop(SessionId),
    Revoke(OriginPattern),
    PolicyRead(Box<CapturePolicy>, Vec<String>),
}

impl Command {
    pub(super) fn into_event(self) -> Event {
        match self {
            Self::StopAll => Event::UserActed {
                action: UserAction::Stop,
            },
            Self::Stop(session) => Event::StopByUser { session },
            Self::Revoke(pattern) => Event::Revoke { pattern },
            Self::PolicyRead(policy, problems) => Event::PolicyRead { policy, problems },
        }
    }
}

/// The service's end.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) commands: Receiver<Command>,
    status: Arc<Mutex<Arc<CaptureStatus>>>,
}

/// Both ends, before the service has started: nothing is captured then.
pub(super) fn control(policy: CapturePolicy) -> (CaptureControl, Desk) {
    let (sender, receiver) = bounded(MAX_WAITING_COMMANDS);
    let status = Arc::new(Mutex::new(Arc::new(CaptureStatus {
        overview: CaptureOverview {
            policy: Arc::new(policy),
            ..CaptureOverview::default()
        },
        started: Instant::now(),
    })));
    let control = CaptureControl {
        commands: sender,
        status: status.clone(),
    };
    let desk = Desk {
        commands: receiver,
        status,
    };
    (control, desk)
}

impl CaptureControl {
    /// What the service does now.
    pub fn status(&self) -> Arc<CaptureStatus> {
        self.status.lock().clone()
    }

    /// Ends all captures, where the policy lets the user.
    ///
    /// # Errors
    /// When the service does not hear it.
    pub fn stop_all(&self) -> Result<(), ControlError> {
        self.send(Command::StopAll)
    }

    /// Ends one capture, where the policy lets the user.
    ///
    /// # Errors
    /// When the service does not hear it.
    pub fn stop(&self, session: SessionId) -> Result<(), ControlError> {
        self.send(Command::Stop(session))
    }

    /// Takes away what `pattern` names until the browser ends, and ends captures
    /// of it, where the policy lets the user.
    ///
    /// # Errors
    /// When the service does not hear it.
    pub fn revoke(&self, pattern: OriginPattern) -> Result<(), ControlError> {
        self.send(Command::Revoke(pattern))
    }

    /// Takes away what preferences that were read again do not allow any more.
    /// `problems` are for the record. Waits for room up to ten seconds.
    ///
    /// # Errors
    /// When the service does not hear it.
    pub fn narrow(&self, policy: CapturePolicy, problems: Vec<String>) -> Result<(), ControlError> {
        let command = Command::PolicyRead(Box::new(policy), problems);
        self.commands
            .send_timeout(command, PATIENCE)
            .map_err(|error| match error {
                SendTimeoutError::Timeout(_) => ControlError::Busy,
                SendTimeoutError::Disconnected(_) => ControlError::Gone,
            })
    }

    fn send(&self, command: Command) -> Result<(), ControlError> {
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                TrySendError::Full(_) => ControlError::Busy,
                TrySendError::Disconnected(_) => ControlError::Gone,
            })
    }
}

impl Desk {
    /// Shows what the service does now; returns whether that is news.
    pub(super) fn publish(&self, overview: CaptureOverview, started: Instant) -> bool {
        let mut status = self.status.lock();
        if status.overview == overview && status.started == started {
            return false;
        }
        *status = Arc::new(CaptureStatus { overview, started });
        true
    }
}
