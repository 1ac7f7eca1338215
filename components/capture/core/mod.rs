/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The state of every capture, as a pure state machine.
//!
//! [`Core::handle`] takes what happened and the time, and answers what is to be
//! done. No thread, clock, channel or display server is in here, so that every
//! order of requests, faults and clock ticks can be tried in tests.
//!
//! What it keeps:
//! * no frame without a live grant;
//! * nothing read for a page, and no frame, of a monitor before the indicator on
//!   it was confirmed;
//! * every request answered exactly once;
//! * nothing of a document that is no longer fully active;
//! * nothing while the session is locked, and no capture that begins again by
//!   itself.

mod event;
mod indication;
mod lifecycle;
mod lock;
mod notice;
mod overview;
mod permission;
mod record;
mod screens;
mod session;
mod sight;
mod source;
#[cfg(test)]
mod tests;
mod vouching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use servo_base::id::PipelineId;
use servo_capture_traits::SourceId;

pub use self::event::{Effect, EngineCommand, Event, RawFrame, RequestId, SessionId, Timestamp};
use self::indication::Indication;
pub use self::lock::LockReason;
pub use self::notice::CaptureNotice;
pub use self::overview::{CaptureOverview, OngoingCapture, OngoingMonitor};
use self::record::RecordState;
use self::screens::Screens;
pub use self::screens::{QuestionId, ScreensEffect, ScreensInput};
pub use self::session::MAX_ORIGIN_BYTES;
use self::session::Session;
use self::source::Source;
use self::vouching::Vouching;
use crate::indicator::ColorScheme;
use crate::monitor::{Monitor, MonitorId};
use crate::policy::CapturePolicy;

/// How many calls of one client may be running or unanswered at once.
const MAX_SESSIONS_PER_CLIENT: usize = 64;
/// How many tracks one client may hold, clones included.
const MAX_SOURCES_PER_CLIENT: usize = 1024;
/// How many closed documents are remembered, for requests that were under way
/// when they closed.
const MAX_GONE_PIPELINES: usize = 4096;

/// The state machine.
pub struct Core {
    policy: Arc<CapturePolicy>,
    /// Oldest first, which is the order of origins on the indicator.
    sessions: BTreeMap<SessionId, Session>,
    sources: BTreeMap<SourceId, Source>,
    /// The layout as the engine told it last.
    monitors: Vec<Monitor>,
    indication: Indication,
    /// Which client speaks for a document, and of which site a client is.
    vouching: Vouching,
    inactive: BTreeSet<PipelineId>,
    gone: VecDeque<PipelineId>,
    last_session: u64,
    /// The display server does not answer.
    stalled: bool,
    /// Nobody is in front of the screens.
    locked: Option<LockReason>,
    /// What the indicator is drawn for.
    scheme: ColorScheme,
    counters: Counters,
    record: RecordState,
    screens: Screens,
    effects: Vec<Effect>,
}

/// What was dropped or refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Requests that named another's source or document, or were absurd.
    pub refused_requests: u64,
    /// Calls of clients that claimed an origin of another site.
    pub forged_origins: u64,
    /// Requests that named a source that is over, or never was.
    pub stale_requests: u64,
    /// Times that requests of a client were lost: too many, or unreadable.
    pub floods: u64,
    /// Frames that came when their source must not have them.
    pub withheld_frames: u64,
    /// Captures and calls that ended because the session was locked.
    pub sessions_ended_by_lock: u64,
    /// Times that the indicator was shown on a monitor and not seen there.
    pub indicators_covered: u64,
}

