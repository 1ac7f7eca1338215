/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */
//! The indicator on X11: a window on each monitor that no window manager
//! manages, on top of the stack, on a connection of its own.
//!
//! X11 has no stack that other programs could not change. So the indicator
//! watches: it goes back to the top when another window comes over it, is
//! mapped again when it was unmapped and made anew when it was destroyed or is not
//! seen for no reason that the server tells, each time after a longer while, so
//! that a fight costs nobody much. It does not
//! decide what follows while it is not seen: the engine finds that out from the
//! monitors' pixels (`service::engine`), by what [`Marks`] say.
//!
//! Its controls take presses of the pointer's main button, but none that a program
//! sent, and to dismiss it none that a program made (`presses`). Whoever may make
//! devices for the X server, which takes root, can press for a person.

use std::time::{Duration, Instant};

use self::connection::Server;
use self::stage::{Stage, Trouble};
use super::placement::Look;
use super::strip::{Control, Form, StripPainter, Tag};
use super::{Indicator, IndicatorContent, IndicatorError, Marks, UserAction, placement};
use crate::grabber::WakeBy;
use crate::monitor::Monitor;

mod backoff;
mod connection;
mod presses;
mod stack;
mod stage;
#[cfg(test)]
mod tests;
mod window;

/// How long nothing is listened to at the longest.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// What is shown.
struct Shown {
    content: IndicatorContent,
    monitors: Vec<Monitor>,
}

/// The indicator on the monitors of one X display.
pub struct XIndicator {
    painter: StripPainter,
    /// None: that of the environment variable `DISPLAY`.
    display: Option<String>,
    /// None after a fault of the connection. Closing it is the one sure way to
    /// take the windows down, on a server that does not answer just now too;
    /// the next `show` makes a new one.
    stage: Option<Stage>,
    marks: Marks,
    /// The same from the first strip until all are taken down.
    tag: Tag,
    shown: Option<Shown>,
    /// The newest capture that the user has dismissed the strips of. Forgotten
    /// with the strips.
    dismissed: Option<u64>,
}

impl XIndicator {
    /// Connects to the display that the environment variable `DISPLAY` names;
    /// tells `marks` what must be seen there.
    ///
    /// # Errors
    /// When there is none, or when it does not answer within two seconds.
    pub fn connect(marks: Marks) -> Result<Self, IndicatorError> {
        Self::new(None, marks)
    }

    /// Connects to a display by its name, `:0`.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_to(display: &str, marks: Marks) -> Result<Self, IndicatorError> {
        Self::new(Some(display.to_owned()), marks)
    }

    fn new(display: Option<String>, marks: Marks) -> Result<Self, IndicatorError> {
        let server = Server::connect(display.as_deref()).map_err(IndicatorError::CannotShow)?;
        Ok(Self {
            painter: StripPainter::new(),
            display,
            stage: Some(Stage::new(server)),
            marks,
            tag: Tag::random(),
            shown: None,
            dismissed: None,
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

    /// Brings on the screen what `shown` says.
    fn update(&mut self) -> Result<(), IndicatorError> {
        let Some(Shown { content, monitors }) = &self.shown else {
            return Ok(());
        };
        let is_dismissed = self
            .dismissed
            .is_some_and(|capture| content.newest_capture <= capture);
        let look = Look {
            tag: self.tag,
            form: if is_dismissed {
                Form::Small
            } else {
                Form::Full
            },
        };
        let wanted = placement::place(&mut self.painter, content, look, monitors)?;
        let name = content.text();
        let coming = wanted.iter().map(placement::PlacedStrip::mark).collect();
        self.marks.expect(coming);
        let shown = self.stage()?.show(wanted, name);
        shown.map_err(|trouble| {
            self.close_if_broken(&trouble);
            let Trouble { label, fault } = trouble;
            IndicatorError::CannotShow(format!("the indicator is not seen on {label}: {fault}"))
        })?;
        self.marks.settle();
        Ok(())
    }

    /// Takes the windows down. What must be seen stays to be seen.
    fn take_down(&mut self) {
        self.shown = None;
        if let Some(stage) = &mut self.stage
            && let Err(fault) = stage.clear()
        {
            log::debug!("the indicator goes with its connection: {fault}");
            self.stage = None;
        }
    }

    /// What a press of a control means.
    fn pressed(&mut self, control: Control) -> Result<Option<UserAction>, IndicatorError> {
        match control {
            Control::Stop => return Ok(Some(UserAction::Stop)),
            Control::Information => return Ok(Some(UserAction::ShowInformation)),
            Control::Dismiss => {
                let shown = self.shown.as_ref();
                self.dismissed = shown.map(|shown| shown.content.newest_capture);
            }
            Control::Restore => self.dismissed = None,
        }
        self.update().map(|()| None)
    }
}

impl Indicator for XIndicator {
    fn show(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError> {
        self.shown = Some(Shown {
            content: content.clone(),
            monitors: monitors.to_vec(),
        });
        self.update().inspect_err(|_| self.take_down())
    }

    fn hide(&mut self) {
        self.marks.clear();
        self.take_down();
        self.dismissed = None;
        self.tag = Tag::random();
    }

    fn keep(&mut self, told: &mut dyn FnMut(UserAction)) -> Result<(), IndicatorError> {
        // Nothing is shown then, and whatever was, its loss has been told.
        let Some(stage) = &mut self.stage else {
            return Ok(());
        };
        let mut last = None;
        stage
            .keep(&mut |control| last = Some(control))
            .map_err(|trouble| {
                self.close_if_broken(&trouble);
                IndicatorError::Lost {
                    label: trouble.label,
                    reason: trouble.fault.to_string(),
                }
            })?;
        if let Some(control) = last
            && let Some(action) = self.pressed(control)?
        {
            told(action);
        }
        Ok(())
    }

    fn restore(&mut self) {
        if let Some(stage) = &mut self.stage {
            stage.raise_again();
        }
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        match self.stage.as_ref().and_then(Stage::descriptor) {
            Some(descriptor) => WakeBy::Descriptor(descriptor),
            None => WakeBy::Period(LONGEST_REST),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.stage.as_ref().and_then(Stage::deadline)
    }
}
