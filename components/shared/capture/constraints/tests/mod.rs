/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Examples of what pages ask for.

mod oracle;
mod properties;

use euclid::{Box2D, Point2D, Rect, Size2D};

use super::Property::{
    AspectRatio, ChannelCount, Cursor, DeviceId, FacingMode, FrameRate, GroupId, Height,
    LogicalSurface, SampleRate, ScreenPixelRatio, Width,
};
use super::ResizeMode::CropAndScale;
use super::*;
use crate::{CursorMode, DisplaySurface, FrameFormat, ScreenInfo, SourceSettings};

pub(super) fn surface(width: u32, height: u32) -> SurfaceCapabilities {
    SurfaceCapabilities {
        size: Size2D::new(width, height),
        max_frame_rate: MAX_FRAME_RATE,
        cursors: vec![CursorMode::Never, CursorMode::Always],
        display_surface: DisplaySurface::Monitor,
        logical_surface: true,
        screen_pixel_ratio: 1.5,
        device_id: "device".to_owned(),
        group_id: "group".to_owned(),
    }
}

pub(super) fn number(min: Option<f64>, max: Option<f64>, exact: Option<f64>) -> Constraint {
    Constraint::Number(ConstrainNumber::Range {
        min,
        max,
        exact,
        ideal: None,
    })
}

fn min(value: f64) -> Constraint {
    number(Some(value), None, None)
}

fn max(value: f64) -> Constraint {
    number(None, Some(value), None)
}

fn exact(value: f64) -> Constraint {
    number(None, None, Some(value))
}

fn bare(value: f64) -> Constraint {
    Constraint::Number(ConstrainNumber::Bare(value))
}

fn bare_text(text: &str) -> Constraint {
    Constraint::Text(ConstrainText::Bare(Texts::One(text.to_owned())))
}

fn exact_text(texts: &[&str]) -> Constraint {
    Constraint::Text(ConstrainText::Parameters {
        exact: Some(Texts::Several(
            texts.iter().map(|text| (*text).to_owned()).collect(),
        )),
        ideal: None,
    })
}

fn basic<const N: usize>(set: [(Property, Constraint); N]) -> Constraints {
    Constraints {
        basic: ConstraintSet::from(set),
        advanced: None,
    }
}

fn select(
    surface: &SurfaceCapabilities,
    constraints: &Constraints,
) -> Result<TrackSettings, Overconstrained> {
    select_settings(&surface.candidates(), constraints)
}

/// Width, height and resize mode of a 1920x1080 monitor under constraints.
fn check_size<const N: usize>(set: [(Property, Constraint); N], expected: (u32, u32, ResizeMode)) {
    let constraints = basic(set);
    let settings = select(&surface(1920, 1080), &constraints).unwrap();
    let found = (settings.width, settings.height, settings.resize_mode);
    let expected = (Some(expected.0), Some(expected.1), Some(expected.2));
    assert_eq!(found, expected, "{constraints:?}");
}

/// The name in the error of a 1920x1080 monitor under constraints.
fn check_failure<const N: usize>(set: [(Property, Constraint); N], expected: &str) {
    let constraints = basic(set);
    let error = select(&surface(1920, 1080), &constraints).unwrap_err();
    assert_eq!(error.constraint, expected, "{constraints:?}");
    assert!(!error.message.is_empty());
}

#[test]
fn without_constraints_frames_are_the_surface_as_it_is() {
    let surface = surface(1920, 1080);
    let settings = select(&surface, &Constraints::default()).unwrap();
    assert_eq!(surface.format(&settings), FrameFormat::native(surface.size));
    assert_eq!(settings.resize_mode, Some(ResizeMode::None));
    assert_eq!(
        settings.value(AspectRatio),
        Some(Value::Number(1.7777777778))
    );
    assert_eq!(settings.device_id.as_deref(), Some("device"));
    assert_eq!(settings.screen_pixel_ratio, Some(1.5));
}

#[test]
fn one_wanted_length_is_met_and_the_other_keeps_the_aspect_ratio() {
    check_size([(Width, bare(1280.0))], (1280, 720, CropAndScale));
    check_size([(Height, bare(240.0))], (427, 240, CropAndScale));
    check_size([(Height, bare(300.0))], (533, 300, CropAndScale));
    check_size([(Width, exact(1.0))], (1, 1, CropAndScale));
    check_size([(Width, max(641.0))], (641, 361, CropAndScale));
}

#[test]
fn nothing_is_scaled_up() {
    check_size([(Width, bare(4000.0))], (1920, 1080, ResizeMode::None));
    check_failure([(Width, exact(1921.0))], "width");
    check_failure([(Height, min(1081.0))], "height");
}

#[test]
fn another_aspect_ratio_shows_as_much_of_the_surface_as_possible() {
    check_size(
        [(AspectRatio, exact(4.0 / 3.0))],
        (1440, 1080, CropAndScale),
    );
    check_size([(AspectRatio, bare(2.0))], (1920, 960, CropAndScale));
    check_size(
        [(Width, bare(640.0)), (Height, bare(480.0))],
        (640, 480, CropAndScale),
    );
}

