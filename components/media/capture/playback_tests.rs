/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::mpsc::{self, Receiver};

use euclid::Size2D;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, FrameLease, FramePicture, PictureWriter};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq)]
enum Seen {
    Metadata(u32, u32),
    /// The frame's first byte.
    Rendered(u8),
    Updated,
    State(&'static str),
    Duration,
    End,
}

/// Keeps every frame that it is given.
#[derive(Clone)]
struct Renderer {
    seen: mpsc::Sender<Seen>,
    kept: Arc<Mutex<Vec<VideoFrame>>>,
}

impl VideoFrameRenderer for Renderer {
    fn render(&mut self, frame: VideoFrame) {
        let value = frame.get_data()[0];
        self.kept.lock().unwrap().push(frame);
        self.seen.send(Seen::Rendered(value)).unwrap();
    }
}

/// A playback of a bus, and what comes out of it, without positions.
struct Scene {
    bus: Arc<FrameBus>,
    playback: Playback,
    seen: Receiver<Seen>,
    /// What the renderer keeps.
    kept: Arc<Mutex<Vec<VideoFrame>>>,
}

impl Scene {
    /// The bus is fresh.
    fn new(playing: bool) -> Self {
        let (sender, seen) = mpsc::channel();
        let events = sender.clone();
        let callback = GenericCallback::new(move |event: Result<PlayerEvent, _>| {
            let event = match event.unwrap() {
                PlayerEvent::MetadataUpdated(metadata) => {
                    Seen::Metadata(metadata.width, metadata.height)
                }
                PlayerEvent::VideoFrameUpdated => Seen::Updated,
                PlayerEvent::StateChanged(PlaybackState::Playing) => Seen::State("playing"),
                PlayerEvent::StateChanged(_) => Seen::State("paused"),
                PlayerEvent::DurationChanged(_) => Seen::Duration,
                PlayerEvent::EndOfStream => Seen::End,
                _ => return,
            };
            events.send(event).unwrap();
        })
        .unwrap();
        let bus = Arc::new(FrameBus::default());
        let kept = Arc::new(Mutex::new(Vec::new()));
        let renderer = Renderer {
            seen: sender,
            kept: kept.clone(),
        };
        let renderer = Arc::new(Mutex::new(renderer));
        let outlet = Outlet {
            sender: callback,
            video: renderer,
        };
        let playback = Playback::start(outlet, orders(&bus), playing, None).unwrap();
        Self {
            bus,
            playback,
            seen,
            kept,
        }
    }

    /// One that plays and has shown its first frame, whose value and edges are 1.
    fn with_one_frame() -> Self {
        let scene = Self::new(true);
        scene.bus.push(frame(1, 1, 1));
        scene.expect_first((1, 1), "playing");
        scene
    }

    #[track_caller]
    fn expect(&self, expected: &[Seen]) {
        for expected in expected {
            assert_eq!(self.seen.recv_timeout(PATIENCE).as_ref(), Ok(expected));
        }
    }

