/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The services of a desktop, on the buses that the environment names.

use std::env;

use capture_test_rig::services::{
    Logind, LogindState, Notifications, ScreenSaver, SettingsPortal, Watcher,
};

fn system_bus() -> String {
    env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap()
}

fn session_bus() -> String {
    env::var("DBUS_SESSION_BUS_ADDRESS").unwrap()
}

pub(super) fn logind(state: &LogindState) -> Logind {
    Logind::start(&system_bus(), state).unwrap()
}

pub(super) fn screen_saver(name: &'static str) -> ScreenSaver {
    ScreenSaver::start(&session_bus(), name).unwrap()
}

pub(super) fn gnome_screen_saver(is_on: bool) -> ScreenSaver {
    ScreenSaver::start_gnome(&session_bus(), is_on).unwrap()
}

/// `first` is the first number that it gives.
pub(super) fn notifications(first: u32) -> Notifications {
    Notifications::start(&session_bus(), first).unwrap()
}

pub(super) fn watcher() -> Watcher {
    Watcher::start(&session_bus()).unwrap()
}

pub(super) fn settings_portal(scheme: u32) -> SettingsPortal {
    SettingsPortal::start(&session_bus(), scheme).unwrap()
}
