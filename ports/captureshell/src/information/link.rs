/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the threads of the service leave for the shell's thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use servo::EventLoopWaker;

/// Wakes the shell's loop, which then looks for what was left.
#[derive(Default)]
pub struct Link {
    wants_information: AtomicBool,
    has_changed: AtomicBool,
    /// None before there is a loop.
    waker: Mutex<Option<Box<dyn EventLoopWaker>>>,
}

impl Link {
    /// There is a loop to wake.
    pub fn set_waker(&self, waker: Box<dyn EventLoopWaker>) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
        self.wake();
    }

    /// The person asks what is captured.
    pub fn want_information(&self) {
        self.wants_information.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// There is something new to show.
    pub fn change(&self) {
        // Many changes before the loop comes to it are one.
        if !self.has_changed.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Whether the person has asked since the last call.
    pub fn take_wish(&self) -> bool {
        self.wants_information.swap(false, Ordering::SeqCst)
    }

    /// Whether there was something new since the last call.
    pub fn take_change(&self) -> bool {
        self.has_changed.swap(false, Ordering::SeqCst)
    }

    fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = &*waker {
            waker.wake();
        }
    }
}
