/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reads monitors from an X server.
//!
//! One connection serves all monitors. The server is never grabbed: other
//! programs go on drawing between our requests.

mod connection;
mod damage;
mod edid;
mod memory;
mod monitors;
mod plan;
mod pointer;
mod reading;
mod rows;
mod scale;
#[cfg(test)]
mod tests;
mod transfer;
mod work_area;

use std::collections::HashMap;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use euclid::Box2D;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, DesktopPixel, PictureWriter};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, CreateGCAux, Gcontext, Rectangle, SubwindowMode,
};
use x11rb::x11_utils::X11Error;

use self::connection::{Server, answer, disconnected, new_id};
use self::damage::{RootDamage, on_monitor};
use self::memory::attach;
use self::plan::Division;
use self::pointer::PointerWatch;
use self::rows::RowReader;
use self::transfer::Origin;
use crate::grabber::{GrabError, Grabber, Picture, Pointer, Read, RowsRead, StallObserver, WakeBy};
use crate::monitor::{Monitor, MonitorId};
use crate::x11::Refusal;

/// How many events are looked at in one call; what is left waits for the next.
const MAX_EVENTS: usize = 4096;
/// How often the pointer is looked for where the server does not tell of moves.
const POINTER_PERIOD: Duration = Duration::from_millis(33);

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
    bounds: Box2D<i32, DesktopPixel>,
    origin: Origin,
    presence: Presence,
    /// What was taken from the server and not told yet.
    drawn: Damage,
    division: Division,
}

/// A [`Grabber`] for the monitors of one X screen.
pub struct X11Grabber {
    server: Server,
    open: HashMap<MonitorId, OpenMonitor>,
    /// While monitors are open and the server has DAMAGE.
    damage: Option<RootDamage>,
    pointer: PointerWatch,
    rows: RowReader,
    /// What copies are made with: windows as they are seen, no notifications.
    context: Gcontext,
    /// Answers the next [`Grabber::layout_changed`].
    layout_changed: bool,
    /// The places of open monitors must be compared before pixels are believed.
    places_unchecked: bool,
    /// Not all events that have come were looked at.
    has_more_events: bool,
    /// Why the connection is of no more use. Nothing is sent, nor any memory
    /// lent, after that: a late answer could still write to it.
    broken: Option<GrabError>,
    /// The same for pictures.
    is_lost: Arc<AtomicBool>,
    /// In how many rounds pictures were read.
    #[cfg(test)]
    rounds: usize,
}

impl X11Grabber {
    /// Connects to the X server with this name, `:0`; `stalls` is told when it
    /// stops answering for a while.
    ///
    /// # Errors
    /// [`GrabError::NoDisplayServer`] when it cannot be reached or has no
    /// pixels of eight bits each of red, green and blue.
    pub fn connect(display: &str, stalls: &StallObserver) -> Result<Self, GrabError> {
        let server = Server::connect(display, stalls)?;
        let context = new_id(&server.connection)?;
        let how = CreateGCAux::new()
            .subwindow_mode(SubwindowMode::INCLUDE_INFERIORS)
            .graphics_exposures(0);
        server
            .connection
            .create_gc(context, server.root, &how)
            .map_err(disconnected)?;
        server.connection.flush().map_err(disconnected)?;
        Ok(Self {
            server,
            open: HashMap::new(),
            damage: None,
            pointer: PointerWatch::default(),
            rows: RowReader::default(),
            context,
            layout_changed: false,
            places_unchecked: false,
            has_more_events: false,
            broken: None,
            is_lost: Arc::new(AtomicBool::new(false)),
            #[cfg(test)]
            rounds: 0,
        })
    }

    /// Whether the server shows its windows through a Wayland compositor. Its
    /// root window has no picture then.
    pub fn is_xwayland(&self) -> bool {
        self.server.is_xwayland
    }

