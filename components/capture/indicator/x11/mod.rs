/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator on X11: a window on each monitor that no window manager
//! manages, on top of the stack, on a connection of its own.
//!
//! X11 has no stack that other programs could not change. So the indicator
//! watches: it goes back to the top when another window comes above it and
//! tells when it cannot.

use self::connection::Server;
use self::stage::{Stage, Trouble};
use super::strip::StripPainter;
use super::{Indicator, IndicatorContent, IndicatorError, placement};
use crate::monitor::Monitor;

mod connection;
mod stage;
#[cfg(test)]
mod tests;
mod window;

/// The indicator on the monitors of one X display.
pub struct XIndicator {
    painter: StripPainter,
    /// None: that of the environment variable `DISPLAY`.
    display: Option<String>,
    /// None after a fault of the connection. Closing it is the one sure way to
    /// take the windows down, on a server that does not answer just now too;
    /// the next `show` makes a new one.
    stage: Option<Stage>,
}

impl XIndicator {
    /// Connects to the display that the environment variable `DISPLAY` names.
    ///
    /// # Errors
    /// When there is none, or when it does not answer within two seconds.
    pub fn connect() -> Result<Self, IndicatorError> {
        Self::new(None)
    }

    /// Connects to a display by its name, `:0`.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_to(display: &str) -> Result<Self, IndicatorError> {
        Self::new(Some(display.to_owned()))
    }

    fn new(display: Option<String>) -> Result<Self, IndicatorError> {
        let server = Server::connect(display.as_deref()).map_err(IndicatorError::CannotShow)?;
        Ok(Self {
            painter: StripPainter::new(),
            display,
            stage: Some(Stage::new(server)),
        })
    }

    fn stage(&mut self) -> Result<&mut Stage, IndicatorError> {
        if let Some(ref mut stage) = self.stage {
            return Ok(stage);
        }
        let server =
            Server::connect(self.display.as_deref()).map_err(IndicatorError::CannotShow)?;
        Ok(self.stage.insert(Stage::new(server)))
    }

    fn close_if_broken(&mut self, trouble: &Trouble) {
        if trouble.fault.is_fatal() {
            self.stage = None;
        }
    }
}

impl Indicator for XIndicator {
    fn show(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError> {
        let wanted = match placement::place(&mut self.painter, content, monitors) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.hide();
                return Err(error);
            }
        };
        self.stage()?
            .show(wanted, content.text())
            .map_err(|trouble| {
                self.hide();
                self.close_if_broken(&trouble);
                let Trouble { label, fault } = trouble;
                IndicatorError::CannotShow(format!("the indicator is not seen on {label}: {fault}"))
            })
    }

    fn hide(&mut self) {
        if let Some(stage) = &mut self.stage
            && let Err(fault) = stage.clear()
        {
            log::debug!("the indicator goes with its connection: {fault}");
            self.stage = None;
        }
    }

    fn keep(&mut self) -> Result<(), IndicatorError> {
        // Nothing is shown then, and whatever was, its loss has been told.
        let Some(stage) = &mut self.stage else {
            return Ok(());
        };
        stage.keep().map_err(|trouble| {
            self.close_if_broken(&trouble);
            IndicatorError::Lost {
                label: trouble.label,
                reason: trouble.fault.to_string(),
            }
        })
    }
}
