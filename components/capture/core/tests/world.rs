/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Everything around the core: pages, an engine, an indicator, a clock. It
//! checks at every step what must hold at every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use servo_base::id::{Index, PipelineId, PipelineNamespaceId};
use servo_capture_traits::{
    CaptureError, ClientId, GrantedSource, PictureMemory, PictureWriter, PoolRegistration,
    SourceEvent, SourceId, SourceSettings,
};

use super::super::indication::LINGER;
use super::super::{
    CaptureNotice, Core, Effect, EngineCommand, Event, RawFrame, RequestId, ScreensEffect,
    SessionId, Timestamp,
};
use super::constellation::Asked;
use super::engine::Started;
use super::readers::Readers;
use super::record::Record;
use crate::indicator::{IndicatorContent, IndicatorError};
use crate::monitor::tests::monitor;
use crate::monitor::{Monitor, MonitorId};
use crate::policy::CapturePolicy;

pub(super) const ALLOWED: &str = "https://allowed.example";
pub(super) const OTHER: &str = "https://other.example";
pub(super) const REFUSED: &str = "https://refused.example";

pub(super) fn pipeline(number: u32) -> PipelineId {
    PipelineId {
        namespace_id: PipelineNamespaceId(7),
        index: Index::new(number).unwrap(),
    }
}

#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) client: ClientId,
    pub(super) pipeline: PipelineId,
    pub(super) origin: &'static str,
    pub(super) is_top_level: bool,
}

