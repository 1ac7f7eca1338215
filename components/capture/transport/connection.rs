/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One question and its answer.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use servo_capture_traits::PoolRegistration;
use servo_capture_traits::pools::wire::{self, QUESTION_BYTES};

/// Somebody who has connected and has not asked everything yet.
pub(super) struct Connection {
    stream: UnixStream,
    /// The process at the other end when it connected.
    pub(super) process: i32,
    /// When it must have asked.
    pub(super) deadline: Instant,
    question: [u8; QUESTION_BYTES],
    received: usize,
}

impl Connection {
    /// Around a stream that does not block.
    pub(super) fn new(stream: UnixStream, process: i32, deadline: Instant) -> Self {
        Self {
            stream,
            process,
            deadline,
            question: [0; QUESTION_BYTES],
            received: 0,
        }
    }

    /// Takes what has come and answers when that is a whole question. False
    /// when there is nothing more to do.
    pub(super) fn go_on(&mut self) -> bool {
        let room = self.question.get_mut(self.received..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => false,
            Ok(bytes) => {
                self.received += bytes;
                if self.received < QUESTION_BYTES {
                    return true;
                }
                self.answer();
                false
            }
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
        }
    }

    /// Sends the memory that was asked for; closes without a word where there
    /// is none, or none that is safe to give away.
    fn answer(&self) {
        let (pool, index) = wire::parse(&self.question);
        let Some(picture) = PoolRegistration::find(pool, index) else {
            return;
        };
        let Some(memory) = picture.sealed_descriptor() else {
            log::error!("a picture that is not sealed was asked for and not given");
            return;
        };
        if let Err(error) = wire::answer(self.stream.as_fd(), memory, picture.len()) {
            log::debug!("process {} got no answer: {error}", self.process);
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
