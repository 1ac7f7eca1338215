/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The mailbox between a source and whatever shows it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use servo_base::cross_process_instant::CrossProcessInstant;
use uuid::Uuid;

use crate::CapturedFrame;

/// The tracks of this process that show a capture, by the id of their media
/// stream. The media backend finds them here, because a player is told no more
/// than that id.
static TRACKS: LazyLock<Mutex<HashMap<Uuid, Arc<FrameBus>>>> = LazyLock::new(Default::default);

/// What a reader of a [`FrameBus`] finds.
#[derive(Debug)]
pub enum BusUpdate {
    /// A picture that the reader has not seen, and the version to ask with
    /// next time.
    Frame {
        /// The newest frame.
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
    disabled: bool,
    ended: bool,
}

/// Holds the newest frame of one track, for any number of readers. Newest
/// wins: a reader that is slow misses frames, and nothing queues.
#[derive(Default)]
pub struct FrameBus {
    state: Mutex<State>,
    changed: Condvar,
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
            // A disabled track stays as black as it is, so there is news for
            // its readers only when the picture's size changes.
            let is_news = !state.disabled
                || state.latest.as_ref().map(|latest| latest.size) != Some(frame.size);
            _old = state.latest.replace(frame);
            state.version += u64::from(is_news);
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
            state.version += 1;
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
                let frame = if state.disabled {
                    black(frame)
                } else {
                    frame.clone()
                };
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
    let mut pixels = vec![0; frame.pixels.len()];
    for alpha in pixels.iter_mut().skip(3).step_by(4) {
        *alpha = 255;
    }
    CapturedFrame {
        sequence: frame.sequence,
        captured_at: CrossProcessInstant::now(),
        size: frame.size,
        pixels: Arc::new(pixels),
        lease: None,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use euclid::Size2D;

    use super::*;
    use crate::FrameLease;

    fn frame(sequence: u64, value: u8) -> CapturedFrame {
        CapturedFrame {
            sequence,
            captured_at: CrossProcessInstant::now(),
            size: Size2D::new(1, 1),
            pixels: Arc::new(vec![value, value, value, 255]),
            lease: None,
        }
    }

    fn read(bus: &FrameBus, seen: u64) -> (u64, Vec<u8>, u64) {
        match bus.wait(seen, &AtomicBool::new(false), None) {
            BusUpdate::Frame { frame, version } => (frame.sequence, frame.pixels.to_vec(), version),
            other => panic!("expected a frame, found {other:?}"),
        }
    }

    #[test]
    fn the_newest_frame_wins_and_releases_the_older_one() {
        let bus = FrameBus::default();
        let released = Arc::new(AtomicBool::new(false));
        let flag = released.clone();
        let mut first = frame(1, 10);
        first.lease = Some(Arc::new(FrameLease::new(move || {
            flag.store(true, Ordering::SeqCst);
        })));
        bus.push(first);
        bus.push(frame(2, 20));
        assert!(released.load(Ordering::SeqCst));
        assert_eq!(read(&bus, 0).0, 2);
    }

    #[test]
    fn a_disabled_track_shows_black_and_the_picture_again_when_enabled() {
        let bus = FrameBus::default();
        bus.push(frame(1, 10));
        let (_, pixels, seen) = read(&bus, 0);
        assert_eq!(pixels, [10, 10, 10, 255]);
        bus.set_enabled(false);
        let (_, pixels, seen) = read(&bus, seen);
        assert_eq!(pixels, [0, 0, 0, 255]);
        bus.set_enabled(true);
        assert_eq!(read(&bus, seen).1, [10, 10, 10, 255]);
    }

    #[test]
    fn a_waiting_reader_can_be_interrupted() {
        let bus = Arc::new(FrameBus::default());
        let interrupt = Arc::new(AtomicBool::new(false));
        let reader = {
            let (bus, interrupt) = (bus.clone(), interrupt.clone());
            thread::spawn(move || bus.wait(0, &interrupt, None))
        };
        interrupt.store(true, Ordering::Release);
        bus.wake();
        assert!(matches!(reader.join().unwrap(), BusUpdate::Interrupted));
    }

    #[test]
    fn a_reader_waits_no_longer_than_its_deadline() {
        let bus = FrameBus::default();
        let deadline = Some(Instant::now());
        let update = bus.wait(0, &AtomicBool::new(false), deadline);
        assert!(matches!(update, BusUpdate::TimedOut));
    }

    #[test]
    fn an_ended_track_drops_its_frame_and_takes_no_more() {
        let bus = FrameBus::default();
        bus.push(frame(1, 10));
        bus.end();
        bus.push(frame(2, 20));
        assert!(matches!(
            bus.wait(0, &AtomicBool::new(false), None),
            BusUpdate::Ended
        ));
        assert!(bus.state.lock().latest.is_none());
    }

    #[test]
    fn a_track_is_found_until_it_is_unregistered() {
        let track = Uuid::new_v4();
        let bus = FrameBus::register(track);
        assert!(Arc::ptr_eq(&bus, &FrameBus::find(track).unwrap()));
        FrameBus::unregister(track);
        assert!(FrameBus::find(track).is_none());
    }
}
