/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator in the monitors' own pixels.

use euclid::{Box2D, Point2D};
use servo_capture_traits::DesktopPixel;

use super::*;
use crate::grabber::synthetic::{Overlay, Telling};
use crate::indicator::Mark;

/// Where the indicator is on each monitor.
const LEFT: u32 = 40;
const WIDTH: u32 = 100;
const HEIGHT: u32 = 12;

/// A picture that nothing else looks like.
fn strip(seed: u8) -> Arc<Vec<u8>> {
    let bytes = 0..WIDTH * HEIGHT * 4;
    Arc::new(bytes.map(|at| (at as u8).wrapping_mul(31) ^ seed).collect())
}

impl Rig {
    fn area(&self, monitor: usize) -> Box2D<u32, MonitorPixel> {
        assert!(monitor < self.ids.len());
        Box2D::new(Point2D::new(LEFT, 0), Point2D::new(LEFT + WIDTH, HEIGHT))
    }

    fn mark(&self, monitor: usize, seed: u8) -> Mark {
        let left = monitor as u32 * SIZE.width + LEFT;
        let at = |x: u32, y: u32| Point2D::<i32, DesktopPixel>::new(x as i32, y as i32);
        let area = Box2D::new(at(left, 0), at(left + WIDTH, HEIGHT));
        Mark {
            area,
            checked: area,
            pixels: strip(seed),
        }
    }

    /// Says what must be seen on every monitor.
    fn expect(&self, seed: u8) {
        let monitors = 0..self.ids.len();
        self.marks
            .expect(monitors.map(|monitor| self.mark(monitor, seed)).collect());
    }

    /// Draws it.
    fn paint(&self, monitor: usize, seed: u8) {
        let overlay = Overlay {
            area: self.area(monitor),
            pixels: strip(seed),
        };
        let id = self.ids[monitor];
        self.layout.set_overlay(id, Some(overlay)).unwrap();
    }

    /// With the indicator on every monitor.
    fn indicated(monitors: u32, is_masked: bool) -> Self {
        let rig = Self::with_mask(monitors, is_masked);
        rig.expect(1);
        (0..monitors as usize).for_each(|monitor| rig.paint(monitor, 1));
        rig.marks.settle();
        rig
    }

    /// What was told of the indicator since asked last: covered or seen.
    fn sights(&mut self) -> Vec<(MonitorId, bool)> {
        let sight = |event: Event| match event {
            Event::IndicatorCovered { monitor } => Some((monitor, false)),
            Event::IndicatorSeen { monitor } => Some((monitor, true)),
            _ => None,
        };
        self.sink.events.drain(..).filter_map(sight).collect()
    }
}

#[test]
fn no_frame_is_read_of_a_monitor_where_the_indicator_is_covered() {
    let mut rig = Rig::indicated(2, false);
    let sources = [rig.start(0, 30.0), rig.start(1, 30.0)];
    let mut consumer = Consumer::default();
    rig.pass_milliseconds(500);
    assert!(consumer.consume(&mut rig) >= 2);
    assert_eq!(rig.sights(), []);
    // One pixel of it.
    rig.paint(0, 2);
    rig.draw();
    rig.pass_milliseconds(50);
    assert_eq!(rig.sights(), [(rig.ids[0], false)]);
    rig.frames();
    for _ in 0..20 {
        rig.draw();
        rig.pass_milliseconds(50);
        let frames = rig.frames();
        assert!(frames.iter().all(|(source, _)| *source == sources[1]));
        for (source, frame) in frames {
            rig.release(source, &frame);
        }
    }
    assert_eq!(rig.sights(), [], "told once");
    assert_eq!(rig.counts().indicator_misses, 1);
    rig.paint(0, 1);
    rig.pass_milliseconds(110);
    assert_eq!(rig.sights(), [(rig.ids[0], true)]);
    let frames = rig.frames();
    let (_, frame) = frames
        .iter()
        .find(|(source, _)| *source == sources[0])
        .unwrap();
    assert!(pixels(frame)[LEFT as usize * 4..][..4] == [1, 31 ^ 1, 62 ^ 1, 255]);
}

