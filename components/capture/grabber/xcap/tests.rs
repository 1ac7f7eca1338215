/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Against real X servers, each test in a process of its own: `xcap` reads the
//! environment.

use std::time::Instant;

use capture_test_rig::{MonitorSpec, Painter, Picture as Painted, XServer, XorgDummy};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{AtomEnum, PropMode};
use x11rb::wrapper::ConnectionExt as _;

use super::*;
use crate::grabber::alone;

/// Odd sizes, so that halves and thirds of them are no whole numbers.
fn specs() -> Vec<MonitorSpec> {
    vec![
        MonitorSpec::new("DUMMY0", 0, 0, 648, 485),
        MonitorSpec::new("DUMMY1", 648, 0, 800, 600),
        MonitorSpec::new("DUMMY2", 1448, 0, 1024, 768),
    ]
}

fn coded(index: usize) -> Painted {
    Painted::Coded {
        monitor: index as u32,
    }
}

fn server() -> XServer {
    let monitors = XorgDummy::builder().monitors(specs());
    monitors.start().expect("Xorg with the dummy driver")
}

fn run(name: &str, server: &XServer) {
    alone::finish(alone::start(module_path!(), name, Some(server.display())));
}

fn cover(server: &XServer) -> Vec<Painter> {
    let cover = |(index, spec): (usize, &MonitorSpec)| {
        Painter::cover(server, spec, coded(index)).expect("a painter")
    };
    specs().iter().enumerate().map(cover).collect()
}

fn check_geometry(monitors: &[Monitor]) {
    let found: Vec<_> = monitors
        .iter()
        .map(|monitor| {
            let (min, size) = (monitor.bounds.min, monitor.size());
            (monitor.label.clone(), min.x, min.y, size.width, size.height)
        })
        .collect();
    let expected: Vec<_> = specs()
        .into_iter()
        .map(|spec| (spec.name, spec.x, spec.y, spec.width, spec.height))
        .collect();
    assert_eq!(found, expected);
}

fn grab(grabber: &mut XcapGrabber, id: MonitorId) -> Result<Picture, GrabError> {
    let mut picture = grabber.new_picture(id)?;
    let mut reads = [Read::new(&mut picture, &Damage::Whole)];
    grabber.read(&mut reads)?.remove(0)?;
    Ok(picture)
}

fn check_pictures(grabber: &mut XcapGrabber, monitors: &[Monitor]) {
    for (index, monitor) in monitors.iter().enumerate() {
        grabber.open(monitor.id).expect("it opens");
        assert!(!grabber.tells_damage(monitor.id));
        let picture = grab(grabber, monitor.id).expect("a picture");
        let size = (picture.size.width, picture.size.height);
        let expected = coded(index).render(size, 0);
        let pixels = picture.writer.bytes();
        let differs = pixels.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!(differs, None, "monitor {index}");
        assert_eq!(pixels.len(), expected.len());
        let mut rows = Vec::new();
        grabber
            .read_rows(monitor.id, 10..12, &mut rows)
            .expect("two rows");
        let stride = picture.size.width as usize * 4;
        assert_eq!(rows, expected[10 * stride..12 * stride]);
    }
}

#[test]
fn three_outputs_are_read_exactly() {
    if !alone::is_child() {
        let server = server();
        let _painters = cover(&server);
        return run("three_outputs_are_read_exactly", &server);
    }
    let mut grabber = XcapGrabber::connect().expect("xcap works");
    assert!(grabber.describe().contains("xcap"));
    let monitors = grabber.monitors().expect("monitors");
    check_geometry(&monitors);
    assert!(monitors[0].is_primary && !monitors[1].is_primary);
    check_pictures(&mut grabber, &monitors);
    assert!(!grabber.layout_changed().expect("connected"));
}

#[test]
fn a_scaled_desktop_is_read_exactly() {
    if !alone::is_child() {
        let server = server();
        let _painters = cover(&server);
        let connection = server.connect().expect("the server answers");
        let root = connection.setup().roots[0].root;
        connection
            .change_property8(
                PropMode::REPLACE,
                root,
                AtomEnum::RESOURCE_MANAGER,
                AtomEnum::STRING,
                b"Xft.dpi:\t168\n",
            )
            .expect("sent");
        connection.sync().expect("done");
        return run("a_scaled_desktop_is_read_exactly", &server);
    }
    let mut grabber = XcapGrabber::connect().expect("xcap works");
    let monitors = grabber.monitors().expect("monitors");
    check_geometry(&monitors);
    assert!(monitors.iter().all(|monitor| monitor.scale == 1.75));
    check_pictures(&mut grabber, &monitors);
}

