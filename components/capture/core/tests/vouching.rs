/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page's process says of itself, against what the constellation says.

use std::time::Duration;

use servo_capture_traits::{CaptureError, ClientId, EndReason, SourceEvent, SourceId};

use super::super::{CaptureNotice, Event, MAX_ORIGIN_BYTES, MAX_SESSIONS_PER_CLIENT, RequestId};
use super::world::{ALLOWED, Page, REFUSED, World, pipeline};
use crate::record::{RecordEntry, RefusalKind};

/// Whether a call was refused because nobody vouches for what it said.
fn is_unvouched(world: &World, request: RequestId) -> bool {
    matches!(world.replies[&request], Err(CaptureError::Unvouched(_)))
}

/// The kind of the last refusal of the record.
fn recorded(world: &World) -> Option<RefusalKind> {
    world
        .record
        .entries
        .iter()
        .rev()
        .find_map(|entry| match entry {
            RecordEntry::Refusal { kind, .. } => Some(*kind),
            _ => None,
        })
}

#[test]
fn a_process_of_another_site_cannot_claim_a_listed_origin() {
    let mut world = World::new();
    let evil = World::page(1, REFUSED);
    world.place(&evil);
    for origin in [
        ALLOWED,
        "https://allowed.example:444",
        "https://www.allowed.example",
    ] {
        let request = world.ask_for(evil.client, evil.pipeline, origin);
        assert!(is_unvouched(&world, request), "{origin}");
    }
    assert!(world.engine.is_empty() && world.asked.is_empty());
    assert_eq!(world.core.counters().forged_origins, 3);
    assert_eq!(recorded(&world), Some(RefusalKind::Unvouched));
    let told = |notice: &CaptureNotice| matches!(notice, CaptureNotice::Refused { .. });
    assert_eq!(
        world.notices.iter().filter(|notice| told(notice)).count(),
        3
    );
}

#[test]
fn a_process_of_no_site_can_claim_none() {
    let mut world = World::new();
    let sandboxed = World::page(1, "null");
    world.place(&sandboxed);
    let request = world.ask_for(sandboxed.client, sandboxed.pipeline, ALLOWED);
    assert!(is_unvouched(&world, request));
    // What it is in truth, the policy refuses.
    let request = world.ask(&sandboxed);
    let refused = matches!(
        world.replies[&request],
        Err(CaptureError::RefusedByPolicy(_))
    );
    assert!(refused);
}

#[test]
fn a_client_that_nobody_placed_or_that_is_gone_gets_nothing() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let request = world.ask_for(page.client, page.pipeline, ALLOWED);
    assert!(is_unvouched(&world, request));
    world.capture(&page);
    world.event(Event::ClientGone {
        client: page.client,
    });
    assert!(!world.core.knows_client(page.client));
    let request = world.ask(&page);
    assert!(is_unvouched(&world, request));
}

#[test]
fn the_first_word_on_a_document_stands() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let thief = World::page(1, ALLOWED);
    world.place(&page);
    world.place(&thief);
    world.event(Event::PipelinePlaced {
        pipeline: page.pipeline,
        client: thief.client,
        is_top_level: false,
    });
    let request = world.ask_for(thief.client, thief.pipeline, ALLOWED);
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::BadRequest(_))
    ));
    assert_eq!(world.core.is_top_level(page.pipeline), Some(true));
    world.capture(&page);
}

#[test]
fn a_call_that_overtakes_the_word_on_its_document_waits_for_it() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.place(&page);
    let request = world.ask_for(page.client, pipeline(2), ALLOWED);
    assert!(world.replies.is_empty() && world.engine.is_empty());
    let frame = Page {
        pipeline: pipeline(2),
        ..page
    };
    world.place(&frame);
    world.settle();
    assert_eq!(world.replies[&request].as_ref().map(Vec::len), Ok(2));
}

#[test]
fn a_call_waits_ten_seconds_for_that_word_and_for_no_other_documents() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.place(&page);
    let request = world.ask_for(page.client, pipeline(2), ALLOWED);
    world.place(&World::page(3, ALLOWED));
    world.advance(Duration::from_millis(9900));
    assert!(world.replies.is_empty() && world.engine.is_empty());
    world.advance(Duration::from_millis(200));
    assert!(is_unvouched(&world, request));
    assert!(world.core.is_idle());
}

#[test]
fn waiting_for_a_word_has_a_limit() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.place(&page);
    for number in 0..MAX_SESSIONS_PER_CLIENT as u32 {
        world.ask_for(page.client, pipeline(100 + number), ALLOWED);
    }
    let request = world.ask_for(page.client, pipeline(2), ALLOWED);
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::TooMany { .. })
    ));
    assert_eq!(world.replies.len(), 1);
}

#[test]
fn an_absurdly_long_origin_is_refused_and_kept_nowhere() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.place(&page);
    let origin = format!("https://{}.allowed.example", "a".repeat(1 << 20));
    let request = world.ask_for(page.client, page.pipeline, &origin);
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::BadRequest(_))
    ));
    assert_eq!(world.core.counters().refused_requests, 1);
    let Some(RecordEntry::Refusal { origin, .. }) = world.record.entries.last() else {
        panic!("not recorded");
    };
    assert!(origin.len() <= MAX_ORIGIN_BYTES);
}

#[test]
fn stopping_twice_and_reviving_what_is_over_is_counted_and_does_nothing() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    for &source in &sources {
        world.stop(&page, source);
        world.stop(&page, source);
    }
    assert_eq!(world.core.counters().stale_requests, 2);
    // A page that stops twice does nothing wrong, and is told of no end.
    assert_eq!(world.core.counters().refused_requests, 0);
    assert!(!sources.iter().any(|source| world.ended(*source)));
    let client = page.client;
    let clone = SourceId::random();
    for event in [
        Event::Attach {
            client,
            source: sources[0],
        },
        Event::Clone {
            client,
            source: sources[0],
            clone,
        },
        Event::Release {
            client,
            source: sources[0],
            sequence: 1,
        },
    ] {
        world.event(event);
    }
    assert_eq!(world.core.counters().stale_requests, 4);
    let refused = |(_, event): &&(SourceId, SourceEvent)| {
        matches!(event, SourceEvent::Ended(EndReason::Refused(_)))
    };
    assert_eq!(world.told.iter().filter(refused).count(), 2);
    assert!(world.core.is_idle() && world.started.is_empty());
}

#[test]
fn a_thousand_strangers_names_are_tried_in_vain() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let thief = ClientId::next();
    for number in 0..1000 {
        world.event(Event::Stop {
            client: thief,
            source: SourceId::from_u128(number),
        });
    }
    assert_eq!(world.core.counters().stale_requests, 1000);
    world.frames();
    assert_eq!(world.delivered.len(), sources.len());
}