impl Core {
    /// No capture, and the policy that decides about the first.
    pub fn new(policy: CapturePolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            sessions: BTreeMap::new(),
            sources: BTreeMap::new(),
            monitors: Vec::new(),
            indication: Indication::default(),
            vouching: Vouching::default(),
            inactive: BTreeSet::new(),
            gone: VecDeque::new(),
            last_session: 0,
            stalled: false,
            locked: None,
            scheme: ColorScheme::default(),
            counters: Counters::default(),
            record: RecordState::default(),
            screens: Screens::default(),
            effects: Vec::new(),
        }
    }

    /// Takes one event and answers what is to be done, in order.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        // The many events that change nothing for other sources.
        let is_of_a_frame = matches!(event, Event::Frame { .. } | Event::Release { .. });
        match event {
            Event::AllScreens {
                request,
                client,
                pipeline,
                origin,
            } => self.all_screens(request, client, pipeline, &origin, now),
            Event::Attach { client, source } => self.attach(client, source),
            Event::Clone {
                client,
                source,
                clone,
            } => self.clone_source(client, source, clone),
            Event::Configure {
                request,
                client,
                source,
                format,
            } => self.configure(request, client, source, format),
            Event::Stop { client, source } => self.stop(client, source, now),
            Event::Release {
                client,
                source,
                sequence,
            } => self.release(client, source, sequence),
            Event::SinkLost { source } => self.sink_lost(source, now),
            Event::PipelineActivity { pipeline, active } => {
                self.pipeline_activity(pipeline, active, now);
            }
            Event::PipelineGone { pipeline } => self.pipeline_gone(pipeline, now),
            Event::ClientGone { client } => self.client_gone(client, now),
            Event::ClientFlooded { client } => self.client_flooded(client, now),
            Event::MonitorsListed { session, result } => {
                self.monitors_listed(session, result, now);
            }
            Event::MonitorsOpened { session, result } => {
                self.monitors_opened(session, result, now);
            }
            Event::MonitorsChanged { monitors } => self.monitors_changed(monitors, now),
            Event::MonitorFailed { monitor, error } => self.monitor_failed(monitor, &error, now),
            Event::DisplayServerLost { error } => self.display_server_lost(&error, now),
            Event::ServerStalled { stalled } => self.server_stalled(stalled),
            Event::DamageMissed { explanation, .. } => self
                .effects
                .push(Effect::Notify(CaptureNotice::Backend { explanation })),
            Event::Frame { source, frame } => self.frame(source, frame),
            Event::IndicatorShown { generation } => self.indicator_shown(generation, now),
            Event::IndicatorFailed { generation, error } => {
                self.indicator_failed(generation, &error, now);
            }
            Event::IndicatorLost { error } => self.indicator_lost(&error, now),
            Event::IndicatorCovered { monitor } => self.indicator_covered(monitor, now),
            Event::IndicatorSeen { monitor } => self.indicator_seen(monitor, now),
            Event::UserActed { action } => self.user_acted(action, now),
            Event::GrantRecorded { session, result } => {
                self.grant_recorded(session, result, now);
            }
            Event::RecordFailed { error } => self.record_failed(&error, now),
            Event::PolicyProblems { problems } => self.policy_problems(problems),
            Event::SessionLocked { reason } => self.session_locked(reason, now),
            Event::SessionUnlocked => self.session_unlocked(),
            Event::ColorSchemeChanged { scheme } => self.scheme = scheme,
            Event::Screens(input) => self.screens_input(input, now),
            Event::StopByUser { session } => self.stop_by_user(session, now),
            Event::Revoke { pattern } => self.revoke(pattern, now),
            Event::PolicyRead { policy, problems } => self.policy_read(&policy, problems, now),
            Event::ClientPlaced { client, site } => self.client_placed(client, site),
            Event::PipelinePlaced {
                pipeline,
                client,
                is_top_level,
            } => self.pipeline_placed(pipeline, client, is_top_level, now),
            Event::Tick => {}
            Event::Exit => self.exit(now),
        }
        self.expire(now);
        self.write_counted_refusals(now);
        self.forget_hidden_monitors(now);
        self.update_indication(now);
        if !is_of_a_frame {
            self.keep_screens_in_step(now);
            self.keep_engine_in_step();
        }
        std::mem::take(&mut self.effects)
    }

    /// When [`Event::Tick`] is due at the latest; nothing to wait for if none.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.sessions
            .values()
            .filter_map(Session::deadline)
            .chain(self.indication.deadline())
            .chain(self.record.deadline())
            .chain(self.screens.deadline())
            .min()
    }

    /// Whether anything is captured or about to be.
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty()
    }

    /// What was dropped or refused so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// `[[devicesLiveMap]]`
    /// (<https://w3c.github.io/mediacapture-main/#dfn-deviceslivemap>): the
    /// monitors that are captured now, by their private id.
    pub fn live_devices(&self) -> BTreeSet<MonitorId> {
        self.sources
            .values()
            .map(|source| source.monitor.id)
            .collect()
    }

    /// `[[devicesAccessibleMap]]`
    /// (<https://w3c.github.io/mediacapture-main/#dfn-devicesaccessiblemap>):
    /// the monitors that a document may read without asking again: those of
    /// its grants, which is every monitor of a session that is not over.
    pub fn accessible_devices(&self) -> BTreeSet<MonitorId> {
        self.sessions
            .values()
            .flat_map(|session| session.granted.iter().copied())
            .collect()
    }
}
