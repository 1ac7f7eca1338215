/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The item in the tray.

use std::collections::HashMap;

use zbus::zvariant::{OwnedValue, Structure, Value};

use super::services::Watcher;
use super::{PATIENCE, Seen, capture, eventually, names, on_private_buses};

/// The item that has registered, by its bus name.
fn item(watcher: &Watcher, number: usize) -> String {
    eventually("an item", || watcher.items.lock().get(number).cloned())
}

/// An item's tool tip: title and text.
fn tool_tip(watcher: &Watcher, item: &str) -> (String, String) {
    let body = ("org.kde.StatusNotifierItem", "ToolTip");
    let properties = Some("org.freedesktop.DBus.Properties");
    let path = "/StatusNotifierItem";
    let connection = &watcher.connection;
    let reply = connection.call_method(Some(item), path, properties, "Get", &body);
    let value: OwnedValue = reply.unwrap().body().deserialize().unwrap();
    let Value::Structure(tip) = &*value else {
        panic!("{value:?}");
    };
    let text = |index: usize| match &tip.fields()[index] {
        Value::Str(text) => text.to_string(),
        other => panic!("{other:?}"),
    };
    (text(2), text(3))
}

/// The entries of an item's menu that have a text, with their numbers.
fn menu(watcher: &Watcher, item: &str) -> Vec<(String, i32)> {
    let none: Vec<&str> = Vec::new();
    let reply = watcher.connection.call_method(
        Some(item),
        "/MenuBar",
        Some("com.canonical.dbusmenu"),
        "GetLayout",
        &(0_i32, -1_i32, none),
    );
    type Layout<'a> = (i32, HashMap<String, Value<'a>>, Vec<Value<'a>>);
    let reply = reply.unwrap();
    let body = reply.body();
    let (_, (_, _, children)): (u32, Layout<'_>) = body.deserialize().unwrap();
    let mut entries = Vec::new();
    for child in children {
        let Value::Structure(child) = child else {
            panic!("{child:?}");
        };
        entries.extend(entry(&child));
    }
    entries
}

fn entry(child: &Structure<'_>) -> Option<(String, i32)> {
    let [Value::I32(id), Value::Dict(properties), _] = child.fields() else {
        panic!("{child:?}");
    };
    let label: Option<String> = properties.get(&"label").unwrap();
    Some((label?, *id))
}

fn click(watcher: &Watcher, item: &str, label: &str) {
    let entries = menu(watcher, item);
    let entry = entries.iter().find(|(found, _)| found == label);
    let id = entry.unwrap_or_else(|| panic!("{label}: {entries:?}")).1;
    let event = (id, "clicked", Value::from(0_i32), 0_u32);
    watcher
        .connection
        .call_method(
            Some(item),
            "/MenuBar",
            Some("com.canonical.dbusmenu"),
            "Event",
            &event,
        )
        .unwrap();
}

fn labels(watcher: &Watcher, item: &str) -> Vec<String> {
    let entries = menu(watcher, item).into_iter();
    entries.map(|(label, _)| label).collect()
}

#[test]
fn it_names_who_captures_for_as_long_as_somebody_does() {
    on_private_buses(
        "tray::it_names_who_captures_for_as_long_as_somebody_does",
        |place| {
            let _bus = place.session();
            let watcher = Watcher::start();
            let seen = Seen::new(true);
            let captures = ["https://a_b.example", "https://c.example"].map(capture);
            seen.tell(&captures[..1]);
            let item = item(&watcher, 0);
            let (title, text) = tool_tip(&watcher, &item);
            assert_eq!(title, "Your screens are captured");
            assert_eq!(text, captures[0].sentence());
            let escaped = captures[0].sentence().replace('_', "__");
            assert!(labels(&watcher, &item).contains(&escaped));
            seen.tell(&captures);
            let both = captures
                .each_ref()
                .map(|capture| capture.sentence())
                .join("\n");
            eventually("both are named", || {
                (tool_tip(&watcher, &item).1 == both).then_some(())
            });
            seen.tell(&[]);
            eventually("the item is gone", || {
                (!names(&watcher.connection).contains(&item)).then_some(())
            });
        },
    );
}

#[test]
fn its_menu_tells_and_stops() {
    on_private_buses("tray::its_menu_tells_and_stops", |place| {
        let _bus = place.session();
        let watcher = Watcher::start();
        let seen = Seen::new(true);
        seen.tell(&[capture("https://a.example")]);
        let item = item(&watcher, 0);
        click(&watcher, &item, "What is captured?");
        assert_eq!(seen.next(PATIENCE), "UserActed { action: ShowInformation }");
        click(&watcher, &item, "Stop all captures");
        assert_eq!(seen.next(PATIENCE), "UserActed { action: Stop }");
    });
}

#[test]
fn it_offers_no_stop_that_the_policy_does_not_allow() {
    on_private_buses(
        "tray::it_offers_no_stop_that_the_policy_does_not_allow",
        |place| {
            let _bus = place.session();
            let watcher = Watcher::start();
            let seen = Seen::new(false);
            seen.tell(&[capture("https://a.example")]);
            let labels = labels(&watcher, &item(&watcher, 0));
            assert!(labels.contains(&"What is captured?".to_owned()));
            assert!(!labels.contains(&"Stop all captures".to_owned()));
        },
    );
}

#[test]
fn a_tray_that_comes_late_or_comes_again_has_it() {
    on_private_buses(
        "tray::a_tray_that_comes_late_or_comes_again_has_it",
        |place| {
            let _bus = place.session();
            let seen = Seen::new(true);
            seen.tell(&[capture("https://a.example")]);
            seen.expect_nothing();
            let first = item(&Watcher::start(), 0);
            let watcher = Watcher::start();
            assert_eq!(item(&watcher, 0), first);
            tool_tip(&watcher, &first);
        },
    );
}
