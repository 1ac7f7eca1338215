/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Display servers that lie, change, fall silent or go away.

use std::time::Duration;

use super::*;
use crate::grabber::GrabError;
use crate::grabber::synthetic::{Overlay, Telling};

/// Another picture on the whole monitor.
fn cover(rig: &Rig, monitor: usize, value: u8) {
    let overlay = Overlay {
        area: euclid::Box2D::from_size(SIZE),
        pixels: Arc::new(vec![value; (SIZE.width * SIZE.height * 4) as usize]),
    };
    let covered = rig.layout.set_overlay(rig.ids[monitor], Some(overlay));
    covered.expect("it fits");
}

#[test]
fn a_display_server_that_lies_is_found_out_within_two_seconds_and_polled() {
    let mut rig = Rig::new(2);
    let sources = [rig.start(0, 30.0), rig.start(1, 30.0)];
    let mut consumer = Consumer::default();
    rig.pass_milliseconds(3300);
    consumer.consume(&mut rig);
    rig.layout.set_telling(rig.ids[0], Telling::Falsely);
    cover(&rig, 0, 7);
    rig.pass_milliseconds(2000);
    consumer.consume(&mut rig);
    let said: Vec<_> = rig
        .sink
        .events
        .iter()
        .filter_map(|event| match event {
            Event::DamageMissed {
                monitor,
                explanation,
            } => Some((*monitor, explanation.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].0, rig.ids[0]);
    assert!(
        said[0].1.contains("Synthetic-1 is read whole"),
        "{}",
        said[0].1
    );
    assert!(
        consumer.pictures[&sources[0]]
            .chunks(4)
            .all(|pixel| pixel[..3] == [7; 3])
    );
    // From now on nothing of it is missed, and the other one is not polled.
    cover(&rig, 0, 8);
    rig.pass_milliseconds(100);
    consumer.consume(&mut rig);
    assert!(
        consumer.pictures[&sources[0]]
            .chunks(4)
            .all(|pixel| pixel[..3] == [8; 3])
    );
    assert!(consumer.pictures[&sources[1]] == rig.picture(1));
}

#[test]
fn an_honest_display_server_is_never_taken_for_a_liar() {
    let mut rig = Rig::new(1);
    let mut half = FrameFormat::native(SIZE);
    half.size = SIZE / 2;
    rig.start(0, 7.0);
    rig.start_with(0, half);
    let mut consumer = Consumer::default();
    for step in 0..400u64 {
        rig.draw();
        if step % 40 == 0 {
            cover(&rig, 0, step as u8);
        }
        rig.pass_milliseconds(37 + step % 90);
        consumer.consume(&mut rig);
    }
    assert!(rig.counts().bytes_verified > 0);
    assert!(rig.sink.events.is_empty(), "{:?}", rig.sink.events);
}

#[test]
fn a_new_mode_gives_the_whole_monitor_in_its_new_size() {
    let mut rig = Rig::new(2);
    let mut half = FrameFormat::native(SIZE);
    half.size = SIZE / 2;
    let changed = rig.start_with(0, half);
    let other = rig.start(1, 30.0);
    rig.tick();
    rig.frames();
    let size = Size2D::new(500, 210);
    rig.layout.resize(rig.ids[0], size.width, size.height);
    rig.pass_milliseconds(100);
    let told = &rig.sink.events[0];
    assert!(matches!(told, Event::MonitorsChanged { monitors } if monitors.len() == 2));
    let frames = rig.frames();
    let (_, frame) = frames
        .iter()
        .find(|(source, _)| *source == changed)
        .unwrap();
    assert_eq!((frame.size, &frame.damage), (size, &Damage::Whole));
    assert!(
        frames
            .iter()
            .all(|(source, frame)| *source != other || frame.size == SIZE)
    );
}

#[test]
fn an_unplugged_monitor_is_told_and_the_others_go_on() {
    let mut rig = Rig::new(2);
    let gone = rig.start(0, 60.0);
    let stays = rig.start(1, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    rig.layout.unplug(rig.ids[0]);
    rig.draw();
    rig.pass_milliseconds(1000);
    consumer.consume(&mut rig);
    assert!(consumer.pictures[&stays] == rig.picture(1));
    let told = &rig.sink.events;
    assert!(
        matches!(&told[..], [Event::MonitorsChanged { monitors }] if monitors.len() == 1),
        "{told:?}"
    );
    rig.command(EngineCommand::Stop { source: gone });
}

#[test]
fn a_monitor_that_cannot_be_read_any_more_fails_alone() {
    let mut rig = Rig::new(2);
    rig.start(0, 60.0);
    let stays = rig.start(1, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    // An honest server says nothing of an unreadable monitor: ask for it.
    rig.layout.set_unreadable(rig.ids[0], Some("locked"));
    let sources: Vec<SourceId> = rig.engine.sources.keys().copied().collect();
    for source in sources {
        rig.engine
            .sources
            .get_mut(&source)
            .unwrap()
            .mark(&Damage::Whole);
    }
    rig.pass_milliseconds(100);
    consumer.consume(&mut rig);
    let failed = rig.sink.events.iter().filter_map(|event| match event {
        Event::MonitorFailed { monitor, error } => Some((*monitor, error.to_string())),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].0 == rig.ids[0] && failed[0].1.contains("locked"));
    rig.draw();
    rig.pass_milliseconds(100);
    consumer.consume(&mut rig);
    assert!(consumer.pictures[&stays] == rig.picture(1));
}

#[test]
fn a_lost_display_server_is_told_once_and_nothing_is_kept() {
    let mut rig = Rig::new(1);
    rig.start(0, 60.0);
    rig.tick();
    rig.layout.disconnect("killed");
    rig.pass_milliseconds(100);
    let told = &rig.sink.events;
    assert!(
        matches!(&told[..], [Event::DisplayServerLost { error }] if error.is_fatal()),
        "{told:?}"
    );
    assert!(rig.engine.sources.is_empty() && rig.engine.grabber.is_none());
    assert!(rig.engine.next_wait(rig.now).deadline.is_none());
    rig.layout.recover();
    rig.sink.events.clear();
    rig.frames();
    rig.open();
    rig.start(0, 60.0);
    rig.tick();
    assert_eq!(rig.frames().len(), 1);
}

#[test]
fn a_source_of_a_monitor_that_is_not_open_fails() {
    let mut rig = Rig::new(1);
    rig.command(EngineCommand::Close { session: SESSION });
    rig.start(0, 60.0);
    let told = &rig.sink.events;
    assert!(matches!(
        &told[..],
        [Event::MonitorFailed {
            error: GrabError::UnknownMonitor(_),
            ..
        }]
    ));
}

#[test]
fn a_stall_is_told_and_frames_come_after_it() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 60.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    rig.layout.stall_for(Duration::from_millis(1010));
    rig.draw();
    rig.pass_milliseconds(50);
    assert_eq!(*rig.stalls.lock(), [true, false]);
    consumer.consume(&mut rig);
    assert!(consumer.pictures[&source] == rig.picture(0));
}

#[test]
fn a_slow_display_server_delays_frames_and_loses_none() {
    let mut rig = Rig::new(1);
    rig.start(0, 60.0);
    rig.layout.set_slowness(Duration::from_millis(5));
    let mut consumer = Consumer::default();
    let mut delivered = 0;
    for _ in 0..20 {
        rig.draw();
        rig.pass_milliseconds(20);
        delivered += consumer.consume(&mut rig);
    }
    assert_eq!(delivered, 20);
}
