/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The SelectSettings algorithm, for whatever a source can give.

use super::{BareValue, ConstraintSet, Constraints, Property, TrackKind, TrackSettings};
use super::{Constraint, fitness_distance};

/// The settings dictionaries that a source can give, fewer with every set of
/// constraints. Never empty.
pub trait Candidates: Sized {
    /// Those that satisfy a set: their fitness distance to it is finite. `None`
    /// if there are none.
    fn satisfying(&self, set: &ConstraintSet, bare: BareValue) -> Option<Self>;

    /// The one with the smallest fitness distance to the basic set; of several
    /// such, the one that is closest to what the source gives by default.
    fn fittest(&self, basic: &ConstraintSet) -> TrackSettings;
}

/// Constraints that no settings satisfy, for an `OverconstrainedError`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Overconstrained {
    /// The name of a required constraint that no settings satisfy; empty when
    /// each can be satisfied alone.
    pub constraint: String,
    /// What is wrong, for people.
    pub message: String,
}

/// SelectSettings (<https://w3c.github.io/mediacapture-main/#dfn-selectsettings>).
/// `all` is what the source can give without any constraints.
///
/// # Errors
/// When no settings satisfy the required constraints.
pub fn select_settings<C: Candidates>(
    all: &C,
    constraints: &Constraints,
) -> Result<TrackSettings, Overconstrained> {
    // Step 1: an empty list of values is no constraint (`Constraint::required`).
    // Step 2: `all` is unconstrained.
    // Step 3: the settings that satisfy the basic set, bare values being ideal.
    let Some(mut candidates) = all.satisfying(&constraints.basic, BareValue::Ideal) else {
        // Step 4: there are none.
        return Err(failed_constraint(all, &constraints.basic));
    };
    // Step 5: the advanced sets in their order, bare values being exact.
    for set in constraints.advanced.iter().flatten() {
        // Steps 5.1 and 5.2: of the settings only those that satisfy the set
        // too; a set that none of them satisfies is ignored.
        if let Some(fewer) = candidates.satisfying(set, BareValue::Exact) {
            candidates = fewer;
        }
    }
    // Step 6: of these, the one with the smallest distance of step 3.
    Ok(candidates.fittest(&constraints.basic))
}

/// Step 2 of ApplyConstraints
/// (<https://w3c.github.io/mediacapture-main/#dfn-applyconstraints-algorithm>): a
/// required constraint that no settings satisfy.
fn failed_constraint<C: Candidates>(all: &C, basic: &ConstraintSet) -> Overconstrained {
    let failed = basic.iter().find(|(property, constraint)| {
        let alone = only(**property, constraint);
        all.satisfying(&alone, BareValue::Ideal).is_none()
    });
    match failed {
        Some((property, constraint)) => Overconstrained {
            constraint: property.to_string(),
            message: match constraint.required(false) {
                Some(required) => format!("{property} cannot be {required} here"),
                None => format!("{property} cannot be satisfied here"),
            },
        },
        None => Overconstrained {
            constraint: String::new(),
            message: "the required constraints cannot be satisfied together".to_owned(),
        },
    }
}

fn only(property: Property, constraint: &Constraint) -> ConstraintSet {
    ConstraintSet::from([(property, constraint.clone())])
}

/// New settings after the source has changed, for a track whose constraints
/// were satisfiable before
/// (<https://w3c.github.io/mediacapture-screen-share/#constrainable-properties-for-captured-display-surfaces>).
///
/// The track is neither muted nor ended by constraints that cannot be satisfied
/// any more; these are ignored for as long as that is so.
pub fn reselect<C: Candidates>(all: &C, constraints: &Constraints) -> TrackSettings {
    select_settings(all, constraints).unwrap_or_else(|_| {
        // Requirements are taken up in the order of the properties; one that
        // goes with none of the settings left is a culprit and is ignored.
        let mut basic = ConstraintSet::new();
        for (property, constraint) in &constraints.basic {
            basic.insert(*property, constraint.clone());
            if all.satisfying(&basic, BareValue::Ideal).is_none() {
                basic.insert(*property, constraint.without_required());
            }
        }
        let satisfiable = Constraints {
            basic,
            advanced: constraints.advanced.clone(),
        };
        select_settings(all, &satisfiable).unwrap_or_else(|_| all.fittest(&ConstraintSet::new()))
    })
}

/// What a source gives that nothing can be set on: Servo's cameras and
/// microphones, which do not tell what they give either.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedCandidates {
    /// What the track carries.
    pub kind: TrackKind,
    /// Its only settings.
    pub settings: TrackSettings,
}

impl Candidates for FixedCandidates {
    fn satisfying(&self, set: &ConstraintSet, bare: BareValue) -> Option<Self> {
        fitness_distance(&self.settings, set, self.kind, bare)
            .is_finite()
            .then(|| self.clone())
    }

    fn fittest(&self, _: &ConstraintSet) -> TrackSettings {
        self.settings.clone()
    }
}
