/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What pages hear of the screens, whether or not they capture.

mod ops;
mod permission;
mod properties;

use std::time::Duration;

use euclid::{Box2D, Point2D};
use servo_base::id::TEST_WEBVIEW_ID;
use servo_capture_traits::{BasicScreen, ScreenList, ScreensError, ScreensEvent, ScreensGrant};

pub(super) use self::ops::{ScreensOp, screens_op};
use super::super::{Event, QuestionId, RequestId, ScreensEffect, ScreensInput};
use super::world::{ALLOWED, Page, REFUSED, World};
use crate::grabber::GrabError;
use crate::monitor::tests::monitor;

/// Longer than a layout has to stay before anybody is told.
const SETTLED: Duration = Duration::from_millis(300);

fn input(world: &mut World, input: ScreensInput) {
    world.event(Event::Screens(input));
}

fn ask(world: &mut World, page: &Page, has_activation: bool) -> RequestId {
    world.place(page);
    ask_unplaced(world, page, has_activation)
}

/// The same, whatever the constellation has said.
fn ask_unplaced(world: &mut World, page: &Page, has_activation: bool) -> RequestId {
    world.last_request += 1;
    let request = RequestId(world.last_request);
    input(
        world,
        ScreensInput::Details {
            request,
            client: page.client,
            pipeline: page.pipeline,
            webview: TEST_WEBVIEW_ID,
            origin: page.origin.to_owned(),
            has_activation,
        },
    );
    request
}

fn answer(world: &World, request: RequestId) -> Option<&Result<ScreensGrant, ScreensError>> {
    let mut answers = world.screens.iter().filter_map(|effect| match effect {
        ScreensEffect::Details {
            request: answered,
            result,
        } if *answered == request => Some(result),
        _ => None,
    });
    let answer = answers.next();
    assert!(answers.next().is_none(), "{request:?} was answered twice");
    answer
}

fn refusal(world: &World, request: RequestId) -> Option<ScreensError> {
    answer(world, request)?.clone().err()
}

fn ask_for_count(world: &mut World, page: &Page) -> RequestId {
    world.last_request += 1;
    let request = RequestId(world.last_request);
    let (client, pipeline) = (page.client, page.pipeline);
    input(
        world,
        ScreensInput::IsExtended {
            request,
            client,
            pipeline,
        },
    );
    request
}

fn watch(world: &mut World, page: &Page, all: bool) {
    input(
        world,
        ScreensInput::Watch {
            client: page.client,
            pipeline: page.pipeline,
            all,
        },
    );
}

/// A page that is told of all screens, and how they are.
fn watching(world: &mut World, page: &Page) -> ScreenList {
    let request = ask(world, page, false);
    world.settle();
    let list = answer(world, request).unwrap().clone().unwrap().list;
    watch(world, page, true);
    assert_eq!(told(world, page), [ScreensEvent::All(list.clone())]);
    world.screens.clear();
    list
}

/// What a page was told, in order.
fn told(world: &World, page: &Page) -> Vec<ScreensEvent> {
    let told = world.screens.iter().filter_map(|effect| match effect {
        ScreensEffect::Tell { pipeline, event } if *pipeline == page.pipeline => {
            Some(event.clone())
        }
        _ => None,
    });
    told.collect()
}

fn questions(world: &World) -> Vec<(QuestionId, String)> {
    let asked = world.screens.iter().filter_map(|effect| match effect {
        ScreensEffect::Ask {
            question, origin, ..
        } => Some((*question, origin.clone())),
        _ => None,
    });
    asked.collect()
}

fn user_answers(world: &mut World, question: QuestionId, allows: Option<bool>) {
    input(world, ScreensInput::Answered { question, allows });
}

