/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::{OwnedValue, Structure, Value};

const MENU: &str = "com.canonical.dbusmenu";
const MENU_PATH: &str = "/MenuBar";

/// The tray's side of the bus, which items register with.
#[derive(Debug)]
pub struct Watcher {
    /// What the items' owners are asked over.
    pub connection: Connection,
    items: Arc<Mutex<Vec<String>>>,
}

struct Interface(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Interface {
    fn register_status_notifier_item(&self, service: String) {
        let items = self.0.lock();
        items.unwrap_or_else(PoisonError::into_inner).push(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

impl Watcher {
    /// Owns the tray's name on the bus at `address` until it is dropped.
    ///
    /// # Errors
    /// There is no bus, or the name is taken.
    pub fn start(address: &str) -> Result<Self> {
        let items = Arc::default();
        let interface = Interface(Arc::clone(&items));
        let connection = Builder::address(address)?
            .serve_at("/StatusNotifierWatcher", interface)?
            .name("org.kde.StatusNotifierWatcher")?
            .build()?;
        Ok(Self { connection, items })
    }

    /// The items that have registered, by their bus names.
    pub fn items(&self) -> Vec<String> {
        let items = self.items.lock();
        items.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An item's tool tip: title and text.
    ///
    /// # Errors
    /// The item does not answer, or with something else.
    pub fn tool_tip(&self, item: &str) -> Result<(String, String)> {
        let reply = self.connection.call_method(
            Some(item),
            "/StatusNotifierItem",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.kde.StatusNotifierItem", "ToolTip"),
        )?;
        let value: OwnedValue = reply.body().deserialize()?;
        let Value::Structure(tip) = &*value else {
            bail!("no tool tip: {value:?}");
        };
        let text = |index: usize| match tip.fields().get(index) {
            Some(Value::Str(text)) => Ok(text.to_string()),
            other => bail!("no text in a tool tip: {other:?}"),
        };
        Ok((text(2)?, text(3)?))
    }

    /// The entries of an item's menu that have a text, with their numbers.
    ///
    /// # Errors
    /// As [`tool_tip`](Self::tool_tip).
    pub fn menu(&self, item: &str) -> Result<Vec<(String, i32)>> {
        let none: Vec<&str> = Vec::new();
        let body = (0_i32, -1_i32, none);
        let reply =
            self.connection
                .call_method(Some(item), MENU_PATH, Some(MENU), "GetLayout", &body)?;
        type Layout<'a> = (i32, HashMap<String, Value<'a>>, Vec<Value<'a>>);
        let body = reply.body();
        let (_, (_, _, children)): (u32, Layout<'_>) = body.deserialize()?;
        let mut entries = Vec::new();
        for child in children {
            let Value::Structure(child) = child else {
                bail!("no entry of a menu: {child:?}");
            };
            entries.extend(entry(&child)?);
        }
        Ok(entries)
    }

    /// Clicks the entry of an item's menu that has this text.
    ///
    /// # Errors
    /// There is none, or the item does not answer.
    pub fn click(&self, item: &str, label: &str) -> Result<()> {
        let entries = self.menu(item)?;
        let (_, id) = entries
            .iter()
            .find(|(found, _)| found == label)
            .with_context(|| format!("no {label} in {entries:?}"))?;
        let event = (*id, "clicked", Value::from(0_i32), 0_u32);
        self.connection
            .call_method(Some(item), MENU_PATH, Some(MENU), "Event", &event)?;
        Ok(())
    }
}

fn entry(child: &Structure<'_>) -> Result<Option<(String, i32)>> {
    let [Value::I32(id), Value::Dict(properties), _] = child.fields() else {
        bail!("no entry of a menu: {child:?}");
    };
    let label: Option<String> = properties.get(&"label")?;
    Ok(label.map(|label| (label, *id)))
}
