/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Light and dark colors.

use capture_test_rig::services::{SettingsPortal, connect};
use zbus::zvariant::Value;

use super::services::settings_portal;
use super::{PATIENCE, Seen, on_private_buses};

const LIGHT: &str = "ColorSchemeChanged { scheme: Light }";
const DARK: &str = "ColorSchemeChanged { scheme: Dark }";

#[test]
fn the_portals_color_scheme_is_asked_and_followed() {
    on_private_buses(
        "appearance::the_portals_color_scheme_is_asked_and_followed",
        |place| {
            let _bus = place.session();
            let portal = settings_portal(2);
            let seen = Seen::new(true);
            assert_eq!(seen.next(PATIENCE), LIGHT);
            portal.change(1).unwrap();
            assert_eq!(seen.next(PATIENCE), DARK);
            // No preference counts as dark, and so does what nobody knows yet.
            portal.change(0).unwrap();
            portal.change(7).unwrap();
            seen.expect_nothing();
            portal.change(2).unwrap();
            assert_eq!(seen.next(PATIENCE), LIGHT);
        },
    );
}

#[test]
fn a_portal_that_comes_late_is_asked_and_one_that_goes_changes_nothing() {
    on_private_buses(
        "appearance::a_portal_that_comes_late_is_asked_and_one_that_goes_changes_nothing",
        |place| {
            let _bus = place.session();
            let seen = Seen::new(true);
            seen.expect_nothing();
            let portal = settings_portal(2);
            assert_eq!(seen.next(PATIENCE), LIGHT);
            drop(portal);
            seen.expect_nothing();
            let _again = settings_portal(1);
            assert_eq!(seen.next(PATIENCE), DARK);
        },
    );
}

#[test]
fn nobody_else_says_which_colors_people_have() {
    on_private_buses(
        "appearance::nobody_else_says_which_colors_people_have",
        |place| {
            let _bus = place.session();
            let portal = settings_portal(2);
            let seen = Seen::new(true);
            assert_eq!(seen.next(PATIENCE), LIGHT);
            let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
            let attacker = connect(&address).unwrap();
            let names = super::names(&attacker);
            let unique = names.iter().map(String::as_str);
            let unique = unique.filter(|name| name.starts_with(':'));
            for to in unique.map(Some).chain([None]) {
                SettingsPortal::changed(&attacker, to, &Value::from(1_u32)).unwrap();
            }
            // Nor does the portal by a word instead of a number.
            let words = Value::from("dark");
            SettingsPortal::changed(&portal.connection, None, &words).unwrap();
            seen.expect_nothing();
            portal.change(1).unwrap();
            assert_eq!(seen.next(PATIENCE), DARK);
        },
    );
}
