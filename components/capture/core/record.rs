/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What goes into the record, and what it means that something cannot.

use std::collections::BTreeMap;
use std::time::Duration;

use servo_capture_traits::{CaptureError, ClientId, EndReason, SourceId};

use super::session::SessionState;
use super::{CaptureNotice, Core, Effect, RequestId, SessionId, Source, Timestamp};
use crate::indicator::IndicatorError;
use crate::monitor::Monitor;
use crate::record::{
    FaultOutcome, RecordEntry, RecordError, RecordedApi, RefusalKind, microseconds, shortened,
};

/// How many refusals of one client have entries of their own, within [`WINDOW`]:
/// a page that asks again and again must not push what others did out of the
/// record.
const MAX_REFUSALS: u32 = 20;
/// How long further refusals are counted before one entry tells of them.
const WINDOW: Duration = Duration::from_secs(60);
/// How many problems of the preferences have entries of their own.
const MAX_PROBLEMS: usize = 100;

/// What the core remembers for the record.
#[derive(Debug, Default)]
pub(super) struct RecordState {
    refusals: BTreeMap<ClientId, Refusals>,
    /// The indicator had a fault and has not been confirmed since.
    is_indicator_faulty: bool,
}

/// The refusals of one client within [`WINDOW`].
#[derive(Debug)]
struct Refusals {
    until: Timestamp,
    written: u32,
    /// What stands for those that were only counted.
    counted: Option<Refusal>,
}

#[derive(Debug)]
struct Refusal {
    origin: String,
    kind: RefusalKind,
    reason: String,
    count: u64,
}

impl From<Refusal> for RecordEntry {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal {
            origin: refusal.origin,
            api: RecordedApi::GetAllScreensMedia,
            kind: refusal.kind,
            reason: refusal.reason,
            count: refusal.count,
        }
    }
}

impl RecordState {
    /// When counted refusals are to be written.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let waiting = self.refusals.values().filter(|of| of.counted.is_some());
        waiting.map(|of| of.until).min()
    }
}

/// Why frames or a session ended, for people; none: nothing but the page's wish.
pub(super) fn end_text(reason: Option<&EndReason>) -> String {
    reason.map_or_else(
        || "the page stopped it".to_owned(),
        |reason| shortened(&reason.to_string()),
    )
}

impl Core {
    fn record(&mut self, entry: RecordEntry) {
        self.effects.push(Effect::Record(entry));
    }

    /// Records a refusal or counts it.
    pub(super) fn record_refusal(
        &mut self,
        client: ClientId,
        origin: &str,
        error: &CaptureError,
        now: Timestamp,
    ) {
        let refusal = Refusal {
            origin: shortened(origin),
            kind: error.into(),
            reason: shortened(&error.to_string()),
            count: 1,
        };
        self.write_counted_refusals(now);
        let refusals = self
            .record
            .refusals
            .entry(client)
            .or_insert_with(|| Refusals {
                until: now.after(WINDOW),
                written: 0,
                counted: None,
            });
        if refusals.written < MAX_REFUSALS {
            refusals.written += 1;
            self.record(refusal.into());
        } else {
            let count = refusals.counted.as_ref().map_or(0, |counted| counted.count);
            refusals.counted = Some(Refusal {
                count: count + 1,
                ..refusal
            });
        }
    }

    /// Records what was counted up to now, where its time has come.
    pub(super) fn write_counted_refusals(&mut self, now: Timestamp) {
        let mut due = Vec::new();
        self.record.refusals.retain(|_, refusals| {
            let is_due = refusals.until <= now;
            if is_due {
                due.extend(refusals.counted.take());
            }
            !is_due
        });
        for refusal in due {
            self.record(refusal.into());
        }
    }

    /// Nothing is counted any more after this.
    pub(super) fn write_all_counted_refusals(&mut self) {
        for refusals in std::mem::take(&mut self.record.refusals).into_values() {
            if let Some(refusal) = refusals.counted {
                self.record(refusal.into());
            }
        }
    }

    /// The session waits until the record holds its grant.
    pub(super) fn record_grant(
        &mut self,
        id: SessionId,
        request: RequestId,
        monitors: Vec<Monitor>,
        deadline: Timestamp,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let entry = RecordEntry::Grant {
            session: id.0,
            origin: shortened(&session.origin),
            api: RecordedApi::GetAllScreensMedia,
            monitors: monitors.iter().map(Into::into).collect(),
            indicator_confirmed_us: microseconds(
                self.indication.confirmed_at().since(Timestamp::default()),
            ),
        };
        session.state = SessionState::Recording {
            request,
            deadline,
            monitors,
        };
        self.record(entry);
    }

