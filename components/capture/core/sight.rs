/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the engine says of the indicator that it looks for in the monitors' own
//! pixels, and what the person in front of them does with it.

use std::collections::BTreeSet;
use std::time::Duration;

use servo_capture_traits::{CaptureError, EndReason};

use super::{CaptureNotice, Core, Effect, SessionId, Timestamp};
use crate::indicator::{IndicatorError, UserAction};
use crate::monitor::MonitorId;
use crate::record::FaultOutcome;

/// How often it is told and recorded that the indicator is not seen: a program
/// that covers it again and again must not push all else out of the record.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Where the indicator was shown and is not seen.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    monitors: BTreeSet<MonitorId>,
    told_at: Option<Timestamp>,
}

impl Hidden {
    pub(super) fn contains(&self, monitor: MonitorId) -> bool {
        self.monitors.contains(&monitor)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.monitors.is_empty()
    }
}

impl Core {
    /// The engine does not see the indicator on this monitor, and makes no more
    /// frames of it.
    pub(super) fn indicator_covered(&mut self, monitor: MonitorId, now: Timestamp) {
        let mut sources = self.sources.values().filter(|source| source.is_begun());
        let Some(source) = sources.find(|source| source.monitor.id == monitor) else {
            return;
        };
        let label = source.monitor.label.clone();
        if !self.indication.hidden.monitors.insert(monitor) {
            return;
        }
        self.counters.indicators_covered += 1;
        self.update_mutes();
        self.effects.push(Effect::RestoreIndicator);
        let told_at = &mut self.indication.hidden.told_at;
        if told_at.is_none_or(|at| now.since(at) >= TOLD_AGAIN_AFTER) {
            *told_at = Some(now);
            let reason = "it is not on the screen: covered, moved or taken away".to_owned();
            let error = IndicatorError::Lost { label, reason };
            self.record_indicator_fault(&error, FaultOutcome::Muted);
            self.effects.push(Effect::Notify(CaptureNotice::Fault {
                reason: error.to_string(),
            }));
        }
    }

    /// The engine sees it again.
    pub(super) fn indicator_seen(&mut self, monitor: MonitorId, now: Timestamp) {
        if !self.indication.hidden.monitors.remove(&monitor) {
            return;
        }
        for source in self.sources.values_mut() {
            if source.monitor.id == monitor {
                source.want_fresh_frame();
            }
        }
        self.open_what_is_indicated(now);
        self.update_mutes();
        if self.indication.hidden.is_empty() {
            self.record_indicator_shown();
        }
    }

    /// The engine looks only at monitors that it has sources of; when the last is
    /// gone, what it said is void.
    pub(super) fn forget_hidden_monitors(&mut self, now: Timestamp) {
        let sources = &self.sources;
        let is_known = |id: &MonitorId| {
            let mut sources = sources.values();
            sources.any(|source| source.monitor.id == *id && source.is_begun())
        };
        let before = self.indication.hidden.monitors.len();
        self.indication.hidden.monitors.retain(is_known);
        if self.indication.hidden.monitors.len() < before {
            self.open_what_is_indicated(now);
            self.update_mutes();
        }
    }

    /// The user's word, by the indicator or by what the desktop shows.
    pub(super) fn user_acted(&mut self, action: UserAction, now: Timestamp) {
        match action {
            UserAction::ShowInformation => {
                let notice = CaptureNotice::ShowInformation;
                self.effects.push(Effect::Notify(notice));
            }
            UserAction::Stop if self.policy.user_may_stop => {
                let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
                for id in sessions {
                    self.end_by_user(id, now);
                }
            }
            UserAction::Stop => self.counters.refused_requests += 1,
        }
    }

    pub(super) fn end_by_user(&mut self, id: SessionId, now: Timestamp) {
        let error = CaptureError::Aborted("the user stopped it".to_owned());
        self.end_session(id, error, &EndReason::StoppedByUser, now);
    }
}
