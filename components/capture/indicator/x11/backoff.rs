/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */
//! How often something is tried again that another program undoes. Pure.

use std::time::{Duration, Instant};

/// Between the first try and the second.
const SHORTEST: Duration = Duration::from_millis(25);
/// Between tries in the long run.
const LONGEST: Duration = Duration::from_secs(5);
/// A last try that is longer ago than this, on top of the interval, has lasted.
const CALM: Duration = Duration::from_secs(2);

/// The first try is made at once, each further one after twice the time, until
/// one lasts.
#[derive(Debug)]
pub(super) struct Backoff {
    interval: Duration,
    tried_at: Option<Instant>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            interval: SHORTEST,
            tried_at: None,
        }
    }
}

impl Backoff {
    /// When the next try may be made; none: at once.
    pub(super) fn next(&self) -> Option<Instant> {
        self.tried_at.map(|at| at + self.interval)
    }

    pub(super) fn allows(&self, now: Instant) -> bool {
        self.next().is_none_or(|next| next <= now)
    }

    /// A try is made.
    pub(super) fn tried(&mut self, now: Instant) {
        if let Some(before) = self.tried_at {
            let lasted = now.duration_since(before) > self.interval + CALM;
            self.interval = if lasted {
                SHORTEST
            } else {
                (self.interval * 2).min(LONGEST)
            };
        }
        self.tried_at = Some(now);
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
        // Once it has lasted, the next rival is answered at once again.
        now += LONGEST + CALM + Duration::from_millis(1);
        assert!(backoff.allows(now));
        backoff.tried(now);
        assert_eq!(backoff.next(), Some(now + SHORTEST));
    }
}
