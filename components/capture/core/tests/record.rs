/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is recorded, and what it means that it cannot be.

use std::time::Duration;

use servo_capture_traits::{CaptureError, EndReason, SourceEvent};

use super::super::{Event, SessionId};
use super::world::{ALLOWED, REFUSED, World};
use crate::record::{FaultOutcome, RecordEntry, RecordError, RefusalKind};

/// A record that works or fails as the test says.
#[derive(Default)]
pub(super) struct Record {
    pub(super) fails: bool,
    pub(super) entries: Vec<RecordEntry>,
    has_lost: bool,
    is_failing: bool,
    events: Vec<Event>,
}

impl Record {
    pub(super) fn write(&mut self, entry: RecordEntry) {
        if self.fails && !self.is_failing {
            let error = RecordError::NoPlace;
            self.events.push(Event::RecordFailed { error });
        }
        self.is_failing = self.fails;
        self.has_lost |= self.fails;
        if let RecordEntry::Grant { session, .. } = entry {
            self.events.push(Event::GrantRecorded {
                session: SessionId(session),
                result: if self.fails {
                    Err(RecordError::NoPlace)
                } else {
                    Ok(())
                },
            });
        }
        if !self.fails {
            self.entries.push(entry);
        }
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn starts_and_stops(&self, label: &str) -> (usize, usize) {
        let (mut starts, mut stops) = (0, 0);
        for entry in &self.entries {
            match entry {
                RecordEntry::Start { monitor, .. } if monitor.label == label => starts += 1,
                RecordEntry::Stop { monitor, .. } if monitor.label == label => stops += 1,
                _ => {}
            }
        }
        (starts, stops)
    }

    pub(super) fn has_started(&self, label: &str) -> bool {
        let (starts, stops) = self.starts_and_stops(label);
        starts > stops
    }

    /// Whatever began has ended, unless the record had gaps.
    pub(super) fn check_balance(&self) {
        let mut live: Vec<u64> = Vec::new();
        for entry in &self.entries {
            match entry {
                RecordEntry::Grant { session, .. } => live.push(*session),
                RecordEntry::Start { session, .. } | RecordEntry::Stop { session, .. } => {
                    assert!(live.contains(session), "{entry:?} outside of a grant");
                }
                RecordEntry::End { session, .. } => live.retain(|other| other != session),
                _ => {}
            }
        }
        if !self.has_lost {
            assert!(live.is_empty(), "{live:?} have no end");
            for label in ["M1", "M2", "M3", "M4"] {
                let (starts, stops) = self.starts_and_stops(label);
                assert_eq!(starts, stops, "{label}");
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let name = |entry| serde_json::to_value(entry).unwrap()["event"].clone();
        let names = self.entries.iter().map(name);
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn a_capture_is_recorded_from_its_grant_to_its_end() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.advance(Duration::from_millis(5));
    let sources = world.capture(&page);
    world.frames();
    world.stop(&page, sources[0]);
    world.event(Event::PipelineGone {
        pipeline: page.pipeline,
    });
    assert_eq!(
        world.record.names(),
        ["grant", "start", "start", "stop", "stop", "end"]
    );
    let RecordEntry::Grant {
        origin,
        monitors,
        indicator_confirmed_us,
        ..
    } = &world.record.entries[0]
    else {
        panic!("no grant");
    };
    assert_eq!((&**origin, *indicator_confirmed_us), (ALLOWED, 5000));
    assert_eq!(monitors.len(), 2);
    assert_eq!((monitors[1].x, monitors[1].width), (8, 4));
    let reason = |entry: &RecordEntry| match entry {
        RecordEntry::Stop { reason, .. } | RecordEntry::End { reason, .. } => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&world.record.entries[3]), "the page stopped it");
    assert_eq!(
        reason(&world.record.entries[5]),
        EndReason::Closed.to_string()
    );
}

#[test]
fn a_clone_is_neither_a_start_nor_a_stop() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let clone = world.clone_source(&page, sources[0]);
    world.stop(&page, sources[0]);
    assert_eq!(world.record.names(), ["grant", "start", "start"]);
    world.stop(&page, clone);
    assert_eq!(world.record.names()[3..], ["stop"]);
}

#[test]
fn where_the_record_is_required_its_failure_refuses_and_nothing_is_granted() {
    let mut world = World::recorded();
    world.record.fails = true;
    let page = World::page(1, ALLOWED);
    for _ in 0..2 {
        let request = world.ask(&page);
        world.settle();
        let Err(CaptureError::RefusedByPolicy(reason)) = &world.replies[&request] else {
            panic!("{:?}", world.replies[&request]);
        };
        // What is wrong with the place of the record is nothing for a page.
        assert!(!reason.contains("XDG_STATE_HOME"), "{reason}");
    }
    assert!(world.opened.is_empty() && world.core.is_idle());
    world.record.fails = false;
    world.capture(&page);
}

#[test]
fn where_the_record_is_not_required_its_failure_changes_nothing() {
    let mut world = World::new();
    world.record.fails = true;
    let sources = world.capture(&World::page(1, ALLOWED));
    world.frames();
    assert_eq!(world.delivered.len(), sources.len());
}

#[test]
fn a_start_that_cannot_be_recorded_ends_the_capture_in_the_same_step() {
    let mut world = World::recorded();
    let page = World::page(1, ALLOWED);
    let request = world.ask(&page);
    world.settle();
    let granted = world.replies[&request].clone().unwrap();
    world.record.fails = true;
    world.event(Event::Attach {
        client: page.client,
        source: granted[0].source,
    });
    assert!(world.started.is_empty() && world.core.is_idle());
    assert!(world.ended(granted[0].source));
    world.frames();
    assert!(world.delivered.is_empty());
}

#[test]
fn a_running_capture_ends_when_any_entry_cannot_be_recorded() {
    let mut world = World::recorded();
    let sources = world.capture(&World::page(1, ALLOWED));
    world.record.fails = true;
    world.ask(&World::page(2, REFUSED));
    assert!(sources.iter().all(|&source| world.ended(source)));
    assert!(
        world
            .told
            .iter()
            .any(|(_, event)| matches!(event, SourceEvent::Ended(EndReason::Refused(_))))
    );
}

#[test]
fn a_page_that_is_refused_again_and_again_gets_one_entry_for_many() {
    let mut world = World::new();
    let page = World::page(1, REFUSED);
    for _ in 0..100 {
        world.ask(&page);
    }
    assert_eq!(world.record.entries.len(), 20);
    let other = World::page(2, "data:text/html,secret");
    world.ask(&other);
    world.advance(Duration::from_secs(60));
    assert!(world.core.next_deadline().is_none());
    let count = |entry: &RecordEntry| match entry {
        RecordEntry::Refusal { count, origin, .. } => (*count, origin.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(count(&world.record.entries[20]), (1, "null".to_owned()));
    assert_eq!(count(&world.record.entries[21]), (80, REFUSED.to_owned()));
    world.ask(&page);
    assert_eq!(world.record.entries.len(), 23);
}

#[test]
fn refusals_that_were_counted_are_recorded_at_exit() {
    let mut world = World::new();
    let page = World::page(1, REFUSED);
    for _ in 0..21 {
        world.ask(&page);
    }
    world.event(Event::Exit);
    assert_eq!(world.record.entries.len(), 21);
}

#[test]
fn a_lost_indicator_is_recorded_with_what_became_of_the_captures() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.capture(&page);
    let before = world.record.entries.len();
    world.indicator_is_lost();
    world.settle();
    let RecordEntry::IndicatorFault {
        sessions,
        outcome,
        reason,
    } = &world.record.entries[before]
    else {
        panic!("{:?}", world.record.entries[before]);
    };
    assert_eq!((&**sessions, *outcome), (&[1][..], FaultOutcome::Muted));
    assert!(reason.contains("unmapped"), "{reason}");
    assert_eq!(
        world.record.entries[before + 1],
        RecordEntry::IndicatorRestored { sessions: vec![1] }
    );
    world.ask(&World::page(2, "https://other.example"));
    world.engine_answers(None);
    world.indicator_answers(false);
    let names = world.record.names();
    assert_eq!(
        names[before + 2..],
        ["indicator-fault", "stop", "stop", "end", "refusal"]
    );
}

#[test]
fn each_refusal_has_its_kind() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.ask(&World::page(2, REFUSED));
    world.ask(&page);
    world.engine_answers(None);
    world.indicator_answers(false);
    world.monitors.clear();
    world.ask(&page);
    world.settle();
    world.event(Event::PipelineGone {
        pipeline: page.pipeline,
    });
    world.ask(&page);
    let kinds: Vec<_> = world
        .record
        .entries
        .iter()
        .filter_map(|entry| match entry {
            RecordEntry::Refusal { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect();
    assert_eq!(
        kinds,
        [
            RefusalKind::Policy,
            RefusalKind::Indicator,
            RefusalKind::Platform,
            RefusalKind::InactiveDocument
        ]
    );
}

#[test]
fn problems_of_the_preferences_are_recorded_and_many_are_summed_up() {
    let mut world = World::new();
    let problems = (0..250).map(|number| format!("{number}")).collect();
    world.event(Event::PolicyProblems { problems });
    assert_eq!(world.record.entries.len(), 101);
    let last = RecordEntry::PolicyError {
        reason: "150 more problems of the preferences".to_owned(),
    };
    assert_eq!(world.record.entries.last(), Some(&last));
}
