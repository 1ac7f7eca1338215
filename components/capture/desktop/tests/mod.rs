/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The desktop's side against real message buses, on which the test plays the
//! services. The environment names the buses, so each test runs in a process of
//! its own.

mod absence;
mod appearance;
mod inhibitor;
mod lock;
mod notification;
mod services;
mod tray;

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use capture_test_rig::MessageBus;
use capture_test_rig::process::{Process, Stream};
use capture_test_rig::services::SESSION_ID;
use crossbeam_channel::{Receiver, bounded};
use jiff::Zoned;
use zbus::blocking::Connection;

use super::{Desktop, LiveCapture, factory};
use crate::core::Event;

/// What E6 allows a lock to take.
const SOON: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for what must not happen.
const QUIET: Duration = Duration::from_millis(300);
/// Where the process that a test is run in finds its sockets.
const FOLDER: &str = "CAPTURE_DESKTOP_TEST_FOLDER";
const RAN: &str = "the body of the test has run";

/// Runs `body` with private buses, none of which runs yet. `test` is the
/// caller's path below this module.
#[track_caller]
fn on_private_buses(test: &str, body: impl FnOnce(&Place)) {
    if let Some(folder) = env::var_os(FOLDER) {
        body(&Place(PathBuf::from(folder)));
        println!("\n{RAN}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let module = module_path!().split_once("::").unwrap().1;
    let address = |name| MessageBus::address(&folder.path().join(name));
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", &format!("{module}::{test}")])
        .args(["--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .env("DBUS_SESSION_BUS_ADDRESS", address("session"))
        .env("DBUS_SYSTEM_BUS_ADDRESS", address("system"))
        .env("XDG_SESSION_ID", SESSION_ID);
    let mut process = Process::spawn(command).unwrap();
    let status = process.wait(2 * PATIENCE).unwrap();
    let ran = process
        .lines(Stream::Stdout, 0)
        .iter()
        .any(|line| line == RAN);
    assert!(status.success() && ran, "{}", process.log_tail());
}

/// Where the buses of a test are.
struct Place(PathBuf);

impl Place {
    fn system(&self) -> MessageBus {
        MessageBus::start(&self.0.join("system")).unwrap()
    }

    fn session(&self) -> MessageBus {
        MessageBus::start(&self.0.join("session")).unwrap()
    }
}

/// The desktop as the service sees it.
struct Seen {
    desktop: Option<Box<dyn Desktop>>,
    thread: Option<JoinHandle<()>>,
    events: Receiver<Event>,
}

impl Seen {
    fn new(user_may_stop: bool) -> Self {
        let (sender, events) = bounded(64);
        let (desktop, thread) = factory(user_may_stop)(sender);
        Self {
            desktop: Some(desktop),
            thread,
            events,
        }
    }

    fn tell(&self, captures: &[LiveCapture]) {
        self.desktop.as_ref().unwrap().tell(captures);
    }

    /// What happens within the time, as text.
    #[track_caller]
    fn next(&self, timeout: Duration) -> String {
        format!("{:?}", self.events.recv_timeout(timeout).unwrap())
    }

    #[track_caller]
    fn expect_nothing(&self) {
        let event = self.events.recv_timeout(QUIET);
        assert!(event.is_err(), "{event:?}");
    }

    /// The service ends; how long the desktop's thread takes to.
    fn end(mut self) -> Duration {
        let begun = Instant::now();
        self.desktop = None;
        self.thread.take().unwrap().join().unwrap();
        begun.elapsed()
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.desktop = None;
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

fn capture(origin: &str) -> LiveCapture {
    LiveCapture {
        origin: origin.to_owned(),
        monitors: 3,
        since: Zoned::now(),
    }
}

/// Waits for something that no event tells.
#[track_caller]
fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The names of all connections to a bus.
fn names(connection: &Connection) -> Vec<String> {
    let bus = zbus::blocking::fdo::DBusProxy::new(connection).unwrap();
    let names = bus.list_names().unwrap();
    names.iter().map(ToString::to_string).collect()
}
