/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Monitors and pictures that change while they are captured.

use std::collections::BTreeSet;

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
    let mut picture = shoot(&mut grabber, id).expect("a picture");
    assert!(!grabber.layout_changed().expect("connected"));
    server.move_monitor("MIDDLE", 640, 700).expect("it moves");
    wait_for_layout_change(&mut grabber);
    let changed = GrabError::MonitorChanged(id);
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("it moved");
    assert_eq!(error, changed);
    let mut rows = Vec::new();
    assert_eq!(grabber.read_rows(id, 0..1, &mut rows), Err(changed.clone()));
    assert_eq!(grabber.new_picture(id).err(), Some(changed));
    shoot(&mut grabber, monitors[0].id).expect("the others stay");
    let moved = MonitorSpec::new("MIDDLE", 640, 700, 800, 600);
    let _painter = Painter::cover(&server, &moved, coded(5)).expect("a painter");
    grabber.open(id).expect("it opens again");
    // Of the same size: the old picture is as good as a new one.
    read(&mut grabber, &mut picture, &Damage::Whole).expect("pixels");
    check_pixels(&picture, &coded(5), 0);
    let monitors = grabber.monitors().expect("monitors");
    let ids: Vec<_> = monitors.iter().map(|monitor| monitor.id).collect();
    assert!(ids.contains(&id), "a monitor keeps its id when it moves");
}

#[test]
fn a_mode_change_is_told_before_any_pixel_of_the_old_size() {
    let server = xorg();
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[2].id;
    let mut picture = shoot(&mut grabber, id).expect("a picture");
    server
        .resize_monitor("DUMMY2", 800, 600)
        .expect("a new mode");
    // The server has done it: no picture of the old size may come, even
    // without a look at the events before.
    let changed = GrabError::MonitorChanged(id);
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("a new mode");
    assert_eq!(error, changed);
    assert!(grabber.layout_changed().expect("connected"));
    let spec = MonitorSpec::new("DUMMY2", 1440, 0, 800, 600);
    let _painter = Painter::cover(&server, &spec, coded(2)).expect("a painter");
    grabber.open(id).expect("it opens again");
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("of the old size");
    assert_eq!(error, changed);
    let picture = shoot(&mut grabber, id).expect("a picture");
    check_pixels(&picture, &coded(2), 0);
}