#[test]
fn a_still_screen_is_looked_at_once_a_second_for_everything() {
    let mut rig = Rig::indicated(4, false);
    for monitor in 0..4 {
        rig.start(monitor, 30.0);
    }
    rig.pass_milliseconds(1000);
    let before = rig.counts();
    let mut wakeups = 0;
    let end = rig.now + Duration::from_secs(10);
    // Period: how a synthetic display server is listened to.
    while rig.now < end {
        let wait = rig.engine.next_verification.unwrap();
        rig.now = wait.max(rig.now);
        rig.tick();
        wakeups += 1;
    }
    let after = rig.counts();
    assert!((10..=11).contains(&wakeups), "{wakeups}");
    assert!(after.indicator_checks - before.indicator_checks <= 4 * 11);
    assert!(after.indicator_checks - before.indicator_checks >= 4 * 9);
    assert_eq!(after.pixels_read, before.pixels_read);
}

#[test]
fn what_is_drawn_around_the_indicator_costs_no_look_at_it() {
    let mut rig = Rig::indicated(1, false);
    let source = rig.start(0, 60.0);
    let id = rig.ids[0];
    rig.pass_milliseconds(500);
    let mut around = Damage::nothing();
    let part = |left: u32, top, right, bottom| {
        Box2D::new(Point2D::new(left, top), Point2D::new(right, bottom))
    };
    around.add(part(0, 0, LEFT, HEIGHT));
    around.add(part(LEFT + WIDTH, 0, SIZE.width, HEIGHT));
    around.add(part(0, HEIGHT, SIZE.width, SIZE.height));
    let looks = |rig: &mut Rig, damage: &Damage, milliseconds: u64| {
        let before = rig.counts();
        for _ in 0..10 {
            rig.engine.mark(id, damage);
            // Something that is not the same again.
            rig.draw();
            rig.pass_milliseconds(milliseconds);
            for (_, frame) in rig.frames() {
                rig.release(source, &frame);
            }
        }
        let after = rig.counts();
        assert!(after.frames >= before.frames + 10);
        after.indicator_checks - before.indicator_checks
    };
    // Most of the monitor: it is read whole, and that is a look.
    assert!(looks(&mut rig, &around, 190) <= 1);
    assert_eq!(looks(&mut rig, &around, 30), 0);
    // In none of these pictures its place was read anew.
    let below = Damage::from(part(0, SIZE.height - 10, 10, SIZE.height));
    assert!(looks(&mut rig, &below, 210) >= 9);
    assert_eq!(rig.sights(), []);
    let over = Damage::from(part(LEFT, 0, LEFT + 1, 1));
    assert!(looks(&mut rig, &over, 30) >= 10);
}

#[test]
fn a_display_server_that_tells_nothing_is_found_out_before_half_a_second_of_frames() {
    for telling in [Telling::Falsely, Telling::Not] {
        let mut rig = Rig::new(1);
        rig.layout.set_telling(rig.ids[0], telling);
        // Opened anew, for the engine to ask.
        rig.open();
        rig.expect(1);
        rig.paint(0, 1);
        rig.marks.settle();
        rig.start(0, 30.0);
        let mut consumer = Consumer::default();
        rig.pass_milliseconds(400);
        assert!(consumer.consume(&mut rig) > 0, "{telling:?}");
        rig.paint(0, 9);
        let mut covered_for = 0;
        while rig.sights().is_empty() {
            rig.draw();
            rig.pass_milliseconds(20);
            covered_for += 20;
            consumer.consume(&mut rig);
            assert!(covered_for <= 1040, "{telling:?}");
        }
        let leaks = rig.frames();
        assert!(leaks.is_empty(), "{telling:?}");
        rig.draw();
        rig.pass_milliseconds(300);
        assert!(rig.frames().is_empty(), "{telling:?}");
    }
}

#[test]
fn an_indicator_that_changes_is_never_missed_on_the_way() {
    let mut rig = Rig::indicated(1, false);
    rig.start(0, 60.0);
    let mut consumer = Consumer::default();
    for seed in 2..30u8 {
        rig.expect(seed);
        rig.draw();
        rig.pass_milliseconds(20);
        rig.paint(0, seed);
        rig.draw();
        rig.pass_milliseconds(20);
        rig.marks.settle();
        rig.draw();
        rig.pass_milliseconds(20);
        assert!(consumer.consume(&mut rig) > 0);
    }
    assert_eq!(rig.sights(), []);
}

