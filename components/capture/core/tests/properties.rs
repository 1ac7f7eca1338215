/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Any interleaving of requests, faults and clock ticks. The world checks what
//! must hold at every step; here is what must hold in the end.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::Event;
use super::world::{ALLOWED, OTHER, Page, REFUSED, World};
use crate::grabber::GrabError;
use crate::monitor::tests::monitor;

#[derive(Clone, Debug)]
enum Op {
    Ask(usize),
    AttachAll(usize),
    Clone(usize, usize),
    Stop(usize, usize),
    Activity(usize, bool),
    Gone(usize),
    Flood(usize),
    ClientGone(usize),
    EngineAnswers,
    EngineFails(bool),
    IndicatorAnswers(bool),
    IndicatorLost,
    Frames,
    Advance(u64),
    Plug(u64, i32),
    Unplug(u64),
    ServerLost,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..4usize).prop_map(Op::Ask),
        4 => (0..4usize).prop_map(Op::AttachAll),
        2 => (0..4usize, any::<prop::sample::Index>()).prop_map(|(page, index)| Op::Clone(page, index.index(64))),
        3 => (0..4usize, any::<prop::sample::Index>()).prop_map(|(page, index)| Op::Stop(page, index.index(64))),
        1 => (0..4usize, any::<bool>()).prop_map(|(page, active)| Op::Activity(page, active)),
        1 => (0..4usize).prop_map(Op::Gone),
        1 => (0..4usize).prop_map(Op::Flood),
        1 => (0..4usize).prop_map(Op::ClientGone),
        8 => Just(Op::EngineAnswers),
        1 => any::<bool>().prop_map(Op::EngineFails),
        8 => prop::bool::weighted(0.9).prop_map(Op::IndicatorAnswers),
        1 => Just(Op::IndicatorLost),
        6 => Just(Op::Frames),
        3 => (0..12_000u64).prop_map(Op::Advance),
        2 => (1..5u64, -50..50i32).prop_map(|(id, x)| Op::Plug(id, x)),
        1 => (1..5u64).prop_map(Op::Unplug),
        1 => Just(Op::ServerLost),
    ]
}

fn run(world: &mut World, pages: &[Page], op: Op) {
    match op {
        Op::Ask(page) => drop(world.ask(&pages[page])),
        Op::AttachAll(page) => {
            let client = pages[page].client;
            for source in world.granted_sources() {
                world.event(Event::Attach { client, source });
            }
        }
        Op::Clone(page, index) => {
            let sources = world.granted_sources();
            if let Some(&source) = sources.get(index % sources.len().max(1)) {
                world.clone_source(&pages[page], source);
            }
        }
        Op::Stop(page, index) => {
            let sources = world.granted_sources();
            if let Some(&source) = sources.get(index % sources.len().max(1)) {
                world.stop(&pages[page], source);
            }
        }
        Op::Activity(page, active) => world.event(Event::PipelineActivity {
            pipeline: pages[page].pipeline,
            active,
        }),
        Op::Gone(page) => world.event(Event::PipelineGone {
            pipeline: pages[page].pipeline,
        }),
        Op::Flood(page) => world.event(Event::ClientFlooded {
            client: pages[page].client,
        }),
        Op::ClientGone(page) => world.event(Event::ClientGone {
            client: pages[page].client,
        }),
        Op::EngineAnswers => world.engine_answers(None),
        Op::EngineFails(fatal) => world.engine_answers(Some(if fatal {
            GrabError::Disconnected("reset".to_owned())
        } else {
            GrabError::Unreadable {
                monitor: monitor(1, 0, 0, 1, 1).id,
                reason: "locked".to_owned(),
            }
        })),
        Op::IndicatorAnswers(shows) => world.indicator_answers(shows),
        Op::IndicatorLost => world.indicator_is_lost(),
        Op::Frames => world.frames(),
        Op::Advance(milliseconds) => world.advance(Duration::from_millis(milliseconds)),
        Op::Plug(id, x) => {
            world.monitors.retain(|monitor| monitor.id.0 != id);
            let size = 4 + (x.rem_euclid(3));
            world.monitors.push(monitor(id, x, 0, size, 4));
            world.layout_changed();
        }
        Op::Unplug(id) => {
            world.monitors.retain(|monitor| monitor.id.0 != id);
            world.layout_changed();
        }
        Op::ServerLost => {
            world.opened.clear();
            let error = GrabError::Disconnected("killed".to_owned());
            world.event(Event::DisplayServerLost { error });
        }
    }
}

proptest! {
    // A failing case is printed; it belongs into scenarios.rs as a claim.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_the_rules_and_ends_clean(ops in vec(op(), 1..120)) {
        let mut world = World::new();
        let pages = [
            World::page(1, ALLOWED),
            World::page(2, OTHER),
            World::page(3, REFUSED),
            World::page(4, ALLOWED),
        ];
        for op in ops {
            run(&mut world, &pages, op);
        }
        // Everybody goes home.
        for page in &pages {
            world.event(Event::PipelineGone { pipeline: page.pipeline });
        }
        world.advance(Duration::from_secs(60));
        prop_assert!(world.all_answered());
        prop_assert!(world.core.is_idle());
        prop_assert!(world.started.is_empty());
        prop_assert!(world.opened.is_empty());
        prop_assert!(world.core.live_devices().is_empty());
        prop_assert!(world.core.next_deadline().is_none());
        prop_assert!(world.shown.is_none(), "the indicator was left on screen");
    }
}
