/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::mpsc::{self, Receiver};

use euclid::Size2D;
use servo_base::cross_process_instant::CrossProcessInstant;

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

struct Renderer(mpsc::Sender<Seen>);

impl VideoFrameRenderer for Renderer {
    fn render(&mut self, frame: VideoFrame) {
        self.0.send(Seen::Rendered(frame.get_data()[0])).unwrap();
    }
}

/// A playback of a fresh bus, and what comes out of it, without positions.
fn play(playing: bool) -> (Arc<FrameBus>, Playback, Receiver<Seen>) {
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
    let renderer = Arc::new(Mutex::new(Renderer(sender)));
    let playback = Playback::start(bus.clone(), callback, renderer, playing).unwrap();
    (bus, playback, seen)
}

fn frame(value: u8, width: u32, height: u32) -> CapturedFrame {
    CapturedFrame {
        sequence: u64::from(value),
        captured_at: CrossProcessInstant::now(),
        size: Size2D::new(width, height),
        pixels: Arc::new(vec![value; (width * height * 4) as usize]),
        lease: None,
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

#[test]
fn the_end_of_the_stream_has_a_duration() {
    let (bus, _playback, seen) = play(true);
    bus.end();
    expect(&seen, &[Seen::Duration, Seen::End]);
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
