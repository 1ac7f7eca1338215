/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where the pointer is, and whether it moves.

use std::time::{Duration, Instant};

use servo_capture_traits::CursorMode;

use super::Engine;
use super::source::Moment;
use crate::grabber::{GrabError, Pointer};

/// How long the pointer is seen after it moved, for [`CursorMode::Motion`].
const MOTION_LINGER: Duration = Duration::from_secs(1);

/// What the engine knows of the pointer.
#[derive(Debug, Default)]
pub(super) struct PointerWatch {
    /// Whether the grabber was asked to tell of it.
    pub(super) is_watched: bool,
    pointer: Option<Pointer>,
    moved_at: Option<Instant>,
}

impl PointerWatch {
    /// The grabber tells where it is now.
    pub(super) fn update(&mut self, pointer: Option<Pointer>, now: Instant) {
        let position = |pointer: &Option<Pointer>| Some(pointer.as_ref()?.position);
        // Where it is found at first is no motion.
        if self.pointer.is_some() && position(&self.pointer) != position(&pointer) {
            self.moved_at = Some(now);
        }
        self.pointer = pointer;
    }

    /// The pointer, if it belongs into a frame that is made now.
    pub(super) fn visible(&self, mode: CursorMode, now: Instant) -> Option<&Pointer> {
        let is_wanted = match mode {
            CursorMode::Never => false,
            CursorMode::Always => true,
            CursorMode::Motion => self.hides_at().is_some_and(|hides_at| now < hides_at),
        };
        self.pointer.as_ref().filter(|_| is_wanted)
    }

    /// When it vanishes from frames that show it while it moves.
    pub(super) fn hides_at(&self) -> Option<Instant> {
        Some(self.moved_at? + MOTION_LINGER)
    }
}

impl Engine {
    /// Asks where the pointer is, if any frames are to show it.
    pub(super) fn follow_pointer(&mut self, now: Instant) -> Result<(), GrabError> {
        let mut sources = self.sources.values();
        let wanted = sources.any(|source| !source.paused && source.cursor() != CursorMode::Never);
        if wanted != self.pointer.is_watched {
            self.grabber()?.watch_pointer(wanted)?;
            self.pointer = PointerWatch::default();
            self.pointer.is_watched = wanted;
        }
        if wanted {
            let pointer = self.grabber()?.pointer()?;
            self.pointer.update(pointer, now);
        }
        for source in self.sources.values_mut() {
            if let Some(monitor) = self.monitors.get(&source.monitor) {
                source.follow(&Moment {
                    now,
                    bounds: monitor.bounds,
                    pointer: &self.pointer,
                    masked: &[],
                    counters: &self.counters,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use euclid::{Point2D, Size2D, Vector2D};

    use super::*;
    use crate::grabber::PointerShape;

    #[test]
    fn a_resting_pointer_is_seen_always_or_after_motion_for_a_second() {
        let at = |x| {
            Some(Pointer {
                position: Point2D::new(x, 0),
                shape: Arc::new(PointerShape {
                    serial: 1,
                    size: Size2D::new(1, 1),
                    hot_spot: Vector2D::zero(),
                    pixels: vec![0; 4],
                }),
            })
        };
        let start = Instant::now();
        let later = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut watch = PointerWatch::default();
        watch.update(at(5), start);
        let seen = |watch: &PointerWatch, now| {
            [CursorMode::Never, CursorMode::Motion, CursorMode::Always]
                .map(|mode| watch.visible(mode, now).is_some())
        };
        assert_eq!(seen(&watch, start), [false, false, true]);
        watch.update(at(6), later(10));
        assert_eq!(seen(&watch, later(500)), [false, true, true]);
        watch.update(at(6), later(600));
        assert_eq!(seen(&watch, later(1010)), [false, false, true]);
    }
}
