/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Frames and the leases that keep their pictures from being overwritten.

use std::fmt;
use std::sync::Arc;

use euclid::Size2D;
use serde::{Deserialize, Serialize};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::generic_channel::GenericSharedMemory;

use crate::picture::{PictureError, PictureMemory, picture_bytes, rows};
use crate::pools::{PoolError, PoolId, PoolReader};
use crate::{Damage, FrameBus, MonitorPixel};

/// A frame on its way from the service to a page's process.
#[derive(Debug, Deserialize, Serialize)]
pub struct FrameMessage {
    /// Counts the frames made for this source, from 1; a gap is a dropped frame.
    pub sequence: u64,
    /// When the pixels were read from the display server.
    pub captured_at: CrossProcessInstant,
    /// Width and height.
    pub size: Size2D<u32, MonitorPixel>,
    /// What changed since the frame that was sent before.
    pub damage: Damage,
    /// The source has no other picture: until one is given back there is no
    /// further frame.
    pub is_last_picture: bool,
    /// Frames of other sources of the same client, made at the same time, come
    /// right after it.
    pub more_follow: bool,
    /// The picture.
    pub pixels: FramePixels,
}

/// A picture on its way: blue, green, red and a fourth byte, eight bits each;
/// rows from top to bottom without padding.
#[derive(Debug, Deserialize, Serialize)]
pub enum FramePixels {
    /// The service's own memory. The fourth byte is undefined.
    Pooled {
        /// The source's pool.
        pool: PoolId,
        /// Of the picture in the pool.
        index: u32,
    },
    /// A copy of it, for a process that cannot have the memory itself. The
    /// fourth byte is 255.
    Copied(GenericSharedMemory),
}

impl FramePixels {
    /// A copy of a picture.
    ///
    /// # Errors
    /// When `memory` is not of this size.
    pub fn copied(
        memory: &PictureMemory,
        size: Size2D<u32, MonitorPixel>,
    ) -> Result<Self, PictureError> {
        let mut pixels = vec![0; picture_bytes(size)?];
        memory.copy_opaque(size, &Damage::Whole, &mut pixels)?;
        Ok(Self::Copied(GenericSharedMemory::from_vec(pixels)))
    }
}

