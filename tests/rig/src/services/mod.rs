/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The services of a desktop, as far as tests need them, on a [`MessageBus`](crate::MessageBus).

mod logind;
mod notifications;
mod portal;
mod screen_saver;
mod tray;

use anyhow::{Context, Result};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::DynamicType;
pub use zbus::zvariant::Value;

pub use self::logind::{Inhibited, Logind, LogindState, OTHER_SESSION, OUR_SESSION, SESSION_ID};
pub use self::notifications::{Notifications, Notified};
pub use self::portal::SettingsPortal;
pub use self::screen_saver::ScreenSaver;
pub use self::tray::Watcher;

/// Sends a signal, to everybody or to one connection.
///
/// # Errors
/// The bus is gone.
pub fn emit<B>(
    connection: &Connection,
    to: Option<&str>,
    path: &str,
    interface: &str,
    member: &str,
    body: &B,
) -> Result<()>
where
    B: serde::Serialize + DynamicType,
{
    connection
        .emit_signal(to, path, interface, member, body)
        .with_context(|| format!("sending {member}"))
}

/// A connection to the bus at an address.
///
/// # Errors
/// There is no bus.
pub fn connect(address: &str) -> Result<Connection> {
    let builder = Builder::address(address)?;
    builder
        .build()
        .with_context(|| format!("connecting to {address}"))
}
