/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What reaches a page, and when nothing is even read.

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::{CaptureError, CursorMode, Damage, FrameFormat, SourceEvent, SourceId};

use super::super::Event;
use super::world::{ALLOWED, OTHER, Page, World};
use crate::grabber::GrabError;
use crate::monitor::tests::monitor;

fn captured() -> (World, Page, Vec<SourceId>) {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let sources = world.capture(&page);
    (world, page, sources)
}

/// A part of the first monitor, halved, five times a second.
fn small() -> FrameFormat {
    FrameFormat {
        crop: Box2D::new(Point2D::new(0, 0), Point2D::new(4, 4)),
        size: Size2D::new(2, 2),
        frame_rate: 5.0,
        cursor: CursorMode::Always,
    }
}

fn muted(world: &World, source: SourceId) -> Vec<bool> {
    let told = world.told.iter().filter(|(told, _)| *told == source);
    told.filter_map(|(_, event)| match event {
        SourceEvent::Muted(muted) => Some(*muted),
        _ => None,
    })
    .collect()
}

#[test]
fn nothing_is_read_while_the_indicator_is_lost_and_all_is_shown_anew_after() {
    let (mut world, _, sources) = captured();
    world.frames();
    world.indicator_is_lost();
    assert!(world.started.values().all(|started| started.paused));
    // One that was under way.
    world.frame(sources[0]);
    assert_eq!(world.started[&sources[0]].released, [2]);
    world.settle();
    assert!(world.started.values().all(|started| !started.paused));
    assert_eq!(world.started[&sources[0]].refreshed, 1);
    assert_eq!(world.started[&sources[1]].refreshed, 0);
    world.delivered.clear();
    world.frames();
    let damage = |source| {
        let mut delivered = world.delivered.iter();
        let (_, frame) = delivered.find(|(delivered, _)| *delivered == source)?;
        Some(frame.damage.clone())
    };
    assert_eq!(damage(sources[0]), Some(Damage::Whole), "it missed one");
    assert_eq!(damage(sources[1]), Some(Damage::nothing()));
}

#[test]
fn a_source_that_is_attached_without_indicator_begins_when_it_is_there() {
    let mut world = World::new();
    let page = World::page(1, ALLOWED);
    let request = world.ask(&page);
    world.settle();
    let granted = world.replies[&request].clone().unwrap();
    world.indicator_is_lost();
    world.event(Event::Attach {
        client: page.client,
        source: granted[0].source,
    });
    assert!(world.started.is_empty());
    world.settle();
    assert_eq!(world.started.len(), 1);
}

#[test]
fn a_format_is_answered_with_its_settings_and_frames_obey_it() {
    let (mut world, page, sources) = captured();
    let request = world.configure(&page, sources[0], small());
    let settings = world.configured[&request].clone().unwrap();
    assert_eq!(settings.size, small().size);
    assert_eq!(settings.frame_rate, 5.0);
    assert_eq!(settings.cursor.to_string(), "always");
    // One of the old size was under way.
    assert_eq!(world.started[&sources[0]].format, small());
    world.frames();
    assert_eq!(
        world.delivered[0].1.size.area() + world.delivered[1].1.size.area(),
        4 + 16
    );
    // A clone begins like its original and goes its own way.
    let clone = world.clone_source(&page, sources[0]);
    assert_eq!(world.started[&clone].format, small());
    world.configure(&page, sources[0], FrameFormat::native(Size2D::new(8, 4)));
    assert_eq!(world.started[&clone].format, small());
}

#[test]
fn a_format_that_the_surface_cannot_have_changes_nothing() {
    let (mut world, page, sources) = captured();
    let stranger = World::page(2, OTHER);
    let native = FrameFormat::native(Size2D::new(8, 4));
    let mut larger = native;
    larger.size = Size2D::new(9, 4);
    let mut endless = native;
    endless.frame_rate = f64::NAN;
    for (page, source, format) in [
        (&page, sources[0], larger),
        (&page, sources[0], endless),
        (&page, sources[0], FrameFormat::native(Size2D::new(9, 4))),
        (&stranger, sources[0], small()),
        (&page, SourceId::random(), small()),
    ] {
        let request = world.configure(page, source, format);
        let result = &world.configured[&request];
        assert!(
            matches!(result, Err(CaptureError::BadRequest(_))),
            "{format:?}"
        );
    }
    assert_eq!(world.started[&sources[0]].format, native);
}

#[test]
fn a_new_mode_shows_the_whole_monitor_at_the_same_rate_and_with_the_same_cursor() {
    let (mut world, page, sources) = captured();
    world.configure(&page, sources[0], small());
    world.monitors[0] = monitor(1, 0, 0, 6, 6);
    world.layout_changed();
    let settings = world.told.iter().find_map(|(source, event)| match event {
        SourceEvent::Changed { settings, .. } if *source == sources[0] => Some(settings.clone()),
        _ => None,
    });
    let settings = settings.expect("it was told");
    assert_eq!(settings.size, Size2D::new(6, 6));
    assert_eq!(
        (settings.frame_rate, settings.cursor),
        (5.0, CursorMode::Always)
    );
    let format = world.started[&sources[0]].format;
    assert!(format.is_native(Size2D::new(6, 6)) && format.frame_rate == 5.0);
    // Moving a monitor is no new mode.
    world.settle();
    world.configure(&page, sources[0], small());
    world.monitors[0] = monitor(1, 50, 0, 6, 6);
    world.layout_changed();
    assert_eq!(world.started[&sources[0]].format, small());
}

#[test]
fn a_silent_display_server_mutes_until_it_answers_or_is_given_up() {
    let (mut world, _, sources) = captured();
    world.event(Event::ServerStalled { stalled: true });
    assert_eq!(muted(&world, sources[1]), [true]);
    // The indicator's return does not unmute what the server does not answer.
    world.indicator_is_lost();
    world.settle();
    assert_eq!(muted(&world, sources[1]), [true]);
    world.event(Event::ServerStalled { stalled: false });
    assert_eq!(muted(&world, sources[1]), [true, false]);
    world.event(Event::ServerStalled { stalled: true });
    let error = GrabError::Disconnected("silent for 20 s".to_owned());
    world.event(Event::DisplayServerLost { error });
    assert!(world.ended(sources[0]));
    // A new connection begins without the old one's silence.
    let next = world.capture(&World::page(3, OTHER));
    world.indicator_is_lost();
    world.settle();
    assert_eq!(muted(&world, next[0]), [true, false]);
}

#[test]
fn a_page_that_releases_nothing_is_remembered_within_bounds() {
    let (mut world, page, sources) = captured();
    for _ in 0..500 {
        world.frame(sources[0]);
    }
    let release = |sequence| Event::Release {
        client: page.client,
        source: sources[0],
        sequence,
    };
    let before = world.core.counters().refused_requests;
    world.event(release(500));
    world.event(release(1));
    assert_eq!(world.started[&sources[0]].released, [500]);
    assert_eq!(world.core.counters().refused_requests, before + 1);
}
