/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One source as the engine sees it: what it has delivered and what it owes.

use std::time::Instant;

use euclid::{Box2D, Size2D};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{CursorMode, Damage, DesktopPixel, FrameFormat, MonitorPixel, SourceId};

use super::EventSink;
use super::counters::EngineCounters;
use super::pace::Pace;
use super::pointer::PointerWatch;
use super::pool::{Buffer, Pool};
use crate::core::RawFrame;
use crate::grabber::Pointer;
use crate::monitor::MonitorId;
use crate::pixels::scale::{ScaleError, Scaler, View};
use crate::pixels::{compare, pointer};

/// Each channel of the grey that stands for what frames must not show.
const MASK: u8 = 0x80;

/// The pointer in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DrawnPointer {
    area: Box2D<i32, MonitorPixel>,
    serial: u64,
}

/// One source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) monitor: MonitorId,
    /// As the core asked for it.
    format: FrameFormat,
    /// What of the format the monitor allows at its present size.
    pub(super) view: View,
    pub(super) pace: Pace,
    /// Nothing is read for it and nothing made.
    pub(super) paused: bool,
    /// Of the last frame that was made or dropped.
    sequence: u64,
    /// What changed since the last frame that was delivered.
    pending: Damage,
    /// Something of `pending` is newer than what is owed.
    is_fresh: bool,
    /// A frame was due and found every picture lent; it is made, with the newest
    /// pixels, when one comes back.
    is_owed: bool,
    pub(super) pool: Pool,
    /// The picture of the last delivered frame, as long as it shows it.
    delivered: Option<usize>,
    /// The pointer where a frame that is made now would show it.
    followed: Option<DrawnPointer>,
}

/// What a frame is made with besides its pixels.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) now: Instant,
    /// Where the monitor is.
    pub(super) bounds: Box2D<i32, DesktopPixel>,
    pub(super) pointer: &'a PointerWatch,
    /// Parts of the monitor that frames show in grey.
    pub(super) masked: &'a [Box2D<u32, MonitorPixel>],
    pub(super) counters: &'a EngineCounters,
}

impl Source {
    /// A source that owes its first frame.
    pub(super) fn new(
        monitor: MonitorId,
        format: FrameFormat,
        surface: Size2D<u32, MonitorPixel>,
    ) -> Self {
        let view = View::new(&format, surface);
        Self {
            monitor,
            format,
            view,
            pace: Pace::new(format.frame_rate),
            paused: false,
            sequence: 0,
            pending: Damage::Whole,
            is_fresh: true,
            is_owed: false,
            pool: Pool::new(view.size()),
            delivered: None,
            followed: None,
        }
    }

    /// Other frames from now on.
    pub(super) fn configure(
        &mut self,
        format: FrameFormat,
        surface: Size2D<u32, MonitorPixel>,
        now: Instant,
    ) {
        if format.frame_rate != self.format.frame_rate {
            self.pace.set_rate(format.frame_rate, now);
        }
        self.format = format;
        let view = View::new(&format, surface);
        if view != self.view {
            self.view = view;
            self.pool = Pool::new(view.size());
            self.refresh();
        }
    }

    /// The monitor has another size: all of it, at the same rate and with the
    /// same cursor, until the core says otherwise.
    pub(super) fn surface_changed(&mut self, surface: Size2D<u32, MonitorPixel>, now: Instant) {
        self.configure(self.format.with_surface(surface), surface, now);
    }

    /// The consumer does not have what was delivered: the next frame is all new.
    pub(super) fn refresh(&mut self) {
        self.pending = Damage::Whole;
        self.is_fresh = true;
        self.delivered = None;
    }

    /// Whether the grabber writes its pictures: frames are the surface as it is.
    pub(super) fn is_native(&self, surface: Size2D<u32, MonitorPixel>) -> bool {
        self.view.is_unscaled() && self.view.crop() == Box2D::from_size(surface)
    }

    pub(super) fn cursor(&self) -> CursorMode {
        self.format.cursor
    }