    /// As [`Self::connected`], for work that waits for answers. What came along
    /// with them is noted too: it makes no descriptor readable.
    fn answered<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, GrabError>,
    ) -> Result<T, GrabError> {
        self.connected(|grabber| {
            let result = work(grabber);
            if !matches!(&result, Err(error) if error.is_fatal()) {
                grabber.take_events()?;
            }
            result
        })
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
            self.is_lost.store(true, Ordering::Release);
        }
        result
    }

    /// Notes what the events that have arrived tell. Does not block.
    fn take_events(&mut self) -> Result<(), GrabError> {
        for _ in 0..MAX_EVENTS {
            let event = self.server.connection.poll_for_event_with_sequence();
            let Some((event, sequence)) = event.map_err(disconnected)? else {
                self.has_more_events = false;
                return Ok(());
            };
            self.take_event(&event, sequence);
        }
        self.has_more_events = true;
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
            Event::XinputRawMotion(_) => self.pointer.moved(),
            Event::XfixesCursorNotify(_) => self.pointer.reshaped(),
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
                Some(place) if place.bounds == open.bounds => Presence::Unchanged,
                Some(_) => Presence::Changed,
                None => Presence::Gone,
            };
        }
        Ok(())
    }

    /// Notes what came along with pixels, and where the monitors are that they
    /// are of.
    fn look_after_reading(&mut self) -> Result<(), GrabError> {
        self.take_events()?;
        if self.places_unchecked {
            self.check_places()?;
            self.take_events()?;
        }
        Ok(())
    }

    /// An error unless the monitor is open and where it was opened.
    fn check_presence(&self, monitor: MonitorId) -> Result<(), GrabError> {
        self.present_origin(monitor).map(|_| ())
    }

    /// Where an open monitor's pixels are.
    fn present_origin(&self, monitor: MonitorId) -> Result<Origin, GrabError> {
        match self.open.get(&monitor) {
            Some(open) => match open.presence {
                Presence::Unchanged => Ok(open.origin),
                Presence::Changed => Err(GrabError::MonitorChanged(monitor)),
                Presence::Gone => Err(GrabError::UnknownMonitor(monitor)),
            },
            None => Err(GrabError::UnknownMonitor(monitor)),
        }
    }

    /// Gives each open monitor its part of what was drawn on; everything, where
    /// the server did not tell.
    fn distribute(&self, drawn: Option<&[Rectangle]>) -> HashMap<MonitorId, Damage> {
        let part_of = |open: &OpenMonitor| {
            let Some(rectangles) = drawn else {
                return Damage::Whole;
            };
            let mut damage = Damage::nothing();
            for rectangle in rectangles {
                if let Some(part) = on_monitor(rectangle, open.bounds) {
                    damage.add(part);
                }
            }
            damage
        };
        let monitors = self.open.iter();
        monitors.map(|(id, open)| (*id, part_of(open))).collect()
    }

    fn take_drawn(&mut self, told: &mut dyn FnMut(MonitorId, Damage)) -> Result<(), GrabError> {
        self.take_events()?;
        if let Some(damage) = self.damage.as_mut().filter(|damage| damage.is_pending()) {
            let connection = self.server.connection.clone();
            let taken = damage.take(&connection).map_err(disconnected)?;
            let reply = answer(taken.reply())?.map(|reply| reply.rectangles);
            let parts = self.distribute(reply.ok().as_deref());
            for (monitor, open) in &mut self.open {
                if let Some(part) = parts.get(monitor) {
                    open.drawn.merge(part);
                }
            }
            // What came along with the answer makes no descriptor readable.
            self.take_events()?;
        }
        for (monitor, open) in &mut self.open {
            if !open.drawn.is_empty() {
                let drawn = open.drawn.take();
                told(*monitor, drawn.bounded(open.origin.size));
            }
        }
        Ok(())
    }

    fn open_monitor(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        self.take_events()?;
        let place = monitors::places(&self.server)?
            .into_iter()
            .find(|place| place.id == monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        let origin = Origin::new(place.bounds).ok_or_else(|| GrabError::Unreadable {
            monitor,
            reason: format!("{:?} is too large for the X protocol", place.bounds),
        })?;
        // Whoever opens a monitor reads it whole at first.
        let drawn = match self.open.remove(&monitor) {
            Some(known) if known.bounds == place.bounds => known.drawn,
            Some(_) => Damage::Whole,
            None => Damage::nothing(),
        };
        let open = OpenMonitor {
            bounds: place.bounds,
            origin,
            presence: Presence::Unchanged,
            drawn,
            division: Division::default(),
        };
        self.open.insert(monitor, open);
        if self.damage.is_none() && self.server.has_damage {
            let damage = RootDamage::watch(&self.server.connection, self.server.root)?;
            self.damage = Some(damage);
        }
        let read = self.read_some_rows(monitor, 0..1, &mut Vec::new());
        // One that changes again at this very moment stays open, to be opened once more.
        if matches!(&read, Err(error) if !error.is_temporary()) {
            self.close_monitor(monitor);
        }
        read
    }

    fn close_monitor(&mut self, monitor: MonitorId) {
        self.open.remove(&monitor);
        if self.open.is_empty() && self.broken.is_none() {
            self.rows.clear();
            if let Some(damage) = self.damage.take() {
                damage.forget(&self.server.connection);
            }
        }
    }

    fn make_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError> {
        self.take_events()?;
        self.check_places()?;
        let origin = self.present_origin(monitor)?;
        let no_memory = |error: std::io::Error| GrabError::Unreadable {
            monitor,
            reason: format!("no memory to share: {error}"),
        };
        let writer = PictureWriter::new(origin.bytes()).map_err(no_memory)?;
        let size = Some(origin.size);
        let attachment =
            attach(&mut self.server, &self.is_lost, &writer, size)?.map_err(no_memory)?;
        // The server has its map: nobody gets another one to write to.
        writer.seal().map_err(no_memory)?;
        let attachment = attachment.map(|attachment| Box::new(attachment) as _);
        Ok(Picture::new(writer, monitor, origin.size, attachment))
    }
}

