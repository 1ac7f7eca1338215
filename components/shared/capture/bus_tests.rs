/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::thread;

use euclid::{Box2D, Point2D, Size2D};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{FrameLease, MonitorPixel};

fn frame(sequence: u64, value: u8) -> CapturedFrame {
    CapturedFrame {
        sequence,
        captured_at: CrossProcessInstant::now(),
        size: Size2D::new(1, 1),
        damage: Damage::Whole,
        picture: FramePicture::Own(Arc::new(vec![value, value, value, 255])),
        lease: None,
    }
}

fn pixels(frame: &CapturedFrame) -> Vec<u8> {
    let mut pixels = vec![0; picture_bytes(frame.size).unwrap()];
    let copied = frame
        .picture
        .copy_opaque(frame.size, &Damage::Whole, &mut pixels);
    copied.unwrap();
    pixels
}

fn read(bus: &FrameBus, seen: u64) -> (u64, Vec<u8>, u64) {
    match bus.wait(seen, &AtomicBool::new(false), None) {
        BusUpdate::Frame { frame, version } => (frame.sequence, pixels(&frame), version),
        other => panic!("expected a frame, found {other:?}"),
    }
}

#[test]
fn the_newest_frame_wins_and_releases_the_older_one() {
    let bus = FrameBus::default();
    let released = Arc::new(AtomicBool::new(false));
    let flag = released.clone();
    let mut first = frame(1, 10);
    first.lease = Some(Arc::new(FrameLease::new(move || {
        flag.store(true, Ordering::SeqCst);
    })));
    bus.push(first);
    bus.push(frame(2, 20));
    assert!(released.load(Ordering::SeqCst));
    assert_eq!(read(&bus, 0).0, 2);
}

#[test]
fn a_disabled_track_shows_black_and_the_picture_again_when_enabled() {
    let bus = FrameBus::default();
    bus.push(frame(1, 10));
    let (_, pixels, seen) = read(&bus, 0);
    assert_eq!(pixels, [10, 10, 10, 255]);
    bus.set_enabled(false);
    let (_, pixels, seen) = read(&bus, seen);
    assert_eq!(pixels, [0, 0, 0, 255]);
    bus.set_enabled(true);
    assert_eq!(read(&bus, seen).1, [10, 10, 10, 255]);
}

#[test]
fn a_waiting_reader_can_be_interrupted() {
    let bus = Arc::new(FrameBus::default());
    let interrupt = Arc::new(AtomicBool::new(false));
    let reader = {
        let (bus, interrupt) = (bus.clone(), interrupt.clone());
        thread::spawn(move || bus.wait(0, &interrupt, None))
    };
    interrupt.store(true, Ordering::Release);
    bus.wake();
    assert!(matches!(reader.join().unwrap(), BusUpdate::Interrupted));
}

#[test]
fn a_reader_waits_no_longer_than_its_deadline() {
    let bus = FrameBus::default();
    let deadline = Some(Instant::now());
    let update = bus.wait(0, &AtomicBool::new(false), deadline);
    assert!(matches!(update, BusUpdate::TimedOut));
}

#[test]
fn an_ended_track_drops_its_frame_and_takes_no_more() {
    let bus = FrameBus::default();
    bus.push(frame(1, 10));
    bus.end();
    bus.push(frame(2, 20));
    assert!(matches!(
        bus.wait(0, &AtomicBool::new(false), None),
        BusUpdate::Ended
    ));
    assert!(bus.state.lock().latest.is_none());
}

#[test]
fn a_track_is_found_until_it_is_unregistered() {
    let track = Uuid::new_v4();
    let bus = FrameBus::register(track);
    assert!(Arc::ptr_eq(&bus, &FrameBus::find(track).unwrap()));
    FrameBus::unregister(track);
    assert!(FrameBus::find(track).is_none());
}

#[derive(Clone, Debug)]
enum Op {
    /// A frame in which these boxes have another value.
    Push(Vec<(u32, u32, u32, u32)>, u8),
    Resize(u32, u32),
    Enable(bool),
    Read(usize),
}

fn any_op() -> impl Strategy<Value = Op> {
    let boxes = vec((0..9u32, 0..7u32, 1..5u32, 1..5u32), 0..4);
    prop_oneof![
        6 => (boxes, any::<u8>()).prop_map(|(boxes, value)| Op::Push(boxes, value)),
        1 => (1..9u32, 1..7u32).prop_map(|(width, height)| Op::Resize(width, height)),
        1 => any::<bool>().prop_map(Op::Enable),
        3 => (0..3usize).prop_map(Op::Read),
    ]
}

