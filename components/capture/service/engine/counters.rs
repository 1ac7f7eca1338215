/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the engine has done so far: for tests, for whoever measures, and for the
//! log at its end.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the engine was made; only ever growing.
#[derive(Debug, Default)]
pub struct EngineCounters {
    /// Frames that were delivered.
    pub frames: AtomicU64,
    /// Frames that were due and were not made in time, because the consumer
    /// held every picture or the service did not take one more.
    pub dropped: AtomicU64,
    /// Frames that would have shown what the one before showed, found so and
    /// not delivered.
    pub duplicates: AtomicU64,
    /// Pixels that the grabber was asked to write into pictures.
    pub pixels_read: AtomicU64,
    /// Pixels that the engine copied or scaled itself.
    pub pixels_made: AtomicU64,
    /// Calls of [`crate::grabber::Grabber::read`].
    pub reads: AtomicU64,
    /// Bytes that were compared to find out whether damage is told truly.
    pub bytes_verified: AtomicU64,
    /// How often the indicator was looked for in a monitor's pixels.
    pub indicator_checks: AtomicU64,
    /// How often it was seen there the last time and not this time.
    pub indicator_misses: AtomicU64,
    /// How often the engine's thread woke up.
    pub wakeups: AtomicU64,
}

/// The counts of one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EngineCounts {
    /// See [`EngineCounters::frames`].
    pub frames: u64,
    /// See [`EngineCounters::dropped`].
    pub dropped: u64,
    /// See [`EngineCounters::duplicates`].
    pub duplicates: u64,
    /// See [`EngineCounters::pixels_read`].
    pub pixels_read: u64,
    /// See [`EngineCounters::pixels_made`].
    pub pixels_made: u64,
    /// See [`EngineCounters::reads`].
    pub reads: u64,
    /// See [`EngineCounters::bytes_verified`].
    pub bytes_verified: u64,
    /// See [`EngineCounters::indicator_checks`].
    pub indicator_checks: u64,
    /// See [`EngineCounters::indicator_misses`].
    pub indicator_misses: u64,
    /// See [`EngineCounters::wakeups`].
    pub wakeups: u64,
}

impl EngineCounts {
    /// All of them with their names.
    pub fn named(&self) -> [(&'static str, u64); 10] {
        [
            ("frames", self.frames),
            ("dropped", self.dropped),
            ("duplicates", self.duplicates),
            ("pixels_read", self.pixels_read),
            ("pixels_made", self.pixels_made),
            ("reads", self.reads),
            ("bytes_verified", self.bytes_verified),
            ("indicator_checks", self.indicator_checks),
            ("indicator_misses", self.indicator_misses),
            ("wakeups", self.wakeups),
        ]
    }
}

impl EngineCounters {
    /// The counts now. They are taken one after the other.
    pub fn counts(&self) -> EngineCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EngineCounts {
            frames: get(&self.frames),
            dropped: get(&self.dropped),
            duplicates: get(&self.duplicates),
            pixels_read: get(&self.pixels_read),
            pixels_made: get(&self.pixels_made),
            reads: get(&self.reads),
            bytes_verified: get(&self.bytes_verified),
            indicator_checks: get(&self.indicator_checks),
            indicator_misses: get(&self.indicator_misses),
            wakeups: get(&self.wakeups),
        }
    }

    pub(super) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}
