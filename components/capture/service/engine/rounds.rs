/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Frames of several monitors that are drawn together are made together: what is
//! on its way a moment later would cost a reading, and all wake-ups up to the page,
//! of its own.

use std::time::{Duration, Instant};

use super::Engine;
use super::source::Source;

/// Frames that become due within this time belong together.
const ROUND: Duration = Duration::from_millis(8);
/// How long those that are due wait for those that came with them before: a display
/// server draws two or three monitors in that time.
const GATHERING: Duration = Duration::from_millis(3);
/// How many rounds nobody waits in after nobody came.
const ROUNDS_WITHOUT: u32 = 64;

/// How many frames are made at a time.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// When the present round began.
    began: Option<Instant>,
    /// So many frames were made in it.
    made: usize,
    /// Until when those that are due wait.
    gathers_until: Option<Instant>,
    /// In so many rounds nobody waits.
    without: u32,
}

impl Rounds {
    /// Whether the `due` frames, of so many sources, are made now; else when all are
    /// due that were the last time, or at [`Rounds::gathers_until`].
    pub(super) fn begins(&mut self, due: usize, sources: usize, now: Instant) -> bool {
        if due == 0 {
            self.gathers_until = None;
            return true;
        }
        if self.began.is_some_and(|began| now < began + ROUND) {
            // What is late is still waited for in the next round.
            self.made += due;
            return true;
        }
        if due < self.made.min(sources) && self.without == 0 {
            let until = *self.gathers_until.get_or_insert(now + GATHERING);
            if until > now {
                return false;
            }
            self.without = ROUNDS_WITHOUT;
        }
        self.without = self.without.saturating_sub(1);
        self.gathers_until = None;
        self.began = Some(now);
        self.made = due;
        true
    }

    /// When the frames that wait are made, if any do.
    pub(super) fn gathers_until(&self) -> Option<Instant> {
        self.gathers_until
    }
}

impl Engine {
    /// Whether frames are made now, or wait for others that come with them.
    pub(super) fn begins_round(&mut self, now: Instant) -> bool {
        let can_be_made = |source: &&Source| {
            let monitor = self.monitors.get(&source.monitor);
            !source.paused
                && source.has_picture()
                && monitor.is_some_and(|monitor| monitor.is_ready(now))
        };
        let shown = || self.sources.values().filter(can_be_made);
        let due = shown().filter(|source| source.is_due(now)).count();
        self.rounds.begins(due, shown().count(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(16);
    const MOMENT: Duration = Duration::from_micros(300);

    #[test]
    fn a_round_waits_for_as_many_as_the_last_one_had() {
        let mut rounds = Rounds::default();
        let now = Instant::now();
        assert!(rounds.begins(2, 5, now), "nobody is waited for at first");
        assert!(rounds.begins(2, 5, now + MOMENT), "what comes late is made");
        let now = now + PERIOD;
        assert!(!rounds.begins(2, 5, now), "there are four");
        assert_eq!(rounds.gathers_until(), Some(now + GATHERING));
        assert!(!rounds.begins(3, 5, now + MOMENT));
        assert!(rounds.begins(4, 5, now + 2 * MOMENT), "all are there");
        assert_eq!(rounds.gathers_until(), None);
        assert!(
            rounds.begins(5, 5, now + PERIOD),
            "whoever comes is welcome"
        );
    }

    #[test]
    fn whoever_does_not_come_is_not_waited_for_again() {
        let mut rounds = Rounds::default();
        let mut now = Instant::now();
        assert!(rounds.begins(2, 5, now));
        now += PERIOD;
        assert!(!rounds.begins(1, 5, now));
        assert!(!rounds.begins(1, 5, now + MOMENT));
        assert!(rounds.begins(1, 5, now + GATHERING));
        assert_eq!(rounds.gathers_until(), None);
        // It comes much later each time, so that each round has two.
        for _ in 1..ROUNDS_WITHOUT {
            assert!(rounds.begins(1, 5, now + PERIOD / 3));
            now += PERIOD;
            assert!(rounds.begins(1, 5, now + GATHERING));
        }
        assert!(rounds.begins(1, 5, now + PERIOD / 3));
        now += PERIOD;
        assert!(!rounds.begins(1, 5, now + GATHERING), "now and then it is");
    }

    #[test]
    fn sources_that_are_gone_are_not_waited_for() {
        let mut rounds = Rounds::default();
        let now = Instant::now();
        assert!(rounds.begins(3, 3, now));
        assert!(rounds.begins(1, 1, now + PERIOD));
    }

    #[test]
    fn where_nothing_is_due_nothing_waits_and_nothing_is_forgotten() {
        let mut rounds = Rounds::default();
        let now = Instant::now();
        assert!(rounds.begins(3, 5, now));
        assert!(rounds.begins(0, 5, now + PERIOD));
        assert_eq!(rounds.gathers_until(), None);
        assert!(!rounds.begins(2, 5, now + 2 * PERIOD));
    }
}
