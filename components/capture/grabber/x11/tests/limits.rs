/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Very large, very many, very small.

use x11rb::protocol::randr::{self, ConnectionExt as _};

use super::*;

#[test]
fn an_8k_monitor_is_read_exactly() {
    let spec = MonitorSpec::new("WALL", 0, 0, 7680, 4320);
    let server = Xvfb::builder()
        .monitors([spec.clone()])
        .start()
        .expect("Xvfb");
    let mut painter = Painter::cover(&server, &spec, coded(7)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    check_geometry(&monitors, &[spec]);
    let mut picture = grabber.new_picture(monitors[0].id).expect("a picture");
    assert_eq!(picture.writer.bytes().len(), 7680 * 4320 * 4);
    all_drawn(&mut grabber);
    painter.show(1).expect("a frame");
    let drawn = drawn_on(&mut grabber, monitors[0].id);
    assert_eq!(drawn.pixels(picture.size), 7680 * 4320);
    read(&mut grabber, &mut picture, &drawn).expect("pixels");
    check_pixels(&picture, &coded(7), 1);
}

#[test]
fn sixty_four_monitors_are_read_exactly_in_one_go() {
    const WIDTH: u32 = 240;
    const HEIGHT: u32 = 136;
    let specs: Vec<_> = (0..64)
        .map(|index| {
            let (column, row) = (index % 8, index / 8);
            let (x, y) = (column * WIDTH as i32, row * HEIGHT as i32);
            MonitorSpec::new(format!("M{index:02}"), x, y, WIDTH, HEIGHT)
        })
        .collect();
    let server = Xvfb::builder().monitors(specs).start().expect("Xvfb");
    let desktop = MonitorSpec::new("ALL", 0, 0, 8 * WIDTH, 8 * HEIGHT);
    let mut painter = Painter::cover(&server, &desktop, coded(5)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    assert_eq!(monitors.len(), 64);
    let mut pictures: Vec<_> = monitors
        .iter()
        .map(|monitor| grabber.new_picture(monitor.id).expect("a picture"))
        .collect();
    all_drawn(&mut grabber);
    for frame in [1, 2, 3] {
        painter.show(frame).expect("a frame");
        assert_eq!(all_drawn(&mut grabber).len(), 64);
        let mut reads: Vec<_> = pictures
            .iter_mut()
            .map(|picture| Read::new(picture, &Damage::Whole))
            .collect();
        for result in grabber.read(&mut reads).expect("connected") {
            result.expect("a state");
        }
        for (monitor, picture) in monitors.iter().zip(&pictures) {
            let (left, top) = (monitor.bounds.min.x as u32, monitor.bounds.min.y as u32);
            for y in 0..HEIGHT {
                for x in 0..WIDTH {
                    let expected =
                        coded(5).pixel((8 * WIDTH, 8 * HEIGHT), left + x, top + y, frame);
                    assert_eq!(pixel(picture, x, y), expected[..3], "{}", monitor.label);
                }
            }
        }
    }
}

#[test]
fn a_monitor_without_pixels_is_none_and_disturbs_nobody() {
    let server = xvfb().start().expect("Xvfb");
    let connection = server.connect().expect("the server answers");
    let (mut grabber, monitors) = open_all(&server);
    let root = grabber.server.root;
    let name = b"NOTHING";
    let atom = connection.intern_atom(false, name).expect("sent");
    let atom = atom.reply().expect("an atom").atom;
    for (x, y, width, height) in [
        (5, 5, 0, 300),
        (5, 5, 300, 0),
        (5, 5, 0, 0),
        (9000, 0, 10, 10),
    ] {
        let monitor = randr::MonitorInfo {
            name: atom,
            primary: false,
            automatic: false,
            x,
            y,
            width,
            height,
            width_in_millimeters: 0,
            height_in_millimeters: 0,
            outputs: Vec::new(),
        };
        connection
            .randr_set_monitor(root, monitor)
            .expect("sent")
            .check()
            .expect("the server takes it");
        // Some servers tell of such a monitor, some do not; either way it is none.
        let found = grabber.monitors().expect("monitors");
        assert_eq!(found, monitors, "{width}x{height}");
        let id = MonitorId(u64::from(atom));
        assert_eq!(grabber.open(id), Err(GrabError::UnknownMonitor(id)));
        assert!(grabber.new_picture(id).is_err());
        shoot(&mut grabber, monitors[0].id).expect("a picture");
        connection
            .randr_delete_monitor(root, atom)
            .expect("sent")
            .check()
            .expect("deleted");
    }
}
