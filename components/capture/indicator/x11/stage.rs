/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */
//! The strips of one X display, and what happens to them.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConfigureNotifyEvent, ConnectionExt as _, EventMask, Visibility,
    Window,
};

use super::super::placement::PlacedStrip;
use super::super::strip::Control;
use super::backoff::Backoff;
use super::connection::{Fault, Server};
use super::presses::Press;
use super::stack::{self, Above};
use super::window::{Gone, StripWindow};

/// Events handled in one call; the rest has to wait for the next.
const EVENTS_AT_ONCE: usize = 1024;
/// After events, nothing is listened to for so long: whatever other programs do
/// with their windows, this is how often it is looked at.
const REST: Duration = Duration::from_millis(20);

/// What is wrong, and on which monitor.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) label: String,
    pub(super) fault: Fault,
}

/// Whether the strips are seen, after somebody said that they are not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Doubt {
    /// Nobody has said so, or they were found since.
    None,
    /// They go to the top first.
    Said,
    /// They are looked for, and made anew until they are found.
    Looking,
}

/// The strips on a display. Goes with its connection, and they with it.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) strips: Vec<StripWindow>,
    /// The windows' name.
    name: String,
    /// Something may have come above the strips.
    raise_wanted: bool,
    /// Windows above the strips that covered none when it was looked.
    beside: Vec<Window>,
    doubt: Doubt,
    pub(super) raises: Backoff,
    returns: Backoff,
    /// Where the main button went down.
    pressed: Option<(Window, Control)>,
    rests_until: Option<Instant>,
    /// How often the strips went back to the top or were brought back.
    pub(super) tries: u64,
}

