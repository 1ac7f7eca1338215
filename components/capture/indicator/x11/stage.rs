/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The strips of one X display, and what happens to them.

use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Visibility, Window,
};

use super::super::placement::PlacedStrip;
use super::connection::{Fault, Server};
use super::window::StripWindow;

/// How long showing may take, with the server and a compositor.
const SHOW_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a strip that another program took away may take to be back.
const RESTORE_TIMEOUT: Duration = Duration::from_millis(300);
/// How long to wait, otherwise, until requests are written.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);
/// The strips go back to the top at most this often: another window that wants
/// to be there too must not keep the server busy.
const RAISE_INTERVAL: Duration = Duration::from_millis(100);
/// Events handled in one call; the rest has to wait for the next.
const EVENTS_AT_ONCE: usize = 1024;

/// What is wrong, and on which monitor.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) label: String,
    pub(super) fault: Fault,
}

/// The strips on a display. Goes with its connection, and they with it.
pub(super) struct Stage {
    server: Server,
    pub(super) strips: Vec<StripWindow>,
    /// The windows' name.
    name: String,
    /// Something may have come above the strips.
    raise_wanted: bool,
    pub(super) raised_at: Option<Instant>,
    kept_at: Instant,
}

impl Stage {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            strips: Vec::new(),
            name: String::new(),
            raise_wanted: false,
            raised_at: None,
            kept_at: Instant::now(),
        }
    }

    /// Shows these strips and no others, in windows of this name. Returns when
    /// all are seen.
    ///
    /// # Errors
    /// When one is not. What to do with the others is the caller's decision.
    pub(super) fn show(&mut self, wanted: Vec<PlacedStrip>, name: String) -> Result<(), Trouble> {
        let unchanged = self.name == name
            && self.strips.iter().all(|strip| strip.gone.is_none())
            && self.strips.iter().map(|strip| &strip.placed).eq(&wanted);
        if unchanged && self.confirm_all(Instant::now() + RESTORE_TIMEOUT).is_ok() {
            self.strips.iter_mut().for_each(StripWindow::note_seen);
            return Ok(());
        }
        let deadline = Instant::now() + SHOW_TIMEOUT;
        self.server.set_deadline(deadline);
        self.name = name;
        // The old ones go when the new ones were seen: no moment without.
        let old = std::mem::take(&mut self.strips);
        let shown = self.create_all(wanted, deadline);
        self.server.set_deadline(Instant::now() + WRITE_TIMEOUT);
        let removed = old
            .iter()
            .try_for_each(|strip| strip.destroy(&self.server))
            .and_then(|()| Ok(self.server.connection.flush()?));
        shown.and(removed.map_err(|fault| self.trouble_everywhere(fault)))
    }

    fn create_all(&mut self, wanted: Vec<PlacedStrip>, deadline: Instant) -> Result<(), Trouble> {
        // Before the windows exist, lest their first events be missed.
        self.watch_stack(true)
            .map_err(|fault| self.trouble_everywhere(fault))?;
        for placed in wanted {
            let label = placed.label.clone();
            let strip = StripWindow::create(&self.server, placed, &self.name)
                .map_err(|fault| Trouble { label, fault })?;
            self.strips.push(strip);
        }
        self.confirm_all(deadline)
    }

    fn confirm_all(&self, deadline: Instant) -> Result<(), Trouble> {
        for strip in &self.strips {
            strip
                .confirm(&self.server, deadline)
                .map_err(|fault| trouble_on(strip, fault))?;
        }
        Ok(())
    }

    /// Removes every strip.
    ///
    /// # Errors
    /// When the server does not take the requests; drop the stage then.
    pub(super) fn clear(&mut self) -> Result<(), Fault> {
        self.server.set_deadline(Instant::now() + WRITE_TIMEOUT);
        self.raise_wanted = false;
        for strip in std::mem::take(&mut self.strips) {
            strip.destroy(&self.server)?;
        }
        // Nobody takes the events while nothing is shown.
        self.watch_stack(false)?;
        Ok(self.server.connection.flush()?)
    }

    /// Handles what has happened, and puts the strips back where they belong.
    ///
    /// # Errors
    /// When one is not seen any more.
    pub(super) fn keep(&mut self) -> Result<(), Trouble> {
        self.server.set_deadline(Instant::now() + WRITE_TIMEOUT);
        for _ in 0..EVENTS_AT_ONCE {
            match self.server.connection.poll_for_event() {
                Ok(Some(event)) => self.note(&event),
                Ok(None) => break,
                Err(error) => return Err(self.trouble_everywhere(error.into())),
            }
        }
        self.restore()?;
        // Whoever calls late learns of a strip that was covered only now: the
        // time before does not count.
        let now = Instant::now();
        let elapsed = now.duration_since(self.kept_at).min(RAISE_INTERVAL);
        self.kept_at = now;
        for strip in &mut self.strips {
            if let Some(reason) = strip.pass_time(elapsed) {
                return Err(trouble_on(strip, Fault::NotOnScreen(reason.to_owned())));
            }
        }
        self.server.set_deadline(now + WRITE_TIMEOUT);
        self.raise(now)
            .and_then(|()| Ok(self.server.connection.flush()?))
            .map_err(|fault| self.trouble_everywhere(fault))
    }

    /// Whether to be told of every window that comes, goes or moves in the
    /// stack. VisibilityNotify alone is not enough: with a compositor, no window
    /// ever counts as covered.
    fn watch_stack(&self, watch: bool) -> Result<(), Fault> {
        let events = if watch {
            EventMask::SUBSTRUCTURE_NOTIFY
        } else {
            EventMask::NO_EVENT
        };
        self.server.connection.change_window_attributes(
            self.server.root,
            &ChangeWindowAttributesAux::new().event_mask(events),
        )?;
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::VisibilityNotify(event) => {
                if let Some(strip) = self.strip(event.window) {
                    strip.note_covered(event.state != Visibility::UNOBSCURED);
                }
            }
            Event::ConfigureNotify(event) => match self.strip(event.window) {
                Some(strip) => strip.note_configure(event),
                None => self.raise_wanted = true,
            },
            Event::MapNotify(event) if self.strip(event.window).is_none() => {
                self.raise_wanted = true;
            }
            Event::CirculateNotify(_) => self.raise_wanted = true,
            Event::UnmapNotify(event) => self.note_gone(event.window, "its window was unmapped"),
            Event::DestroyNotify(event) => {
                self.note_gone(event.window, "its window was destroyed");
            }
            Event::ReparentNotify(event) => {
                self.note_gone(event.window, "its window was put into another");
            }
            // Of a window that somebody destroyed before us; the event about that follows.
            Event::Error(error) => log::debug!("indicator: {:?}", error.error_kind),
            _ => {}
        }
    }

    fn note_gone(&mut self, window: Window, reason: &'static str) {
        if let Some(strip) = self.strip(window) {
            strip.gone.get_or_insert(reason);
        }
    }

    fn strip(&mut self, window: Window) -> Option<&mut StripWindow> {
        self.strips.iter_mut().find(|strip| strip.window == window)
    }

    /// Makes anew what another program took away; once.
    fn restore(&mut self) -> Result<(), Trouble> {
        for strip in &mut self.strips {
            let Some(reason) = strip.gone else {
                continue;
            };
            if strip.restored {
                return Err(trouble_on(strip, Fault::NotOnScreen(reason.to_owned())));
            }
            let label = &strip.placed.label;
            log::warn!("the indicator on {label} has to be shown again: {reason}");
            let deadline = Instant::now() + RESTORE_TIMEOUT;
            self.server.set_deadline(deadline);
            strip
                .create_again(&self.server, &self.name)
                .and_then(|()| strip.confirm(&self.server, deadline))
                .map_err(|fault| trouble_on(strip, fault))?;
        }
        Ok(())
    }

    /// Puts the strips back on top and in their places, if that is needed and
    /// was not done a moment ago.
    fn raise(&mut self, now: Instant) -> Result<(), Fault> {
        let wanted = self.raise_wanted || self.strips.iter().any(StripWindow::is_amiss);
        let lately = self
            .raised_at
            .is_some_and(|at| now.duration_since(at) < RAISE_INTERVAL);
        if !wanted || lately {
            return Ok(());
        }
        for strip in &self.strips {
            strip.put_back(&self.server)?;
        }
        self.raise_wanted = false;
        self.raised_at = Some(now);
        Ok(())
    }

    fn trouble_everywhere(&self, fault: Fault) -> Trouble {
        let labels: Vec<&str> = self
            .strips
            .iter()
            .map(|strip| strip.placed.label.as_str())
            .collect();
        let label = if labels.is_empty() {
            "any monitor".to_owned()
        } else {
            labels.join(", ")
        };
        Trouble { label, fault }
    }
}

fn trouble_on(strip: &StripWindow, fault: Fault) -> Trouble {
    Trouble {
        label: strip.placed.label.clone(),
        fault,
    }
}
