/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which synthetic monitors there are, changed by tests while they are
//! captured.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use euclid::{Box2D, Point2D, Size2D};
use parking_lot::{Mutex, MutexGuard};
use servo_capture_traits::{DesktopPixel, MonitorPixel};

use super::SyntheticGrabber;
use crate::grabber::{GrabError, Grabber, GrabberFactory, Pointer, StallObserver};
use crate::monitor::{Monitor, MonitorId};

/// Pictures a second.
pub const FRAME_RATE: u32 = 30;

/// Pixels that lie over a monitor's picture, as a window would.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// Where on the monitor; what reaches beyond it is cut off.
    pub area: Box2D<u32, MonitorPixel>,
    /// Blue, green, red and a spare byte for each pixel of `area`; rows from
    /// top to bottom without padding.
    pub pixels: Arc<Vec<u8>>,
}

/// What a grabber sees of a monitor.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) monitor: Monitor,
    /// Which picture it shows.
    pub(super) index: u32,
    pub(super) unreadable: Option<String>,
    pub(super) overlay: Option<Overlay>,
    /// Grows with each change of `overlay`.
    pub(super) overlay_version: u64,
    pub(super) telling: Telling,
}

/// What a synthetic display server tells of what is drawn on a monitor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Telling {
    /// All of it.
    #[default]
    Truly,
    /// Nothing, and it says so: pictures must be compared.
    Not,
    /// Nothing, as if nothing were drawn.
    Falsely,
}

pub(super) enum Clock {
    /// Since when frames have been counted.
    Running(Instant),
    Stopped(Duration),
}

pub(super) struct State {
    pub(super) slots: Vec<Slot>,
    pub(super) clock: Clock,
    /// Grows with each change that [`Grabber::layout_changed`] tells.
    pub(super) layout_version: u64,
    /// Grows with each broken connection: grabbers made before are of no use.
    pub(super) connection: u64,
    /// Why no connection can be made.
    pub(super) outage: Option<String>,
    /// How long the next answer takes.
    pub(super) stall: Option<Duration>,
    /// How long each reading takes longer than it must.
    pub(super) slowness: Duration,
    pub(super) pointer: Option<Pointer>,
    plugged: u32,
}

impl State {
    pub(super) fn slot(&self, id: MonitorId) -> Result<&Slot, GrabError> {
        let found = self.slots.iter().find(|slot| slot.monitor.id == id);
        found.ok_or(GrabError::UnknownMonitor(id))
    }

    /// The number of the frame that monitors show now.
    pub(super) fn frame(&self) -> u32 {
        let elapsed = match self.clock {
            Clock::Running(start) => start.elapsed(),
            Clock::Stopped(elapsed) => elapsed,
        };
        // Wraps after four and a half years.
        (elapsed.as_micros() * u128::from(FRAME_RATE) / 1_000_000) as u32
    }

    /// How long monitors show this frame from now on; for ever while time
    /// stands still.
    pub(super) fn until_next_frame(&self) -> Option<Duration> {
        let Clock::Running(start) = self.clock else {
            return None;
        };
        let frames = start.elapsed().as_micros() * u128::from(FRAME_RATE);
        let left = 1_000_000 - frames % 1_000_000;
        Some(Duration::from_micros(
            (left / u128::from(FRAME_RATE)) as u64 + 1,
        ))
    }
}

/// A handle on synthetic monitors; its clones are the same monitors.
///
/// The default ones are `Synthetic-1` (1920x1080 at 0, 0; primary),
/// `Synthetic-2` (1280x1024 at 1920, 0) and `Synthetic-3` (2560x1440 at 3200,
/// 0): scale 1, no panels, 30 pictures a second.
#[derive(Clone)]
pub struct SyntheticLayout {
    state: Arc<Mutex<State>>,
}

impl Default for SyntheticLayout {
    fn default() -> Self {
        let layout = Self::empty();
        layout.plug(0, 0, 1920, 1080);
        layout.plug(1920, 0, 1280, 1024);
        layout.plug(3200, 0, 2560, 1440);
        layout
    }
}

impl SyntheticLayout {
    /// The default monitors of this process: what one part of it changes, the
    /// indicator's strip above all, the others see.
    pub fn of_this_process() -> Self {
        static LAYOUT: LazyLock<SyntheticLayout> = LazyLock::new(SyntheticLayout::default);
        LAYOUT.clone()
    }

