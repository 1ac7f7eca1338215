/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A connection to an X server on which no wait is without an end.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use x11rb::rust_connection::{DefaultStream, PollMode, RustConnection, Stream};
use x11rb::utils::RawFdContainer;

use crate::grabber::StallObserver;

/// How long a server may be silent, while somebody waits for it, before that is
/// told as a stall.
pub(crate) const STALL_AFTER: Duration = Duration::from_secs(1);

/// A connection whose every wait ends, with an error of kind
/// [`ErrorKind::TimedOut`]. After such an error the connection is of no more
/// use: a late answer may still come.
pub(crate) type X11Connection = RustConnection<BoundedStream>;

/// How long waits are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Each wait ends after so long.
    Each(Duration),
    /// All waits end at this instant.
    Until(Instant),
}

impl Patience {
    /// When a wait that begins now ends.
    fn deadline(self) -> Instant {
        match self {
            Self::Each(duration) => Instant::now() + duration,
            Self::Until(instant) => instant,
        }
    }
}

/// The socket of an [`X11Connection`].
pub(crate) struct BoundedStream {
    inner: DefaultStream,
    patience: Mutex<Patience>,
    stalls: Option<StallObserver>,
    /// The last write found no room. Before one that is likely to have some nobody
    /// asks whether it has: most requests are only put into a buffer.
    is_full: AtomicBool,
}

impl BoundedStream {
    /// Waits as `patience` says, and tells `stalls` of stalls.
    pub(crate) fn new(
        inner: DefaultStream,
        patience: Patience,
        stalls: Option<StallObserver>,
    ) -> Self {
        Self {
            inner,
            patience: Mutex::new(patience),
            stalls,
            is_full: AtomicBool::new(false),
        }
    }

    /// How long waits are from now on.
    pub(crate) fn set_patience(&self, patience: Patience) {
        *self.patience.lock() = patience;
    }

    /// Notes whether there was room for a write.
    fn noted(&self, written: Result<usize>) -> Result<usize> {
        if matches!(&written, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            self.is_full.store(true, Ordering::Relaxed);
        }
        written
    }

    fn tell(&self, stalled: bool) {
        if let Some(observer) = &self.stalls {
            observer(stalled);
        }
    }

    /// Waits until something happens; what, or nothing until `deadline`.
    fn wait(&self, wanted: PollFlags, deadline: Instant) -> Result<Option<PollFlags>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(Error::other)?;
            let mut polled = [PollFd::new(&self.inner, wanted)];
            match poll(&mut polled, Some(&timeout)) {
                Ok(0) if Instant::now() >= deadline => return Ok(None),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(Some(polled[0].revents())),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for BoundedStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl Stream for BoundedStream {
    fn poll(&self, mode: PollMode) -> Result<()> {
        if mode.writable() && !self.is_full.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, mode.readable());
        wanted.set(PollFlags::OUT, mode.writable());
        let start = Instant::now();
        let deadline = self.patience.lock().deadline();
        let stall = start + STALL_AFTER;
        // A closed socket shows in the read or write that follows.
        if self.wait(wanted, deadline.min(stall))?.is_some() {
            return Ok(());
        }
        if stall < deadline {
            self.tell(true);
            if let Some(happened) = self.wait(wanted, deadline)? {
                if !happened.intersects(PollFlags::HUP | PollFlags::ERR) {
                    self.tell(false);
                }
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::TimedOut,
            format!(
                "the X server has not answered for {:.1} s",
                start.elapsed().as_secs_f32()
            ),
        ))
    }

    fn read(&self, buffer: &mut [u8], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.inner.read(buffer, fds)
    }

    fn write(&self, buffer: &[u8], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.noted(self.inner.write(buffer, fds))
    }

    fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
        fds: &mut Vec<RawFdContainer>,
    ) -> Result<usize> {
        self.noted(self.inner.write_vectored(buffers, fds))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn told() -> (StallObserver, Arc<Mutex<Vec<bool>>>) {
        let list = Arc::new(Mutex::new(Vec::new()));
        let writer = list.clone();
        (Arc::new(move |stalled| writer.lock().push(stalled)), list)
    }

    fn pair(patience: Patience, stalls: StallObserver) -> (BoundedStream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        let (stream, _) = DefaultStream::from_unix_stream(ours).expect("non-blocking mode");
        (BoundedStream::new(stream, patience, Some(stalls)), theirs)
    }

    #[test]
    fn a_server_that_accepts_and_stays_silent_is_given_up() {
        let (observer, told) = told();
        let (stream, _theirs) = pair(Patience::Each(Duration::from_secs(2)), observer);
        let start = Instant::now();
        let Err(error) = RustConnection::connect_to_stream(stream, 0) else {
            panic!("connected to nobody");
        };
        assert!(
            error.to_string().contains("has not answered for 2.0 s"),
            "{error}"
        );
        assert!(start.elapsed() < Duration::from_secs(3));
        assert_eq!(*told.lock(), [true]);
    }

    #[test]
    fn a_stall_that_ends_is_told_from_beginning_to_end() {
        let (observer, told) = told();
        let (stream, mut theirs) = pair(Patience::Each(Duration::from_secs(20)), observer);
        let answerer = thread::spawn(move || {
            thread::sleep(STALL_AFTER + Duration::from_millis(500));
            theirs.write_all(b"x").expect("sent");
            theirs
        });
        stream.poll(PollMode::Readable).expect("an answer came");
        assert_eq!(*told.lock(), [true, false]);
        // It is still readable: no wait, no stall.
        stream.poll(PollMode::Readable).expect("an answer came");
        assert_eq!(*told.lock(), [true, false]);
        answerer.join().expect("it ends");
    }

    #[test]
    fn a_server_that_dies_while_it_stalls_has_not_answered_again() {
        let (observer, told) = told();
        let (stream, theirs) = pair(Patience::Each(Duration::from_secs(20)), observer);
        let killer = thread::spawn(move || {
            thread::sleep(STALL_AFTER + Duration::from_millis(300));
            drop(theirs);
        });
        let start = Instant::now();
        stream.poll(PollMode::Readable).expect("the read tells");
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(*told.lock(), [true]);
        killer.join().expect("it ends");
    }

    #[test]
    fn a_writer_waits_when_there_was_no_room_and_is_not_asked_to_before() {
        let (observer, told) = told();
        let (stream, theirs) = pair(Patience::Each(Duration::from_millis(200)), observer);
        let block = [0; 1 << 16];
        let start = Instant::now();
        let error = loop {
            stream.poll(PollMode::ReadAndWritable).expect("no wait");
            if let Err(error) = stream.write(&block, &mut Vec::new()) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() < Duration::from_secs(5), "it waited");
        let error = stream
            .poll(PollMode::ReadAndWritable)
            .expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(theirs);
        assert!(told.lock().is_empty(), "it was not silent for long");
    }

    #[test]
    fn a_deadline_ends_all_waits_together() {
        let (observer, told) = told();
        let deadline = Instant::now() + Duration::from_millis(200);
        let (stream, _theirs) = pair(Patience::Until(deadline), observer);
        for _ in 0..5 {
            let error = stream.poll(PollMode::Readable).expect_err("nobody answers");
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        assert!(Instant::now() < deadline + Duration::from_millis(500));
        assert!(told.lock().is_empty(), "it was not silent for long");
    }
}
