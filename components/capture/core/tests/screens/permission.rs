/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who may know the screens.

use servo_capture_traits::ScreensPermission;

use super::super::world::OTHER;
use super::*;

#[test]
fn the_user_is_asked_only_after_an_action_of_theirs_and_the_answer_holds_for_the_origin() {
    for allows in [true, false] {
        let mut world = World::new();
        let page = World::page(1, REFUSED);
        let idle = ask(&mut world, &page, false);
        assert_eq!(refusal(&world, idle), Some(ScreensError::NotActivated));
        assert!(questions(&world).is_empty());
        // Two calls are one question.
        let calls = [ask(&mut world, &page, true), ask(&mut world, &page, true)];
        let [(question, origin)] = &questions(&world)[..] else {
            panic!("{:?}", questions(&world));
        };
        assert_eq!(origin, REFUSED);
        assert!(calls.iter().all(|call| answer(&world, *call).is_none()));
        assert!(
            !world.watches_layout,
            "nothing is looked at before the answer"
        );
        user_answers(&mut world, *question, Some(allows));
        world.settle();
        // Another document of the origin, without an action.
        let later = ask(&mut world, &World::page(2, REFUSED), false);
        world.settle();
        for call in calls.into_iter().chain([later]) {
            let answer = answer(&world, call).unwrap();
            if allows {
                assert_eq!(answer.as_ref().unwrap().list.screens.len(), 2);
            } else {
                assert_eq!(*answer, Err(ScreensError::Denied));
            }
        }
        assert_eq!(questions(&world).len(), 1);
    }
}

#[test]
fn a_question_without_an_answer_refuses_and_may_be_asked_again() {
    let mut world = World::new();
    let page = World::page(1, REFUSED);
    let call = ask(&mut world, &page, true);
    let (question, _) = questions(&world)[0];
    user_answers(&mut world, question, None);
    assert_eq!(refusal(&world, call), Some(ScreensError::NotAnswered));
    ask(&mut world, &page, true);
    assert_eq!(questions(&world).len(), 2);
}

#[test]
fn an_opaque_origin_is_denied_and_nobody_is_asked() {
    let mut world = World::new();
    let call = ask(&mut world, &World::page(1, "null"), true);
    assert_eq!(refusal(&world, call), Some(ScreensError::Denied));
    assert!(questions(&world).is_empty());
}

fn set(world: &mut World, origin: &'static str, state: ScreensPermission) -> ScreensPermission {
    let page = World::page(99, origin);
    world.place(&page);
    world.last_request += 1;
    let request = RequestId(world.last_request);
    let origin = origin.to_owned();
    input(
        world,
        ScreensInput::SetPermission {
            request,
            client: page.client,
            origin,
            state,
        },
    );
    match world.screens.last() {
        Some(ScreensEffect::Permission { state, .. }) => *state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn permissions_are_set_by_nobody_but_webdriver() {
    let mut world = World::new();
    let state = set(&mut world, REFUSED, ScreensPermission::Granted);
    assert_eq!(state, ScreensPermission::Prompt);
    assert_eq!(world.core.counters().refused_requests, 1);
    world.automate();
    for state in [
        ScreensPermission::Granted,
        ScreensPermission::Denied,
        ScreensPermission::Prompt,
    ] {
        assert_eq!(set(&mut world, REFUSED, state), state);
        // Also of whom the administrator has listed.
        assert_eq!(set(&mut world, ALLOWED, state), state);
    }
    let state = set(&mut world, "null", ScreensPermission::Granted);
    assert_eq!(state, ScreensPermission::Denied);
}

#[test]
fn a_permission_that_is_withdrawn_ends_what_was_granted_by_it() {
    let mut world = World::new();
    world.automate();
    let (page, other) = (World::page(1, ALLOWED), World::page(2, OTHER));
    watching(&mut world, &page);
    watching(&mut world, &other);
    set(&mut world, ALLOWED, ScreensPermission::Denied);
    world.screens.clear();
    unplug(&mut world);
    assert!(matches!(
        told(&world, &page)[..],
        [ScreensEvent::Current(_)]
    ));
    assert!(matches!(told(&world, &other)[..], [ScreensEvent::All(_)]));
    assert!(
        !world
            .core
            .may_watch_screens(page.client, page.pipeline, true)
    );
}

#[test]
fn a_call_that_waits_for_the_list_while_its_origin_is_revoked_is_denied() {
    let mut world = World::new();
    let (call, other) = (
        ask(&mut world, &World::page(1, ALLOWED), true),
        ask(&mut world, &World::page(2, OTHER), true),
    );
    world.revoke(ALLOWED);
    assert_eq!(refusal(&world, call), Some(ScreensError::Denied));
    world.settle();
    assert!(answer(&world, other).unwrap().is_ok());
}

#[test]
fn of_two_origins_that_lose_the_permission_at_once_neither_is_told_a_last_time() {
    let mut world = World::new();
    let (page, other) = (World::page(1, ALLOWED), World::page(2, OTHER));
    watching(&mut world, &page);
    watching(&mut world, &other);
    world.monitors.pop();
    world.layout_changed();
    // Before that has settled.
    world.screens.clear();
    world.read_again(&[]);
    for page in [&page, &other] {
        assert!(matches!(told(&world, page)[..], [ScreensEvent::Current(_)]));
    }
}

#[test]
fn an_origin_that_the_user_or_the_preferences_take_out_is_not_told_of_all_screens_any_more() {
    for by_preferences in [false, true] {
        let mut world = World::new();
        let (page, other) = (World::page(1, ALLOWED), World::page(2, OTHER));
        watching(&mut world, &page);
        watching(&mut world, &other);
        if by_preferences {
            world.read_again(&[OTHER]);
        } else {
            world.revoke(ALLOWED);
        }
        world.screens.clear();
        unplug(&mut world);
        assert!(matches!(
            told(&world, &page)[..],
            [ScreensEvent::Current(_)]
        ));
        assert!(matches!(told(&world, &other)[..], [ScreensEvent::All(_)]));
    }
}
