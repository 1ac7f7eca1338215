/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What holds for any constraints on any surface.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::fitness::number_distance;
use super::super::*;
use super::{oracle, surface};

/// A number around those that a small surface has.
fn value(property: Property) -> BoxedStrategy<f64> {
    match property {
        Property::AspectRatio => prop_oneof![
            (1..12u32, 1..12u32).prop_map(|(width, height)| f64::from(width) / f64::from(height)),
            -1.0..12.0,
        ]
        .boxed(),
        Property::FrameRate => prop_oneof![-1.0..70.0, Just(0.0), Just(30.0)].boxed(),
        Property::ScreenPixelRatio => prop_oneof![Just(1.5), Just(2.0)].boxed(),
        _ => (0..14u32).prop_map(f64::from).boxed(),
    }
}

fn number(property: Property) -> BoxedStrategy<Constraint> {
    let member = || option::weighted(0.3, value(property));
    prop_oneof![
        value(property).prop_map(ConstrainNumber::Bare),
        (
            member(),
            member(),
            option::weighted(0.1, value(property)),
            member()
        )
            .prop_map(|(min, max, exact, ideal)| ConstrainNumber::Range {
                min,
                max,
                exact,
                ideal
            }),
    ]
    .prop_map(Constraint::Number)
    .boxed()
}

fn text(values: &'static [&'static str]) -> BoxedStrategy<Constraint> {
    let one = || prop::sample::select(values).prop_map(str::to_owned);
    let texts = move || {
        prop_oneof![
            one().prop_map(Texts::One),
            vec(one(), 0..3).prop_map(Texts::Several),
        ]
    };
    prop_oneof![
        texts().prop_map(ConstrainText::Bare),
        (option::of(texts()), option::of(texts()))
            .prop_map(|(exact, ideal)| ConstrainText::Parameters { exact, ideal }),
    ]
    .prop_map(Constraint::Text)
    .boxed()
}

fn boolean() -> BoxedStrategy<Constraint> {
    prop_oneof![
        any::<bool>().prop_map(ConstrainBoolean::Bare),
        (option::of(any::<bool>()), option::of(any::<bool>()))
            .prop_map(|(exact, ideal)| ConstrainBoolean::Parameters { exact, ideal }),
    ]
    .prop_map(Constraint::Boolean)
    .boxed()
}

fn constraint(property: Property) -> BoxedStrategy<(Property, Constraint)> {
    let constraint = match property {
        Property::ResizeMode => text(&["none", "crop-and-scale", "other"]),
        Property::Cursor => text(&["never", "always", "motion"]),
        Property::DeviceId => text(&["device", "device", "other"]),
        Property::DisplaySurface => text(&["monitor", "monitor", "window"]),
        Property::LogicalSurface => boolean(),
        number_property => number(number_property),
    };
    constraint
        .prop_map(move |constraint| (property, constraint))
        .boxed()
}

fn set() -> impl Strategy<Value = ConstraintSet> {
    let properties = [
        Property::Width,
        Property::Width,
        Property::Height,
        Property::Height,
        Property::AspectRatio,
        Property::AspectRatio,
        Property::FrameRate,
        Property::ResizeMode,
        Property::Cursor,
        Property::SampleRate,
        Property::DeviceId,
        Property::DisplaySurface,
        Property::LogicalSurface,
        Property::ScreenPixelRatio,
    ];
    vec(
        prop::sample::select(properties.to_vec()).prop_flat_map(constraint),
        0..5,
    )
    .prop_map(|members| members.into_iter().collect())
}

fn constraints() -> impl Strategy<Value = Constraints> {
    (set(), option::of(vec(set(), 0..4)))
        .prop_map(|(basic, advanced)| Constraints { basic, advanced })
}

fn small_surface() -> impl Strategy<Value = SurfaceCapabilities> {
    (1..12u32, 1..12u32).prop_map(|(width, height)| surface(width, height))
}

fn large_surface() -> impl Strategy<Value = SurfaceCapabilities> {
    (1..5000u32, 1..5000u32).prop_map(|(width, height)| surface(width, height))
}

