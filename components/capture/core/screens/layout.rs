/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! From the layout to the documents: when the engine watches, who is told when,
//! and what ends it.

use servo_base::id::PipelineId;
use servo_capture_traits::{ClientId, ScreensError, ScreensGrant};

use super::documents::Watch;
use super::{
    RETRY_AFTER, SETTLE, SETTLE_AT_MOST, ScreensEffect, Settling, Timestamp, Waiting, WaitingFor,
};
use crate::core::{Core, Effect, EngineCommand};
use crate::grabber::GrabError;
use crate::monitor::Monitor;

impl Core {
    /// Whether a sink that this client sends for a document is to be kept: the
    /// service asks before it keeps the sink.
    pub fn may_watch_screens(&self, client: ClientId, pipeline: PipelineId, all: bool) -> bool {
        if !self.knows_client(client)
            || self.gone.contains(&pipeline)
            || self.is_document_of(client, pipeline) == Some(false)
        {
            return false;
        }
        match self.screens.documents.get(&pipeline) {
            Some(document) if document.client != client => false,
            Some(document) if all => document.granted.is_some(),
            Some(document) => !document.watches_all(),
            None => !all,
        }
    }

    pub(super) fn watch_screens(&mut self, client: ClientId, pipeline: PipelineId, all: bool) {
        if !self.may_watch_screens(client, pipeline, all) {
            self.counters.refused_requests += 1;
            return;
        }
        let document = self.screens_document(client, pipeline);
        document.watch = Some(if all {
            Watch::All(None)
        } else {
            Watch::Current(None)
        });
        self.tell_screens();
    }

    /// The document has no sink any more; it may still ask.
    pub(super) fn stop_watching_screens(&mut self, pipeline: PipelineId) {
        if let Some(document) = self.screens.documents.get_mut(&pipeline) {
            document.watch = None;
        }
    }

    pub(super) fn screens_listed(
        &mut self,
        result: Result<Vec<Monitor>, GrabError>,
        now: Timestamp,
    ) {
        if !self.screens.is_watched {
            // Of a watch that has ended meanwhile.
            return;
        }
        match result {
            Ok(monitors) => {
                self.forget_absent_screens(&monitors);
                self.screens.layout = Some(monitors);
                self.screens.settling = None;
                self.answer_listed();
                self.tell_screens();
            }
            Err(error) => self.screens_lost(&error, now),
        }
    }

    /// The engine watches nothing any more.
    pub(in crate::core) fn screens_lost(&mut self, error: &GrabError, now: Timestamp) {
        if !self.screens.is_watched {
            return;
        }
        self.screens.is_watched = false;
        self.screens.layout = None;
        self.screens.settling = None;
        self.screens.retry_at = Some(now.after(RETRY_AFTER));
        let error = ScreensError::NotListed(error.to_string());
        self.end_waiting(&error, |waiting| waiting.deadline().is_some());
    }

    fn forget_absent_screens(&mut self, monitors: &[Monitor]) {
        for document in self.screens.documents.values_mut() {
            document.forget_absent(monitors);
        }
    }

    /// The engine tells another layout. Documents hear of it when it has stayed
    /// for a moment.
    pub(in crate::core) fn screens_changed(&mut self, monitors: &[Monitor], now: Timestamp) {
        self.forget_absent_screens(monitors);
        let Some(layout) = &mut self.screens.layout else {
            return;
        };
        if layout == monitors {
            return;
        }
        *layout = monitors.to_vec();
        let settling = self.screens.settling.get_or_insert(Settling {
            due: now,
            at_most: now.after(SETTLE_AT_MOST),
        });
        settling.due = now.after(SETTLE).min(settling.at_most);
    }

    /// Tells every document that is fully active what is new for it.
    pub(super) fn tell_screens(&mut self) {
        let Some(layout) = &self.screens.layout else {
            return;
        };
        let window = self.screens.window;
        for (&pipeline, document) in &mut self.screens.documents {
            if !self.inactive.contains(&pipeline)
                && let Some(event) = document.news(layout, window)
            {
                let effect = ScreensEffect::Tell { pipeline, event };
                self.effects.push(Effect::Screens(effect));
            }
        }
    }

