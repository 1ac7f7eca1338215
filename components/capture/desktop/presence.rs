/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What people are told on the desktop while something is captured, by a
//! notification and an item in the tray; and what the machine is.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use async_channel::{Receiver, Sender, bounded};
use async_io::Timer;
use futures_lite::future::or;
use zbus::Connection;

use super::bus::Bus;
use super::tray::{Clicks, Tray};
use super::{LiveCapture, inhibitor, notification};

/// What the thread shares with both.
pub(super) struct Presence {
    captures: RefCell<Vec<LiveCapture>>,
    notification: News,
    tray: News,
    sleep: News,
    clicks: Clicks,
}

/// For one of those that do something about the captures.
pub(super) struct News {
    changed: (Sender<()>, Receiver<()>),
    withdrawn: (Sender<()>, Receiver<()>),
    is_shown: Cell<bool>,
}

impl News {
    fn new() -> Self {
        Self {
            changed: bounded(1),
            withdrawn: bounded(1),
            is_shown: Cell::new(false),
        }
    }

    fn ring(&self) {
        // Full: it has not looked yet, and will find the newest.
        let _ = self.changed.0.try_send(());
    }

    /// Returns when the captures may have changed.
    pub(super) async fn changed(&self) {
        // Err: the channel is never closed, as both its ends are here.
        let _ = self.changed.1.recv().await;
    }

    /// Whether people see something of it now.
    pub(super) fn set_shown(&self, is_shown: bool) {
        self.is_shown.set(is_shown);
        if !is_shown {
            // Full: nobody has waited for the last time.
            let _ = self.withdrawn.0.try_send(());
        }
    }

    async fn withdrawn(&self) {
        while self.is_shown.get() {
            // Err: as in `changed`.
            let _ = self.withdrawn.1.recv().await;
        }
    }
}

impl Presence {
    pub(super) fn new(clicks: Clicks) -> Self {
        Self {
            captures: RefCell::default(),
            notification: News::new(),
            tray: News::new(),
            sleep: News::new(),
            clicks,
        }
    }

    /// What is captured now.
    pub(super) fn captures(&self) -> Vec<LiveCapture> {
        self.captures.borrow().clone()
    }

    /// Something else is captured from now on.
    pub(super) fn set(&self, captures: Vec<LiveCapture>) {
        self.captures.replace(captures);
        self.notification.ring();
        self.tray.ring();
        self.sleep.ring();
    }

    /// Nothing is shown any more, as far as that can be had within `timeout`.
    pub(super) async fn withdraw(&self, timeout: Duration) {
        self.set(Vec::new());
        let withdrawn = async {
            self.notification.withdrawn().await;
            self.tray.withdrawn().await;
        };
        let late = async {
            Timer::after(timeout).await;
        };
        or(withdrawn, late).await;
    }

    /// Shows what is captured for as long as there is a session bus.
    pub(super) async fn keep(&self) {
        Bus::Session
            .serve(async |connection| self.show(connection).await)
            .await;
    }

    /// Lets the machine wait with its sleep while something is captured, for as
    /// long as there is a system bus.
    pub(super) async fn delay_sleep(&self) {
        let is_capturing = || !self.captures.borrow().is_empty();
        Bus::System
            .serve(async |connection| inhibitor::keep(connection, is_capturing, &self.sleep).await)
            .await;
    }

    async fn show(&self, connection: &Connection) -> zbus::Result<()> {
        let mut tray = Tray::new(self.clicks.clone());
        let showing = async {
            loop {
                tray.update(self.captures(), &self.tray).await;
                self.tray.changed().await;
            }
        };
        let notified = notification::keep(connection, || self.captures(), &self.notification);
        let ended = or(notified, showing).await;
        // The bus is gone, and whatever was shown with it.
        tray.update(Vec::new(), &self.tray).await;
        self.notification.set_shown(false);
        ended
    }
}
