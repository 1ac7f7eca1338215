/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pictures in which frames of one source are made.

use std::io;

use euclid::Size2D;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::picture::picture_bytes;
use servo_capture_traits::{Damage, MonitorPixel, PictureWriter, PoolId, PoolRegistration};

use crate::grabber::Picture;

/// How many pictures a source has at most: one that is shown, one on its way to
/// the page, one that is made, and one for whoever is slow.
pub(super) const MAX_PICTURES: usize = 4;

/// The memory of one picture.
#[derive(Debug)]
pub(super) enum Buffer {
    /// The grabber can write it.
    Attached(Picture),
    /// Only the engine writes it.
    Plain(PictureWriter),
}

impl Buffer {
    /// Memory of our own for a picture of this size.
    pub(super) fn plain(size: Size2D<u32, MonitorPixel>) -> io::Result<Self> {
        let bytes = picture_bytes(size)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Self::Plain(PictureWriter::new(bytes)?))
    }

    pub(super) fn writer(&self) -> &PictureWriter {
        match self {
            Self::Attached(picture) => &picture.writer,
            Self::Plain(writer) => writer,
        }
    }

    pub(super) fn writer_mut(&mut self) -> &mut PictureWriter {
        match self {
            Self::Attached(picture) => &mut picture.writer,
            Self::Plain(writer) => writer,
        }
    }
}

/// One picture and what is known of it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) buffer: Buffer,
    /// Its name in the pool.
    pub(super) index: u32,
    /// Where it does not show what the surface shows, in the frame's pixels.
    pub(super) stale: Damage,
    /// The frame that a consumer holds: nothing is written until it is released.
    lease: Option<u64>,
    /// When what it shows was read.
    pub(super) captured_at: CrossProcessInstant,
}

impl Slot {
    /// For the grabber: the picture and what of it is to be read.
    pub(super) fn for_reading(&mut self) -> Option<(&mut Picture, &Damage)> {
        match &mut self.buffer {
            Buffer::Attached(picture) if self.lease.is_none() => {
                self.stale.settle(picture.size);
                Some((picture, &self.stale))
            }
            Buffer::Attached(_) | Buffer::Plain(_) => None,
        }
    }
}

/// A source's pictures, all of one size. Dropping it takes them from whoever
/// has not fetched them yet; whoever has keeps what they showed last.
#[derive(Debug)]
pub(super) struct Pool {
    registration: PoolRegistration,
    size: Size2D<u32, MonitorPixel>,
    slots: Vec<Slot>,
    /// How many there may be; fewer than [`MAX_PICTURES`] where memory ran out.
    limit: usize,
}

impl Pool {
    /// No picture yet.
    pub(super) fn new(size: Size2D<u32, MonitorPixel>) -> Self {
        Self {
            registration: PoolRegistration::new(),
            size,
            slots: Vec::new(),
            limit: MAX_PICTURES,
        }
    }

    pub(super) fn id(&self) -> PoolId {
        self.registration.id()
    }

    pub(super) fn size(&self) -> Size2D<u32, MonitorPixel> {
        self.size
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn slot(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)
    }

    /// A picture to be written: none while somebody holds it.
    pub(super) fn free_slot_mut(&mut self, slot: usize) -> Option<&mut Slot> {
        self.slots.get_mut(slot).filter(|slot| slot.lease.is_none())
    }

    /// The free picture that needs least to be up to date.
    pub(super) fn pick(&self) -> Option<usize> {
        let free = self.slots.iter().enumerate();
        free.filter(|(_, slot)| slot.lease.is_none())
            .min_by_key(|(_, slot)| slot.stale.pixels(self.size))
            .map(|(index, _)| index)
    }

    /// Whether there may be one more.
    pub(super) fn may_grow(&self) -> bool {
        self.slots.len() < self.limit
    }

    /// Whether there is another free picture besides this one, or may be.
    pub(super) fn has_other_than(&self, slot: usize) -> bool {
        let mut others = self.slots.iter().enumerate();
        self.may_grow() || others.any(|(index, other)| index != slot && other.lease.is_none())
    }

    /// No more pictures than there are, of which there must be one.
    pub(super) fn stop_growing(&mut self) {
        self.limit = self.slots.len().max(1);
    }

