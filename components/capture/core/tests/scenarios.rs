/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One claim, one test.

use std::time::Duration;

use servo_capture_traits::{CaptureError, ClientId, EndReason, SourceEvent};

use super::super::{EngineCommand, Event, MAX_SESSIONS_PER_CLIENT};
use super::world::{ALLOWED, OTHER, REFUSED, World};
use crate::grabber::GrabError;
use crate::monitor::tests::monitor;

#[test]
fn an_allowed_origin_gets_a_source_for_every_monitor_in_order() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let request = world.ask(&page);
    world.settle();
    let granted = world.replies[&request].clone().unwrap();
    let labels: Vec<_> = granted
        .iter()
        .map(|granted| &*granted.screen.label)
        .collect();
    assert_eq!(labels, ["M1", "M2"]);
    assert_eq!(granted[0].settings.size, monitor(1, 0, 0, 8, 4).size());
    assert_ne!(granted[0].device_id, granted[1].device_id);
}

#[test]
fn an_origin_that_is_not_listed_sees_nothing_read_and_nothing_shown() {
    for origin in [REFUSED, "null", "", "https://allowed.example.evil"] {
        let mut world = World::new();
        let page = World::page(1, origin);
        let request = world.ask(&page);
        let refused = matches!(
            world.replies[&request],
            Err(CaptureError::RefusedByPolicy(_))
        );
        assert!(refused, "{origin}");
        assert!(world.engine.is_empty() && world.asked.is_empty());
    }
}

#[test]
fn nothing_is_read_before_the_indicator_is_confirmed() {
    let mut world = World::new();
    world.ask(&World::page(1, ALLOWED));
    world.engine_answers(None);
    assert!(world.engine.is_empty());
    assert_eq!(world.asked.len(), 1);
    world.indicator_answers(true);
    assert!(matches!(
        world.engine.front(),
        Some(EngineCommand::Open { .. })
    ));
}

#[test]
fn without_an_indicator_there_is_no_capture() {
    let mut world = World::new();
    let request = world.ask(&World::page(1, ALLOWED));
    world.engine_answers(None);
    world.indicator_answers(false);
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::NoIndicator(_))
    ));
    assert!(world.engine.is_empty() && world.opened.is_empty());
}

#[test]
fn one_monitor_that_cannot_be_read_fails_the_whole_call() {
    let mut world = World::new();
    let request = world.ask(&World::page(1, ALLOWED));
    world.engine_answers(None);
    world.indicator_answers(true);
    let error = GrabError::Unreadable {
        monitor: world.monitors[1].id,
        reason: "locked".to_owned(),
    };
    world.engine_answers(Some(error));
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::NotReadable(_))
    ));
    assert!(world.opened.is_empty() && world.started.is_empty());
}

#[test]
fn a_platform_that_cannot_capture_says_what_it_lacks() {
    let mut world = World::new();
    let request = world.ask(&World::page(1, ALLOWED));
    world.engine_answers(Some(GrabError::NoDisplayServer(
        "DISPLAY is not set".into(),
    )));
    let Err(CaptureError::PlatformLimitation(reason)) = &world.replies[&request] else {
        panic!("{:?}", world.replies[&request]);
    };
    assert!(reason.contains("DISPLAY is not set"));
    assert!(world.asked.is_empty());
}

#[test]
fn any_other_failure_aborts() {
    let mut world = World::new();
    let request = world.ask(&World::page(1, ALLOWED));
    world.engine_answers(None);
    world.indicator_answers(true);
    world.engine_answers(Some(GrabError::Disconnected("reset".into())));
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::Aborted(_))
    ));
}

#[test]
fn a_request_that_nobody_answers_is_aborted() {
    let mut world = World::new();
    let request = world.ask(&World::page(1, ALLOWED));
    world.advance(Duration::from_secs(11));
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::Aborted(_))
    ));
}

#[test]
fn the_indicator_stays_exactly_five_seconds_after_the_last_capture() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.advance(Duration::from_secs(60));
    for source in sources {
        world.stop(&page, source);
    }
    let ended = world.now;
    world.settle();
    let (content, _) = world.shown.clone().unwrap();
    assert!(!content.live);
    world.advance(Duration::from_millis(4999));
    assert!(world.hidden_at.is_empty());
    world.advance(Duration::from_millis(1));
    assert_eq!(world.hidden_at, [ended.after(Duration::from_secs(5))]);
}

#[test]
fn a_capture_within_the_five_seconds_keeps_the_indicator() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    for source in world.capture(&page) {
        world.stop(&page, source);
    }
    world.advance(Duration::from_secs(3));
    world.capture(&page);
    world.advance(Duration::from_secs(60));
    assert!(world.hidden_at.is_empty());
}

