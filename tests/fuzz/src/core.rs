/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The state machine that decides, driven by bytes: what processes ask, what goes wrong, and time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use euclid::{Box2D, Point2D, Size2D};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::{Index, PipelineId, PipelineNamespaceId};
use servo_capture::core::{
    Core, Effect, EngineCommand, Event, LockReason, RawFrame, RequestId, SessionId, Timestamp,
};
use servo_capture::grabber::GrabError;
use servo_capture::indicator::{IndicatorError, UserAction};
use servo_capture::monitor::{Monitor, MonitorId};
use servo_capture::policy::CapturePolicy;
use servo_capture::record::RecordEntry;
use servo_capture_traits::{
    ClientId, CursorMode, Damage, FrameFormat, PictureMemory, PictureWriter, PoolRegistration,
    Site, SourceId,
};
use url::{Host, Url};

/// What processes claim; the first two may capture.
const ORIGINS: [&str; 5] = [
    "https://a.example",
    "https://b.example",
    "https://c.example",
    "null",
    "https://a.example.c.example",
];
/// More ask than there are bytes for.
const MAX_STEPS: usize = 2000;

/// Takes values from the bytes; zero when there are no more.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let index = self.below(of.len());
        of.get(index).copied()
    }
}

/// Everything around the core.
struct World {
    core: Core,
    now: Timestamp,
    clients: Vec<ClientId>,
    /// Whose each document was said to be, first.
    placed: BTreeMap<PipelineId, ClientId>,
    sources: Vec<SourceId>,
    /// Who asked, for which document, as of which origin.
    asked: BTreeMap<RequestId, (ClientId, PipelineId, &'static str)>,
    answered: BTreeSet<RequestId>,
    configured: BTreeSet<RequestId>,
    last_request: u64,
    commands: VecDeque<EngineCommand>,
    generations: VecDeque<u64>,
    /// Something is indicated.
    is_shown: bool,
    is_locked: bool,
    running: BTreeMap<SourceId, (Size2D<u32, servo_capture_traits::MonitorPixel>, u64)>,
    picture: Arc<PictureMemory>,
    pool: PoolRegistration,
    /// Sessions whose grants the record has taken.
    recorded: VecDeque<SessionId>,
}

fn monitor(id: u64, width: i32) -> Monitor {
    let x = i32::try_from(id).unwrap_or(0) * 100;
    let bounds = Box2D::new(Point2D::new(x, 0), Point2D::new(x + width, 4));
    Monitor {
        id: MonitorId(id),
        bounds,
        work_area: bounds,
        scale: 1.0,
        color_depth: 24,
        is_primary: id == 1,
        is_internal: false,
        label: format!("M{id}"),
    }
}

fn pipeline(number: usize) -> PipelineId {
    let number = u32::try_from(number + 1).unwrap_or(1);
    PipelineId {
        namespace_id: PipelineNamespaceId(1),
        index: Index::new(number).expect("it is not zero"),
    }
}

impl World {
    fn new() -> Self {
        let listed = ["https://a.example", "https://b.example"];
        let patterns = listed.iter().filter_map(|text| text.parse().ok());
        let picture = PictureWriter::new(64).expect("there is memory for 64 bytes");
        Self {
            core: Core::new(CapturePolicy {
                all_screens_enabled: true,
                all_screens_allowed_origins: patterns.collect(),
                ..CapturePolicy::default()
            }),
            now: Timestamp::default(),
            clients: (0..4).map(|_| ClientId::next()).collect(),
            placed: BTreeMap::new(),
            sources: vec![SourceId::from_u128(0)],
            asked: BTreeMap::new(),
            answered: BTreeSet::new(),
            configured: BTreeSet::new(),
            last_request: 0,
            commands: VecDeque::new(),
            generations: VecDeque::new(),
            is_shown: false,
            is_locked: false,
            running: BTreeMap::new(),
            picture: picture.memory().clone(),
            pool: PoolRegistration::new(),
            recorded: VecDeque::new(),
        }
    }