/// Why a frame cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// It has no pixels, or more than memory can hold, or another number of
    /// bytes than its size asks for.
    #[error("the frame's size and bytes do not agree: {0}")]
    Inconsistent(#[from] PictureError),
    /// Its picture is not to be had.
    #[error(transparent)]
    Picture(#[from] PoolError),
}

/// A consumer's hold on a frame: the service does not write to the frame's
/// buffer, nor make more than a few frames ahead, until the lease is dropped.
pub struct FrameLease {
    release: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl FrameLease {
    /// A lease that calls `release` once, when it is dropped.
    pub fn new(release: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            release: Some(Box::new(release)),
        }
    }
}

impl Drop for FrameLease {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl fmt::Debug for FrameLease {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("FrameLease")
    }
}

/// The picture of a frame. Both kinds are blue, green, red and a fourth byte for
/// each pixel, rows from the top without padding.
#[derive(Clone, Debug)]
pub enum FramePicture {
    /// The service's memory: not to be looked at when the lease is gone. The
    /// fourth byte is undefined.
    Shared(Arc<PictureMemory>),
    /// Memory of this process; opaque.
    Own(Arc<Vec<u8>>),
}

impl FramePicture {
    /// Copies `parts` of a picture of `size` to the same places in `into`, all
    /// opaque.
    ///
    /// # Errors
    /// When the picture, or `into`, is not of this size.
    pub fn copy_opaque(
        &self,
        size: Size2D<u32, MonitorPixel>,
        parts: &Damage,
        into: &mut [u8],
    ) -> Result<(), PictureError> {
        let own = match self {
            Self::Shared(memory) => return memory.copy_opaque(size, parts, into),
            Self::Own(own) => own,
        };
        let wanted = picture_bytes(size)?;
        for found in [own.len(), into.len()] {
            if found != wanted {
                return Err(PictureError::Size { wanted, found });
            }
        }
        for row in rows(size, parts) {
            if let (Some(into), Some(from)) = (into.get_mut(row.clone()), own.get(row)) {
                into.copy_from_slice(from);
            }
        }
        Ok(())
    }
}

/// A frame in the process of the page that captures.
#[derive(Clone, Debug)]
pub struct CapturedFrame {
    /// See [`FrameMessage::sequence`].
    pub sequence: u64,
    /// See [`FrameMessage::captured_at`].
    pub captured_at: CrossProcessInstant,
    /// See [`FrameMessage::size`].
    pub size: Size2D<u32, MonitorPixel>,
    /// What changed since the frame that its reader had before.
    pub damage: Damage,
    /// The picture.
    pub picture: FramePicture,
    /// Dropped with the last clone of the frame; the black picture of a
    /// disabled track has none.
    pub lease: Option<Arc<FrameLease>>,
}

/// Brings the frames of one source to its [`FrameBus`].
#[derive(Debug)]
pub struct FrameReceiver {
    reader: PoolReader,
    bus: Arc<FrameBus>,
    /// A frame could not be shown: what the next one says about its damage is
    /// not all that has changed.
    missed: bool,
}

impl FrameReceiver {
    /// A receiver that has seen no frame.
    pub fn new(reader: PoolReader, bus: Arc<FrameBus>) -> Self {
        Self {
            reader,
            bus,
            missed: true,
        }
    }

    /// Puts a frame on the bus, with the lease that was made for it.
    ///
    /// # Errors
    /// When it cannot be shown; the lease is dropped then.
    pub fn receive(&mut self, frame: FrameMessage, lease: FrameLease) -> Result<(), FrameError> {
        let picture = match self.picture(frame.size, frame.pixels) {
            Ok(picture) => picture,
            Err(error) => {
                self.missed = true;
                return Err(error);
            }
        };
        let missed = std::mem::take(&mut self.missed);
        self.bus.push(CapturedFrame {
            sequence: frame.sequence,
            captured_at: frame.captured_at,
            size: frame.size,
            damage: if missed { Damage::Whole } else { frame.damage },
            picture,
            lease: Some(Arc::new(lease)),
        });
        Ok(())
    }

    fn picture(
        &mut self,
        size: Size2D<u32, MonitorPixel>,
        pixels: FramePixels,
    ) -> Result<FramePicture, FrameError> {
        let wanted = picture_bytes(size)?;
        match pixels {
            FramePixels::Pooled { pool, index } => Ok(FramePicture::Shared(
                self.reader.picture(pool, index, wanted)?,
            )),
            FramePixels::Copied(pixels) => {
                let found = pixels.len();
                if found != wanted || wanted == 0 {
                    return Err(PictureError::Size { wanted, found }.into());
                }
                Ok(FramePicture::Own(pixels.into_arc_vec()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use euclid::{Box2D, Point2D};

    use super::*;
    use crate::{BusUpdate, PictureWriter, PoolAccess, PoolRegistration};

    #[test]
    fn a_lease_is_released_once_with_its_last_clone() {
        let released = Arc::new(AtomicU32::new(0));
        let counter = released.clone();
        let lease = Arc::new(FrameLease::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        let clone = lease.clone();
        drop(lease);
        assert_eq!(released.load(Ordering::SeqCst), 0);
        drop(clone);
        assert_eq!(released.load(Ordering::SeqCst), 1);
    }

    const SIZE: Size2D<u32, MonitorPixel> = Size2D::new(2, 1);

    struct Source {
        pool: PoolRegistration,
        writer: PictureWriter,
        bus: Arc<FrameBus>,
        receiver: FrameReceiver,
        released: Arc<AtomicU32>,
    }

    impl Source {
        fn new() -> Self {
            let pool = PoolRegistration::new();
            let mut writer = PictureWriter::new(8).unwrap();
            writer.bytes_mut().fill(5);
            pool.add(writer.memory().clone());
            let bus = Arc::new(FrameBus::default());
            let reader = PoolReader::new(PoolAccess::SameProcess);
            Self {
                pool,
                writer,
                receiver: FrameReceiver::new(reader, bus.clone()),
                bus,
                released: Arc::default(),
            }
        }

        fn pooled(&self, index: u32) -> FramePixels {
            let pool = self.pool.id();
            FramePixels::Pooled { pool, index }
        }

        fn receive(
            &mut self,
            size: Size2D<u32, MonitorPixel>,
            pixels: FramePixels,
        ) -> Result<(), FrameError> {
            let released = self.released.clone();
            let frame = FrameMessage {
                sequence: 1,
                captured_at: CrossProcessInstant::now(),
                size,
                damage: one_pixel(),
                is_last_picture: false,
                more_follow: false,
                pixels,
            };
            let lease = FrameLease::new(move || {
                released.fetch_add(1, Ordering::SeqCst);
            });
            self.receiver.receive(frame, lease)
        }

        fn newest(&self, seen: u64) -> (CapturedFrame, u64) {
            match self.bus.wait(seen, &AtomicBool::new(false), None) {
                BusUpdate::Frame { frame, version } => (frame, version),
                other => panic!("expected a frame, found {other:?}"),
            }
        }
    }

    fn one_pixel() -> Damage {
        Damage::from(Box2D::new(Point2D::zero(), Point2D::new(1, 1)))
    }

    #[test]
    fn a_frame_in_a_pool_is_shown_without_a_copy() {
        let mut source = Source::new();
        source.receive(SIZE, source.pooled(0)).unwrap();
        let (frame, _) = source.newest(0);
        match frame.picture {
            FramePicture::Shared(memory) => assert!(Arc::ptr_eq(&memory, source.writer.memory())),
            FramePicture::Own(_) => panic!("it was copied"),
        }
        assert_eq!(source.released.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_copied_frame_is_shown_as_it_came() {
        let mut source = Source::new();
        let copied = FramePixels::copied(source.writer.memory(), SIZE).unwrap();
        source.receive(SIZE, copied).unwrap();
        let (frame, _) = source.newest(0);
        match frame.picture {
            FramePicture::Own(pixels) => assert_eq!(*pixels, [5, 5, 5, 255, 5, 5, 5, 255]),
            FramePicture::Shared(_) => panic!("it was not copied"),
        }
    }

    #[test]
    fn after_a_frame_that_cannot_be_shown_the_next_one_is_all_new() {
        let mut source = Source::new();
        source.receive(SIZE, source.pooled(0)).unwrap();
        source.receive(SIZE, source.pooled(0)).unwrap();
        let (_, seen) = source.newest(0);
        let error = source.receive(SIZE, source.pooled(7)).unwrap_err();
        assert!(matches!(error, FrameError::Picture(PoolError::Unknown)));
        // The lease of the first was given back as the second came.
        assert_eq!(source.released.load(Ordering::SeqCst), 2);
        source.receive(SIZE, source.pooled(0)).unwrap();
        let (frame, seen) = source.newest(seen);
        assert_eq!(frame.damage, Damage::Whole);
        source.receive(SIZE, source.pooled(0)).unwrap();
        assert_eq!(source.newest(seen).0.damage, one_pixel());
    }

    #[test]
    fn a_frame_whose_size_and_bytes_do_not_agree_is_not_shown() {
        let mut source = Source::new();
        let copy = || FramePixels::Copied(GenericSharedMemory::from_vec(vec![0; 8]));
        let nothing = FramePixels::Copied(GenericSharedMemory::from_vec(Vec::new()));
        let frames = [
            (Size2D::new(3, 1), source.pooled(0)),
            (Size2D::new(0, 1), source.pooled(0)),
            (Size2D::new(1, 1), copy()),
            (Size2D::new(u32::MAX, u32::MAX), copy()),
            (Size2D::new(0, 0), nothing),
        ];
        let count = frames.len();
        for (size, pixels) in frames {
            assert!(source.receive(size, pixels).is_err(), "{size:?}");
        }
        assert_eq!(source.released.load(Ordering::SeqCst), count as u32);
        let interrupt = AtomicBool::new(true);
        assert!(matches!(
            source.bus.wait(0, &interrupt, None),
            BusUpdate::Interrupted
        ));
    }
}
