/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine on synthetic monitors, by a clock that the test sets.

mod faults;
mod frames;
mod indicator;
mod leases;
mod thread;
mod watch;
#[cfg(target_os = "linux")]
mod x11;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use euclid::Size2D;
use parking_lot::Mutex;
use servo_capture_traits::{Damage, FrameFormat, MonitorPixel, SourceId};

use super::{Engine, EngineCounters, EngineCounts, EventSink, IndicatorWatch};
use crate::core::{EngineCommand, Event, RawFrame, SessionId};
use crate::grabber::synthetic::SyntheticLayout;
use crate::grabber::synthetic::picture::pixel;
use crate::indicator::Marks;
use crate::monitor::MonitorId;

const SESSION: SessionId = SessionId(1);
/// Large enough for the time code.
const SIZE: Size2D<u32, MonitorPixel> = Size2D::new(480, 200);

/// Takes whatever the engine says.
struct Recorder {
    events: Vec<Event>,
    frames: Vec<(SourceId, RawFrame)>,
    has_room: bool,
}

impl EventSink for Recorder {
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn frame(&mut self, source: SourceId, frame: RawFrame) -> bool {
        if self.has_room {
            self.frames.push((source, frame));
        }
        self.has_room
    }
}

/// An engine with its monitors open, and a clock.
struct Rig {
    layout: SyntheticLayout,
    ids: Vec<MonitorId>,
    engine: Engine,
    sink: Recorder,
    now: Instant,
    start: Instant,
    /// The frame number that all monitors show.
    drawn: u32,
    stalls: Arc<Mutex<Vec<bool>>>,
    marks: Marks,
}

impl Rig {
    fn new(monitors: u32) -> Self {
        Self::with_mask(monitors, false)
    }

    fn with_mask(monitors: u32, is_masked: bool) -> Self {
        let marks = Marks::default();
        let watch = IndicatorWatch {
            marks: marks.clone(),
            is_masked,
        };
        let layout = SyntheticLayout::empty();
        let ids = (0..monitors)
            .map(|index| layout.plug((index * SIZE.width) as i32, 0, SIZE.width, SIZE.height))
            .collect();
        layout.stop_clock_at(Duration::ZERO);
        let stalls: Arc<Mutex<Vec<bool>>> = Arc::default();
        let heard = stalls.clone();
        let observer = Arc::new(move |stalled| heard.lock().push(stalled));
        let now = Instant::now();
        let mut rig = Self {
            engine: Engine::new(layout.factory(), observer, watch, Arc::default()),
            layout,
            ids,
            sink: Recorder {
                events: Vec::new(),
                frames: Vec::new(),
                has_room: true,
            },
            now,
            start: now,
            drawn: 0,
            stalls,
            marks,
        };
        rig.open();
        rig
    }

    fn open(&mut self) {
        self.command(EngineCommand::List { session: SESSION });
        let monitors = self.ids.clone();
        self.command(EngineCommand::Open {
            session: SESSION,
            monitors,
        });
        let opened =
            self.sink.events.iter().any(
                |event| matches!(event, Event::MonitorsOpened { result, .. } if result.is_ok()),
            );
        assert!(opened, "{:?}", self.sink.events);
        self.sink.events.clear();
    }

    fn command(&mut self, command: EngineCommand) {
        self.engine.handle(command, self.now, &mut self.sink);
    }

    fn start(&mut self, monitor: usize, frame_rate: f64) -> SourceId {
        let format = FrameFormat {
            frame_rate,
            ..FrameFormat::native(SIZE)
        };
        self.start_with(monitor, format)
    }

    fn start_with(&mut self, monitor: usize, format: FrameFormat) -> SourceId {
        let source = SourceId::random();
        self.command(EngineCommand::Start {
            source,
            monitor: self.ids[monitor],
            format,
        });
        source
    }

    fn tick(&mut self) {
        self.engine.tick(self.now, &mut self.sink);
    }

    /// Lets time pass; the engine wakes when it asked to.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut wakeups = 0;
        while let Some(deadline) = self.engine.next_wait(self.now).deadline {
            if deadline > end {
                break;
            }
            // A deadline that has passed is due at once.
            self.now = deadline.max(self.now + Duration::from_nanos(1));
            self.tick();
            wakeups += 1;
            assert!(wakeups < 100_000, "the engine does not rest");
        }
        self.now = end;
        self.tick();
    }

    fn pass_milliseconds(&mut self, milliseconds: u64) {
        self.pass(Duration::from_millis(milliseconds));
    }

    /// Every monitor shows its next frame.
    fn draw(&mut self) {
        self.drawn += 1;
        let micros = (u64::from(self.drawn) * 1_000_000).div_ceil(30);
        self.layout.stop_clock_at(Duration::from_micros(micros));
    }

    fn frames(&mut self) -> Vec<(SourceId, RawFrame)> {
        std::mem::take(&mut self.sink.frames)
    }

    fn release(&mut self, source: SourceId, frame: &RawFrame) {
        self.command(EngineCommand::Released {
            source,
            sequence: frame.sequence,
        });
    }

    fn counts(&self) -> EngineCounts {
        let counters: &EngineCounters = &self.engine.counters;
        counters.counts()
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// What a monitor shows.
    fn picture(&self, monitor: usize) -> Vec<u8> {
        let size = SIZE;
        let index = monitor as u32;
        let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
        pixels
            .flat_map(|(x, y)| pixel(index, size, x, y, self.drawn))
            .collect()
    }
}

/// The pixels of a frame, opaque.
fn pixels(frame: &RawFrame) -> Vec<u8> {
    let mut pixels = vec![0; frame.memory.len()];
    frame
        .memory
        .copy_opaque(frame.size, &Damage::Whole, &mut pixels)
        .unwrap();
    pixels
}

/// A page's side: copies of each source only what frames say has changed.
#[derive(Default)]
struct Consumer {
    pictures: BTreeMap<SourceId, Vec<u8>>,
}

impl Consumer {
    /// Takes and releases what was delivered; how many frames.
    fn consume(&mut self, rig: &mut Rig) -> usize {
        let frames = rig.frames();
        for (source, frame) in &frames {
            let picture = self.pictures.entry(*source).or_default();
            if picture.len() != frame.memory.len() {
                assert_eq!(frame.damage, Damage::Whole, "a first frame is all new");
                *picture = vec![0; frame.memory.len()];
            }
            frame
                .memory
                .copy_opaque(frame.size, &frame.damage, picture)
                .unwrap();
            rig.release(*source, frame);
        }
        frames.len()
    }
}
