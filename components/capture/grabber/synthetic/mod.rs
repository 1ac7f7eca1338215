/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Monitors of known size and picture, without any display: what a machine
//! without a display server captures, and the fake that the service is tested
//! with.

mod layout;
pub mod picture;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use euclid::{Box2D, Size2D};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::picture::picture_bytes;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel, PictureWriter};

use self::layout::Slot;
pub use self::layout::{FRAME_RATE, Overlay, SyntheticLayout, Telling};
use self::picture::{draw, time_code_area};
use crate::grabber::{GrabError, Grabber, Picture, Pointer, Read, StallObserver, WakeBy};
use crate::monitor::{Monitor, MonitorId};

/// More than any real monitor has; keeps a mistake from taking all memory.
const MAX_PIXELS: u64 = 1 << 26;
/// How long what tests change may stay unnoticed.
const LOOK_PERIOD: Duration = Duration::from_millis(25);
/// After how long an observer is told of a stall.
const STALL: Duration = Duration::from_secs(1);

/// What a monitor shows: the frame and the version of the overlay.
type Shown = (u32, u64);

struct OpenMonitor {
    bounds: Box2D<i32, DesktopPixel>,
    /// The monitor's picture.
    pixels: Vec<u8>,
    /// What `pixels` show; none before they are first drawn.
    shown: Option<Shown>,
    /// Where the overlay was drawn.
    overlaid: Option<Box2D<u32, MonitorPixel>>,
    /// What was drawn and not told.
    untold: Damage,
}

/// A [`Grabber`] of a [`SyntheticLayout`].
pub struct SyntheticGrabber {
    layout: SyntheticLayout,
    observer: Option<StallObserver>,
    connection: u64,
    layout_version: u64,
    open: HashMap<MonitorId, OpenMonitor>,
}

impl SyntheticGrabber {
    pub(self) fn new(
        layout: SyntheticLayout,
        observer: Option<StallObserver>,
    ) -> Result<Self, GrabError> {
        let (connection, layout_version) = {
            let state = layout.lock();
            if let Some(reason) = &state.outage {
                return Err(GrabError::NoDisplayServer(reason.clone()));
            }
            (state.connection, state.layout_version)
        };
        Ok(Self {
            layout,
            observer,
            connection,
            layout_version,
            open: HashMap::new(),
        })
    }

    fn check_connection(&self) -> Result<(), GrabError> {
        let state = self.layout.lock();
        if state.connection == self.connection {
            return Ok(());
        }
        Err(GrabError::Disconnected(
            state
                .outage
                .clone()
                .unwrap_or_else(|| "it was broken meanwhile".to_owned()),
        ))
    }

    /// Waits for as long as the display server is to be silent.
    fn wait_for_answer(&self) {
        let Some(stall) = self.layout.lock().stall.take() else {
            return;
        };
        let tell = |stalled| {
            if let Some(observer) = &self.observer {
                observer(stalled);
            }
        };
        thread::sleep(stall.min(STALL));
        if let Some(rest) = stall.checked_sub(STALL) {
            tell(true);
            thread::sleep(rest);
            tell(false);
        }
    }

    /// Draws what an open monitor shows now.
    fn look(&mut self, monitor: MonitorId) -> Result<&mut OpenMonitor, GrabError> {
        self.check_connection()?;
        let (slot, frame) = {
            let state = self.layout.lock();
            (state.slot(monitor)?.clone(), state.frame())
        };
        let open = self
            .open
            .get_mut(&monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        if open.bounds != slot.monitor.bounds {
            return Err(GrabError::MonitorChanged(monitor));
        }
        if let Some(reason) = slot.unreadable {
            return Err(GrabError::Unreadable { monitor, reason });
        }
        open.update(&slot, frame);
        Ok(open)
    }

    /// Copies what an open monitor shows into a picture of it.
    fn copy(&self, read: &mut Read) -> Result<(), GrabError> {
        let monitor = read.picture.monitor;
        let open = self.open.get(&monitor);
        let open = open.ok_or(GrabError::UnknownMonitor(monitor))?;
        let size = open.size();
        if read.picture.size != size {
            return Err(GrabError::MonitorChanged(monitor));
        }
        let mut parts = read.parts.clone();
        parts.merge(&read.more);
        let stride = size.width as usize * 4;
        let into = read.picture.writer.bytes_mut();
        for part in parts.rectangles(size) {
            let (left, right) = (part.min.x as usize * 4, part.max.x as usize * 4);
            for y in part.min.y as usize..part.max.y as usize {
                let row = y * stride + left..y * stride + right;
                into[row.clone()].copy_from_slice(&open.pixels[row]);
            }
        }
        Ok(())
    }
}

impl OpenMonitor {
    fn size(&self) -> Size2D<u32, MonitorPixel> {
        self.bounds.size().cast_unit().cast()
    }

    /// Brings the picture up to date, and notes what was drawn.
    fn update(&mut self, slot: &Slot, frame: u32) {
        let size = self.size();
        let now = (frame, slot.overlay_version);
        let overlay_now = slot.overlay.as_ref().map(|overlay| overlay.area);
        let mut damage = Damage::nothing();
        match self.shown {
            None => damage = Damage::Whole,
            Some(shown) if shown == now => return,
            Some((shown_frame, shown_overlay)) => {
                if shown_frame != frame {
                    damage.add(time_code_area());
                }
                if shown_overlay != slot.overlay_version {
                    for area in [self.overlaid, overlay_now].into_iter().flatten() {
                        damage.add(area);
                    }
                }
            }
        }
        for area in damage.rectangles(size) {
            draw(&mut self.pixels, slot.index, size, area, frame);
        }
        if let Some(overlay) = &slot.overlay {
            self.lay_over(overlay);
        }
        self.overlaid = overlay_now;
        self.shown = Some(now);
        if slot.telling == Telling::Truly {
            self.untold.merge(&damage.bounded(size));
        }
    }