#[test]
fn an_unplugged_monitor_is_unknown_and_the_others_go_on() {
    let server = xorg();
    let (mut grabber, monitors) = open_all(&server);
    let mut pictures: Vec<_> = monitors
        .iter()
        .map(|monitor| shoot(&mut grabber, monitor.id).expect("a picture"))
        .collect();
    server.remove_monitor("DUMMY1").expect("unplugged");
    wait_for_layout_change(&mut grabber);
    let id = monitors[1].id;
    let mut reads: Vec<_> = pictures
        .iter_mut()
        .map(|picture| Read::new(picture, &Damage::Whole))
        .collect();
    let results = grabber.read(&mut reads).expect("connected");
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!(results[1], Err(GrabError::UnknownMonitor(id)));
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
            match shoot(&mut grabber, id) {
                Ok(picture) => {
                    let size = (picture.size.width, picture.size.height);
                    assert_eq!(picture.writer.bytes().len() as u32, size.0 * size.1 * 4);
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
fn a_monitor_that_moves_all_the_time_never_shows_pixels_of_another_place() {
    const SIZE: (u32, u32) = (2464, 1400);
    let server = Xvfb::builder()
        .size(SIZE.0, SIZE.1)
        .monitors(virtual_three())
        .start()
        .expect("Xvfb");
    let desktop = MonitorSpec::new("ALL", 0, 0, SIZE.0, SIZE.1);
    let _painter = Painter::cover(&server, &desktop, coded(1)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[1].id;
    let mut picture = grabber.new_picture(id).expect("a picture");
    let done = AtomicBool::new(false);
    let (mut read_well, mut changed) = (0, 0);
    let mut places_seen = BTreeSet::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..150 {
                let y = 100 + (round % 7) * 99;
                server.move_monitor("MIDDLE", 640, y).expect("it moves");
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            match read(&mut grabber, &mut picture, &Damage::Whole) {
                Ok(_) => {
                    let place = grabber.open[&id].bounds.min;
                    let (left, top) = (place.x as u32, place.y as u32);
                    for (x, y) in [(0, 0), (799, 0), (0, 599), (799, 599), (400, 300)] {
                        let expected = coded(1).pixel(SIZE, left + x, top + y, 0);
                        assert_eq!(
                            pixel(&picture, x, y),
                            expected[..3],
                            "({x}, {y}) at {place:?}"
                        );
                    }
                    places_seen.insert(place.y);
                    read_well += 1;
                }
                Err(GrabError::MonitorChanged(_)) => {
                    changed += 1;
                    match grabber.open(id) {
                        Ok(()) | Err(GrabError::MonitorChanged(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert!(
        read_well > 0 && changed > 0 && places_seen.len() > 1,
        "{read_well} reads, {changed} changes, {places_seen:?}"
    );
}

#[test]
fn only_the_monitor_that_was_painted_on_is_damaged() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let mut picture = shoot(&mut grabber, monitors[1].id).expect("a picture");
    for _ in 0..20 {
        assert!(all_drawn(&mut grabber).is_empty(), "a still screen");
    }
    assert!(matches!(grabber.wakes_by(), WakeBy::Descriptor(_)));
    let connection = server.connect().expect("the server answers");
    fill(&connection, painters[1].window(), rectangle(5, 7, 11, 13));
    let drawn = all_drawn(&mut grabber);
    let painted = Damage::from(part(5, 7, 11, 13));
    assert_eq!(drawn, HashMap::from([(monitors[1].id, painted.clone())]));
    read(&mut grabber, &mut picture, &painted).expect("pixels");
    assert_eq!(pixel(&picture, 5, 7), [0xff; 3]);
    assert_eq!(pixel(&picture, 15, 19), [0xff; 3]);
    assert!(all_drawn(&mut grabber).is_empty(), "it was told");
}

#[test]
fn damage_that_comes_along_with_a_read_is_kept_for_whoever_asks() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let connection = server.connect().expect("the server answers");
    fill(&connection, painters[2].window(), rectangle(1, 2, 3, 4));
    shoot(&mut grabber, monitors[0].id).expect("a picture");
    assert!(
        matches!(grabber.wakes_by(), WakeBy::Period(Duration::ZERO)),
        "no descriptor tells of it any more"
    );
    let painted = Damage::from(part(1, 2, 3, 4));
    assert_eq!(drawn_on(&mut grabber, monitors[2].id), painted);
    assert!(matches!(grabber.wakes_by(), WakeBy::Descriptor(_)));
}

#[test]
fn opening_an_open_monitor_loses_no_damage_and_a_moved_one_is_damaged_as_a_whole() {
    let server = Xvfb::builder()
        .size(2464, 1400)
        .monitors(virtual_three())
        .start()
        .expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let connection = server.connect().expect("the server answers");
    let painted = Damage::from(part(1, 2, 3, 4));
    fill(&connection, painters[1].window(), rectangle(1, 2, 3, 4));
    shoot(&mut grabber, monitors[0].id).expect("a picture");
    grabber.open(monitors[1].id).expect("it is open");
    assert_eq!(drawn_on(&mut grabber, monitors[1].id), painted);
    server.move_monitor("MIDDLE", 640, 700).expect("it moves");
    grabber.open(monitors[1].id).expect("it is there");
    assert_eq!(drawn_on(&mut grabber, monitors[1].id), Damage::Whole);
}

#[test]
fn what_fills_most_of_a_monitor_is_told_as_exactly_as_the_rest() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let connection = server.connect().expect("the server answers");
    fill(
        &connection,
        painters[0].window(),
        rectangle(0, 20, 640, 460),
    );
    let painted = Damage::from(part(0, 20, 640, 460));
    assert_eq!(drawn_on(&mut grabber, monitors[0].id), painted);
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
