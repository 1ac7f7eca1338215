/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Frames and the leases that keep their buffers from being overwritten.

use std::fmt;
use std::sync::Arc;

use euclid::{Box2D, Size2D};
use serde::{Deserialize, Serialize};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::generic_channel::GenericSharedMemory;

use crate::MonitorPixel;

/// The part of a surface that changed since the previous frame of its source.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Damage {
    /// All of it, or nobody knows.
    Whole,
    /// These rectangles; none means that only time passed.
    Rectangles(Vec<Box2D<u32, MonitorPixel>>),
}

impl Damage {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Rectangles(rectangles) if rectangles.is_empty())
    }
}

/// A frame on its way from the service to a page's process.
#[derive(Debug, Deserialize, Serialize)]
pub struct FrameMessage {
    /// Counts the frames made for this source, from 1; a gap is a dropped frame.
    pub sequence: u64,
    /// When the pixels were read from the display server.
    pub captured_at: CrossProcessInstant,
    /// Width and height.
    pub size: Size2D<u32, MonitorPixel>,
    /// What changed since the frame before.
    pub damage: Damage,
    /// Blue, green, red, alpha (always 255), eight bits each; rows from top to
    /// bottom without padding. In one process this shares the service's
    /// buffer; across processes it is a copy in shared memory.
    pub pixels: GenericSharedMemory,
}

impl FrameMessage {
    /// Whether `pixels` holds exactly the bytes that `size` asks for.
    pub fn is_consistent(&self) -> bool {
        let expected = self.size.width as u64 * self.size.height as u64 * 4;
        expected > 0 && self.pixels.len() as u64 == expected
    }
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

/// A frame in the process of the page that captures.
#[derive(Clone, Debug)]
pub struct CapturedFrame {
    /// See [`FrameMessage::sequence`].
    pub sequence: u64,
    /// See [`FrameMessage::captured_at`].
    pub captured_at: CrossProcessInstant,
    /// See [`FrameMessage::size`].
    pub size: Size2D<u32, MonitorPixel>,
    /// See [`FrameMessage::pixels`].
    pub pixels: Arc<Vec<u8>>,
    /// Dropped with the last clone of the frame; the black picture of a
    /// disabled track has none.
    pub lease: Option<Arc<FrameLease>>,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

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
}