impl Grabber for X11Grabber {
    fn describe(&self) -> String {
        self.server.to_string()
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
        self.answered(|grabber| {
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
        self.answered(|grabber| grabber.open_monitor(monitor))
    }

    fn close(&mut self, monitor: MonitorId) {
        self.close_monitor(monitor);
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        let happened = self.layout_changed
            || self.has_more_events
            || self.pointer.has_news()
            || self.damage.as_ref().is_some_and(RootDamage::is_pending)
            || self.open.values().any(|open| !open.drawn.is_empty());
        if happened || self.broken.is_some() {
            WakeBy::Period(Duration::ZERO)
        } else if self.pointer.is_watched() && !self.server.has_motion {
            WakeBy::Period(POINTER_PERIOD)
        } else {
            WakeBy::Descriptor(self.server.connection.stream().as_fd())
        }
    }

    fn tells_damage(&self, monitor: MonitorId) -> bool {
        self.damage.is_some() && self.open.contains_key(&monitor)
    }

    fn take_damage(&mut self, told: &mut dyn FnMut(MonitorId, Damage)) -> Result<(), GrabError> {
        self.connected(|grabber| grabber.take_drawn(told))
    }

    fn new_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError> {
        self.answered(|grabber| grabber.make_picture(monitor))
    }

    fn read(
        &mut self,
        reads: &mut [Read<'_>],
    ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError> {
        self.connected(|grabber| grabber.read_all(reads))
    }

    fn read_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError> {
        self.connected(|grabber| grabber.read_some_rows(monitor, rows, into))
    }

    fn read_many_rows(
        &mut self,
        reads: &mut [RowsRead<'_>],
        nap: Duration,
    ) -> Result<Vec<Result<(), GrabError>>, GrabError> {
        self.connected(|grabber| grabber.read_all_rows(reads, nap))
    }

    fn pointer(&mut self) -> Result<Option<Pointer>, GrabError> {
        self.answered(|grabber| {
            grabber.take_events()?;
            grabber.pointer.ask(&grabber.server)
        })
    }

    fn watch_pointer(&mut self, wanted: bool) -> Result<(), GrabError> {
        self.answered(|grabber| grabber.pointer.watch(&grabber.server, wanted))
    }
}

impl Drop for X11Grabber {
    fn drop(&mut self) {
        // The server would forget all of it with the connection, but not
        // before it noticed, nor while a picture keeps the connection.
        for monitor in self.open.keys().copied().collect::<Vec<_>>() {
            self.close_monitor(monitor);
        }
    }
}

/// What a refused request says to people.
fn explain(error: &X11Error) -> String {
    format!("the X server answered {}", Refusal(error))
}
