/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the desktop says reaches every page, and what is captured reaches the
//! desktop.

use std::thread;
use std::time::Instant;

use servo_capture_traits::{CaptureError, EndReason};

use super::{ORIGIN, PATIENCE, Rig, end, next_frame};
use crate::core::{Event, LockReason};

#[test]
fn a_lock_ends_what_runs_and_only_a_new_call_after_the_unlock_begins_again() {
    let rig = Rig::new();
    let desktop = rig.desktop.events();
    let sources = rig.ask(ORIGIN).unwrap();
    let ends: Vec<_> = sources
        .iter()
        .map(|granted| rig.attach(granted.source))
        .collect();
    for events in &ends {
        next_frame(events);
    }
    let reason = LockReason::UserSwitched;
    desktop.send(Event::SessionLocked { reason }).unwrap();
    for events in &ends {
        assert_eq!(end(events), EndReason::SessionLocked(reason.to_string()));
    }
    let refused = rig.ask(ORIGIN).unwrap_err();
    assert_eq!(refused, CaptureError::NotReadable(reason.to_string()));
    desktop.send(Event::SessionUnlocked).unwrap();
    // The unlock and the call come by different queues.
    let deadline = Instant::now() + PATIENCE;
    let again = loop {
        match rig.ask(ORIGIN) {
            Ok(granted) => break granted,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    next_frame(&rig.attach(again[0].source));
    // The sinks are gone: nothing came to them after their end.
    assert!(ends.iter().all(|events| events.try_recv().is_err()));
}

#[test]
fn the_desktop_is_told_of_every_start_and_stop() {
    let rig = Rig::new();
    let first = rig.ask(ORIGIN).unwrap();
    let second = rig.ask(ORIGIN).unwrap();
    for granted in first.iter().chain(&second) {
        // A source ends with its only track.
        rig.stop(granted.source);
    }
    let deadline = Instant::now() + PATIENCE;
    while rig.desktop.told().len() < 4 {
        assert!(Instant::now() < deadline, "{:?}", rig.desktop.told());
        thread::yield_now();
    }
    let told = rig.desktop.told();
    let counts: Vec<usize> = told.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 2, 1, 0]);
    assert_eq!(told[0][0].origin, ORIGIN);
    assert_eq!(told[0][0].monitors, 2);
}
