/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The preferences that make capturing stricter.

use super::super::super::{ISOLATED_ONLY, TOP_LEVEL_ONLY};
use super::*;

#[test]
fn captures_are_no_stricter_than_the_list_unless_somebody_says_so() {
    let (loaded, _) = Setup::new().load();
    assert!(!loaded.policy.top_level_only && !loaded.policy.isolated_only);
    let (loaded, _) = Setup::new()
        .user(format!(
            "{{\"{TOP_LEVEL_ONLY}\": true, \"{ISOLATED_ONLY}\": true}}"
        ))
        .load();
    assert!(loaded.policy.top_level_only && loaded.policy.isolated_only);
}

#[test]
fn both_are_truth_values() {
    for name in [TOP_LEVEL_ONLY, ISOLATED_ONLY] {
        let column = name.len() + 6;
        let expected = "expected true or false, found 0";
        let error = format!("user.json:1:{column}: preference \"{name}\": {expected}");
        check_user_error(format!("{{\"{name}\": 0}}"), &error);
    }
}
