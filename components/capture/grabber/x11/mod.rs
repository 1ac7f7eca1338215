/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reads monitors from an X server.
//!
//! One connection serves all monitors. The server is never grabbed: other
//! programs go on drawing between our requests.

mod canvas;
mod connection;
mod damage;
mod edid;
mod monitors;
mod scale;
mod shm;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod work_area;

use std::collections::HashMap;

use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::Damage;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{Atom, AtomEnum};

use self::canvas::{BYTES_PER_PIXEL, Canvas as Memory, ReadError, explain};
use self::connection::{Server, answer, disconnected};
use self::damage::{Dirt, RootDamage};
use crate::grabber::{Canvas, GrabError, Grabber};
use crate::monitor::{Monitor, MonitorId};

/// How many events are looked at in one call; what is left waits for the next.
const MAX_EVENTS: usize = 4096;

/// Where an open monitor is now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Presence {
    /// Where it was opened.
    Unchanged,
    /// At another place or of another size.
    Changed,
    /// Nowhere.
    Gone,
}

struct OpenMonitor {
    memory: Memory,
    dirt: Dirt,
    presence: Presence,
}

/// A [`Grabber`] for the monitors of one X screen.
pub struct X11Grabber {
    server: Server,
    open: HashMap<MonitorId, OpenMonitor>,
    /// While monitors are open and the server has DAMAGE.
    damage: Option<RootDamage>,
    /// Answers the next [`Grabber::layout_changed`].
    layout_changed: bool,
    /// The places of open monitors must be compared before pixels are believed.
    places_unchecked: bool,
    /// Why the connection is of no more use. Nothing is sent, nor any memory
    /// lent, after that: a late answer could still write to it.
    broken: Option<GrabError>,
}

impl X11Grabber {
    /// Connects to the X server with this name, `:0`.
    ///
    /// # Errors
    /// [`GrabError::NoDisplayServer`] when it cannot be reached or has no
    /// pixels of eight bits each of red, green and blue.
    pub fn connect(display: &str) -> Result<Self, GrabError> {
        Ok(Self {
            server: Server::connect(display)?,
            open: HashMap::new(),
            damage: None,
            layout_changed: false,
            places_unchecked: false,
            broken: None,
        })
    }

    /// Whether the server shows its windows through a Wayland compositor. Its
    /// root window has no picture then.
    pub fn is_xwayland(&self) -> bool {
        self.server.is_xwayland
    }

