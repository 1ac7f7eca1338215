/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The state machine that decides, driven by bytes: what processes ask, what goes wrong, and time.

mod faults;
mod screens;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use euclid::{Box2D, Point2D, Size2D};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::{Index, PipelineId, PipelineNamespaceId};
use servo_capture::core::{
    Core, Effect, EngineCommand, Event, RawFrame, RequestId, ScreensInput, SessionId, Timestamp,
};
use servo_capture::grabber::GrabError;
use servo_capture::indicator::IndicatorError;
use servo_capture::monitor::{Monitor, MonitorId};
use servo_capture::policy::CapturePolicy;
use servo_capture::record::RecordEntry;
use servo_capture_traits::{
    ClientId, CursorMode, Damage, FrameFormat, MonitorPixel, PictureMemory, PictureWriter,
    PoolRegistration, Site, SourceId,
};
use url::{Host, Url};

use self::screens::Screens;

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

/// A source that the engine makes frames for.
struct Running {
    monitor: MonitorId,
    size: Size2D<u32, MonitorPixel>,
    sequence: u64,
}

/// Everything around the core.
struct World {
    core: Core,
    now: Timestamp,
    /// Each of the site of the origin in its place.
    clients: Vec<ClientId>,
    /// Clients whose processes are no more; of what they sent, some may come yet.
    ended: Vec<ClientId>,
    /// Whose each document was said to be, first.
    placed: BTreeMap<PipelineId, ClientId>,
    gone: BTreeSet<PipelineId>,
    inactive: BTreeSet<PipelineId>,
    sources: Vec<SourceId>,
    /// Whose each source is, by its grant.
    owners: BTreeMap<SourceId, (ClientId, &'static str)>,
    /// Who gets its frames, as the service keeps it.
    sinks: BTreeMap<SourceId, ClientId>,
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
    /// Where the engine does not see the indicator.
    hidden: BTreeSet<MonitorId>,
    layout: Vec<Monitor>,
    running: BTreeMap<SourceId, Running>,
    /// Whose permission the user has taken away.
    revoked: BTreeSet<&'static str>,
    screens: Screens,
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
            })
            .automated(true),
            now: Timestamp::default(),
            clients: (0..4).map(|_| ClientId::next()).collect(),
            ended: Vec::new(),
            placed: BTreeMap::new(),
            gone: BTreeSet::new(),
            inactive: BTreeSet::new(),
            sources: vec![SourceId::from_u128(0)],
            owners: BTreeMap::new(),
            sinks: BTreeMap::new(),
            asked: BTreeMap::new(),
            answered: BTreeSet::new(),
            configured: BTreeSet::new(),
            last_request: 0,
            commands: VecDeque::new(),
            generations: VecDeque::new(),
            is_shown: false,
            is_locked: false,
            hidden: BTreeSet::new(),
            layout: vec![monitor(1, 8), monitor(2, 4)],
            running: BTreeMap::new(),
            revoked: BTreeSet::new(),
            screens: Screens::default(),
            picture: picture.memory().clone(),
            pool: PoolRegistration::new(),
            recorded: VecDeque::new(),
        }
    }

    /// Whether an origin is on the administrator's list, and not taken off by the user.
    fn may_capture(&self, origin: &str) -> bool {
        ORIGINS[..2].contains(&origin) && !self.revoked.contains(origin)
    }

    fn event(&mut self, event: Event) {
        for effect in self.core.handle(event, self.now) {
            self.effect(effect);
        }
        while let Some(session) = self.recorded.pop_front() {
            let result = Ok(());
            self.event(Event::GrantRecorded { session, result });
        }
        let running = &self.running;
        let is_read = |id: &MonitorId| running.values().any(|source| source.monitor == *id);
        self.hidden.retain(is_read);
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
                    assert!(self.may_capture(origin), "{origin} is not listed");
                    assert!(!self.gone.contains(&pipeline) && !self.inactive.contains(&pipeline));
                    let index = self.clients.iter().position(|of| *of == client);
                    assert!(
                        index.is_some_and(|index| ORIGINS[index] == origin),
                        "forged"
                    );
                    for one in granted {
                        self.sources.push(one.source);
                        self.owners.insert(one.source, (client, origin));
                        self.check_name(pipeline, one.screen_id);
                    }
                }
            }
            Effect::Configured { request, .. } => {
                assert!(self.configured.insert(request), "answered twice");
            }
            Effect::Deliver { source, .. } => {
                assert!(self.is_shown, "a frame without the indicator");
                assert!(!self.is_locked, "a frame while locked");
                let running = self.running.get(&source).expect("a frame of nothing");
                assert!(
                    !self.hidden.contains(&running.monitor),
                    "a frame of a covered indicator"
                );
                let (client, origin) = self.owners[&source];
                assert_eq!(self.sinks.get(&source), Some(&client), "a frame for others");
                assert!(self.clients.contains(&client), "a frame after its client");
                assert!(self.may_capture(origin), "a frame for {origin}");
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
            Effect::Screens(effect) => self.screens_effect(effect),
            Effect::Forget { source } => drop(self.sinks.remove(&source)),
            Effect::Tell { .. }
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
            EngineCommand::Start {
                source,
                monitor,
                format,
            } => {
                assert!(self.is_shown, "read without the indicator");
                let running = Running {
                    monitor,
                    size: format.size,
                    sequence: 0,
                };
                assert!(self.running.insert(source, running).is_none());
            }
            EngineCommand::Configure { source, format } => {
                if let Some(running) = self.running.get_mut(&source) {
                    running.size = format.size;
                }
            }
            EngineCommand::Watch { wanted } => {
                self.watch_layout(wanted);
                if wanted {
                    self.commands.push_back(command);
                }
            }
            EngineCommand::Stop { source } => {
                assert!(self.running.remove(&source).is_some(), "stopped twice");
            }
            EngineCommand::Close { .. }
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
                let monitors = self.layout.clone();
                let result = if fails { Err(error()) } else { Ok(monitors) };
                self.event(Event::MonitorsListed { session, result });
            }
            Some(EngineCommand::Watch { .. }) => {
                let result = if fails {
                    self.layout_lost();
                    Err(error())
                } else {
                    Ok(self.layout.clone())
                };
                self.event(Event::Screens(ScreensInput::Listed { result }));
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
        let Some(running) = self.running.get_mut(&source) else {
            return;
        };
        running.sequence += 1;
        let frame = RawFrame {
            sequence: running.sequence,
            captured_at: CrossProcessInstant::now(),
            size: running.size,
            damage: Damage::Whole,
            is_last_picture: choices.byte() & 1 == 1,
            pool: self.pool.id(),
            index: 0,
            memory: self.picture.clone(),
        };
        self.event(Event::Frame { source, frame });
    }

    /// A client that sends something, perhaps one that has ended meanwhile.
    fn sender(&self, choices: &mut Choices) -> ClientId {
        match choices.byte() {
            byte if byte < 224 => self.clients[usize::from(byte % 4)],
            _ => self.ended.last().copied().unwrap_or(self.clients[0]),
        }
    }

    /// As the service does.
    fn keep_sink(&mut self, client: ClientId, source: SourceId) {
        if self.core.may_keep_sink(client, source) {
            self.sinks.insert(source, client);
        }
    }

    /// What a process asks.
    fn ask(&mut self, choices: &mut Choices) {
        let client = self.sender(choices);
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
            2 => {
                self.keep_sink(client, source);
                self.event(Event::Attach { client, source });
            }
            3 => {
                let clone = SourceId::from_u128(u128::from(choices.byte()));
                self.sources.push(clone);
                let owner = self.owners.get(&source).copied();
                if let Some(owner) = owner.filter(|(of, _)| *of == client)
                    && !self.sinks.contains_key(&clone)
                {
                    self.owners.insert(clone, owner);
                }
                self.keep_sink(client, clone);
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
}

/// A sequence of events.
pub(crate) fn core_events(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut world = World::new();
    for _ in 0..MAX_STEPS {
        if choices.0.is_empty() {
            break;
        }
        match choices.below(11) {
            0 => {
                let (index, pipeline) = (choices.below(4), pipeline(choices.below(8)));
                world.place(index, pipeline);
            }
            1 | 2 => world.ask(&mut choices),
            3 => world.answer_engine(&mut choices),
            4 => world.answer_indicator(&mut choices),
            5 => world.make_frame(&mut choices),
            6 => world.fault(&mut choices),
            7 => {
                let milliseconds = u64::from(choices.byte()) * 50;
                world.now = world.now.after(Duration::from_millis(milliseconds));
                world.event(Event::Tick);
            }
            8 | 9 => world.ask_about_screens(&mut choices),
            _ => world.screens_news(&mut choices),
        }
    }
    // The browser ends, and everybody has an answer.
    world.event(Event::Exit);
    assert_eq!(world.answered.len(), world.asked.len(), "not answered");
    assert!(world.core.is_idle() && world.running.is_empty());
    world.check_screens_are_over();
}
