/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator as the engine sees it, and as people use it.

use std::time::Duration;

use servo_capture_traits::{EndReason, SourceEvent};

use super::super::{CaptureNotice, Event};
use super::world::{ALLOWED, OTHER, World};
use crate::indicator::{ColorScheme, UserAction};
use crate::monitor::MonitorId;

const FIRST: MonitorId = MonitorId(1);

fn faults(world: &World) -> Vec<String> {
    let faults = world.notices.iter().filter_map(|notice| match notice {
        CaptureNotice::Fault { reason } => Some(reason.clone()),
        _ => None,
    });
    faults.collect()
}

#[test]
fn a_covered_indicator_mutes_its_monitor_at_once_and_no_frame_leaves_until_it_is_seen() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.frames();
    assert_eq!(world.delivered.len(), 2);
    world.engine_looks(FIRST, false);
    assert_eq!(world.mutes(sources[0]), [true]);
    assert!(world.mutes(sources[1]).is_empty());
    assert!(world.started[&sources[0]].paused && !world.started[&sources[1]].paused);
    assert_eq!(
        (world.restores, world.core.counters().indicators_covered),
        (1, 1)
    );
    assert!(faults(&world)[0].contains("the indicator on M1 was lost"));
    // What was under way is withheld; the other monitor goes on.
    world.frames();
    assert_eq!(world.delivered.len(), 3);
    world.engine_looks(FIRST, true);
    assert_eq!(world.mutes(sources[0]), [true, false]);
    let started = &world.started[&sources[0]];
    assert!(
        !started.paused && started.refreshed > 0,
        "a fresh frame is asked for"
    );
    world.frames();
    assert_eq!(world.delivered.len(), 5);
    assert!(!world.ended(sources[0]));
}

#[test]
fn a_clone_and_a_second_capture_wait_for_the_covered_indicator_too() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.engine_looks(FIRST, false);
    let clone = world.clone_source(&page, sources[0]);
    assert!(!world.started.contains_key(&clone));
    let other = World::page(2, OTHER);
    let request = world.ask(&other);
    world.settle();
    assert!(!world.replies.contains_key(&request));
    world.engine_looks(FIRST, true);
    world.settle();
    assert!(world.started.contains_key(&clone));
    assert!(world.replies[&request].is_ok());
}

#[test]
fn what_the_engine_said_is_void_when_it_has_nothing_to_look_for() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.engine_looks(FIRST, false);
    sources.iter().for_each(|&source| world.stop(&page, source));
    let again = world.capture(&page);
    assert!(!world.started[&again[0]].paused);
    world.frames();
    assert_eq!(world.delivered.len(), 2);
}

#[test]
fn a_program_that_covers_the_indicator_again_and_again_is_told_of_now_and_then() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.capture(&page);
    for _ in 0..200 {
        world.engine_looks(FIRST, false);
        world.advance(Duration::from_millis(50));
        world.engine_looks(FIRST, true);
        world.advance(Duration::from_millis(50));
    }
    assert_eq!(faults(&world).len(), 2);
    assert_eq!(world.core.counters().indicators_covered, 200);
}

#[test]
fn a_capture_is_not_begun_under_an_indicator_that_was_dismissed_for_another() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.capture(&page);
    let (first, _) = world.shown.clone().unwrap();
    let request = world.ask(&page);
    world.engine_answers(None);
    // The same origin, and a new indicator is asked for and waited for.
    assert!(!world.replies.contains_key(&request));
    let (_, content, _) = world.asked[0].clone();
    assert_eq!(content.origins, first.origins);
    assert!(content.newest_capture > first.newest_capture);
    assert!(world.engine.is_empty(), "nothing is opened before");
    world.settle();
    assert!(world.replies[&request].is_ok());
}

#[test]
fn the_user_stops_everything_where_the_policy_lets_them() {
    let mut world = World::new();
    let pages = [World::page(1, ALLOWED), World::page(2, OTHER)];
    let sources: Vec<_> = pages.iter().flat_map(|page| world.capture(page)).collect();
    let (content, _) = world.shown.clone().unwrap();
    assert!(content.may_stop);
    let action = UserAction::Stop;
    world.event(Event::UserActed { action });
    for source in sources {
        let is_stopped = |(told, event): &(_, SourceEvent)| {
            *told == source && matches!(event, SourceEvent::Ended(EndReason::StoppedByUser))
        };
        assert!(world.told.iter().any(is_stopped));
    }
    assert!(world.core.is_idle());
    world.settle();
    let (content, _) = world.shown.clone().unwrap();
    assert!(!content.live && !content.may_stop);
    assert_eq!(content.newest_capture, 2);
}

#[test]
fn a_policy_without_stopping_has_no_control_for_it_and_hears_no_wish() {
    let mut world = World::locked_to_captures();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    assert!(!world.shown.clone().unwrap().0.may_stop);
    let action = UserAction::Stop;
    world.event(Event::UserActed { action });
    assert!(!world.ended(sources[0]));
    let action = UserAction::ShowInformation;
    world.event(Event::UserActed { action });
    assert_eq!(world.notices.last(), Some(&CaptureNotice::ShowInformation));
}

#[test]
fn other_colors_change_the_indicator_and_stop_no_frame() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let scheme = ColorScheme::Light;
    world.event(Event::ColorSchemeChanged { scheme });
    let (_, content, monitors) = world.asked[0].clone();
    assert_eq!((content.scheme, monitors.len()), (scheme, 2));
    // The old one tells of the capture until the new one is there.
    world.frames();
    assert_eq!(world.delivered.len(), 2);
    world.settle();
    world.frames();
    assert_eq!(world.delivered.len(), 4);
    assert!(world.mutes(sources[0]).is_empty());
    world.event(Event::ColorSchemeChanged { scheme });
    assert!(world.asked.is_empty(), "nothing has changed");
    // The words about what has ended have them too, and so has the next capture.
    sources.iter().for_each(|&source| world.stop(&page, source));
    assert_eq!(world.asked[0].1.scheme, scheme);
    world.settle();
    world.capture(&page);
    assert_eq!(world.shown.clone().unwrap().0.scheme, scheme);
}