    /// Adds a picture that shows nothing yet.
    ///
    /// # Errors
    /// When it has not the bytes of the pool's pictures.
    pub(super) fn grow(&mut self, buffer: Buffer) -> io::Result<usize> {
        let found = buffer.writer().memory().len();
        if picture_bytes(self.size) != Ok(found) {
            let reason = format!("a picture of {:?} has {found} bytes", self.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        if let Err(error) = buffer.writer().seal() {
            log::debug!("a picture can be read in this process only: {error}");
        }
        let index = self.registration.add(buffer.writer().memory().clone());
        self.slots.push(Slot {
            buffer,
            index,
            stale: Damage::Whole,
            lease: None,
            captured_at: CrossProcessInstant::now(),
        });
        Ok(self.slots.len() - 1)
    }

    /// The surface changed: so far no picture shows it.
    pub(super) fn mark(&mut self, damage: &Damage) {
        for slot in &mut self.slots {
            slot.stale.merge(damage);
        }
    }

    /// A consumer has this picture from now on.
    pub(super) fn lend(&mut self, slot: usize, sequence: u64) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.lease = Some(sequence);
        }
    }

    /// A consumer is done with a frame.
    pub(super) fn release(&mut self, sequence: u64) {
        for slot in &mut self.slots {
            if slot.lease == Some(sequence) {
                slot.lease = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use euclid::{Box2D, Point2D};
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size2D<u32, MonitorPixel> = Size2D::new(8, 4);

    fn pool(pictures: usize) -> Pool {
        let mut pool = Pool::new(SIZE);
        for _ in 0..pictures {
            pool.grow(Buffer::plain(SIZE).unwrap()).unwrap();
        }
        pool
    }

    #[test]
    fn the_picture_that_needs_least_is_taken() {
        let mut pool = pool(3);
        pool.slots[1].stale = Damage::nothing();
        assert_eq!(pool.pick(), Some(1));
        pool.lend(1, 7);
        pool.mark(&Damage::from(Box2D::new(
            Point2D::new(0, 0),
            Point2D::new(1, 1),
        )));
        assert_ne!(pool.pick(), Some(1));
        assert_eq!(pool.slots[1].stale.pixels(SIZE), 1);
        pool.release(6);
        assert_ne!(pool.pick(), Some(1));
        pool.release(7);
        assert_eq!(pool.pick(), Some(1));
    }

    #[test]
    fn a_lent_picture_is_given_to_nobody_who_writes() {
        let mut pool = pool(2);
        pool.lend(0, 7);
        assert!(pool.free_slot_mut(0).is_none() && pool.free_slot_mut(1).is_some());
        pool.release(7);
        assert!(pool.free_slot_mut(0).is_some());
    }

    #[test]
    fn pictures_of_another_size_do_not_get_in() {
        let mut pool = pool(0);
        let other = Buffer::plain(Size2D::new(8, 5)).unwrap();
        assert!(pool.grow(other).is_err());
        assert!(Buffer::plain(Size2D::new(0, 5)).is_err());
        assert!(pool.may_grow());
        pool.grow(Buffer::plain(SIZE).unwrap()).unwrap();
        assert!(pool.has_other_than(0));
        pool.stop_growing();
        assert!(!pool.may_grow() && !pool.has_other_than(0));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Make(u8),
        Release(prop::sample::Index),
        Grow,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            any::<u8>().prop_map(Op::Make),
            any::<prop::sample::Index>().prop_map(Op::Release),
            Just(Op::Grow),
        ]
    }

    proptest! {
        #[test]
        fn a_lent_picture_never_changes(ops in proptest::collection::vec(op(), 1..200)) {
            let mut pool = pool(1);
            let mut sequence = 0;
            // What each consumer holds, and how it was when it came.
            let mut held: BTreeMap<u64, (u32, u8)> = BTreeMap::new();
            for op in ops {
                match op {
                    Op::Make(value) => if let Some(slot) = pool.pick() {
                        let index = pool.slots[slot].index;
                        pool.free_slot_mut(slot).unwrap().buffer.writer_mut().bytes_mut().fill(value);
                        sequence += 1;
                        pool.lend(slot, sequence);
                        held.insert(sequence, (index, value));
                    },
                    Op::Release(index) if !held.is_empty() => {
                        let sequences: Vec<u64> = held.keys().copied().collect();
                        let sequence = sequences[index.index(sequences.len())];
                        held.remove(&sequence);
                        pool.release(sequence);
                    }
                    Op::Release(_) => {}
                    Op::Grow => if pool.may_grow() {
                        pool.grow(Buffer::plain(SIZE).unwrap()).unwrap();
                    },
                }
                prop_assert!(pool.slots.len() <= MAX_PICTURES && held.len() <= pool.slots.len());
                for &(index, value) in held.values() {
                    let memory = PoolRegistration::find(pool.id(), index).unwrap();
                    let mut seen = vec![0; memory.len()];
                    memory.copy_opaque(SIZE, &Damage::Whole, &mut seen).unwrap();
                    prop_assert!(seen.chunks(4).all(|pixel| pixel[..3] == [value; 3]));
                }
            }
        }
    }
}
