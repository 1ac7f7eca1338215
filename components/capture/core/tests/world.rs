/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Everything around the core: pages, an engine, an indicator, a clock. It
//! checks at every step what must hold at every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::{Index, PipelineId, PipelineNamespaceId};
use servo_capture_traits::{CaptureError, ClientId, Damage, GrantedSource, SourceEvent, SourceId};

use super::super::indication::LINGER;
use super::super::{Core, Effect, EngineCommand, Event, RawFrame, RequestId, SessionId, Timestamp};
use crate::grabber::GrabError;
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

pub(super) struct Page {
    pub(super) client: ClientId,
    pub(super) pipeline: PipelineId,
    pub(super) origin: &'static str,
}

pub(super) struct World {
    pub(super) core: Core,
    pub(super) now: Timestamp,
    /// What is plugged in.
    pub(super) monitors: Vec<Monitor>,
    /// Engine commands that wait for their answer.
    pub(super) engine: VecDeque<EngineCommand>,
    /// What the indicator's thread has been asked and has not answered.
    pub(super) asked: VecDeque<(u64, IndicatorContent, Vec<Monitor>)>,
    /// What is on screen.
    pub(super) shown: Option<(IndicatorContent, Vec<Monitor>)>,
    /// Sources that the engine makes frames for, and frames made.
    pub(super) started: BTreeMap<SourceId, (MonitorId, u64)>,
    pub(super) opened: BTreeMap<SessionId, Vec<MonitorId>>,
    pub(super) replies: BTreeMap<RequestId, Result<Vec<GrantedSource>, CaptureError>>,
    pub(super) delivered: Vec<(SourceId, RawFrame)>,
    pub(super) told: Vec<(SourceId, SourceEvent)>,
    pub(super) hidden_at: Vec<Timestamp>,
    /// Whose source is whose, for those granted or cloned.
    owners: BTreeMap<SourceId, PipelineId>,
    forgotten: BTreeSet<SourceId>,
    dead: BTreeSet<PipelineId>,
    requests: BTreeMap<RequestId, PipelineId>,
    last_request: u64,
    last_live: Option<Timestamp>,
    indicator_failed: bool,
    exited: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let policy = CapturePolicy {
            all_screens_enabled: true,
            all_screens_allowed_origins: vec![ALLOWED.parse().unwrap(), OTHER.parse().unwrap()],
        };
        Self {
            core: Core::new(policy),
            now: Timestamp::default(),
            monitors: vec![monitor(1, 0, 0, 8, 4), monitor(2, 8, 0, 4, 4)],
            engine: VecDeque::new(),
            asked: VecDeque::new(),
            shown: None,
            started: BTreeMap::new(),
            opened: BTreeMap::new(),
            replies: BTreeMap::new(),
            delivered: Vec::new(),
            told: Vec::new(),
            hidden_at: Vec::new(),
            owners: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            dead: BTreeSet::new(),
            requests: BTreeMap::new(),
            last_request: 0,
            last_live: None,
            indicator_failed: false,
            exited: false,
        }
    }

    pub(super) fn page(number: u32, origin: &'static str) -> Page {
        Page {
            client: ClientId::next(),
            pipeline: pipeline(number),
            origin,
        }
    }

    pub(super) fn event(&mut self, event: Event) {
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
            _ => {}
        }
        let was_live = !self.opened.is_empty();
        for effect in self.core.handle(event, self.now) {
            self.effect(effect);
        }
        if was_live || !self.opened.is_empty() {
            self.last_live = Some(self.now);
        }
    }

    fn gone_for_good(&self, pipeline: PipelineId) -> bool {
        self.core.gone.contains(&pipeline)
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { request, result } => {
                if let Ok(granted) = &result {
                    let pipeline = self.requests[&request];
                    let sources = granted.iter().map(|granted| (granted.source, pipeline));
                    self.owners.extend(sources);
                }
                let before = self.replies.insert(request, result);
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
            Effect::HideIndicator => self.check_hiding(),
            Effect::Notify(_) => {}
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
        let (id, _) = self.started[&source];
        let (content, monitors) = self.shown.as_ref().expect("frame without indicator");
        assert!(content.live, "frame under the indicator of a past capture");
        let shown = monitors.iter().find(|monitor| monitor.id == id);
        let shown = shown.expect("frame of a monitor without indicator");
        assert_eq!(shown.size(), frame.size, "frame of another size");
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

    fn command(&mut self, command: EngineCommand) {
        match command {
            EngineCommand::List { .. } => self.engine.push_back(command),
            EngineCommand::Open { ref monitors, .. } => {
                self.check_opening(monitors);
                self.engine.push_back(command);
            }
            EngineCommand::Close { session } => {
                self.opened.remove(&session);
                self.engine.retain(
                    |waiting| !matches!(waiting, EngineCommand::Open { session: other, .. } if *other == session),
                );
            }
            EngineCommand::Start {
                source, monitor, ..
            } => {
                let before = self.started.insert(source, (monitor, 0));
                assert!(before.is_none(), "{source} was started twice");
            }
            EngineCommand::Stop { source } => {
                assert!(self.started.remove(&source).is_some());
            }
            EngineCommand::Refresh { source } => {
                assert!(self.started.contains_key(&source));
            }
            EngineCommand::Released { .. } => {}
        }
    }

    pub(super) fn ask(&mut self, page: &Page) -> RequestId {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        self.requests.insert(request, page.pipeline);
        self.event(Event::AllScreens {
            request,
            client: page.client,
            pipeline: page.pipeline,
            origin: page.origin.to_owned(),
        });
        request
    }

    /// The engine answers its oldest question.
    pub(super) fn engine_answers(&mut self, refusal: Option<GrabError>) {
        match self.engine.pop_front() {
            Some(EngineCommand::List { session }) => {
                let result = match refusal {
                    Some(error) => Err(error),
                    None if self.monitors.is_empty() => Err(GrabError::NoMonitor),
                    None => Ok(self.monitors.clone()),
                };
                self.event(Event::MonitorsListed { session, result });
            }
            Some(EngineCommand::Open { session, monitors }) => {
                let unknown = |id: &&MonitorId| !self.monitors.iter().any(|m| m.id == **id);
                let result = match (refusal, monitors.iter().find(unknown)) {
                    (Some(error), _) => Err(error),
                    (None, Some(&id)) => Err(GrabError::UnknownMonitor(id)),
                    (None, None) => Ok(()),
                };
                if result.is_ok() {
                    self.opened.insert(session, monitors);
                }
                self.event(Event::MonitorsOpened { session, result });
            }
            _ => {}
        }
    }

    /// Nothing is read before the indicator is on every monitor to be read.
    fn check_opening(&self, monitors: &[MonitorId]) {
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

    /// The engine makes a frame for every source that is started.
    pub(super) fn frames(&mut self) {
        let sources: Vec<_> = self.started.iter().map(|(&s, &(m, n))| (s, m, n)).collect();
        for (source, id, sequence) in sources {
            let Some(monitor) = self.monitors.iter().find(|monitor| monitor.id == id) else {
                continue;
            };
            let size = monitor.size();
            if let Some(state) = self.started.get_mut(&source) {
                state.1 += 1;
            }
            let frame = RawFrame {
                sequence: sequence + 1,
                captured_at: CrossProcessInstant::now(),
                size,
                damage: Damage::Whole,
                pixels: Arc::new(vec![0; (size.width * size.height * 4) as usize]),
            };
            self.event(Event::Frame { source, frame });
        }
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
        self.owners.insert(clone, page.pipeline);
        self.event(Event::Clone {
            client: page.client,
            source,
            clone,
        });
        clone
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
