/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A session: what one call of `getAllScreensMedia()` was granted, from the
//! request to its last track.

use std::time::Duration;

use servo_base::id::PipelineId;
use servo_capture_traits::{CaptureError, ClientId, EndReason, GrantedSource, SourceId};
use url::{Origin, Url};
use uuid::Uuid;

use super::{
    CaptureNotice, Core, Effect, EngineCommand, MAX_SESSIONS_PER_CLIENT, MAX_SOURCES_PER_CLIENT,
    RequestId, SessionId, Source, Timestamp,
};
use crate::grabber::GrabError;
use crate::monitor::{Monitor, MonitorId};

/// How long each step of a request may take before the request is aborted.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of an origin: the longest domain name has 253, and scheme and
/// port are short.
pub const MAX_ORIGIN_BYTES: usize = 1024;

/// One call of `getAllScreensMedia()`.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: ClientId,
    pub(super) pipeline: PipelineId,
    /// The origin's ASCII serialization.
    pub(super) origin: String,
    pub(super) state: SessionState,
    /// The monitors of the grant; empty until it is given.
    pub(super) granted: Vec<MonitorId>,
    /// When that was.
    pub(super) granted_at: Option<Timestamp>,
}

/// Where a session stands. Each waiting state ends by the event it names, or
/// at its deadline.
#[derive(Debug)]
pub(super) enum SessionState {
    /// Waits for the constellation's word on the document: a frame that script
    /// has just made may ask before the constellation has heard of it.
    Vouching {
        request: RequestId,
        deadline: Timestamp,
    },
    /// Waits for the engine's list of monitors.
    Listing {
        request: RequestId,
        deadline: Timestamp,
    },
    /// Waits until the indicator is confirmed on every monitor; nothing has
    /// been read yet.
    Indicating {
        request: RequestId,
        deadline: Timestamp,
        monitors: Vec<Monitor>,
    },
    /// Waits until the engine has read each monitor once.
    Opening {
        request: RequestId,
        deadline: Timestamp,
        monitors: Vec<Monitor>,
    },
    /// Waits until the record holds the grant.
    Recording {
        request: RequestId,
        deadline: Timestamp,
        monitors: Vec<Monitor>,
    },
    /// Granted, and at least one of its sources is left.
    Live,
}

impl Session {
    /// When the session is aborted if nothing happens.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            SessionState::Vouching { deadline, .. }
            | SessionState::Listing { deadline, .. }
            | SessionState::Indicating { deadline, .. }
            | SessionState::Opening { deadline, .. }
            | SessionState::Recording { deadline, .. } => Some(deadline),
            SessionState::Live => None,
        }
    }

    /// The call that still waits for its answer.
    fn request(&self) -> Option<RequestId> {
        match self.state {
            SessionState::Vouching { request, .. }
            | SessionState::Listing { request, .. }
            | SessionState::Indicating { request, .. }
            | SessionState::Opening { request, .. }
            | SessionState::Recording { request, .. } => Some(request),
            SessionState::Live => None,
        }
    }

    /// Whether its origin belongs on the indicator.
    pub(super) fn is_indicated(&self) -> bool {
        !matches!(
            self.state,
            SessionState::Vouching { .. } | SessionState::Listing { .. }
        )
    }
}

/// The origin that script claims. Whatever is no serialization of a tuple
/// origin is opaque, and opaque origins are never allowed.
pub(super) fn parse_origin(serialization: &str) -> Origin {
    if serialization.len() > MAX_ORIGIN_BYTES {
        return Origin::new_opaque();
    }
    Url::parse(serialization).map_or_else(|_| Origin::new_opaque(), |url| url.origin())
}