/// What holds for any settings of a surface.
fn check_settings(surface: &SurfaceCapabilities, settings: &TrackSettings) {
    let format = surface.format(settings);
    format.check(surface.size).unwrap();
    // No distortion: the part shown has the aspect ratio of the frames, to the
    // nearest pixel of the part or of the frames.
    let part = format.crop.size();
    let (width, height) = (f64::from(format.size.width), f64::from(format.size.height));
    let (part_width, part_height) = (f64::from(part.width), f64::from(part.height));
    let close = |one: f64, other: f64| (one.max(1.0) - other).abs() <= 0.5 + 1e-9;
    assert!(
        close(part_width * height / part_height, width)
            || close(part_height * width / part_width, height)
            || close(part_height * width / height, part_width)
            || close(part_width * height / width, part_height),
        "{format:?}"
    );
    // It touches two opposite edges of the surface.
    assert!(part.width == surface.size.width || part.height == surface.size.height);
    if settings.resize_mode == Some(ResizeMode::None) {
        assert!(format.is_native(surface.size));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_outcome_is_that_of_the_algorithm_as_it_is_written(
        surface in small_surface(),
        constraints in constraints(),
    ) {
        let (candidates, taken) = oracle::candidates(&surface, &constraints);
        match select_settings(&surface.candidates(), &constraints) {
            Ok(settings) => {
                check_settings(&surface, &settings);
                let least = candidates
                    .iter()
                    .map(|candidate| oracle::distance(candidate, &constraints))
                    .fold(f64::INFINITY, f64::min);
                let distance = oracle::distance(&settings, &constraints);
                prop_assert!((distance - least).abs() < 1e-9, "{distance} is not {least}: {settings:?}");
                for (set, taken) in constraints.advanced.iter().flatten().zip(taken) {
                    prop_assert!(!taken || oracle::satisfies(&settings, set), "{settings:?} {set:?}");
                }
            }
            Err(error) => {
                prop_assert!(candidates.is_empty());
                let impossible = oracle::impossible(&surface, &constraints);
                prop_assert_eq!(error.constraint, impossible.first().copied().unwrap_or_default());
            }
        }
    }

    #[test]
    fn settings_stay_within_the_surface_and_satisfy_what_is_required(
        surface in large_surface(),
        constraints in constraints(),
    ) {
        let candidates = surface.candidates();
        if let Ok(settings) = select_settings(&candidates, &constraints) {
            check_settings(&surface, &settings);
            prop_assert!(oracle::distance(&settings, &constraints).is_finite());
            prop_assert_eq!(&settings, &reselect(&candidates, &constraints));
            prop_assert_eq!(Ok(settings), select_settings(&candidates, &constraints));
        }
    }

    #[test]
    fn a_changed_surface_always_has_settings(
        surface in small_surface(),
        constraints in constraints(),
    ) {
        check_settings(&surface, &reselect(&surface.candidates(), &constraints));
    }

    #[test]
    fn advanced_sets_never_undo_what_is_required_or_an_earlier_set(
        surface in small_surface(),
        constraints in constraints(),
        later in set(),
    ) {
        let Ok(before) = select_settings(&surface.candidates(), &constraints) else {
            return Ok(());
        };
        let mut more = constraints.clone();
        more.advanced.get_or_insert_default().push(later);
        let after = select_settings(&surface.candidates(), &more);
        prop_assert!(after.is_ok(), "an advanced set made {constraints:?} fail");
        let after = after.unwrap();
        let (candidates, taken) = oracle::candidates(&surface, &constraints);
        prop_assert!(!candidates.is_empty());
        for (set, taken) in constraints.advanced.iter().flatten().zip(taken) {
            if taken {
                prop_assert!(oracle::satisfies(&before, set) && oracle::satisfies(&after, set));
            }
        }
        prop_assert!(oracle::distance(&before, &constraints) <= oracle::distance(&after, &constraints) + 1e-9);
    }

    #[test]
    fn fitness_is_monotone(
        ideal in 0.0..1e4f64,
        closer in 0.0..1e4f64,
        farther in 0.0..1e4f64,
        below in any::<bool>(),
    ) {
        let (closer, farther) = (closer.min(farther), closer.max(farther));
        let sign = if below { -1.0 } else { 1.0 };
        let actual = |distance: f64| (ideal + sign * distance).max(0.0);
        let near = number_distance(actual(closer), ideal);
        let far = number_distance(actual(farther), ideal);
        prop_assert!(near <= far);
        prop_assert!((0.0..=1.0).contains(&near));
        prop_assert_eq!(number_distance(ideal, ideal), 0.0);
    }

    #[test]
    fn every_more_constraint_makes_the_distance_no_smaller(
        surface in small_surface(),
        constraints in constraints(),
        more in set(),
    ) {
        let settings = reselect(&surface.candidates(), &constraints);
        let mut both = constraints.clone();
        for (property, constraint) in more {
            both.basic.entry(property).or_insert(constraint);
        }
        let distance = oracle::distance(&settings, &constraints);
        prop_assert!(distance <= oracle::distance(&settings, &both));
    }
}
