/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A source: one surface captured for one track.

use std::collections::BTreeSet;

use servo_capture_traits::{
    CaptureError, ClientId, Damage, DisplaySurface, EndReason, FrameFormat, SourceEvent, SourceId,
    SourceSettings,
};

use super::indication::Indication;
use super::record::end_text;
use super::session::Session;
use super::{
    Core, Effect, EngineCommand, MAX_SOURCES_PER_CLIENT, RawFrame, RequestId, SessionId, Timestamp,
};
use crate::grabber::GrabError;
use crate::monitor::{Monitor, MonitorId};

/// Unreleased frames of one source that are remembered. The engine has fewer
/// pictures out at once; a page that changes its format again and again and
/// releases nothing is forgotten what it held first.
const MAX_LEASES: usize = 64;

/// What the engine was told to do for a source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Making {
    /// Nothing: it has not heard of it.
    NotBegun,
    /// Make frames.
    Running,
    /// Read nothing: the indicator was lost, or is not where the monitor is.
    Paused,
}

/// One source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) session: SessionId,
    pub(super) client: ClientId,
    /// The captured monitor, as it is now. Its id never changes.
    pub(super) monitor: Monitor,
    /// Whether a sink takes its frames.
    attached: bool,
    /// How its frames are.
    format: FrameFormat,
    /// What the engine does for it.
    making: Making,
    /// Whether a frame was withheld, and must be made again.
    withheld: bool,
    /// Whether a frame was withheld since the last one that went out, so that
    /// the next one's damage is not all that has changed for the page.
    has_gap: bool,
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
            format: FrameFormat::native(monitor.size()),
            monitor,
            attached: false,
            making: Making::NotBegun,
            withheld: false,
            has_gap: false,
            muted: false,
            leases: BTreeSet::new(),
        }
    }

    pub(super) fn is_attached(&self) -> bool {
        self.attached
    }

    /// Whether the engine has heard of it.
    pub(super) fn is_begun(&self) -> bool {
        self.making != Making::NotBegun
    }

    /// Whether the page was told that no frames come.
    pub(super) fn is_muted(&self) -> bool {
        self.muted
    }

    /// The next frame is made although nothing may have changed since the last.
    pub(super) fn want_fresh_frame(&mut self) {
        self.withheld = true;
    }

    pub(super) fn settings(&self) -> SourceSettings {
        SourceSettings {
            size: self.format.size,
            frame_rate: self.format.frame_rate,
            surface: DisplaySurface::Monitor,
            cursor: self.format.cursor,
            screen_pixel_ratio: self.monitor.scale,
        }
    }
}

/// Whether the indicator tells of this source where it is read.
fn covers(indication: &Indication, source: &Source, session: &Session) -> bool {
    indication.covers(&source.monitor, source.session, &session.origin)
}

