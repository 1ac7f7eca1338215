/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The machine waits with its sleep.

use capture_test_rig::services::LogindState;

use super::services::logind;
use super::{PATIENCE, Seen, capture, eventually, on_private_buses};

#[track_caller]
fn wait_for_held(state: &LogindState, count: usize) {
    eventually(&format!("{count} locks on sleep are held"), || {
        (state.held() == count).then_some(())
    });
}

#[test]
fn sleep_waits_from_the_first_capture_to_the_end_of_the_last() {
    on_private_buses(
        "inhibitor::sleep_waits_from_the_first_capture_to_the_end_of_the_last",
        |place| {
            let _bus = place.system();
            let state = LogindState::default();
            let manager = logind(&state);
            let seen = Seen::new(true);
            seen.expect_nothing();
            assert_eq!(state.held(), 0, "nothing is captured");
            let captures = ["https://a.example", "https://b.example"].map(capture);
            seen.tell(&captures[..1]);
            wait_for_held(&state, 1);
            state.with_inhibited(|all| {
                let lock = &all[0];
                assert_eq!((&*lock.what, &*lock.mode), ("sleep", "delay"));
                assert!(!lock.who.is_empty() && !lock.why.is_empty());
            });
            seen.tell(&captures);
            manager.sleep(true).unwrap();
            assert_eq!(seen.next(PATIENCE), "SessionLocked { reason: Sleep }");
            // The service has not ended them yet.
            assert_eq!(state.held(), 1);
            seen.tell(&[]);
            wait_for_held(&state, 0);
            manager.sleep(false).unwrap();
            assert_eq!(seen.next(PATIENCE), "SessionUnlocked");
            seen.tell(&captures[1..]);
            wait_for_held(&state, 1);
            assert_eq!(state.with_inhibited(<[_]>::len), 2, "one for both captures");
            // The browser ends.
            seen.end();
            wait_for_held(&state, 0);
        },
    );
}

#[test]
fn a_restarted_session_manager_waits_too() {
    on_private_buses(
        "inhibitor::a_restarted_session_manager_waits_too",
        |place| {
            let _bus = place.system();
            let seen = Seen::new(true);
            seen.tell(&[capture("https://a.example")]);
            for _ in 0..2 {
                // The first one comes when the capture runs already.
                let state = LogindState::default();
                let _manager = logind(&state);
                wait_for_held(&state, 1);
            }
        },
    );
}
