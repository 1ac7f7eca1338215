/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The privacy indicator: what tells the person in front of the monitors that
//! they are captured, and by whom.
//!
//! Drawn by the service, never by a page or its process. The rule is the
//! core's: no indicator, no capture. This module only shows, keeps and hides.

use std::time::Instant;

use crate::grabber::WakeBy;
use crate::monitor::Monitor;

mod marks;
mod origin;
pub mod painted;
#[cfg(target_os = "linux")]
mod placement;
mod sentence;
pub mod strip;
pub mod synthetic;
#[cfg(target_os = "linux")]
pub mod x11;

pub use self::marks::{Expected, Mark, Marks};
pub(crate) use self::origin::readable;

/// Which colors people have on their desktop.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ColorScheme {
    /// Dark ones, or nothing is known of it.
    #[default]
    Dark,
    /// Light ones.
    Light,
}

/// What the indicator says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IndicatorContent {
    /// The origins that capture, each once, in the order in which they began.
    pub origins: Vec<String>,
    /// Whether a capture is running; otherwise the last one has just ended and
    /// the indicator stays for its five seconds.
    pub live: bool,
    /// Counts the captures: the newest one that this tells of. Dismissing the
    /// indicator holds for captures up to this one.
    pub newest_capture: u64,
    /// Whether the person in front of the monitors may stop the captures.
    pub may_stop: bool,
    /// In which colors.
    pub scheme: ColorScheme,
}

/// What the person in front of the monitors did with the indicator. Never what a
/// program did for them, as far as the display server tells the two apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UserAction {
    /// Wants everything stopped that the indicator tells of.
    Stop,
    /// Wants to know what is captured.
    ShowInformation,
}

impl IndicatorContent {
    /// The sentence that people read.
    pub fn text(&self) -> String {
        let origins = match self.origins.as_slice() {
            [] => "A page".to_owned(),
            [only] => only.clone(),
            [first, second] => format!("{first} and {second}"),
            [first, rest @ ..] => format!("{first} and {} other sites", rest.len()),
        };
        match (self.live, self.origins.len()) {
            (true, 0 | 1) => format!("{origins} is capturing all screens"),
            (true, _) => format!("{origins} are capturing all screens"),
            (false, _) => format!("{origins} captured all screens"),
        }
    }
}

/// Why the indicator is not on every monitor.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IndicatorError {
    /// The display server offers no place to draw it, or refused.
    #[error("{0}")]
    CannotShow(String),
    /// It was shown, but is not to be seen any more.
    #[error("the indicator on {label} was lost: {reason}")]
    Lost {
        /// The monitor's label.
        label: String,
        /// What happened to it.
        reason: String,
    },
}

/// Shows the indicator on monitors. Owned by one thread
/// (`service::indicator_thread`).
pub trait Indicator: Send {
    /// Puts the indicator on each of these monitors, above everything else, or
    /// changes what is shown there. Monitors that are no longer in the list
    /// lose theirs. Returns when the display server has confirmed that each is
    /// viewable and drawn.
    ///
    /// # Errors
    /// When it is not on every one of them; nothing stays shown then.
    fn show(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError>;

    /// Takes it down everywhere.
    fn hide(&mut self);

    /// Answers the display server's events: shows again what was taken away, goes
    /// back to the top, tells what the user did. Called when [`Indicator::wakes_by`]
    /// or [`Indicator::deadline`] says so.
    ///
    /// # Errors
    /// When it is lost and only another [`Indicator::show`] can help.
    fn keep(&mut self, told: &mut dyn FnMut(UserAction)) -> Result<(), IndicatorError>;

    /// Somebody found that it is not seen: it goes back to the top with the next
    /// [`Indicator::keep`], whatever the display server told.
    fn restore(&mut self) {}

    /// How to learn that something happened to it.
    fn wakes_by(&self) -> WakeBy<'_>;

    /// When [`Indicator::keep`] has something to do although nothing happens.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// Makes an indicator; called for the first capture and again after a failure.
pub type IndicatorFactory = Box<dyn FnMut() -> Result<Box<dyn Indicator>, IndicatorError> + Send>;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origins: &[&str], live: bool, expected: &str) {
        let content = IndicatorContent {
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            live,
            ..IndicatorContent::default()
        };
        assert_eq!(content.text(), expected);
    }

    #[test]
    fn the_sentence_names_the_origin_and_says_that_all_screens_are_captured() {
        check(
            &["https://a.example"],
            true,
            "https://a.example is capturing all screens",
        );
        check(
            &["https://a.example", "https://b.example"],
            true,
            "https://a.example and https://b.example are capturing all screens",
        );
        check(
            &["https://a.example"],
            false,
            "https://a.example captured all screens",
        );
    }
}
