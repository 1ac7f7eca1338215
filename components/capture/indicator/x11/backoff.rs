/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */
//! How often something is tried again that another program undoes. Pure.

use std::time::{Duration, Instant};

/// Between the first try and the second.
const SHORTEST: Duration = Duration::from_millis(25);
/// Between tries in the long run.
const LONGEST: Duration = Duration::from_secs(5);
/// A try whose effect lasts longer than this was not undone by a rival, which
/// answers, but by something else that happened to come.
const CALM: Duration = Duration::from_millis(500);

/// The first try is made at once, each further one after twice the time, until
/// one lasts.
#[derive(Debug)]
pub(super) struct Backoff {
    interval: Duration,
    tried_at: Option<Instant>,
    /// Whether another try is wanted since the last one.
    is_needed: bool,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            interval: SHORTEST,
            tried_at: None,
            is_needed: false,
        }
    }
}

impl Backoff {
    /// A try is wanted from now on. Tells how long the last one has lasted,
    /// however long the next has to wait.
    pub(super) fn needed(&mut self, now: Instant) {
        let lasted = |at| now.duration_since(at) > CALM;
        if !self.is_needed && self.tried_at.is_some_and(lasted) {
            *self = Self::default();
        }
        self.is_needed = true;
    }

    /// No try is wanted any more.
    pub(super) fn spared(&mut self) {
        self.is_needed = false;
    }

    /// When the next try may be made; none: at once.
    pub(super) fn next(&self) -> Option<Instant> {
        self.tried_at.map(|at| at + self.interval)
    }

    pub(super) fn allows(&self, now: Instant) -> bool {
        self.next().is_none_or(|next| next <= now)
    }

    /// A try is made.
    pub(super) fn tried(&mut self, now: Instant) {
        if self.tried_at.is_some() {
            self.interval = (self.interval * 2).min(LONGEST);
        }
        self.tried_at = Some(now);
        self.is_needed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rival_is_answered_at_once_and_then_more_and_more_rarely() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let (mut now, mut tries) = (start, Vec::new());
        while now < start + Duration::from_secs(60) {
            backoff.needed(now);
            if backoff.allows(now) {
                backoff.tried(now);
                tries.push(now - start);
            }
            now += Duration::from_millis(1);
        }
        assert_eq!(tries[0], Duration::ZERO);
        let within = |limit| tries.iter().filter(|at| **at < limit).count();
        assert!(within(Duration::from_millis(500)) >= 4, "{tries:?}");
        assert!(tries.len() < 25, "{} tries in a minute", tries.len());
        let last = tries[tries.len() - 1] - tries[tries.len() - 2];
        assert_eq!(last, LONGEST);
        // Once a try has lasted, the next rival is answered at once again.
        while !backoff.allows(now) {
            now += Duration::from_millis(1);
        }
        backoff.tried(now);
        now += CALM + Duration::from_millis(1);
        backoff.needed(now);
        assert!(backoff.allows(now));
        backoff.tried(now);
        assert_eq!(backoff.next(), Some(now + SHORTEST));
    }

    #[test]
    fn whoever_comes_at_leisure_is_no_rival() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        for _ in 0..100 {
            backoff.needed(now);
            assert!(backoff.allows(now));
            backoff.tried(now);
            now += CALM + Duration::from_millis(1);
        }
    }

    #[test]
    fn a_false_alarm_does_not_count_against_what_comes_later() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        backoff.needed(start);
        backoff.tried(start);
        backoff.needed(at(1));
        backoff.tried(at(25));
        assert_eq!(backoff.next(), Some(at(75)));
        backoff.needed(at(30));
        backoff.spared();
        backoff.needed(at(526));
        assert!(backoff.allows(at(526)), "that is a new one");
        backoff.tried(at(526));
        assert_eq!(backoff.next(), Some(at(551)));
    }
}