impl Core {
    /// <https://screen-share.github.io/capture-all-screens/#dom-mediadevices-getallscreensmedia>,
    /// the steps in parallel. The steps before them are script's
    /// (`dom/screencapture/allscreens.rs`).
    pub(super) fn all_screens(
        &mut self,
        request: RequestId,
        client: ClientId,
        pipeline: PipelineId,
        origin: &str,
        now: Timestamp,
    ) {
        // Not in the spec: the document may have been left meanwhile, the
        // document must be this client's and of its site, and no client captures
        // without limit.
        let parsed = parse_origin(origin);
        let checked = self
            .check_caller(client, pipeline)
            .and_then(|()| self.check_length(origin));
        if let Err(error) = checked.and_then(|()| self.check_claim(client, &parsed)) {
            if matches!(error, CaptureError::Unvouched(_)) {
                self.notify_refusal(&parsed, &error.to_string());
            }
            self.record_refusal(client, &parsed.ascii_serialization(), &error, now);
            return self.reply(request, Err(error));
        }
        // Whether it is in a frame is the constellation's word, which is waited for.
        let Some(is_top_level) = self.is_top_level(pipeline) else {
            return self.await_word(request, client, pipeline, &parsed, now);
        };
        // Step 2.1: the origin must be on the administrator's allowlist. Not in
        // the spec: the administrator may want no frames.
        let allowed = self.policy.check_all_screens(&parsed);
        let allowed = allowed.and_then(|()| self.policy.check_nesting(is_top_level));
        if let Err(refusal) = allowed {
            let reason = refusal.to_string();
            self.notify_refusal(&parsed, &reason);
            let error = CaptureError::RefusedByPolicy(reason);
            self.record_refusal(client, &parsed.ascii_serialization(), &error, now);
            return self.reply(request, Err(error));
        }
        // Step 2.3, the part about locks.
        if let Err(error) = self.check_unlocked() {
            self.notify_refusal(&parsed, &error.to_string());
            self.record_refusal(client, &parsed.ascii_serialization(), &error, now);
            return self.reply(request, Err(error));
        }
        // Step 2.3: enumerate all monitors; `monitors_listed` goes on. (Step
        // 2.2, the platform's limitations, shows in the engine's answer.)
        self.last_session += 1;
        let session = SessionId(self.last_session);
        self.sessions.insert(
            session,
            Session {
                client,
                pipeline,
                origin: parsed.ascii_serialization(),
                state: SessionState::Listing {
                    request,
                    deadline: now.after(STEP_TIMEOUT),
                },
                granted: Vec::new(),
                granted_at: None,
            },
        );
        self.effects
            .push(Effect::Engine(EngineCommand::List { session }));
    }

    fn notify_refusal(&mut self, origin: &Origin, reason: &str) {
        self.effects.push(Effect::Notify(CaptureNotice::Refused {
            origin: origin.ascii_serialization(),
            reason: reason.to_owned(),
        }));
    }

    /// What is longer than any origin is not kept, shown or parsed again.
    fn check_length(&mut self, origin: &str) -> Result<(), CaptureError> {
        if origin.len() <= MAX_ORIGIN_BYTES {
            return Ok(());
        }
        self.counters.refused_requests += 1;
        Err(CaptureError::BadRequest(format!(
            "an origin has at most {MAX_ORIGIN_BYTES} bytes"
        )))
    }

    /// `pipeline_placed` goes on.
    fn await_word(
        &mut self,
        request: RequestId,
        client: ClientId,
        pipeline: PipelineId,
        origin: &Origin,
        now: Timestamp,
    ) {
        self.last_session += 1;
        let session = Session {
            client,
            pipeline,
            origin: origin.ascii_serialization(),
            state: SessionState::Vouching {
                request,
                deadline: now.after(STEP_TIMEOUT),
            },
            granted: Vec::new(),
            granted_at: None,
        };
        self.sessions.insert(SessionId(self.last_session), session);
    }

