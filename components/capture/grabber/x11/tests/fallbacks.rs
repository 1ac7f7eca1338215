/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Servers that lack something: slower, said, still right.

use super::super::connection::{MonitorSource, Transport};
use super::*;

fn description_without(extension: &str) -> String {
    let server = xvfb().disable_extension(extension).start().expect("Xvfb");
    connect(&server).describe()
}

#[test]
fn a_server_with_everything_is_described_without_reservations() {
    let server = xvfb().start().expect("Xvfb");
    assert_eq!(
        connect(&server).describe(),
        format!("X11 ({}) through MIT-SHM pixmaps", server.display())
    );
}

#[test]
fn what_is_missing_is_said() {
    for (extension, said) in [
        ("MIT-SHM", "over the socket (the server has no MIT-SHM)"),
        ("DAMAGE", "; without DAMAGE"),
        ("XFIXES", "; without XFIXES: no pointer"),
        ("RANDR", "; without RANDR"),
    ] {
        let description = if extension == "RANDR" {
            let (_server, display) = without_randr();
            let grabber = X11Grabber::connect(&display, &unobserved());
            grabber.expect("the server answers").describe()
        } else {
            description_without(extension)
        };
        assert!(description.contains(said), "{description}");
    }
}

#[test]
fn a_refused_pixmap_leads_to_rows_in_shared_memory_and_it_says_so() {
    let server = xvfb().start().expect("Xvfb");
    let specs = virtual_three();
    let _painters = cover_all(&server, &specs);
    let (mut grabber, monitors) = open_all(&server);
    // No pixmap has this depth: the server refuses.
    let depth = std::mem::replace(&mut grabber.server.depth, 3);
    let picture = grabber.new_picture(monitors[0].id).expect("a picture");
    grabber.server.depth = depth;
    assert!(picture.attachment::<memory::Attachment>().is_some());
    assert!(
        grabber
            .describe()
            .contains("MIT-SHM rows (the server refused pixmaps: "),
        "{}",
        grabber.describe()
    );
    let picture = shoot(&mut grabber, monitors[1].id).expect("a picture");
    check_pixels(&picture, &coded(1), 0);
}

/// Lets a process have so many bytes more than it has, or any number.
fn limit_memory(process: u32, room: Option<u64>) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with("VmSize:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let now = kib.expect("a size in KiB") * 1024;
    let limit = rustix::process::Rlimit {
        current: room.map(|room| now + room),
        maximum: None,
    };
    let process = rustix::process::Pid::from_raw(process.cast_signed());
    rustix::process::prlimit(process, rustix::process::Resource::As, limit).expect("our child");
}

#[test]
fn a_server_that_refuses_to_map_memory_is_read_over_the_socket_and_it_says_so() {
    let server = xvfb().start().expect("Xvfb");
    let specs = virtual_three();
    let mut painters = cover_all(&server, &specs);
    let (mut grabber, monitors) = open_all(&server);
    // Less than any picture.
    limit_memory(server.process_id(), Some(512 << 10));
    let mut picture = grabber.new_picture(monitors[2].id).expect("a picture");
    // What was refused once is not asked for again; answers need memory, too.
    limit_memory(server.process_id(), None);
    assert!(picture.attachment::<memory::Attachment>().is_none());
    assert!(
        grabber
            .describe()
            .contains("over the socket (the server refused shared memory: "),
        "{}",
        grabber.describe()
    );
    for frame in [1, 2] {
        painters[2].show(frame).expect("a frame");
        read(&mut grabber, &mut picture, &Damage::Whole).expect("pixels");
        check_pixels(&picture, &coded(2), frame);
    }
    let picture = shoot(&mut grabber, monitors[0].id).expect("a picture");
    check_pixels(&picture, &coded(0), 0);
}

