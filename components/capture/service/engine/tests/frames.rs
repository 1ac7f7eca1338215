/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which frames come, when, and what they show.

use euclid::{Box2D, Point2D, Vector2D};
use servo_capture_traits::{CursorMode, PictureMemory};

use super::*;
use crate::grabber::synthetic::Telling;
use crate::grabber::synthetic::picture::time_code_area;
use crate::grabber::{Pointer, PointerShape};
use crate::pixels::scale::{Scaler, View};

#[test]
fn the_first_frame_of_a_still_monitor_comes_at_once_and_no_other() {
    let mut rig = Rig::new(2);
    let sources = [rig.start(0, 30.0), rig.start(1, 30.0)];
    rig.tick();
    let frames = rig.frames();
    assert_eq!(frames.len(), 2);
    for (source, frame) in &frames {
        let monitor = usize::from(*source == sources[1]);
        assert_eq!((frame.sequence, frame.size), (1, SIZE));
        assert_eq!(frame.damage, Damage::Whole);
        assert!(pixels(frame) == rig.picture(monitor));
    }
    assert_eq!(rig.counts().reads, 1, "one reading for both");
    let bytes = u64::from(SIZE.width * SIZE.height * 4);
    rig.pass_milliseconds(20_000);
    assert!(rig.frames().is_empty());
    let counts = rig.counts();
    assert_eq!((counts.reads, counts.pixels_made), (1, 0));
    // Each row of each monitor was verified several times, 48 a second.
    assert!(counts.bytes_verified >= 2 * 3 * bytes, "{counts:?}");
}

#[test]
fn a_drawing_at_60_hertz_with_jitter_comes_through_on_60_frames_a_second() {
    let mut rig = Rig::new(1);
    rig.start(0, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    let (mut delivered, mut state) = (0, 1u64);
    for frame in 1..=600u64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let jitter = (state >> 33) % 8_000;
        let at = Duration::from_micros(frame * 1_000_000 / 60 + jitter);
        let until = at.saturating_sub(rig.elapsed());
        rig.pass(until);
        delivered += consumer.consume(&mut rig);
        rig.draw();
        rig.tick();
        delivered += consumer.consume(&mut rig);
    }
    rig.pass_milliseconds(20);
    delivered += consumer.consume(&mut rig);
    assert!(delivered >= 594, "{delivered} of 600");
    assert_eq!(rig.counts().dropped, 0);
}

#[test]
fn what_is_drawn_on_monitors_one_after_the_other_is_read_together() {
    let mut rig = Rig::new(2);
    let (one, other) = (rig.ids[0], rig.ids[1]);
    rig.start(0, 60.0);
    rig.start(1, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    assert_eq!(consumer.consume(&mut rig), 2);
    rig.pass_milliseconds(20);
    rig.engine.mark(one, &Damage::Whole);
    rig.tick();
    assert_eq!(rig.counts().reads, 1, "the other one is waited for");
    rig.pass_milliseconds(1);
    rig.engine.mark(other, &Damage::Whole);
    rig.tick();
    assert_eq!(rig.counts().reads, 2);
    // It is still from now on.
    rig.pass_milliseconds(20);
    rig.engine.mark(one, &Damage::Whole);
    rig.pass_milliseconds(2);
    assert_eq!(rig.counts().reads, 2);
    rig.pass_milliseconds(2);
    assert_eq!(rig.counts().reads, 3, "three milliseconds are enough");
    rig.pass_milliseconds(20);
    rig.engine.mark(one, &Damage::Whole);
    rig.tick();
    assert_eq!(rig.counts().reads, 4, "it is not waited for again");
}

#[test]
fn a_change_is_read_once_and_only_where_it_was_drawn() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    let before = rig.counts().pixels_read;
    for _ in 0..10 {
        rig.draw();
        rig.pass_milliseconds(20);
        assert_eq!(consumer.consume(&mut rig), 1);
        assert!(consumer.pictures[&source] == rig.picture(0));
    }
    let changed = u64::from(time_code_area().area());
    assert_eq!(rig.counts().pixels_read - before, 10 * changed);
}