#[test]
fn the_words_about_a_past_capture_do_not_announce_a_new_one() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    for source in world.capture(&page) {
        world.stop(&page, source);
    }
    world.settle();
    world.ask(&page);
    world.engine_answers(None);
    assert!(
        world.engine.is_empty(),
        "opened before the new words are shown"
    );
    world.indicator_answers(true);
    assert_eq!(world.engine.len(), 1);
}

#[test]
fn two_calls_are_independent_and_both_origins_are_shown() {
    let mut world = World::new();
    let (first, second) = (World::page(1, ALLOWED), World::page(2, OTHER));
    let firsts = world.capture(&first);
    let seconds = world.capture(&second);
    assert_eq!(world.shown.clone().unwrap().0.origins, [ALLOWED, OTHER]);
    for source in firsts {
        world.stop(&first, source);
    }
    world.settle();
    world.frames();
    assert_eq!(world.shown.clone().unwrap().0.origins, [OTHER]);
    let delivered: Vec<_> = world.delivered.iter().map(|(source, _)| *source).collect();
    assert_eq!(delivered.len(), 2);
    assert!(seconds.iter().all(|source| delivered.contains(source)));
}

#[test]
fn a_clone_lives_on_when_its_original_is_stopped() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let clone = world.clone_source(&page, sources[0]);
    for source in sources {
        world.stop(&page, source);
    }
    world.frames();
    assert_eq!(world.delivered.last().unwrap().0, clone);
    assert!(world.core.live_devices().len() == 1);
    world.stop(&page, clone);
    assert!(world.core.is_idle());
}

#[test]
fn another_client_can_neither_take_stop_nor_clone_a_source() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let thief = ClientId::next();
    let clone = servo_capture_traits::SourceId::random();
    world.event(Event::Stop {
        client: thief,
        source: sources[0],
    });
    world.event(Event::Attach {
        client: thief,
        source: sources[0],
    });
    world.event(Event::Clone {
        client: thief,
        source: sources[0],
        clone,
    });
    world.event(Event::Release {
        client: thief,
        source: sources[0],
        sequence: 1,
    });
    assert!(!world.core.may_keep_sink(thief, sources[0]));
    assert!(world.ended(clone));
    assert!(world.started.contains_key(&sources[0]));
    assert_eq!(world.started.len(), 2);
    assert!(world.core.counters().refused_requests >= 3);
}

#[test]
fn a_document_of_another_client_is_refused() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.capture(&page);
    let mut forged = World::page(1, ALLOWED);
    forged.client = ClientId::next();
    let request = world.ask(&forged);
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::BadRequest(_))
    ));
}

#[test]
fn unplugging_a_monitor_ends_only_its_track() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.monitors.remove(0);
    world.layout_changed();
    world.settle();
    world.frames();
    assert!(world.ended(sources[0]) && !world.ended(sources[1]));
    assert!(matches!(
        world.told[0].1,
        SourceEvent::Ended(EndReason::MonitorRemoved)
    ));
    assert_eq!(world.delivered.last().unwrap().0, sources[1]);
}

#[test]
fn swapping_monitors_keeps_each_track_on_its_monitor() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let size = world.monitors[0].size();
    world.monitors = vec![monitor(2, 0, 0, 4, 4), monitor(1, 4, 0, 8, 4)];
    world.layout_changed();
    world.settle();
    world.frames();
    let (_, frame) = world
        .delivered
        .iter()
        .find(|(source, _)| *source == sources[0])
        .unwrap();
    assert_eq!(frame.size, size);
    let changed = world
        .told
        .iter()
        .filter(|(_, event)| matches!(event, SourceEvent::Changed { .. }));
    assert_eq!(changed.count(), 2);
}

#[test]
fn frames_of_a_moved_monitor_wait_for_the_indicator_at_its_new_place() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    world.capture(&page);
    world.monitors[0] = monitor(1, 100, 100, 16, 8);
    world.layout_changed();
    world.frames();
    let before = world.delivered.len();
    assert_eq!(before, 1, "only the other monitor's frame");
    world.settle();
    world.frames();
    assert_eq!(world.delivered.len(), before + 2);
}

#[test]
fn leaving_the_page_ends_its_captures_and_refuses_what_was_under_way() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.event(Event::PipelineActivity {
        pipeline: page.pipeline,
        active: false,
    });
    assert!(world.core.is_idle() && world.started.is_empty());
    assert!(sources.iter().all(|&source| world.ended(source)));
    let request = world.ask(&page);
    assert_eq!(world.replies[&request], Err(CaptureError::DocumentInactive));
    world.event(Event::PipelineActivity {
        pipeline: page.pipeline,
        active: true,
    });
    world.capture(&page);
}