    fn event(&mut self, event: Event) {
        for effect in self.core.handle(event, self.now) {
            self.effect(effect);
        }
        while let Some(session) = self.recorded.pop_front() {
            let result = Ok(());
            self.event(Event::GrantRecorded { session, result });
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { request, result } => {
                assert!(self.answered.insert(request), "answered twice");
                if let Ok(granted) = result {
                    let (client, pipeline, origin) = self.asked[&request];
                    assert!(!self.is_locked, "granted while locked");
                    assert_eq!(
                        self.placed.get(&pipeline),
                        Some(&client),
                        "another's document"
                    );
                    assert!(ORIGINS[..2].contains(&origin), "{origin} is not listed");
                    let client = self.clients.iter().position(|of| *of == client);
                    assert!(
                        client.is_some_and(|index| ORIGINS[index] == origin),
                        "forged"
                    );
                    self.sources.extend(granted.iter().map(|one| one.source));
                }
            }
            Effect::Configured { request, .. } => {
                assert!(self.configured.insert(request), "answered twice");
            }
            Effect::Deliver { source, .. } => {
                assert!(self.is_shown, "a frame without the indicator");
                assert!(!self.is_locked, "a frame while locked");
                assert!(self.running.contains_key(&source), "a frame of nothing");
            }
            Effect::Engine(command) => self.command(command),
            Effect::Indicate { generation, .. } => self.generations.push_back(generation),
            Effect::HideIndicator => {
                self.is_shown = false;
                self.generations.clear();
            }
            Effect::Record(RecordEntry::Grant { session, .. }) => {
                self.recorded.push_back(SessionId(session));
            }
            Effect::Tell { .. }
            | Effect::Screens(_)
            | Effect::Forget { .. }
            | Effect::RestoreIndicator
            | Effect::Record(_)
            | Effect::Notify(_) => {}
        }
    }

    fn command(&mut self, command: EngineCommand) {
        match command {
            EngineCommand::List { .. } | EngineCommand::Open { .. } => {
                self.commands.push_back(command);
            }
            EngineCommand::Start { source, format, .. } => {
                assert!(self.is_shown, "read without the indicator");
                assert!(self.running.insert(source, (format.size, 0)).is_none());
            }
            EngineCommand::Configure { source, format } => {
                if let Some((size, _)) = self.running.get_mut(&source) {
                    *size = format.size;
                }
            }
            EngineCommand::Stop { source } => {
                assert!(self.running.remove(&source).is_some(), "stopped twice");
            }
            EngineCommand::Close { .. }
            | EngineCommand::Watch { .. }
            | EngineCommand::Pause { .. }
            | EngineCommand::Resume { .. }
            | EngineCommand::Refresh { .. }
            | EngineCommand::Released { .. } => {}
        }
    }

    fn request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// The constellation says whose a document is. A client is of the site that it is for.
    fn place(&mut self, index: usize, pipeline: PipelineId) {
        let client = self.clients[index];
        let url = Url::parse(ORIGINS[index]).ok();
        let host = url.and_then(|url| url.host_str().map(|host| Host::Domain(host.to_owned())));
        let site = host.map(|host| Site::new(host, false));
        self.event(Event::ClientPlaced { client, site });
        self.placed.entry(pipeline).or_insert(client);
        self.event(Event::PipelinePlaced {
            pipeline,
            client,
            is_top_level: true,
        });
    }

    fn answer_engine(&mut self, choices: &mut Choices) {
        let error = || GrabError::Disconnected("fuzz".to_owned());
        let fails = choices.byte() > 230;
        match self.commands.pop_front() {
            Some(EngineCommand::List { session }) => {
                let monitors = vec![monitor(1, 8), monitor(2, 4)];
                let result = if fails { Err(error()) } else { Ok(monitors) };
                self.event(Event::MonitorsListed { session, result });
            }
            Some(EngineCommand::Open { session, .. }) => {
                let result = if fails { Err(error()) } else { Ok(()) };
                self.event(Event::MonitorsOpened { session, result });
            }
            _ => {}
        }
    }

    fn answer_indicator(&mut self, choices: &mut Choices) {
        let Some(generation) = self.generations.pop_front() else {
            return;
        };
        self.is_shown = choices.byte() <= 230;
        let error = IndicatorError::CannotShow("fuzz".to_owned());
        self.event(if self.is_shown {
            Event::IndicatorShown { generation }
        } else {
            Event::IndicatorFailed { generation, error }
        });
    }

    fn make_frame(&mut self, choices: &mut Choices) {
        let sources: Vec<SourceId> = self.running.keys().copied().collect();
        let Some(source) = choices.one(&sources) else {
            return;
        };
        let Some((size, sequence)) = self.running.get_mut(&source) else {
            return;
        };
        *sequence += 1;
        let frame = RawFrame {
            sequence: *sequence,
            captured_at: CrossProcessInstant::now(),
            size: *size,
            damage: Damage::Whole,
            is_last_picture: choices.byte() & 1 == 1,
            pool: self.pool.id(),
            index: 0,
            memory: self.picture.clone(),
        };
        self.event(Event::Frame { source, frame });
    }

