/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The shell looks at the service and commands it.

use std::thread;
use std::time::Instant;

use servo_capture_traits::EndReason;

use super::{ORIGIN, PATIENCE, Rig, end, next_frame};
use crate::core::CaptureOverview;
use crate::policy::CapturePolicy;

/// Waits until the overview is so.
fn wait_until(rig: &Rig, is_so: impl Fn(&CaptureOverview) -> bool) -> CaptureOverview {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = rig.control.status();
        if is_so(&status.overview) {
            return status.overview.clone();
        }
        assert!(Instant::now() < deadline, "{:?}", status.overview);
        thread::yield_now();
    }
}

#[test]
fn the_shell_sees_captures_come_and_stops_one_of_them() {
    let rig = Rig::new();
    assert!(rig.control.status().overview.captures.is_empty());
    let first = rig.ask(ORIGIN).unwrap();
    let second = rig.ask(ORIGIN).unwrap();
    let ended = rig.attach(first[0].source);
    let stays = rig.attach(second[0].source);
    next_frame(&ended);
    let overview = wait_until(&rig, |overview| overview.captures.len() == 2);
    assert_eq!(overview.captures[0].origin, ORIGIN);
    assert_eq!(overview.captures[0].monitors.len(), 2);
    let status = rig.control.status();
    let age = status.age(&overview.captures[0], Instant::now()).unwrap();
    assert!(age < PATIENCE, "{age:?}");
    rig.control.stop(overview.captures[0].session).unwrap();
    assert_eq!(end(&ended), EndReason::StoppedByUser);
    next_frame(&stays);
    wait_until(&rig, |overview| overview.captures.len() == 1);
    rig.control.stop_all().unwrap();
    assert_eq!(end(&stays), EndReason::StoppedByUser);
}

#[test]
fn what_is_revoked_or_not_listed_any_more_is_refused_at_once() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    rig.control.revoke(ORIGIN.parse().unwrap()).unwrap();
    assert_eq!(end(&events), EndReason::StoppedByUser);
    wait_until(&rig, |overview| overview.policy.revoked_origins.len() == 1);
    rig.ask(ORIGIN).unwrap_err();

    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    let nobody = CapturePolicy::default();
    rig.control
        .narrow(nobody, vec!["a problem".to_owned()])
        .unwrap();
    assert!(matches!(end(&events), EndReason::Refused(_)));
    wait_until(&rig, |overview| !overview.policy.allows_anybody());
    rig.ask(ORIGIN).unwrap_err();
}
