/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A desktop notification of what is captured
//! (<https://specifications.freedesktop.org/notification-spec/latest/>), from the
//! start of the first capture to the end of the last.

use std::collections::HashMap;
use std::time::Duration;

use async_io::Timer;
use futures_lite::future::or;
use zbus::zvariant::Value;
use zbus::{Connection, Message, MessageStream};

use super::LiveCapture;
use super::bus::{Owners, next, signal_of};
use super::captures::sentences;
use super::presence::News;

const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// A page that starts and stops without end changes the notification no more
/// often than this.
const PAUSE: Duration = Duration::from_millis(200);
/// The notification stays until it is closed.
const NEVER_EXPIRES: i32 = 0;

/// Keeps the notification true until the connection is lost.
pub(super) async fn keep(
    connection: &Connection,
    captures: impl Fn() -> Vec<LiveCapture>,
    news: &News,
) -> zbus::Result<()> {
    let mut messages = MessageStream::from(connection);
    let mut owners = Owners::watch(connection, &[NOTIFICATIONS]).await?;
    owners
        .subscribe(connection, NOTIFICATIONS, NOTIFICATIONS)
        .await?;
    let mut notification = Notification::default();
    loop {
        let captures = captures();
        if captures != notification.told {
            // Until it is known to be otherwise.
            news.set_shown(true);
            notification.show(connection, captures).await;
            news.set_shown(notification.id.is_some());
            Timer::after(PAUSE).await;
        }
        let changed = async {
            news.changed().await;
            Ok(None)
        };
        let heard = async { next(&mut messages).await.map(Some) };
        if let Some(message) = or(changed, heard).await? {
            notification.hear(&mut owners, &message);
        }
    }
}

/// What is on the desktop.
#[derive(Default)]
struct Notification {
    /// Of the notification that is shown.
    id: Option<u32>,
    /// What it was asked to tell last, also if nobody could show it.
    told: Vec<LiveCapture>,
    /// The user closed it: it comes back when another capture starts.
    is_dismissed: bool,
}

impl Notification {
    async fn show(&mut self, connection: &Connection, captures: Vec<LiveCapture>) {
        let is_more = captures.iter().any(|capture| !self.told.contains(capture));
        self.told = captures;
        if self.told.is_empty() {
            self.is_dismissed = false;
            self.close(connection).await;
        } else if is_more || !self.is_dismissed {
            self.is_dismissed = false;
            self.notify(connection).await;
        }
    }

    async fn notify(&mut self, connection: &Connection) {
        let hints: HashMap<&str, Value<'_>> = HashMap::from([
            // Normal.
            ("urgency", Value::from(1_u8)),
            ("category", Value::from("device")),
        ]);
        let actions: &[&str] = &[];
        let notification = (
            "Servo",
            self.id.unwrap_or(0),
            "video-display",
            "Your screens are captured",
            sentences(&self.told).join("\n"),
            actions,
            hints,
            NEVER_EXPIRES,
        );
        let reply = call(connection, "Notify", &notification).await;
        self.id = reply.and_then(|reply| reply.body().deserialize().ok());
    }

    async fn close(&mut self, connection: &Connection) {
        if let Some(id) = self.id.take() {
            call(connection, "CloseNotification", &(id,)).await;
        }
    }

    /// Takes a message from the bus. Whatever is not the notification daemon's
    /// changes nothing.
    fn hear(&mut self, owners: &mut Owners, message: &Message) {
        if owners.changed(message).is_some() {
            // Another daemon knows nothing of what the last one showed.
            self.id = None;
            if owners.is_owned(NOTIFICATIONS) && !self.is_dismissed {
                self.told.clear();
            }
        } else if owners.sent(NOTIFICATIONS, message)
            && signal_of(message).is_some_and(|(_, member)| member == "NotificationClosed")
            && let Ok((id, _reason)) = message.body().deserialize::<(u32, u32)>()
            && self.id == Some(id)
        {
            self.id = None;
            self.is_dismissed = true;
        }
    }
}

/// No answer: there is nobody to show notifications, which changes nothing.
async fn call<B>(connection: &Connection, method: &str, body: &B) -> Option<Message>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    connection
        .call_method(Some(NOTIFICATIONS), PATH, Some(NOTIFICATIONS), method, body)
        .await
        .inspect_err(|error| log::debug!("{NOTIFICATIONS} {method}: {error}"))
        .ok()
}
