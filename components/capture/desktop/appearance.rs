/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether people have light or dark colors on their desktop, by the setting
//! `org.freedesktop.appearance` `color-scheme` of the desktop portal
//! (<https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Settings.html>).

use std::cell::Cell;
use std::time::Duration;

use async_io::Timer;
use crossbeam_channel::Sender;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, Message, MessageStream};

use super::bus::{Bus, Owners, next, signal_of};
use crate::core::Event;
use crate::indicator::ColorScheme;

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const APPEARANCE: &str = "org.freedesktop.appearance";
const COLOR_SCHEME: &str = "color-scheme";
/// The setting's value for people who prefer light colors; 1 is for dark ones, 0
/// for no preference, and there may be others one day.
const PREFERS_LIGHT: u32 = 2;
/// A setting that changes without end changes the indicator no more often.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells the service which colors people have.
pub(super) struct Appearance {
    events: Sender<Event>,
    /// What the service knows; kept when the portal goes.
    told: Cell<ColorScheme>,
}

impl Appearance {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self {
            events,
            told: Cell::default(),
        }
    }

    /// Listens for as long as there is a session bus.
    pub(super) async fn watch(&self) {
        Bus::Session
            .serve(async |connection| self.listen(connection).await)
            .await;
    }

    async fn listen(&self, connection: &Connection) -> zbus::Result<()> {
        let mut messages = MessageStream::from(connection);
        let mut owners = Owners::watch(connection, &[PORTAL]).await?;
        owners.subscribe(connection, PORTAL, SETTINGS).await?;
        let mut is_stale = true;
        loop {
            // A call to a name that nobody owns would start the portal.
            if is_stale
                && owners.is_owned(PORTAL)
                && let Some(value) = ask(connection).await
            {
                self.tell(&value).await;
            }
            let message = next(&mut messages).await?;
            is_stale = owners.changed(&message).is_some();
            if !is_stale
                && owners.sent(PORTAL, &message)
                && let Some(value) = heard(&message)
            {
                self.tell(&value).await;
            }
        }
    }

    /// What is no number says nothing.
    async fn tell(&self, value: &Value<'_>) {
        let Some(value) = number(value) else {
            return;
        };
        let scheme = match value {
            PREFERS_LIGHT => ColorScheme::Light,
            _ => ColorScheme::Dark,
        };
        if self.told.replace(scheme) != scheme {
            // Err: the service has ended.
            let _ = self.events.send(Event::ColorSchemeChanged { scheme });
            Timer::after(PAUSE).await;
        }
    }
}

/// The setting's value. Portals of version 1 put each value into one more variant.
fn number(value: &Value<'_>) -> Option<u32> {
    match value {
        Value::U32(number) => Some(*number),
        Value::Value(inner) => match &**inner {
            Value::U32(number) => Some(*number),
            _ => None,
        },
        _ => None,
    }
}

/// No answer: there is no such setting, which changes nothing.
async fn ask(connection: &Connection) -> Option<OwnedValue> {
    // `ReadOne` came with version 2.
    for method in ["ReadOne", "Read"] {
        let body = (APPEARANCE, COLOR_SCHEME);
        let reply = connection
            .call_method(Some(PORTAL), PATH, Some(SETTINGS), method, &body)
            .await
            .inspect_err(|error| log::debug!("{PORTAL} {method}: {error}"));
        if let Ok(reply) = reply {
            return reply.body().deserialize().ok();
        }
    }
    None
}

/// What a signal of the portal says of the setting, if anything.
fn heard(message: &Message) -> Option<OwnedValue> {
    let (interface, member) = signal_of(message)?;
    if interface != SETTINGS || member != "SettingChanged" {
        return None;
    }
    let body = message.body();
    let (namespace, key, value): (&str, &str, OwnedValue) = body.deserialize().ok()?;
    ((namespace, key) == (APPEARANCE, COLOR_SCHEME)).then_some(value)
}