#[test]
fn a_masked_indicator_is_grey_in_frames_and_looked_for_all_the_same() {
    let mut rig = Rig::indicated(2, true);
    let mut half = FrameFormat::native(SIZE);
    half.size = SIZE / 2;
    let whole = rig.start(0, 30.0);
    let scaled = rig.start_with(1, half);
    let mut consumer = Consumer::default();
    for _ in 0..10 {
        rig.draw();
        rig.pass_milliseconds(50);
        consumer.consume(&mut rig);
    }
    let grey = |source, x: u32, y: u32, width: u32| {
        let at = ((y * width + x) * 4) as usize;
        consumer.pictures[&source][at..at + 3] == [0x80; 3]
    };
    for y in 0..HEIGHT {
        assert!((LEFT..LEFT + WIDTH).all(|x| grey(whole, x, y, SIZE.width)));
    }
    let (left, right) = (LEFT / 2, (LEFT + WIDTH) / 2);
    assert!((left..right).all(|x| grey(scaled, x, 2, SIZE.width / 2)));
    // All else is as it is on the monitor.
    let picture = rig.picture(0);
    let beside = (SIZE.width * HEIGHT * 4) as usize;
    assert!(consumer.pictures[&whole][beside..] == picture[beside..]);
    assert_eq!(rig.sights(), []);
    assert!(rig.counts().indicator_checks > 0);
    rig.paint(0, 7);
    rig.pass_milliseconds(50);
    assert_eq!(rig.sights(), [(rig.ids[0], false)]);
    assert!(
        rig.sink.events.is_empty(),
        "the display server is not taken for a liar"
    );
}

#[test]
fn an_unmasked_frame_shows_the_indicator() {
    let mut rig = Rig::indicated(1, false);
    rig.start(0, 30.0);
    rig.tick();
    let frames = rig.frames();
    let row = &pixels(&frames[0].1)[LEFT as usize * 4..][..WIDTH as usize * 4];
    let drawn = strip(1);
    assert!(
        row.chunks(4)
            .zip(drawn.chunks(4))
            .all(|(seen, drawn)| seen[..3] == drawn[..3])
    );
}

#[test]
fn what_was_known_of_the_indicator_is_forgotten_with_the_last_source() {
    let mut rig = Rig::indicated(1, false);
    let source = rig.start(0, 30.0);
    rig.tick();
    rig.paint(0, 2);
    rig.pass_milliseconds(50);
    assert_eq!(rig.sights(), [(rig.ids[0], false)]);
    rig.command(EngineCommand::Stop { source });
    rig.start(0, 30.0);
    rig.frames();
    rig.pass_milliseconds(50);
    assert_eq!(
        rig.sights(),
        [(rig.ids[0], false)],
        "told to the new source too"
    );
    assert!(rig.frames().is_empty());
}

#[test]
fn a_picture_without_the_indicator_never_leaves_however_late_it_was_covered() {
    for scaled in [false, true] {
        let mut rig = Rig::indicated(1, false);
        let mut format = FrameFormat::native(SIZE);
        if scaled {
            format.size = SIZE / 2;
        }
        let source = rig.start_with(0, format);
        rig.pass_milliseconds(500);
        for (_, frame) in rig.frames() {
            rig.release(source, &frame);
        }
        // Nothing is told, and the last look was just now.
        rig.layout.set_telling(rig.ids[0], Telling::Falsely);
        rig.engine
            .look_for_indicator(rig.now, &mut rig.sink)
            .unwrap();
        rig.paint(0, 5);
        rig.command(EngineCommand::Refresh { source });
        rig.engine.mark(rig.ids[0], &Damage::Whole);
        rig.engine.serve(rig.now, &mut rig.sink).unwrap();
        assert!(rig.frames().is_empty(), "scaled: {scaled}");
        rig.pass_milliseconds(50);
        assert_eq!(rig.sights(), [(rig.ids[0], false)], "scaled: {scaled}");
        rig.paint(0, 1);
        rig.pass_milliseconds(150);
        assert_eq!(rig.sights(), [(rig.ids[0], true)], "scaled: {scaled}");
        assert!(!rig.frames().is_empty(), "scaled: {scaled}");
    }
}
