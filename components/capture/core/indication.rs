/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The rule "no indicator, no capture", and the five seconds after.

use std::time::Duration;

use servo_capture_traits::{CaptureError, EndReason};

use super::sight::Hidden;
use super::{CaptureNotice, Core, Effect, SessionId, Timestamp};
use crate::indicator::{IndicatorContent, IndicatorError};
use crate::monitor::Monitor;
use crate::record::FaultOutcome;

/// How long the indicator stays after the last capture ended
/// (<https://screen-share.github.io/capture-all-screens/#privacy-indicator-requirements>:
/// at least five seconds).
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// What is asked of the indicator and what is known to be on screen.
#[derive(Debug, Default)]
pub(super) struct Indication {
    /// Grows with every [`Effect::Indicate`].
    generation: u64,
    /// The last thing asked for; none: hidden.
    asked: Option<Shown>,
    /// What the indicator thread has confirmed and nothing has undone.
    confirmed: Option<Shown>,
    /// When something was confirmed last.
    confirmed_at: Timestamp,
    /// The last capture ended, and this is when the indicator may go.
    linger: Option<Linger>,
    /// How often in a row the indicator was lost without being confirmed again.
    losses: u32,
    /// Where it was confirmed and the engine does not see it.
    pub(super) hidden: Hidden,
}

#[derive(Clone, Debug, PartialEq)]
struct Shown {
    content: IndicatorContent,
    monitors: Vec<Monitor>,
}

#[derive(Debug)]
struct Linger {
    session: SessionId,
    origin: String,
    until: Timestamp,
}

/// How often a lost indicator is put back before the captures end.
const MAX_LOSSES: u32 = 3;

impl Indication {
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let linger = self.linger.as_ref()?;
        self.asked.is_some().then_some(linger.until)
    }

    /// When the indicator was confirmed last.
    pub(super) fn confirmed_at(&self) -> Timestamp {
        self.confirmed_at
    }

    /// Whether the indicator is known to be on this very monitor, at its
    /// present place, to tell of this session by its origin, and to be seen.
    pub(super) fn covers(&self, monitor: &Monitor, session: SessionId, origin: &str) -> bool {
        !self.hidden.contains(monitor.id)
            && self.confirmed.as_ref().is_some_and(|shown| {
                // The text of a past capture says nothing of a new one.
                shown.content.live
                // One that was dismissed for an older capture says nothing either.
                && shown.content.newest_capture >= session.0
                && shown.content.origins.iter().any(|shown| shown == origin)
                && shown
                    .monitors
                    .iter()
                    .any(|shown| same_place(shown, monitor))
            })
    }

    /// Keeps of what is confirmed only what `next`, which is about to take its
    /// place on screen, shows as well: until `next` is confirmed either may be
    /// there.
    fn expect(&mut self, next: &Shown) {
        if !next.content.live {
            self.confirmed = None;
        }
        if let Some(confirmed) = &mut self.confirmed {
            let origins = &mut confirmed.content.origins;
            origins.retain(|origin| next.content.origins.contains(origin));
            confirmed
                .monitors
                .retain(|shown| next.monitors.iter().any(|next| same_place(shown, next)));
        }
    }

    /// The indicator goes without its last seconds.
    pub(super) fn cut_short(&mut self) {
        self.linger = None;
    }

    /// A session ended that was on the indicator.
    pub(super) fn capture_ended(&mut self, session: SessionId, origin: &str, now: Timestamp) {
        self.linger = Some(Linger {
            session,
            origin: origin.to_owned(),
            until: now.after(LINGER),
        });
    }
}

/// Whether the indicator of one is the indicator of the other.
fn same_place(one: &Monitor, other: &Monitor) -> bool {
    (one.id, one.bounds, one.scale) == (other.id, other.bounds, other.scale)
}