/// What a source shows, and the newest frame of it.
struct Model {
    size: Size2D<u32, MonitorPixel>,
    pixels: Vec<u8>,
    sequence: u64,
    enabled: bool,
}

impl Model {
    fn push(&mut self, bus: &FrameBus, damage: Damage) {
        self.sequence += 1;
        let mut frame = frame(self.sequence, 0);
        frame.size = self.size;
        frame.damage = damage;
        frame.picture = FramePicture::Own(Arc::new(self.pixels.clone()));
        bus.push(frame);
    }

    fn paint(&mut self, parts: &[(u32, u32, u32, u32)], value: u8) -> Damage {
        let mut damage = Damage::nothing();
        for &(x, y, width, height) in parts {
            damage.add(Box2D::from_origin_and_size(
                Point2D::new(x, y),
                Size2D::new(width, height),
            ));
        }
        for part in damage.rectangles(self.size) {
            for (x, y) in part
                .y_range()
                .flat_map(|y| part.x_range().map(move |x| (x, y)))
            {
                let at = ((y * self.size.width + x) * 4) as usize;
                self.pixels[at..at + 3].fill(value);
            }
        }
        damage
    }

    fn shown(&self) -> Vec<u8> {
        let mut shown = self.pixels.clone();
        if !self.enabled {
            shown.fill(0);
        }
        make_opaque(&mut shown);
        shown
    }
}

/// Somebody who keeps a picture and copies only what the bus says has changed.
#[derive(Default)]
struct Reader {
    seen: u64,
    size: Size2D<u32, MonitorPixel>,
    pixels: Vec<u8>,
}

impl Reader {
    fn read(&mut self, bus: &FrameBus) {
        let deadline = Some(Instant::now());
        match bus.wait(self.seen, &AtomicBool::new(false), deadline) {
            BusUpdate::Frame { frame, version } => {
                if frame.size != self.size {
                    self.size = frame.size;
                    self.pixels = vec![7; picture_bytes(frame.size).unwrap()];
                }
                let copied = frame
                    .picture
                    .copy_opaque(frame.size, &frame.damage, &mut self.pixels);
                copied.unwrap();
                self.seen = version;
            }
            BusUpdate::TimedOut => {}
            other => panic!("expected a frame or nothing, found {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn a_reader_that_copies_only_the_damage_has_the_newest_picture(ops in vec(any_op(), 0..80)) {
        let bus = FrameBus::default();
        let size = Size2D::new(8, 6);
        let mut model = Model { size, pixels: vec![255; 8 * 6 * 4], sequence: 0, enabled: true };
        let mut readers = <[Reader; 3]>::default();
        model.push(&bus, Damage::Whole);
        for op in ops {
            match op {
                Op::Push(parts, value) => {
                    let damage = model.paint(&parts, value);
                    model.push(&bus, damage);
                }
                Op::Resize(width, height) => {
                    model.size = Size2D::new(width, height);
                    model.pixels = vec![255; (width * height * 4) as usize];
                    model.push(&bus, Damage::Whole);
                }
                Op::Enable(enabled) => {
                    model.enabled = enabled;
                    bus.set_enabled(enabled);
                }
                Op::Read(reader) => {
                    readers[reader].read(&bus);
                    prop_assert_eq!(&readers[reader].pixels, &model.shown());
                }
            }
        }
    }
}

#[test]
fn a_reader_that_keeps_up_is_told_only_what_changed() {
    let bus = FrameBus::default();
    let mut model = Model {
        size: Size2D::new(8, 6),
        pixels: vec![255; 8 * 6 * 4],
        sequence: 0,
        enabled: true,
    };
    model.push(&bus, Damage::Whole);
    let (_, _, seen) = read(&bus, 0);
    let damage = model.paint(&[(1, 1, 2, 2)], 9);
    model.push(&bus, damage.clone());
    match bus.wait(seen, &AtomicBool::new(false), None) {
        BusUpdate::Frame { frame, .. } => assert_eq!(frame.damage, damage),
        other => panic!("expected a frame, found {other:?}"),
    }
    // One that has seen nothing, and one that is too late.
    for _ in 0..=MAX_HISTORY {
        model.push(&bus, damage.clone());
    }
    for seen in [0, seen] {
        match bus.wait(seen, &AtomicBool::new(false), None) {
            BusUpdate::Frame { frame, .. } => assert_eq!(frame.damage, Damage::Whole),
            other => panic!("expected a frame, found {other:?}"),
        }
    }
}
