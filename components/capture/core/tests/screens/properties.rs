/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Any interleaving of calls, answers, layouts and faults.

use proptest::collection::vec;
use proptest::prelude::*;

use super::ops::{ScreensOp, screens_op};
use super::*;

#[derive(Clone, Debug)]
enum Op {
    Screens(ScreensOp),
    Activity(usize, bool),
    Gone(usize),
    ClientGone(usize),
    Answers(bool),
    Plug(u64),
    Unplug(u64),
    Lost,
    Advance(u64),
    Capture(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => screens_op(3).prop_map(Op::Screens),
        1 => (0..3usize, any::<bool>()).prop_map(|(page, active)| Op::Activity(page, active)),
        1 => (0..3usize).prop_map(Op::Gone),
        1 => (0..3usize).prop_map(Op::ClientGone),
        4 => prop::bool::weighted(0.8).prop_map(Op::Answers),
        2 => (1..4u64).prop_map(Op::Plug),
        2 => (1..4u64).prop_map(Op::Unplug),
        1 => Just(Op::Lost),
        2 => (0..12_000u64).prop_map(Op::Advance),
        1 => (0..3usize).prop_map(Op::Capture),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_answered_once_and_nothing_is_watched_for_nobody(ops in vec(op(), 1..80)) {
        let mut world = World::new();
        let pages = [World::page(1, ALLOWED), World::page(2, REFUSED), World::page(3, REFUSED)];
        for op in ops {
            match op {
                Op::Screens(op) => op.run(&mut world, &pages),
                Op::Activity(page, active) => {
                    let pipeline = pages[page].pipeline;
                    world.event(Event::PipelineActivity { pipeline, active });
                }
                Op::Gone(page) => world.event(Event::PipelineGone { pipeline: pages[page].pipeline }),
                Op::ClientGone(page) => world.event(Event::ClientGone { client: pages[page].client }),
                Op::Answers(true) => world.engine_answers(None),
                Op::Answers(false) => {
                    world.engine_answers(Some(GrabError::NoDisplayServer("gone".to_owned())));
                }
                Op::Plug(id) => {
                    world.monitors.retain(|monitor| monitor.id.0 != id);
                    world.monitors.push(monitor(id, i32::try_from(id).unwrap() * 10, 0, 8, 4));
                    world.layout_changed();
                }
                Op::Unplug(id) => {
                    world.monitors.retain(|monitor| monitor.id.0 != id);
                    world.layout_changed();
                }
                Op::Lost => {
                    world.opened.clear();
                    let error = GrabError::Disconnected("killed".to_owned());
                    world.event(Event::DisplayServerLost { error });
                }
                Op::Advance(milliseconds) => world.advance(Duration::from_millis(milliseconds)),
                Op::Capture(page) => drop(world.ask(&pages[page])),
            }
            // Nobody was told of a screen that is not in the list, or of none.
            for effect in &world.screens {
                if let ScreensEffect::Tell { event: ScreensEvent::All(list), .. } = effect {
                    prop_assert!(list.screens.iter().any(|(id, _)| *id == list.current));
                }
            }
        }
        for page in &pages {
            world.event(Event::PipelineGone { pipeline: page.pipeline });
        }
        world.advance(Duration::from_secs(60));
        prop_assert!(world.all_readers_answered());
        prop_assert!(!world.watches_layout);
        prop_assert!(world.core.next_deadline().is_none());
    }
}