#[test]
fn without_resizing_there_is_only_the_size_of_the_surface() {
    let none = || (Property::ResizeMode, exact_text(&["none"]));
    check_size(
        [(Width, bare(640.0)), none()],
        (1920, 1080, ResizeMode::None),
    );
    check_failure([(Width, exact(640.0)), none()], "");
    check_size(
        [(Property::ResizeMode, bare_text("crop-and-scale"))],
        (1920, 1080, CropAndScale),
    );
}

#[test]
fn requirements_that_exclude_each_other_are_all_named_by_none() {
    check_failure(
        [
            (Width, exact(100.0)),
            (Height, exact(100.0)),
            (AspectRatio, exact(2.0)),
        ],
        "",
    );
}

#[test]
fn the_first_impossible_requirement_is_named() {
    check_failure([(FrameRate, max(0.0)), (Height, max(0.0))], "height");
    check_failure([(FrameRate, max(-1.0))], "frameRate");
    check_failure([(FrameRate, min(MAX_FRAME_RATE + 1.0))], "frameRate");
    check_failure([(Width, number(Some(20.0), Some(10.0), None))], "width");
    check_failure([(DeviceId, exact_text(&["another"]))], "deviceId");
    check_failure([(GroupId, exact_text(&["INVALID"]))], "groupId");
    check_failure(
        [(Property::ResizeMode, exact_text(&["INVALID"]))],
        "resizeMode",
    );
    check_failure(
        [(Property::DisplaySurface, exact_text(&["window"]))],
        "displaySurface",
    );
    check_failure([(Cursor, exact_text(&["motion"]))], "cursor");
    check_failure([(ScreenPixelRatio, exact(2.0))], "screenPixelRatio");
    let logical = Constraint::Boolean(ConstrainBoolean::Parameters {
        exact: Some(false),
        ideal: None,
    });
    check_failure([(LogicalSurface, logical)], "logicalSurface");
}

#[test]
fn ideals_that_cannot_be_had_change_nothing() {
    check_size(
        [
            (DeviceId, bare_text("another")),
            (Property::ResizeMode, bare_text("INVALID")),
            (Property::DisplaySurface, bare_text("window")),
        ],
        (1920, 1080, ResizeMode::None),
    );
}

#[test]
fn an_empty_list_is_no_constraint() {
    check_size(
        [(DeviceId, exact_text(&[]))],
        (1920, 1080, ResizeMode::None),
    );
}

#[test]
fn constraints_on_sound_or_on_what_is_not_supported_are_ignored_for_pictures() {
    check_size(
        [
            (SampleRate, min(1e8)),
            (ChannelCount, max(0.0)),
            (FacingMode, exact_text(&["INVALID"])),
        ],
        (1920, 1080, ResizeMode::None),
    );
}

fn check_rate(constraint: Constraint, expected: f64) {
    let settings = select(&surface(20, 10), &basic([(FrameRate, constraint)])).unwrap();
    assert_eq!(settings.frame_rate, Some(expected));
}

#[test]
fn the_frame_rate_is_the_default_or_the_closest_to_the_ideal() {
    check_rate(max(100.0), 30.0);
    check_rate(max(5.0), 5.0);
    check_rate(min(50.0), 50.0);
    check_rate(bare(5.0), 5.0);
    check_rate(bare(1000.0), MAX_FRAME_RATE);
    check_rate(bare(-7.0), 30.0);
}

#[test]
fn the_cursor_is_the_first_mode_unless_asked_for() {
    let surface = surface(20, 10);
    let cursor = |set| select(&surface, &basic(set)).unwrap().cursor;
    assert_eq!(cursor([(Width, bare(1.0))]), Some(CursorMode::Never));
    let ideal = Constraint::Text(ConstrainText::Bare(Texts::Several(vec![
        "motion".to_owned(),
        "always".to_owned(),
    ])));
    assert_eq!(cursor([(Cursor, ideal)]), Some(CursorMode::Always));
}

#[test]
fn of_two_advanced_sets_that_exclude_each_other_the_first_wins() {
    let constraints = |first: f64, second: f64| Constraints {
        basic: ConstraintSet::from([(Width, min(640.0))]),
        advanced: Some(vec![
            ConstraintSet::from([(Width, bare(100.0))]),
            ConstraintSet::from([(Width, bare(first)), (Height, bare(720.0))]),
            ConstraintSet::from([(Width, bare(second))]),
            ConstraintSet::from([(FrameRate, min(50.0))]),
        ]),
    };
    for (first, second, expected) in [(1280.0, 800.0, 1280), (1e5, 800.0, 800)] {
        let settings = select(&surface(1920, 1080), &constraints(first, second)).unwrap();
        assert_eq!(settings.width, Some(expected));
        assert_eq!(settings.frame_rate, Some(50.0));
    }
}