    /// A display server without monitors.
    pub fn empty() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                slots: Vec::new(),
                clock: Clock::Running(Instant::now()),
                layout_version: 0,
                connection: 0,
                outage: None,
                stall: None,
                slowness: Duration::ZERO,
                pointer: None,
                plugged: 0,
            })),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Plugs in a monitor, in device pixels. Its number, in its name and for
    /// its picture, is the next one; the first is primary.
    pub fn plug(&self, x: i32, y: i32, width: u32, height: u32) -> MonitorId {
        let mut state = self.lock();
        let index = state.plugged;
        state.plugged += 1;
        let id = MonitorId(u64::from(index) + 1);
        let bounds = place(x, y, Size2D::new(width, height));
        state.slots.push(Slot {
            monitor: Monitor {
                id,
                bounds,
                work_area: bounds,
                scale: 1.0,
                color_depth: 24,
                is_primary: index == 0,
                is_internal: false,
                label: format!("Synthetic-{}", id.0),
            },
            index,
            unreadable: None,
            overlay: None,
            overlay_version: 0,
            telling: Telling::Truly,
        });
        state.layout_version += 1;
        id
    }

    /// Unplugs a monitor.
    pub fn unplug(&self, id: MonitorId) {
        let mut state = self.lock();
        state.slots.retain(|slot| slot.monitor.id != id);
        state.layout_version += 1;
    }

    /// Puts a monitor's top left corner at (`x`, `y`).
    pub fn move_to(&self, id: MonitorId, x: i32, y: i32) {
        self.change(id, |monitor| {
            monitor.bounds = place(x, y, monitor.size());
            monitor.work_area = monitor.bounds;
        });
    }

    /// Gives a monitor another resolution.
    pub fn resize(&self, id: MonitorId, width: u32, height: u32) {
        self.change(id, |monitor| {
            let min = monitor.bounds.min;
            monitor.bounds = place(min.x, min.y, Size2D::new(width, height));
            monitor.work_area = monitor.bounds;
        });
    }

    /// Changes what is told of a monitor: scale, work area, label.
    pub fn change(&self, id: MonitorId, change: impl FnOnce(&mut Monitor)) {
        let mut state = self.lock();
        if let Some(slot) = slot_mut(&mut state, id) {
            change(&mut slot.monitor);
            slot.monitor.id = id;
            state.layout_version += 1;
        }
    }

    /// Lets reading a monitor fail for a reason, or succeed again.
    pub fn set_unreadable(&self, id: MonitorId, reason: Option<&str>) {
        if let Some(slot) = slot_mut(&mut self.lock(), id) {
            slot.unreadable = reason.map(str::to_owned);
        }
    }

    /// Changes what is told of what is drawn on a monitor.
    pub fn set_telling(&self, id: MonitorId, telling: Telling) {
        if let Some(slot) = slot_mut(&mut self.lock(), id) {
            slot.telling = telling;
        }
    }

    /// Lets the next answer take so long.
    pub fn stall_for(&self, duration: Duration) {
        self.lock().stall = Some(duration);
    }

    /// Lets each reading take so much longer.
    pub fn set_slowness(&self, slowness: Duration) {
        self.lock().slowness = slowness;
    }

    /// Puts the pointer somewhere; synthetic monitors have none at first.
    pub fn set_pointer(&self, pointer: Option<Pointer>) {
        self.lock().pointer = pointer;
    }

    /// Puts something over a monitor's picture, or takes it away.
    ///
    /// # Errors
    /// There is no such monitor, or the overlay has too few pixels.
    pub fn set_overlay(&self, id: MonitorId, overlay: Option<Overlay>) -> Result<(), GrabError> {
        if let Some(overlay) = &overlay {
            let size = overlay.area.size();
            let needed = u64::from(size.width) * u64::from(size.height) * 4;
            if (overlay.pixels.len() as u64) < needed || overlay.area.is_empty() {
                return Err(GrabError::Unreadable {
                    monitor: id,
                    reason: format!("an overlay of {needed} bytes is not {:?}", overlay.area),
                });
            }
        }
        let mut state = self.lock();
        let slot = slot_mut(&mut state, id).ok_or(GrabError::UnknownMonitor(id))?;
        slot.overlay = overlay;
        slot.overlay_version += 1;
        Ok(())
    }

    /// Breaks the connection of every grabber. New ones cannot be made until
    /// [`SyntheticLayout::recover`].
    pub fn disconnect(&self, reason: &str) {
        let mut state = self.lock();
        state.connection += 1;
        state.outage = Some(reason.to_owned());
    }

    /// Lets grabbers be made again.
    pub fn recover(&self) {
        self.lock().outage = None;
    }

    /// Stops time: monitors show the frame of `elapsed` until this is called
    /// again.
    pub fn stop_clock_at(&self, elapsed: Duration) {
        self.lock().clock = Clock::Stopped(elapsed);
    }

    /// The monitors, in the order of [`Monitor::sort`].
    pub fn monitors(&self) -> Vec<Monitor> {
        let state = self.lock();
        let mut monitors: Vec<Monitor> = state
            .slots
            .iter()
            .map(|slot| slot.monitor.clone())
            .collect();
        Monitor::sort(&mut monitors);
        monitors
    }

    /// The number of the frame that all monitors show now.
    pub fn frame(&self) -> u32 {
        self.lock().frame()
    }

    /// A grabber of these monitors.
    ///
    /// # Errors
    /// [`GrabError::NoDisplayServer`] after [`SyntheticLayout::disconnect`].
    pub fn connect(&self) -> Result<SyntheticGrabber, GrabError> {
        SyntheticGrabber::new(self.clone(), None)
    }

    /// Makes grabbers of these monitors.
    pub fn factory(&self) -> GrabberFactory {
        let layout = self.clone();
        Box::new(move |observer: &StallObserver| {
            let grabber = SyntheticGrabber::new(layout.clone(), Some(observer.clone()))?;
            Ok(Box::new(grabber) as Box<dyn Grabber>)
        })
    }
}

fn slot_mut(state: &mut State, id: MonitorId) -> Option<&mut Slot> {
    state.slots.iter_mut().find(|slot| slot.monitor.id == id)
}

fn place(x: i32, y: i32, size: Size2D<u32, MonitorPixel>) -> Box2D<i32, DesktopPixel> {
    Box2D::from_origin_and_size(Point2D::new(x, y), size.cast_unit().cast())
}