    /// The grant is on the disk, or could not be written.
    pub(super) fn grant_recorded(
        &mut self,
        id: SessionId,
        result: Result<(), RecordError>,
        now: Timestamp,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let SessionState::Recording {
            request, monitors, ..
        } = &mut session.state
        else {
            return;
        };
        let (request, monitors) = (*request, std::mem::take(monitors));
        match result {
            // The error is told where the failures begin.
            Err(_) if self.policy.record_required => self.fail(id, unrecorded(), now),
            _ => self.grant(id, request, monitors, now),
        }
    }

    /// An entry could not be written, for the first time since one could.
    pub(super) fn record_failed(&mut self, error: &RecordError, now: Timestamp) {
        self.effects.push(Effect::Notify(CaptureNotice::Fault {
            reason: error.to_string(),
        }));
        if !self.policy.record_required {
            return;
        }
        // What is not recorded does not go on.
        let error = unrecorded();
        let reason = EndReason::Refused(error.to_string());
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.end_session(id, error.clone(), &reason, now);
        }
    }

    /// A source that frames are made for from now on. Recorded if it is the
    /// session's first on its monitor.
    pub(super) fn record_start(&mut self, id: SourceId) {
        if let Some(source) = self.sources.get(&id)
            && self.attached_beside(source) == 1
            && let Some(session) = self.sessions.get(&source.session)
        {
            let entry = RecordEntry::Start {
                session: source.session.0,
                origin: shortened(&session.origin),
                monitor: (&source.monitor).into(),
            };
            self.record(entry);
        }
    }

    /// An attached source that has been taken out. Recorded if it was the
    /// session's last on its monitor.
    pub(super) fn record_stop(&mut self, source: &Source, reason: String) {
        if self.attached_beside(source) == 0
            && let Some(session) = self.sessions.get(&source.session)
        {
            let entry = RecordEntry::Stop {
                session: source.session.0,
                origin: shortened(&session.origin),
                monitor: (&source.monitor).into(),
                reason,
            };
            self.record(entry);
        }
    }

    /// How many sources of the same session and monitor get frames.
    fn attached_beside(&self, source: &Source) -> usize {
        let place = (source.session, source.monitor.id);
        self.sources
            .values()
            .filter(|other| other.is_attached() && (other.session, other.monitor.id) == place)
            .count()
    }

    pub(super) fn record_end(&mut self, session: SessionId, origin: &str, reason: String) {
        self.record(RecordEntry::End {
            session: session.0,
            origin: shortened(origin),
            reason,
        });
    }

    pub(super) fn record_indicator_fault(&mut self, error: &IndicatorError, outcome: FaultOutcome) {
        self.record.is_indicator_faulty = outcome == FaultOutcome::Muted;
        let sessions = self.indicated_sessions();
        self.record(RecordEntry::IndicatorFault {
            sessions,
            outcome,
            reason: shortened(&error.to_string()),
        });
    }

    /// The indicator is confirmed; recorded if it was not by a fault.
    pub(super) fn record_indicator_shown(&mut self) {
        if std::mem::take(&mut self.record.is_indicator_faulty) {
            let sessions = self.indicated_sessions();
            self.record(RecordEntry::IndicatorRestored { sessions });
        }
    }

    fn indicated_sessions(&self) -> Vec<u64> {
        self.sessions
            .iter()
            .filter(|(_, session)| session.is_indicated())
            .map(|(id, _)| id.0)
            .collect()
    }

    /// What is wrong with the preferences.
    pub(super) fn policy_problems(&mut self, problems: Vec<String>) {
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        for problem in problems.into_iter().take(MAX_PROBLEMS) {
            let reason = shortened(&problem);
            self.record(RecordEntry::PolicyError { reason });
        }
        if more > 0 {
            let reason = format!("{more} more problems of the preferences");
            self.record(RecordEntry::PolicyError { reason });
        }
    }

    /// Less is allowed than before.
    pub(super) fn record_policy_change(&mut self, reason: String) {
        let reason = shortened(&reason);
        self.record(RecordEntry::PolicyChange { reason });
    }
}

/// What the page hears: the administrator does not allow captures without a
/// record. Where the record is, and what is wrong with it, is told to people only.
pub(super) fn unrecorded() -> CaptureError {
    let reason = "captures must be recorded here, and the record cannot be written";
    CaptureError::RefusedByPolicy(reason.to_owned())
}
