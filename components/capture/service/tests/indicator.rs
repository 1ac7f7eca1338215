/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The whole service on a real X server whose other clients mean no good.

use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};

use capture_test_rig::{Manager, MonitorSpec, Painter, Picture, WindowInfo, XServer, Xvfb};
use euclid::{Box2D, Point2D};
use servo_capture_traits::DesktopPixel;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, StackMode,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::*;
use crate::grabber::x11::X11Grabber;
use crate::indicator::Expected;
use crate::indicator::x11::XIndicator;

/// Within this, frames stop (REQUIREMENT D4).
const LIMIT: Duration = Duration::from_millis(500);

/// What a page was told, and when.
#[derive(Debug)]
enum Told {
    /// A frame of this size; whether the whole indicator is in it.
    Frame((u32, u32), bool),
    Muted(bool),
    Ended,
}

/// A desktop with something moving on it, captured.
struct Scene {
    handle: CaptureServiceHandle,
    told: Receiver<(Instant, Told)>,
    other: Receiver<(Instant, Told)>,
    moving: Arc<AtomicBool>,
    painter: Option<JoinHandle<()>>,
    server: Arc<XServer>,
}

impl Scene {
    fn new() -> Self {
        let specs = [
            MonitorSpec::new("LEFT", 0, 0, 800, 600),
            MonitorSpec::new("RIGHT", 800, 0, 640, 480),
        ];
        let server = Xvfb::builder().size(1440, 1000).monitors(specs.clone());
        let server = Arc::new(server.start().unwrap());
        let moving = Arc::new(AtomicBool::new(true));
        let mut painters: Vec<Painter> = specs
            .iter()
            .map(|spec| Painter::cover(&server, spec, Picture::Coded { monitor: 1 }).unwrap())
            .collect();
        let moves = moving.clone();
        let painter = thread::spawn(move || {
            for frame in 1.. {
                if !moves.load(Ordering::SeqCst) {
                    return;
                }
                // Err: the server is stopped just now.
                painters
                    .iter_mut()
                    .for_each(|painter| drop(painter.show(frame)));
                thread::sleep(Duration::from_millis(25));
            }
        });
        let marks = Marks::default();
        let (_, embedder_notices) = bounded(1);
        let (display, shown) = (server.display().to_owned(), marks.clone());
        let shown_on = display.clone();
        let handle = Service {
            policy: CapturePolicy {
                all_screens_enabled: true,
                all_screens_allowed_origins: vec![ORIGIN.parse().unwrap()],
                ..CapturePolicy::default()
            },
            record: RecordSettings::default(),
            policy_problems: Vec::new(),
            is_automated: false,
            embedder: Arc::new(LogEmbedder),
            desk: control(CapturePolicy::default()).1,
            grabber: Box::new(move |stalls| Ok(Box::new(X11Grabber::connect(&display, stalls)?))),
            indicator: Box::new(move || {
                let marks = shown.clone();
                Ok(Box::new(XIndicator::connect_to(&shown_on, marks)?))
            }),
            marks: marks.clone(),
            desktop: FakeDesktop::new().1,
            embedder_notices,
            posting: Posting::Directly,
        }
        .start();
        let client = introduce(&handle, TEST_PIPELINE_ID, HOST);
        let granted = ask(&client, TEST_PIPELINE_ID, ORIGIN).unwrap();
        assert_eq!(granted.len(), 2);
        let mut told = granted
            .iter()
            .zip([(0, 0), (800, 0)])
            .map(|(granted, at)| watch(&client, granted.source, at, &marks));
        let (told, other) = (told.next().unwrap(), told.next().unwrap());
        let scene = Self {
            handle,
            told,
            other,
            moving,
            painter: Some(painter),
            server,
        };
        scene.runs();
        scene
    }

    fn strips(&self) -> Vec<WindowInfo> {
        let mut strips = self.server.windows().unwrap();
        strips.retain(|window| window.viewable && window.is_of_class("captureshell-indicator"));
        strips.sort_by_key(|window| window.x);
        strips
    }

    /// What the first monitor's page is told next. Every frame shows the whole
    /// indicator, whatever happens.
    fn next(&self) -> (Instant, Told) {
        let (at, told) = self.told.recv_timeout(PATIENCE).unwrap();
        match told {
            Told::Frame(size, false) => panic!("a frame of {size:?} without the indicator"),
            Told::Ended => panic!("the capture ended"),
            _ => (at, told),
        }
    }

    /// Frames come.
    fn runs(&self) {
        let mut frames = 0;
        while frames < 5 {
            frames += u32::from(matches!(self.next().1, Told::Frame(..)));
        }
    }

