/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Against real X servers.

mod changes;
mod faults;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use capture_test_rig::process::{Process, Stream};
use capture_test_rig::{MonitorSpec, Painter, Picture, XServer, XorgDummy, Xvfb, XvfbBuilder};
use euclid::{Box2D, point2};
use servo_capture_traits::Damage;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateGCAux, Rectangle};
use x11rb::wrapper::ConnectionExt as _;

use super::connection::MonitorSource;
use super::*;

/// What a server needs at most to tell of a change, on a busy machine.
const NEWS_TIMEOUT: Duration = Duration::from_secs(10);

fn three(names: [&str; 3]) -> Vec<MonitorSpec> {
    vec![
        MonitorSpec::new(names[0], 0, 0, 640, 480),
        MonitorSpec::new(names[1], 640, 0, 800, 600),
        MonitorSpec::new(names[2], 1440, 0, 1024, 768),
    ]
}

fn virtual_three() -> Vec<MonitorSpec> {
    three(["LEFT", "MIDDLE", "RIGHT"])
}

fn xvfb() -> XvfbBuilder {
    Xvfb::builder().monitors(virtual_three())
}

fn xorg() -> XServer {
    XorgDummy::builder()
        .monitors(three(["DUMMY0", "DUMMY1", "DUMMY2"]))
        .start()
        .expect("Xorg with the dummy driver")
}

fn connect(server: &XServer) -> X11Grabber {
    X11Grabber::connect(server.display()).expect("the server answers")
}

/// A grabber with all monitors open.
fn open_all(server: &XServer) -> (X11Grabber, Vec<Monitor>) {
    let mut grabber = connect(server);
    let monitors = grabber.monitors().expect("monitors");
    for monitor in &monitors {
        grabber.open(monitor.id).expect("it opens");
    }
    (grabber, monitors)
}

fn coded(index: usize) -> Picture {
    Picture::Coded {
        monitor: index as u32,
    }
}

fn cover_all(server: &XServer, monitors: &[MonitorSpec]) -> Vec<Painter> {
    monitors
        .iter()
        .enumerate()
        .map(|(index, monitor)| Painter::cover(server, monitor, coded(index)).expect("a painter"))
        .collect()
}

/// Every pixel must be the picture's; the fourth byte means nothing.
fn check_pixels(canvas: &Canvas, picture: &Picture, frame: u32) {
    let (width, height) = (canvas.size.width, canvas.size.height);
    assert!(canvas.stride_bytes >= width as usize * 4);
    for y in 0..height {
        let row = &canvas.pixels[y as usize * canvas.stride_bytes..][..width as usize * 4];
        for (x, found) in (0..width).zip(row.chunks_exact(4)) {
            let expected = picture.pixel((width, height), x, y, frame);
            assert_eq!(found[..3], expected[..3], "at ({x}, {y})");
        }
    }
}

fn check_geometry(found: &[Monitor], expected: &[MonitorSpec]) {
    let found: Vec<_> = found
        .iter()
        .map(|monitor| {
            let (min, size) = (monitor.bounds.min, monitor.size());
            (monitor.label.clone(), min.x, min.y, size.width, size.height)
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|spec| (spec.name.clone(), spec.x, spec.y, spec.width, spec.height))
        .collect();
    assert_eq!(found, expected);
}

/// Asks until the answer is yes.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + NEWS_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} within {NEWS_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_layout_change(grabber: &mut X11Grabber) {
    wait_until("the change of the layout is noticed", || {
        grabber.layout_changed().expect("connected")
    });
}

/// Geometry, pixels and labels on a server with the monitors of [`three`].
fn check_three(server: &XServer, specs: &[MonitorSpec]) {
    let mut painters = cover_all(server, specs);
    let (mut grabber, monitors) = open_all(server);
    check_geometry(&monitors, specs);
    let primary: Vec<_> = monitors.iter().map(|monitor| monitor.is_primary).collect();
    assert_eq!(primary, [true, false, false]);
    for monitor in &monitors {
        assert_eq!(monitor.work_area, monitor.bounds);
        assert_eq!((monitor.scale, monitor.color_depth), (1.0, 24));
        assert!(!monitor.is_internal);
    }
    for frame in [0, 1, 77] {
        for (index, painter) in painters.iter_mut().enumerate() {
            painter.show(frame).expect("a frame");
            let canvas = grabber.grab(monitors[index].id).expect("a picture");
            check_pixels(&canvas, &coded(index), frame);
        }
    }
}

