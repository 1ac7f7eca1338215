/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! SelectSettings as the spec writes it: every settings dictionary of a small
//! surface is made and looked at.

use euclid::Size2D;

use super::super::*;
use super::number;
use crate::CursorMode;

/// Every settings dictionary, with frame rates at and around those that
/// constraints name.
pub(super) fn all(surface: &SurfaceCapabilities, constraints: &Constraints) -> Vec<TrackSettings> {
    let rates = rates(constraints);
    let mut all = Vec::new();
    let mut add = |size: Size2D<u32, _>, mode, cursor: &CursorMode| {
        for rate in &rates {
            all.push(TrackSettings {
                width: Some(size.width),
                height: Some(size.height),
                frame_rate: Some(*rate),
                resize_mode: Some(mode),
                device_id: Some(surface.device_id.clone()),
                group_id: Some(surface.group_id.clone()),
                display_surface: Some(surface.display_surface),
                logical_surface: Some(surface.logical_surface),
                cursor: Some(*cursor),
                screen_pixel_ratio: Some(surface.screen_pixel_ratio),
            });
        }
    };
    for cursor in &surface.cursors {
        add(surface.size, ResizeMode::None, cursor);
        for width in 1..=surface.size.width {
            for height in 1..=surface.size.height {
                add(Size2D::new(width, height), ResizeMode::CropAndScale, cursor);
            }
        }
    }
    all
}

fn rates(constraints: &Constraints) -> Vec<f64> {
    let mut rates = vec![FLOOR_FRAME_RATE, 30.0, MAX_FRAME_RATE];
    let sets = constraints.advanced.iter().flatten();
    for set in sets.chain([&constraints.basic]) {
        match set.get(&Property::FrameRate) {
            Some(Constraint::Number(ConstrainNumber::Bare(value))) => rates.push(*value),
            Some(Constraint::Number(ConstrainNumber::Range {
                min,
                max,
                exact,
                ideal,
            })) => rates.extend([min, max, exact, ideal].into_iter().flatten()),
            _ => {}
        }
    }
    rates.retain(|rate| (FLOOR_FRAME_RATE..=MAX_FRAME_RATE).contains(rate));
    rates
}

/// The distance of settings to the basic set.
pub(super) fn distance(settings: &TrackSettings, constraints: &Constraints) -> f64 {
    fitness_distance(
        settings,
        &constraints.basic,
        TrackKind::Video,
        BareValue::Ideal,
    )
}

/// The candidates before the last step, and which advanced sets they satisfy.
pub(super) fn candidates(
    surface: &SurfaceCapabilities,
    constraints: &Constraints,
) -> (Vec<TrackSettings>, Vec<bool>) {
    let mut candidates = all(surface, constraints);
    candidates.retain(|settings| distance(settings, constraints).is_finite());
    let mut taken = Vec::new();
    for set in constraints.advanced.iter().flatten() {
        let satisfying: Vec<_> = candidates
            .iter()
            .filter(|settings| satisfies(settings, set))
            .cloned()
            .collect();
        taken.push(!satisfying.is_empty());
        if !satisfying.is_empty() {
            candidates = satisfying;
        }
    }
    (candidates, taken)
}

/// Whether settings satisfy an advanced set.
pub(super) fn satisfies(settings: &TrackSettings, set: &ConstraintSet) -> bool {
    fitness_distance(settings, set, TrackKind::Video, BareValue::Exact).is_finite()
}

/// The properties whose required constraint no settings satisfy.
pub(super) fn impossible(
    surface: &SurfaceCapabilities,
    constraints: &Constraints,
) -> Vec<&'static str> {
    let all = all(surface, constraints);
    let is_impossible = |(property, constraint): &(&Property, &Constraint)| {
        let alone = Constraints {
            basic: ConstraintSet::from([(**property, (*constraint).clone())]),
            advanced: None,
        };
        all.iter()
            .all(|settings| distance(settings, &alone).is_infinite())
    };
    constraints
        .basic
        .iter()
        .filter(is_impossible)
        .map(|(property, _)| property.name())
        .collect()
}

#[test]
fn the_oracle_knows_an_impossible_requirement() {
    let surface = super::surface(3, 2);
    let constraints = Constraints {
        basic: ConstraintSet::from([(Property::Width, number(Some(4.0), None, None))]),
        advanced: None,
    };
    assert_eq!(impossible(&surface, &constraints), ["width"]);
    assert_eq!(candidates(&surface, &constraints).0, []);
    // One size as it is and six scaled, two cursors, three rates.
    assert_eq!(all(&surface, &constraints).len(), 7 * 2 * 3);
}
