/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The rig keeps its promises on both servers.

use std::path::Path;
use std::time::{Duration, Instant};

use capture_test_rig::{
    Bgra, MapWatch, MonitorSpec, Painter, Picture, ReadWatch, XServer, XorgDummy, Xvfb, expected,
    frame_number,
};
use x11rb::connection::RequestConnection;

const COLORS: [Bgra; 4] = [
    [255, 0, 0, 255],
    [0, 255, 0, 255],
    [0, 0, 255, 255],
    [128, 64, 32, 255],
];

fn three_monitors() -> Vec<MonitorSpec> {
    vec![
        MonitorSpec::new("DUMMY0", 0, 0, 800, 600),
        MonitorSpec::new("DUMMY1", 800, 0, 640, 480),
        MonitorSpec::new("DUMMY2", 1440, 100, 1024, 768),
    ]
}

fn both_servers() -> [XServer; 2] {
    [
        Xvfb::builder()
            .size(2560, 1100)
            .monitors(three_monitors())
            .start()
            .expect("Xvfb"),
        XorgDummy::builder()
            .monitors(three_monitors())
            .start()
            .expect("Xorg"),
    ]
}

/// The server's monitors without the physical size, which Xorg makes up.
fn geometry(server: &XServer) -> Vec<MonitorSpec> {
    let monitors = server.monitors().expect("monitors");
    monitors
        .into_iter()
        .map(|monitor| monitor.millimeters(0, 0))
        .collect()
}

fn monitor_of(server: &XServer, name: &str) -> MonitorSpec {
    let monitors = server.monitors().expect("monitors");
    monitors
        .into_iter()
        .find(|monitor| monitor.name == name)
        .expect("the monitor is there")
}

/// Compares every pixel of the monitor with what the painter says.
fn assert_shows(server: &XServer, monitor: &MonitorSpec, painter: &Painter) {
    let screenshot = server.screenshot().expect("screenshot");
    for y in 0..monitor.height {
        for x in 0..monitor.width {
            let (left, top) = (monitor.x.unsigned_abs(), monitor.y.unsigned_abs());
            let seen = screenshot.pixel(left + x, top + y);
            assert_eq!(seen, Some(painter.pixel(x, y)), "{monitor:?} at {x}, {y}");
        }
    }
}

#[test]
fn three_monitors_have_the_geometry_asked_for() {
    for server in both_servers() {
        assert_eq!(geometry(&server), three_monitors(), "{server:?}");
    }
}

#[test]
fn a_physical_size_is_kept() {
    let monitor = MonitorSpec::new("ONE", 0, 0, 320, 200).millimeters(508, 286);
    let server = Xvfb::builder()
        .monitors([monitor.clone()])
        .start()
        .expect("Xvfb");
    assert_eq!(server.monitors().expect("monitors"), [monitor]);
}

#[test]
fn painted_pixels_are_read_back_exactly() {
    let pictures = [
        Picture::Quadrants(COLORS),
        Picture::Gradient,
        Picture::Coded { monitor: 2 },
    ];
    for server in both_servers() {
        let monitors = server.monitors().expect("monitors");
        let mut painters = Vec::new();
        for (monitor, picture) in monitors.iter().zip(pictures) {
            painters.push(Painter::cover(&server, monitor, picture).expect("painter"));
        }
        for (monitor, painter) in monitors.iter().zip(&mut painters) {
            assert_shows(&server, monitor, painter);
            painter.show(5).expect("frame 5");
            assert_shows(&server, monitor, painter);
        }
    }
}

#[test]
fn the_frame_number_on_the_screen_is_that_of_the_frame_shown() {
    let server = Xvfb::builder().size(320, 200).start().expect("Xvfb");
    let monitor = server.monitors().expect("monitors").remove(0);
    let mut painter =
        Painter::cover(&server, &monitor, Picture::Coded { monitor: 9 }).expect("painter");
    // More than are kept ready, so that old ones are dropped and made again.
    for frame in (0..100).chain(0..3) {
        painter.show(frame).expect("frame");
        let pixel = server
            .screenshot()
            .expect("screenshot")
            .pixel(8, 0)
            .expect("inside");
        assert_eq!(frame_number(pixel), frame);
        assert_eq!(pixel, expected(9, 8, 0, frame));
    }
}