    /// What a process asks.
    fn ask(&mut self, choices: &mut Choices) {
        let client = self.clients[choices.below(4)];
        let source = choices.one(&self.sources).unwrap_or(SourceId::from_u128(1));
        match choices.below(7) {
            0 | 1 => {
                let (pipeline, origin) = (pipeline(choices.below(8)), ORIGINS[choices.below(5)]);
                let request = self.request();
                self.asked.insert(request, (client, pipeline, origin));
                self.event(Event::AllScreens {
                    request,
                    client,
                    pipeline,
                    origin: origin.to_owned(),
                });
            }
            2 => self.event(Event::Attach { client, source }),
            3 => {
                let clone = SourceId::from_u128(u128::from(choices.byte()));
                self.sources.push(clone);
                self.event(Event::Clone {
                    client,
                    source,
                    clone,
                });
            }
            4 => {
                let edge = |choices: &mut Choices| u32::from(choices.byte() % 16);
                let corner = Point2D::new(edge(choices), edge(choices));
                let format = FrameFormat {
                    crop: Box2D::new(corner, Point2D::new(edge(choices), edge(choices))),
                    size: Size2D::new(edge(choices), edge(choices)),
                    frame_rate: f64::from(choices.byte()) - 1.0,
                    cursor: CursorMode::Never,
                };
                let request = self.request();
                self.event(Event::Configure {
                    request,
                    client,
                    source,
                    format,
                });
            }
            5 => self.event(Event::Stop { client, source }),
            _ => {
                let sequence = u64::from(choices.byte());
                self.event(Event::Release {
                    client,
                    source,
                    sequence,
                });
            }
        }
    }

    /// What goes wrong, comes and goes.
    fn fault(&mut self, choices: &mut Choices) {
        let error = GrabError::Disconnected("fuzz".to_owned());
        let id = MonitorId(1 + choices.below(3) as u64);
        match choices.below(13) {
            0 => {
                let pipeline = pipeline(choices.below(8));
                let active = choices.byte() > 127;
                self.event(Event::PipelineActivity { pipeline, active });
            }
            1 => {
                let pipeline = pipeline(choices.below(8));
                self.event(Event::PipelineGone { pipeline });
            }
            2 => {
                let client = self.clients[choices.below(4)];
                self.placed.retain(|_, of| *of != client);
                self.event(Event::ClientGone { client });
            }
            3 => {
                let client = self.clients[choices.below(4)];
                self.event(Event::ClientFlooded { client });
            }
            4 => {
                let width = 2 + i32::from(choices.byte() % 8);
                let monitors = vec![monitor(id.0, width), monitor(4, 4)];
                self.event(Event::MonitorsChanged { monitors });
            }
            5 => self.event(Event::MonitorFailed { monitor: id, error }),
            6 => {
                self.event(Event::DisplayServerLost { error });
            }
            7 => {
                let stalled = choices.byte() > 127;
                self.event(Event::ServerStalled { stalled });
            }
            8 if self.is_shown => {
                self.is_shown = false;
                let error = IndicatorError::Lost {
                    label: "M1".to_owned(),
                    reason: "fuzz".to_owned(),
                };
                self.event(Event::IndicatorLost { error });
            }
            9 => {
                let action = if choices.byte() > 127 {
                    UserAction::Stop
                } else {
                    UserAction::ShowInformation
                };
                self.event(Event::UserActed { action });
            }
            10 => {
                self.is_locked = true;
                let reason = LockReason::ScreenSaver;
                self.event(Event::SessionLocked { reason });
            }
            11 => {
                self.is_locked = false;
                self.event(Event::SessionUnlocked);
            }
            _ => {
                let source = choices.one(&self.sources);
                if let Some(source) = source {
                    self.event(Event::SinkLost { source });
                }
            }
        }
    }
}

/// A sequence of events.
pub(crate) fn core_events(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut world = World::new();
    for _ in 0..MAX_STEPS {
        if choices.0.is_empty() {
            break;
        }
        match choices.below(8) {
            0 => {
                let (index, pipeline) = (choices.below(4), pipeline(choices.below(8)));
                world.place(index, pipeline);
            }
            1 | 2 => world.ask(&mut choices),
            3 => world.answer_engine(&mut choices),
            4 => world.answer_indicator(&mut choices),
            5 => world.make_frame(&mut choices),
            6 => world.fault(&mut choices),
            _ => {
                let milliseconds = u64::from(choices.byte()) * 50;
                world.now = world.now.after(Duration::from_millis(milliseconds));
                world.event(Event::Tick);
            }
        }
    }
    // The browser ends, and everybody has an answer.
    world.event(Event::Exit);
    assert_eq!(world.answered.len(), world.asked.len(), "not answered");
    assert!(world.core.is_idle() && world.running.is_empty());
}
