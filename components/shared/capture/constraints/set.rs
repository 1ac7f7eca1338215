/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page asks for
//! (<https://w3c.github.io/mediacapture-main/#constraints>).

use std::collections::BTreeMap;
use std::fmt;

use super::Property;

/// A constraint on a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConstrainNumber {
    /// A value alone: ideal in the basic set, exact in an advanced one.
    Bare(f64),
    /// A dictionary.
    Range {
        /// The least value allowed.
        min: Option<f64>,
        /// The greatest value allowed.
        max: Option<f64>,
        /// The only value allowed.
        exact: Option<f64>,
        /// The value wanted.
        ideal: Option<f64>,
    },
}

/// One string or several, as the page wrote them. Several mean "one of these".
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Texts {
    /// A string.
    One(String),
    /// A list of strings.
    Several(Vec<String>),
}

impl Texts {
    /// The strings.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }

    /// Whether one of the strings is `text`.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.as_slice().iter().any(|one| one == text)
    }

    /// An empty list stands for no constraint (step 1 of SelectSettings).
    fn given(&self) -> Option<&Self> {
        (!self.as_slice().is_empty()).then_some(self)
    }
}

/// A constraint on a string or a value of an enumeration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConstrainText {
    /// Strings alone: ideal in the basic set, exact in an advanced one.
    Bare(Texts),
    /// A dictionary.
    Parameters {
        /// The only strings allowed.
        exact: Option<Texts>,
        /// The strings wanted.
        ideal: Option<Texts>,
    },
}

/// A constraint on a boolean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConstrainBoolean {
    /// A value alone: ideal in the basic set, exact in an advanced one.
    Bare(bool),
    /// A dictionary.
    Parameters {
        /// The only value allowed.
        exact: Option<bool>,
        /// The value wanted.
        ideal: Option<bool>,
    },
}

/// A constraint on one property.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// `ConstrainULong` or `ConstrainDouble`. Every `unsigned long` is a
    /// double, so one type does for both.
    Number(ConstrainNumber),
    /// `ConstrainDOMString`.
    Text(ConstrainText),
    /// `ConstrainBoolean`.
    Boolean(ConstrainBoolean),
}

/// `MediaTrackConstraintSet`: at most one constraint for each property.
pub type ConstraintSet = BTreeMap<Property, Constraint>;

/// `MediaTrackConstraints`, as the page wrote them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints {
    /// The basic set: its minima, maxima and exact values are required.
    pub basic: ConstraintSet,
    /// The sets to satisfy in this order, each whole or not at all.
    pub advanced: Option<Vec<ConstraintSet>>,
}

impl Constraints {
    /// Whether they ask for nothing.
    pub fn is_empty(&self) -> bool {
        self.basic.is_empty() && self.advanced.iter().flatten().all(BTreeMap::is_empty)
    }
}

/// What a constraint requires of a setting.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Required<'a> {
    /// A number within these bounds, both included.
    Within {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
    /// One of these strings.
    OneOf(&'a Texts),
    /// This value.
    Equal(bool),
}

/// What a constraint wants a setting to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ideal<'a> {
    /// This number.
    Number(f64),
    /// One of these strings.
    OneOf(&'a Texts),
    /// This value.
    Equal(bool),
}

impl Constraint {
    /// What it requires, if anything.
    pub(super) fn required(&self, bare_is_exact: bool) -> Option<Required<'_>> {
        match self {
            Self::Number(ConstrainNumber::Bare(value)) => {
                bare_is_exact.then_some(Required::Within {
                    min: *value,
                    max: *value,
                })
            }
            Self::Number(ConstrainNumber::Range {
                min, max, exact, ..
            }) => {
                let bounds = [*min, *max, *exact];
                bounds
                    .iter()
                    .any(Option::is_some)
                    .then(|| Required::Within {
                        min: tighter(*min, *exact, f64::max).unwrap_or(f64::NEG_INFINITY),
                        max: tighter(*max, *exact, f64::min).unwrap_or(f64::INFINITY),
                    })
            }
            Self::Text(ConstrainText::Bare(texts)) => {
                texts.given().filter(|_| bare_is_exact).map(Required::OneOf)
            }
            Self::Text(ConstrainText::Parameters { exact, .. }) => {
                exact.as_ref().and_then(Texts::given).map(Required::OneOf)
            }
            Self::Boolean(ConstrainBoolean::Bare(value)) => {
                bare_is_exact.then_some(Required::Equal(*value))
            }
            Self::Boolean(ConstrainBoolean::Parameters { exact, .. }) => exact.map(Required::Equal),
        }
    }

    /// What it wants, if anything.
    pub(super) fn ideal(&self, bare_is_exact: bool) -> Option<Ideal<'_>> {
        match self {
            Self::Number(ConstrainNumber::Bare(value)) => {
                (!bare_is_exact).then_some(Ideal::Number(*value))
            }
            Self::Number(ConstrainNumber::Range { ideal, .. }) => ideal.map(Ideal::Number),
            Self::Text(ConstrainText::Bare(texts)) => {
                texts.given().filter(|_| !bare_is_exact).map(Ideal::OneOf)
            }
            Self::Text(ConstrainText::Parameters { ideal, .. }) => {
                ideal.as_ref().and_then(Texts::given).map(Ideal::OneOf)
            }
            Self::Boolean(ConstrainBoolean::Bare(value)) => {
                (!bare_is_exact).then_some(Ideal::Equal(*value))
            }
            Self::Boolean(ConstrainBoolean::Parameters { ideal, .. }) => ideal.map(Ideal::Equal),
        }
    }

    /// The same constraint of a basic set without what it requires.
    pub(super) fn without_required(&self) -> Self {
        match self {
            Self::Number(ConstrainNumber::Range { ideal, .. }) => {
                Self::Number(ConstrainNumber::Range {
                    min: None,
                    max: None,
                    exact: None,
                    ideal: *ideal,
                })
            }
            Self::Text(ConstrainText::Parameters { ideal, .. }) => {
                Self::Text(ConstrainText::Parameters {
                    exact: None,
                    ideal: ideal.clone(),
                })
            }
            Self::Boolean(ConstrainBoolean::Parameters { ideal, .. }) => {
                Self::Boolean(ConstrainBoolean::Parameters {
                    exact: None,
                    ideal: *ideal,
                })
            }
            bare => bare.clone(),
        }
    }
}

fn tighter(one: Option<f64>, other: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(choose(one, other)),
        (one, other) => one.or(other),
    }
}

impl fmt::Display for Required<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Within { min, max } if min == max => write!(formatter, "{min}"),
            Self::Within { min, max } if *max == f64::INFINITY => {
                write!(formatter, "at least {min}")
            }
            Self::Within { min, max } if *min == f64::NEG_INFINITY => {
                write!(formatter, "at most {max}")
            }
            Self::Within { min, max } => write!(formatter, "at least {min} and at most {max}"),
            Self::OneOf(texts) => write!(formatter, "{}", texts.as_slice().join(" or ")),
            Self::Equal(value) => write!(formatter, "{value}"),
        }
    }
}