impl Core {
    pub(super) fn attach(&mut self, client: ClientId, id: SourceId) {
        match self.sources.get_mut(&id) {
            Some(source) if source.client == client && !source.attached => {
                source.attached = true;
                self.record_start(id);
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
        state.format = source.format;
        self.sources.insert(clone, state);
        self.record_start(clone);
    }

    /// The last step of `applyConstraints()`
    /// (<https://w3c.github.io/mediacapture-main/#dfn-applyconstraints-algorithm>):
    /// script has selected the settings; here they are checked and made true.
    pub(super) fn configure(
        &mut self,
        request: RequestId,
        client: ClientId,
        id: SourceId,
        format: FrameFormat,
    ) {
        let source = self.sources.get_mut(&id);
        let result = match source.filter(|source| source.client == client) {
            None => {
                self.refuse_named(id);
                Err(CaptureError::BadRequest(
                    "there is no such source".to_owned(),
                ))
            }
            Some(source) => match format.check(source.monitor.size()) {
                Err(error) => Err(CaptureError::BadRequest(error.to_string())),
                Ok(()) => {
                    source.format = format;
                    if source.making != Making::NotBegun {
                        self.effects.push(Effect::Engine(EngineCommand::Configure {
                            source: id,
                            format,
                        }));
                    }
                    Ok(source.settings())
                }
            },
        };
        self.effects.push(Effect::Configured { request, result });
    }

    /// Lets the engine read for a source exactly while the indicator on its
    /// monitor is confirmed: the page has the memory that is read into.
    pub(super) fn keep_engine_in_step(&mut self) {
        for (&id, source) in &mut self.sources {
            let Some(session) = self.sessions.get(&source.session) else {
                continue;
            };
            if !source.attached {
                continue;
            }
            let covered = covers(&self.indication, source, session);
            let mut command = |command| self.effects.push(Effect::Engine(command));
            match (source.making, covered) {
                (Making::NotBegun, true) => {
                    source.making = Making::Running;
                    source.withheld = false;
                    command(EngineCommand::Start {
                        source: id,
                        monitor: source.monitor.id,
                        format: source.format,
                    });
                }
                (Making::Running, false) => {
                    source.making = Making::Paused;
                    command(EngineCommand::Pause { source: id });
                }
                (Making::Paused, true) => {
                    source.making = Making::Running;
                    command(EngineCommand::Resume { source: id });
                }
                (Making::Running, true) | (Making::NotBegun | Making::Paused, false) => {}
            }
            // What was withheld is made anew.
            if covered && std::mem::take(&mut source.withheld) {
                command(EngineCommand::Refresh { source: id });
            }
        }
    }

    /// A sink came for a source that is not this client's, or is over.
    fn refuse_sink(&mut self, id: SourceId) {
        self.refuse_named(id);
        if self.sources.contains_key(&id) {
            // Another client's: its sink is not touched.
            return;
        }
        let reason = "there is no such source".to_owned();
        self.effects.push(Effect::Tell {
            source: id,
            event: SourceEvent::Ended(EndReason::Refused(reason)),
        });
        self.effects.push(Effect::Forget { source: id });
    }

    /// Counts a request that named another's source, or none.
    fn refuse_named(&mut self, id: SourceId) {
        if self.sources.contains_key(&id) {
            self.counters.refused_requests += 1;
        } else {
            self.counters.stale_requests += 1;
        }
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
            // It ended by itself while the message was under way, or is stopped
            // twice.
            None => self.counters.stale_requests += 1,
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
        let why = end_text(reason.as_ref());
        if source.attached {
            if source.making != Making::NotBegun {
                self.effects
                    .push(Effect::Engine(EngineCommand::Stop { source: id }));
            }
            if let Some(reason) = reason {
                self.effects.push(Effect::Tell {
                    source: id,
                    event: SourceEvent::Ended(reason),
                });
            }
            self.effects.push(Effect::Forget { source: id });
            self.record_stop(&source, why.clone());
        }
        if self.sources_of(source.session).next().is_none()
            && let Some(session) = self.sessions.remove(&source.session)
        {
            self.session_over(source.session, &session, now);
            self.record_end(source.session, &session.origin, why);
        }
    }

    pub(super) fn release(&mut self, client: ClientId, id: SourceId, sequence: u64) {
        // None: the source ended while its last frames were still shown.
        let Some(source) = self.sources.get_mut(&id) else {
            return;
        };
        if source.client == client && source.leases.remove(&sequence) {
            self.effects.push(Effect::Engine(EngineCommand::Released {
                source: id,
                sequence,
            }));
        } else {
            self.counters.refused_requests += 1;
        }
    }

    /// The gate: a frame goes out only to an attached sink, in the size that
    /// its page was told, and of a monitor whose indicator is confirmed.
    pub(super) fn frame(&mut self, id: SourceId, mut frame: RawFrame) {
        let Some(source) = self.sources.get_mut(&id) else {
            self.counters.withheld_frames += 1;
            return;
        };
        let Some(session) = self.sessions.get(&source.session) else {
            self.counters.withheld_frames += 1;
            return;
        };
        let indicated = covers(&self.indication, source, session);
        let is_made = source.making == Making::Running;
        if !is_made || !indicated || frame.size != source.format.size {
            source.withheld = true;
            source.has_gap = true;
            self.counters.withheld_frames += 1;
            self.effects.push(Effect::Engine(EngineCommand::Released {
                source: id,
                sequence: frame.sequence,
            }));
            return;
        }
        if std::mem::take(&mut source.has_gap) {
            frame.damage = Damage::Whole;
        }
        if source.leases.len() >= MAX_LEASES {
            source.leases.pop_first();
        }
        source.leases.insert(frame.sequence);
        self.effects.push(Effect::Deliver { source: id, frame });
    }

    /// Tells the page of each source whether frames may come.
    pub(super) fn update_mutes(&mut self) {
        for (&id, source) in &mut self.sources {
            let Some(session) = self.sessions.get(&source.session) else {
                continue;
            };
            let covered = covers(&self.indication, source, session);
            let muted = self.stalled || !covered;
            if source.attached && source.muted != muted {
                source.muted = muted;
                self.effects.push(Effect::Tell {
                    source: id,
                    event: SourceEvent::Muted(muted),
                });
            }
        }
    }

    pub(super) fn monitors_changed(&mut self, monitors: Vec<Monitor>, now: Timestamp) {
        self.apply_layout(&monitors, now);
        self.screens_changed(&monitors, now);
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
                    let is_resized = source.monitor.size() != monitor.size();
                    source.monitor = monitor.clone();
                    if is_resized {
                        // All of it until script selects anew; so does the
                        // engine by itself.
                        source.format = source.format.with_surface(monitor.size());
                    }
                    if is_resized && source.making != Making::NotBegun {
                        self.effects.push(Effect::Engine(EngineCommand::Configure {
                            source: id,
                            format: source.format,
                        }));
                    }
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