impl Core {
    /// What the indicator should say now, if anything.
    fn wanted_indicator(&mut self, now: Timestamp) -> Option<IndicatorContent> {
        let mut origins: Vec<String> = Vec::new();
        let mut newest_capture = 0;
        for (id, session) in &self.sessions {
            if session.is_indicated() {
                newest_capture = id.0;
            }
            if session.is_indicated() && !origins.contains(&session.origin) {
                origins.push(session.origin.clone());
            }
        }
        if !origins.is_empty() {
            // The five seconds begin anew when this capture ends.
            self.indication.linger = None;
            return Some(IndicatorContent {
                origins,
                live: true,
                newest_capture,
                may_stop: self.policy.user_may_stop,
                scheme: self.scheme,
            });
        }
        let linger = self.indication.linger.as_ref()?;
        (now < linger.until).then(|| IndicatorContent {
            origins: vec![linger.origin.clone()],
            live: false,
            newest_capture: linger.session.0,
            may_stop: false,
            scheme: self.scheme,
        })
    }

    /// Asks for the indicator that the present state needs.
    pub(super) fn update_indication(&mut self, now: Timestamp) {
        let wanted = self.wanted_indicator(now).map(|content| Shown {
            content,
            monitors: self.monitors.clone(),
        });
        if wanted == self.indication.asked {
            return;
        }
        self.indication.asked.clone_from(&wanted);
        // Confirmations of what was asked before no longer count.
        self.indication.generation += 1;
        match wanted {
            None => {
                self.indication.confirmed = None;
                self.indication.linger = None;
                self.effects.push(Effect::HideIndicator);
            }
            Some(shown) => {
                self.indication.expect(&shown);
                self.effects.push(Effect::Indicate {
                    generation: self.indication.generation,
                    content: shown.content,
                    monitors: shown.monitors,
                });
            }
        }
    }

    pub(super) fn indicator_shown(&mut self, generation: u64, now: Timestamp) {
        if generation != self.indication.generation {
            return;
        }
        self.indication.confirmed.clone_from(&self.indication.asked);
        self.indication.confirmed_at = now;
        self.indication.losses = 0;
        if self.indication.hidden.is_empty() {
            self.record_indicator_shown();
        }
        self.open_what_is_indicated(now);
        self.update_mutes();
    }

    pub(super) fn indicator_failed(
        &mut self,
        generation: u64,
        error: &IndicatorError,
        now: Timestamp,
    ) {
        // Whichever request failed, nothing is on screen now.
        self.indication.confirmed = None;
        if generation == self.indication.generation {
            self.without_indicator(error, now);
        } else {
            // A newer request is under way; frames are withheld until then.
            self.update_mutes();
            self.record_indicator_fault(error, FaultOutcome::Muted);
        }
    }

    pub(super) fn indicator_lost(&mut self, error: &IndicatorError, now: Timestamp) {
        self.indication.confirmed = None;
        self.indication.losses += 1;
        if self.indication.losses > MAX_LOSSES {
            return self.without_indicator(error, now);
        }
        // Frames are withheld until it is confirmed again.
        self.update_mutes();
        self.record_indicator_fault(error, FaultOutcome::Muted);
        self.effects.push(Effect::Notify(CaptureNotice::Fault {
            reason: error.to_string(),
        }));
        self.indication.asked = None;
    }

    /// No indicator, no capture.
    fn without_indicator(&mut self, error: &IndicatorError, now: Timestamp) {
        self.record_indicator_fault(error, FaultOutcome::Ended);
        self.effects.push(Effect::Notify(CaptureNotice::Fault {
            reason: error.to_string(),
        }));
        let indicated: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_indicated())
            .map(|(&id, _)| id)
            .collect();
        for id in indicated {
            self.end_session(
                id,
                CaptureError::NoIndicator(error.to_string()),
                &EndReason::IndicatorLost(error.to_string()),
                now,
            );
        }
        // It cannot be shown, so there is nothing that could stay.
        self.indication.linger = None;
        self.indication.losses = 0;
    }
}
