/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Against real X servers.

use std::thread;
use std::time::{Duration, Instant};

use capture_test_rig::{
    MonitorSpec, Painter, Picture, Screenshot, Seat, WindowInfo, XServer, XorgDummy, Xvfb,
};
use euclid::{Box2D, Point2D};
use x11rb::connection::Connection as _;
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux,
    EventMask, StackMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::super::placement::PlacedStrip;
use super::*;
use crate::indicator::{ColorScheme, Expected};
use crate::monitor::MonitorId;

mod changes;
mod input;
mod managers;
mod rivals;

const ORIGIN: &str = "https://a.example";

fn content(origin: &str) -> IndicatorContent {
    IndicatorContent {
        origins: vec![origin.to_owned()],
        live: true,
        newest_capture: 1,
        may_stop: true,
        scheme: ColorScheme::Dark,
    }
}

/// A desktop of three monitors, one of them lower than the others.
fn three_monitors() -> [MonitorSpec; 3] {
    [
        MonitorSpec::new("LEFT", 0, 0, 800, 600),
        MonitorSpec::new("MIDDLE", 800, 0, 1024, 768),
        MonitorSpec::new("RIGHT", 1824, 100, 640, 480),
    ]
}

fn monitor(index: usize, spec: &MonitorSpec) -> Monitor {
    let from = Point2D::new(spec.x, spec.y);
    let to = Point2D::new(spec.x + spec.width as i32, spec.y + spec.height as i32);
    Monitor {
        id: MonitorId(index as u64 + 1),
        bounds: Box2D::new(from, to),
        work_area: Box2D::new(from, to),
        scale: 1.0,
        color_depth: 24,
        is_primary: index == 0,
        is_internal: false,
        label: spec.name.clone(),
    }
}

fn monitors(specs: &[MonitorSpec]) -> Vec<Monitor> {
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| monitor(index, spec))
        .collect()
}

/// A server with a picture on each of its three monitors, and the indicator
/// shown there.
struct Scene {
    // Dropped before the server.
    indicator: XIndicator,
    painters: Vec<Painter>,
    server: XServer,
    /// Somebody in front of it.
    seat: Option<Seat>,
    monitors: Vec<Monitor>,
    marks: Marks,
}

impl Scene {
    fn new() -> Self {
        let server = Xvfb::builder().monitors(three_monitors());
        Self::on(server.start().unwrap(), None)
    }

    /// With a person who can press what is shown.
    fn with_person() -> Self {
        let (server, seat) = Seat::start(three_monitors()).unwrap();
        Self::on(server, Some(seat))
    }

    /// On real outputs: desktops' programs take the screen for what these show.
    fn on_outputs() -> Self {
        let specs = three_monitors().into_iter().enumerate();
        let outputs = specs.map(|(index, spec)| MonitorSpec {
            name: format!("DUMMY{index}"),
            ..spec
        });
        Self::on(
            XorgDummy::builder().monitors(outputs).start().unwrap(),
            None,
        )
    }

    fn on(server: XServer, seat: Option<Seat>) -> Self {
        let specs = three_monitors();
        let painters = specs
            .iter()
            .map(|spec| Painter::cover(&server, spec, Picture::Gradient).unwrap())
            .collect();
        let monitors = monitors(&specs);
        let marks = Marks::default();
        let mut indicator = XIndicator::connect_to(server.display(), marks.clone()).unwrap();
        indicator.show(&content(ORIGIN), &monitors).unwrap();
        Self {
            indicator,
            painters,
            server,
            seat,
            monitors,
            marks,
        }
    }

    fn strips(&self) -> Vec<WindowInfo> {
        strips(&self.server)
    }

    /// Whether what must be seen is, on every monitor.
    fn is_seen(&self) -> bool {
        let screen = self.server.screenshot().unwrap();
        let expected = self.marks.expected();
        self.monitors
            .iter()
            .all(|monitor| is_seen_on(&screen, monitor, &expected))
    }

    /// Whether the pixels at each strip's place are the strip's.
    fn all_on_screen(&self) -> bool {
        let screen = self.server.screenshot().unwrap();
        self.indicator
            .stage
            .as_ref()
            .unwrap()
            .strips
            .iter()
            .all(|strip| {
                let PlacedStrip { area, strip, .. } = &strip.placed;
                let mut pixels = strip.pixels.chunks_exact(4);
                (area.min.y..area.max.y).all(|y| {
                    (area.min.x..area.max.x).all(|x| {
                        screen.pixel(x as u32, y as u32).as_ref().map(|p| &p[..]) == pixels.next()
                    })
                })
            })
    }

    /// Calls `keep` as the service does, until `done` or for five seconds.
    fn keep_until(&mut self, mut done: impl FnMut(&Self) -> bool) -> Result<bool, IndicatorError> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            self.indicator.keep(&mut |_| {})?;
            if done(self) {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }
}

/// Whether what is expected on a monitor is there in a picture of the desktop.
fn is_seen_on(screen: &Screenshot, monitor: &Monitor, expected: &Expected) -> bool {
    let bounds = monitor.bounds;
    let Some(rows) = expected.rows(bounds) else {
        return false;
    };
    let mut seen = Vec::new();
    for y in rows.clone() {
        let y = bounds.min.y as u32 + y;
        for x in bounds.min.x as u32..bounds.max.x as u32 {
            seen.extend(screen.pixel(x, y).unwrap());
        }
    }
    expected.is_seen(bounds, &seen, rows.start)
}

/// The indicator's windows, from left to right.
fn strips(server: &XServer) -> Vec<WindowInfo> {
    let mut strips = server.windows().unwrap();
    strips.retain(|window| window.is_of_class("captureshell-indicator"));
    strips.sort_by_key(|window| (window.x, window.y));
    strips
}

