/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How often a source gets a frame.

use std::time::{Duration, Instant};

use servo_capture_traits::FrameFormat;

/// Lets through at most so many frames a second on average, each at most half a
/// period early: what is drawn sixty times a second by a clock of its own, a
/// little irregularly, comes through whole on a source of sixty frames a
/// second. (The algorithm is that of a leaky bucket as a meter, GCRA.)
#[derive(Clone, Debug)]
pub(super) struct Pace {
    period: Duration,
    /// When the next frame comes if they come evenly.
    ideal: Option<Instant>,
}

impl Pace {
    /// A pace of `frame_rate` frames a second, within what sources can have.
    pub(super) fn new(frame_rate: f64) -> Self {
        Self {
            period: period(frame_rate),
            ideal: None,
        }
    }

    /// Another rate from the next frame on, which need not wait longer than the
    /// new one asks.
    pub(super) fn set_rate(&mut self, frame_rate: f64, now: Instant) {
        self.period = period(frame_rate);
        self.ideal = self.ideal.map(|ideal| ideal.min(now + self.period));
    }

    /// The time between two frames.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// When a frame may be made again; at once where there is no such time.
    /// Never more than a period after the last one.
    pub(super) fn next(&self) -> Option<Instant> {
        let ideal = self.ideal?;
        ideal.checked_sub(self.period / 2)
    }

    /// Whether a frame may be made now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        self.next().is_none_or(|next| next <= now)
    }

    /// A frame is made now.
    pub(super) fn spend(&mut self, now: Instant) {
        let ideal = self.ideal.map_or(now, |ideal| ideal.max(now));
        self.ideal = Some(ideal + self.period);
    }
}

fn period(frame_rate: f64) -> Duration {
    let range = FrameFormat::MIN_FRAME_RATE..=FrameFormat::MAX_FRAME_RATE;
    let frame_rate = if range.contains(&frame_rate) {
        frame_rate
    } else {
        FrameFormat::DEFAULT_FRAME_RATE
    };
    Duration::from_secs_f64(1.0 / frame_rate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many frames a pace makes of changes at these times (microseconds),
    /// and the longest that a change waited.
    fn run(frame_rate: f64, changes: &[u64]) -> (usize, Duration) {
        let start = Instant::now();
        let mut pace = Pace::new(frame_rate);
        let mut longest = Duration::ZERO;
        let mut frames = 0;
        let mut pending: Option<Instant> = None;
        let mut deliver = |pace: &mut Pace, pending: &mut Option<Instant>, at: Instant| {
            if let Some(since) = pending.take() {
                pace.spend(at);
                longest = longest.max(at - since);
                frames += 1;
            }
        };
        for &change in changes {
            let at = start + Duration::from_micros(change);
            if let Some(next) = pace.next().filter(|next| *next < at) {
                deliver(&mut pace, &mut pending, next);
            }
            pending.get_or_insert(at);
            if pace.allows(at) {
                deliver(&mut pace, &mut pending, at);
            }
        }
        let end = pace.next().unwrap_or(start);
        deliver(&mut pace, &mut pending, end);
        (frames, longest)
    }

    #[test]
    fn a_drawing_at_60_hertz_with_jitter_comes_through_on_60_frames_a_second() {
        // Deterministic jitter of up to 7 ms either way.
        let mut state = 1u64;
        let changes: Vec<u64> = (1..=6000u64)
            .map(|frame| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                frame * 1_000_000 / 60 + (state >> 33) % 14_000 - 7_000
            })
            .collect();
        let (frames, _) = run(60.0, &changes);
        assert!(frames >= 5940, "{frames} of 6000");
    }

    #[test]
    fn a_faster_drawing_is_thinned_out_to_the_rate() {
        let changes: Vec<u64> = (0..6000u64).map(|frame| frame * 1_000_000 / 600).collect();
        for rate in [30.0, 60.0] {
            let (frames, _) = run(rate, &changes);
            let expected = (rate * 10.0) as usize;
            assert!(frames.abs_diff(expected) <= 2, "{frames} at {rate}");
        }
    }

    #[test]
    fn a_new_rate_does_not_wait_for_the_old_one() {
        let now = Instant::now();
        let mut pace = Pace::new(0.01);
        pace.spend(now);
        assert!(!pace.allows(now + Duration::from_secs(1)));
        pace.set_rate(60.0, now);
        assert!(pace.allows(now + Duration::from_millis(17)));
    }

    proptest! {
        #[test]
        fn no_change_waits_longer_than_a_period_and_the_rate_is_kept(
            rate in 1..240u32, gaps in proptest::collection::vec(0..60_000u64, 1..200),
        ) {
            let mut at = 0;
            let changes: Vec<u64> = gaps.iter().map(|gap| { at += gap; at }).collect();
            let (frames, longest) = run(f64::from(rate), &changes);
            let period = Duration::from_secs_f64(1.0 / f64::from(rate));
            prop_assert!(longest <= period + Duration::from_nanos(2), "{longest:?} of {period:?}");
            let span = Duration::from_micros(at - changes[0]) + period;
            let most = span.as_secs_f64() * f64::from(rate) + 1.5;
            prop_assert!(frames as f64 <= most + 0.001, "{frames} of {most}");
            prop_assert!(frames > 0);
        }
    }
}