#[test]
fn a_picture_is_whole_again_after_a_window_above_it_goes() {
    let server = Xvfb::builder().size(400, 300).start().expect("Xvfb");
    let monitor = server.monitors().expect("monitors").remove(0);
    let mut above = Painter::cover(&server, &monitor, Picture::Solid(COLORS[0])).expect("above");
    let mut below =
        Painter::cover(&server, &monitor, Picture::Coded { monitor: 1 }).expect("below");
    below.show(3).expect("frame 3");
    assert_shows(&server, &monitor, &above);
    above
        .change_picture(Picture::Solid(COLORS[3]))
        .expect("another colour");
    assert_shows(&server, &monitor, &above);
    server.unmap_window(above.window()).expect("unmapped");
    assert_shows(&server, &monitor, &below);
}

#[test]
fn monitors_are_unplugged_plugged_in_moved_and_resized_one_at_a_time() {
    for server in both_servers() {
        // The first one, which has Xvfb's only output.
        server.remove_monitor("DUMMY0").expect("unplugged");
        assert_eq!(geometry(&server), three_monitors()[1..]);
        server
            .add_monitor(MonitorSpec::new("DUMMY0", 0, 0, 700, 500))
            .expect("plugged in");
        assert_eq!(monitor_of(&server, "DUMMY0").width, 700);
        server.resize_monitor("DUMMY0", 800, 600).expect("resized");
        assert_eq!(geometry(&server), three_monitors());

        // Two of the same size change places.
        server.resize_monitor("DUMMY1", 800, 600).expect("resized");
        let mut swapped = server.monitors().expect("monitors");
        (swapped[0].x, swapped[1].x) = (swapped[1].x, swapped[0].x);
        server.arrange(&swapped).expect("swapped");
        assert_eq!(monitor_of(&server, "DUMMY0").x, 800);
        assert_eq!(monitor_of(&server, "DUMMY1").x, 0);

        server.remove_monitor("DUMMY2").expect("unplugged");
        server.remove_monitor("DUMMY1").expect("unplugged");
        assert!(
            server.remove_monitor("DUMMY0").is_err(),
            "the last one cannot go"
        );
        assert!(
            server.remove_monitor("DUMMY7").is_err(),
            "there is no such monitor"
        );
        assert_eq!(server.monitors().expect("monitors").len(), 1);
    }
}

#[test]
fn a_painter_follows_its_monitor() {
    for server in both_servers() {
        let first = monitor_of(&server, "DUMMY1");
        let mut painter =
            Painter::cover(&server, &first, Picture::Coded { monitor: 1 }).expect("painter");
        server.move_monitor("DUMMY1", 0, 620).expect("moved");
        server.resize_monitor("DUMMY1", 640, 400).expect("resized");
        let moved = monitor_of(&server, "DUMMY1");
        assert_eq!((moved.x, moved.y, moved.height), (0, 620, 400));
        painter.follow(&moved).expect("followed");
        assert_shows(&server, &moved, &painter);
    }
}

#[test]
fn extensions_can_be_left_out() {
    for extension in ["MIT-SHM", "DAMAGE"] {
        let with = Xvfb::builder().size(64, 64).start().expect("Xvfb");
        let without = Xvfb::builder()
            .size(64, 64)
            .disable_extension(extension)
            .start()
            .expect("Xvfb");
        let has = |server: &XServer| {
            let name: &'static str = extension;
            server
                .connect()
                .expect("client")
                .extension_information(name)
                .expect("answer")
                .is_some()
        };
        assert!(has(&with), "{extension}");
        assert!(!has(&without), "{extension}");
    }
}