    fn lay_over(&mut self, overlay: &Overlay) {
        let size = self.size();
        let Some(visible) = overlay.area.intersection(&Box2D::from_size(size)) else {
            return;
        };
        let stride = size.width as usize * 4;
        let overlay_stride = overlay.area.width() as usize * 4;
        let bytes = visible.width() as usize * 4;
        // An intersection with something that starts at 0 starts where the
        // overlay starts.
        let rows = overlay.pixels.chunks_exact(overlay_stride);
        for (y, row) in (visible.min.y..visible.max.y).zip(rows) {
            let start = y as usize * stride + visible.min.x as usize * 4;
            self.pixels[start..start + bytes].copy_from_slice(&row[..bytes]);
        }
    }
}

impl Grabber for SyntheticGrabber {
    fn describe(&self) -> String {
        "synthetic monitors".to_owned()
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
        self.check_connection()?;
        self.layout_version = self.layout.lock().layout_version;
        let monitors = self.layout.monitors();
        if monitors.is_empty() {
            return Err(GrabError::NoMonitor);
        }
        Ok(monitors)
    }

    fn layout_changed(&mut self) -> Result<bool, GrabError> {
        self.check_connection()?;
        let version = self.layout.lock().layout_version;
        Ok(std::mem::replace(&mut self.layout_version, version) != version)
    }

    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        self.check_connection()?;
        let bounds = self.layout.lock().slot(monitor)?.monitor.bounds;
        let is_new = self.open.get(&monitor).map(|open| open.bounds) != Some(bounds);
        if is_new {
            let size: Size2D<u32, MonitorPixel> = bounds.size().cast_unit().cast();
            let count = u64::from(size.width) * u64::from(size.height);
            if count == 0 || count > MAX_PIXELS {
                return Err(GrabError::Unreadable {
                    monitor,
                    reason: format!("it has {count} pixels"),
                });
            }
            let open = OpenMonitor {
                bounds,
                pixels: vec![0; count as usize * 4],
                shown: None,
                overlaid: None,
                untold: Damage::nothing(),
            };
            self.open.insert(monitor, open);
        }
        let open = self.look(monitor)?;
        if is_new {
            // Nobody has seen it before.
            open.untold = Damage::nothing();
        }
        Ok(())
    }

    fn close(&mut self, monitor: MonitorId) {
        self.open.remove(&monitor);
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        let state = self.layout.lock();
        let next = state.until_next_frame().unwrap_or(LOOK_PERIOD);
        WakeBy::Period(next.min(LOOK_PERIOD))
    }

    fn tells_damage(&self, monitor: MonitorId) -> bool {
        let state = self.layout.lock();
        state
            .slot(monitor)
            .is_ok_and(|slot| slot.telling != Telling::Not)
    }

    fn take_damage(&mut self, told: &mut dyn FnMut(MonitorId, Damage)) -> Result<(), GrabError> {
        self.wait_for_answer();
        self.check_connection()?;
        let monitors: Vec<MonitorId> = self.open.keys().copied().collect();
        for monitor in monitors {
            // What is wrong with a monitor is for `read` to tell.
            if let Ok(open) = self.look(monitor)
                && !open.untold.is_empty()
            {
                told(monitor, open.untold.take());
            }
        }
        Ok(())
    }

    fn new_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError> {
        let size = self.look(monitor)?.size();
        let unreadable = |reason: String| GrabError::Unreadable { monitor, reason };
        let bytes = picture_bytes(size).map_err(|error| unreadable(error.to_string()))?;
        let writer = PictureWriter::new(bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(Picture::new(writer, monitor, size, None))
    }

    fn read(
        &mut self,
        reads: &mut [Read<'_>],
    ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError> {
        let slowness = self.layout.lock().slowness;
        if !slowness.is_zero() {
            thread::sleep(slowness);
        }
        let captured_at = CrossProcessInstant::now();
        // Each monitor is looked at once, so that all its pictures show the same.
        let mut looked = HashMap::new();
        for read in reads.iter() {
            let monitor = read.picture.monitor;
            if looked.contains_key(&monitor) {
                continue;
            }
            match self.look(monitor).map(|open| open.untold.take()) {
                Err(error) if error.is_fatal() => return Err(error),
                outcome => drop(looked.insert(monitor, outcome)),
            }
        }
        let read = |read: &mut Read| {
            match looked.get(&read.picture.monitor) {
                Some(Ok(more)) => read.more = more.clone(),
                Some(Err(error)) => return Err(error.clone()),
                None => return Err(GrabError::UnknownMonitor(read.picture.monitor)),
            }
            self.copy(read).map(|()| captured_at)
        };
        Ok(reads.iter_mut().map(read).collect())
    }

    fn read_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError> {
        let open = self.look(monitor)?;
        let stride = open.size().width as usize * 4;
        let bytes = rows.start as usize * stride..rows.end as usize * stride;
        let pixels = open.pixels.get(bytes);
        let pixels = pixels.ok_or(GrabError::MonitorChanged(monitor))?;
        into.clear();
        into.extend_from_slice(pixels);
        Ok(())
    }

    fn pointer(&mut self) -> Result<Option<Pointer>, GrabError> {
        self.check_connection()?;
        Ok(self.layout.lock().pointer.clone())
    }

    fn watch_pointer(&mut self, _wanted: bool) -> Result<(), GrabError> {
        self.check_connection()
    }
}