#[test]
fn the_last_change_is_delivered_within_a_period() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 5.0);
    let mut consumer = Consumer::default();
    rig.pass_milliseconds(1000);
    consumer.consume(&mut rig);
    for _ in 0..7 {
        rig.draw();
        rig.pass_milliseconds(3);
    }
    rig.pass_milliseconds(200);
    consumer.consume(&mut rig);
    assert!(consumer.pictures[&source] == rig.picture(0));
    assert_eq!(rig.counts().dropped, 0, "paced, not dropped");
}

#[test]
fn a_paused_source_is_not_read_and_catches_up_when_it_is_resumed() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    rig.command(EngineCommand::Pause { source });
    let before = rig.counts();
    for _ in 0..5 {
        rig.draw();
        rig.pass_milliseconds(500);
    }
    assert_eq!(consumer.consume(&mut rig), 0);
    let after = rig.counts();
    assert_eq!(
        (before.reads, before.bytes_verified),
        (after.reads, after.bytes_verified)
    );
    rig.command(EngineCommand::Resume { source });
    rig.tick();
    assert_eq!(consumer.consume(&mut rig), 1);
    assert!(consumer.pictures[&source] == rig.picture(0));
}

#[test]
fn a_refresh_delivers_all_of_a_still_picture() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 60.0);
    rig.tick();
    let first = rig.frames().remove(0).1;
    rig.release(source, &first);
    rig.pass_milliseconds(100);
    rig.command(EngineCommand::Refresh { source });
    rig.tick();
    let (_, frame) = rig.frames().remove(0);
    assert_eq!((frame.damage.clone(), frame.sequence), (Damage::Whole, 2));
    assert!(pixels(&frame) == rig.picture(0));
    assert_eq!(rig.counts().reads, 1, "nothing had changed");
}

#[test]
fn sources_of_one_monitor_have_formats_of_their_own() {
    let mut rig = Rig::new(1);
    let half = FrameFormat {
        size: SIZE / 2,
        frame_rate: 60.0,
        ..FrameFormat::native(SIZE)
    };
    let part = FrameFormat {
        crop: Box2D::new(Point2D::new(40, 90), Point2D::new(240, 190)),
        size: Size2D::new(200, 100),
        ..half
    };
    let formats = [FrameFormat::native(SIZE), half, part];
    let sources = formats.map(|format| rig.start_with(0, format));
    let mut consumer = Consumer::default();
    for _ in 0..3 {
        rig.pass_milliseconds(50);
        assert_eq!(consumer.consume(&mut rig), 3);
        let surface = rig.picture(0);
        for (source, format) in sources.iter().zip(formats) {
            let mut expected = vec![0; (format.size.width * format.size.height * 4) as usize];
            let view = View::new(&format, SIZE);
            Scaler::default()
                .update(&surface, SIZE, &view, &mut expected, &Damage::Whole)
                .unwrap();
            let found = &consumer.pictures[source];
            assert_eq!(found.len(), expected.len());
            let differs = found.iter().zip(&expected).any(|(a, b)| a.abs_diff(*b) > 1);
            assert!(!differs, "{format:?}");
        }
        rig.draw();
    }
    // Another format for one of them changes nothing for the others.
    rig.command(EngineCommand::Configure {
        source: sources[1],
        format: part,
    });
    rig.pass_milliseconds(50);
    let sizes: Vec<_> = rig.frames().iter().map(|(_, frame)| frame.size).collect();
    assert_eq!(sizes.iter().filter(|size| **size == part.size).count(), 2);
}

#[test]
fn what_changes_outside_a_part_makes_no_frame_of_it() {
    let mut rig = Rig::new(1);
    rig.start_with(
        0,
        FrameFormat {
            crop: Box2D::new(Point2D::new(0, 0), Point2D::new(40, 40)),
            size: Size2D::new(20, 20),
            ..FrameFormat::native(SIZE)
        },
    );
    rig.tick();
    assert_eq!(rig.frames().len(), 1);
    rig.draw();
    rig.pass_milliseconds(500);
    assert!(rig.frames().is_empty());
}

