/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Watching the layout while nothing is captured: for pages that want to know
//! the screens. No pixel is read for it.

use std::time::{Duration, Instant};

use super::{Engine, EventSink, LAYOUT_PERIOD, Wait};
use crate::core::{Event, ScreensInput};
use crate::grabber::{GrabError, WakeBy};

impl Engine {
    /// Tells the layout, and every other one from now on; or does not any more.
    pub(super) fn watch_layout(&mut self, wanted: bool, now: Instant, events: &mut dyn EventSink) {
        self.watches_layout = false;
        if !wanted {
            if self.monitors.is_empty() {
                self.disconnect();
            }
            return;
        }
        let result = match self.list(now) {
            // The display server is there, and its monitors may come.
            Err(GrabError::NoMonitor) => Ok(Vec::new()),
            listed => listed,
        };
        match &result {
            Ok(_) => self.watches_layout = true,
            Err(error) => {
                self.forget_if_fatal(error, events);
                if self.monitors.is_empty() {
                    self.disconnect();
                }
            }
        }
        events.event(Event::Screens(ScreensInput::Listed { result }));
    }

    /// The last open monitor was closed: whether the connection is kept for the
    /// layout alone.
    pub(super) fn keeps_watching(&mut self) -> bool {
        if !self.watches_layout {
            return false;
        }
        self.sources.clear();
        self.next_verification = None;
        if std::mem::take(&mut self.pointer).is_watched
            && let Some(grabber) = &mut self.grabber
            && let Err(error) = grabber.watch_pointer(false)
        {
            // It tells of itself when the layout is looked at.
            log::debug!("the pointer is watched still: {error}");
        }
        true
    }

    /// While no monitor is open.
    pub(super) fn look_at_layout(&mut self, now: Instant, events: &mut dyn EventSink) {
        if !self.watches_layout {
            return;
        }
        let changed = self
            .grabber()
            .and_then(|grabber| grabber.layout_changed())
            .and_then(|changed| {
                if changed {
                    self.tell_layout(now, events)
                } else {
                    Ok(())
                }
            });
        if let Err(error) = changed {
            self.forget_if_fatal(&error, events);
        }
    }

    /// The layout has changed, or may have.
    pub(super) fn tell_layout(
        &mut self,
        now: Instant,
        events: &mut dyn EventSink,
    ) -> Result<(), GrabError> {
        let monitors = match self.list(now) {
            Ok(monitors) => monitors,
            Err(GrabError::NoMonitor) => Vec::new(),
            Err(error) => return Err(error),
        };
        events.event(Event::MonitorsChanged { monitors });
        Ok(())
    }

    /// What to wait for while no monitor is open.
    pub(super) fn wait_for_layout(&self, now: Instant) -> Wait<'_> {
        let mut wait = Wait {
            deadline: None,
            descriptor: None,
        };
        if let Some(grabber) = self.grabber.as_ref().filter(|_| self.watches_layout) {
            match grabber.wakes_by() {
                WakeBy::Descriptor(descriptor) => wait.descriptor = Some(descriptor),
                WakeBy::Period(Duration::ZERO) => wait.deadline = Some(now),
                // Its periods are of frames.
                WakeBy::Period(_) => wait.deadline = Some(now + LAYOUT_PERIOD),
            }
        }
        wait
    }
}
