/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Buses that are not there, go, come late or do not answer.

use std::process;
use std::thread;
use std::time::Duration;

use capture_test_rig::process::cpu_time;
use capture_test_rig::services::{LogindState, Notified};
use rustix::process::Signal;

use super::services::{logind, notifications, watcher};
use super::{PATIENCE, QUIET, SOON, Seen, capture, eventually, on_private_buses};

#[test]
fn without_any_bus_nothing_happens_and_the_thread_ends_at_once() {
    on_private_buses(
        "absence::without_any_bus_nothing_happens_and_the_thread_ends_at_once",
        |_| {
            let seen = Seen::new(true);
            seen.tell(&[capture("https://a.example")]);
            seen.expect_nothing();
            assert!(seen.end() < SOON);
        },
    );
}

#[test]
fn buses_that_do_not_answer_hold_nobody_up() {
    on_private_buses(
        "absence::buses_that_do_not_answer_hold_nobody_up",
        |place| {
            let buses = [place.system(), place.session()];
            for bus in &buses {
                bus.process().signal(Signal::STOP).unwrap();
            }
            let seen = Seen::new(true);
            seen.tell(&[capture("https://a.example")]);
            seen.expect_nothing();
            assert!(seen.end() < SOON);
        },
    );
}

#[test]
fn a_daemon_that_stops_answering_does_not_hold_up_the_exit() {
    on_private_buses(
        "absence::a_daemon_that_stops_answering_does_not_hold_up_the_exit",
        |place| {
            let bus = place.session();
            let daemon = notifications(1);
            let seen = Seen::new(true);
            seen.tell(&[capture("https://a.example")]);
            eventually("it is shown", || daemon.calls().first().cloned());
            bus.process().signal(Signal::STOP).unwrap();
            assert!(seen.end() < SOON);
        },
    );
}

#[test]
fn a_bus_that_is_gone_costs_nothing() {
    on_private_buses("absence::a_bus_that_is_gone_costs_nothing", |place| {
        let bus = place.session();
        let tray = watcher();
        let seen = Seen::new(true);
        seen.tell(&[capture("https://a.example")]);
        eventually("the tray has it", || tray.items().first().cloned());
        bus.kill().unwrap();
        drop(tray);
        // What had to be closed is closed after a while.
        thread::sleep(QUIET);
        let before = cpu_time(process::id()).unwrap();
        thread::sleep(SOON);
        let spent = cpu_time(process::id()).unwrap() - before;
        assert!(spent < SOON / 10, "{spent:?} of processor time");
    });
}

#[test]
fn buses_that_come_late_or_come_again_are_found() {
    on_private_buses(
        "absence::buses_that_come_late_or_come_again_are_found",
        |place| {
            let seen = Seen::new(true);
            seen.tell(&[capture("https://a.example")]);
            seen.expect_nothing();
            for first in [1, 100] {
                let (system, session) = (place.system(), place.session());
                let daemon = notifications(first);
                let state = LogindState::default();
                state
                    .locked
                    .store(true, std::sync::atomic::Ordering::SeqCst);
                let manager = logind(&state);
                if first == 1 {
                    let event = seen.next(PATIENCE);
                    assert_eq!(event, "SessionLocked { reason: Locked }");
                }
                let call = eventually("it is shown", || daemon.calls().first().cloned());
                assert!(matches!(call, Notified::Shown { id, replaces: 0, .. } if id == first));
                system.kill().unwrap();
                session.kill().unwrap();
                drop((manager, daemon));
            }
            // The lock has outlived its bus, and was not told twice.
            assert!(seen.events.recv_timeout(Duration::from_millis(1)).is_err());
        },
    );
}
