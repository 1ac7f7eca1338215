/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine on real X servers, from the drawing to a reader's copy.

use std::thread::sleep;

use capture_test_rig::process::{descriptor_count, shared_memory_count};
use capture_test_rig::{MonitorSpec, Painter, Picture, XServer, Xvfb};
use servo_capture_traits::{FramePixels, PoolRegistration};

use super::*;
use crate::grabber::x11::X11Grabber;
use crate::grabber::{GrabError, Grabber, StallObserver, alone};
use crate::service::direct::{DirectCapture, DirectEvent};

const EDGE: (u32, u32) = (640, 480);
const PATIENCE: Duration = Duration::from_secs(10);

fn specs() -> [MonitorSpec; 2] {
    let (width, height) = EDGE;
    [
        MonitorSpec::new("LEFT", 0, 0, width, height),
        MonitorSpec::new("RIGHT", width as i32, 0, width, height),
    ]
}

fn coded(monitor: u32) -> Picture {
    Picture::Coded { monitor }
}

struct Screen {
    server: XServer,
    painters: Vec<Painter>,
    capture: DirectCapture,
    sources: Vec<SourceId>,
    pictures: BTreeMap<SourceId, Vec<u8>>,
}

fn cover(server: &XServer) -> Vec<Painter> {
    let cover = |(index, spec): (usize, &MonitorSpec)| {
        Painter::cover(server, spec, coded(index as u32)).expect("a painter")
    };
    specs().iter().enumerate().map(cover).collect()
}

fn capture(display: &str) -> Result<DirectCapture, GrabError> {
    let display = display.to_owned();
    DirectCapture::with_grabber(Box::new(move |observer: &StallObserver| {
        Ok(Box::new(X11Grabber::connect(&display, observer)?) as Box<dyn Grabber>)
    }))
}

impl Screen {
    fn new() -> Self {
        let server = Xvfb::builder().monitors(specs()).start().expect("Xvfb");
        let painters = cover(&server);
        let capture = capture(server.display()).expect("it captures");
        let size = Size2D::from(EDGE);
        let format = FrameFormat {
            frame_rate: 60.0,
            ..FrameFormat::native(size)
        };
        let monitors = capture.monitors().iter();
        let sources = monitors
            .map(|monitor| capture.add(monitor.id, format).expect("it runs"))
            .collect();
        Self {
            server,
            painters,
            capture,
            sources,
            pictures: BTreeMap::new(),
        }
    }

    /// Takes frames until none has come for so long; how many. Other events.
    fn drain(&mut self, quiet: Duration) -> (usize, Vec<DirectEvent>) {
        let (mut frames, mut others) = (0, Vec::new());
        while let Some(event) = self.capture.next(quiet).expect("it runs") {
            let DirectEvent::Frame { source, frame } = event else {
                others.push(event);
                continue;
            };
            let FramePixels::Pooled { pool, index } = frame.pixels else {
                panic!("the engine copies nothing");
            };
            let memory = PoolRegistration::find(pool, index).expect("it is in its pool");
            let picture = self.pictures.entry(source).or_default();
            picture.resize(memory.len(), 0);
            memory
                .copy_opaque(frame.size, &frame.damage, picture)
                .expect("it is of its size");
            self.capture
                .release(source, frame.sequence)
                .expect("it runs");
            frames += 1;
        }
        (frames, others)
    }

    fn shows(&self, monitor: usize, frame: u32) -> bool {
        let picture = self.pictures.get(&self.sources[monitor]);
        let expected = coded(monitor as u32).render(EDGE, frame);
        picture.is_some_and(|picture| *picture == expected)
    }
}

#[test]
fn what_is_drawn_on_an_x_server_reaches_readers_exactly() {
    let mut screen = Screen::new();
    screen.drain(Duration::from_millis(300));
    assert!(screen.shows(0, 0) && screen.shows(1, 0));
    let before = screen.capture.counts();
    let mut delivered = 0;
    for frame in 1..=60 {
        screen.painters[0].show(frame).expect("it draws");
        delivered += screen.drain(Duration::from_millis(30)).0;
        assert!(screen.shows(0, frame), "frame {frame}");
    }
    assert!(screen.shows(1, 0));
    let counts = screen.capture.counts();
    // Of the monitor on which nothing is drawn nothing is read.
    let pixels = u64::from(EDGE.0 * EDGE.1);
    let read = counts.pixels_read - before.pixels_read;
    assert!(
        delivered >= 60 && read <= delivered as u64 * pixels,
        "{delivered} {read}"
    );
    assert_eq!((counts.dropped, counts.pixels_made), (0, 0));
}

#[test]
fn a_still_x_server_is_neither_read_nor_waited_for() {
    let mut screen = Screen::new();
    screen.drain(Duration::from_millis(1500));
    let before = screen.capture.counts();
    sleep(Duration::from_secs(4));
    let after = screen.capture.counts();
    assert_eq!((before.reads, before.frames), (after.reads, after.frames));
    assert!(after.bytes_verified > before.bytes_verified);
    let wakeups = after.wakeups - before.wakeups;
    assert!(wakeups <= 8, "{wakeups} in four seconds");
}

