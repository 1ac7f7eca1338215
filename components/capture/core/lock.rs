/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The rule "nobody captures a locked session".
//!
//! A lock ends every capture and every call that waits, and refuses new ones.
//! An unlock begins nothing: a page must ask again.

use servo_capture_traits::{CaptureError, EndReason};

use super::{CaptureNotice, Core, Effect, SessionId, Timestamp};

/// Why nobody is thought to be in front of the screens.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum LockReason {
    /// The session's screens are locked.
    #[error("the screen is locked")]
    Locked,
    /// A screen saver is on.
    #[error("the screen saver is on")]
    ScreenSaver,
    /// Another user's session is in front.
    #[error("another user is in front of the screen")]
    UserSwitched,
    /// The machine is about to sleep, or waking up.
    #[error("the machine goes to sleep")]
    Sleep,
}

impl Core {
    /// Ends everything, and whatever asks meanwhile fails.
    pub(super) fn session_locked(&mut self, reason: LockReason, now: Timestamp) {
        self.locked = Some(reason);
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        if sessions.is_empty() {
            return;
        }
        self.counters.sessions_ended_by_lock += sessions.len() as u64;
        self.effects.push(Effect::Notify(CaptureNotice::Locked {
            reason,
            captures: sessions.len(),
        }));
        for id in sessions {
            let error = CaptureError::NotReadable(reason.to_string());
            let end = EndReason::SessionLocked(reason.to_string());
            self.end_session(id, error, &end, now);
        }
    }

    /// New calls are heard again.
    pub(super) fn session_unlocked(&mut self) {
        self.locked = None;
    }

    /// Part of step 2.3 of `getAllScreensMedia()`: a lock keeps every monitor
    /// from being read.
    pub(super) fn check_unlocked(&self) -> Result<(), CaptureError> {
        self.locked.map_or(Ok(()), |reason| {
            Err(CaptureError::NotReadable(reason.to_string()))
        })
    }
}
