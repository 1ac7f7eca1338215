/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The lives of documents, clients, the display server and the browser.

use servo_base::id::PipelineId;
use servo_capture_traits::{CaptureError, ClientId, EndReason};

use super::session::Session;
use super::{CaptureNotice, Core, Effect, MAX_GONE_PIPELINES, SessionId, Timestamp};
use crate::grabber::GrabError;

impl Core {
    fn sessions_where(&self, condition: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        self.sessions
            .iter()
            .filter(|(_, session)| condition(session))
            .map(|(&id, _)| id)
            .collect()
    }

    fn end_sessions_of(&mut self, pipeline: PipelineId, now: Timestamp) {
        for id in self.sessions_where(|session| session.pipeline == pipeline) {
            self.end_session(id, CaptureError::DocumentInactive, &EndReason::Closed, now);
        }
    }

    pub(super) fn pipeline_activity(&mut self, pipeline: PipelineId, active: bool, now: Timestamp) {
        if active {
            self.inactive.remove(&pipeline);
        } else if !self.gone.contains(&pipeline) {
            self.inactive.insert(pipeline);
            self.end_sessions_of(pipeline, now);
        }
        self.screens_activity(pipeline, active);
    }

    pub(super) fn pipeline_gone(&mut self, pipeline: PipelineId, now: Timestamp) {
        self.inactive.remove(&pipeline);
        self.forget_vouched_document(pipeline);
        if !self.gone.contains(&pipeline) {
            if self.gone.len() == MAX_GONE_PIPELINES {
                self.gone.pop_front();
            }
            self.gone.push_back(pipeline);
        }
        self.end_sessions_of(pipeline, now);
        self.screens_pipeline_gone(pipeline);
    }

    /// The client's process ended: nobody is left to watch or to stop.
    pub(super) fn client_gone(&mut self, client: ClientId, now: Timestamp) {
        self.forget_vouched_client(client);
        for id in self.sessions_where(|session| session.client == client) {
            self.end_session(id, CaptureError::DocumentInactive, &EndReason::Closed, now);
        }
        self.screens_client_gone(client);
    }

    /// Some of the client's messages are lost, and a lost "stop" must not leave
    /// a capture running: all of the client's captures end.
    pub(super) fn client_flooded(&mut self, client: ClientId, now: Timestamp) {
        self.counters.floods += 1;
        let reason = format!("requests of {client} were lost: too many, or unreadable");
        self.effects.push(Effect::Notify(CaptureNotice::Fault {
            reason: reason.clone(),
        }));
        for id in self.sessions_where(|session| session.client == client) {
            let error = CaptureError::Aborted(reason.clone());
            self.end_session(id, error, &EndReason::Refused(reason.clone()), now);
        }
    }

    /// Frames come again when the display server answers again, or end with it.
    pub(super) fn server_stalled(&mut self, stalled: bool) {
        self.stalled = stalled;
        self.update_mutes();
    }

    pub(super) fn display_server_lost(&mut self, error: &GrabError, now: Timestamp) {
        self.stalled = false;
        self.effects.push(Effect::Notify(CaptureNotice::Fault {
            reason: error.to_string(),
        }));
        for id in self.sessions_where(|_| true) {
            self.end_session(
                id,
                CaptureError::Aborted(error.to_string()),
                &EndReason::DisplayServerLost(error.to_string()),
                now,
            );
        }
        self.screens_lost(error, now);
    }

    pub(super) fn exit(&mut self, now: Timestamp) {
        for id in self.sessions_where(|_| true) {
            let error = CaptureError::Aborted("the browser is shutting down".to_owned());
            self.end_session(id, error, &EndReason::Closed, now);
        }
        self.write_all_counted_refusals();
        self.screens_exit();
        // Nobody is there to see five more seconds of it.
        self.indication.cut_short();
    }
}
