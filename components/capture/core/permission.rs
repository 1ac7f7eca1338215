/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What takes permissions away while the browser runs: the person in front of
//! the monitors, and preferences that were read again. Nothing gives any.

use std::sync::Arc;

use servo_capture_traits::{CaptureError, EndReason};

use super::record::unrecorded;
use super::session::parse_origin;
use super::{CaptureNotice, Core, Effect, SessionId, Timestamp};
use crate::policy::{CapturePolicy, OriginPattern};

impl Core {
    /// The person wants one capture to end.
    pub(super) fn stop_by_user(&mut self, session: SessionId, now: Timestamp) {
        if self.check_user_may_stop() {
            // A capture that has ended by itself meanwhile is no error.
            self.end_by_user(session, now);
        }
    }

    /// The person takes away what `pattern` names, until the browser ends. It is
    /// a matter of who may stop: where only the administrator may, only the
    /// administrator may revoke.
    pub(super) fn revoke(&mut self, pattern: OriginPattern, now: Timestamp) {
        if !self.check_user_may_stop() {
            return;
        }
        let mut policy = CapturePolicy::clone(&self.policy);
        policy.revoke(pattern.clone());
        if policy == *self.policy {
            return;
        }
        self.policy = Arc::new(policy);
        let pattern = pattern.to_string();
        self.record_policy_change(format!("the user revoked {pattern} until the browser ends"));
        let notice = CaptureNotice::Revoked { pattern };
        self.effects.push(Effect::Notify(notice));
        for (session, _) in self.disallowed() {
            self.end_by_user(session, now);
        }
        self.withdraw_disallowed_screens();
    }

    /// The preferences were read again. What they allow more is left for the next
    /// start; what they allow less is taken away now.
    pub(super) fn policy_read(
        &mut self,
        newer: &CapturePolicy,
        problems: Vec<String>,
        now: Timestamp,
    ) {
        self.policy_problems(problems);
        let mut policy = self.policy.narrowed_by(newer);
        // The engine has it from the start.
        policy.mask_indicator = self.policy.mask_indicator;
        if policy == *self.policy {
            return;
        }
        let must_record_now = policy.record_required && !self.policy.record_required;
        self.policy = Arc::new(policy);
        let reason = "the preferences were read again and allow less";
        self.record_policy_change(reason.to_owned());
        self.effects.push(Effect::Notify(CaptureNotice::Narrowed));
        for (session, error) in self.disallowed() {
            let reason = EndReason::Refused(error.to_string());
            self.end_session(session, error, &reason, now);
        }
        self.withdraw_disallowed_screens();
        if must_record_now {
            // Their beginning may not be in the record.
            let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
            for session in sessions {
                let error = unrecorded();
                let reason = EndReason::Refused(error.to_string());
                self.end_session(session, error, &reason, now);
            }
        }
    }

    fn check_user_may_stop(&mut self) -> bool {
        if !self.policy.user_may_stop {
            self.counters.refused_requests += 1;
        }
        self.policy.user_may_stop
    }

    /// The captures that would not be granted any more, and why.
    fn disallowed(&self) -> Vec<(SessionId, CaptureError)> {
        let sessions = self.sessions.iter();
        sessions
            .filter_map(|(&id, session)| {
                let origin = parse_origin(&session.origin);
                // Of a document that the constellation has not told of yet nothing
                // is granted, and it is asked again then.
                let is_top_level = self.is_top_level(session.pipeline).unwrap_or(true);
                let allowed = self.policy.check_all_screens(&origin);
                let allowed = allowed.and_then(|()| self.policy.check_nesting(is_top_level));
                let refusal = allowed.err()?;
                Some((id, CaptureError::RefusedByPolicy(refusal.to_string())))
            })
            .collect()
    }
}