    /// The page was told within the limit that frames stop, and none came since.
    fn stops(&self, since: Instant) {
        loop {
            match self.next() {
                (at, Told::Muted(true)) => {
                    assert!(at - since < LIMIT, "{:?}", at - since);
                    return;
                }
                (at, _) => assert!(at - since < LIMIT, "a frame {:?} later", at - since),
            }
        }
    }

    /// Frames come again, and the page is told before.
    fn resumes(&self) {
        loop {
            match self.next() {
                (_, Told::Muted(false)) => break,
                (_, Told::Muted(true)) => {}
                (_, told) => panic!("{told:?} while muted"),
            }
        }
        self.runs();
    }
}

impl Scene {
    /// Frames have come for a second without a word of the indicator.
    fn settles(&self) {
        let mut since = Instant::now();
        let deadline = since + PATIENCE;
        while since.elapsed() < Duration::from_secs(1) {
            if let (at, Told::Muted(_)) = self.next() {
                since = at;
                assert!(at < deadline, "muted again and again");
            }
        }
    }

    /// Waits until the first monitor's strip is so high, while frames come.
    fn waits_for_height(&self, height: u32) {
        let deadline = Instant::now() + PATIENCE;
        while self.strips().first().map(|strip| strip.height) != Some(height) {
            assert!(Instant::now() < deadline, "{:?}", self.strips());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.moving.store(false, Ordering::SeqCst);
        self.handle.exit();
        if let Some(painter) = self.painter.take() {
            drop(painter.join());
        }
    }
}

/// Everything that a source's page is told; frames are looked at and released.
fn watch(
    client: &CaptureClient,
    source: SourceId,
    (left, top): (i32, i32),
    marks: &Marks,
) -> Receiver<(Instant, Told)> {
    let (sender, receiver) = channel();
    let (releases, marks) = (client.clone(), marks.clone());
    let mut before = marks.expected();
    let sink = GenericCallback::new(move |event: Result<SourceEvent, _>| {
        let told = match event.unwrap() {
            SourceEvent::Frame(frame) => {
                let (width, height) = (frame.size.width, frame.size.height);
                let at = |x: u32, y: u32| {
                    Point2D::<i32, DesktopPixel>::new(left + x as i32, top + y as i32)
                };
                let bounds = Box2D::new(at(0, 0), at(width, height));
                // It may have changed since the frame was made.
                let now = marks.expected();
                let pixels = pixels(&frame);
                let shows = |expected: &Expected| expected.is_seen(bounds, &pixels, 0);
                let is_seen = shows(&before) || shows(&now);
                before = now;
                let sequence = frame.sequence;
                let released = CaptureRequest::Release {
                    frames: vec![(source, sequence)],
                };
                releases.send(released).unwrap();
                Told::Frame((width, height), is_seen)
            }
            SourceEvent::Muted(muted) => Told::Muted(muted),
            SourceEvent::Ended(_) => Told::Ended,
            _ => return,
        };
        // Err: the test has seen enough.
        let _ = sender.send((Instant::now(), told));
    })
    .unwrap();
    client
        .send(CaptureRequest::Attach { source, sink })
        .unwrap();
    receiver
}

/// A window over everything, that no window manager manages.
fn cover(connection: &RustConnection) -> Window {
    let window = connection.generate_id().unwrap();
    let attributes = CreateWindowAux::new()
        .override_redirect(1)
        .background_pixel(0x0033_6699);
    connection
        .create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            window,
            connection.setup().roots[0].root,
            0,
            0,
            4000,
            3000,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &attributes,
        )
        .unwrap();
    connection.map_window(window).unwrap().check().unwrap();
    window
}

#[test]
fn a_program_that_keeps_the_indicator_covered_gets_no_frame_made() {
    let scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let start = Instant::now();
    let rival = cover(&connection);
    let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
    while start.elapsed() < Duration::from_secs(3) {
        connection.configure_window(rival, &above).unwrap();
        connection.flush().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    connection.destroy_window(rival).unwrap().check().unwrap();
    scene.stops(start);
    scene.resumes();
}

#[test]
fn an_indicator_that_was_covered_once_is_back_at_once() {
    let scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let rival = cover(&connection);
        // It is there to stay, below the strips.
        let is_above = |strip: &WindowInfo| strip.id != rival;
        while !scene.server.windows().unwrap().last().is_some_and(is_above) {
            assert!(start.elapsed() < LIMIT);
        }
        connection.destroy_window(rival).unwrap().check().unwrap();
        scene.runs();
    }
}

