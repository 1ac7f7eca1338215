/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Any interleaving of requests, faults and clock ticks. The world checks what
//! must hold at every step; here is what must hold in the end.

use std::time::Duration;

use euclid::{Box2D, Point2D, Size2D};
use proptest::collection::vec;
use proptest::prelude::*;
use servo_capture_traits::{CursorMode, FrameFormat};

use super::super::Event;
use super::hostility::{Fault, Frames, Hostile, fault, hostile};
use super::screens::{ScreensOp, screens_op};
use super::world::{ALLOWED, OTHER, Page, REFUSED, World};
use crate::grabber::GrabError;
use crate::indicator::UserAction;
use crate::monitor::MonitorId;
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
    RecordFails(bool),
    Stalled(bool),
    EngineLooks(u64, bool),
    Acts(UserAction),
    Configure(usize, usize, FrameFormat),
    StopOne(usize),
    Revoke(bool),
    ReadAgain(usize),
    Hostile(Hostile),
    Fault(Fault),
    Screens(ScreensOp),
}

/// Some that the monitors can have and some that they cannot.
fn format() -> impl Strategy<Value = FrameFormat> {
    let edge = || 0..8u32;
    let rate = prop_oneof![4 => 1.0..60.0f64, 1 => Just(f64::NAN), 1 => Just(0.0)];
    (edge(), edge(), edge(), edge(), rate).prop_map(|(x, y, width, height, frame_rate)| {
        let crop = Box2D::new(Point2D::new(x / 4, y / 4), Point2D::new(x, y));
        FrameFormat {
            crop,
            size: Size2D::new(width / 2, height / 2),
            frame_rate,
            cursor: CursorMode::Motion,
        }
    })
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
        1 => any::<bool>().prop_map(Op::Stalled),
        4 => (1..5u64, any::<bool>()).prop_map(|(id, is_seen)| Op::EngineLooks(id, is_seen)),
        1 => prop::bool::weighted(0.7).prop_map(|asks| Op::Acts(if asks {
            UserAction::ShowInformation
        } else {
            UserAction::Stop
        })),
        3 => (0..4usize, any::<prop::sample::Index>(), format())
            .prop_map(|(page, index, format)| Op::Configure(page, index.index(64), format)),
        1 => any::<bool>().prop_map(Op::RecordFails),
        1 => (0..4usize).prop_map(Op::StopOne),
        1 => any::<bool>().prop_map(Op::Revoke),
        1 => (0..4usize).prop_map(Op::ReadAgain),
        4 => hostile().prop_map(Op::Hostile),
        2 => fault().prop_map(Op::Fault),
        8 => screens_op(4).prop_map(Op::Screens),
    ]
}

fn run(world: &mut World, pages: &[Page], frames: &mut Frames, op: Op) {
    match op {
        Op::Hostile(hostile) => hostile.run(world, pages, frames),
        Op::Fault(fault) => fault.run(world),
        Op::Screens(op) => op.run(world, pages),
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
        Op::RecordFails(fails) => world.record.fails = fails,
        Op::EngineLooks(id, is_seen) => world.engine_looks(MonitorId(id), is_seen),
        Op::Acts(action) => world.event(Event::UserActed { action }),
        Op::Stalled(stalled) => world.event(Event::ServerStalled { stalled }),
        Op::Configure(page, index, format) => {
            let sources = world.granted_sources();
            if let Some(&source) = sources.get(index % sources.len().max(1)) {
                world.configure(&pages[page], source, format);
            }
        }
        Op::StopOne(index) => {
            let captures = world.core.overview().captures;
            if let Some(capture) = captures.get(index) {
                let session = capture.session;
                world.event(Event::StopByUser { session });
            }
        }
        Op::Revoke(first) => world.revoke(if first { ALLOWED } else { OTHER }),
        Op::ReadAgain(which) => {
            let lists = [&[ALLOWED][..], &[OTHER], &[], &[OTHER, ALLOWED, REFUSED]];
            world.read_again(lists[which]);
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
    fn any_interleaving_keeps_the_rules_and_ends_clean(
        ops in vec(op(), 1..120),
        recorded in any::<bool>(),
        exits in any::<bool>(),
    ) {
        let mut world = if recorded { World::recorded() } else { World::new() };
        let pages = [
            World::page(1, ALLOWED),
            World::page(2, OTHER),
            World::page(3, REFUSED),
            World::page(4, ALLOWED),
        ];
        let mut frames = Frames::default();
        for op in ops {
            run(&mut world, &pages, &mut frames, op);
        }
        // Everybody goes home, or the browser ends around them.
        if exits {
            world.event(Event::Exit);
        }
        for page in pages.iter().chain(&frames.unplaced).chain(&frames.placed) {
            world.event(Event::PipelineGone { pipeline: page.pipeline });
        }
        world.advance(Duration::from_secs(60));
        prop_assert!(world.all_answered());
        prop_assert!(world.all_readers_answered());
        prop_assert!(!world.watches_layout);
        prop_assert_eq!(world.configured.len(), world.configure_requests);
        if recorded {
            world.record.check_balance();
        }
        prop_assert!(world.core.is_idle());
        prop_assert!(world.core.overview().captures.is_empty());
        prop_assert!(world.started.is_empty());
        prop_assert!(world.opened.is_empty());
        prop_assert!(world.core.live_devices().is_empty());
        prop_assert!(world.core.next_deadline().is_none());
        prop_assert!(world.shown.is_none(), "the indicator was left on screen");
    }
}
