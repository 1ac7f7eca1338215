/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Asks `logind` to wait with the machine's sleep until nothing is captured any
//! more (<https://systemd.io/INHIBITOR_LOCKS/>): what is to be stopped by
//! `PrepareForSleep` (`session_lock`) has stopped before, and is in the record.
//!
//! A lock of the kind `delay`, which `logind` waits for some seconds at most: it
//! keeps nobody's machine awake.

use futures_lite::future::or;
use zbus::zvariant::OwnedFd;
use zbus::{Connection, MessageStream};

use super::bus::{Owners, next};
use super::presence::News;

const LOGIN1: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";

/// Holds the lock while something is captured, until the connection is lost.
pub(super) async fn keep(
    connection: &Connection,
    is_capturing: impl Fn() -> bool,
    news: &News,
) -> zbus::Result<()> {
    let mut messages = MessageStream::from(connection);
    let mut owners = Owners::watch(connection, &[LOGIN1]).await?;
    let mut lock = None;
    loop {
        if !is_capturing() {
            // Closing the descriptor lets the machine sleep.
            lock = None;
        } else if lock.is_none() && owners.is_owned(LOGIN1) {
            lock = take(connection).await;
        }
        let changed = async {
            news.changed().await;
            Ok(None)
        };
        let heard = async { next(&mut messages).await.map(Some) };
        if let Some(message) = or(changed, heard).await?
            && owners.changed(&message).is_some()
        {
            // The next session manager knows nothing of the last one's locks.
            lock = None;
        }
    }
}

/// No answer: nobody here delays anything, which changes nothing.
async fn take(connection: &Connection) -> Option<OwnedFd> {
    let (who, why) = ("Servo", "Screen captures end before the machine sleeps");
    let body = ("sleep", who, why, "delay");
    let reply = connection
        .call_method(Some(LOGIN1), PATH, Some(MANAGER), "Inhibit", &body)
        .await
        .inspect_err(|error| log::debug!("{LOGIN1} Inhibit: {error}"))
        .ok()?;
    reply.body().deserialize().ok()
}
