/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! When a program of the bench has to end.

use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Watches for the end of the time and for SIGTERM and SIGINT. Clones watch for the same.
#[derive(Clone, Debug)]
pub struct Stop {
    deadline: Instant,
    asked: Arc<AtomicBool>,
    /// Readable from the first signal on.
    signal: Arc<UnixStream>,
}

impl Stop {
    /// From now on. The signals no longer end the process.
    ///
    /// # Errors
    /// The signals cannot be watched.
    pub fn after(seconds: f64) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let (reader, writer) = UnixStream::pair().context("making a pipe for signals")?;
        for signal in [SIGTERM, SIGINT] {
            // The flag first: whoever wakes up finds it set.
            signal_hook::flag::register(signal, Arc::clone(&asked))
                .context("watching for signals")?;
            let writer = writer.try_clone().context("copying a pipe")?;
            signal_hook::low_level::pipe::register(signal, writer)
                .context("watching for signals")?;
        }
        let seconds = Duration::try_from_secs_f64(seconds).context("the time to run")?;
        Ok(Self {
            deadline: Instant::now() + seconds,
            asked,
            signal: Arc::new(reader),
        })
    }

    /// Whether to end now.
    pub fn reached(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    /// Sleeps for `longest`, or until the time is over or a signal comes.
    pub fn pause(&self, longest: Duration) {
        self.sleep(&[], longest);
    }

    /// Sleeps until one of these is readable, the time is over or a signal comes: without wake-ups
    /// of its own, so that the programs of the bench add none to what is counted.
    pub fn wait(&self, others: &[BorrowedFd<'_>]) {
        self.sleep(others, Duration::MAX);
    }

    fn sleep(&self, others: &[BorrowedFd<'_>], longest: Duration) {
        if self.reached() {
            return;
        }
        if let Ok(timeout) = Timespec::try_from(longest.min(self.remaining())) {
            let mut polled = vec![PollFd::new(&*self.signal, PollFlags::IN)];
            let others = others.iter();
            polled.extend(others.map(|other| PollFd::from_borrowed_fd(*other, PollFlags::IN)));
            // An interruption is what a signal brings: whoever waits looks what happened.
            let _ = poll(&mut polled, Some(&timeout));
        }
    }

    /// The time that is left, zero when there is none. A signal does not change it.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
