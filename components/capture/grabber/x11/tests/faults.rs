/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Servers that die or hang.

use parking_lot::Mutex;

use super::*;
use crate::x11::Patience;

/// What a stall observer was told.
fn stalls() -> (StallObserver, Arc<Mutex<Vec<bool>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = told.clone();
    (Arc::new(move |stalled| list.lock().push(stalled)), told)
}

/// The processor time of this thread.
fn own_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("not negative")
}

#[test]
fn a_killed_server_is_a_broken_connection_for_every_call() {
    let mut server = xvfb().start().expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[0].id;
    let mut picture = shoot(&mut grabber, id).expect("a picture");
    server.kill().expect("it goes");
    let start = Instant::now();
    let check = |error: GrabError| {
        assert!(matches!(error, GrabError::Disconnected(_)), "{error:?}");
    };
    check(read(&mut grabber, &mut picture, &Damage::Whole).expect_err("killed"));
    assert!(
        matches!(grabber.wakes_by(), WakeBy::Period(Duration::ZERO)),
        "there is nothing to wait for"
    );
    check(grabber.layout_changed().expect_err("killed"));
    check(grabber.take_damage(&mut |_, _| {}).expect_err("killed"));
    check(grabber.monitors().expect_err("killed"));
    check(grabber.open(monitors[1].id).expect_err("killed"));
    check(grabber.new_picture(id).expect_err("killed"));
    let mut rows = Vec::new();
    check(grabber.read_rows(id, 0..1, &mut rows).expect_err("killed"));
    check(grabber.pointer().expect_err("killed"));
    check(grabber.watch_pointer(true).expect_err("killed"));
    grabber.close(id);
    drop(picture);
    drop(grabber);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert!(matches!(
        X11Grabber::connect(server.display(), &unobserved()),
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
fn a_server_killed_during_a_read_ends_it_at_once() {
    let mut server = xvfb().start().expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    let mut picture = shoot(&mut grabber, monitors[0].id).expect("a picture");
    server.pause().expect("it stops");
    let (result, waited) = thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let result = read(&mut grabber, &mut picture, &Damage::Whole);
            (result, Instant::now())
        });
        thread::sleep(Duration::from_millis(300));
        let killed = Instant::now();
        server.kill().expect("it goes");
        let (result, ended) = reading.join().expect("it ends");
        (result, ended.saturating_duration_since(killed))
    });
    assert!(
        matches!(result, Err(GrabError::Disconnected(_))),
        "{result:?}"
    );
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[test]
fn a_server_stopped_for_five_seconds_is_told_as_stalled_and_then_gives_fresh_pixels() {
    let server = xvfb().start().expect("Xvfb");
    let spec = &virtual_three()[0];
    let mut painter = Painter::cover(&server, spec, coded(0)).expect("a painter");
    let (observer, told) = stalls();
    let mut grabber = X11Grabber::connect(server.display(), &observer).expect("the server answers");
    let id = grabber.monitors().expect("monitors")[0].id;
    grabber.open(id).expect("it opens");
    let mut picture = shoot(&mut grabber, id).expect("a picture");
    all_drawn(&mut grabber);
    painter.show(9).expect("a frame");
    server.pause().expect("it stops");
    let start = Instant::now();
    assert!(!grabber.layout_changed().expect("nothing is known yet"));
    assert!(start.elapsed() < Duration::from_millis(500), "it waited");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            assert_eq!(*told.lock(), [true], "while it is stopped");
            thread::sleep(Duration::from_millis(3500));
            server.resume().expect("it goes on");
        });
        let busy = own_time();
        read(&mut grabber, &mut picture, &Damage::Whole).expect("it came back");
        let busy = own_time() - busy;
        assert!(
            busy < Duration::from_millis(500),
            "it waits, not asks: {busy:?}"
        );
    });
    assert!(
        start.elapsed() > Duration::from_millis(4900),
        "it was stopped"
    );
    assert_eq!(*told.lock(), [true, false]);
    check_pixels(&picture, &coded(0), 9);
    painter.show(10).expect("a frame");
    let drawn = drawn_on(&mut grabber, id);
    read(&mut grabber, &mut picture, &drawn).expect("pixels");
    check_pixels(&picture, &coded(0), 10);
    assert_eq!(*told.lock(), [true, false], "no more stalls");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let server = xvfb().start().expect("Xvfb");
    let (observer, told) = stalls();
    let mut grabber = X11Grabber::connect(server.display(), &observer).expect("the server answers");
    let monitors = grabber.monitors().expect("monitors");
    grabber.open(monitors[0].id).expect("it opens");
    let mut picture = shoot(&mut grabber, monitors[0].id).expect("a picture");
    // Twenty seconds are long for a test.
    let patience = Patience::Each(Duration::from_secs(2));
    grabber.server.connection.stream().set_patience(patience);
    server.pause().expect("it stops");
    let start = Instant::now();
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("stopped");
    let GrabError::Disconnected(reason) = error else {
        panic!("{error:?}");
    };
    assert_eq!(reason, "the X server has not answered for 2.0 s");
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(*told.lock(), [true]);
    let start = Instant::now();
    let error = shoot(&mut grabber, monitors[0].id).expect_err("broken");
    assert!(error.is_fatal());
    drop(picture);
    drop(grabber);
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "it waited again"
    );
    let start = Instant::now();
    let Err(error) = X11Grabber::connect(server.display(), &unobserved()) else {
        panic!("connected to a stopped server");
    };
    assert!(matches!(error, GrabError::NoDisplayServer(_)), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    server.resume().expect("it goes on");
    let (mut grabber, monitors) = open_all(&server);
    shoot(&mut grabber, monitors[0].id).expect("a picture");
}
