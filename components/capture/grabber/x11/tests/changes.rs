/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Monitors and pictures that change while they are captured.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use capture_test_rig::{MonitorSpec, Painter, Xvfb};
use euclid::{Box2D, point2};
use servo_capture_traits::Damage;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{AtomEnum, PropMode};
use x11rb::wrapper::ConnectionExt as _;

use super::*;

#[test]
fn a_moved_monitor_must_be_opened_again_and_then_shows_its_new_place() {
    let specs = virtual_three();
    let server = Xvfb::builder()
        .size(2464, 1400)
        .monitors(specs.clone())
        .start()
        .expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[1].id;
    grabber.grab(id).expect("a picture");
    assert!(!grabber.layout_changed().expect("connected"));
    server.move_monitor("MIDDLE", 640, 700).expect("it moves");
    wait_for_layout_change(&mut grabber);
    assert_eq!(
        grabber.grab(id).expect_err("it moved"),
        GrabError::MonitorChanged(id)
    );
    grabber.grab(monitors[0].id).expect("the others stay");
    let moved = MonitorSpec::new("MIDDLE", 640, 700, 800, 600);
    let _painter = Painter::cover(&server, &moved, coded(5)).expect("a painter");
    grabber.open(id).expect("it opens again");
    let canvas = grabber.grab(id).expect("a picture");
    assert_eq!(canvas.damage, Damage::Whole);
    check_pixels(&canvas, &coded(5), 0);
    let ids: Vec<_> = grabber
        .monitors()
        .expect("monitors")
        .iter()
        .map(|m| m.id)
        .collect();
    assert!(ids.contains(&id), "a monitor keeps its id when it moves");
}

#[test]
fn a_mode_change_is_told_before_any_pixel_of_the_old_size() {
    let server = xorg();
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[2].id;
    grabber.grab(id).expect("a picture");
    server
        .resize_monitor("DUMMY2", 800, 600)
        .expect("a new mode");
    // The server has done it: no picture of the old size may come, even
    // without a look at the events before.
    assert_eq!(
        grabber.grab(id).expect_err("a new mode"),
        GrabError::MonitorChanged(id)
    );
    assert!(grabber.layout_changed().expect("connected"));
    let spec = MonitorSpec::new("DUMMY2", 1440, 0, 800, 600);
    let _painter = Painter::cover(&server, &spec, coded(2)).expect("a painter");
    grabber.open(id).expect("it opens again");
    let canvas = grabber.grab(id).expect("a picture");
    check_pixels(&canvas, &coded(2), 0);
}

#[test]
fn an_unplugged_monitor_is_unknown_and_the_others_go_on() {
    let server = xorg();
    let (mut grabber, monitors) = open_all(&server);
    server.remove_monitor("DUMMY1").expect("unplugged");
    wait_for_layout_change(&mut grabber);
    let id = monitors[1].id;
    assert_eq!(
        grabber.grab(id).expect_err("unplugged"),
        GrabError::UnknownMonitor(id)
    );
    grabber.grab(monitors[0].id).expect("a picture");
    grabber.grab(monitors[2].id).expect("a picture");
    assert_eq!(grabber.monitors().expect("monitors").len(), 2);
    assert_eq!(grabber.open(id), Err(GrabError::UnknownMonitor(id)));
}