#[test]
fn without_a_display_there_is_no_display_server_and_no_wait() {
    if !alone::is_child() {
        let name = "without_a_display_there_is_no_display_server_and_no_wait";
        return alone::finish(alone::start(module_path!(), name, None));
    }
    let start = Instant::now();
    let Err(GrabError::NoDisplayServer(reason)) = XcapGrabber::connect() else {
        panic!("a display server was found");
    };
    assert!(reason.contains("finds no display server"), "{reason}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn changes_of_the_layout_are_noticed() {
    const NAME: &str = "changes_of_the_layout_are_noticed";
    if !alone::is_child() {
        let server = server();
        let child = alone::start(module_path!(), NAME, Some(server.display()));
        alone::wait_for(&child, "capturing");
        server
            .resize_monitor("DUMMY2", 800, 600)
            .expect("a new mode");
        return alone::finish(child);
    }
    let mut grabber = XcapGrabber::connect().expect("xcap works");
    let monitors = grabber.monitors().expect("monitors");
    let id = monitors[2].id;
    grabber.open(id).expect("it opens");
    grab(&mut grabber, id).expect("a picture");
    alone::say("capturing");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !grabber.layout_changed().expect("connected") {
        assert!(Instant::now() < deadline, "the new mode is not noticed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        grab(&mut grabber, id).expect_err("a new mode"),
        GrabError::MonitorChanged(id)
    );
    grabber.open(id).expect("it opens again");
    assert_eq!(
        grab(&mut grabber, id).expect("a picture").size,
        Size2D::new(800, 600)
    );
}

#[test]
fn a_killed_server_is_a_broken_connection() {
    const NAME: &str = "a_killed_server_is_a_broken_connection";
    if !alone::is_child() {
        let mut server = server();
        let child = alone::start(module_path!(), NAME, Some(server.display()));
        alone::wait_for(&child, "capturing");
        server.kill().expect("it goes");
        return alone::finish(child);
    }
    let mut grabber = XcapGrabber::connect().expect("xcap works");
    let id = grabber.monitors().expect("monitors")[0].id;
    grabber.open(id).expect("it opens");
    alone::say("capturing");
    let deadline = Instant::now() + Duration::from_secs(10);
    let error = loop {
        match grab(&mut grabber, id) {
            Ok(_) => assert!(Instant::now() < deadline, "it is still captured"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, GrabError::Disconnected(_)), "{error:?}");
    assert!(matches!(
        grabber.monitors(),
        Err(GrabError::Disconnected(_))
    ));
}

#[test]
fn a_server_that_stops_answering_is_given_up() {
    const NAME: &str = "a_server_that_stops_answering_is_given_up";
    if !alone::is_child() {
        let server = server();
        let child = alone::start(module_path!(), NAME, Some(server.display()));
        alone::wait_for(&child, "capturing");
        server.pause().expect("it stops");
        return alone::finish(child);
    }
    let mut grabber = XcapGrabber::connect().expect("xcap works");
    let id = grabber.monitors().expect("monitors")[0].id;
    grabber.open(id).expect("it opens");
    alone::say("capturing");
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = loop {
        match grab(&mut grabber, id) {
            Ok(_) => assert!(Instant::now() < deadline, "it is still captured"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, GrabError::Disconnected(_)), "{error:?}");
    let start = Instant::now();
    assert!(grab(&mut grabber, id).expect_err("broken").is_fatal());
    assert!(start.elapsed() < Duration::from_secs(1), "it waited again");
}

#[test]
fn red_and_blue_change_places_and_alpha_is_opaque() {
    let image = RgbaImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6, 7, 8]).expect("two pixels");
    let mut target = [0; 8];
    convert(image.as_raw(), &mut target);
    assert_eq!(target, [3, 2, 1, 255, 7, 6, 5, 255]);
}
