/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The privacy indicator: what tells the person in front of the monitors that
//! they are captured, and by whom.
//!
//! Drawn by the service, never by a page or its process. The rule is the
//! core's: no indicator, no capture. This module only shows, keeps and hides.

use crate::monitor::Monitor;

pub mod painted;
#[cfg(target_os = "linux")]
mod placement;
mod sentence;
pub mod strip;
pub mod synthetic;
#[cfg(target_os = "linux")]
pub mod x11;

/// What the indicator says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndicatorContent {
    /// The origins that capture, each once, in the order in which they began.
    pub origins: Vec<String>,
    /// Whether a capture is running; otherwise the last one has just ended and
    /// the indicator stays for its five seconds.
    pub live: bool,
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

    /// Answers the display server's events: redraws, goes back to the top.
    /// Called every 100 ms or sooner while shown. Does not block.
    ///
    /// # Errors
    /// When an indicator is not viewable any more and could not be restored.
    fn keep(&mut self) -> Result<(), IndicatorError>;
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