#[test]
fn a_monitor_of_which_nothing_is_told_is_polled_and_delivers_differences() {
    let mut rig = Rig::new(1);
    rig.layout.set_telling(rig.ids[0], Telling::Not);
    rig.command(EngineCommand::Close { session: SESSION });
    rig.open();
    let source = rig.start(0, 20.0);
    let mut consumer = Consumer::default();
    rig.tick();
    assert_eq!(consumer.consume(&mut rig), 1);
    let reads = rig.counts().reads;
    rig.pass_milliseconds(1000);
    assert_eq!(consumer.consume(&mut rig), 0, "nothing has changed");
    let polled = rig.counts().reads - reads;
    assert!(
        (18..=21).contains(&polled),
        "{polled} readings at 20 a second"
    );
    rig.draw();
    rig.pass_milliseconds(60);
    let (_, frame) = rig.sink.frames[0].clone();
    let damage = frame.damage.pixels(SIZE);
    let changed = u64::from(time_code_area().area());
    assert!(damage > 0 && damage < 2 * changed, "{damage}");
    consumer.consume(&mut rig);
    assert!(consumer.pictures[&source] == rig.picture(0));
}

fn pointer(x: i32, y: i32) -> Pointer {
    let shape = PointerShape {
        serial: 1,
        size: Size2D::new(8, 8),
        hot_spot: Vector2D::new(2, 2),
        pixels: [9, 9, 9, 255].repeat(64),
    };
    Pointer {
        position: Point2D::new(x, y),
        shape: Arc::new(shape),
    }
}

/// A picture with the pointer in it.
fn with_pointer(mut picture: Vec<u8>, x: u32, y: u32) -> Vec<u8> {
    for row in y - 2..y + 6 {
        for column in x - 2..x + 6 {
            let offset = ((row * SIZE.width + column) * 4) as usize;
            picture[offset..offset + 4].copy_from_slice(&[9, 9, 9, 255]);
        }
    }
    picture
}

#[test]
fn the_pointer_is_drawn_where_it_is_and_leaves_nothing_where_it_was() {
    let mut rig = Rig::new(1);
    let format = |cursor| FrameFormat {
        cursor,
        frame_rate: 60.0,
        ..FrameFormat::native(SIZE)
    };
    let sources = [CursorMode::Never, CursorMode::Always, CursorMode::Motion]
        .map(|cursor| rig.start_with(0, format(cursor)));
    rig.layout.set_pointer(Some(pointer(20, 20)));
    let mut consumer = Consumer::default();
    let mut check = |rig: &mut Rig, always: Vec<u8>, motion: Vec<u8>, frames: usize| {
        rig.pass_milliseconds(50);
        assert_eq!(consumer.consume(rig), frames);
        assert!(consumer.pictures[&sources[0]] == rig.picture(0), "never");
        assert!(consumer.pictures[&sources[1]] == always, "always");
        assert!(consumer.pictures[&sources[2]] == motion, "motion");
    };
    let still = rig.picture(0);
    check(
        &mut rig,
        with_pointer(still.clone(), 20, 20),
        still.clone(),
        3,
    );
    rig.layout.set_pointer(Some(pointer(60, 110)));
    let moved = with_pointer(still.clone(), 60, 110);
    check(&mut rig, moved.clone(), moved.clone(), 2);
    // What is drawn where it is does not wipe it out.
    rig.draw();
    let drawn = with_pointer(rig.picture(0), 60, 110);
    check(&mut rig, drawn.clone(), drawn.clone(), 3);
    rig.pass_milliseconds(1000);
    let still = rig.picture(0);
    check(&mut rig, drawn, still, 1);
}

#[test]
fn pictures_of_a_stopped_source_are_not_to_be_had_any_more() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 30.0);
    rig.tick();
    let (_, frame) = rig.frames().remove(0);
    let find = || servo_capture_traits::PoolRegistration::find(frame.pool, frame.index);
    assert!(find().is_some());
    rig.command(EngineCommand::Stop { source });
    assert!(find().is_none());
    // Whoever has it keeps what it showed.
    let memory: &PictureMemory = &frame.memory;
    assert_eq!(memory.len(), (SIZE.width * SIZE.height * 4) as usize);
    assert!(pixels(&frame) == rig.picture(0));
}
