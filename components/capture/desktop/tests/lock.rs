/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Locks, switches and sleep.

use std::sync::atomic::Ordering;

use capture_test_rig::services::{
    Logind, LogindState, OTHER_SESSION, OUR_SESSION, ScreenSaver, emit,
};
use zbus::blocking::Connection;
use zbus::zvariant::Value;

use super::services::{gnome_screen_saver, logind, screen_saver};
use super::{PATIENCE, SOON, Seen, eventually, names, on_private_buses};

const LOCKED: &str = "SessionLocked { reason: Locked }";
const SCREEN_SAVER: &str = "SessionLocked { reason: ScreenSaver }";
const SWITCHED: &str = "SessionLocked { reason: UserSwitched }";
const SLEEP: &str = "SessionLocked { reason: Sleep }";
const UNLOCKED: &str = "SessionUnlocked";

const LOGIN1: &str = "org.freedesktop.login1";

/// A session manager whose signals are known to be heard.
fn heard_logind(state: &LogindState, seen: &Seen) -> Logind {
    let logind = logind(state);
    eventually("the session manager is heard", || {
        logind.sleep(true).unwrap();
        seen.events.try_recv().ok()
    });
    logind.sleep(false).unwrap();
    assert_eq!(seen.next(PATIENCE), UNLOCKED);
    logind
}

/// A screen saver whose signals are known to be heard.
fn heard_screen_saver(name: &'static str, seen: &Seen) -> ScreenSaver {
    let screen_saver = screen_saver(name);
    eventually("the screen saver is heard", || {
        screen_saver.active_changed(true).unwrap();
        seen.events.try_recv().ok()
    });
    screen_saver.active_changed(false).unwrap();
    assert_eq!(seen.next(PATIENCE), UNLOCKED);
    screen_saver
}

#[test]
fn every_signal_of_the_session_manager_locks_within_a_second() {
    on_private_buses(
        "lock::every_signal_of_the_session_manager_locks_within_a_second",
        |place| {
            let _bus = place.system();
            let seen = Seen::new(false);
            let logind = heard_logind(&LogindState::default(), &seen);
            logind.session_signal(OUR_SESSION, "Lock").unwrap();
            assert_eq!(seen.next(SOON), LOCKED);
            logind.session_signal(OUR_SESSION, "Unlock").unwrap();
            assert_eq!(seen.next(SOON), UNLOCKED);
            logind
                .property(OUR_SESSION, "LockedHint", Value::Bool(true))
                .unwrap();
            assert_eq!(seen.next(SOON), LOCKED);
            logind
                .property(OUR_SESSION, "LockedHint", Value::Bool(false))
                .unwrap();
            assert_eq!(seen.next(SOON), UNLOCKED);
            logind
                .property(OUR_SESSION, "Active", Value::Bool(false))
                .unwrap();
            assert_eq!(seen.next(SOON), SWITCHED);
            logind
                .property(OUR_SESSION, "Active", Value::Bool(true))
                .unwrap();
            assert_eq!(seen.next(SOON), UNLOCKED);
            logind.sleep(true).unwrap();
            assert_eq!(seen.next(SOON), SLEEP);
            logind.sleep(false).unwrap();
            assert_eq!(seen.next(SOON), UNLOCKED);
            seen.expect_nothing();
        },
    );
}

#[test]
fn every_screen_saver_locks_within_a_second() {
    on_private_buses("lock::every_screen_saver_locks_within_a_second", |place| {
        let _bus = place.session();
        let seen = Seen::new(false);
        for name in [
            "org.freedesktop.ScreenSaver",
            "org.gnome.ScreenSaver",
            "org.cinnamon.ScreenSaver",
            "org.mate.ScreenSaver",
            "org.xfce.ScreenSaver",
        ] {
            let screen_saver = heard_screen_saver(name, &seen);
            screen_saver.active_changed(true).unwrap();
            assert_eq!(seen.next(SOON), SCREEN_SAVER, "{name}");
            screen_saver.active_changed(false).unwrap();
            assert_eq!(seen.next(SOON), UNLOCKED, "{name}");
        }
    });
}

#[test]
fn a_session_that_is_locked_at_the_start_is_found_locked() {
    on_private_buses(
        "lock::a_session_that_is_locked_at_the_start_is_found_locked",
        |place| {
            let _buses = (place.system(), place.session());
            let state = LogindState::default();
            for (flag, expected) in [
                (&state.locked, LOCKED),
                (&state.switched, SWITCHED),
                (&state.sleeps, SLEEP),
            ] {
                flag.store(true, Ordering::SeqCst);
                let _logind = logind(&state);
                assert_eq!(Seen::new(false).next(SOON), expected);
                flag.store(false, Ordering::SeqCst);
            }
            let _screen_saver = gnome_screen_saver(true);
            assert_eq!(Seen::new(false).next(SOON), SCREEN_SAVER);
        },
    );
}

#[test]
fn a_restarted_session_manager_is_asked_again_and_a_lock_outlives_it() {
    on_private_buses(
        "lock::a_restarted_session_manager_is_asked_again_and_a_lock_outlives_it",
        |place| {
            let _bus = place.system();
            let seen = Seen::new(false);
            let state = LogindState::default();
            let logind = heard_logind(&state, &seen);
            state.locked.store(true, Ordering::SeqCst);
            logind.invalidate("LockedHint").unwrap();
            assert_eq!(seen.next(SOON), LOCKED);
            drop(logind);
            seen.expect_nothing();
            state.locked.store(false, Ordering::SeqCst);
            let _again = self::logind(&state);
            assert_eq!(seen.next(SOON), UNLOCKED);
        },
    );
}

