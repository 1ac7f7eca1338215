/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who has put an entry of the allowlist there, and where it stands; and what no
//! hand would write into a managed file.

use std::fs::File;

use super::*;
use crate::policy::PreferenceLayer;

fn listed(setup: &Setup) -> Vec<(String, PreferenceLayer, String)> {
    let root = format!("{}/", setup.directory.path().display());
    let (loaded, _) = setup.load();
    let patterns = loaded.listed.iter().map(|entry| entry.pattern.clone());
    assert!(patterns.eq(loaded.policy.all_screens_allowed_origins));
    loaded
        .listed
        .iter()
        .map(|entry| {
            let place = entry.location.to_string().replace(&root, "");
            (entry.pattern.to_string(), entry.layer, place)
        })
        .collect()
}

#[test]
fn every_entry_has_its_layer_and_its_line() {
    assert_eq!(listed(&Setup::new()), []);
    let user =
        format!("{{\"{ALL_SCREENS_ALLOWED_ORIGINS}\": [\n\"https://a.test\",\n  \"b.test\"]}}");
    let setup = Setup::new().user(&user);
    let entry = |pattern: &str, layer, place: &str| (pattern.to_owned(), layer, place.to_owned());
    assert_eq!(
        listed(&setup),
        [
            entry("https://a.test", PreferenceLayer::User, "user.json:2:1"),
            entry("b.test", PreferenceLayer::User, "user.json:3:3"),
        ]
    );
    let setup = setup.argument(&format!("{ALL_SCREENS_ALLOWED_ORIGINS}=[\"c.test\"]"));
    let found = listed(&setup);
    assert_eq!(
        (&*found[0].0, found[0].1),
        ("c.test", PreferenceLayer::User)
    );
    assert!(found[0].2.starts_with("--pref "), "{found:?}");
    let setup = setup.managed("a.json", origins(&["d.test"]));
    let layer = PreferenceLayer::Managed;
    assert_eq!(listed(&setup)[0].1, layer);
    assert!(listed(&setup)[0].2.starts_with("managed/a.json:1:"));
    // Nobody is listed where capture is turned off.
    assert_eq!(listed(&setup.managed("b.json", "{")), []);
}

#[test]
fn a_managed_file_that_ends_anywhere_before_its_end_turns_capture_off() {
    let whole = origins(&["https://a.test", "https://[*.]b.test"]);
    for end in 0..whole.len() {
        let setup = Setup::new()
            .user(origins(&["*"]))
            .managed("a.json", &whole[..end]);
        let (loaded, _) = setup.load();
        assert!(!loaded.policy.allows_anybody(), "{:?}", &whole[..end]);
        let problems = setup.problems();
        assert!(problems[0].starts_with("managed/a.json:1:"), "{problems:?}");
    }
    let (loaded, _) = Setup::new().managed("a.json", &whole).load();
    assert!(loaded.policy.allows_anybody());
}

#[test]
fn a_huge_managed_file_is_not_read_whole() {
    let setup = Setup::new().user(origins(&["*"])).managed("a.json", "{}");
    // A hole: it has no bytes on the disk.
    let file = File::options()
        .write(true)
        .open(setup.managed_path("a.json"));
    file.unwrap().set_len(100 * 1024 * 1024 * 1024).unwrap();
    let (loaded, _) = setup.load();
    assert!(!loaded.policy.allows_anybody());
    assert!(setup.problems()[0].contains("at most 1048576 bytes"));
}

#[test]
fn deep_nesting_in_a_managed_file_turns_capture_off() {
    let deep = |open: &str, close: &str| {
        let depth = 100_000;
        let value = format!("{}0{}", open.repeat(depth), close.repeat(depth));
        let text = format!("{{\"{ALL_SCREENS_ALLOWED_ORIGINS}\": {value}}}");
        Setup::new().user(origins(&["*"])).managed("a.json", text)
    };
    for setup in [deep("[", "]"), deep("{\"a\":", "}"), deep("[", "")] {
        let (loaded, _) = setup.load();
        assert!(!loaded.policy.allows_anybody());
        assert!(!setup.problems().is_empty());
    }
}
