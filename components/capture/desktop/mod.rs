/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The desktop around the browser: it says when the session is locked
//! (`session_lock`) and which colors people have (`appearance`), waits with its
//! sleep until nothing is captured (`inhibitor`), and people are told there what
//! is captured (`notification`, `tray`).
//!
//! Nothing of this replaces the indicator, and a desktop that has none of it
//! changes nothing. All of it lives on one thread, as futures whose waits
//! are bounded; the service only sees the trait [`Desktop`].

#[cfg(target_os = "linux")]
mod appearance;
#[cfg(target_os = "linux")]
mod bus;
mod captures;
#[cfg(target_os = "linux")]
mod inhibitor;
#[cfg(target_os = "linux")]
mod notification;
#[cfg(target_os = "linux")]
mod presence;
#[cfg(target_os = "linux")]
mod session_lock;
#[cfg(all(test, target_os = "linux"))]
mod tests;
#[cfg(target_os = "linux")]
mod thread;
#[cfg(target_os = "linux")]
mod tray;

use std::thread::JoinHandle;

use crossbeam_channel::Sender;

pub(crate) use self::captures::{LiveCapture, LiveCaptures};
use crate::core::Event;

/// What the service's thread tells the desktop.
pub(crate) trait Desktop: Send {
    /// These and no others are captured now. Must not block.
    fn tell(&self, captures: &[LiveCapture]);
}

/// Makes the desktop, which sends what happens there to the service. The thread
/// ends after the [`Desktop`] was dropped; it is joined after nobody receives
/// the events any more.
pub(crate) type DesktopFactory =
    Box<dyn FnOnce(Sender<Event>) -> (Box<dyn Desktop>, Option<JoinHandle<()>>) + Send>;

/// No desktop at all.
#[cfg(not(target_os = "linux"))]
struct NoDesktop;

#[cfg(not(target_os = "linux"))]
impl Desktop for NoDesktop {
    fn tell(&self, _: &[LiveCapture]) {}
}

/// The desktop that this process runs on.
#[cfg(target_os = "linux")]
pub(crate) fn factory(user_may_stop: bool) -> DesktopFactory {
    Box::new(move |events| thread::start(events, user_may_stop))
}

/// The desktop that this process runs on: other systems have none that is known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn factory(_user_may_stop: bool) -> DesktopFactory {
    Box::new(|_| (Box::new(NoDesktop), None))
}

/// A desktop that a test plays.
#[cfg(test)]
pub(crate) mod fake {
    use std::sync::Arc;

    use crossbeam_channel::{Receiver, bounded};
    use parking_lot::Mutex;

    use super::{Desktop, DesktopFactory, Event, LiveCapture, Sender};

    /// What the service told, newest last, and a way to answer.
    pub(crate) struct FakeDesktop {
        told: Arc<Mutex<Vec<Vec<LiveCapture>>>>,
        events: Receiver<Sender<Event>>,
    }

    struct Ear(Arc<Mutex<Vec<Vec<LiveCapture>>>>);

    impl Desktop for Ear {
        fn tell(&self, captures: &[LiveCapture]) {
            self.0.lock().push(captures.to_vec());
        }
    }

    impl FakeDesktop {
        /// The test's side and the service's.
        pub(crate) fn new() -> (Self, DesktopFactory) {
            let told = Arc::new(Mutex::new(Vec::new()));
            let (sender, events) = bounded(1);
            let ear = Ear(told.clone());
            let factory: DesktopFactory = Box::new(move |events| {
                // Err: the test plays no desktop.
                let _ = sender.send(events);
                (Box::new(ear), None)
            });
            (Self { told, events }, factory)
        }

        /// Something happens on the desktop. Only once, so that the service
        /// finds the sender dropped at its end.
        pub(crate) fn events(&self) -> Sender<Event> {
            self.events.recv().unwrap()
        }

        pub(crate) fn told(&self) -> Vec<Vec<LiveCapture>> {
            self.told.lock().clone()
        }
    }
}
