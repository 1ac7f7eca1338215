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

/// A playback of a fresh bus, and what comes out of it, without positions.
fn play(playing: bool) -> (Arc<FrameBus>, Playback, Receiver<Seen>) {
    let (bus, playback, seen, _) = play_and_keep(playing);
    (bus, playback, seen)
}

/// The same, and what the renderer keeps.
#[expect(clippy::type_complexity, reason = "it is taken apart at once")]
fn play_and_keep(
    playing: bool,
) -> (
    Arc<FrameBus>,
    Playback,
    Receiver<Seen>,
    Arc<Mutex<Vec<VideoFrame>>>,
) {
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
    (bus, playback, seen, kept)
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

#[track_caller]
fn expect(seen: &Receiver<Seen>, expected: &[Seen]) {
    for expected in expected {
        assert_eq!(seen.recv_timeout(PATIENCE).as_ref(), Ok(expected));
    }
}

#[test]
fn the_first_frame_comes_after_its_metadata_even_when_paused() {
    let (bus, _playback, seen) = play(false);
    bus.push(frame(1, 4, 2));
    expect(
        &seen,
        &[
            Seen::Metadata(4, 2),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("paused"),
        ],
    );
}

#[test]
fn a_paused_player_shows_the_newest_frame_when_it_plays_on() {
    let (bus, playback, seen) = play(false);
    bus.push(frame(1, 1, 1));
    expect(
        &seen,
        &[
            Seen::Metadata(1, 1),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("paused"),
        ],
    );
    bus.push(frame(2, 1, 1));
    bus.push(frame(3, 1, 1));
    playback.set_playing(true);
    expect(
        &seen,
        &[Seen::State("playing"), Seen::Rendered(3), Seen::Updated],
    );
}

/// Who has the picture of the frame that a test pushed.
fn holders(lease: &Option<Arc<FrameLease>>) -> usize {
    Arc::strong_count(lease.as_ref().unwrap())
}

#[test]
fn a_renderer_that_keeps_a_frame_keeps_no_lease() {
    let (bus, _playback, seen, kept) = play_and_keep(true);
    let first = frame(1, 1, 1);
    let lease = first.lease.clone();
    bus.push(first);
    expect(
        &seen,
        &[
            Seen::Metadata(1, 1),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("playing"),
        ],
    );
    // The bus and this test.
    assert_eq!(holders(&lease), 2);
    bus.push(frame(2, 1, 1));
    assert_eq!(holders(&lease), 1);
    expect(&seen, &[Seen::Rendered(2), Seen::Updated]);
    let kept: Vec<u8> = kept
        .lock()
        .unwrap()
        .iter()
        .map(|kept| kept.get_data()[0])
        .collect();
    assert_eq!(kept, [1, 2]);
}

#[test]
fn a_paused_player_copies_no_frame_but_the_first() {
    let (bus, _playback, seen, kept) = play_and_keep(false);
    bus.push(frame(1, 1, 1));
    expect(
        &seen,
        &[
            Seen::Metadata(1, 1),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("paused"),
        ],
    );
    for value in 2..20 {
        let next = frame(value, 1, 1);
        let lease = next.lease.clone();
        bus.push(next);
        // The player has looked at it and let go of it.
        let deadline = Instant::now() + PATIENCE;
        while holders(&lease) > 2 {
            assert!(Instant::now() < deadline, "the player keeps the frame");
            thread::yield_now();
        }
    }
    assert!(seen.try_recv().is_err());
    assert_eq!(kept.lock().unwrap().len(), 1);
}

#[test]
fn the_newest_frame_is_shown_when_a_renderer_that_held_all_copies_lets_go() {
    let (bus, _playback, seen, kept) = play_and_keep(true);
    let copies = crate::copies::MAX_COPIES as u8;
    bus.push(frame(1, 1, 1));
    expect(
        &seen,
        &[
            Seen::Metadata(1, 1),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("playing"),
        ],
    );
    for value in 2..=copies {
        bus.push(frame(value, 1, 1));
        expect(&seen, &[Seen::Rendered(value), Seen::Updated]);
    }
    bus.push(frame(copies + 1, 1, 1));
    bus.push(frame(copies + 2, 1, 1));
    assert!(
        seen.recv_timeout(BUSY_PERIOD * 10).is_err(),
        "a held copy was overwritten"
    );
    kept.lock().unwrap().clear();
    expect(&seen, &[Seen::Rendered(copies + 2), Seen::Updated]);
}

#[test]
fn a_new_size_is_told_before_its_first_frame() {
    let (bus, _playback, seen) = play(true);
    bus.push(frame(1, 1, 1));
    expect(
        &seen,
        &[
            Seen::Metadata(1, 1),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("playing"),
        ],
    );
    bus.push(frame(2, 3, 2));
    expect(
        &seen,
        &[Seen::Metadata(3, 2), Seen::Rendered(2), Seen::Updated],
    );
}

/// Plays until the first frame was shown.
fn play_one_frame() -> (Arc<FrameBus>, Playback, Receiver<Seen>) {
    let (bus, playback, seen) = play(true);
    bus.push(frame(1, 1, 1));
    expect(
        &seen,
        &[
            Seen::Metadata(1, 1),
            Seen::Rendered(1),
            Seen::Updated,
            Seen::State("playing"),
        ],
    );
    (bus, playback, seen)
}

#[test]
fn the_end_of_the_stream_has_a_duration_and_pauses_the_player() {
    let (_bus, playback, seen) = play_one_frame();
    playback.follow(over());
    expect(&seen, &[Seen::Duration, Seen::End]);
    assert!(!playback.is_playing());
}

#[test]
fn a_stream_that_is_over_before_its_first_frame_ends_nothing() {
    let (bus, playback, seen) = play(true);
    playback.follow(over());
    playback.follow(orders(&bus));
    bus.push(frame(1, 1, 1));
    expect(&seen, &[Seen::Metadata(1, 1), Seen::Rendered(1)]);
}

#[test]
fn another_capture_goes_on_where_one_has_ended() {
    let (bus, playback, seen) = play_one_frame();
    bus.end();
    let other = Arc::new(FrameBus::default());
    playback.follow(orders(&other));
    other.push(frame(2, 1, 1));
    expect(&seen, &[Seen::Rendered(2), Seen::Updated]);
    let wider = Arc::new(FrameBus::default());
    wider.push(frame(3, 2, 1));
    playback.follow(orders(&wider));
    expect(
        &seen,
        &[Seen::Metadata(2, 1), Seen::Rendered(3), Seen::Updated],
    );
    assert!(playback.is_playing());
}

#[test]
fn a_paused_player_shows_one_frame_of_another_capture() {
    let (_bus, playback, seen) = play_one_frame();
    playback.set_playing(false);
    let other = Arc::new(FrameBus::default());
    playback.follow(orders(&other));
    other.push(frame(2, 1, 1));
    expect(
        &seen,
        &[Seen::State("paused"), Seen::Rendered(2), Seen::Updated],
    );
}

#[test]
fn without_a_capture_there_is_no_size_until_there_is_one_again() {
    let (bus, playback, seen) = play_one_frame();
    playback.follow(Orders::default());
    expect(&seen, &[Seen::Metadata(0, 0)]);
    playback.follow(orders(&bus));
    expect(
        &seen,
        &[Seen::Metadata(1, 1), Seen::Rendered(1), Seen::Updated],
    );
}

#[test]
fn other_tracks_are_told() {
    let (bus, playback, seen) = play_one_frame();
    let names = TrackNames {
        audio: Vec::new(),
        video: vec!["another".to_owned()],
    };
    playback.follow(Orders {
        names,
        ..orders(&bus)
    });
    expect(&seen, &[Seen::Metadata(1, 1)]);
}

#[test]
fn what_has_ended_shows_nothing_until_it_is_played_on() {
    let (_bus, playback, seen) = play_one_frame();
    playback.follow(over());
    expect(&seen, &[Seen::Duration, Seen::End]);
    let other = Arc::new(FrameBus::default());
    other.push(frame(2, 1, 1));
    playback.follow(orders(&other));
    // That there is something to be played again.
    expect(&seen, &[Seen::Metadata(1, 1)]);
    other.push(frame(3, 1, 1));
    assert!(seen.recv_timeout(BUSY_PERIOD * 10).is_err());
    playback.set_playing(true);
    expect(
        &seen,
        &[Seen::State("playing"), Seen::Rendered(3), Seen::Updated],
    );
}

#[test]
fn a_dropped_player_lets_go_of_the_stream() {
    let (bus, playback, seen) = play(true);
    drop(playback);
    // The thread ends, and with it the last sender.
    loop {
        match seen.recv_timeout(PATIENCE) {
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the thread goes on"),
        }
    }
    assert_eq!(Arc::strong_count(&bus), 1);
}
