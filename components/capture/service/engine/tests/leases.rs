/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Slow readers, dead readers, and what each of them is owed.

use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;

use super::super::pool::MAX_PICTURES;
use super::*;

#[test]
fn drops_are_counted_exactly_and_the_newest_picture_wins() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 50.0);
    let mut held = Vec::new();
    rig.tick();
    held.extend(rig.frames());
    while held.len() < MAX_PICTURES {
        rig.draw();
        rig.pass_milliseconds(25);
        held.extend(rig.frames());
    }
    let reads = rig.counts().reads;
    // The first of these is owed, each further one takes its place.
    for _ in 0..10 {
        rig.draw();
        rig.pass_milliseconds(25);
    }
    assert!(rig.frames().is_empty());
    let counts = rig.counts();
    assert_eq!((counts.dropped, counts.reads), (9, reads));
    let (_, oldest) = held.remove(0);
    rig.release(source, &oldest);
    rig.tick();
    let (_, frame) = rig.frames().remove(0);
    assert!(pixels(&frame) == rig.picture(0));
    // A gap is a dropped frame.
    assert_eq!(frame.sequence, MAX_PICTURES as u64 + 9 + 1);
    assert_eq!(rig.counts().frames, MAX_PICTURES as u64 + 1);
}

#[test]
fn a_dead_reader_costs_no_reading_and_no_more_memory() {
    let mut rig = Rig::new(1);
    let dead = rig.start(0, 60.0);
    let alive = rig.start(0, 60.0);
    let mut indices = std::collections::BTreeSet::new();
    let mut delivered = 0;
    for _ in 0..200 {
        rig.draw();
        rig.pass_milliseconds(20);
        for (source, frame) in rig.frames() {
            if source == dead {
                indices.insert((frame.index, frame.sequence));
            } else {
                delivered += 1;
                rig.release(alive, &frame);
            }
        }
    }
    assert_eq!(indices.len(), MAX_PICTURES);
    assert_eq!(delivered, 200, "the other reader misses nothing");
}

#[test]
fn a_full_queue_drops_and_the_next_frame_makes_up_for_it() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 50.0);
    let mut consumer = Consumer::default();
    rig.tick();
    consumer.consume(&mut rig);
    rig.sink.has_room = false;
    rig.draw();
    rig.pass_milliseconds(25);
    assert!(rig.counts().dropped >= 1);
    rig.sink.has_room = true;
    rig.pass_milliseconds(25);
    assert_eq!(consumer.consume(&mut rig), 1);
    assert!(consumer.pictures[&source] == rig.picture(0));
}

#[test]
fn releasing_twice_or_what_was_never_lent_frees_nothing() {
    let mut rig = Rig::new(1);
    let source = rig.start(0, 60.0);
    rig.tick();
    let (_, first) = rig.frames().remove(0);
    rig.draw();
    rig.pass_milliseconds(20);
    let (_, second) = rig.frames().remove(0);
    let before = pixels(&second);
    rig.release(source, &first);
    rig.release(source, &first);
    for sequence in [0, 77, u64::MAX] {
        rig.command(EngineCommand::Released { source, sequence });
    }
    for _ in 0..5 {
        rig.draw();
        rig.pass_milliseconds(20);
    }
    assert!(pixels(&second) == before);
}

#[derive(Clone, Debug)]
enum Op {
    Draw,
    Pass(u64),
    Release(prop::sample::Index),
    Refresh(bool),
    Pause(bool, bool),
    Configure(bool, bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Draw),
        4 => (0..60u64).prop_map(Op::Pass),
        3 => any::<prop::sample::Index>().prop_map(Op::Release),
        1 => any::<bool>().prop_map(Op::Refresh),
        1 => any::<(bool, bool)>().prop_map(|(which, paused)| Op::Pause(which, paused)),
        1 => any::<(bool, bool)>().prop_map(|(which, half)| Op::Configure(which, half)),
    ]
}

fn hash(frame: &RawFrame) -> u64 {
    let mut hasher = DefaultHasher::new();
    pixels(frame).hash(&mut hasher);
    hasher.finish()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_leased_picture_never_changes_and_readers_end_with_what_is_shown(
        ops in proptest::collection::vec(op(), 1..40),
    ) {
        let mut rig = Rig::new(1);
        let sources = [rig.start(0, 30.0), rig.start(0, 60.0)];
        let half = FrameFormat { size: SIZE / 2, ..FrameFormat::native(SIZE) };
        let mut held: Vec<(SourceId, RawFrame, u64)> = Vec::new();
        let mut consumer = Consumer::default();
        let mut take = |rig: &mut Rig, held: &mut Vec<(SourceId, RawFrame, u64)>| {
            for (source, frame) in rig.frames() {
                let picture = consumer.pictures.entry(source).or_default();
                if picture.len() != frame.memory.len() {
                    assert_eq!(frame.damage, Damage::Whole);
                    *picture = vec![0; frame.memory.len()];
                }
                frame.memory.copy_opaque(frame.size, &frame.damage, picture).unwrap();
                let hash = hash(&frame);
                held.push((source, frame, hash));
            }
            held.iter().all(|(_, frame, before)| hash(frame) == *before)
        };
        for op in ops {
            match op {
                Op::Draw => rig.draw(),
                Op::Pass(milliseconds) => rig.pass_milliseconds(milliseconds),
                Op::Release(index) if !held.is_empty() => {
                    let (source, frame, _) = held.remove(index.index(held.len()));
                    rig.release(source, &frame);
                }
                Op::Release(_) => {}
                Op::Refresh(which) => {
                    rig.command(EngineCommand::Refresh { source: sources[usize::from(which)] });
                }
                Op::Pause(which, paused) => {
                    let source = sources[usize::from(which)];
                    rig.command(if paused {
                        EngineCommand::Pause { source }
                    } else {
                        EngineCommand::Resume { source }
                    });
                }
                Op::Configure(which, is_half) => {
                    let format = if is_half { half } else { FrameFormat::native(SIZE) };
                    let source = sources[usize::from(which)];
                    rig.command(EngineCommand::Configure { source, format });
                }
            }
            prop_assert!(take(&mut rig, &mut held));
        }
        // Everything is given back; everybody is told what is owed.
        for source in sources {
            rig.command(EngineCommand::Resume { source });
            rig.command(EngineCommand::Configure { source, format: FrameFormat::native(SIZE) });
        }
        for _ in 0..3 {
            for (source, frame, _) in std::mem::take(&mut held) {
                rig.release(source, &frame);
            }
            rig.pass_milliseconds(100);
            prop_assert!(take(&mut rig, &mut held));
        }
        for source in sources {
            prop_assert!(consumer.pictures[&source] == rig.picture(0));
        }
    }
}
