/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! When windows are drawn anew for pictures that videos in them have changed.
//!
//! Videos that show monitors change together, one message after the other. A window
//! is drawn when as many have changed as in the round before the last, so that all of
//! them are in one drawing, also where one of them has every second frame only. A video
//! that changes alone is drawn at once.

use std::time::{Duration, Instant};

/// Changes that come within this time belong together, and drawings are so far
/// apart at least: half of what a display needs for a frame.
const ROUND: Duration = Duration::from_nanos(1_000_000_000 / 120);
/// How long those that came first wait for the others.
const GATHERING: Duration = Duration::from_millis(3);

/// The windows in which pictures have changed since they were drawn.
#[derive(Debug)]
pub struct Presenting<Window> {
    waiting: Vec<Window>,
    /// When windows were drawn last.
    drawn: Option<Instant>,
    /// When the first change of the present round came.
    began: Option<Instant>,
    /// Changes of the present round, of the one before, and of the one before that.
    changes: u32,
    before: u32,
    expected: u32,
}

/// What is to be done for changed pictures.
#[derive(Debug, Eq, PartialEq)]
pub enum Due<Window> {
    /// None has changed.
    Nothing,
    /// These windows are drawn now.
    Now(Vec<Window>),
    /// It waits so long.
    In(Duration),
}

impl<Window> Default for Presenting<Window> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            drawn: None,
            began: None,
            changes: 0,
            before: 0,
            expected: 0,
        }
    }
}

impl<Window: PartialEq> Presenting<Window> {
    /// A picture in `window` has changed at `now`.
    pub fn change(&mut self, window: Window, now: Instant) {
        if self.began.is_none_or(|began| now >= began + ROUND) {
            self.began = Some(now);
            self.expected = std::mem::replace(&mut self.before, self.changes);
            self.changes = 0;
        }
        self.changes = self.changes.saturating_add(1);
        if !self.waiting.contains(&window) {
            self.waiting.push(window);
        }
    }

    /// What is to be done at `now`.
    pub fn due(&mut self, now: Instant) -> Due<Window> {
        if self.waiting.is_empty() {
            return Due::Nothing;
        }
        let is_complete = self.changes >= self.expected;
        let gathered = self.began.filter(|_| !is_complete);
        let next = self
            .drawn
            .map(|drawn| drawn + ROUND)
            .max(gathered.map(|began| began + GATHERING));
        match next.filter(|next| *next > now) {
            Some(next) => Due::In(next - now),
            None => {
                self.drawn = Some(now);
                Due::Now(std::mem::take(&mut self.waiting))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    /// A sixtieth of a second, in tenths of milliseconds.
    const FRAME: u32 = 167;

    /// When windows are drawn for changes at these times, in tenths of
    /// milliseconds, by somebody who comes back when told to.
    fn drawn_for(changes: &[u32]) -> Vec<u32> {
        let start = Instant::now();
        let at = |tenths: u32| start + tenths * MILLISECOND / 10;
        let mut presenting = Presenting::default();
        let mut drawn = Vec::new();
        let mut alarm: Option<u32> = None;
        let last = changes.last().copied().unwrap_or(0);
        for now in 0..=last + 400 {
            let changed = changes.contains(&now);
            if changed {
                presenting.change("window", at(now));
            }
            if !changed && alarm != Some(now) {
                continue;
            }
            match presenting.due(at(now)) {
                Due::Nothing => {}
                Due::Now(windows) => {
                    assert_eq!(windows, ["window"]);
                    drawn.push(now);
                }
                Due::In(wait) => {
                    let tenths = wait.as_micros().div_ceil(100);
                    alarm = Some(now + u32::try_from(tenths).unwrap());
                }
            }
        }
        drawn
    }

    #[test]
    fn one_video_is_drawn_at_once_each_time_whatever_its_jitter() {
        let changes: Vec<u32> = (0..60)
            .map(|frame| frame * FRAME + frame % 3 * 40)
            .collect();
        assert_eq!(drawn_for(&changes), changes);
    }

    #[test]
    fn videos_that_change_together_are_drawn_once_and_when_the_last_one_has() {
        let changes: Vec<u32> = (0..60)
            .flat_map(|frame| [0, 8, 15].map(|late| frame * FRAME + late))
            .collect();
        let together: Vec<u32> = (2..60).map(|frame| frame * FRAME + 15).collect();
        let drawn = drawn_for(&changes);
        // At first nobody knows of the others.
        assert_eq!(drawn[..4], [0, 84, 168, 252]);
        assert_eq!(drawn[4..], together);
    }

    #[test]
    fn a_video_of_half_the_rate_is_drawn_with_the_other_one_and_not_waited_for() {
        let mut changes: Vec<u32> = (0..60).map(|frame| frame * FRAME).collect();
        changes.extend((0..30).map(|frame| frame * 2 * FRAME + 9));
        changes.sort_unstable();
        let drawn = drawn_for(&changes);
        let expected: Vec<u32> = (2..60)
            .map(|frame| frame * FRAME + (frame + 1) % 2 * 9)
            .collect();
        assert_eq!(drawn[drawn.len() - 58..], expected);
    }

    #[test]
    fn those_that_changed_do_not_wait_long_for_one_that_does_not() {
        let mut changes: Vec<u32> = (0..30)
            .flat_map(|frame| [0, 8].map(|late| frame * FRAME + late))
            .collect();
        let alone: Vec<u32> = (30..60).map(|frame| frame * FRAME).collect();
        changes.extend(&alone);
        let drawn = drawn_for(&changes);
        let after = &drawn[drawn.len() - 30..];
        // Three milliseconds, twice.
        assert_eq!(after[..2], [alone[0] + 30, alone[1] + 30]);
        assert_eq!(after[2..], alone[2..]);
    }

    #[test]
    fn what_changes_more_often_is_drawn_at_twice_the_rate_of_displays() {
        // Half a millisecond from one to the next, for a second.
        let changes: Vec<u32> = (0..2000).map(|change| change * 5).collect();
        let drawn = drawn_for(&changes).len();
        assert!((80..=122).contains(&drawn), "{drawn}");
    }

    #[test]
    fn each_window_is_drawn_once_and_nothing_without_a_change() {
        let mut presenting = Presenting::default();
        let now = Instant::now();
        assert_eq!(presenting.due(now), Due::Nothing);
        for window in [1, 2, 1] {
            presenting.change(window, now);
        }
        assert_eq!(presenting.due(now), Due::Now(vec![1, 2]));
        assert_eq!(presenting.due(now), Due::Nothing);
        presenting.change(2, now + MILLISECOND);
        let left = ROUND - MILLISECOND;
        assert_eq!(presenting.due(now + MILLISECOND), Due::In(left));
        assert_eq!(presenting.due(now + ROUND), Due::Now(vec![2]));
    }
}
