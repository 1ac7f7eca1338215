/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The services of a desktop, as far as tests need them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::fdo;
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath, Value};

use super::SESSION_ID;

pub(super) const LOGIN1: &str = "org.freedesktop.login1";
pub(super) const OUR_SESSION: &str = "/org/freedesktop/login1/session/c7";
pub(super) const OTHER_SESSION: &str = "/org/freedesktop/login1/session/c8";
const MANAGER_PATH: &str = "/org/freedesktop/login1";

/// Sends a signal, to everybody or to one connection.
pub(super) fn emit<B>(
    connection: &Connection,
    to: Option<&str>,
    path: &str,
    interface: &str,
    member: &str,
    body: &B,
) where
    B: serde::Serialize + DynamicType,
{
    connection
        .emit_signal(to, path, interface, member, body)
        .unwrap();
}

/// The session manager.
pub(super) struct Logind {
    pub(super) connection: Connection,
}

/// What the session manager says when it is asked.
#[derive(Clone, Default)]
pub(super) struct LogindState {
    pub(super) sleeps: Arc<AtomicBool>,
    pub(super) locked: Arc<AtomicBool>,
    pub(super) switched: Arc<AtomicBool>,
}

struct Manager(LogindState);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn get_session(&self, id: &str) -> fdo::Result<OwnedObjectPath> {
        if id == SESSION_ID {
            let path = ObjectPath::try_from(OUR_SESSION).unwrap();
            return Ok(path.into());
        }
        Err(fdo::Error::Failed(format!("no session {id}")))
    }

    #[zbus(property)]
    fn preparing_for_sleep(&self) -> bool {
        self.0.sleeps.load(Ordering::SeqCst)
    }
}

struct Session(LogindState);

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.0.locked.load(Ordering::SeqCst)
    }

    #[zbus(property)]
    fn active(&self) -> bool {
        !self.0.switched.load(Ordering::SeqCst)
    }
}

impl Logind {
    pub(super) fn start(state: &LogindState) -> Self {
        let connection = Builder::system()
            .unwrap()
            .serve_at(MANAGER_PATH, Manager(state.clone()))
            .unwrap()
            .serve_at(OUR_SESSION, Session(state.clone()))
            .unwrap()
            .name(LOGIN1)
            .unwrap()
            .build()
            .unwrap();
        Self { connection }
    }

    pub(super) fn session_signal(&self, path: &str, member: &str) {
        let interface = "org.freedesktop.login1.Session";
        emit(&self.connection, None, path, interface, member, &());
    }

    pub(super) fn sleep(&self, begins: bool) {
        let interface = "org.freedesktop.login1.Manager";
        let member = "PrepareForSleep";
        emit(
            &self.connection,
            None,
            MANAGER_PATH,
            interface,
            member,
            &(begins,),
        );
    }

    pub(super) fn property(&self, path: &str, name: &str, value: Value<'_>) {
        properties_changed(&self.connection, None, path, name, value);
    }

    /// As a property that changes without its value being sent.
    pub(super) fn invalidate(&self, name: &str) {
        let changed: HashMap<&str, Value<'_>> = HashMap::new();
        let body = ("org.freedesktop.login1.Session", changed, vec![name]);
        let interface = "org.freedesktop.DBus.Properties";
        let member = "PropertiesChanged";
        emit(
            &self.connection,
            None,
            OUR_SESSION,
            interface,
            member,
            &body,
        );
    }
}

pub(super) fn properties_changed(
    connection: &Connection,
    to: Option<&str>,
    path: &str,
    name: &str,
    value: Value<'_>,
) {
    let none: Vec<&str> = Vec::new();
    let changed = HashMap::from([(name, value)]);
    let body = ("org.freedesktop.login1.Session", changed, none);
    let interface = "org.freedesktop.DBus.Properties";
    emit(connection, to, path, interface, "PropertiesChanged", &body);
}

/// A screen saver that says when it is asked whether it is on.
pub(super) struct GnomeScreenSaver(pub(super) bool);

#[zbus::interface(name = "org.gnome.ScreenSaver")]
impl GnomeScreenSaver {
    fn get_active(&self) -> bool {
        self.0
    }
}

impl GnomeScreenSaver {
    pub(super) fn start(self) -> Connection {
        Builder::session()
            .unwrap()
            .serve_at("/org/gnome/ScreenSaver", self)
            .unwrap()
            .name("org.gnome.ScreenSaver")
            .unwrap()
            .build()
            .unwrap()
    }
}

/// What a notification daemon was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Notified {
    Shown {
        id: u32,
        replaces: u32,
        body: String,
    },
    Closed(u32),
}

/// A notification daemon.
pub(super) struct Notifications {
    pub(super) connection: Connection,
    pub(super) calls: Arc<Mutex<Vec<Notified>>>,
}

struct NotificationsInterface {
    calls: Arc<Mutex<Vec<Notified>>>,
    last: AtomicU32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl NotificationsInterface {
    #[expect(clippy::too_many_arguments, reason = "the interface has so many")]
    fn notify(
        &self,
        _app_name: &str,
        replaces: u32,
        _app_icon: &str,
        _summary: &str,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, Value<'_>>,
        expire_timeout: i32,
    ) -> u32 {
        assert_eq!(expire_timeout, 0);
        let id = match replaces {
            0 => self.last.fetch_add(1, Ordering::SeqCst) + 1,
            known => known,
        };
        self.calls
            .lock()
            .push(Notified::Shown { id, replaces, body });
        id
    }

    fn close_notification(&self, id: u32) {
        self.calls.lock().push(Notified::Closed(id));
    }
}

impl Notifications {
    /// `first` is the first id that it gives.
    pub(super) fn start(first: u32) -> Self {
        let calls = Arc::default();
        let interface = NotificationsInterface {
            calls: Arc::clone(&calls),
            last: AtomicU32::new(first - 1),
        };
        let connection = Builder::session()
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", interface)
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .build()
            .unwrap();
        Self { connection, calls }
    }

    /// As if the user had closed the notification.
    pub(super) fn dismiss(&self, id: u32) {
        let name = "org.freedesktop.Notifications";
        let path = "/org/freedesktop/Notifications";
        emit(
            &self.connection,
            None,
            path,
            name,
            "NotificationClosed",
            &(id, 2_u32),
        );
    }
}

/// The tray's side of the bus, which items register with.
pub(super) struct Watcher {
    pub(super) connection: Connection,
    pub(super) items: Arc<Mutex<Vec<String>>>,
}

struct WatcherInterface(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl WatcherInterface {
    fn register_status_notifier_item(&self, service: String) {
        self.0.lock().push(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

impl Watcher {
    pub(super) fn start() -> Self {
        let items = Arc::default();
        let connection = Builder::session()
            .unwrap()
            .serve_at(
                "/StatusNotifierWatcher",
                WatcherInterface(Arc::clone(&items)),
            )
            .unwrap()
            .name("org.kde.StatusNotifierWatcher")
            .unwrap()
            .build()
            .unwrap();
        Self { connection, items }
    }
}
