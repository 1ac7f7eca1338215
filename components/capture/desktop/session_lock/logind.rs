/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `org.freedesktop.login1`
//! (<https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.login1.html>):
//! the session's lock, who is in front of its seat, and the machine's sleep.

use std::collections::HashMap;
use std::{env, process};

use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Message, MessageStream};

use super::SessionLock;
use crate::core::LockReason;
use crate::desktop::bus::{Owners, next, signal_of};

const LOGIN1: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Votes for as long as the connection holds. When the session manager goes its
/// votes stay: it keeps its state over a restart, and is asked when it is back.
pub(super) async fn watch(connection: &Connection, lock: &SessionLock) -> zbus::Result<()> {
    let mut messages = MessageStream::from(connection);
    let mut owners = Owners::watch(connection, &[LOGIN1]).await?;
    for interface in [MANAGER, SESSION, PROPERTIES] {
        owners.subscribe(connection, LOGIN1, interface).await?;
    }
    let mut session = None;
    if owners.is_owned(LOGIN1) {
        session = ask(connection, lock).await;
    }
    loop {
        let message = next(&mut messages).await?;
        if owners.changed(&message).is_some() {
            if owners.is_owned(LOGIN1) {
                session = ask(connection, lock).await;
            }
        } else if owners.sent(LOGIN1, &message)
            && hear(&message, session.as_ref(), lock) == Heard::Stale
        {
            session = ask(connection, lock).await;
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Heard {
    /// The signal said everything.
    All,
    /// Something changed, and the signal does not say to what.
    Stale,
}

/// Takes a signal of the session manager. What is malformed or of another
/// session changes nothing.
fn hear(message: &Message, session: Option<&OwnedObjectPath>, lock: &SessionLock) -> Heard {
    let Some((interface, member)) = signal_of(message) else {
        return Heard::All;
    };
    let body = message.body();
    if (interface.as_str(), member.as_str()) == (MANAGER, "PrepareForSleep") {
        if let Ok(begins) = body.deserialize::<bool>() {
            lock.vote(LOGIN1, LockReason::Sleep, begins);
        }
        return Heard::All;
    }
    let header = message.header();
    let is_ours = header
        .path()
        .is_some_and(|path| session.is_some_and(|session| session.as_str() == path.as_str()));
    if !is_ours {
        return Heard::All;
    }
    match (interface.as_str(), member.as_str()) {
        (SESSION, "Lock") => lock.vote(LOGIN1, LockReason::Locked, true),
        (SESSION, "Unlock") => lock.vote(LOGIN1, LockReason::Locked, false),
        (PROPERTIES, "PropertiesChanged") => {
            let Ok((SESSION, changed, invalidated)) =
                body.deserialize::<(&str, HashMap<&str, Value<'_>>, Vec<&str>)>()
            else {
                return Heard::All;
            };
            if let Some(Value::Bool(locked)) = changed.get("LockedHint") {
                lock.vote(LOGIN1, LockReason::Locked, *locked);
            }
            if let Some(Value::Bool(active)) = changed.get("Active") {
                lock.vote(LOGIN1, LockReason::UserSwitched, !active);
            }
            if invalidated
                .iter()
                .any(|name| ["LockedHint", "Active"].contains(name))
            {
                return Heard::Stale;
            }
        }
        _ => {}
    }
    Heard::All
}

/// The present state. What does not answer changes nothing. Returns the session
/// to listen to.
async fn ask(connection: &Connection, lock: &SessionLock) -> Option<OwnedObjectPath> {
    if let Some(sleeps) = truth(connection, MANAGER_PATH, MANAGER, "PreparingForSleep").await {
        lock.vote(LOGIN1, LockReason::Sleep, sleeps);
    }
    let session = session(connection).await?;
    if let Some(locked) = truth(connection, &session, SESSION, "LockedHint").await {
        lock.vote(LOGIN1, LockReason::Locked, locked);
    }
    if let Some(active) = truth(connection, &session, SESSION, "Active").await {
        lock.vote(LOGIN1, LockReason::UserSwitched, !active);
    }
    Some(session)
}

/// The session that this process belongs to, or else the one that its user has
/// on a display: a browser started by a user's service manager is in none.
async fn session(connection: &Connection) -> Option<OwnedObjectPath> {
    let named = env::var("XDG_SESSION_ID").ok();
    for id in named.iter().map(String::as_str).chain(["auto"]) {
        if let Some(session) = object(connection, "GetSession", &id).await {
            return Some(session);
        }
    }
    let session = object(connection, "GetSessionByPID", &process::id()).await;
    if session.is_none() {
        log::info!("{LOGIN1} knows no session of this process: only sleep is heard of");
    }
    session
}

async fn object<B>(connection: &Connection, method: &str, argument: &B) -> Option<OwnedObjectPath>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    let reply = connection
        .call_method(Some(LOGIN1), MANAGER_PATH, Some(MANAGER), method, argument)
        .await
        .inspect_err(|error| log::debug!("{LOGIN1} {method}: {error}"))
        .ok()?;
    reply.body().deserialize().ok()
}

async fn truth(
    connection: &Connection,
    path: &str,
    interface: &str,
    property: &str,
) -> Option<bool> {
    let reply = connection
        .call_method(
            Some(LOGIN1),
            path,
            Some(PROPERTIES),
            "Get",
            &(interface, property),
        )
        .await
        .inspect_err(|error| log::debug!("{LOGIN1} {property}: {error}"))
        .ok()?;
    let value: OwnedValue = reply.body().deserialize().ok()?;
    bool::try_from(value).ok()
}