    /// Answers those who wait for the list, if there is one.
    pub(super) fn answer_listed(&mut self) {
        let Some(layout) = self.screens.layout.clone() else {
            return;
        };
        let window = self.screens.window;
        for waiting in std::mem::take(&mut self.screens.waiting) {
            let request = waiting.request;
            match waiting.what {
                WaitingFor::Answer { .. } => self.screens.waiting.push(waiting),
                WaitingFor::Count { .. } => self.screens_effect(ScreensEffect::Extended {
                    request,
                    is_extended: layout.len() > 1,
                }),
                WaitingFor::List { .. } => {
                    let document = self.screens.documents.get_mut(&waiting.pipeline);
                    let grant = document.and_then(|document| {
                        Some(ScreensGrant {
                            list: document.list(&layout, window)?,
                            is_watched: document.watches_all(),
                        })
                    });
                    let result = grant
                        .ok_or_else(|| ScreensError::NotListed(GrabError::NoMonitor.to_string()));
                    self.answer_details(request, result);
                }
            }
        }
    }

    /// Ends waiting for a reason.
    pub(super) fn end_waiting(
        &mut self,
        error: &ScreensError,
        condition: impl Fn(&Waiting) -> bool,
    ) {
        for waiting in std::mem::take(&mut self.screens.waiting) {
            let request = waiting.request;
            if !condition(&waiting) {
                self.screens.waiting.push(waiting);
            } else if matches!(waiting.what, WaitingFor::Count { .. }) {
                self.screens_effect(ScreensEffect::Extended {
                    request,
                    is_extended: false,
                });
            } else {
                self.answer_details(request, Err(error.clone()));
            }
        }
    }

    pub(in crate::core) fn screens_activity(&mut self, pipeline: PipelineId, active: bool) {
        if active {
            self.tell_screens();
        } else {
            let error = ScreensError::DocumentInactive;
            self.end_waiting(&error, |waiting| waiting.pipeline == pipeline);
        }
    }

    pub(in crate::core) fn screens_pipeline_gone(&mut self, pipeline: PipelineId) {
        let error = ScreensError::DocumentInactive;
        self.end_waiting(&error, |waiting| waiting.pipeline == pipeline);
        if self.screens.documents.remove(&pipeline).is_some() {
            self.screens_effect(ScreensEffect::Forget { pipeline });
        }
    }

    pub(in crate::core) fn screens_client_gone(&mut self, client: ClientId) {
        let error = ScreensError::DocumentInactive;
        self.end_waiting(&error, |waiting| waiting.client == client);
        let documents = self.screens.documents.iter();
        let gone: Vec<PipelineId> = documents
            .filter(|(_, document)| document.client == client)
            .map(|(&pipeline, _)| pipeline)
            .collect();
        for pipeline in gone {
            self.screens_pipeline_gone(pipeline);
        }
    }

    pub(in crate::core) fn screens_exit(&mut self) {
        let error = ScreensError::Refused("the browser is shutting down".to_owned());
        self.end_waiting(&error, |_| true);
        let documents: Vec<PipelineId> = self.screens.documents.keys().copied().collect();
        for pipeline in documents {
            self.screens_pipeline_gone(pipeline);
        }
    }

    /// Whatever is due by the time; and the engine watches if anybody wants it to.
    pub(in crate::core) fn keep_screens_in_step(&mut self, now: Timestamp) {
        let error = ScreensError::NotListed("the display server does not answer".to_owned());
        let is_due = |time: Option<Timestamp>| time.is_some_and(|time| time <= now);
        if is_due(self.screens.settling.as_ref().map(|settling| settling.due)) {
            self.screens.settling = None;
            self.tell_screens();
        }
        self.end_waiting(&error, |waiting| is_due(waiting.deadline()));
        let mut documents = self.screens.documents.iter();
        let is_wanted = documents.any(|(pipeline, document)| {
            document.watch.is_some() && !self.inactive.contains(pipeline)
        });
        if is_wanted != self.screens.is_watched {
            if is_wanted && self.screens.retry_at.is_some_and(|time| time > now) {
                return;
            }
            self.screens.is_watched = is_wanted;
            self.screens.layout = None;
            self.screens.settling = None;
            let command = EngineCommand::Watch { wanted: is_wanted };
            self.effects.push(Effect::Engine(command));
        }
        self.screens.retry_at = None;
    }
}