#[test]
fn a_stopped_x_server_is_told_and_frames_come_when_it_goes_on() {
    let mut screen = Screen::new();
    screen.drain(Duration::from_millis(300));
    screen.server.pause().expect("it stops");
    let told = |screen: &mut Screen, stalled: bool| {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let others = screen.drain(Duration::from_millis(200)).1;
            let is_told =
                |event: &DirectEvent| matches!(event, DirectEvent::Stalled(now) if *now == stalled);
            if others.iter().any(is_told) {
                return true;
            }
        }
        false
    };
    assert!(told(&mut screen, true), "the verifier waits for an answer");
    screen.server.resume().expect("it goes on");
    assert!(told(&mut screen, false));
    screen.painters[1].show(9).expect("it draws");
    screen.drain(Duration::from_millis(500));
    assert!(screen.shows(1, 9));
    screen.server.kill().expect("it ends");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let others = screen.drain(Duration::from_millis(100)).1;
        if others
            .iter()
            .any(|event| matches!(event, DirectEvent::Failed(_)))
        {
            break;
        }
        assert!(Instant::now() < deadline, "its end is not told");
    }
}

/// What a process and the X server may not keep of a capture that is over.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    pictures: usize,
    descriptors_of_server: usize,
    pictures_of_server: usize,
    clients: usize,
}

impl Held {
    fn is_no_more_than(&self, other: &Self) -> bool {
        self.descriptors <= other.descriptors
            && self.pictures <= other.pictures
            && self.descriptors_of_server <= other.descriptors_of_server
            && self.pictures_of_server <= other.pictures_of_server
            && self.clients <= other.clients
    }
}

fn held(server: &XServer) -> Held {
    let [ours, theirs] = [std::process::id(), server.process_id()];
    let pictures = |process| shared_memory_count(process).expect("it lives");
    let descriptors = |process| descriptor_count(process).expect("it lives");
    Held {
        descriptors: descriptors(ours),
        pictures: pictures(ours),
        descriptors_of_server: descriptors(theirs),
        pictures_of_server: pictures(theirs),
        clients: server.client_count().expect("it answers"),
    }
}

/// Waits until no more is held than before: the server notices the end of a
/// connection by and by, those that had ended before it was counted included.
fn check_held(server: &XServer, before: &Held) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = held(server);
        if now.is_no_more_than(before) {
            return;
        }
        assert!(Instant::now() < deadline, "{before:?} {now:?}");
        sleep(Duration::from_millis(20));
    }
}

/// One capture from the connection to its end, with one frame of each source.
fn capture_once(display: &str, number: u32) {
    let capture = capture(display).expect("it captures");
    let size = Size2D::from(EDGE);
    let mut half = FrameFormat::native(size);
    half.size = size / 2;
    let mut waiting = Vec::new();
    for monitor in capture.monitors() {
        for format in [FrameFormat::native(size), half] {
            waiting.push(capture.add(monitor.id, format).expect("it runs"));
        }
    }
    let sources = waiting.clone();
    while !waiting.is_empty() {
        match capture.next(PATIENCE).expect("it runs") {
            Some(DirectEvent::Frame { source, frame }) => {
                waiting.retain(|waits| *waits != source);
                // Some are given back, some are not.
                if !number.is_multiple_of(3) {
                    capture.release(source, frame.sequence).expect("it runs");
                }
            }
            other => panic!("no frame in capture {number}: {other:?}"),
        }
    }
    if number.is_multiple_of(2) {
        for source in sources {
            capture.remove(source).expect("it runs");
        }
    }
}

/// `CAPTURE_CYCLES=10000` makes it ten thousand, which takes some minutes.
#[test]
fn captures_of_an_x_server_leave_nothing_with_us_or_with_it() {
    let cycles = std::env::var("CAPTURE_CYCLES").ok();
    let cycles: u32 = cycles.map_or(100, |cycles| cycles.parse().expect("a number"));
    // Other tests of this process open files meanwhile.
    if !alone::is_child() {
        let name = "captures_of_an_x_server_leave_nothing_with_us_or_with_it";
        let child = alone::start(module_path!(), name, None);
        let timeout = Duration::from_secs(120) + Duration::from_millis(200) * cycles;
        return alone::finish_within(child, timeout);
    }
    let server = Xvfb::builder().monitors(specs()).start().expect("Xvfb");
    let _painters = cover(&server);
    let clients = held(&server).clients;
    (0..6).for_each(|number| capture_once(server.display(), number));
    let deadline = Instant::now() + PATIENCE;
    while held(&server).clients != clients && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    let before = held(&server);
    let pictures = (before.pictures, before.pictures_of_server);
    assert_eq!((pictures, before.clients), ((0, 0), clients));
    (0..cycles).for_each(|number| capture_once(server.display(), number));
    check_held(&server, &before);
}

#[test]
fn after_the_x_server_was_killed_a_new_one_in_its_place_is_captured() {
    let mut screen = Screen::new();
    screen.drain(Duration::from_millis(300));
    screen.server.kill().expect("it ends");
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        let others = screen.drain(Duration::from_millis(100)).1;
        let failed = others.into_iter().find_map(|event| match event {
            DirectEvent::Failed(error) => Some(error),
            _ => None,
        });
        if let Some(error) = failed {
            break error;
        }
        assert!(Instant::now() < deadline, "its end is not told");
    };
    assert!(matches!(error, GrabError::Disconnected(_)), "{error:?}");
    let display = screen.server.display().to_owned();
    let Err(error) = capture(&display) else {
        panic!("a server that is gone is captured");
    };
    assert!(matches!(error, GrabError::NoDisplayServer(_)), "{error:?}");
    let number = display.trim_start_matches(':').parse().expect("a number");
    let again = Xvfb::builder().monitors(specs()).display_number(number);
    screen.server = again.start().expect("Xvfb");
    assert_eq!(screen.server.display(), display);
    screen.painters = cover(&screen.server);
    capture_once(&display, 1);
}
