/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The position of a playing resource at any moment, from what its player
//! tells now and then.

use std::time::{Duration, Instant};

use servo_media::player::{PlaybackState, PlayerEvent};

/// A report of the position that lies this much behind our own reckoning was
/// late on its way; if it is more, playback itself was held up.
const LATE_REPORT: Duration = Duration::from_millis(50);

/// Reckons the playback position between two reports of it.
///
/// Servo's frames carry no time of their own, and a player reports its position
/// twice to four times a second. In between a resource plays at its rate.
#[derive(Debug)]
pub(super) struct MediaClock {
    /// In seconds, at `since`.
    position: f64,
    since: Instant,
    rate: f64,
    state: ClockState,
    /// The last seek, until a position was reported that is of after it.
    seek: Option<Seek>,
}

/// From where to where, in seconds.
#[derive(Clone, Copy, Debug)]
struct Seek {
    from: f64,
    to: f64,
}

#[derive(Debug, PartialEq)]
enum ClockState {
    /// The position goes on with the rate.
    Running,
    /// Before the first frame, paused or waiting for data.
    Stopped,
    /// A seek to `position` is on its way: what the player reports meanwhile is
    /// the old position. Ends with the seek.
    Seeking {
        /// Whether it ran before.
        was_running: bool,
    },
}

impl MediaClock {
    /// Stands at the beginning of a resource.
    pub(super) fn new() -> Self {
        Self {
            position: 0.0,
            since: Instant::now(),
            rate: 1.0,
            state: ClockState::Stopped,
            seek: None,
        }
    }

    /// The position at a moment, in seconds.
    pub(super) fn position(&self, at: Instant) -> f64 {
        if self.is_running() {
            self.position + self.rate * at.saturating_duration_since(self.since).as_secs_f64()
        } else {
            self.position
        }
    }

    /// Whether the position goes on by itself.
    pub(super) fn is_running(&self) -> bool {
        self.state == ClockState::Running
    }

    /// The resource is played faster, slower or backwards from now on.
    pub(super) fn set_rate(&mut self, rate: f64) {
        self.stand_at(self.position(Instant::now()));
        self.rate = rate;
    }

    /// The element begins to seek to a position.
    pub(super) fn seek(&mut self, position: f64) {
        self.seek = Some(Seek {
            from: self.position(Instant::now()),
            to: position,
        });
        self.stand_at(position);
        self.state = match self.state {
            ClockState::Running => ClockState::Seeking { was_running: true },
            ClockState::Stopped => ClockState::Seeking { was_running: false },
            ClockState::Seeking { was_running } => ClockState::Seeking { was_running },
        };
    }

    /// Hears what the player tells the element.
    pub(super) fn hear(&mut self, event: &PlayerEvent) {
        match event {
            PlayerEvent::PositionChanged(position) => self.correct(*position),
            PlayerEvent::SeekDone(position) => {
                let was_running = matches!(
                    self.state,
                    ClockState::Running | ClockState::Seeking { was_running: true }
                );
                self.stand_at(*position);
                self.state = if was_running {
                    ClockState::Running
                } else {
                    ClockState::Stopped
                };
            }
            PlayerEvent::StateChanged(state) => {
                self.set_running(matches!(state, PlaybackState::Playing));
            }
            _ => {}
        }
    }

    fn stand_at(&mut self, position: f64) {
        self.position = position;
        self.since = Instant::now();
    }

    fn set_running(&mut self, running: bool) {
        self.stand_at(self.position(Instant::now()));
        self.state = match (&self.state, running) {
            (ClockState::Seeking { .. }, was_running) => ClockState::Seeking { was_running },
            (_, true) => ClockState::Running,
            (_, false) => ClockState::Stopped,
        };
    }

    fn correct(&mut self, reported: f64) {
        if matches!(self.state, ClockState::Seeking { .. }) {
            return;
        }
        // A report from before the seek may come after the seek's end.
        if let Some(Seek { from, to }) = self.seek
            && (reported - from).abs() < (reported - to).abs()
        {
            return;
        }
        self.seek = None;
        let behind = (self.position(Instant::now()) - reported) * self.rate.signum();
        // The earliest report is the best one: to follow the late ones would let
        // the position of a later frame be an earlier one.
        let is_late = self.is_running() && (0.0..LATE_REPORT.as_secs_f64()).contains(&behind);
        if !is_late {
            self.stand_at(reported);
        }
    }
}
