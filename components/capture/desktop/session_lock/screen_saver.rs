/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The screen savers of the session bus. Their interfaces differ in the name
//! alone; the original is
//! <https://specifications.freedesktop.org/idle-inhibit-spec/latest/>, with the
//! signal `ActiveChanged` that the lockers of GNOME, KDE, Cinnamon, MATE and Xfce
//! all send.

use std::time::Duration;

use zbus::{Connection, Message, MessageStream};

use super::SessionLock;
use crate::core::LockReason;
use crate::desktop::bus::{Owners, next, signal_of, within};

/// The name, which is that of the interface too, and the object's path.
const SERVICES: [(&str, &str); 5] = [
    (
        "org.freedesktop.ScreenSaver",
        "/org/freedesktop/ScreenSaver",
    ),
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"),
    ("org.mate.ScreenSaver", "/org/mate/ScreenSaver"),
    ("org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"),
];

/// How long a screen saver may take to say whether it is on: signals of the
/// others wait meanwhile.
const ASK_TIMEOUT: Duration = Duration::from_millis(300);

/// Votes for as long as the connection holds. The vote of a screen saver goes
/// with the screen saver: nobody else would ever take it back.
pub(super) async fn watch(connection: &Connection, lock: &SessionLock) -> zbus::Result<()> {
    let mut messages = MessageStream::from(connection);
    let names = SERVICES.map(|(name, _)| name);
    let mut owners = Owners::watch(connection, &names).await?;
    for name in names {
        owners.subscribe(connection, name, name).await?;
    }
    for name in names {
        ask(connection, &owners, name, lock).await;
    }
    loop {
        let message = next(&mut messages).await?;
        if let Some(name) = owners.changed(&message) {
            ask(connection, &owners, name, lock).await;
            continue;
        }
        let sender = names.iter().find(|name| owners.sent(name, &message));
        if let Some(name) = sender
            && let Some(is_on) = heard(&message, name)
        {
            lock.vote(name, LockReason::ScreenSaver, is_on);
        }
    }
}

/// What a signal of the owner of `name` says, if anything. The path is not
/// looked at: KDE's screen saver has two.
fn heard(message: &Message, name: &str) -> Option<bool> {
    let (interface, member) = signal_of(message)?;
    if interface != name || member != "ActiveChanged" {
        return None;
    }
    message.body().deserialize().ok()
}

async fn ask(connection: &Connection, owners: &Owners, name: &'static str, lock: &SessionLock) {
    let mut is_on = false;
    let service = SERVICES.iter().find(|(other, _)| *other == name);
    // A call to a name that nobody owns would start the service.
    if owners.is_owned(name)
        && let Some((_, path)) = service
    {
        let reply = connection.call_method(Some(name), *path, Some(name), "GetActive", &());
        match within(ASK_TIMEOUT, reply).await {
            Ok(reply) => is_on = reply.body().deserialize().unwrap_or(false),
            Err(error) => log::debug!("{name}: {error}"),
        }
    }
    lock.vote(name, LockReason::ScreenSaver, is_on);
}
