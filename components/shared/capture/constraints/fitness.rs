/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How far settings are from what a page asks for.

use super::set::{Ideal, Required};
use super::{Constraint, ConstraintSet, Property, TrackKind, TrackSettings, Value};

/// How a bare value is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BareValue {
    /// In the basic set.
    Ideal,
    /// In the advanced sets.
    Exact,
}

impl BareValue {
    pub(super) fn is_exact(self) -> bool {
        self == Self::Exact
    }
}

/// <https://w3c.github.io/mediacapture-main/#dfn-fitness-distance>
///
/// Zero is best; infinite means that a requirement is not met.
pub fn fitness_distance(
    settings: &TrackSettings,
    set: &ConstraintSet,
    kind: TrackKind,
    bare: BareValue,
) -> f64 {
    set.iter()
        .map(|(property, constraint)| {
            constraint_distance(*property, constraint, settings.value(*property), kind, bare)
        })
        .sum()
}

/// The share of one constraint in the fitness distance.
pub(super) fn constraint_distance(
    property: Property,
    constraint: &Constraint,
    value: Option<Value>,
    kind: TrackKind,
    bare: BareValue,
) -> f64 {
    // Step 1: an unsupported property does not count.
    // Step 3, before step 2 as in every browser and in web-platform-tests: what
    // does not apply to tracks of this kind does not count, required or not.
    if !property.is_supported() || !property.applies_to(kind) {
        return 0.0;
    }
    // Step 2: a requirement that is not met.
    if let Some(required) = constraint.required(bare.is_exact())
        && !value
            .as_ref()
            .is_some_and(|value| satisfies(property, value, &required))
    {
        return f64::INFINITY;
    }
    // Step 4 does not apply: of the supported properties only booleans take
    // booleans.
    // Step 5: the source has no such property.
    let Some(value) = value else {
        return 1.0;
    };
    match (value, constraint.ideal(bare.is_exact())) {
        // Step 6: without an ideal value every value is as good.
        (_, None) => 0.0,
        // Step 7: numbers.
        (Value::Number(actual), Some(Ideal::Number(ideal))) => {
            number_distance(actual, property.rounded(ideal))
        }
        // Step 8: everything else.
        (Value::Text(actual), Some(Ideal::OneOf(texts))) => f64::from(!texts.contains(&actual)),
        (Value::Boolean(actual), Some(Ideal::Equal(ideal))) => f64::from(actual != ideal),
        // A value of another type is not the ideal one.
        _ => 1.0,
    }
}

/// Whether a setting meets a requirement.
pub(super) fn satisfies(property: Property, value: &Value, required: &Required) -> bool {
    match (value, required) {
        (Value::Number(value), Required::Within { min, max }) => {
            (property.rounded(*min)..=property.rounded(*max)).contains(value)
        }
        (Value::Text(value), Required::OneOf(texts)) => texts.contains(value),
        (Value::Boolean(value), Required::Equal(required)) => value == required,
        _ => false,
    }
}

/// Step 7 of the fitness distance, from 0 to 1. It is for positive numbers: an
/// ideal value below zero is as far from every setting as zero is.
pub(super) fn number_distance(actual: f64, ideal: f64) -> f64 {
    let ideal = ideal.max(0.0);
    if actual == ideal {
        0.0
    } else {
        (actual - ideal).abs() / actual.abs().max(ideal)
    }
}
