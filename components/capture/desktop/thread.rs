/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The thread that everything of the desktop lives on.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_channel::{Receiver, Sender as CaptureSender, bounded};
use async_executor::LocalExecutor;
use crossbeam_channel::Sender;

use super::appearance::Appearance;
use super::presence::Presence;
use super::session_lock::SessionLock;
use super::tray::Clicks;
use super::{Desktop, LiveCapture};
use crate::core::Event;

/// How long taking back what is shown may take at the end. The browser's exit
/// waits for it.
const WITHDRAW_TIMEOUT: Duration = Duration::from_millis(500);

/// The service's side.
struct SessionDesktop(CaptureSender<Vec<LiveCapture>>);

impl Desktop for SessionDesktop {
    fn tell(&self, captures: &[LiveCapture]) {
        // The newest takes the place of what was not read yet. Err: the thread
        // could not be started, which was logged.
        let _ = self.0.force_send(captures.to_vec());
    }
}

/// Starts the thread; it ends when the [`Desktop`] is dropped.
pub(super) fn start(
    events: Sender<Event>,
    user_may_stop: bool,
) -> (Box<dyn Desktop>, Option<JoinHandle<()>>) {
    let (sender, captures) = bounded(1);
    let thread = thread::Builder::new()
        .name("CaptureDesktop".to_owned())
        .spawn(move || run(&captures, events, user_may_stop))
        .inspect_err(|error| log::error!("nothing of the desktop is heard: {error}"))
        .ok();
    (Box::new(SessionDesktop(sender)), thread)
}

fn run(captures: &Receiver<Vec<LiveCapture>>, events: Sender<Event>, user_may_stop: bool) {
    let lock = SessionLock::new(events.clone());
    let appearance = Appearance::new(events.clone());
    let presence = Presence::new(Clicks {
        events,
        user_may_stop,
    });
    let executor = LocalExecutor::new();
    executor.spawn(lock.watch_system()).detach();
    executor.spawn(lock.watch_session()).detach();
    executor.spawn(appearance.watch()).detach();
    executor.spawn(presence.keep()).detach();
    executor.spawn(presence.delay_sleep()).detach();
    async_io::block_on(executor.run(async {
        while let Ok(captures) = captures.recv().await {
            presence.set(captures);
        }
        presence.withdraw(WITHDRAW_TIMEOUT).await;
    }));
}
