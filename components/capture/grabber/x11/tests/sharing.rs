/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who has the memory of pictures, and that it is given back.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;

use capture_test_rig::process::descriptor_count;
use rustix::fs::{SealFlags, fcntl_get_seals, ftruncate};
use x11rb::protocol::res::ConnectionExt as _;

use super::*;
use crate::grabber::alone;

/// Maps of pictures in a process.
fn mapped(process: u32) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("maps");
    maps.lines()
        .filter(|line| line.contains("captured-picture"))
        .count()
}

/// How many things a grabber has in the server.
fn resources(server: &XServer, grabber: &X11Grabber) -> u32 {
    let connection = server.connect().expect("the server answers");
    connection.res_query_version(1, 2).expect("sent");
    let client = grabber.server.connection.setup().resource_id_base;
    let reply = connection
        .res_query_client_resources(client)
        .expect("sent")
        .reply()
        .expect("an answer");
    reply.types.iter().map(|of_a_type| of_a_type.count).sum()
}

#[test]
fn nobody_else_can_write_to_a_picture_but_the_server_goes_on() {
    let server = xvfb().start().expect("Xvfb");
    let mut painter = Painter::cover(&server, &virtual_three()[0], coded(0)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    let mut picture = grabber.new_picture(monitors[0].id).expect("a picture");
    let descriptor = picture.writer.descriptor();
    let seals = fcntl_get_seals(descriptor).expect("seals");
    let wanted = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
    assert!(seals.contains(wanted), "{seals:?}");
    // What a process could do that was handed the descriptor.
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let mut handed: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("it opens");
    assert!(handed.write_all(b"x").is_err(), "it was written");
    assert!(ftruncate(&handed, 1).is_err(), "it shrank");
    for frame in [1, 2] {
        painter.show(frame).expect("a frame");
        read(&mut grabber, &mut picture, &Damage::Whole).expect("pixels");
        check_pixels(&picture, &coded(0), frame);
    }
}

#[test]
fn a_thousand_pictures_leave_nothing_behind() {
    // Other tests of this process open files meanwhile.
    if !alone::is_child() {
        let name = "a_thousand_pictures_leave_nothing_behind";
        return alone::finish(alone::start(module_path!(), name, None));
    }
    let server = xvfb().start().expect("Xvfb");
    let clients = || server.client_count().expect("an answer");
    let clients_before = clients();
    let ours = std::process::id();
    let (mut grabber, monitors) = open_all(&server);
    let counts = |grabber: &X11Grabber| {
        let descriptors = |process| descriptor_count(process).expect("it lives");
        (
            descriptors(ours),
            descriptors(server.process_id()),
            mapped(ours),
            mapped(server.process_id()),
            resources(&server, grabber),
        )
    };
    let before = counts(&grabber);
    for round in 0..1000 {
        let mut picture = grabber
            .new_picture(monitors[round % 3].id)
            .expect("a picture");
        if round == 0 {
            let with_one = counts(&grabber);
            assert_eq!((with_one.2, with_one.3), (before.2 + 1, before.3 + 1));
            assert_eq!(with_one.4, before.4 + 2, "a segment and a pixmap");
        }
        if round % 10 == 0 {
            let part = Damage::from(part(0, 0, 64, 64));
            read(&mut grabber, &mut picture, &part).expect("pixels");
        }
    }
    // The server has done all requests when it answers a later one.
    grabber.monitors().expect("monitors");
    assert_eq!(counts(&grabber), before);
    for monitor in &monitors {
        grabber.close(monitor.id);
        assert!(!grabber.tells_damage(monitor.id));
    }
    grabber.monitors().expect("monitors");
    assert_eq!((mapped(ours), mapped(server.process_id())), (0, 0));
    drop(grabber);
    for _ in 0..20 {
        let (mut grabber, monitors) = open_all(&server);
        // One that outlives its grabber.
        let picture = shoot(&mut grabber, monitors[2].id).expect("a picture");
        drop(grabber);
        drop(picture);
    }
    wait_until("clients are forgotten", || clients() == clients_before);
    assert_eq!((mapped(ours), mapped(server.process_id())), (0, 0));
}

#[test]
fn a_picture_of_another_grabber_is_refused() {
    let server = xvfb().start().expect("Xvfb");
    let (mut one, monitors) = open_all(&server);
    let (mut other, _) = open_all(&server);
    let mut picture = one.new_picture(monitors[0].id).expect("a picture");
    let error = read(&mut other, &mut picture, &Damage::Whole).expect_err("it is not its own");
    assert!(matches!(error, GrabError::Unreadable { .. }), "{error:?}");
    read(&mut one, &mut picture, &Damage::Whole).expect("pixels");
}
