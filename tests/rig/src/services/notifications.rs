/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::Value;

use super::emit;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// What a notification daemon was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notified {
    /// To show something.
    Shown {
        /// The number that it got.
        id: u32,
        /// What it takes the place of; 0: nothing.
        replaces: u32,
        /// Its title.
        summary: String,
        /// Its text.
        body: String,
        /// Milliseconds until it goes by itself; 0: never.
        expire_timeout: i32,
    },
    /// To close something.
    Closed(u32),
}

/// A notification daemon.
#[derive(Debug)]
pub struct Notifications {
    connection: Connection,
    calls: Arc<Mutex<Vec<Notified>>>,
}

struct Interface {
    calls: Arc<Mutex<Vec<Notified>>>,
    last: AtomicU32,
}

impl Interface {
    fn note(&self, call: Notified) {
        let calls = self.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Interface {
    #[expect(clippy::too_many_arguments, reason = "the interface has so many")]
    fn notify(
        &self,
        _app_name: &str,
        replaces: u32,
        _app_icon: &str,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, Value<'_>>,
        expire_timeout: i32,
    ) -> u32 {
        let id = match replaces {
            0 => self.last.fetch_add(1, Ordering::SeqCst) + 1,
            known => known,
        };
        self.note(Notified::Shown {
            id,
            replaces,
            summary,
            body,
            expire_timeout,
        });
        id
    }

    fn close_notification(&self, id: u32) {
        self.note(Notified::Closed(id));
    }
}

impl Notifications {
    /// Owns the daemon's name on the bus at `address` until it is dropped; `first` is the first
    /// number that it gives.
    ///
    /// # Errors
    /// There is no bus, or the name is taken.
    pub fn start(address: &str, first: u32) -> Result<Self> {
        let calls = Arc::default();
        let interface = Interface {
            calls: Arc::clone(&calls),
            last: AtomicU32::new(first.saturating_sub(1)),
        };
        let connection = Builder::address(address)?
            .serve_at(PATH, interface)?
            .name(NAME)?
            .build()?;
        Ok(Self { connection, calls })
    }

    /// What it was asked so far.
    pub fn calls(&self) -> Vec<Notified> {
        let calls = self.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As if the user had closed the notification.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn dismiss(&self, id: u32) -> Result<()> {
        let body = (id, 2_u32);
        let member = "NotificationClosed";
        emit(&self.connection, None, PATH, NAME, member, &body)
    }
}