pub(super) struct World {
    pub(super) core: Core,
    pub(super) policy: CapturePolicy,
    pub(super) record: Record,
    pub(super) now: Timestamp,
    /// What is plugged in.
    pub(super) monitors: Vec<Monitor>,
    /// Engine commands that wait for their answer.
    pub(super) engine: VecDeque<EngineCommand>,
    /// What the indicator's thread has been asked and has not answered.
    pub(super) asked: VecDeque<(u64, IndicatorContent, Vec<Monitor>)>,
    /// What is on screen.
    pub(super) shown: Option<(IndicatorContent, Vec<Monitor>)>,
    /// Sources that the engine makes frames for.
    pub(super) started: BTreeMap<SourceId, Started>,
    pub(super) opened: BTreeMap<SessionId, Vec<MonitorId>>,
    pub(super) replies: BTreeMap<RequestId, Result<Vec<GrantedSource>, CaptureError>>,
    pub(super) configured: BTreeMap<RequestId, Result<SourceSettings, CaptureError>>,
    pub(super) configure_requests: usize,
    pub(super) delivered: Vec<(SourceId, RawFrame)>,
    /// What the engine's pictures are made of.
    pub(super) picture: Arc<PictureMemory>,
    pub(super) pool: PoolRegistration,
    pub(super) told: Vec<(SourceId, SourceEvent)>,
    pub(super) hidden_at: Vec<Timestamp>,
    /// Whose source is whose, for those granted or cloned.
    owners: BTreeMap<SourceId, PipelineId>,
    forgotten: BTreeSet<SourceId>,
    pub(super) dead: BTreeSet<PipelineId>,
    pub(super) requests: BTreeMap<RequestId, Asked>,
    /// What the constellation has said: whose each document is, and of which
    /// host the documents of a client are.
    pub(super) placed: BTreeMap<PipelineId, ClientId>,
    pub(super) hosts: BTreeMap<ClientId, String>,
    /// Nobody is in front of the screens.
    pub(super) locked: bool,
    pub(super) last_request: u64,
    last_live: Option<Timestamp>,
    indicator_failed: bool,
    exited: bool,
    /// Where the engine does not see the indicator.
    hidden: BTreeSet<MonitorId>,
    /// Whose document it is.
    pub(super) origins: BTreeMap<PipelineId, &'static str>,
    /// Whose permission was taken away.
    pub(super) taken: BTreeSet<&'static str>,
    /// How often the indicator was asked to go back to the top.
    pub(super) restores: u32,
    pub(super) notices: Vec<CaptureNotice>,
    /// What was done about the screens, in order.
    pub(super) screens: Vec<ScreensEffect>,
    pub(super) readers: Readers,
    /// The engine watches the layout for itself.
    pub(super) watches_layout: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let policy = CapturePolicy {
            all_screens_enabled: true,
            all_screens_allowed_origins: vec![ALLOWED.parse().unwrap(), OTHER.parse().unwrap()],
            record_required: false,
            ..CapturePolicy::default()
        };
        Self::with_policy(policy)
    }

    /// A world whose administrator wants every capture recorded.
    pub(super) fn recorded() -> Self {
        let mut policy = Self::new().policy;
        policy.record_required = true;
        Self::with_policy(policy)
    }

    /// A world whose administrator lets nobody stop captures.
    pub(super) fn locked_to_captures() -> Self {
        let mut policy = Self::new().policy;
        policy.user_may_stop = false;
        Self::with_policy(policy)
    }

    /// A world whose administrator lets no frame capture.
    pub(super) fn without_frames() -> Self {
        let mut policy = Self::new().policy;
        policy.top_level_only = true;
        Self::with_policy(policy)
    }

    fn with_policy(policy: CapturePolicy) -> Self {
        Self {
            core: Core::new(policy.clone()),
            policy,
            record: Record::default(),
            now: Timestamp::default(),
            monitors: vec![monitor(1, 0, 0, 8, 4), monitor(2, 8, 0, 4, 4)],
            engine: VecDeque::new(),
            asked: VecDeque::new(),
            shown: None,
            started: BTreeMap::new(),
            opened: BTreeMap::new(),
            replies: BTreeMap::new(),
            configured: BTreeMap::new(),
            configure_requests: 0,
            delivered: Vec::new(),
            picture: PictureWriter::new(4).unwrap().memory().clone(),
            pool: PoolRegistration::new(),
            told: Vec::new(),
            hidden_at: Vec::new(),
            owners: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            dead: BTreeSet::new(),
            requests: BTreeMap::new(),
            placed: BTreeMap::new(),
            hosts: BTreeMap::new(),
            locked: false,
            last_request: 0,
            last_live: None,
            indicator_failed: false,
            exited: false,
            hidden: BTreeSet::new(),
            origins: BTreeMap::new(),
            taken: BTreeSet::new(),
            restores: 0,
            notices: Vec::new(),
            screens: Vec::new(),
            readers: Readers::default(),
            watches_layout: false,
        }
    }

    /// From now on WebDriver drives the browser.
    pub(super) fn automate(&mut self) {
        let core = std::mem::replace(&mut self.core, Core::new(self.policy.clone()));
        self.core = core.automated(true);
        self.readers.automated = true;
    }

    pub(super) fn page(number: u32, origin: &'static str) -> Page {
        Page {
            client: ClientId::next(),
            pipeline: pipeline(number),
            origin,
            is_top_level: true,
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.note_reader(&event);
        match &event {
            Event::PipelineGone { pipeline } => drop(self.dead.insert(*pipeline)),
            Event::PipelineActivity { pipeline, active } if !self.gone_for_good(*pipeline) => {
                if *active {
                    self.dead.remove(pipeline);
                } else {
                    self.dead.insert(*pipeline);
                }
            }
            // Such a request brings a sink of its own.
            Event::Attach { source, .. } | Event::Clone { clone: source, .. } => {
                self.forgotten.remove(source);
            }
            Event::Exit => self.exited = true,
            Event::DisplayServerLost { .. } => self.watches_layout = false,
            Event::SessionLocked { .. } => self.locked = true,
            Event::SessionUnlocked => self.locked = false,
            _ => {}
        }
        let was_live = !self.opened.is_empty();
        for effect in self.core.handle(event, self.now) {
            self.effect(effect);
        }
        for event in self.record.take_events() {
            self.event(event);
        }
        let started = &self.started;
        self.hidden
            .retain(|id| started.values().any(|source| source.monitor == *id));
        self.check_reading();
        if was_live || !self.opened.is_empty() {
            self.last_live = Some(self.now);
        }
    }

    pub(super) fn gone_for_good(&self, pipeline: PipelineId) -> bool {
        self.core.gone.contains(&pipeline)
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { request, result } => {
                if let Ok(granted) = &result {
                    let pipeline = self.check_grant(request);
                    let sources = granted.iter().map(|granted| (granted.source, pipeline));
                    self.owners.extend(sources);
                }
                let before = self.replies.insert(request, result);
                assert!(before.is_none(), "{request:?} was answered twice");
            }
            Effect::Configured { request, result } => {
                let before = self.configured.insert(request, result);
                assert!(before.is_none(), "{request:?} was answered twice");
            }
            Effect::Deliver { source, frame } => {
                self.check_delivery(source, &frame);
                self.delivered.push((source, frame));
            }
            Effect::Tell { source, event } => {
                assert!(
                    !self.forgotten.contains(&source),
                    "{source} was told {event:?} after its last event"
                );
                self.told.push((source, event));
            }
            Effect::Forget { source } => drop(self.forgotten.insert(source)),
            Effect::Engine(command) => self.command(command),
            Effect::Indicate {
                generation,
                content,
                monitors,
            } => self.asked.push_back((generation, content, monitors)),
            Effect::RestoreIndicator => self.restores += 1,
            Effect::HideIndicator => self.check_hiding(),
            Effect::Record(entry) => self.record.write(entry),
            Effect::Notify(notice) => self.notices.push(notice),
            Effect::Screens(effect) => {
                self.check_reader(&effect);
                self.screens.push(effect);
            }
        }
    }

    /// No frame without a live document, a granted source, and the indicator
    /// on that monitor, at its place, with that page's origin.
    fn check_delivery(&self, source: SourceId, frame: &RawFrame) {
        let pipeline = self.owners.get(&source).expect("frame of no grant");
        assert!(
            !self.dead.contains(pipeline),
            "frame for a document that was left"
        );
        assert!(!self.forgotten.contains(&source), "frame after the end");
        assert!(!self.exited, "frame after exit");
        if let Some(origin) = self.origins.get(pipeline) {
            assert!(!self.taken.contains(origin), "frame for {origin}");
        }
        assert!(!self.locked, "frame while the session is locked");
        let started = &self.started[&source];
        let id = started.monitor;
        assert!(!started.paused, "frame of a source that is paused");
        assert!(!self.hidden.contains(&id), "frame of a covered indicator");
        assert!(
            !self.policy.record_required || self.record.has_started(&format!("M{}", id.0)),
            "frame of a monitor whose start is not recorded"
        );
        let (content, monitors) = self.shown.as_ref().expect("frame without indicator");
        assert!(content.live, "frame under the indicator of a past capture");
        let shown = monitors.iter().find(|monitor| monitor.id == id);
        let shown = shown.expect("frame of a monitor without indicator");
        assert_eq!(started.format.size, frame.size, "frame of another size");
        assert_eq!(started.format.check(shown.size()), Ok(()));
    }

    /// The indicator goes no sooner than five seconds after the last capture.
    fn check_hiding(&mut self) {
        self.shown = None;
        self.asked.clear();
        self.hidden_at.push(self.now);
        assert!(self.opened.is_empty(), "hidden while monitors are open");
        if let Some(last_live) = self.last_live.take() {
            assert!(
                self.now.since(last_live) >= LINGER || self.indicator_failed || self.exited,
                "hidden {:?} after the last capture",
                self.now.since(last_live)
            );
        }
        self.indicator_failed = false;
    }

    /// Nothing is read before the indicator is on every monitor to be read.
    pub(super) fn check_opening(&self, monitors: &[MonitorId]) {
        let (_, shown) = self.shown.as_ref().expect("opened without indicator");
        for id in monitors {
            assert!(
                shown.iter().any(|monitor| monitor.id == *id),
                "{id} was opened without indicator"
            );
        }
    }

    /// The indicator's thread answers its oldest question.
    pub(super) fn indicator_answers(&mut self, shows: bool) {
        let Some((generation, content, monitors)) = self.asked.pop_front() else {
            return;
        };
        if shows {
            self.shown = Some((content, monitors));
            self.event(Event::IndicatorShown { generation });
        } else {
            self.shown = None;
            self.indicator_failed = true;
            let error = IndicatorError::CannotShow("no place".to_owned());
            self.event(Event::IndicatorFailed { generation, error });
        }
    }

    pub(super) fn indicator_is_lost(&mut self) {
        if self.shown.take().is_some() {
            self.indicator_failed = true;
            let error = IndicatorError::Lost {
                label: "M1".to_owned(),
                reason: "unmapped".to_owned(),
            };
            self.event(Event::IndicatorLost { error });
        }
    }

    /// The engine looks for the indicator on a monitor, and tells what is new.
    pub(super) fn engine_looks(&mut self, monitor: MonitorId, is_seen: bool) {
        let mut sources = self.started.values();
        if !sources.any(|source| source.monitor == monitor) {
            return;
        }
        if is_seen && self.hidden.remove(&monitor) {
            self.event(Event::IndicatorSeen { monitor });
        } else if !is_seen && self.hidden.insert(monitor) {
            self.event(Event::IndicatorCovered { monitor });
        }
    }

    /// What a source's page was told of frames, in order.
    pub(super) fn mutes(&self, source: SourceId) -> Vec<bool> {
        let told = self.told.iter().filter(|(told, _)| *told == source);
        let mute = |(_, event): &(SourceId, SourceEvent)| match event {
            SourceEvent::Muted(muted) => Some(*muted),
            _ => None,
        };
        told.filter_map(mute).collect()
    }

    pub(super) fn layout_changed(&mut self) {
        let monitors = self.monitors.clone();
        self.event(Event::MonitorsChanged { monitors });
    }

    pub(super) fn advance(&mut self, duration: Duration) {
        let until = self.now.after(duration);
        while let Some(deadline) = self.core.next_deadline().filter(|&time| time <= until) {
            self.now = deadline.max(self.now);
            self.event(Event::Tick);
        }
        self.now = until;
        self.event(Event::Tick);
    }

    /// Everybody answers until nobody is asked any more.
    pub(super) fn settle(&mut self) {
        while !self.engine.is_empty() || !self.asked.is_empty() {
            self.indicator_answers(true);
            self.engine_answers(None);
        }
    }

    /// A granted capture: asked, answered, every source attached.
    pub(super) fn capture(&mut self, page: &Page) -> Vec<SourceId> {
        let request = self.ask(page);
        self.settle();
        let granted = self.replies[&request].clone().unwrap();
        let sources: Vec<_> = granted.iter().map(|granted| granted.source).collect();
        for &source in &sources {
            self.event(Event::Attach {
                client: page.client,
                source,
            });
        }
        sources
    }

    pub(super) fn clone_source(&mut self, page: &Page, source: SourceId) -> SourceId {
        let clone = SourceId::random();
        self.clone_onto(page, source, clone);
        clone
    }

    /// The clone is to have an id that may be taken.
    pub(super) fn clone_onto(&mut self, page: &Page, source: SourceId, clone: SourceId) {
        if !self.core.sources.contains_key(&clone) {
            let owner = self.owners.get(&source).copied();
            self.owners.insert(clone, owner.unwrap_or(page.pipeline));
        }
        self.event(Event::Clone {
            client: page.client,
            source,
            clone,
        });
    }

    pub(super) fn stop(&mut self, page: &Page, source: SourceId) {
        self.event(Event::Stop {
            client: page.client,
            source,
        });
    }

    pub(super) fn granted_sources(&self) -> Vec<SourceId> {
        self.owners.keys().copied().collect()
    }

    pub(super) fn all_answered(&self) -> bool {
        self.replies.len() == self.requests.len()
    }

    pub(super) fn ended(&self, source: SourceId) -> bool {
        self.told
            .iter()
            .any(|(told, event)| *told == source && matches!(event, SourceEvent::Ended(_)))
    }
}
