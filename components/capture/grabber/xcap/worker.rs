/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Calls that may block for ever, made where that does no harm.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

/// How long one call may take. The slow ones ask a desktop portal.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many threads may be stuck at once before no more are started.
const MAX_STUCK: usize = 4;

/// Threads whose call has not come back in time.
static STUCK: AtomicUsize = AtomicUsize::new(0);

/// Why there is no result.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum CallError {
    /// The call panicked, with this message.
    Panicked(String),
    /// The call did not come back in time, or the thread could not be started.
    Lost(String),
}

type Call = Box<dyn FnOnce() + Send>;

/// A thread that makes one call at a time for its owner. It ends with its
/// owner, or, if a call is stuck then, when that call comes back.
pub(super) struct Worker {
    calls: Option<Sender<Call>>,
    timeout: Duration,
}

impl Worker {
    /// Starts the thread.
    pub(super) fn start() -> Result<Self, CallError> {
        Self::with_timeout(CALL_TIMEOUT)
    }

    fn with_timeout(timeout: Duration) -> Result<Self, CallError> {
        if STUCK.load(Ordering::Acquire) >= MAX_STUCK {
            return Err(CallError::Lost(format!(
                "{MAX_STUCK} earlier calls have not come back"
            )));
        }
        let (sender, calls) = bounded::<Call>(1);
        thread::Builder::new()
            .name("xcap".to_owned())
            .spawn(move || {
                for call in calls {
                    call();
                }
            })
            .map_err(|error| CallError::Lost(error.to_string()))?;
        Ok(Self {
            calls: Some(sender),
            timeout,
        })
    }

    /// Makes a call and waits for its result. After a call was lost every
    /// further one is.
    pub(super) fn call<T: Send + 'static>(
        &mut self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CallError> {
        let lost = |reason: &str| CallError::Lost(reason.to_owned());
        let calls = self
            .calls
            .as_ref()
            .ok_or_else(|| lost("an earlier call has not come back"))?;
        let (reply, result) = bounded(1);
        let (given_up, late) = bounded::<()>(1);
        let call = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(call));
            // Nobody may be waiting any more.
            let _ = reply.send(outcome);
            drop(reply);
            if late.recv().is_ok() {
                STUCK.fetch_sub(1, Ordering::AcqRel);
            }
        });
        calls
            .send_timeout(call, self.timeout)
            .map_err(|_| lost("the thread is gone"))?;
        match result.recv_timeout(self.timeout) {
            Ok(outcome) => outcome.map_err(|panic| CallError::Panicked(message(&*panic))),
            Err(RecvTimeoutError::Timeout) => {
                self.calls = None;
                STUCK.fetch_add(1, Ordering::AcqRel);
                let _ = given_up.send(());
                Err(CallError::Lost(format!("no answer for {:?}", self.timeout)))
            }
            Err(RecvTimeoutError::Disconnected) => Err(lost("the thread is gone")),
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_call_works() {
        let mut worker = Worker::start().expect("a thread");
        let outcome = worker.call(|| -> u8 { panic!("boom {}", 7) });
        assert_eq!(outcome, Err(CallError::Panicked("boom 7".to_owned())));
        assert_eq!(worker.call(|| 5), Ok(5));
    }

    #[test]
    fn a_stuck_call_is_given_up_and_forgotten_when_it_comes_back() {
        let before = STUCK.load(Ordering::Acquire);
        let mut worker = Worker::with_timeout(Duration::from_millis(50)).expect("a thread");
        let (release, gate) = bounded::<()>(0);
        let start = Instant::now();
        let outcome = worker.call(move || gate.recv().is_ok());
        assert!(matches!(outcome, Err(CallError::Lost(_))), "{outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(STUCK.load(Ordering::Acquire), before + 1);
        assert!(matches!(worker.call(|| 1), Err(CallError::Lost(_))));
        release.send(()).expect("the call waits");
        let deadline = Instant::now() + Duration::from_secs(5);
        while STUCK.load(Ordering::Acquire) != before {
            assert!(Instant::now() < deadline, "still counted");
            thread::yield_now();
        }
    }
}