impl Stage {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            strips: Vec::new(),
            name: String::new(),
            raise_wanted: false,
            beside: Vec::new(),
            doubt: Doubt::None,
            raises: Backoff::default(),
            returns: Backoff::default(),
            pressed: None,
            rests_until: None,
            tries: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.strips.is_empty()
    }

    /// Shows these strips and no others, in windows of this name. Those that are
    /// shown already stay as they are. Returns when all are seen.
    ///
    /// # Errors
    /// When one is not. What to do with the others is the caller's decision.
    pub(super) fn show(&mut self, wanted: Vec<PlacedStrip>, name: String) -> Result<(), Trouble> {
        self.pressed = None;
        // All that is shown from here on is looked for below.
        self.doubt = Doubt::None;
        // The old ones go when the new ones were seen: no moment without.
        let mut old = std::mem::take(&mut self.strips);
        if self.name != name {
            self.name = name;
            self.rename(&old)?;
        }
        let shown = self.create_all(wanted, &mut old);
        // Events came with the answers, and the descriptor does not tell of them.
        self.rests_until = Some(Instant::now());
        let removed = old
            .iter()
            .try_for_each(|strip| strip.destroy(&self.server))
            .and_then(|()| Ok(self.server.connection.flush()?));
        shown.and(removed.map_err(|fault| self.trouble_everywhere(fault)))
    }

    fn rename(&self, strips: &[StripWindow]) -> Result<(), Trouble> {
        for strip in strips {
            strip
                .describe(&self.server, &self.name)
                .map_err(|fault| trouble_on(strip, fault))?;
        }
        Ok(())
    }

    fn create_all(
        &mut self,
        wanted: Vec<PlacedStrip>,
        old: &mut Vec<StripWindow>,
    ) -> Result<(), Trouble> {
        // Before the windows exist, lest their first events be missed.
        self.watch_stack(true)
            .map_err(|fault| self.trouble_everywhere(fault))?;
        for placed in wanted {
            let same = |strip: &StripWindow| strip.placed == placed && strip.gone.is_none();
            let strip = match old.iter().position(same) {
                Some(index) => old.swap_remove(index),
                None => {
                    let label = placed.label.clone();
                    StripWindow::create(&self.server, placed, &self.name)
                        .map_err(|fault| Trouble { label, fault })?
                }
            };
            self.strips.push(strip);
        }
        for strip in &self.strips {
            strip
                .confirm(&self.server)
                .map_err(|fault| trouble_on(strip, fault))?;
        }
        Ok(())
    }

    /// Removes every strip.
    ///
    /// # Errors
    /// When the server does not take the requests; drop the stage then.
    pub(super) fn clear(&mut self) -> Result<(), Fault> {
        self.raise_wanted = false;
        self.beside.clear();
        self.doubt = Doubt::None;
        self.pressed = None;
        for strip in std::mem::take(&mut self.strips) {
            strip.destroy(&self.server)?;
        }
        // Nobody takes the events while nothing is shown.
        self.watch_stack(false)?;
        Ok(self.server.connection.flush()?)
    }

    /// Readable when something happened; none while the stage rests.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        let is_listening = self.rests_until.is_none() && !self.is_empty();
        is_listening.then(|| self.server.connection.stream().as_fd())
    }

    /// When to call [`Stage::keep`] at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let is_gone = self.strips.iter().any(|strip| strip.gone.is_some());
        let returns = is_gone.then(|| self.returns.next().unwrap_or(now));
        let raises = self
            .wants_raise()
            .then(|| self.raises.next().unwrap_or(now));
        // Nothing can be raised where nothing is shown.
        let raises = raises.filter(|_| !self.is_empty());
        [self.rests_until, returns, raises]
            .into_iter()
            .flatten()
            .min()
    }

    /// Somebody does not see the strips: they go to the top again. If that does
    /// not help they are made anew.
    pub(super) fn raise_again(&mut self) {
        self.doubt = Doubt::Said;
    }

    /// Handles what has happened, and puts the strips back where they belong.
    ///
    /// # Errors
    /// When the connection is of no more use.
    pub(super) fn keep(&mut self, pressed: &mut dyn FnMut(Control)) -> Result<(), Trouble> {
        let now = Instant::now();
        let mut events = 0;
        while events < EVENTS_AT_ONCE {
            match self.server.connection.poll_for_event() {
                Ok(Some(event)) => self.note(&event, pressed),
                Ok(None) => break,
                Err(error) => return Err(self.trouble_everywhere(error.into())),
            }
            events += 1;
        }
        let tries = self.tries;
        self.bring_back(now)?;
        let has_waited = self.raise(now)?;
        let flushed = self.server.connection.flush();
        flushed.map_err(|error| self.trouble_everywhere(error.into()))?;
        // Events may have come while requests were written or answers awaited, and
        // the descriptor does not tell of them.
        let is_eventful = events > 0 || self.tries > tries || has_waited;
        self.rests_until = is_eventful.then(|| now + REST);
        Ok(())
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

    fn note(&mut self, event: &Event, pressed: &mut dyn FnMut(Control)) {
        match event {
            Event::VisibilityNotify(event) => {
                if let Some(strip) = self.strip(event.window) {
                    strip.note_covered(event.state != Visibility::UNOBSCURED);
                }
            }
            Event::ConfigureNotify(event) => self.note_configure(event),
            Event::MapNotify(event) if self.strip(event.window).is_none() => {
                self.raise_wanted = true;
            }
            Event::CirculateNotify(_) => self.raise_wanted = true,
            Event::UnmapNotify(event) => self.note_gone(event.window, Gone::Unmapped),
            Event::DestroyNotify(event) => self.note_gone(event.window, Gone::Destroyed),
            Event::ReparentNotify(event) => self.note_gone(event.window, Gone::Reparented),
            Event::ButtonPress(event) => self.note_press(Press::of_core(event)),
            Event::XinputButtonPress(event) => self.note_press(Press::of_device(event)),
            Event::ButtonRelease(event) => self.note_release(Press::of_core(event), pressed),
            Event::XinputButtonRelease(event) => {
                self.note_release(Press::of_device(event), pressed);
            }
            // Of a window that somebody destroyed before us; the event about that follows.
            Event::Error(error) => log::debug!("indicator: {:?}", error.error_kind),
            _ => {}
        }
    }

    fn note_press(&mut self, press: Option<Press>) {
        self.pressed = press.and_then(|press| self.control(&press));
    }

    fn note_release(&mut self, press: Option<Press>, pressed: &mut dyn FnMut(Control)) {
        let Some(press) = press else {
            return;
        };
        let released = self.control(&press);
        // Only what was pressed and released over the same control.
        let Some((_, control)) = self.pressed.take().filter(|at| released == Some(*at)) else {
            return;
        };
        // Where the server does not say whose it is, it is nobody's.
        let is_refused = || {
            let made = press.is_made_by_program(&self.server);
            made.inspect_err(|fault| log::warn!("who pressed {control:?}? {fault}"))
                .unwrap_or(true)
        };
        if control.is_for_people_alone() && is_refused() {
            log::warn!("a program pressed {control:?} on the indicator: ignored");
            return;
        }
        pressed(control);
    }

    /// The control that is pressed there.
    fn control(&mut self, press: &Press) -> Option<(Window, Control)> {
        let strip = self.strip(press.window)?;
        let control = strip.control_at(press.x, press.y)?;
        Some((press.window, control))
    }

    fn note_configure(&mut self, event: &ConfigureNotifyEvent) {
        if let Some(strip) = self.strip(event.window) {
            strip.note_configure(event);
        } else if self.strip(event.above_sibling).is_some()
            || self.beside.contains(&event.above_sibling)
        {
            // It has come to lie directly above a strip, or above what does.
            self.raise_wanted = true;
        }
    }

    fn note_gone(&mut self, window: Window, gone: Gone) {
        if let Some(strip) = self.strip(window) {
            // A window that is destroyed is unmapped first.
            let is_worse = strip.gone.is_none_or(|before| before == Gone::Unmapped);
            if is_worse {
                strip.gone = Some(gone);
            }
        }
    }

    fn strip(&mut self, window: Window) -> Option<&mut StripWindow> {
        self.strips.iter_mut().find(|strip| strip.window == window)
    }

    /// Shows again what another program took away.
    fn bring_back(&mut self, now: Instant) -> Result<(), Trouble> {
        if !self.strips.iter().any(|strip| strip.gone.is_some()) {
            return Ok(());
        }
        self.returns.needed(now);
        if !self.returns.allows(now) {
            return Ok(());
        }
        self.returns.tried(now);
        self.tries += 1;
        for strip in &mut self.strips {
            if let Some(gone) = strip.gone {
                let label = &strip.placed.label;
                log::warn!("the indicator on {label} is shown again: {gone:?}");
            }
            strip
                .bring_back(&self.server, &self.name)
                .map_err(|fault| trouble_on(strip, fault))?;
        }
        Ok(())
    }

    fn wants_raise(&self) -> bool {
        self.raise_wanted || self.needs_raise()
    }

    /// Whether it is known that the strips are not where they belong.
    fn needs_raise(&self) -> bool {
        self.doubt != Doubt::None || self.strips.iter().any(StripWindow::is_amiss)
    }

    /// Whether nothing but windows that cover no strip have come above them.
    fn is_false_alarm(&mut self) -> Result<bool, Trouble> {
        if self.needs_raise() {
            return Ok(false);
        }
        let above = stack::look(&self.server, &self.strips);
        match above.map_err(|fault| self.trouble_everywhere(fault))? {
            Above::Covers => Ok(false),
            Above::Beside(windows) => {
                self.beside = windows;
                Ok(true)
            }
        }
    }

    /// Puts the strips back on top and in their places, if that is needed and
    /// was not in vain a moment ago. Whether the server was waited for.
    fn raise(&mut self, now: Instant) -> Result<bool, Trouble> {
        if self.is_empty() || !self.wants_raise() {
            return Ok(false);
        }
        self.raises.needed(now);
        if !self.raises.allows(now) {
            return Ok(false);
        }
        self.raise_wanted = false;
        if self.is_false_alarm()? {
            self.raises.spared();
            return Ok(true);
        }
        self.raises.tried(now);
        self.tries += 1;
        self.beside.clear();
        match self.doubt {
            Doubt::None => {}
            Doubt::Said => self.doubt = Doubt::Looking,
            Doubt::Looking => self.look()?,
        }
        for strip in &self.strips {
            let put_back = strip.put_back(&self.server);
            put_back.map_err(|fault| trouble_on(strip, fault))?;
        }
        Ok(true)
    }

    /// Makes every strip anew that is not seen. When all are, that was it.
    fn look(&mut self) -> Result<(), Trouble> {
        let mut is_clear = true;
        for strip in &mut self.strips {
            let missing = match strip.what_is_missing(&self.server) {
                Ok(missing) => missing,
                // Another program has destroyed it; the event about that follows.
                Err(Fault::Refused(_)) => {
                    is_clear = false;
                    continue;
                }
                Err(fault) => return Err(trouble_on(strip, fault)),
            };
            if let Some(missing) = missing {
                is_clear = false;
                let label = &strip.placed.label;
                log::warn!("the indicator on {label} is made anew: {missing}");
                strip
                    .make_anew(&self.server, &self.name)
                    .map_err(|fault| trouble_on(strip, fault))?;
            }
        }
        if is_clear {
            self.doubt = Doubt::None;
        }
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