/// The number of clients once it is the same for a while: those that have just gone are counted for
/// a moment.
fn settled_client_count(server: &XServer) -> usize {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut last = (server.client_count().expect("count"), Instant::now());
    while last.1.elapsed() < Duration::from_millis(200) {
        assert!(Instant::now() < deadline, "clients come and go");
        let count = server.client_count().expect("count");
        if count != last.0 {
            last = (count, Instant::now());
        }
    }
    last.0
}

#[test]
fn clients_are_counted() {
    let server = Xvfb::builder().size(64, 64).start().expect("Xvfb");
    let before = settled_client_count(&server);
    let client = server.connect().expect("client");
    assert_eq!(settled_client_count(&server), before + 1);
    drop(client);
    assert_eq!(settled_client_count(&server), before);
}

#[test]
fn a_window_is_found_by_its_class_and_title() {
    let server = Xvfb::builder().size(64, 64).start().expect("Xvfb");
    let monitor = server.monitors().expect("monitors").remove(0);
    let painter = Painter::cover(&server, &monitor, Picture::Gradient).expect("painter");
    let windows = server.windows().expect("windows");
    let window = windows
        .iter()
        .find(|window| window.is_of_class("test-painter"))
        .expect("found");
    assert_eq!(window.id, painter.window());
    assert!(window.override_redirect && window.viewable, "{window:?}");
    assert_eq!(window.title, format!("Test picture on {}", monitor.name));
    server.unmap_window(window.id).expect("unmapped");
    assert!(
        server
            .windows()
            .expect("windows")
            .iter()
            .all(|window| !window.viewable)
    );
}

#[test]
fn a_window_that_comes_and_goes_is_noticed() {
    let server = Xvfb::builder().size(64, 64).start().expect("Xvfb");
    let monitor = server.monitors().expect("monitors").remove(0);
    let watch = MapWatch::start(&server).expect("watch");
    assert!(watch.mapped().expect("list").is_empty());
    let painter = Painter::cover(&server, &monitor, Picture::Gradient).expect("painter");
    let window = painter.window();
    drop(painter);
    assert_eq!(watch.mapped().expect("list"), [window]);
    assert!(watch.mapped().expect("list").is_empty());
}

#[test]
fn reading_the_screen_is_noticed() {
    let servers = both_servers();
    let without_shared_memory = Xvfb::builder()
        .size(64, 64)
        .disable_extension("MIT-SHM")
        .start()
        .expect("Xvfb");
    for server in servers.iter().chain([&without_shared_memory]) {
        let watch = ReadWatch::start(server).expect("watch");
        server.windows().expect("windows");
        assert_eq!(watch.finish().expect("count"), 0);
        let watch = ReadWatch::start(server).expect("watch");
        for _ in 0..3 {
            server.screenshot().expect("screenshot");
        }
        assert_eq!(watch.finish().expect("count"), 3);
    }
}

#[test]
fn a_paused_server_answers_when_resumed_and_a_killed_one_can_be_started_again() {
    let mut server = Xvfb::builder().size(64, 64).start().expect("Xvfb");
    server.pause().expect("paused");
    server.resume().expect("resumed");
    assert_eq!(server.screenshot().expect("screenshot").width, 64);
    server.kill().expect("killed");
    assert!(server.connect().is_err());
    let number = server.display()[1..].parse().expect("a number");
    let again = Xvfb::builder()
        .size(128, 64)
        .display_number(number)
        .start()
        .expect("Xvfb again");
    assert_eq!(again.display(), server.display());
    assert_eq!(again.screenshot().expect("screenshot").width, 128);
}

#[test]
fn dropping_a_server_ends_its_process() {
    for server in both_servers() {
        let process = format!("/proc/{}", server.process_id());
        assert!(Path::new(&process).exists());
        // A paused one, too.
        server.pause().expect("paused");
        drop(server);
        assert!(!Path::new(&process).exists());
    }
}
