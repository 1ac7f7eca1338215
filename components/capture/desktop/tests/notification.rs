/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The notification.

use capture_test_rig::services::{Notifications, Notified};

use super::services::notifications;
use super::{QUIET, SOON, Seen, capture, eventually, on_private_buses};

fn call(daemon: &Notifications, number: usize) -> Notified {
    eventually("a call", || daemon.calls().get(number).cloned())
}

#[track_caller]
fn shown(daemon: &Notifications, number: usize) -> (u32, u32, String) {
    match call(daemon, number) {
        Notified::Shown {
            id,
            replaces,
            body,
            expire_timeout: 0,
            ..
        } => (id, replaces, body),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn expect_calls(daemon: &Notifications, count: usize) {
    std::thread::sleep(QUIET);
    let calls = daemon.calls();
    assert_eq!(calls.len(), count, "{calls:?}");
}

#[test]
fn it_stands_from_the_first_start_to_the_last_stop() {
    on_private_buses(
        "notification::it_stands_from_the_first_start_to_the_last_stop",
        |place| {
            let _bus = place.session();
            let daemon = notifications(7);
            let seen = Seen::new(true);
            let (first, second) = (capture("https://a.example"), capture("https://b.example"));
            seen.tell(std::slice::from_ref(&first));
            let (id, replaces, body) = shown(&daemon, 0);
            assert_eq!((id, replaces), (7, 0));
            assert_eq!(body, first.sentence());
            assert!(body.starts_with("https://a.example captures 3 monitors since "));
            seen.tell(&[first.clone(), second.clone()]);
            let (_, replaces, body) = shown(&daemon, 1);
            assert_eq!(replaces, 7);
            assert_eq!(body, format!("{}\n{}", first.sentence(), second.sentence()));
            seen.tell(std::slice::from_ref(&second));
            assert_eq!(shown(&daemon, 2), (7, 7, second.sentence()));
            seen.tell(&[]);
            assert_eq!(call(&daemon, 3), Notified::Closed(7));
            assert!(seen.end() < SOON);
            expect_calls(&daemon, 4);
        },
    );
}

#[test]
fn one_that_the_user_closed_comes_back_with_the_next_capture_only() {
    on_private_buses(
        "notification::one_that_the_user_closed_comes_back_with_the_next_capture_only",
        |place| {
            let _bus = place.session();
            let daemon = notifications(1);
            let seen = Seen::new(true);
            let captures = ["https://a.example", "https://b.example"].map(capture);
            seen.tell(&captures);
            shown(&daemon, 0);
            // Another program's, then ours.
            daemon.dismiss(99).unwrap();
            daemon.dismiss(1).unwrap();
            expect_calls(&daemon, 1);
            seen.tell(&captures[..1]);
            expect_calls(&daemon, 1);
            seen.tell(&[captures[0].clone(), capture("https://c.example")]);
            let (id, replaces, _) = shown(&daemon, 1);
            assert_eq!((id, replaces), (2, 0));
        },
    );
}

#[test]
fn a_restarted_daemon_shows_it_again() {
    on_private_buses("notification::a_restarted_daemon_shows_it_again", |place| {
        let _bus = place.session();
        let seen = Seen::new(true);
        seen.tell(&[capture("https://a.example")]);
        for first in [1, 50] {
            // The first one comes when the capture runs already.
            let daemon = notifications(first);
            let (id, replaces, _) = shown(&daemon, 0);
            assert_eq!((id, replaces), (first, 0));
        }
    });
}

#[test]
fn the_browser_leaves_none_behind() {
    on_private_buses("notification::the_browser_leaves_none_behind", |place| {
        let _bus = place.session();
        let daemon = notifications(1);
        let seen = Seen::new(true);
        seen.tell(&[capture("https://a.example")]);
        shown(&daemon, 0);
        assert!(seen.end() < SOON);
        assert_eq!(call(&daemon, 1), Notified::Closed(1));
    });
}
