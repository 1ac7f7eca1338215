/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use anyhow::Result;
use capture_test_rig::MessageBus;
use tempfile::TempDir;

/// A system bus and a session bus of the test's own, on which it plays the services.
#[derive(Debug)]
pub struct Buses {
    /// The system's.
    pub system: MessageBus,
    /// The session's.
    pub session: MessageBus,
    folder: TempDir,
}

impl Buses {
    /// Starts both.
    ///
    /// # Errors
    /// They do not start.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self {
            system: MessageBus::start(&folder.path().join("system"))?,
            session: MessageBus::start(&folder.path().join("session"))?,
            folder,
        })
    }

    /// What `DBUS_SYSTEM_BUS_ADDRESS` is.
    pub fn system_address(&self) -> String {
        MessageBus::address(&self.folder.path().join("system"))
    }

    /// What `DBUS_SESSION_BUS_ADDRESS` is.
    pub fn session_address(&self) -> String {
        MessageBus::address(&self.folder.path().join("session"))
    }
}