fn rectangle(x: i16, y: i16, width: u16, height: u16) -> Rectangle {
    Rectangle {
        x,
        y,
        width,
        height,
    }
}

/// Draws a white rectangle and waits until it is drawn.
fn fill(connection: &impl Connection, drawable: u32, area: Rectangle) {
    let context = connection.generate_id().expect("an id");
    connection
        .create_gc(context, drawable, &CreateGCAux::new().foreground(0xff_ffff))
        .expect("sent");
    connection
        .poly_fill_rectangle(drawable, context, &[area])
        .expect("sent")
        .check()
        .expect("drawn");
    connection.free_gc(context).expect("sent");
    connection.sync().expect("done");
}

/// Starts an X server that the rig has no builder for.
fn start(command: Command) -> (Process, String) {
    let process = Process::spawn(command).expect("the server starts");
    let number = process.wait_for_line(Stream::Stdout, 0, NEWS_TIMEOUT, |line| {
        line.trim().parse::<u32>().ok()
    });
    let (number, _) = number.expect("a display number");
    (process, format!(":{number}"))
}

#[test]
fn three_monitors_of_xvfb_are_read_exactly() {
    let server = xvfb().start().expect("Xvfb");
    check_three(&server, &virtual_three());
    let description = connect(&server).describe();
    assert_eq!(
        description,
        format!("X11 ({}) through MIT-SHM", server.display())
    );
}

#[test]
fn three_outputs_of_xorg_are_read_exactly() {
    let server = xorg();
    check_three(&server, &three(["DUMMY0", "DUMMY1", "DUMMY2"]));
}

#[test]
fn without_mit_shm_pixels_come_over_the_socket_and_it_says_so() {
    let server = xvfb().disable_extension("MIT-SHM").start().expect("Xvfb");
    check_three(&server, &virtual_three());
    let description = connect(&server).describe();
    assert!(
        description.contains("over the socket (the server has no MIT-SHM)"),
        "{description}"
    );
}

#[test]
fn a_4k_monitor_is_read_exactly_in_bands() {
    for extension in ["MIT-SHM", "GLX"] {
        let spec = MonitorSpec::new("UHD", 0, 0, 3840, 2160);
        let server = Xvfb::builder()
            .monitors([spec.clone()])
            .disable_extension(extension)
            .start()
            .expect("Xvfb");
        let _painter = Painter::cover(&server, &spec, coded(3)).expect("a painter");
        let (mut grabber, monitors) = open_all(&server);
        let canvas = grabber.grab(monitors[0].id).expect("a picture");
        check_pixels(&canvas, &coded(3), 0);
    }
}

#[test]
fn without_damage_everything_may_have_changed_and_it_says_so() {
    let server = xvfb().disable_extension("DAMAGE").start().expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    assert!(
        grabber.describe().contains("without DAMAGE"),
        "{}",
        grabber.describe()
    );
    for _ in 0..3 {
        assert!(grabber.has_damage(monitors[0].id).expect("connected"));
        let canvas = grabber.grab(monitors[0].id).expect("a picture");
        assert_eq!(canvas.damage, Damage::Whole);
    }
}

#[test]
fn without_randr_the_whole_screen_is_one_monitor_and_it_says_so() {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"]);
    command.args(["-screen", "0", "800x600x24", "-extension", "RANDR"]);
    let (_server, display) = start(command);
    let mut grabber = X11Grabber::connect(&display).expect("the server answers");
    assert!(
        grabber.describe().contains("without RANDR"),
        "{}",
        grabber.describe()
    );
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
    let canvas = grabber.grab(monitors[0].id).expect("a picture");
    for (x, y, expected) in [(10, 20, 0xff), (39, 59, 0xff), (9, 20, 0), (39, 60, 0)] {
        let start = y * canvas.stride_bytes + x * 4;
        assert_eq!(canvas.pixels[start], expected, "at ({x}, {y})");
    }
}

#[test]
fn a_screen_of_another_depth_is_refused_with_its_depth() {
    for depth in [16, 30] {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"]);
        command.args(["-screen", "0", &format!("320x200x{depth}")]);
        let (_server, display) = start(command);
        let Err(GrabError::NoDisplayServer(reason)) = X11Grabber::connect(&display) else {
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
        grabber.grab(monitors[1].id).expect("a picture");
    }
}
