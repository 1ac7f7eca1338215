/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::fdo;
use zbus::zvariant::{OwnedValue, Value};

use super::emit;

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const APPEARANCE: &str = "org.freedesktop.appearance";
const COLOR_SCHEME: &str = "color-scheme";

/// The desktop portal's settings: whether people prefer dark (1) or light (2) colors, or none (0).
#[derive(Debug)]
pub struct SettingsPortal {
    /// What its signals come from.
    pub connection: Connection,
    scheme: Arc<AtomicU32>,
}

struct Interface(Arc<AtomicU32>);

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Interface {
    fn read_one(&self, namespace: &str, key: &str) -> fdo::Result<OwnedValue> {
        if (namespace, key) != (APPEARANCE, COLOR_SCHEME) {
            return Err(fdo::Error::Failed(format!("no {namespace} {key}")));
        }
        let scheme = Value::from(self.0.load(Ordering::SeqCst));
        Ok(OwnedValue::try_from(scheme).map_err(zbus::Error::from)?)
    }
}

impl SettingsPortal {
    /// Owns the portal's name on the bus at `address` until it is dropped.
    ///
    /// # Errors
    /// There is no bus, or the name is taken.
    pub fn start(address: &str, scheme: u32) -> Result<Self> {
        let scheme = Arc::new(AtomicU32::new(scheme));
        let connection = Builder::address(address)?
            .serve_at(PATH, Interface(Arc::clone(&scheme)))?
            .name(NAME)?
            .build()?;
        Ok(Self { connection, scheme })
    }

    /// People prefer other colors from now on.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn change(&self, scheme: u32) -> Result<()> {
        self.scheme.store(scheme, Ordering::SeqCst);
        Self::changed(&self.connection, None, &Value::from(scheme))
    }

    /// The signal of a change, from anybody to anybody, with any value.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn changed(from: &Connection, to: Option<&str>, value: &Value<'_>) -> Result<()> {
        let body = (APPEARANCE, COLOR_SCHEME, value);
        emit(from, to, PATH, SETTINGS, "SettingChanged", &body)
    }
}
