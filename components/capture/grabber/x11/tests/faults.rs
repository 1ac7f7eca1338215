/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Servers that die or hang, and what is left behind.

use std::time::{Duration, Instant};

use capture_test_rig::process::descriptor_count;

use super::*;
use crate::grabber::alone;

/// An error must have come by then: the stream waits for two seconds.
const ERROR_TIMEOUT: Duration = Duration::from_secs(3);

#[test]
fn a_killed_server_is_a_broken_connection_for_every_call() {
    let mut server = xvfb().start().expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    grabber.grab(monitors[0].id).expect("a picture");
    server.kill().expect("it goes");
    let start = Instant::now();
    let check = |error: GrabError| {
        assert!(matches!(error, GrabError::Disconnected(_)), "{error:?}");
    };
    check(grabber.grab(monitors[0].id).expect_err("killed"));
    check(grabber.layout_changed().expect_err("killed"));
    check(grabber.has_damage(monitors[0].id).expect_err("killed"));
    check(grabber.monitors().expect_err("killed"));
    check(grabber.open(monitors[1].id).expect_err("killed"));
    grabber.close(monitors[0].id);
    drop(grabber);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert!(matches!(
        X11Grabber::connect(server.display()),
        Err(GrabError::NoDisplayServer(_))
    ));
}

#[test]
fn a_killed_server_is_noticed_without_a_request() {
    let mut server = xvfb().start().expect("Xvfb");
    let mut grabber = connect(&server);
    server.kill().expect("it goes");
    let error = grabber.layout_changed().expect_err("killed");
    assert!(error.is_fatal(), "{error:?}");
}

#[test]
fn a_server_that_stops_answering_is_given_up() {
    let server = xvfb().start().expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    grabber.grab(monitors[0].id).expect("a picture");
    server.pause().expect("it stops");
    let start = Instant::now();
    assert!(!grabber.layout_changed().expect("nothing is known yet"));
    let error = grabber.grab(monitors[0].id).expect_err("stopped");
    let GrabError::Disconnected(reason) = error else {
        panic!("{error:?}");
    };
    assert_eq!(reason, "the X server has not answered for 2 s");
    assert!(start.elapsed() < ERROR_TIMEOUT, "{:?}", start.elapsed());
    let start = Instant::now();
    assert!(grabber.grab(monitors[1].id).expect_err("broken").is_fatal());
    drop(grabber);
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "it waited again"
    );
    let start = Instant::now();
    let Err(error) = X11Grabber::connect(server.display()) else {
        panic!("connected to a stopped server");
    };
    assert!(matches!(error, GrabError::NoDisplayServer(_)), "{error:?}");
    assert!(start.elapsed() < ERROR_TIMEOUT, "{:?}", start.elapsed());
    server.resume().expect("it goes on");
    let (mut grabber, monitors) = open_all(&server);
    grabber.grab(monitors[0].id).expect("a picture");
}

#[test]
fn two_hundred_captures_leave_nothing_behind() {
    // Other tests of this process open files meanwhile.
    if !alone::is_child() {
        let name = "two_hundred_captures_leave_nothing_behind";
        return alone::finish(alone::start(module_path!(), name, None));
    }
    let server = xvfb().start().expect("Xvfb");
    let clients = || server.client_count().expect("an answer");
    let clients_before = clients();
    let mapped = |process: u32| {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("maps");
        maps.lines()
            .filter(|line| line.contains("captured-monitor"))
            .count()
    };
    let ours = std::process::id();
    let (mut grabber, monitors) = open_all(&server);
    assert_eq!((mapped(ours), mapped(server.process_id())), (3, 3));
    for monitor in &monitors {
        grabber.close(monitor.id);
    }
    let counts = || {
        let count = |process| descriptor_count(process).expect("it lives");
        (count(ours), count(server.process_id()))
    };
    let before = counts();
    for round in 0..200 {
        let id = monitors[round % 3].id;
        grabber.open(id).expect("it opens");
        grabber.grab(id).expect("a picture");
        grabber.close(id);
    }
    // The server has done all requests when it answers a later one.
    grabber.monitors().expect("monitors");
    assert_eq!(counts(), before, "descriptors");
    assert_eq!(
        (mapped(ours), mapped(server.process_id())),
        (0, 0),
        "mapped memory"
    );
    drop(grabber);
    for _ in 0..20 {
        let (mut grabber, monitors) = open_all(&server);
        grabber.grab(monitors[2].id).expect("a picture");
    }
    wait_until("clients are forgotten", || clients() == clients_before);
    assert_eq!(
        (mapped(ours), mapped(server.process_id())),
        (0, 0),
        "mapped memory"
    );
}