    /// Runs `work` unless the connection is broken, and notes if it breaks.
    fn connected<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, GrabError>,
    ) -> Result<T, GrabError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let result = work(self);
        if let Err(error) = &result
            && error.is_fatal()
        {
            self.broken = Some(error.clone());
        }
        result
    }

    /// Notes what the events that have arrived tell. Does not block.
    fn take_events(&mut self) -> Result<(), GrabError> {
        for _ in 0..MAX_EVENTS {
            let event = self.server.connection.poll_for_event_with_sequence();
            let Some((event, sequence)) = event.map_err(disconnected)? else {
                break;
            };
            self.take_event(&event, sequence);
        }
        Ok(())
    }

    fn take_event(&mut self, event: &Event, sequence: u64) {
        match event {
            // Xvfb tells of monitors set by a client by nothing but the root
            // window's notification.
            Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_) => {
                self.layout_changed = true;
                self.places_unchecked = true;
            }
            Event::ConfigureNotify(event) if event.window == self.server.root => {
                self.layout_changed = true;
                self.places_unchecked = true;
            }
            Event::PropertyNotify(event) if self.describes_monitors(event.atom) => {
                self.layout_changed = true;
            }
            Event::DamageNotify(event) => {
                if let Some(damage) = &mut self.damage {
                    damage.notified(event.damage, sequence);
                }
            }
            Event::Error(error) => log::debug!("{}", explain(error)),
            _ => {}
        }
    }

    /// Whether a property of the root window holds the scale or the work area.
    fn describes_monitors(&self, property: Atom) -> bool {
        let atoms = &self.server.atoms;
        property == Atom::from(AtomEnum::RESOURCE_MANAGER)
            || property == atoms.work_area
            || property == atoms.current_desktop
    }

    /// Compares the places of open monitors with the server's, if events told
    /// of a change.
    fn check_places(&mut self) -> Result<(), GrabError> {
        if !self.places_unchecked || self.open.is_empty() {
            return Ok(());
        }
        self.places_unchecked = false;
        let places = monitors::places(&self.server)?;
        for (id, open) in &mut self.open {
            open.presence = match places.iter().find(|place| place.id == *id) {
                Some(place) if place.bounds == open.memory.bounds() => Presence::Unchanged,
                Some(_) => Presence::Changed,
                None => Presence::Gone,
            };
        }
        Ok(())
    }

    /// An error unless the monitor is open and where it was opened.
    fn check_presence(&self, monitor: MonitorId) -> Result<(), GrabError> {
        match self.open.get(&monitor).map(|open| open.presence) {
            Some(Presence::Unchanged) => Ok(()),
            Some(Presence::Changed) => Err(GrabError::MonitorChanged(monitor)),
            Some(Presence::Gone) | None => Err(GrabError::UnknownMonitor(monitor)),
        }
    }

    /// Takes the damage that was notified and gives each open monitor its part.
    fn take_damage(&mut self) -> Result<(), GrabError> {
        let Some(damage) = self.damage.as_mut().filter(|damage| damage.is_pending()) else {
            return Ok(());
        };
        let taken = damage.take(&self.server.connection).map_err(disconnected)?;
        let reply = answer(taken.reply())?.map(|reply| reply.rectangles);
        distribute(&mut self.open, reply.ok().as_deref());
        Ok(())
    }

    fn open_monitor(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        self.take_events()?;
        let place = monitors::places(&self.server)?
            .into_iter()
            .find(|place| place.id == monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        if let Some(open) = self.open.get_mut(&monitor)
            && open.memory.show(place.bounds)
        {
            open.dirt = Dirt::Whole;
            open.presence = Presence::Unchanged;
            return Ok(());
        }
        self.close_monitor(monitor);
        let memory = Memory::new(&mut self.server, place.bounds)?
            .map_err(|reason| GrabError::Unreadable { monitor, reason })?;
        let open = OpenMonitor {
            memory,
            dirt: Dirt::Whole,
            presence: Presence::Unchanged,
        };
        self.open.insert(monitor, open);
        if self.damage.is_none() && self.server.has_damage {
            let damage = RootDamage::watch(&self.server.connection, self.server.root)?;
            self.damage = Some(damage);
        }
        Ok(())
    }

    fn close_monitor(&mut self, monitor: MonitorId) {
        let open = self.open.remove(&monitor);
        if self.broken.is_some() {
            return;
        }
        if let Some(open) = open {
            open.memory.close(&self.server);
        }
        if self.open.is_empty()
            && let Some(damage) = self.damage.take()
        {
            damage.forget(&self.server.connection);
        }
    }

    fn is_dirty(&mut self, monitor: MonitorId) -> Result<bool, GrabError> {
        self.take_events()?;
        self.take_damage()?;
        let open = self
            .open
            .get(&monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        // Whether the monitor still is where it was is for `grab` to tell.
        Ok(self.damage.is_none() || self.places_unchecked || !open.dirt.is_empty())
    }

    /// Reads the pixels of an open monitor, and takes the damage on the way,
    /// before the pixels: that costs no further round trip.
    fn read_pixels(&mut self, monitor: MonitorId) -> Result<Result<(), ReadError>, GrabError> {
        let connection = &self.server.connection;
        let open = self
            .open
            .get_mut(&monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        let taken = match &mut self.damage {
            Some(damage) => Some(damage.take(connection).map_err(disconnected)?),
            None => None,
        };
        let read = open.memory.read(&self.server);
        if let Err(ReadError::Connection(error)) = read {
            return Err(error);
        }
        if let Some(taken) = taken {
            let reply = answer(taken.reply())?.map(|reply| reply.rectangles);
            distribute(&mut self.open, reply.ok().as_deref());
        }
        Ok(read)
    }

    /// Brings a monitor's picture up to date; what changed, and since when the
    /// pixels may have been read.
    fn read(&mut self, monitor: MonitorId) -> Result<(Damage, CrossProcessInstant), GrabError> {
        self.take_events()?;
        self.check_places()?;
        self.check_presence(monitor)?;
        let captured_at = CrossProcessInstant::now();
        let unreadable = match self.read_pixels(monitor)? {
            Ok(()) => None,
            Err(ReadError::Connection(error)) => return Err(error),
            Err(ReadError::Nonsense(reason)) => Some(reason),
            Err(ReadError::Refused(refusal)) => {
                // A rectangle that reaches beyond the screen is refused, as it
                // is right after the screen became smaller.
                self.places_unchecked = true;
                Some(explain(&refusal))
            }
        };
        // Had the layout changed before the pixels were read, the event would
        // have come before them.
        self.take_events()?;
        self.check_places()?;
        self.check_presence(monitor)?;
        if let Some(reason) = unreadable {
            return Err(GrabError::Unreadable { monitor, reason });
        }
        let damage = match self.open.get_mut(&monitor) {
            Some(open) if self.damage.is_some() => open.dirt.clear(),
            _ => Damage::Whole,
        };
        Ok((damage, captured_at))
    }
}

/// Gives each open monitor its part of what was drawn on; everything, where
/// the server did not tell.
fn distribute(
    open: &mut HashMap<MonitorId, OpenMonitor>,
    drawn: Option<&[x11rb::protocol::xproto::Rectangle]>,
) {
    for monitor in open.values_mut() {
        match drawn {
            Some(rectangles) => {
                let bounds = monitor.memory.bounds();
                for rectangle in rectangles {
                    monitor.dirt.add(rectangle, bounds);
                }
            }
            None => monitor.dirt = Dirt::Whole,
        }
    }
}

impl Grabber for X11Grabber {
    fn describe(&self) -> String {
        self.server.to_string()
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
        self.connected(|grabber| {
            // What comes while they are listed counts for the next call.
            grabber.take_events()?;
            grabber.layout_changed = false;
            let monitors = monitors::monitors(&grabber.server)?;
            if monitors.is_empty() {
                return Err(GrabError::NoMonitor);
            }
            Ok(monitors)
        })
    }

    fn layout_changed(&mut self) -> Result<bool, GrabError> {
        self.connected(|grabber| {
            grabber.take_events()?;
            Ok(std::mem::take(&mut grabber.layout_changed))
        })
    }

    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        self.connected(|grabber| grabber.open_monitor(monitor))
    }

    fn close(&mut self, monitor: MonitorId) {
        self.close_monitor(monitor);
    }

    fn has_damage(&mut self, monitor: MonitorId) -> Result<bool, GrabError> {
        self.connected(|grabber| grabber.is_dirty(monitor))
    }

    fn grab(&mut self, monitor: MonitorId) -> Result<Canvas<'_>, GrabError> {
        let (damage, captured_at) = self.connected(|grabber| grabber.read(monitor))?;
        let memory = match self.open.get(&monitor) {
            Some(open) => &open.memory,
            None => return Err(GrabError::UnknownMonitor(monitor)),
        };
        let size = memory.size();
        Ok(Canvas {
            size,
            stride_bytes: size.width as usize * BYTES_PER_PIXEL,
            pixels: memory.pixels(),
            damage,
            captured_at,
        })
    }
}

impl Drop for X11Grabber {
    fn drop(&mut self) {
        // The server would forget all of it with the connection, but not
        // before it noticed.
        for monitor in self.open.keys().copied().collect::<Vec<_>>() {
            self.close_monitor(monitor);
        }
    }
}
