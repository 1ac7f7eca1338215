/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the person, and preferences that are read again, take away.

use std::time::Duration;

use servo_capture_traits::{CaptureError, EndReason, SourceEvent, SourceId};

use super::super::{CaptureNotice, Event, Timestamp};
use super::world::{ALLOWED, OTHER, Page, REFUSED, World};
use crate::record::RecordEntry;

impl World {
    /// The person takes away what one origin may.
    pub(super) fn revoke(&mut self, origin: &'static str) {
        self.taken.insert(origin);
        let pattern = origin.parse().unwrap();
        self.event(Event::Revoke { pattern });
    }

    /// The preferences are read again, with these origins.
    pub(super) fn read_again(&mut self, allowed: &[&'static str]) {
        for origin in [ALLOWED, OTHER] {
            if !allowed.contains(&origin) {
                self.taken.insert(origin);
            }
        }
        let mut policy = self.policy.clone();
        policy.all_screens_allowed_origins = allowed
            .iter()
            .map(|origin| origin.parse().unwrap())
            .collect();
        self.event(Event::PolicyRead {
            policy: Box::new(policy),
            problems: Vec::new(),
        });
    }
}

fn end_of(world: &World, source: SourceId) -> Option<EndReason> {
    world.told.iter().find_map(|(told, event)| match event {
        SourceEvent::Ended(reason) if *told == source => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn the_user_stops_one_capture_and_the_others_go_on() {
    let mut world = World::new();
    let pages = [World::page(1, ALLOWED), World::page(2, OTHER)];
    let [first, second] = pages.each_ref().map(|page| world.capture(page));
    let session = world.core.overview().captures[0].session;
    world.event(Event::StopByUser { session });
    for source in first {
        assert_eq!(end_of(&world, source), Some(EndReason::StoppedByUser));
    }
    assert!(second.iter().all(|&source| !world.ended(source)));
    world.frames();
    assert_eq!(world.delivered.len(), 2);
    // Twice is not an error, and the page may ask again.
    world.event(Event::StopByUser { session });
    assert_eq!(world.core.counters().refused_requests, 0);
    world.capture(&pages[0]);
}

#[test]
fn a_revoked_origin_is_stopped_at_once_and_refused_from_then_on() {
    let mut world = World::new();
    let pages = [World::page(1, ALLOWED), World::page(2, OTHER)];
    let [first, second] = pages.each_ref().map(|page| world.capture(page));
    world.revoke(ALLOWED);
    assert!(first.iter().all(|&source| world.ended(source)));
    assert!(second.iter().all(|&source| !world.ended(source)));
    let request = world.ask(&pages[0]);
    let refusal = world.replies[&request].clone().unwrap_err();
    let CaptureError::RefusedByPolicy(reason) = refusal else {
        panic!("{refusal:?}");
    };
    assert!(reason.contains("revoked"), "{reason}");
    let pattern = ALLOWED.to_owned();
    assert!(world.notices.contains(&CaptureNotice::Revoked { pattern }));
}

#[test]
fn a_call_that_waits_is_refused_when_its_origin_is_revoked() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let request = world.ask(&page);
    world.engine_answers(None);
    world.revoke(ALLOWED);
    assert!(world.replies[&request].is_err());
    world.settle();
    assert!(world.started.is_empty() && world.opened.is_empty());
}

#[test]
fn nobody_revokes_or_stops_where_only_the_administrator_may() {
    let mut world = World::locked_to_captures();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let session = world.core.overview().captures[0].session;
    world.event(Event::StopByUser { session });
    let pattern = ALLOWED.parse().unwrap();
    world.event(Event::Revoke { pattern });
    assert!(!world.ended(sources[0]));
    assert!(world.core.overview().policy.revoked_origins.is_empty());
    assert_eq!(world.core.counters().refused_requests, 2);
}

#[test]
fn an_origin_that_is_not_listed_any_more_is_stopped_with_the_reason_in_the_record() {
    let mut world = World::recorded();
    let pages = [World::page(1, ALLOWED), World::page(2, OTHER)];
    let [first, second] = pages.each_ref().map(|page| world.capture(page));
    world.read_again(&[OTHER]);
    let Some(EndReason::Refused(reason)) = end_of(&world, first[0]) else {
        panic!("not ended");
    };
    assert!(reason.contains("does not list"), "{reason}");
    assert!(second.iter().all(|&source| !world.ended(source)));
    let entries = &world.record.entries;
    let is_end = |entry: &RecordEntry| {
        matches!(entry, RecordEntry::End { origin, reason, .. }
            if origin == ALLOWED && reason.contains("does not list"))
    };
    assert!(entries.iter().any(is_end), "{entries:?}");
    let is_change = |entry: &RecordEntry| matches!(entry, RecordEntry::PolicyChange { .. });
    assert_eq!(entries.iter().filter(|entry| is_change(entry)).count(), 1);
}

#[test]
fn what_is_read_again_never_allows_more() {
    let mut world = World::new();
    let page = World::page(3, REFUSED);
    world.read_again(&[ALLOWED, OTHER, REFUSED]);
    let request = world.ask(&page);
    assert!(world.replies[&request].is_err());
    // What was taken away stays away.
    world.read_again(&[OTHER]);
    world.read_again(&[ALLOWED, OTHER]);
    let request = world.ask(&World::page(1, ALLOWED));
    assert!(world.replies[&request].is_err());
    assert!(world.notices.contains(&CaptureNotice::Narrowed));
}

#[test]
fn reading_the_same_again_is_no_news() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let before = world.notices.len();
    world.read_again(&[OTHER, ALLOWED]);
    assert!(!world.ended(sources[0]));
    assert_eq!(world.notices.len(), before);
}

#[test]
fn a_duty_to_record_that_comes_later_ends_what_may_not_be_recorded() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let mut policy = world.policy.clone();
    policy.record_required = true;
    world.event(Event::PolicyRead {
        policy: Box::new(policy),
        problems: Vec::new(),
    });
    assert!(world.ended(sources[0]));
    assert!(world.core.overview().policy.record_required);
}

#[test]
fn the_overview_tells_who_captures_which_monitors_since_when() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.advance(Duration::from_secs(3));
    let request = world.ask(&page);
    let waiting = world.core.overview().captures;
    assert_eq!(waiting[0].origin, ALLOWED);
    assert_eq!(waiting[0].granted_at, None);
    world.settle();
    let granted = world.replies[&request].clone().unwrap();
    for granted in &granted {
        let (client, source) = (page.client, granted.source);
        world.event(Event::Attach { client, source });
    }
    world.clone_source(&page, granted[0].source);
    let live = world.core.overview().captures.remove(0);
    let three = Timestamp::from_start(Duration::from_secs(3));
    assert_eq!(live.granted_at, Some(three));
    let labels: Vec<_> = live.monitors.iter().map(|m| m.label.as_str()).collect();
    assert_eq!(labels, ["M1", "M2"], "a clone is no further monitor");
    world.stop(&page, granted[1].source);
    assert_eq!(world.core.overview().captures[0].monitors.len(), 1);
    assert!(!world.core.overview().captures[0].monitors[0].is_muted);
    world.event(Event::ServerStalled { stalled: true });
    assert!(world.core.overview().captures[0].monitors[0].is_muted);
}

#[test]
fn a_capture_in_a_frame_ends_when_only_top_level_documents_may() {
    let mut world = World::new();
    let framed = Page {
        is_top_level: false,
        ..World::page(1, ALLOWED)
    };
    let page = World::page(2, ALLOWED);
    let (in_frame, in_tab) = (world.capture(&framed), world.capture(&page));
    let mut policy = world.policy.clone();
    policy.top_level_only = true;
    world.event(Event::PolicyRead {
        policy: Box::new(policy),
        problems: Vec::new(),
    });
    assert!(matches!(
        end_of(&world, in_frame[0]),
        Some(EndReason::Refused(_))
    ));
    assert_eq!(end_of(&world, in_tab[0]), None);
}
