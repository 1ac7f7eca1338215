/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine on real X servers, from the drawing to a reader's copy.

use std::thread::sleep;

use capture_test_rig::{MonitorSpec, Painter, Picture, XServer, Xvfb};
use servo_capture_traits::{FramePixels, PoolRegistration};

use super::*;
use crate::grabber::x11::X11Grabber;
use crate::grabber::{Grabber, StallObserver};
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

impl Screen {
    fn new() -> Self {
        let server = Xvfb::builder().monitors(specs()).start().expect("Xvfb");
        let cover = |(index, spec): (usize, &MonitorSpec)| {
            Painter::cover(&server, spec, coded(index as u32)).expect("a painter")
        };
        let painters = specs().iter().enumerate().map(cover).collect();
        let display = server.display().to_owned();
        let capture = DirectCapture::with_grabber(Box::new(move |observer: &StallObserver| {
            Ok(Box::new(X11Grabber::connect(&display, observer)?) as Box<dyn Grabber>)
        }))
        .expect("it captures");
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