#[test]
fn the_part_shown_is_in_the_middle() {
    let surface = surface(1280, 1024);
    let check = |width, height, min: (u32, u32), max: (u32, u32)| {
        let settings = TrackSettings {
            width: Some(width),
            height: Some(height),
            ..TrackSettings::default()
        };
        let expected = Box2D::new(Point2D::from(min), Point2D::from(max));
        assert_eq!(surface.format(&settings).crop, expected, "{width}x{height}");
    };
    check(1280, 720, (0, 152), (1280, 872));
    check(640, 512, (0, 0), (1280, 1024));
    check(213, 170, (0, 0), (1280, 1024));
    check(100, 200, (384, 0), (896, 1024));
}

#[test]
fn constraints_that_a_changed_surface_cannot_satisfy_are_ignored_while_it_cannot() {
    let constraints = basic([
        (Width, min(1600.0)),
        (Height, exact(720.0)),
        (FrameRate, max(5.0)),
    ]);
    let size = |surface: SurfaceCapabilities| {
        let settings = reselect(&surface.candidates(), &constraints);
        assert_eq!(settings.frame_rate, Some(5.0));
        (settings.width, settings.height)
    };
    assert_eq!(size(surface(1920, 1080)), (Some(1600), Some(720)));
    assert_eq!(size(surface(1280, 1024)), (Some(900), Some(720)));
    assert_eq!(size(surface(640, 480)), (Some(640), Some(480)));
    assert_eq!(size(surface(1920, 1080)), (Some(1600), Some(720)));
}

#[test]
fn of_requirements_that_only_exclude_each_other_the_later_is_ignored() {
    let constraints = basic([
        (Width, exact(100.0)),
        (Height, exact(100.0)),
        (AspectRatio, exact(2.0)),
    ]);
    let settings = reselect(&surface(1920, 1080).candidates(), &constraints);
    assert_eq!((settings.width, settings.height), (Some(100), Some(100)));
}

#[test]
fn a_source_that_tells_nothing_satisfies_no_requirement_that_applies_to_it() {
    let microphone = FixedCandidates {
        kind: TrackKind::Audio,
        settings: TrackSettings::default(),
    };
    let select = |set: &Constraints| select_settings(&microphone, set);
    assert_eq!(
        select(&basic([(SampleRate, bare(48000.0))])),
        Ok(TrackSettings::default())
    );
    assert_eq!(
        select(&basic([(Width, exact(640.0))])),
        Ok(TrackSettings::default())
    );
    let error = select(&basic([
        (SampleRate, exact(48000.0)),
        (DeviceId, exact_text(&["id"])),
    ]))
    .unwrap_err();
    assert_eq!(error.constraint, "sampleRate");
}

#[test]
fn an_ended_track_keeps_what_identifies_its_source() {
    let settings = select(&surface(20, 10), &Constraints::default()).unwrap();
    let inherent = settings.inherent();
    assert_eq!(inherent.value(DeviceId), settings.value(DeviceId));
    assert_eq!(inherent.value(GroupId), settings.value(GroupId));
    assert_eq!(inherent.value(Width), None);
    assert_eq!(inherent.value(AspectRatio), None);
}

#[test]
fn a_change_of_the_size_is_told_from_every_other_change() {
    let check = |bounds: (i32, i32), ratio: f32, frames: (u32, u32), expected: (u32, u32)| {
        let mut surface = surface(1921, 1081);
        let screen = ScreenInfo {
            bounds: Rect::new(Point2D::new(5, 5), Size2D::from(bounds)),
            available: Rect::new(Point2D::new(5, 5), Size2D::from(bounds)),
            device_pixel_ratio: ratio,
            color_depth: 24,
            is_primary: true,
            is_internal: false,
            label: String::new(),
        };
        let settings = SourceSettings {
            size: Size2D::from(frames),
            frame_rate: 30.0,
            surface: DisplaySurface::Monitor,
            cursor: CursorMode::Never,
            screen_pixel_ratio: ratio,
        };
        let is_resized = surface.update(&screen, &settings);
        assert_eq!(surface.size, Size2D::from(expected), "{bounds:?} {ratio}");
        assert_eq!(is_resized, expected != (1921, 1081));
        assert_eq!(surface.screen_pixel_ratio, f64::from(ratio));
    };
    // It was moved, with frames of its size and of another.
    check((1921, 1081), 1.0, (1921, 1081), (1921, 1081));
    check((1921, 1081), 1.0, (640, 360), (1921, 1081));
    // Another scale.
    check((1281, 720), 1.5, (640, 360), (1921, 1081));
    check((960, 541), 2.0, (640, 360), (1921, 1081));
    // Another mode, even if frames had this size before.
    check((1280, 720), 1.0, (1280, 720), (1280, 720));
    check((1921, 1080), 1.0, (1921, 1080), (1921, 1080));
}
