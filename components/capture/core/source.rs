/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A source: one surface captured for one track.

use std::collections::BTreeSet;

use servo_capture_traits::{
    ClientId, CursorMode, DisplaySurface, EndReason, SourceEvent, SourceId, SourceSettings,
};

use super::{Core, Effect, EngineCommand, MAX_SOURCES_PER_CLIENT, RawFrame, SessionId, Timestamp};
use crate::grabber::GrabError;
use crate::monitor::{Monitor, MonitorId};

/// Frames per second of a track that no constraint has touched, as in
/// Chromium's display capture.
const DEFAULT_FRAME_RATE: f64 = 30.0;

/// One source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) session: SessionId,
    pub(super) client: ClientId,
    /// The captured monitor, as it is now. Its id never changes.
    pub(super) monitor: Monitor,
    /// Whether a sink takes its frames.
    attached: bool,
    /// Whether a frame was withheld, and must be made again.
    withheld: bool,
    /// Whether the page was told that no frames come.
    muted: bool,
    /// Delivered frames that the page has not released.
    leases: BTreeSet<u64>,
}

impl Source {
    pub(super) fn new(session: SessionId, client: ClientId, monitor: Monitor) -> Self {
        Self {
            session,
            client,
            monitor,
            attached: false,
            withheld: false,
            muted: false,
            leases: BTreeSet::new(),
        }
    }

    pub(super) fn settings(&self) -> SourceSettings {
        SourceSettings {
            size: self.monitor.size(),
            frame_rate: DEFAULT_FRAME_RATE,
            surface: DisplaySurface::Monitor,
            cursor: CursorMode::Never,
            screen_pixel_ratio: self.monitor.scale,
        }
    }
}

impl Core {
    pub(super) fn attach(&mut self, client: ClientId, id: SourceId) {
        match self.sources.get_mut(&id) {
            Some(source) if source.client == client && !source.attached => {
                source.attached = true;
                let monitor = source.monitor.id;
                self.start(id, monitor);
            }
            // Its first sink stays.
            Some(_) => self.counters.refused_requests += 1,
            // The session ended between the answer and this: the page hears so.
            None => self.refuse_sink(id),
        }
    }

    /// <https://w3c.github.io/mediacapture-main/#track-clone>: the clone has the
    /// same source, monitor and grant, and a life of its own.
    pub(super) fn clone_source(&mut self, client: ClientId, id: SourceId, clone: SourceId) {
        if self.sources.contains_key(&clone) {
            // Its sink is the other source's: nothing may be sent there.
            self.counters.refused_requests += 1;
            return;
        }
        let sources = self.sources.values();
        let held = sources.filter(|source| source.client == client).count();
        let Some(source) = self
            .sources
            .get(&id)
            .filter(|source| source.client == client && held < MAX_SOURCES_PER_CLIENT)
        else {
            return self.refuse_sink(clone);
        };
        let mut state = Source::new(source.session, client, source.monitor.clone());
        state.attached = true;
        let monitor = state.monitor.id;
        self.sources.insert(clone, state);
        self.start(clone, monitor);
    }

    fn start(&mut self, source: SourceId, monitor: MonitorId) {
        self.effects.push(Effect::Engine(EngineCommand::Start {
            source,
            monitor,
            frame_rate: DEFAULT_FRAME_RATE,
        }));
    }

    /// A sink came for a source that is not this client's, or is over.
    fn refuse_sink(&mut self, id: SourceId) {
        if self.sources.contains_key(&id) {
            // Another client's: its sink is not touched.
            self.counters.refused_requests += 1;
            return;
        }
        let reason = "there is no such source".to_owned();
        self.effects.push(Effect::Tell {
            source: id,
            event: SourceEvent::Ended(EndReason::Refused(reason)),
        });
        self.effects.push(Effect::Forget { source: id });
    }

    /// Whether a sink that this client sends for `source` is the source's
    /// first: the service asks before it keeps the sink.
    pub fn may_keep_sink(&self, client: ClientId, source: SourceId) -> bool {
        self.sources
            .get(&source)
            .is_none_or(|state| state.client == client && !state.attached)
    }

    pub(super) fn stop(&mut self, client: ClientId, id: SourceId, now: Timestamp) {
        match self.sources.get(&id) {
            Some(source) if source.client == client => self.end_source(id, None, now),
            Some(_) => self.counters.refused_requests += 1,
            // It ended by itself while the message was under way.
            None => {}
        }
    }

    pub(super) fn sink_lost(&mut self, id: SourceId, now: Timestamp) {
        self.end_source(id, None, now);
    }

