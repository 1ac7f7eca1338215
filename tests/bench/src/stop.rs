/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! When a program of the bench has to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Watches for the end of the time and for SIGTERM and SIGINT. Clones watch for the same.
#[derive(Clone, Debug)]
pub struct Stop {
    deadline: Instant,
    asked: Arc<AtomicBool>,
}

impl Stop {
    /// From now on. The signals no longer end the process.
    ///
    /// # Errors
    /// The signals cannot be watched.
    pub fn after(seconds: f64) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&asked))
                .context("watching for signals")?;
        }
        let seconds = Duration::try_from_secs_f64(seconds).context("the time to run")?;
        Ok(Self {
            deadline: Instant::now() + seconds,
            asked,
        })
    }

    /// Whether to end now.
    pub fn reached(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    /// Sleeps for `longest`, or until the time is over or a signal comes. A wait without wake-ups of
    /// its own, so that the programs of the bench add none to what is counted. One that comes
    /// between the check and the sleep is seen when the sleep is over.
    pub fn pause(&self, longest: Duration) {
        if self.reached() {
            return;
        }
        if let Ok(timeout) = Timespec::try_from(longest.min(self.remaining())) {
            // An interruption is what a signal brings; nothing else can happen without descriptors.
            let _ = poll(&mut [], Some(&timeout));
        }
    }

    /// The time that is left, zero when there is none. A signal does not change it.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
