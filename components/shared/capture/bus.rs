/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The mailbox between a source and whatever shows it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use servo_base::cross_process_instant::CrossProcessInstant;
use uuid::Uuid;

use crate::picture::{make_opaque, picture_bytes};
use crate::{CapturedFrame, Damage, FramePicture};

/// The tracks of this process that show a capture, by the id of their media
/// stream. The media backend finds them here, because a player is told no more
/// than that id.
static TRACKS: LazyLock<Mutex<HashMap<Uuid, Arc<FrameBus>>>> = LazyLock::new(Default::default);

/// How many versions back the bus remembers what changed. A reader that has seen
/// none of them takes the whole picture.
const MAX_HISTORY: usize = 16;

/// What a reader of a [`FrameBus`] finds.
#[derive(Debug)]
pub enum BusUpdate {
    /// A picture that the reader has not seen, and the version to ask with
    /// next time.
    Frame {
        /// The newest frame; its damage is what changed since the version that
        /// the reader has seen.
        frame: CapturedFrame,
        /// Of the mailbox; grows with every frame and with every change of
        /// `enabled`.
        version: u64,
    },
    /// The track is over.
    Ended,
    /// The reader was interrupted.
    Interrupted,
    /// The deadline passed and nothing was new.
    TimedOut,
}

#[derive(Default)]
struct State {
    latest: Option<CapturedFrame>,
    version: u64,
    /// What changed with each of the latest versions, oldest first, without a
    /// gap.
    history: VecDeque<Damage>,
    disabled: bool,
    ended: bool,
}

impl State {
    fn next_version(&mut self, damage: Damage) {
        self.version += 1;
        if damage == Damage::Whole {
            // Whoever has not seen this one needs no more of the past.
            self.history.clear();
        } else if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(damage);
    }

    /// What a reader who has seen the version `seen` has missed.
    fn damage_since(&self, seen: u64) -> Damage {
        let missed = self.version.checked_sub(seen).map(usize::try_from);
        let Some(Ok(missed)) = missed else {
            return Damage::Whole;
        };
        let Some(known) = self.history.len().checked_sub(missed) else {
            return Damage::Whole;
        };
        let mut damage = Damage::nothing();
        for part in self.history.iter().skip(known) {
            damage.merge(part);
        }
        damage
    }
}

/// Holds the newest frame of one track, for any number of readers. Newest
/// wins: a reader that is slow misses frames, and nothing queues.
#[derive(Default)]
pub struct FrameBus {
    state: Mutex<State>,
    changed: Condvar,
}

impl std::fmt::Debug for FrameBus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("FrameBus")
    }
}

impl FrameBus {
    /// A bus that [`FrameBus::find`] finds by `track` until
    /// [`FrameBus::unregister`].
    pub fn register(track: Uuid) -> Arc<Self> {
        let bus = Arc::new(Self::default());
        TRACKS.lock().insert(track, bus.clone());
        bus
    }

    /// The bus of a track, if that track shows a capture.
    pub fn find(track: Uuid) -> Option<Arc<Self>> {
        TRACKS.lock().get(&track).cloned()
    }

    /// Forgets a track's bus. Readers that have it keep it.
    pub fn unregister(track: Uuid) {
        TRACKS.lock().remove(&track);
    }

    /// Puts the newest frame in. After [`FrameBus::end`] it is dropped.
    pub fn push(&self, frame: CapturedFrame) {
        // The old frame is dropped outside the lock: its lease sends a message.
        let _old;
        {
            let mut state = self.state.lock();
            if state.ended {
                return;
            }
            let same_size = state.latest.as_ref().map(|latest| latest.size) == Some(frame.size);
            if !same_size {
                state.next_version(Damage::Whole);
            } else if !state.disabled {
                state.next_version(frame.damage.clone());
            }
            // Else it is as black as before, and nothing new for its readers.
            _old = state.latest.replace(frame);
        }
        self.changed.notify_all();
    }

    /// Ends the track for every reader and drops the frame.
    pub fn end(&self) {
        let _old;
        {
            let mut state = self.state.lock();
            state.ended = true;
            _old = state.latest.take();
        }
        self.changed.notify_all();
    }

    /// `MediaStreamTrack.enabled`: a disabled track shows black.
    pub fn set_enabled(&self, enabled: bool) {
        {
            let mut state = self.state.lock();
            if state.disabled != enabled {
                return;
            }
            state.disabled = !enabled;
            state.next_version(Damage::Whole);
        }
        self.changed.notify_all();
    }

    /// Waits until there is a picture newer than `seen` (0 for the first), the
    /// track ends, `deadline` passes, or `interrupt` is set and
    /// [`FrameBus::wake`] called; `interrupt` is taken back then.
    pub fn wait(&self, seen: u64, interrupt: &AtomicBool, deadline: Option<Instant>) -> BusUpdate {
        let mut state = self.state.lock();
        loop {
            if interrupt.swap(false, Ordering::AcqRel) {
                return BusUpdate::Interrupted;
            }
            if state.ended {
                return BusUpdate::Ended;
            }
            if state.version != seen
                && let Some(frame) = &state.latest
            {
                let mut frame = if state.disabled {
                    black(frame)
                } else {
                    frame.clone()
                };
                frame.damage = state.damage_since(seen);
                return BusUpdate::Frame {
                    frame,
                    version: state.version,
                };
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) if Instant::now() >= deadline => return BusUpdate::TimedOut,
                Some(deadline) => {
                    self.changed.wait_until(&mut state, deadline);
                }
            }
        }
    }

    /// Makes every waiting reader look at its `interrupt` flag.
    pub fn wake(&self) {
        // Taking the lock orders this after a reader that has looked at its
        // flag but has not begun to wait.
        drop(self.state.lock());
        self.changed.notify_all();
    }
}

/// The picture of a disabled track: black, of the same size, opaque.
fn black(frame: &CapturedFrame) -> CapturedFrame {
    // 0: the receiver has checked that the size is that of a picture.
    let mut pixels = vec![0; picture_bytes(frame.size).unwrap_or(0)];
    make_opaque(&mut pixels);
    CapturedFrame {
        sequence: frame.sequence,
        captured_at: CrossProcessInstant::now(),
        size: frame.size,
        damage: Damage::Whole,
        picture: FramePicture::Own(Arc::new(pixels)),
        lease: None,
    }
}

#[cfg(test)]
#[path = "bus_tests.rs"]
mod tests;