#[test]
fn a_screen_saver_that_ends_locks_nobody_out() {
    on_private_buses("lock::a_screen_saver_that_ends_locks_nobody_out", |place| {
        let _bus = place.session();
        let seen = Seen::new(false);
        let name = "org.mate.ScreenSaver";
        let screen_saver = heard_screen_saver(name, &seen);
        screen_saver.active_changed(true).unwrap();
        assert_eq!(seen.next(SOON), SCREEN_SAVER);
        drop(screen_saver);
        assert_eq!(seen.next(SOON), UNLOCKED);
    });
}

/// Sends all that would unlock to everybody on the bus, and to each alone.
fn forge(attacker: &Connection, name: &'static str, member: &str, path: &str) {
    let everybody = names(attacker);
    let unique = everybody.iter().map(String::as_str);
    let unique = unique.filter(|name| name.starts_with(':'));
    for to in unique.map(Some).chain([None]) {
        emit(attacker, to, path, name, member, &(false,)).unwrap();
        let owner = attacker.unique_name().unwrap().as_str();
        let change = (name, "", owner);
        let driver = "org.freedesktop.DBus";
        emit(
            attacker,
            to,
            "/org/freedesktop/DBus",
            driver,
            "NameOwnerChanged",
            &change,
        )
        .unwrap();
        emit(attacker, to, path, name, member, &(false,)).unwrap();
    }
}

#[test]
fn nobody_else_can_unlock_the_session() {
    on_private_buses("lock::nobody_else_can_unlock_the_session", |place| {
        let _buses = (place.system(), place.session());
        let seen = Seen::new(false);
        let name = "org.gnome.ScreenSaver";
        let screen_saver = heard_screen_saver(name, &seen);
        screen_saver.active_changed(true).unwrap();
        assert_eq!(seen.next(SOON), SCREEN_SAVER);
        forge(
            &Connection::session().unwrap(),
            name,
            "ActiveChanged",
            "/ScreenSaver",
        );
        seen.expect_nothing();

        let logind = heard_logind_while_locked(&seen);
        let attacker = Connection::system().unwrap();
        forge(
            &attacker,
            "org.freedesktop.login1.Session",
            "Unlock",
            OUR_SESSION,
        );
        for name in names(&attacker) {
            let (to, hint) = (name.starts_with(':').then_some(&*name), "LockedHint");
            Logind::properties_changed(&attacker, to, OUR_SESSION, hint, Value::Bool(false))
                .unwrap();
        }
        screen_saver.active_changed(false).unwrap();
        // The session manager's vote still stands.
        seen.expect_nothing();
        logind.session_signal(OUR_SESSION, "Unlock").unwrap();
        assert_eq!(seen.next(SOON), UNLOCKED);
    });
}

fn heard_logind_while_locked(seen: &Seen) -> Logind {
    let logind = logind(&LogindState::default());
    eventually("the session manager is heard", || {
        logind.session_signal(OUR_SESSION, "Lock").unwrap();
        seen.events.try_recv().ok()
    });
    logind
}

#[test]
fn malformed_signals_and_those_of_other_sessions_change_nothing() {
    on_private_buses(
        "lock::malformed_signals_and_those_of_other_sessions_change_nothing",
        |place| {
            let _buses = (place.system(), place.session());
            let seen = Seen::new(false);
            let logind = heard_logind(&LogindState::default(), &seen);
            let name = "org.freedesktop.ScreenSaver";
            let screen_saver = heard_screen_saver(name, &seen);
            logind.session_signal(OTHER_SESSION, "Lock").unwrap();
            logind
                .property(OTHER_SESSION, "LockedHint", Value::Bool(true))
                .unwrap();
            logind
                .property(OUR_SESSION, "LockedHint", Value::from("yes"))
                .unwrap();
            logind
                .property(OUR_SESSION, "Active", Value::from(0_u32))
                .unwrap();
            logind
                .property(OUR_SESSION, "IdleHint", Value::Bool(true))
                .unwrap();
            let (manager, path) = ("org.freedesktop.login1.Manager", "/org/freedesktop/login1");
            let connection = &logind.connection;
            emit(
                connection,
                None,
                path,
                manager,
                "PrepareForSleep",
                &("soon",),
            )
            .unwrap();
            emit(connection, None, path, manager, "PrepareForSleep", &()).unwrap();
            let properties = "org.freedesktop.DBus.Properties";
            emit(
                connection,
                None,
                OUR_SESSION,
                properties,
                "PropertiesChanged",
                &(1_u32,),
            )
            .unwrap();
            emit(
                &screen_saver.connection,
                None,
                "/",
                name,
                "ActiveChanged",
                &("on",),
            )
            .unwrap();
            emit(
                &screen_saver.connection,
                None,
                "/",
                "org.gnome.ScreenSaver",
                "ActiveChanged",
                &(true,),
            )
            .unwrap();
            emit(
                &screen_saver.connection,
                None,
                "/",
                name,
                "SessionIdleChanged",
                &(true,),
            )
            .unwrap();
            seen.expect_nothing();
            // And they are still listened to.
            logind.sleep(true).unwrap();
            assert_eq!(seen.next(SOON), SLEEP);
            assert!(names(connection).contains(&LOGIN1.to_owned()));
        },
    );
}