#[test]
fn an_origin_that_may_capture_gets_the_screens_without_a_question_or_an_indicator() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let list = watching(&mut world, &page);
    let labels: Vec<&str> = list.screens.iter().map(|(_, info)| &*info.label).collect();
    assert_eq!(labels, ["M1", "M2"]);
    assert_eq!(list.current, list.screens[0].0, "the primary one");
    assert!(questions(&world).is_empty());
    assert!(world.asked.is_empty() && world.shown.is_none());
    assert!(world.core.is_idle());
    assert!(world.core.next_deadline().is_none());
}

#[test]
fn captures_and_lists_of_a_document_name_screens_alike_and_other_documents_otherwise() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let request = world.ask(&page);
    world.settle();
    let granted = world.replies[&request].clone().unwrap();
    let captured: Vec<_> = granted.iter().map(|source| source.screen_id).collect();
    let ids = |list: &ScreenList| -> Vec<_> { list.screens.iter().map(|(id, _)| *id).collect() };
    let listed = ids(&watching(&mut world, &page));
    assert_eq!(captured, listed);
    let other = ids(&watching(&mut world, &World::page(2, ALLOWED)));
    assert!(other.iter().all(|id| !listed.contains(id)));
}

#[test]
fn a_change_is_told_once_when_it_has_settled() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let before = watching(&mut world, &page);
    // In three steps, of which one is seen; then a fourth that changes nothing.
    world.monitors[1] = monitor(2, 8, 0, 6, 4);
    world.layout_changed();
    world.monitors[0] = monitor(1, 0, 0, 4, 4);
    world.layout_changed();
    world.monitors[1] = monitor(2, 4, 0, 6, 4);
    world.layout_changed();
    assert!(told(&world, &page).is_empty());
    world.advance(SETTLED);
    world.layout_changed();
    world.advance(SETTLED);
    let [ScreensEvent::All(now)] = &told(&world, &page)[..] else {
        panic!("{:?}", told(&world, &page));
    };
    let ids = |list: &ScreenList| -> Vec<_> { list.screens.iter().map(|(id, _)| *id).collect() };
    assert_eq!(ids(now), ids(&before));
    let lefts = now.screens.iter().map(|(_, info)| info.bounds.min_x());
    assert_eq!(lefts.collect::<Vec<_>>(), [0, 4]);
    assert!(world.core.next_deadline().is_none());
}

#[test]
fn a_layout_that_never_settles_is_told_all_the_same() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    watching(&mut world, &page);
    for step in 0..20 {
        world.monitors[1] = monitor(2, 8 + step, 0, 4, 4);
        world.layout_changed();
        world.advance(Duration::from_millis(40));
    }
    let count = told(&world, &page).len();
    assert!((2..=4).contains(&count), "told {count} times in 800 ms");
}

#[test]
fn a_monitor_that_comes_back_is_another_screen() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let before = watching(&mut world, &page);
    let unplugged = world.monitors.pop().unwrap();
    world.layout_changed();
    world.advance(SETTLED);
    world.monitors.push(unplugged);
    world.layout_changed();
    world.advance(SETTLED);
    let [ScreensEvent::All(without), ScreensEvent::All(again)] = &told(&world, &page)[..] else {
        panic!("{:?}", told(&world, &page));
    };
    assert_eq!(without.screens, before.screens[..1]);
    assert_eq!(again.screens[0], before.screens[0]);
    assert_eq!(again.screens[1].1, before.screens[1].1);
    assert_ne!(again.screens[1].0, before.screens[1].0);
}

#[test]
fn a_document_without_any_screen_is_told_when_there_is_one_again() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    watching(&mut world, &page);
    let monitors = std::mem::take(&mut world.monitors);
    world.layout_changed();
    world.advance(SETTLED);
    assert!(told(&world, &page).is_empty());
    let call = ask(&mut world, &World::page(2, ALLOWED), false);
    assert!(matches!(
        refusal(&world, call),
        Some(ScreensError::NotListed(_))
    ));
    world.monitors = monitors;
    world.layout_changed();
    world.advance(SETTLED);
    assert_eq!(told(&world, &page).len(), 1);
}