/// A window that covers everything, above everything.
fn cover_everything(connection: &RustConnection) -> Window {
    let window = connection.generate_id().unwrap();
    let root = connection.setup().roots[0].root;
    connection
        .create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            window,
            root,
            0,
            0,
            4000,
            4000,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &CreateWindowAux::new()
                .override_redirect(1)
                .background_pixel(0x00ff00),
        )
        .unwrap();
    connection.map_window(window).unwrap().check().unwrap();
    window
}

#[test]
fn each_monitor_has_a_strip_with_the_origin_in_its_upper_middle() {
    let scene = Scene::new();
    let strips = scene.strips();
    assert_eq!(strips.len(), 3);
    for (strip, monitor) in strips.iter().zip(&scene.monitors) {
        assert!(strip.viewable && strip.override_redirect, "{strip:?}");
        assert_eq!(strip.title, "https://a.example is capturing all screens");
        assert_eq!(strip.y, monitor.bounds.min.y);
        assert_eq!(strip.height, 28);
        let left = strip.x - monitor.bounds.min.x;
        let right = monitor.bounds.max.x - strip.x - strip.width as i32;
        assert!(
            left >= 0 && (left - right).abs() <= 1,
            "{strip:?} on {monitor:?}"
        );
    }
    assert!(scene.all_on_screen());
    // The test's own eyes: the pictures below are not the strip.
    assert_eq!(scene.painters[0].pixel(400, 0), [144, 0, 0, 255]);
}

#[test]
fn clicks_go_through_the_strip_but_for_its_controls() {
    let scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    for strip in scene.strips() {
        let input = connection.shape_get_rectangles(strip.id, shape::SK::INPUT);
        let input = input.unwrap().reply().unwrap().rectangles;
        let covered: u32 = input.iter().map(|area| u32::from(area.width)).sum();
        assert_eq!(covered, 3 * 26, "{input:?}");
        assert!(
            input
                .iter()
                .all(|area| u32::from(area.height) < strip.height)
        );
        assert!(
            input
                .iter()
                .all(|area| area.x as u32 > strip.width - 3 * 26 - 6)
        );
        let visible = connection.shape_get_rectangles(strip.id, shape::SK::BOUNDING);
        assert_eq!(visible.unwrap().reply().unwrap().rectangles.len(), 1);
    }
}

#[test]
fn a_server_without_shapes_shows_it_too() {
    let server = Xvfb::builder().disable_extension("SHAPE").start().unwrap();
    let specs = server.monitors().unwrap();
    let mut indicator = XIndicator::connect_to(server.display(), Marks::default()).unwrap();
    indicator.show(&content(ORIGIN), &monitors(&specs)).unwrap();
    assert_eq!(strips(&server).len(), 1);
}

#[test]
fn hiding_removes_every_window() {
    let mut scene = Scene::new();
    scene.indicator.hide();
    let gone = |scene: &Scene| scene.strips().is_empty();
    assert_eq!(scene.keep_until(gone), Ok(true));
    scene
        .indicator
        .show(&content(ORIGIN), &scene.monitors)
        .unwrap();
    assert_eq!(scene.strips().len(), 3);
    let Scene {
        indicator, server, ..
    } = scene;
    drop(indicator);
    let deadline = Instant::now() + Duration::from_secs(2);
    while !strips(&server).is_empty() {
        assert!(Instant::now() < deadline, "windows outlive the indicator");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn show_follows_the_list_of_monitors() {
    let mut scene = Scene::new();
    let mut moved = scene.monitors[2].clone();
    moved.bounds = moved.bounds.translate((-300, 50).into());
    scene
        .indicator
        .show(
            &content(ORIGIN),
            &[scene.monitors[0].clone(), moved.clone()],
        )
        .unwrap();
    let strips = scene.strips();
    assert_eq!(strips.len(), 2);
    assert_eq!(strips[1].y, moved.bounds.min.y);
    assert!(scene.all_on_screen());
    scene.indicator.show(&content(ORIGIN), &[]).unwrap();
    assert!(scene.strips().is_empty());
}

#[test]
fn a_new_content_replaces_the_old_and_the_same_changes_nothing() {
    let mut scene = Scene::new();
    let before = scene.strips();
    scene
        .indicator
        .show(&content(ORIGIN), &scene.monitors)
        .unwrap();
    assert_eq!(scene.strips(), before);
    let ended = IndicatorContent {
        origins: vec!["https://b.example".to_owned()],
        live: false,
        ..IndicatorContent::default()
    };
    scene.indicator.show(&ended, &scene.monitors).unwrap();
    let after = scene.strips();
    assert_eq!(after.len(), 3);
    assert!(
        after
            .iter()
            .all(|strip| strip.title == "https://b.example captured all screens")
    );
    assert!(scene.all_on_screen());
    assert_eq!(
        scene.keep_until(|_| false),
        Ok(false),
        "what was replaced is not lost"
    );
}

#[test]
fn windows_carry_the_hints_that_desktops_look_for() {
    let scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let atom = |name: &[u8]| {
        connection
            .intern_atom(true, name)
            .unwrap()
            .reply()
            .unwrap()
            .atom
    };
    let window = scene.strips()[0].id;
    for (property, value) in [
        (
            atom(b"_NET_WM_WINDOW_TYPE"),
            atom(b"_NET_WM_WINDOW_TYPE_NOTIFICATION"),
        ),
        (atom(b"_NET_WM_STATE"), atom(b"_NET_WM_STATE_ABOVE")),
    ] {
        let reply = connection
            .get_property(false, window, property, AtomEnum::ATOM, 0, 4)
            .unwrap()
            .reply()
            .unwrap();
        assert_eq!(reply.value32().unwrap().collect::<Vec<_>>(), [value]);
    }
}
