/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use anyhow::Result;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;

use super::{connect, emit};

/// A screen saver, by the name that it owns and whose interface it has.
#[derive(Debug)]
pub struct ScreenSaver {
    /// What its signals come from.
    pub connection: Connection,
    name: &'static str,
}

/// GNOME's, which says when it is asked whether it is on.
struct Gnome(bool);

#[zbus::interface(name = "org.gnome.ScreenSaver")]
impl Gnome {
    fn get_active(&self) -> bool {
        self.0
    }
}

impl ScreenSaver {
    /// Owns the name on the bus at `address` until it is dropped, and answers nothing.
    ///
    /// # Errors
    /// There is no bus, or the name is taken.
    pub fn start(address: &str, name: &'static str) -> Result<Self> {
        let connection = connect(address)?;
        connection.request_name(name)?;
        Ok(Self { connection, name })
    }

    /// GNOME's, which is on or off already.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_gnome(address: &str, is_on: bool) -> Result<Self> {
        let name = "org.gnome.ScreenSaver";
        let connection = Builder::address(address)?
            .serve_at("/org/gnome/ScreenSaver", Gnome(is_on))?
            .name(name)?
            .build()?;
        Ok(Self { connection, name })
    }

    /// Says that it is on or off.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn active_changed(&self, is_on: bool) -> Result<()> {
        let (path, member) = ("/ScreenSaver", "ActiveChanged");
        emit(&self.connection, None, path, self.name, member, &(is_on,))
    }
}
