/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::collections::HashMap;
use std::io::{PipeReader, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::fdo;
use zbus::zvariant::{self, ObjectPath, OwnedObjectPath, Value};

use super::emit;

/// What the environment variable `XDG_SESSION_ID` names in tests.
pub const SESSION_ID: &str = "c7";
/// The object of that session.
pub const OUR_SESSION: &str = "/org/freedesktop/login1/session/c7";
/// The object of another user's session.
pub const OTHER_SESSION: &str = "/org/freedesktop/login1/session/c8";

const LOGIN1: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What the session manager says when it is asked, and what it was asked for.
#[derive(Clone, Debug, Default)]
pub struct LogindState {
    /// The machine is about to sleep.
    pub sleeps: Arc<AtomicBool>,
    /// The session is locked.
    pub locked: Arc<AtomicBool>,
    /// Another session is in front.
    pub switched: Arc<AtomicBool>,
    inhibited: Arc<Mutex<Vec<Inhibited>>>,
}

impl LogindState {
    /// Every lock on sleep that somebody has taken, the oldest first.
    pub fn with_inhibited<T>(&self, look: impl FnOnce(&[Inhibited]) -> T) -> T {
        look(
            &self
                .inhibited
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// How many of these are held.
    pub fn held(&self) -> usize {
        self.with_inhibited(|all| all.iter().filter(|one| one.is_held()).count())
    }
}

/// A lock that keeps the machine from something, as logind's `Inhibit` gives them.
#[derive(Debug)]
pub struct Inhibited {
    /// From what.
    pub what: String,
    /// Who holds it.
    pub who: String,
    /// What for.
    pub why: String,
    /// `delay` or `block`.
    pub mode: String,
    /// Reads the end of the file when every copy of the lock is closed.
    held: PipeReader,
}

impl Inhibited {
    /// Whether somebody still has it.
    pub fn is_held(&self) -> bool {
        let mut polled = [PollFd::from_borrowed_fd(self.held.as_fd(), PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // An error tells nothing of the lock; a test sees it held for too long.
        let ready = poll(&mut polled, Some(&at_once)).unwrap_or(0);
        ready == 0
    }
}

/// The session manager.
#[derive(Debug)]
pub struct Logind {
    /// What its signals come from.
    pub connection: Connection,
}

struct Manager(LogindState);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn get_session(&self, id: &str) -> fdo::Result<OwnedObjectPath> {
        if id == SESSION_ID {
            let path = ObjectPath::try_from(OUR_SESSION).map_err(zbus::Error::from)?;
            return Ok(path.into());
        }
        Err(fdo::Error::Failed(format!("no session {id}")))
    }

    fn inhibit(
        &self,
        what: String,
        who: String,
        why: String,
        mode: String,
    ) -> fdo::Result<zvariant::OwnedFd> {
        let (held, lock) = pipe().map_err(|error| fdo::Error::IOError(error.to_string()))?;
        let inhibited = Inhibited {
            what,
            who,
            why,
            mode,
            held,
        };
        let all = self.0.inhibited.lock();
        all.unwrap_or_else(PoisonError::into_inner).push(inhibited);
        Ok(OwnedFd::from(lock).into())
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
    /// Owns the session manager's name on the bus at `address` until it is dropped.
    ///
    /// # Errors
    /// There is no bus, or the name is taken.
    pub fn start(address: &str, state: &LogindState) -> Result<Self> {
        let connection = Builder::address(address)?
            .serve_at(MANAGER_PATH, Manager(state.clone()))?
            .serve_at(OUR_SESSION, Session(state.clone()))?
            .name(LOGIN1)?
            .build()?;
        Ok(Self { connection })
    }

    /// `Lock` or `Unlock` of a session.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn session_signal(&self, path: &str, member: &str) -> Result<()> {
        emit(&self.connection, None, path, SESSION, member, &())
    }

    /// The machine is about to sleep, or awake again.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn sleep(&self, begins: bool) -> Result<()> {
        let (path, member) = (MANAGER_PATH, "PrepareForSleep");
        emit(&self.connection, None, path, MANAGER, member, &(begins,))
    }

    /// A session's property has changed to this.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn property(&self, path: &str, name: &str, value: Value<'_>) -> Result<()> {
        Self::properties_changed(&self.connection, None, path, name, value)
    }

    /// As a property that changes without its value being sent.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn invalidate(&self, name: &str) -> Result<()> {
        let changed: HashMap<&str, Value<'_>> = HashMap::new();
        let body = (SESSION, changed, vec![name]);
        let (path, member) = (OUR_SESSION, "PropertiesChanged");
        emit(&self.connection, None, path, PROPERTIES, member, &body)
    }

    /// The same signal as [`property`](Self::property), from anybody to anybody.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn properties_changed(
        from: &Connection,
        to: Option<&str>,
        path: &str,
        name: &str,
        value: Value<'_>,
    ) -> Result<()> {
        let none: Vec<&str> = Vec::new();
        let changed = HashMap::from([(name, value)]);
        let body = (SESSION, changed, none);
        emit(from, to, path, PROPERTIES, "PropertiesChanged", &body)
    }
}
