/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine of the world: it does what it is told, and checks that it is never
//! told to read what nobody is told of.

use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, FrameFormat, SourceId};

use super::super::{EngineCommand, Event, RawFrame, RequestId, ScreensInput};
use super::world::{Page, World};
use crate::grabber::GrabError;
use crate::monitor::MonitorId;

/// A source as the engine sees it.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) monitor: MonitorId,
    /// Frames made.
    pub(super) made: u64,
    pub(super) format: FrameFormat,
    /// Nothing is read for it.
    pub(super) paused: bool,
    /// Frames that the core has given back, withheld or released.
    pub(super) released: Vec<u64>,
    /// How often it was asked for a frame although nothing changed.
    pub(super) refreshed: u32,
}

impl World {
    pub(super) fn command(&mut self, command: EngineCommand) {
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
                source,
                monitor,
                format,
            } => {
                self.check_opening(&[monitor]);
                let started = Started {
                    monitor,
                    made: 0,
                    format,
                    paused: false,
                    released: Vec::new(),
                    refreshed: 0,
                };
                let before = self.started.insert(source, started);
                assert!(before.is_none(), "{source} was started twice");
            }
            EngineCommand::Configure { source, format } => {
                let surface = self.core.sources[&source].monitor.size();
                assert_eq!(format.check(surface), Ok(()));
                self.running(source).format = format;
            }
            EngineCommand::Pause { source } => {
                let before = std::mem::replace(&mut self.running(source).paused, true);
                assert!(!before, "{source} was paused twice");
            }
            EngineCommand::Resume { source } => {
                let monitor = self.running(source).monitor;
                self.check_opening(&[monitor]);
                let before = std::mem::replace(&mut self.running(source).paused, false);
                assert!(before, "{source} was resumed and had not been paused");
            }
            EngineCommand::Stop { source } => {
                assert!(self.started.remove(&source).is_some());
            }
            EngineCommand::Refresh { source } => self.running(source).refreshed += 1,
            EngineCommand::Released { source, sequence } => {
                let started = self.running(source);
                assert!(!started.released.contains(&sequence), "released twice");
                started.released.push(sequence);
            }
            EngineCommand::Watch { wanted } => {
                assert_ne!(
                    self.watches_layout, wanted,
                    "told twice to watch, or not to"
                );
                self.watches_layout = wanted;
                if wanted {
                    self.engine.push_back(command);
                }
            }
        }
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
            Some(EngineCommand::Watch { .. }) => {
                self.watches_layout &= refusal.is_none();
                let result = refusal.map_or_else(|| Ok(self.monitors.clone()), Err);
                self.event(Event::Screens(ScreensInput::Listed { result }));
            }
            _ => {}
        }
    }

    fn running(&mut self, source: SourceId) -> &mut Started {
        self.started.get_mut(&source).expect("it was started")
    }

    /// The engine reads nothing for a page while the indicator is not on the
    /// monitor, at its place.
    pub(super) fn check_reading(&self) {
        for (source, started) in &self.started {
            if started.paused {
                continue;
            }
            let monitor = &self.core.sources[source].monitor;
            let (_, shown) = self.shown.as_ref().expect("read without indicator");
            let place = |other: &crate::monitor::Monitor| (other.id, other.bounds);
            assert!(
                shown.iter().any(|shown| place(shown) == place(monitor)),
                "{source} is read without indicator"
            );
        }
    }

    /// The engine has made a frame for every source that was started, also
    /// before it heard of a pause.
    pub(super) fn frames(&mut self) {
        let sources: Vec<SourceId> = self.started.keys().copied().collect();
        for source in sources {
            self.frame(source);
        }
    }

    /// One frame, with no damage but what the core adds.
    pub(super) fn frame(&mut self, source: SourceId) {
        let Some(started) = self.started.get_mut(&source) else {
            return;
        };
        let monitor = started.monitor;
        let Some(monitor) = self.monitors.iter().find(|other| other.id == monitor) else {
            return;
        };
        let size = match started.format.check(monitor.size()) {
            Ok(()) => started.format.size,
            // The engine knows the new mode before the core does.
            Err(_) => monitor.size(),
        };
        started.made += 1;
        let frame = RawFrame {
            sequence: started.made,
            captured_at: CrossProcessInstant::now(),
            size,
            damage: Damage::nothing(),
            is_last_picture: false,
            pool: self.pool.id(),
            index: 0,
            memory: self.picture.clone(),
        };
        self.event(Event::Frame { source, frame });
    }

    /// A page asks for other frames of a source, whoever's it is.
    pub(super) fn configure(
        &mut self,
        page: &Page,
        source: SourceId,
        format: FrameFormat,
    ) -> RequestId {
        self.last_request += 1;
        self.configure_requests += 1;
        let request = RequestId(self.last_request);
        self.event(Event::Configure {
            request,
            client: page.client,
            source,
            format,
        });
        request
    }
}
