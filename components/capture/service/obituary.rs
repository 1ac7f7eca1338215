/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is said when a thread of the service dies of a bug of ours.

use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::core::Event;

/// How long the service may take to have room for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Owned by a thread: tells the service when the thread panics, so that what
/// depended on it ends with an answer and not in silence.
pub(super) struct Obituary {
    events: Sender<Event>,
    event: Option<Event>,
}

impl Obituary {
    pub(super) fn new(events: Sender<Event>, event: Event) -> Self {
        Self {
            events,
            event: Some(event),
        }
    }
}

impl Drop for Obituary {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(event) = self.event.take()
        {
            // Err: the service has ended as well, or does not listen.
            let _ = self.events.send_timeout(event, PATIENCE);
        }
    }
}