    /// What comes out of the first frame, whose value is 1.
    #[track_caller]
    fn expect_first(&self, (width, height): (u32, u32), state: &'static str) {
        self.expect(&[
            Seen::Metadata(width, height),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State(state),
        ]);
    }
}

fn orders(bus: &Arc<FrameBus>) -> Orders {
    Orders {
        bus: Some(bus.clone()),
        ..Orders::default()
    }
}

fn over() -> Orders {
    Orders {
        is_over: true,
        ..Orders::default()
    }
}

fn frame(value: u8, width: u32, height: u32) -> CapturedFrame {
    let mut writer = PictureWriter::new((width * height * 4) as usize).unwrap();
    writer.bytes_mut().fill(value);
    CapturedFrame {
        sequence: u64::from(value),
        captured_at: CrossProcessInstant::now(),
        size: Size2D::new(width, height),
        damage: Damage::Whole,
        picture: FramePicture::Shared(writer.memory().clone()),
        lease: Some(Arc::new(FrameLease::new(|| {}))),
    }
}

#[test]
fn the_first_frame_comes_after_its_metadata_even_when_paused() {
    let scene = Scene::new(false);
    scene.bus.push(frame(1, 4, 2));
    scene.expect_first((4, 2), "paused");
}

#[test]
fn a_paused_player_shows_the_newest_frame_when_it_plays_on() {
    let scene = Scene::new(false);
    scene.bus.push(frame(1, 1, 1));
    scene.expect_first((1, 1), "paused");
    scene.bus.push(frame(2, 1, 1));
    scene.bus.push(frame(3, 1, 1));
    scene.playback.set_playing(true);
    scene.expect(&[Seen::State("playing"), Seen::Rendered(3), Seen::Updated]);
}

/// Who has the picture of the frame that a test pushed.
fn holders(lease: &Option<Arc<FrameLease>>) -> usize {
    Arc::strong_count(lease.as_ref().unwrap())
}

#[test]
fn a_renderer_that_keeps_a_frame_keeps_no_lease() {
    let scene = Scene::new(true);
    let first = frame(1, 1, 1);
    let lease = first.lease.clone();
    scene.bus.push(first);
    scene.expect_first((1, 1), "playing");
    // The bus and this test.
    assert_eq!(holders(&lease), 2);
    scene.bus.push(frame(2, 1, 1));
    assert_eq!(holders(&lease), 1);
    scene.expect(&[Seen::Rendered(2), Seen::Updated]);
    let kept: Vec<u8> = scene
        .kept
        .lock()
        .unwrap()
        .iter()
        .map(|kept| kept.get_data()[0])
        .collect();
    assert_eq!(kept, [1, 2]);
}

#[test]
fn a_paused_player_copies_no_frame_but_the_first() {
    let scene = Scene::new(false);
    scene.bus.push(frame(1, 1, 1));
    scene.expect_first((1, 1), "paused");
    for value in 2..20 {
        let next = frame(value, 1, 1);
        let lease = next.lease.clone();
        scene.bus.push(next);
        // The player has looked at it and let go of it.
        let deadline = Instant::now() + PATIENCE;
        while holders(&lease) > 2 {
            assert!(Instant::now() < deadline, "the player keeps the frame");
            thread::yield_now();
        }
    }
    assert!(scene.seen.try_recv().is_err());
    assert_eq!(scene.kept.lock().unwrap().len(), 1);
}

#[test]
fn the_newest_frame_is_shown_when_a_renderer_that_held_all_copies_lets_go() {
    let scene = Scene::new(true);
    let copies = MAX_COPIES as u8;
    scene.bus.push(frame(1, 1, 1));
    scene.expect_first((1, 1), "playing");
    for value in 2..=copies {
        scene.bus.push(frame(value, 1, 1));
        scene.expect(&[Seen::Rendered(value), Seen::Updated]);
    }
    scene.bus.push(frame(copies + 1, 1, 1));
    scene.bus.push(frame(copies + 2, 1, 1));
    assert!(
        scene.seen.recv_timeout(BUSY_PERIOD * 10).is_err(),
        "a held copy was overwritten"
    );
    scene.kept.lock().unwrap().clear();
    scene.expect(&[Seen::Rendered(copies + 2), Seen::Updated]);
}

#[test]
fn a_new_size_is_told_before_its_first_frame() {
    let scene = Scene::with_one_frame();
    scene.bus.push(frame(2, 3, 2));
    scene.expect(&[Seen::Metadata(3, 2), Seen::Rendered(2), Seen::Updated]);
}

#[test]
fn the_end_of_the_stream_has_a_duration_and_pauses_the_player() {
    let scene = Scene::with_one_frame();
    scene.playback.follow(over());
    scene.expect(&[Seen::Duration, Seen::End]);
    assert!(!scene.playback.is_playing());
}

#[test]
fn a_stream_that_is_over_before_its_first_frame_ends_nothing() {
    let scene = Scene::new(true);
    scene.playback.follow(over());
    scene.playback.follow(orders(&scene.bus));
    scene.bus.push(frame(1, 1, 1));
    scene.expect(&[Seen::Metadata(1, 1), Seen::Rendered(1)]);
}

#[test]
fn another_capture_goes_on_where_one_has_ended() {
    let scene = Scene::with_one_frame();
    scene.bus.end();
    let other = Arc::new(FrameBus::default());
    scene.playback.follow(orders(&other));
    other.push(frame(2, 1, 1));
    scene.expect(&[Seen::Rendered(2), Seen::Updated]);
    let wider = Arc::new(FrameBus::default());
    wider.push(frame(3, 2, 1));
    scene.playback.follow(orders(&wider));
    scene.expect(&[Seen::Metadata(2, 1), Seen::Rendered(3), Seen::Updated]);
    assert!(scene.playback.is_playing());
}

#[test]
fn a_paused_player_shows_one_frame_of_another_capture() {
    let scene = Scene::with_one_frame();
    scene.playback.set_playing(false);
    let other = Arc::new(FrameBus::default());
    scene.playback.follow(orders(&other));
    other.push(frame(2, 1, 1));
    scene.expect(&[Seen::State("paused"), Seen::Rendered(2), Seen::Updated]);
}

#[test]
fn without_a_capture_there_is_no_size_until_there_is_one_again() {
    let scene = Scene::with_one_frame();
    scene.playback.follow(Orders::default());
    scene.expect(&[Seen::Metadata(0, 0)]);
    scene.playback.follow(orders(&scene.bus));
    scene.expect(&[Seen::Metadata(1, 1), Seen::Rendered(1), Seen::Updated]);
}

#[test]
fn other_tracks_are_told() {
    let scene = Scene::with_one_frame();
    let names = TrackNames {
        audio: Vec::new(),
        video: vec!["another".to_owned()],
    };
    scene.playback.follow(Orders {
        names,
        ..orders(&scene.bus)
    });
    scene.expect(&[Seen::Metadata(1, 1)]);
}

#[test]
fn what_has_ended_shows_nothing_until_it_is_played_on() {
    let scene = Scene::with_one_frame();
    scene.playback.follow(over());
    scene.expect(&[Seen::Duration, Seen::End]);
    let other = Arc::new(FrameBus::default());
    other.push(frame(2, 1, 1));
    scene.playback.follow(orders(&other));
    // That there is something to be played again.
    scene.expect(&[Seen::Metadata(1, 1)]);
    other.push(frame(3, 1, 1));
    assert!(scene.seen.recv_timeout(BUSY_PERIOD * 10).is_err());
    scene.playback.set_playing(true);
    scene.expect(&[Seen::State("playing"), Seen::Rendered(3), Seen::Updated]);
}

#[test]
fn a_dropped_player_lets_go_of_the_stream() {
    let scene = Scene::new(true);
    drop(scene.playback);
    // The thread ends, and with it the last sender.
    loop {
        match scene.seen.recv_timeout(PATIENCE) {
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the thread goes on"),
        }
    }
    assert_eq!(Arc::strong_count(&scene.bus), 1);
}