    fn check_caller(&mut self, client: ClientId, pipeline: PipelineId) -> Result<(), CaptureError> {
        if self.gone.contains(&pipeline) || self.inactive.contains(&pipeline) {
            return Err(CaptureError::DocumentInactive);
        }
        if self.is_document_of(client, pipeline) == Some(false) {
            self.counters.refused_requests += 1;
            return Err(CaptureError::BadRequest(
                "the document is another process's".to_owned(),
            ));
        }
        let sessions = self.sessions.values();
        let count = sessions.filter(|other| other.client == client).count();
        if count >= MAX_SESSIONS_PER_CLIENT {
            return Err(CaptureError::TooMany {
                limit: MAX_SESSIONS_PER_CLIENT,
                what: "calls".to_owned(),
            });
        }
        Ok(())
    }

    pub(super) fn monitors_listed(
        &mut self,
        id: SessionId,
        result: Result<Vec<Monitor>, GrabError>,
        now: Timestamp,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let SessionState::Listing { request, .. } = session.state else {
            return;
        };
        let sources = self.sources.values();
        let held = sources
            .filter(|source| source.client == session.client)
            .count();
        match result {
            // Step 2.2: the platform cannot capture.
            Err(error) => {
                self.fail(id, CaptureError::PlatformLimitation(error.to_string()), now);
            }
            Ok(monitors) if monitors.is_empty() => {
                let error = GrabError::NoMonitor.to_string();
                self.fail(id, CaptureError::PlatformLimitation(error), now);
            }
            // Not in the spec: no client holds sources without limit.
            Ok(monitors) if held + monitors.len() > MAX_SOURCES_PER_CLIENT => {
                let error = CaptureError::TooMany {
                    limit: MAX_SOURCES_PER_CLIENT,
                    what: "tracks".to_owned(),
                };
                self.fail(id, error, now);
            }
            // Not in the spec's order, but its intent: the indicator is on
            // every monitor before anything is read.
            Ok(monitors) => {
                session.state = SessionState::Indicating {
                    request,
                    deadline: now.after(STEP_TIMEOUT),
                    monitors: monitors.clone(),
                };
                // The grabber's news of the layout has gone into this list.
                self.monitors_changed(monitors, now);
                self.open_what_is_indicated(now);
            }
        }
    }

    /// Sessions whose monitors all carry the confirmed indicator go on.
    pub(super) fn open_what_is_indicated(&mut self, now: Timestamp) {
        for (&id, session) in &mut self.sessions {
            let SessionState::Indicating {
                request, monitors, ..
            } = &session.state
            else {
                continue;
            };
            let covered = |monitor| self.indication.covers(monitor, id, &session.origin);
            if !monitors.iter().all(covered) {
                continue;
            }
            let (request, monitors) = (*request, monitors.clone());
            let ids = monitors.iter().map(|monitor| monitor.id).collect();
            session.state = SessionState::Opening {
                request,
                deadline: now.after(STEP_TIMEOUT),
                monitors,
            };
            self.effects.push(Effect::Engine(EngineCommand::Open {
                session: id,
                monitors: ids,
            }));
        }
    }

    pub(super) fn monitors_opened(
        &mut self,
        id: SessionId,
        result: Result<(), GrabError>,
        now: Timestamp,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let SessionState::Opening {
            request, monitors, ..
        } = &mut session.state
        else {
            return;
        };
        // Step 2.3: a lock that keeps one monitor from being read fails the
        // whole call, and so does anything else.
        if let Err(error) = result {
            let error = match error {
                GrabError::Unreadable { .. } => CaptureError::NotReadable(error.to_string()),
                GrabError::NoDisplayServer(_) => {
                    CaptureError::PlatformLimitation(error.to_string())
                }
                _ => CaptureError::Aborted(error.to_string()),
            };
            return self.fail(id, error, now);
        }
        let (request, monitors) = (*request, std::mem::take(monitors));
        // Not in the spec: the record has the grant before the page.
        self.record_grant(id, request, monitors, now.after(STEP_TIMEOUT));
    }

