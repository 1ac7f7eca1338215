/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a process writes, line by line.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Lines kept of each stream; older ones are dropped.
const MAX_LINES: usize = 10_000;
/// Longer lines are broken here, so that a stream without line ends stays bounded.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// The lines of one stream; the newest [`MAX_LINES`].
#[derive(Debug, Default)]
pub(crate) struct LineLog {
    state: Mutex<LogState>,
    /// Told when a line comes, and at the end.
    pub(crate) grown: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct LogState {
    pub(crate) lines: VecDeque<String>,
    /// Lines that were before the first one kept.
    pub(crate) dropped: usize,
    /// The stream has ended.
    pub(crate) closed: bool,
}

impl LogState {
    /// The position after the newest line.
    pub(crate) fn end(&self) -> usize {
        self.dropped + self.lines.len()
    }

    /// The lines from a position on, as far as they are kept.
    pub(crate) fn from(&self, from: usize) -> impl Iterator<Item = &String> {
        self.lines.iter().skip(from.saturating_sub(self.dropped))
    }
}

impl LineLog {
    /// Reads `stream` on a thread of its own until it ends.
    pub(crate) fn collect(stream: Option<impl Read + Send + 'static>) -> Result<Arc<Self>> {
        let stream = stream.context("the process was started without a pipe")?;
        let log = Arc::new(Self::default());
        let writer = log.clone();
        thread::Builder::new()
            .name("process log".to_owned())
            .spawn(move || writer.read_all(stream))?;
        Ok(log)
    }

    fn read_all(&self, stream: impl Read) {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match reader
                .by_ref()
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut bytes)
            {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&bytes);
            let mut state = self.lock();
            if state.lines.len() == MAX_LINES {
                state.lines.pop_front();
                state.dropped += 1;
            }
            state
                .lines
                .push_back(text.trim_end_matches(['\n', '\r']).to_owned());
            self.grown.notify_all();
        }
        self.lock().closed = true;
        self.grown.notify_all();
    }

    /// Waits until the stream has ended.
    pub(crate) fn wait_closed(&self, timeout: Duration) {
        // The outcome does not matter: what was read so far is what there is.
        let _ = self
            .grown
            .wait_timeout_while(self.lock(), timeout, |state| !state.closed);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
