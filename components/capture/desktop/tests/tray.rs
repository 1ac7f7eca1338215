/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The item in the tray.

use capture_test_rig::services::Watcher;

use super::services::watcher;
use super::{PATIENCE, Seen, capture, eventually, names, on_private_buses};

/// The item that has registered, by its bus name.
fn item(tray: &Watcher, number: usize) -> String {
    eventually("an item", || tray.items().get(number).cloned())
}

fn labels(tray: &Watcher, item: &str) -> Vec<String> {
    let entries = tray.menu(item).unwrap().into_iter();
    entries.map(|(label, _)| label).collect()
}

#[test]
fn it_names_who_captures_for_as_long_as_somebody_does() {
    on_private_buses(
        "tray::it_names_who_captures_for_as_long_as_somebody_does",
        |place| {
            let _bus = place.session();
            let tray = watcher();
            let seen = Seen::new(true);
            let captures = ["https://a_b.example", "https://c.example"].map(capture);
            seen.tell(&captures[..1]);
            let item = item(&tray, 0);
            let (title, text) = tray.tool_tip(&item).unwrap();
            assert_eq!(title, "Your screens are captured");
            assert_eq!(text, captures[0].sentence());
            let escaped = captures[0].sentence().replace('_', "__");
            assert!(labels(&tray, &item).contains(&escaped));
            seen.tell(&captures);
            let both = captures
                .each_ref()
                .map(|capture| capture.sentence())
                .join("\n");
            eventually("both are named", || {
                (tray.tool_tip(&item).unwrap().1 == both).then_some(())
            });
            seen.tell(&[]);
            eventually("the item is gone", || {
                (!names(&tray.connection).contains(&item)).then_some(())
            });
        },
    );
}

#[test]
fn its_menu_tells_and_stops() {
    on_private_buses("tray::its_menu_tells_and_stops", |place| {
        let _bus = place.session();
        let tray = watcher();
        let seen = Seen::new(true);
        seen.tell(&[capture("https://a.example")]);
        let item = item(&tray, 0);
        tray.click(&item, "What is captured?").unwrap();
        assert_eq!(seen.next(PATIENCE), "UserActed { action: ShowInformation }");
        tray.click(&item, "Stop all captures").unwrap();
        assert_eq!(seen.next(PATIENCE), "UserActed { action: Stop }");
    });
}

#[test]
fn it_offers_no_stop_that_the_policy_does_not_allow() {
    on_private_buses(
        "tray::it_offers_no_stop_that_the_policy_does_not_allow",
        |place| {
            let _bus = place.session();
            let tray = watcher();
            let seen = Seen::new(false);
            seen.tell(&[capture("https://a.example")]);
            let labels = labels(&tray, &item(&tray, 0));
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
            let first = item(&watcher(), 0);
            let tray = watcher();
            assert_eq!(item(&tray, 0), first);
            tray.tool_tip(&first).unwrap();
        },
    );
}
