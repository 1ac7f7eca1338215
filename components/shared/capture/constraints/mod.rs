/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Constraints of a `MediaStreamTrack`
//! (<https://w3c.github.io/mediacapture-main/#constrainable-interface>): what a
//! page asks for, what a source can give, and which settings come of it.
//!
//! Everything here is a pure function of its arguments. The page's process
//! selects; the service checks only that the outcome stays within the surface.

mod fitness;
mod property;
mod select;
mod set;
mod settings;
mod size;
mod surface;
#[cfg(test)]
mod tests;

pub use fitness::{BareValue, fitness_distance};
pub use property::{Property, TrackKind};
pub use select::{Candidates, FixedCandidates, Overconstrained, reselect, select_settings};
pub use set::{
    ConstrainBoolean, ConstrainNumber, ConstrainText, Constraint, ConstraintSet, Constraints, Texts,
};
pub use settings::{ResizeMode, TrackSettings, Value};
pub use surface::{FLOOR_FRAME_RATE, MAX_FRAME_RATE, SurfaceCandidates, SurfaceCapabilities};