#[test]
fn the_current_screen_follows_the_window() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let list = watching(&mut world, &page);
    let place = |left| Some(Box2D::new(Point2D::new(left, 0), Point2D::new(left + 4, 4)));
    for left in [1, 2, 7, 8, 7] {
        input(
            &mut world,
            ScreensInput::WindowMoved {
                window: place(left),
            },
        );
    }
    let [ScreensEvent::All(now)] = &told(&world, &page)[..] else {
        panic!("{:?}", told(&world, &page));
    };
    assert_eq!(now.current, list.screens[1].0);
    assert_eq!(now.screens, list.screens);
    input(&mut world, ScreensInput::WindowMoved { window: None });
    assert_eq!(told(&world, &page).len(), 2);
}

#[test]
fn any_page_may_hear_of_the_screen_it_is_on_and_of_no_more() {
    let mut world = World::new();
    let page = World::page(1, REFUSED);
    world.place(&page);
    watch(&mut world, &page, true);
    assert_eq!(world.core.counters().refused_requests, 1);
    watch(&mut world, &page, false);
    world.settle();
    let screen = |world: &World, index: usize| {
        BasicScreen::new(&world.monitors[index].screen_info(), world.monitors.len())
    };
    let first = screen(&world, 0);
    assert!(first.is_extended);
    // Moved: nothing that it may know has changed.
    world.monitors[1] = monitor(2, 80, 0, 4, 4);
    world.layout_changed();
    world.advance(SETTLED);
    unplug(&mut world);
    let second = screen(&world, 0);
    assert!(!second.is_extended);
    let expected = [first, second].map(ScreensEvent::Current);
    assert_eq!(told(&world, &page), expected);
}

#[test]
fn whether_there_are_several_screens_is_answered_without_any_permission() {
    let mut world = World::new();
    let page = World::page(1, REFUSED);
    world.place(&page);
    let count = |world: &mut World| {
        let request = ask_for_count(world, &page);
        world.settle();
        match world.screens.last() {
            Some(ScreensEffect::Extended {
                request: answered,
                is_extended,
            }) if *answered == request => *is_extended,
            other => panic!("{other:?}"),
        }
    };
    assert!(count(&mut world));
    world.monitors.pop();
    world.layout_changed();
    assert!(!count(&mut world));
    assert!(world.watches_layout);
}

#[test]
fn nothing_is_watched_for_documents_that_were_left_and_they_hear_all_when_they_are_back() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    watching(&mut world, &page);
    let pipeline = page.pipeline;
    let activity = |active| Event::PipelineActivity { pipeline, active };
    world.event(activity(false));
    assert!(!world.watches_layout);
    unplug(&mut world);
    assert!(told(&world, &page).is_empty());
    world.event(activity(true));
    assert!(world.watches_layout);
    world.settle();
    assert_eq!(told(&world, &page).len(), 1);
    world.event(Event::PipelineGone { pipeline });
    assert!(!world.watches_layout);
    assert!(
        matches!(world.screens.last(), Some(ScreensEffect::Forget { pipeline: gone }) if *gone == pipeline)
    );
}

#[test]
fn a_lost_display_server_is_asked_again_after_a_while() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    watching(&mut world, &page);
    let error = || GrabError::Disconnected("killed".to_owned());
    world.event(Event::DisplayServerLost { error: error() });
    assert!(!world.watches_layout && world.engine.is_empty());
    // Not at once for those who wait by themselves; at once for a call.
    let call = ask(&mut world, &page, false);
    world.engine_answers(Some(error()));
    assert!(matches!(
        refusal(&world, call),
        Some(ScreensError::NotListed(_))
    ));
    world.monitors.pop();
    world.advance(Duration::from_secs(4));
    assert!(world.engine.is_empty());
    world.advance(Duration::from_secs(2));
    world.settle();
    assert!(world.watches_layout);
    assert_eq!(told(&world, &page).len(), 1);
}

