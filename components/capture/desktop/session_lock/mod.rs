/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether the session is locked, from everybody who may know.
//!
//! Each source has a vote for each reason; the session is locked as long as
//! there is one.

mod logind;
mod screen_saver;

use std::cell::RefCell;
use std::collections::BTreeSet;

use crossbeam_channel::Sender;

use super::bus::Bus;
use crate::core::{Event, LockReason};

/// Counts the votes and tells the service.
pub(super) struct SessionLock {
    /// Which source says so, and why.
    votes: RefCell<BTreeSet<(&'static str, LockReason)>>,
    events: Sender<Event>,
}

impl SessionLock {
    /// Nobody has said anything yet.
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self {
            votes: RefCell::default(),
            events,
        }
    }

    /// A source says whether the reason holds.
    fn vote(&self, source: &'static str, reason: LockReason, is_locked: bool) {
        let mut votes = self.votes.borrow_mut();
        let event = if is_locked {
            let is_new = votes.insert((source, reason));
            is_new.then_some(Event::SessionLocked { reason })
        } else {
            let was_there = votes.remove(&(source, reason));
            (was_there && votes.is_empty()).then_some(Event::SessionUnlocked)
        };
        if let Some(event) = event {
            log::info!("{source}: {event:?}");
            // Waits for room, as a lock must not be lost. Err: the service has
            // ended.
            let _ = self.events.send(event);
        }
    }

    /// Listens to the session manager.
    pub(super) async fn watch_system(&self) {
        Bus::System
            .serve(async |connection| logind::watch(connection, self).await)
            .await;
    }

    /// Listens to the screen savers.
    pub(super) async fn watch_session(&self) {
        Bus::Session
            .serve(async |connection| screen_saver::watch(connection, self).await)
            .await;
    }
}

#[cfg(test)]
mod unit_tests {
    use crossbeam_channel::bounded;

    use super::*;

    #[test]
    fn the_session_is_unlocked_when_the_last_vote_is_gone() {
        let (sender, events) = bounded(8);
        let lock = SessionLock::new(sender);
        lock.vote("logind", LockReason::Locked, false);
        lock.vote("logind", LockReason::Locked, true);
        lock.vote("logind", LockReason::Locked, true);
        lock.vote("saver", LockReason::ScreenSaver, true);
        lock.vote("logind", LockReason::Locked, false);
        lock.vote("other saver", LockReason::ScreenSaver, false);
        lock.vote("saver", LockReason::ScreenSaver, false);
        let heard: Vec<String> = events
            .try_iter()
            .map(|event| format!("{event:?}"))
            .collect();
        assert_eq!(
            heard,
            [
                "SessionLocked { reason: Locked }",
                "SessionLocked { reason: ScreenSaver }",
                "SessionUnlocked"
            ]
        );
    }
}