    /// The surface changed there.
    pub(super) fn mark(&mut self, surface: &Damage) {
        let damage = self.view.damage_of(surface);
        self.pool.mark(&damage);
        self.owe(&damage);
    }

    fn owe(&mut self, damage: &Damage) {
        if !damage.is_empty() {
            self.pending.merge(damage);
            self.is_fresh = true;
        }
    }

    /// Looks where the pointer is now, and whether frames show it elsewhere.
    pub(super) fn follow(&mut self, moment: &Moment) {
        let wanted = self.pointer(moment).map(|(_, drawn)| drawn);
        let before = std::mem::replace(&mut self.followed, wanted);
        if wanted == before {
            return;
        }
        for drawn in [wanted, before].into_iter().flatten() {
            if let Some(area) = pointer::visible(drawn.area, self.view.size()) {
                self.owe(&Damage::from(area));
            }
        }
    }

    fn pointer<'a>(&self, moment: &Moment<'a>) -> Option<(&'a Pointer, DrawnPointer)> {
        let pointer = moment.pointer.visible(self.format.cursor, moment.now)?;
        let area = pointer::area(pointer, moment.bounds, &self.view)?;
        let serial = pointer.shape.serial;
        Some((pointer, DrawnPointer { area, serial }))
    }

    /// Whether a frame is to be made now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.paused && (self.is_owed || (self.is_fresh && self.pace.allows(now)))
    }

    /// When it could be due next, if anything changes until then or has.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pace.next()
    }

    /// Whether a frame is owed that waits for a picture.
    pub(super) fn lacks_pictures(&self) -> bool {
        self.is_owed
    }

    /// Whether there is a free picture, or may be one more.
    pub(super) fn has_picture(&self) -> bool {
        self.pool.pick().is_some() || self.pool.may_grow()
    }

    /// Whether something waits for the pace.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_fresh
    }

    /// Every picture is lent: the frame that is due now is owed. One that was
    /// owed before will never be made; the answer is whether there was one.
    pub(super) fn blocked(&mut self, now: Instant) -> bool {
        if !(self.is_fresh && self.pace.allows(now)) {
            return false;
        }
        self.pace.spend(now);
        self.is_fresh = false;
        let is_dropped = self.is_owed;
        self.sequence += u64::from(is_dropped);
        self.is_owed = true;
        is_dropped
    }

    /// Brings a picture up to date from one of the whole monitor.
    ///
    /// # Errors
    /// When the two have not the sizes that they should have.
    pub(super) fn make(
        &mut self,
        slot: usize,
        surface: &[u8],
        surface_size: Size2D<u32, MonitorPixel>,
        captured_at: CrossProcessInstant,
        scaler: &mut Scaler,
    ) -> Result<u64, ScaleError> {
        let size = self.pool.size();
        let Some(slot) = self.pool.free_slot_mut(slot) else {
            return Ok(0);
        };
        let mut stale = slot.stale.clone();
        stale.settle(size);
        let frame = slot.buffer.writer_mut().bytes_mut();
        scaler.update(surface, surface_size, &self.view, frame, &stale)?;
        slot.stale = Damage::nothing();
        slot.captured_at = captured_at;
        Ok(stale.pixels(size))
    }

    /// A free picture, a new one if there may be more, made by `buffer`.
    ///
    /// # Errors
    /// When there is none at all and none can be made.
    pub(super) fn pick<E>(
        &mut self,
        buffer: impl FnOnce() -> Result<Buffer, E>,
        refuse: impl FnOnce(std::io::Error) -> E,
    ) -> Result<Option<usize>, E> {
        if let Some(slot) = self.pool.pick() {
            return Ok(Some(slot));
        }
        if !self.pool.may_grow() {
            return Ok(None);
        }
        let grown = buffer().and_then(|buffer| self.pool.grow(buffer).map_err(refuse));
        match grown {
            Ok(slot) => Ok(Some(slot)),
            Err(error) if self.pool.slots().is_empty() => Err(error),
            Err(_) => {
                self.pool.stop_growing();
                Ok(None)
            }
        }
    }

    /// Delivers a picture that is up to date but for the pointer.
    pub(super) fn deliver(
        &mut self,
        id: SourceId,
        slot_index: usize,
        moment: &Moment,
        events: &mut dyn EventSink,
    ) {
        self.mask(slot_index, moment.masked);
        self.draw_pointer(slot_index, moment);
        if !self.is_owed {
            self.pace.spend(moment.now);
        }
        self.is_owed = false;
        self.is_fresh = false;
        let size = self.pool.size();
        let mut damage = self.pending.clone();
        damage.settle(size);
        if self.shows_the_same(slot_index, &damage) {
            self.pending = Damage::nothing();
            EngineCounters::add(&moment.counters.duplicates, 1);
            return;
        }
        let Some(slot) = self.pool.slot(slot_index) else {
            return;
        };
        self.sequence += 1;
        let frame = RawFrame {
            sequence: self.sequence,
            captured_at: slot.captured_at,
            size,
            damage,
            is_last_picture: !self.pool.has_other_than(slot_index),
            pool: self.pool.id(),
            index: slot.index,
            memory: slot.buffer.writer().memory().clone(),
        };
        if events.frame(id, frame) {
            self.pool.lend(slot_index, self.sequence);
            self.pending = Damage::nothing();
            self.delivered = Some(slot_index);
            EngineCounters::add(&moment.counters.frames, 1);
        } else {
            // What is missed now is made up for with the next frame.
            self.is_fresh = true;
            self.delivered = None;
            EngineCounters::add(&moment.counters.dropped, 1);
        }
    }

    /// Whether the last delivered frame is in another picture and shows the
    /// same: what was drawn came with the frame before already.
    fn shows_the_same(&self, slot: usize, damage: &Damage) -> bool {
        let Some(delivered) = self.delivered.filter(|delivered| *delivered != slot) else {
            return false;
        };
        match (self.pool.slot(delivered), self.pool.slot(slot)) {
            (Some(before), Some(after)) => compare::same(
                before.buffer.writer().bytes(),
                after.buffer.writer().bytes(),
                self.pool.size(),
                damage,
            ),
            _ => false,
        }
    }

    /// Fills parts of the surface with grey. What was there is read again for the
    /// next frame, in case it is to be seen then.
    fn mask(&mut self, slot: usize, parts: &[Box2D<u32, MonitorPixel>]) {
        let size = self.pool.size();
        let Some(slot) = self.pool.free_slot_mut(slot) else {
            return;
        };
        for &part in parts {
            let part = self.view.damage_of(&Damage::from(part));
            let frame = slot.buffer.writer_mut().bytes_mut();
            for area in part.rectangles(size) {
                for y in area.min.y..area.max.y {
                    let at = |x: u32| (y as usize * size.width as usize + x as usize) * 4;
                    if let Some(row) = frame.get_mut(at(area.min.x)..at(area.max.x)) {
                        row.fill(MASK);
                    }
                }
            }
            slot.stale.merge(&part);
        }
    }

    fn draw_pointer(&mut self, slot: usize, moment: &Moment) {
        let size = self.pool.size();
        let Some((pointer, drawn)) = self.pointer(moment) else {
            return;
        };
        if let Some(slot) = self.pool.free_slot_mut(slot)
            && let Some(area) = pointer::visible(drawn.area, size)
        {
            let frame = slot.buffer.writer_mut().bytes_mut();
            pointer::draw(pointer, drawn.area, frame, size);
            slot.stale.add(area);
        }
    }

    /// Reading into this picture failed: nothing is known of what it shows.
    pub(super) fn spoil(&mut self, slot: usize) {
        if self.delivered == Some(slot) {
            self.delivered = None;
        }
        if let Some(slot) = self.pool.free_slot_mut(slot) {
            slot.stale = Damage::Whole;
        }
    }

    /// The grabber brought this picture up to date.
    pub(super) fn was_read(&mut self, slot: usize, captured_at: CrossProcessInstant) {
        if let Some(slot) = self.pool.free_slot_mut(slot) {
            slot.stale = Damage::nothing();
            slot.captured_at = captured_at;
        }
    }
}