    /// All is ready and recorded: the answer.
    pub(super) fn grant(
        &mut self,
        id: SessionId,
        request: RequestId,
        monitors: Vec<Monitor>,
        now: Timestamp,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.state = SessionState::Live;
        session.granted_at = Some(now);
        session.granted = monitors.iter().map(|monitor| monitor.id).collect();
        let (client, pipeline) = (session.client, session.pipeline);
        let origin = session.origin.clone();
        // Step 2.3: exactly one video track for each monitor, and no audio.
        let count = monitors.len();
        let mut granted = Vec::with_capacity(count);
        for monitor in monitors {
            let source = SourceId::random();
            let state = Source::new(id, client, monitor);
            granted.push(GrantedSource {
                source,
                screen: state.monitor.screen_info(),
                screen_id: self.screens.id_of(client, pipeline, state.monitor.id),
                settings: state.settings(),
                // Random for every grant, so that two grants cannot be linked.
                device_id: Uuid::new_v4().simple().to_string(),
            });
            self.sources.insert(source, state);
        }
        self.effects.push(Effect::Notify(CaptureNotice::Started {
            origin,
            monitors: count,
        }));
        // Steps 2.4 and 2.5.
        self.reply(request, Ok(granted));
        // A monitor that went or changed between the list and now.
        let monitors = self.monitors.clone();
        self.apply_layout(&monitors, now);
    }

    /// Ends a session that was not granted, with an answer.
    pub(super) fn fail(&mut self, id: SessionId, error: CaptureError, now: Timestamp) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        if let Some(request) = session.request() {
            if !matches!(error, CaptureError::DocumentInactive) {
                self.effects.push(Effect::Notify(CaptureNotice::Refused {
                    origin: session.origin.clone(),
                    reason: error.to_string(),
                }));
            }
            self.record_refusal(session.client, &session.origin, &error, now);
            self.reply(request, Err(error));
        }
        self.session_over(id, &session, now);
    }

    /// Ends a session and whatever is left of it.
    pub(super) fn end_session(
        &mut self,
        id: SessionId,
        error: CaptureError,
        reason: &EndReason,
        now: Timestamp,
    ) {
        let sources: Vec<SourceId> = self.sources_of(id).collect();
        for source in sources {
            self.end_source(source, Some(reason.clone()), now);
        }
        self.fail(id, error, now);
    }

    pub(super) fn sources_of(&self, id: SessionId) -> impl Iterator<Item = SourceId> + '_ {
        self.sources
            .iter()
            .filter(move |(_, source)| source.session == id)
            .map(|(&source, _)| source)
    }

    /// The session has been taken out: lets go of its monitors and starts the
    /// indicator's last seconds.
    pub(super) fn session_over(&mut self, id: SessionId, session: &Session, now: Timestamp) {
        if session.is_indicated() {
            self.indication.capture_ended(id, &session.origin, now);
            self.effects
                .push(Effect::Engine(EngineCommand::Close { session: id }));
        }
        if matches!(session.state, SessionState::Live) {
            self.effects.push(Effect::Notify(CaptureNotice::Stopped {
                origin: session.origin.clone(),
            }));
        }
    }

    /// Aborts requests that have waited too long.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let aborted = |step: &str| CaptureError::Aborted(step.to_owned());
        let expired: Vec<(SessionId, CaptureError)> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.deadline().is_some_and(|deadline| deadline <= now))
            .map(|(&id, session)| {
                let error = match session.state {
                    SessionState::Vouching { .. } => {
                        CaptureError::Unvouched("nobody has said whose it is".to_owned())
                    }
                    SessionState::Listing { .. } => aborted("the monitors were not listed in time"),
                    SessionState::Indicating { .. } => {
                        aborted("the indicator was not shown in time")
                    }
                    SessionState::Recording { .. } => aborted("the grant was not recorded in time"),
                    _ => aborted("the monitors were not read in time"),
                };
                (id, error)
            })
            .collect();
        for (id, error) in expired {
            self.fail(id, error, now);
        }
    }

    pub(super) fn reply(
        &mut self,
        request: RequestId,
        result: Result<Vec<GrantedSource>, CaptureError>,
    ) {
        self.effects.push(Effect::Reply { request, result });
    }
}