    /// Ends one source, tells the page if there is a reason to tell, and ends
    /// the session with its last source.
    pub(super) fn end_source(&mut self, id: SourceId, reason: Option<EndReason>, now: Timestamp) {
        let Some(source) = self.sources.remove(&id) else {
            return;
        };
        if source.attached {
            self.effects
                .push(Effect::Engine(EngineCommand::Stop { source: id }));
            if let Some(reason) = reason {
                self.effects.push(Effect::Tell {
                    source: id,
                    event: SourceEvent::Ended(reason),
                });
            }
            self.effects.push(Effect::Forget { source: id });
        }
        if self.sources_of(source.session).next().is_none()
            && let Some(session) = self.sessions.remove(&source.session)
        {
            self.session_over(source.session, &session, now);
        }
    }

    pub(super) fn release(&mut self, client: ClientId, id: SourceId, sequence: u64) {
        // None: the source ended while its last frames were still shown.
        let Some(source) = self.sources.get_mut(&id) else {
            return;
        };
        if source.client == client && source.leases.remove(&sequence) {
            self.effects
                .push(Effect::Engine(EngineCommand::Released { source: id }));
        } else {
            self.counters.refused_requests += 1;
        }
    }

    /// The gate: a frame goes out only to an attached sink, in the size that
    /// its page was told, and of a monitor whose indicator is confirmed.
    pub(super) fn frame(&mut self, id: SourceId, frame: RawFrame) {
        let Some(source) = self.sources.get_mut(&id) else {
            self.counters.withheld_frames += 1;
            return;
        };
        let Some(session) = self.sessions.get(&source.session) else {
            self.counters.withheld_frames += 1;
            return;
        };
        let indicated = self.indication.covers(&source.monitor, &session.origin);
        if !source.attached || !indicated || frame.size != source.monitor.size() {
            source.withheld = true;
            self.counters.withheld_frames += 1;
            self.effects
                .push(Effect::Engine(EngineCommand::Released { source: id }));
            return;
        }
        source.leases.insert(frame.sequence);
        self.effects.push(Effect::Deliver { source: id, frame });
    }

    /// Tells the page of each source whether frames may come.
    pub(super) fn mute_what_is_not_indicated(&mut self) {
        for (&id, source) in &mut self.sources {
            let Some(session) = self.sessions.get(&source.session) else {
                continue;
            };
            let muted = !self.indication.covers(&source.monitor, &session.origin);
            if source.attached && source.muted != muted {
                source.muted = muted;
                self.effects.push(Effect::Tell {
                    source: id,
                    event: SourceEvent::Muted(muted),
                });
            }
        }
    }

    /// Asks anew for frames that were withheld and may go out now.
    pub(super) fn make_up_for_withheld(&mut self) {
        for (&id, source) in &mut self.sources {
            let Some(session) = self.sessions.get(&source.session) else {
                continue;
            };
            if source.attached
                && source.withheld
                && self.indication.covers(&source.monitor, &session.origin)
            {
                source.withheld = false;
                self.effects
                    .push(Effect::Engine(EngineCommand::Refresh { source: id }));
            }
        }
    }

    pub(super) fn monitors_changed(&mut self, monitors: Vec<Monitor>, now: Timestamp) {
        self.apply_layout(&monitors, now);
        self.monitors = monitors;
    }

    /// A track stays on its monitor: unplugged, the track ends; moved or
    /// resized, its settings change.
    pub(super) fn apply_layout(&mut self, monitors: &[Monitor], now: Timestamp) {
        let mut ended = Vec::new();
        for (&id, source) in &mut self.sources {
            match monitors
                .iter()
                .find(|monitor| monitor.id == source.monitor.id)
            {
                None => ended.push(id),
                Some(monitor) if *monitor != source.monitor => {
                    source.monitor = monitor.clone();
                    // Frames of the new size follow by themselves; a frame of
                    // the old size is not worth making again.
                    source.withheld = true;
                    if source.attached {
                        self.effects.push(Effect::Tell {
                            source: id,
                            event: SourceEvent::Changed {
                                screen: monitor.screen_info(),
                                settings: source.settings(),
                            },
                        });
                    }
                }
                Some(_) => {}
            }
        }
        for id in ended {
            self.end_source(id, Some(EndReason::MonitorRemoved), now);
        }
    }

    pub(super) fn monitor_failed(&mut self, id: MonitorId, error: &GrabError, now: Timestamp) {
        let failed: Vec<SourceId> = self
            .sources
            .iter()
            .filter(|(_, source)| source.monitor.id == id)
            .map(|(&source, _)| source)
            .collect();
        for source in failed {
            let reason = EndReason::DisplayServerLost(error.to_string());
            self.end_source(source, Some(reason), now);
        }
    }
}