#[test]
fn monitors_that_change_all_the_time_give_true_sizes_or_a_temporary_error() {
    let server = xorg();
    let (mut grabber, monitors) = open_all(&server);
    let done = AtomicBool::new(false);
    let mut sizes_seen = BTreeSet::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..40 {
                let (width, height) = [(640, 480), (800, 600), (1024, 768)][round % 3];
                server
                    .resize_monitor("DUMMY2", width, height)
                    .expect("a mode");
            }
            done.store(true, Ordering::Release);
        });
        let id = monitors[2].id;
        while !done.load(Ordering::Acquire) {
            match grabber.grab(id) {
                Ok(canvas) => {
                    let size = (canvas.size.width, canvas.size.height);
                    assert_eq!(canvas.pixels.len() as u32, size.0 * size.1 * 4);
                    sizes_seen.insert(size);
                }
                Err(GrabError::MonitorChanged(_) | GrabError::UnknownMonitor(_)) => {
                    // While its mode is set a monitor can be away for a moment.
                    let _ = grabber.open(id);
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert!(sizes_seen.len() > 1, "no mode but {sizes_seen:?} was seen");
}

#[test]
fn only_the_monitor_that_was_painted_on_is_damaged() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    for monitor in &monitors {
        assert!(
            grabber.has_damage(monitor.id).expect("connected"),
            "before the first grab"
        );
        let canvas = grabber.grab(monitor.id).expect("a picture");
        assert_eq!(canvas.damage, Damage::Whole);
    }
    for _ in 0..20 {
        for monitor in &monitors {
            assert!(
                !grabber.has_damage(monitor.id).expect("connected"),
                "a still screen"
            );
        }
    }
    let connection = server.connect().expect("the server answers");
    fill(&connection, painters[1].window(), rectangle(5, 7, 11, 13));
    wait_until("the damage is told", || {
        grabber.has_damage(monitors[1].id).expect("connected")
    });
    assert!(
        !grabber.has_damage(monitors[0].id).expect("connected"),
        "left"
    );
    assert!(
        !grabber.has_damage(monitors[2].id).expect("connected"),
        "right"
    );
    let canvas = grabber.grab(monitors[1].id).expect("a picture");
    let painted = Box2D::new(point2(5, 7), point2(16, 20));
    assert_eq!(canvas.damage, Damage::Rectangles(vec![painted]));
    let start = 7 * canvas.stride_bytes + 5 * 4;
    assert_eq!(canvas.pixels[start..start + 3], [0xff; 3]);
    assert!(
        !grabber.has_damage(monitors[1].id).expect("connected"),
        "it was grabbed"
    );
}

#[test]
fn a_grab_tells_of_damage_that_nobody_asked_for() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    for monitor in &monitors {
        grabber.grab(monitor.id).expect("a picture");
    }
    let connection = server.connect().expect("the server answers");
    fill(&connection, painters[0].window(), rectangle(0, 0, 4, 4));
    fill(&connection, painters[2].window(), rectangle(1, 2, 3, 4));
    let canvas = grabber.grab(monitors[0].id).expect("a picture");
    let corner = Box2D::new(point2(0, 0), point2(4, 4));
    assert_eq!(canvas.damage, Damage::Rectangles(vec![corner]));
    // The other monitor's part was taken on the way and must not be lost.
    assert!(grabber.has_damage(monitors[2].id).expect("connected"));
    let canvas = grabber.grab(monitors[2].id).expect("a picture");
    let painted = Box2D::new(point2(1, 2), point2(4, 6));
    assert_eq!(canvas.damage, Damage::Rectangles(vec![painted]));
}

#[test]
fn scale_work_area_and_model_are_the_servers_and_changes_are_told() {
    let server = xorg();
    let mut grabber = connect(&server);
    grabber.monitors().expect("monitors");
    let connection = server.connect().expect("the server answers");
    let root = grabber.server.root;
    let atoms = &grabber.server.atoms;
    let (edid, current_desktop, work_area) = (atoms.edid, atoms.current_desktop, atoms.work_area);
    let replace = PropMode::REPLACE;
    let resources = b"*foo:\tbar\nXft.dpi:\t144\n";
    connection
        .change_property8(
            replace,
            root,
            AtomEnum::RESOURCE_MANAGER,
            AtomEnum::STRING,
            resources,
        )
        .expect("sent");
    let desktops = [0, 0, 10, 10, 0, 40, 2464, 560];
    connection
        .change_property32(replace, root, work_area, AtomEnum::CARDINAL, &desktops)
        .expect("sent");
    connection
        .change_property32(replace, root, current_desktop, AtomEnum::CARDINAL, &[1])
        .expect("sent");
    let resources = connection
        .randr_get_screen_resources_current(root)
        .expect("sent")
        .reply()
        .expect("outputs");
    let block = edid::tests::edid(1, "DELL U2720Q");
    connection
        .randr_change_output_property(
            resources.outputs[0],
            edid,
            AtomEnum::INTEGER.into(),
            8,
            replace,
            block.len() as u32,
            &block,
        )
        .expect("sent");
    connection.sync().expect("done");
    wait_for_layout_change(&mut grabber);
    let monitors = grabber.monitors().expect("monitors");
    let labels: Vec<_> = monitors
        .iter()
        .map(|monitor| monitor.label.as_str())
        .collect();
    assert_eq!(labels, ["DELL U2720Q", "DUMMY1", "DUMMY2"]);
    assert!(monitors.iter().all(|monitor| monitor.scale == 1.5));
    let free: Vec<_> = monitors.iter().map(|monitor| monitor.work_area).collect();
    assert_eq!(
        free,
        [
            Box2D::new(point2(0, 40), point2(640, 480)),
            Box2D::new(point2(640, 40), point2(1440, 600)),
            Box2D::new(point2(1440, 40), point2(2464, 600)),
        ]
    );
}
