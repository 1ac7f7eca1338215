/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The preferences of the record.

use std::path::Path;

use super::super::super::{
    RECORD_DIRECTORY, RECORD_ENABLED, RECORD_MAX_BYTES, RECORD_MAX_FILES, RECORD_REQUIRED,
};
use super::*;

#[test]
fn a_record_is_shipped_and_not_required() {
    let (loaded, _) = Setup::new().load();
    let shipped = RecordSettings {
        enabled: true,
        ..RecordSettings::default()
    };
    assert_eq!(loaded.record, shipped);
    assert!(!loaded.policy.record_required);
}

#[test]
fn each_preference_of_the_record_is_taken() {
    let (loaded, _) = Setup::new()
        .user(format!(
            "{{\"{RECORD_ENABLED}\": false, \"{RECORD_DIRECTORY}\": \"/var/lib/record\", \
             \"{RECORD_MAX_BYTES}\": 65536, \"{RECORD_MAX_FILES}\": 2, \"{RECORD_REQUIRED}\": true}}"
        ))
        .load();
    let expected = RecordSettings {
        enabled: false,
        directory: Some(Path::new("/var/lib/record").to_owned()),
        max_bytes: 65536,
        max_files: 2,
    };
    assert_eq!(loaded.record, expected);
    assert!(loaded.policy.record_required);
}

#[test]
fn an_empty_directory_is_the_default_one() {
    let (loaded, _) = Setup::new()
        .user(format!("{{\"{RECORD_DIRECTORY}\": \"/elsewhere\"}}"))
        .argument(&format!("{RECORD_DIRECTORY}=\"\""))
        .load();
    assert_eq!(loaded.record.directory, None);
}

#[test]
fn what_makes_no_sense_for_a_record_is_refused_in_its_place() {
    let check = |name: &str, value: &str, expected: &str| {
        let column = name.len() + 6;
        let error = format!("user.json:1:{column}: preference \"{name}\": expected {expected}");
        check_user_error(format!("{{\"{name}\": {value}}}"), &error);
    };
    check(RECORD_ENABLED, "1", "true or false, found 1");
    check(RECORD_REQUIRED, "null", "true or false, found null");
    let bytes = "a whole number from 65536 to 1099511627776, found";
    check(RECORD_MAX_BYTES, "65535", &format!("{bytes} 65535"));
    check(RECORD_MAX_BYTES, "-1", &format!("{bytes} -1"));
    check(RECORD_MAX_BYTES, "1e6", &format!("{bytes} 1000000"));
    check(
        RECORD_MAX_FILES,
        "1",
        "a whole number from 2 to 1000, found 1",
    );
    let path = "an absolute path, or an empty text for the default one, found";
    check(
        RECORD_DIRECTORY,
        "\"state\"",
        &format!("{path} the text \"state\""),
    );
    check(RECORD_DIRECTORY, "false", &format!("{path} false"));
}

#[test]
fn a_user_cannot_take_back_what_the_administrator_wants_recorded() {
    let (loaded, _) = Setup::new()
        .managed(
            "a.json",
            format!("{{\"{RECORD_REQUIRED}\": true, \"{RECORD_ENABLED}\": true}}"),
        )
        .argument(&format!("{RECORD_REQUIRED}=false"))
        .argument(&format!("{RECORD_ENABLED}=false"))
        .load();
    assert!(loaded.policy.record_required && loaded.record.enabled);
    assert_eq!(loaded.problems.len(), 2);
}

#[test]
fn a_managed_mistake_about_the_record_turns_capture_off_and_leaves_the_record_on() {
    let (loaded, _) = Setup::new()
        .managed("a.json", format!("{{\"{RECORD_REQUIRED}\": \"yes\"}}"))
        .argument(&format!("{ALL_SCREENS_ALLOWED_ORIGINS}=[\"*\"]"))
        .load();
    assert!(!allows(&loaded, "https://a.test"));
    assert!(loaded.record.enabled);
}