#[test]
fn without_damage_nothing_is_told_and_every_read_is_right() {
    let server = xvfb().disable_extension("DAMAGE").start().expect("Xvfb");
    let mut painter = Painter::cover(&server, &virtual_three()[0], coded(0)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[0].id;
    assert!(!grabber.tells_damage(id));
    let mut picture = grabber.new_picture(id).expect("a picture");
    for frame in [1, 2, 3] {
        painter.show(frame).expect("a frame");
        assert!(all_drawn(&mut grabber).is_empty());
        read(&mut grabber, &mut picture, &Damage::Whole).expect("pixels");
        check_pixels(&picture, &coded(0), frame);
    }
}

#[test]
fn without_xfixes_there_is_no_pointer_and_no_damage_but_every_pixel() {
    let server = xvfb().disable_extension("XFIXES").start().expect("Xvfb");
    let painter = Painter::cover(&server, &virtual_three()[2], coded(2)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    assert_eq!(grabber.pointer(), Ok(None));
    assert_eq!(grabber.watch_pointer(true), Ok(()));
    assert!(!grabber.tells_damage(monitors[2].id));
    let picture = shoot(&mut grabber, monitors[2].id).expect("a picture");
    check_pixels(&picture, &coded(2), painter.frame());
}

#[test]
fn without_xinput_a_wanted_pointer_is_looked_for_again_and_again() {
    let server = xvfb().start().expect("Xvfb");
    let mut grabber = connect(&server);
    grabber.server.has_motion = false;
    assert!(grabber.describe().contains("without XInput 2"));
    grabber.watch_pointer(true).expect("connected");
    grabber.pointer().expect("connected").expect("a pointer");
    assert!(matches!(grabber.wakes_by(), WakeBy::Period(POINTER_PERIOD)));
    grabber.watch_pointer(false).expect("connected");
    assert!(matches!(grabber.wakes_by(), WakeBy::Descriptor(_)));
}

fn without_randr() -> (Process, String) {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"]);
    command.args(["-screen", "0", "800x600x24", "-extension", "RANDR"]);
    start(command)
}

#[test]
fn without_randr_the_whole_screen_is_one_monitor() {
    let (_server, display) = without_randr();
    let mut grabber = X11Grabber::connect(&display, &unobserved()).expect("the server answers");
    let monitors = grabber.monitors().expect("a monitor");
    assert_eq!(monitors.len(), 1);
    assert_eq!(
        monitors[0].bounds,
        Box2D::new(point2(0, 0), point2(800, 600))
    );
    assert!(monitors[0].is_primary);
    grabber.open(monitors[0].id).expect("it opens");
    let (connection, _) = x11rb::connect(Some(&display)).expect("the server answers");
    fill(&connection, grabber.server.root, rectangle(10, 20, 30, 40));
    let picture = shoot(&mut grabber, monitors[0].id).expect("a picture");
    for (x, y, expected) in [(10, 20, 0xff), (39, 59, 0xff), (9, 20, 0), (39, 60, 0)] {
        assert_eq!(pixel(&picture, x, y), [expected; 3], "at ({x}, {y})");
    }
}

#[test]
fn a_screen_of_another_depth_is_refused_with_its_depth() {
    for depth in [16, 30] {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"]);
        command.args(["-screen", "0", &format!("320x200x{depth}")]);
        let (_server, display) = start(command);
        let Err(GrabError::NoDisplayServer(reason)) = X11Grabber::connect(&display, &unobserved())
        else {
            panic!("depth {depth} was accepted");
        };
        assert!(reason.contains(&format!("has depth {depth}")), "{reason}");
    }
}

#[test]
fn crtcs_serve_where_randr_is_older_than_1_5() {
    let server = xorg();
    for has_current in [true, false] {
        let mut grabber = connect(&server);
        grabber.server.monitor_source = MonitorSource::Crtcs { has_current };
        let monitors = grabber.monitors().expect("monitors");
        check_geometry(&monitors, &three(["DUMMY0", "DUMMY1", "DUMMY2"]));
        assert_eq!(monitors[0].is_primary, has_current);
        grabber.open(monitors[1].id).expect("it opens");
        shoot(&mut grabber, monitors[1].id).expect("a picture");
    }
}

#[test]
fn pixels_are_the_same_on_every_way() {
    let server = xvfb().start().expect("Xvfb");
    let _painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    for transport in [
        Transport::Pixmaps,
        Transport::Rows("a test".to_owned()),
        Transport::Socket("a test".to_owned()),
    ] {
        grabber.server.transport = transport.clone();
        let picture = shoot(&mut grabber, monitors[1].id).expect("a picture");
        check_pixels(&picture, &coded(1), 0);
        let mut rows = Vec::new();
        grabber
            .read_rows(monitors[1].id, 100..164, &mut rows)
            .expect("rows");
        let strip = &picture.writer.bytes()[100 * 800 * 4..164 * 800 * 4];
        assert!(rows == strip, "{transport:?}");
    }
}
