/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Connections to the message buses, and whom to believe there.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future::or;
use zbus::connection::Builder;
use zbus::fdo::{DBusProxy, NameOwnerChanged};
use zbus::message::Type;
use zbus::names::{BusName, OwnedUniqueName};
use zbus::{Connection, MatchRule, Message};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a service may take to answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Messages that may wait for this process before its connection is no longer
/// read.
const MAX_QUEUED: usize = 256;
/// How often in a row a connection may fail before the bus is given up: with the
/// pauses, about a minute.
const MAX_ATTEMPTS: u32 = 8;
/// The pause after the first failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A connection that held for so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// A well-known message bus, at the address that the environment names
/// (<https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-types>).
#[derive(Clone, Copy, Debug)]
pub(super) enum Bus {
    System,
    Session,
}

impl fmt::Display for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::System => "the system bus",
            Self::Session => "the session bus",
        })
    }
}

impl Bus {
    async fn connect(self) -> zbus::Result<Connection> {
        let builder = match self {
            Self::System => Builder::system()?,
            Self::Session => Builder::session()?,
        };
        let connection = builder
            // The connection is driven by `serve`: no thread of its own.
            .internal_executor(false)
            .method_timeout(CALL_TIMEOUT)
            .max_queued(MAX_QUEUED)
            .build();
        within(CONNECT_TIMEOUT, connection).await
    }

    /// Connects, lets `session` run until it ends with the connection, and
    /// connects again, for as long as there is hope.
    pub(super) async fn serve(self, mut session: impl AsyncFnMut(&Connection) -> zbus::Result<()>) {
        let mut failures = 0;
        loop {
            match self.connect().await {
                Ok(connection) => {
                    let begun = Instant::now();
                    let executor = connection.executor().clone();
                    let driver = async {
                        loop {
                            executor.tick().await;
                        }
                    };
                    let ended = or(session(&connection), driver).await;
                    log::info!("{self} is gone: {ended:?}");
                    if begun.elapsed() >= GOOD {
                        failures = 0;
                    }
                }
                Err(error) => log::debug!("{self} cannot be reached: {error}"),
            }
            failures += 1;
            if failures == MAX_ATTEMPTS {
                log::info!("{self} is not asked any more");
                return;
            }
            Timer::after(FIRST_PAUSE * 2_u32.pow(failures - 1)).await;
        }
    }
}

/// The future's outcome, or an error at the deadline.
pub(super) async fn within<T>(
    timeout: Duration,
    future: impl Future<Output = zbus::Result<T>>,
) -> zbus::Result<T> {
    let late = async {
        Timer::after(timeout).await;
        let error = io::Error::from(io::ErrorKind::TimedOut);
        Err(zbus::Error::InputOutput(Arc::new(error)))
    };
    or(future, late).await
}

/// The next message, or an error when the connection is lost.
pub(super) async fn next(messages: &mut zbus::MessageStream) -> zbus::Result<Message> {
    use futures_lite::StreamExt;
    let lost = || {
        Err(zbus::Error::from(io::Error::from(
            io::ErrorKind::BrokenPipe,
        )))
    };
    messages.next().await.unwrap_or_else(lost)
}

/// What a signal says it is: its interface and name.
pub(super) fn signal_of(message: &Message) -> Option<(String, String)> {
    let header = message.header();
    if header.message_type() != Type::Signal {
        return None;
    }
    Some((
        header.interface()?.to_string(),
        header.member()?.to_string(),
    ))
}

/// Who owns the names that are believed. A signal can be sent by anybody to
/// anybody; only the sender's unique name cannot be forged.
pub(super) struct Owners(BTreeMap<&'static str, Option<OwnedUniqueName>>);

impl Owners {
    /// Finds the owners and hears of their changes. The connection's messages
    /// must be read from before this, so that no change is missed.
    pub(super) async fn watch(
        connection: &Connection,
        names: &[&'static str],
    ) -> zbus::Result<Self> {
        let bus = DBusProxy::new(connection).await?;
        let mut owners = BTreeMap::new();
        for &name in names {
            let rule = MatchRule::builder()
                .msg_type(Type::Signal)
                .sender("org.freedesktop.DBus")?
                .interface("org.freedesktop.DBus")?
                .member("NameOwnerChanged")?
                .arg(0, name)?
                .build();
            bus.add_match_rule(rule).await?;
            // Err: nobody owns it.
            let owner = bus.get_name_owner(BusName::try_from(name)?).await.ok();
            owners.insert(name, owner);
        }
        Ok(Self(owners))
    }

    /// Asks the bus for the signals of one interface of a name's owner.
    pub(super) async fn subscribe(
        &self,
        connection: &Connection,
        name: &str,
        interface: &str,
    ) -> zbus::Result<()> {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(name)?
            .interface(interface)?
            .build();
        let bus = DBusProxy::new(connection).await?;
        Ok(bus.add_match_rule(rule).await?)
    }

    /// Takes a change of an owner, and answers whose it is.
    pub(super) fn changed(&mut self, message: &Message) -> Option<&'static str> {
        // The bus itself: nobody else can have this sender.
        if message.header().sender()?.as_str() != "org.freedesktop.DBus" {
            return None;
        }
        let change = NameOwnerChanged::from_message(message.clone())?;
        let args = change.args().ok()?;
        let (&name, owner) = self
            .0
            .iter_mut()
            .find(|(name, _)| **name == args.name().as_str())?;
        *owner = args.new_owner().as_ref().map(|new| new.to_owned().into());
        Some(name)
    }

    /// Whether somebody owns the name.
    pub(super) fn is_owned(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(Option::is_some)
    }

    /// Whether the name's owner sent the message.
    pub(super) fn sent(&self, name: &str, message: &Message) -> bool {
        let owner = self.0.get(name).and_then(Option::as_ref);
        owner.is_some_and(|owner| {
            message
                .header()
                .sender()
                .is_some_and(|sender| sender.as_str() == owner.as_str())
        })
    }
}
