/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The preferences of the privacy indicator.

use super::super::super::{MASK_INDICATOR, USER_MAY_STOP};
use super::*;

#[test]
fn users_may_stop_captures_and_frames_show_the_indicator_unless_somebody_says_otherwise() {
    let (loaded, _) = Setup::new().load();
    assert!(loaded.policy.user_may_stop && !loaded.policy.mask_indicator);
    let (loaded, _) = Setup::new()
        .user(format!(
            "{{\"{USER_MAY_STOP}\": false, \"{MASK_INDICATOR}\": true}}"
        ))
        .load();
    assert!(!loaded.policy.user_may_stop && loaded.policy.mask_indicator);
}

#[test]
fn both_are_truth_values() {
    for name in [USER_MAY_STOP, MASK_INDICATOR] {
        let column = name.len() + 6;
        let expected = "expected true or false, found 0";
        let error = format!("user.json:1:{column}: preference \"{name}\": {expected}");
        check_user_error(format!("{{\"{name}\": 0}}"), &error);
    }
}