#[test]
fn a_document_that_goes_while_it_waits_is_answered() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let request = world.ask(&page);
    world.event(Event::PipelineGone {
        pipeline: page.pipeline,
    });
    assert_eq!(world.replies[&request], Err(CaptureError::DocumentInactive));
    world.settle();
    assert!(world.core.is_idle());
}

#[test]
fn a_lost_indicator_stops_frames_until_it_is_back_and_the_capture_if_it_stays_lost() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    world.indicator_is_lost();
    world.frames();
    assert!(world.delivered.is_empty());
    world.settle();
    world.frames();
    assert_eq!(world.delivered.len(), 2);
    let muted: Vec<_> = world
        .told
        .iter()
        .filter(|(source, _)| *source == sources[0])
        .map(|(_, event)| matches!(event, SourceEvent::Muted(true)))
        .collect();
    assert_eq!(muted, [true, false]);
    world.indicator_is_lost();
    world.indicator_answers(false);
    assert!(sources.iter().all(|&source| world.ended(source)));
    assert!(world.core.is_idle());
}

#[test]
fn a_failed_change_of_the_indicator_stops_frames_even_if_a_newer_one_is_under_way() {
    let mut world = World::new();
    world.capture(&World::page(1, ALLOWED));
    world.monitors[0] = monitor(1, 100, 100, 16, 8);
    world.layout_changed();
    world.monitors[0] = monitor(1, 200, 100, 16, 8);
    world.layout_changed();
    assert_eq!(world.asked.len(), 2);
    world.indicator_answers(false);
    world.frames();
    assert!(world.delivered.is_empty());
    world.indicator_answers(true);
    world.frames();
    assert_eq!(world.delivered.len(), 2);
}

#[test]
fn a_lost_display_server_ends_every_capture() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    let error = GrabError::Disconnected("killed".to_owned());
    world.event(Event::DisplayServerLost { error });
    assert!(sources.iter().all(|&source| world.ended(source)));
    assert!(world.core.is_idle());
}

#[test]
fn a_client_cannot_have_calls_without_end() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    for _ in 0..MAX_SESSIONS_PER_CLIENT {
        world.ask(&page);
    }
    let request = world.ask(&page);
    assert!(matches!(
        world.replies[&request],
        Err(CaptureError::TooMany { .. })
    ));
}

#[test]
fn a_client_whose_process_ended_captures_nothing() {
    let mut world = World::new();
    let (gone, other) = (World::page(1, ALLOWED), World::page(2, OTHER));
    world.capture(&gone);
    let kept = world.capture(&other);
    let waiting = world.ask(&gone);
    world.event(Event::ClientGone {
        client: gone.client,
    });
    assert!(world.replies.contains_key(&waiting));
    let started: Vec<_> = world.started.keys().copied().collect();
    assert_eq!(started.len(), kept.len());
    assert!(kept.iter().all(|source| started.contains(source)));
}

#[test]
fn a_flooding_client_loses_its_captures_and_nobody_else_does() {
    let mut world = World::new();
    let (flooder, other) = (World::page(1, ALLOWED), World::page(2, OTHER));
    let lost = world.capture(&flooder);
    let kept = world.capture(&other);
    world.event(Event::ClientFlooded {
        client: flooder.client,
    });
    assert!(lost.iter().all(|&source| world.ended(source)));
    assert!(kept.iter().all(|&source| !world.ended(source)));
}

#[test]
fn exit_takes_the_indicator_down_at_once() {
    let mut world = World::new();
    world.capture(&World::page(1, ALLOWED));
    world.event(Event::Exit);
    assert_eq!(world.hidden_at, [world.now]);
    assert!(world.core.is_idle() && world.started.is_empty());
}

#[test]
fn the_device_maps_follow_the_captures() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    assert!(world.core.accessible_devices().is_empty());
    let sources = world.capture(&page);
    assert_eq!(world.core.live_devices().len(), 2);
    world.stop(&page, sources[0]);
    assert_eq!(world.core.live_devices().len(), 1);
    assert_eq!(world.core.accessible_devices().len(), 2);
    world.stop(&page, sources[1]);
    assert!(world.core.live_devices().is_empty());
    assert!(world.core.accessible_devices().is_empty());
}

#[test]
fn a_document_in_a_frame_is_refused_where_only_top_level_documents_may_capture() {
    let mut world = World::without_frames();
    let mut page = World::page(1, ALLOWED);
    page.is_top_level = false;
    let request = world.ask(&page);
    assert!(matches!(
        &world.replies[&request],
        Err(CaptureError::RefusedByPolicy(_))
    ));
    assert!(world.engine.is_empty(), "a refused call looks at nothing");
    let page = World::page(2, ALLOWED);
    assert!(!world.capture(&page).is_empty());
}