#[test]
fn frames_stop_while_the_indicator_is_unmapped_moved_or_killed_and_go_on_when_it_is_back() {
    let attacks: [fn(&RustConnection, Window); 3] = [
        |connection, strip| drop(connection.unmap_window(strip)),
        |connection, strip| {
            let away = ConfigureWindowAux::new().x(3000).y(2000);
            drop(connection.configure_window(strip, &away));
        },
        |connection, strip| drop(connection.kill_client(strip)),
    ];
    let scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    for attack in attacks {
        // Again and again, so that it is gone for a while.
        let start = Instant::now();
        let mut muted = false;
        while start.elapsed() < Duration::from_secs(10) && !muted {
            if let Some(strip) = scene.strips().first() {
                attack(&connection, strip.id);
                connection.flush().unwrap();
            }
            muted = scene.told.try_iter().any(|(_, told)| match told {
                Told::Frame(_, is_seen) => {
                    assert!(is_seen);
                    false
                }
                Told::Muted(muted) => muted,
                Told::Ended => panic!("the capture ended"),
            });
        }
        assert!(muted);
        scene.resumes();
    }
}

#[test]
fn a_display_server_that_is_silent_for_seconds_ends_nothing() {
    let scene = Scene::new();
    scene.server.pause().unwrap();
    let start = Instant::now();
    let mut muted_at = None;
    while muted_at.is_none() {
        if let (at, Told::Muted(true)) = scene.next() {
            muted_at = Some(at);
        }
    }
    assert!(muted_at.unwrap() - start < Duration::from_millis(2500));
    thread::sleep(Duration::from_millis(2500));
    scene.server.resume().unwrap();
    scene.resumes();
    assert_eq!(scene.strips().len(), 2);
}

#[test]
fn monitors_that_come_go_and_change_their_mode_disturb_no_other_and_are_indicated() {
    let scene = Scene::new();
    let added = MonitorSpec::new("NEW", 0, 600, 800, 300);
    scene.server.add_monitor(added).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while scene.strips().len() < 3 {
        assert!(Instant::now() < deadline, "{:?}", scene.strips());
    }
    scene.runs();
    scene.server.remove_monitor("NEW").unwrap();
    while scene.strips().len() > 2 {
        assert!(Instant::now() < deadline, "{:?}", scene.strips());
    }
    scene.runs();
    scene.server.resize_monitor("LEFT", 700, 500).unwrap();
    while !matches!(scene.next().1, Told::Frame((700, 500), true)) {}
    let mut others = scene.other.try_iter();
    assert!(others.all(|(_, told)| matches!(told, Told::Frame(_, true))));
}

#[test]
fn another_scale_makes_the_strips_larger_and_ends_nothing() {
    let scene = Scene::new();
    for (resolution, height) in [(144, 42), (120, 35), (96, 28)] {
        let resources = format!("Xft.dpi:\t{resolution}\n");
        scene.server.set_resources(&resources).unwrap();
        scene.waits_for_height(height);
        scene.runs();
    }
    assert_eq!(scene.strips().len(), 2);
}

#[test]
fn frames_under_a_compositor_show_the_indicator_and_stop_with_it() {
    let scene = Scene::new();
    let fading = "backend = \"xrender\"; vsync = false; shadow = true; fading = true;";
    let compositor = Manager::picom(&scene.server, fading).unwrap();
    scene.settles();
    let connection = scene.server.connect().unwrap();
    let rival = cover(&connection);
    let start = Instant::now();
    let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
    let mut muted_at = None;
    while start.elapsed() < PATIENCE && muted_at.is_none() {
        connection.configure_window(rival, &above).unwrap();
        connection.flush().unwrap();
        let mut told = scene.told.try_iter();
        muted_at = told.find_map(|(at, told)| match told {
            Told::Muted(true) => Some(at),
            Told::Frame(_, false) => panic!("a frame without the indicator"),
            _ => None,
        });
        thread::sleep(Duration::from_millis(1));
    }
    assert!(muted_at.is_some());
    connection.destroy_window(rival).unwrap().check().unwrap();
    scene.resumes();
    compositor.kill().unwrap();
    scene.settles();
}

#[test]
fn an_indicator_that_was_drawn_over_is_put_back_and_frames_go_on() {
    let scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let strip = scene.strips()[0].clone();
    let black = ChangeWindowAttributesAux::new().background_pixel(0);
    connection
        .change_window_attributes(strip.id, &black)
        .unwrap();
    let start = Instant::now();
    connection
        .clear_area(false, strip.id, 0, 0, 0, 0)
        .unwrap()
        .check()
        .unwrap();
    scene.stops(start);
    scene.resumes();
    assert_ne!(scene.strips()[0].id, strip.id);
}