#[test]
fn an_engine_that_never_answers_keeps_no_call_waiting() {
    let mut world = World::new();
    let call = ask(&mut world, &World::page(1, ALLOWED), false);
    world.advance(Duration::from_secs(11));
    assert!(matches!(
        refusal(&world, call),
        Some(ScreensError::NotListed(_))
    ));
}

/// The second monitor is unplugged, and everybody who is to know is told.
fn unplug(world: &mut World) {
    world.monitors.pop();
    world.layout_changed();
    world.advance(SETTLED);
}

#[test]
fn a_document_that_was_left_is_told_nothing_while_others_are() {
    let mut world = World::new();
    let (left, other) = (World::page(1, ALLOWED), World::page(2, ALLOWED));
    watching(&mut world, &left);
    watching(&mut world, &other);
    world.event(Event::PipelineActivity {
        pipeline: left.pipeline,
        active: false,
    });
    unplug(&mut world);
    assert!(told(&world, &left).is_empty());
    assert_eq!(told(&world, &other).len(), 1);
}

#[test]
fn a_process_that_has_ended_is_told_nothing_while_others_are() {
    let mut world = World::new();
    let (ended, other) = (World::page(1, ALLOWED), World::page(2, ALLOWED));
    watching(&mut world, &ended);
    watching(&mut world, &other);
    let client = ended.client;
    world.event(Event::ClientGone { client });
    assert!(
        matches!(world.screens[..], [ScreensEffect::Forget { pipeline }] if pipeline == ended.pipeline)
    );
    unplug(&mut world);
    assert!(told(&world, &ended).is_empty());
    assert_eq!(told(&world, &other).len(), 1);
}

#[test]
fn what_was_asked_for_a_document_is_void_when_it_turns_out_to_be_anothers() {
    let mut world = World::new();
    let (stranger, owner) = (World::page(1, ALLOWED), World::page(2, ALLOWED));
    world.place(&stranger);
    // Before the constellation has said whose the document is.
    let claimed = Page {
        client: stranger.client,
        ..owner
    };
    let call = ask_unplaced(&mut world, &claimed, false);
    world.settle();
    assert!(answer(&world, call).unwrap().is_ok());
    watch(&mut world, &claimed, true);
    assert_eq!(told(&world, &owner).len(), 1);
    world.screens.clear();
    world.place(&owner);
    assert!(
        matches!(world.screens[..], [ScreensEffect::Forget { pipeline }] if pipeline == owner.pipeline)
    );
    assert!(!world.watches_layout);
    // Its owner may ask.
    watching(&mut world, &owner);
}

#[test]
fn what_a_process_has_sent_before_it_ended_begins_nothing() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.place(&page);
    let client = page.client;
    world.event(Event::ClientGone { client });
    let call = ask_unplaced(&mut world, &page, true);
    assert_eq!(refusal(&world, call), Some(ScreensError::DocumentInactive));
    ask_for_count(&mut world, &page);
    assert!(!world.core.may_watch_screens(client, page.pipeline, false));
    watch(&mut world, &page, false);
    assert!(!world.watches_layout && world.all_readers_answered());
}

#[test]
fn another_process_gets_nothing_by_naming_a_document() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    watching(&mut world, &page);
    let thief = World::page(1, ALLOWED);
    let call = ask(&mut world, &thief, true);
    assert!(matches!(
        refusal(&world, call),
        Some(ScreensError::Refused(_))
    ));
    for all in [true, false] {
        assert!(
            !world
                .core
                .may_watch_screens(thief.client, page.pipeline, all)
        );
        watch(&mut world, &thief, all);
    }
    assert_eq!(world.core.counters().refused_requests, 3);
    world.event(Event::ClientGone {
        client: thief.client,
    });
    unplug(&mut world);
    assert_eq!(told(&world, &page).len(), 1);
}
