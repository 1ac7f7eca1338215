/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a locked session means for captures.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use servo_capture_traits::{CaptureError, EndReason, SourceEvent, SourceId};

use super::super::indication::LINGER;
use super::super::{CaptureNotice, Effect, Event, LockReason, RequestId};
use super::world::{ALLOWED, OTHER, Page, REFUSED, World};

const REASONS: [LockReason; 4] = [
    LockReason::Locked,
    LockReason::ScreenSaver,
    LockReason::UserSwitched,
    LockReason::Sleep,
];

fn lock(world: &mut World, reason: LockReason) {
    world.event(Event::SessionLocked { reason });
}

fn end_of(world: &World, source: SourceId) -> Option<&EndReason> {
    world.told.iter().find_map(|(told, event)| match event {
        SourceEvent::Ended(reason) if *told == source => Some(reason),
        _ => None,
    })
}

#[test]
fn a_lock_ends_every_capture_and_frees_the_engine() {
    for reason in REASONS {
        let mut world = World::new();
        let mut sources = world.capture(&World::page(1, ALLOWED));
        sources.extend(world.capture(&World::page(2, OTHER)));
        lock(&mut world, reason);
        for source in sources {
            let expected = EndReason::SessionLocked(reason.to_string());
            assert_eq!(end_of(&world, source), Some(&expected));
        }
        assert!(world.core.is_idle());
        assert!(world.started.is_empty());
        assert!(world.opened.is_empty());
        assert_eq!(world.core.counters().sessions_ended_by_lock, 2);
    }
}

#[test]
fn calls_that_wait_fail_in_every_state_they_can_be_in() {
    // Listing, indicating, opening.
    for answers in 0..3 {
        let mut world = World::new();
        let page = World::page(1, ALLOWED);
        let request = world.ask(&page);
        for answer in 0..answers {
            if answer == 1 {
                world.indicator_answers(true);
            } else {
                world.engine_answers(None);
            }
        }
        lock(&mut world, LockReason::Locked);
        let reply = &world.replies[&request];
        assert!(
            matches!(reply, Err(CaptureError::NotReadable(_))),
            "after {answers} answers: {reply:?}"
        );
        // The answers that were under way change nothing.
        world.settle();
        assert!(world.opened.is_empty());
        assert!(world.core.is_idle());
    }
}

#[test]
fn a_call_while_locked_fails_before_anything_is_asked_of_the_engine() {
    let mut world = World::new();
    lock(&mut world, LockReason::ScreenSaver);
    let request = world.ask(&World::page(1, ALLOWED));
    let expected = CaptureError::NotReadable("the screen saver is on".to_owned());
    assert_eq!(world.replies[&request], Err(expected));
    assert!(world.engine.is_empty());
    assert!(world.asked.is_empty());
}

#[test]
fn a_lock_tells_no_unlisted_origin_that_it_is_there() {
    let mut world = World::new();
    lock(&mut world, LockReason::Locked);
    let request = world.ask(&World::page(1, REFUSED));
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::RefusedByPolicy(_))
    ));
}

#[test]
fn an_unlock_resumes_nothing_and_allows_new_calls() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    lock(&mut world, LockReason::Locked);
    world.event(Event::SessionUnlocked);
    world.settle();
    world.frames();
    world.advance(Duration::from_secs(60));
    assert!(world.core.is_idle());
    assert!(sources.iter().all(|source| world.ended(*source)));
    assert!(world.delivered.is_empty());
    assert_eq!(world.capture(&page).len(), 2);
}

#[test]
fn the_indicator_stays_five_seconds_after_a_lock() {
    let mut world = World::new();
    world.capture(&World::page(1, ALLOWED));
    lock(&mut world, LockReason::Locked);
    world.settle();
    let locked_at = world.now;
    world.advance(LINGER - Duration::from_millis(1));
    assert!(world.hidden_at.is_empty());
    world.advance(Duration::from_secs(1));
    assert_eq!(world.hidden_at.len(), 1);
    assert_eq!(world.hidden_at[0].since(locked_at), LINGER);
}

#[test]
fn people_are_told_once_and_only_if_something_ended() {
    let mut world = World::new();
    let reason = LockReason::Sleep;
    let locked = |world: &mut World| {
        let effects = world
            .core
            .handle(Event::SessionLocked { reason }, world.now);
        let is_notice = |effect: &&Effect| {
            matches!(
                effect,
                Effect::Notify(CaptureNotice::Locked { captures: 1, .. })
            )
        };
        effects.iter().filter(is_notice).count()
    };
    assert_eq!(locked(&mut world), 0);
    world.event(Event::SessionUnlocked);
    world.capture(&World::page(1, ALLOWED));
    assert_eq!(locked(&mut world), 1);
    assert_eq!(locked(&mut world), 0);
}

#[derive(Clone, Debug)]
enum Op {
    Ask(usize),
    AttachAll(usize),
    Stop(usize, usize),
    EngineAnswers,
    IndicatorAnswers,
    Frames,
    Advance(u64),
    Lock(usize),
    Unlock,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..2usize).prop_map(Op::Ask),
        3 => (0..2usize).prop_map(Op::AttachAll),
        1 => (0..2usize, any::<prop::sample::Index>())
            .prop_map(|(page, index)| Op::Stop(page, index.index(64))),
        8 => Just(Op::EngineAnswers),
        8 => Just(Op::IndicatorAnswers),
        6 => Just(Op::Frames),
        2 => (0..6_000u64).prop_map(Op::Advance),
        2 => (0..REASONS.len()).prop_map(Op::Lock),
        2 => Just(Op::Unlock),
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
        Op::Stop(page, index) => {
            let sources = world.granted_sources();
            if let Some(&source) = sources.get(index % sources.len().max(1)) {
                world.stop(&pages[page], source);
            }
        }
        Op::EngineAnswers => world.engine_answers(None),
        Op::IndicatorAnswers => world.indicator_answers(true),
        Op::Frames => world.frames(),
        Op::Advance(milliseconds) => world.advance(Duration::from_millis(milliseconds)),
        Op::Lock(reason) => lock(world, REASONS[reason]),
        Op::Unlock => world.event(Event::SessionUnlocked),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn while_locked_nothing_is_live_granted_or_delivered(ops in vec(op(), 1..100)) {
        let mut world = World::new();
        let pages = [World::page(1, ALLOWED), World::page(2, OTHER)];
        let mut locked = false;
        for op in ops {
            let asks = matches!(op, Op::Ask(_));
            let unlocks = matches!(op, Op::Unlock);
            locked = !unlocks && (locked || matches!(op, Op::Lock(_)));
            let (delivered, was_idle) = (world.delivered.len(), world.core.is_idle());
            run(&mut world, &pages, op);
            if locked {
                prop_assert!(world.core.is_idle());
                prop_assert!(world.started.is_empty() && world.opened.is_empty());
                prop_assert!(world.all_answered());
                prop_assert_eq!(world.delivered.len(), delivered);
                let last = &world.replies.get(&RequestId(world.last_request));
                prop_assert!(!asks || matches!(last, Some(Err(CaptureError::NotReadable(_)))));
            }
            // Only a page begins anything, never the unlock.
            prop_assert!(!unlocks || was_idle == world.core.is_idle());
        }
    }
}
