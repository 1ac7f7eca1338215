/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What pages may know of the screens, without capturing them
//! (<https://w3c.github.io/window-management/>).
//!
//! The engine watches the layout, and nothing else, for as long as there is a
//! document that asked for it and is fully active.

mod documents;
mod event;
mod layout;
mod permissions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use euclid::Box2D;
use servo_base::id::{PipelineId, WebViewId};
use servo_capture_traits::{
    ClientId, DesktopPixel, ScreenId, ScreensError, ScreensGrant, ScreensPermission,
};
use url::Origin;

use self::documents::{Document, Watch};
pub use self::event::{ScreensEffect, ScreensInput};
pub use self::permissions::QuestionId;
use self::permissions::{Asking, Permissions};
use super::session::parse_origin;
use super::{Core, Effect, RequestId, Timestamp};
use crate::monitor::{Monitor, MonitorId};

/// How long the engine may take to list the screens.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after a failure the engine is asked again to watch the layout.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long a layout must have stayed before documents are told: programs that
/// change it, and window managers after them, do so in several steps.
const SETTLE: Duration = Duration::from_millis(50);
/// How long documents wait at most while it changes again and again.
const SETTLE_AT_MOST: Duration = Duration::from_millis(250);
/// How many questions of one client may be unanswered at once.
const MAX_WAITING_PER_CLIENT: usize = 64;
/// How many documents of one client may know screens.
const MAX_DOCUMENTS_PER_CLIENT: usize = 4096;

/// Somebody who waits for an answer.
#[derive(Debug)]
struct Waiting {
    request: RequestId,
    client: ClientId,
    pipeline: PipelineId,
    what: WaitingFor,
}

#[derive(Debug)]
enum WaitingFor {
    /// `getScreenDetails()` waits for the user. Ends by their answer.
    Answer {
        question: QuestionId,
        origin: String,
    },
    /// `getScreenDetails()` waits for the engine's list, or its deadline.
    List { deadline: Timestamp },
    /// `isExtended` waits for the same.
    Count { deadline: Timestamp },
}

impl Waiting {
    fn deadline(&self) -> Option<Timestamp> {
        match self.what {
            WaitingFor::Answer { .. } => None,
            WaitingFor::List { deadline } | WaitingFor::Count { deadline } => Some(deadline),
        }
    }
}

/// When a changed layout is told.
#[derive(Debug)]
struct Settling {
    due: Timestamp,
    at_most: Timestamp,
}

/// Everything about the screens.
#[derive(Debug, Default)]
pub(super) struct Screens {
    documents: BTreeMap<PipelineId, Document>,
    permissions: Permissions,
    waiting: Vec<Waiting>,
    /// The engine was told to watch the layout, and has not failed to.
    is_watched: bool,
    /// As the engine told it last, while it watches.
    layout: Option<Vec<Monitor>>,
    retry_at: Option<Timestamp>,
    settling: Option<Settling>,
    window: Option<Box2D<i32, DesktopPixel>>,
    /// WebDriver may set permissions.
    is_automated: bool,
}

impl Screens {
    /// The name by which a document knows a monitor.
    pub(super) fn id_of(
        &mut self,
        client: ClientId,
        pipeline: PipelineId,
        monitor: MonitorId,
    ) -> ScreenId {
        let document = self.documents.entry(pipeline);
        document
            .or_insert_with(|| Document::new(client))
            .id_of(monitor)
    }

    /// When something is to be done although nothing happened.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let settling = self.settling.as_ref().map(|settling| settling.due);
        let waiting = self.waiting.iter().filter_map(Waiting::deadline);
        waiting.chain(settling).chain(self.retry_at).min()
    }
}

impl Core {
    /// The same core, for a browser that WebDriver drives, or does not.
    #[must_use]
    pub fn automated(mut self, is_automated: bool) -> Self {
        self.screens.is_automated = is_automated;
        self
    }

    fn screens_effect(&mut self, effect: ScreensEffect) {
        self.effects.push(Effect::Screens(effect));
    }

    pub(super) fn screens_input(&mut self, input: ScreensInput, now: Timestamp) {
        match input {
            ScreensInput::IsExtended {
                request,
                client,
                pipeline,
            } => self.is_extended(request, client, pipeline, now),
            ScreensInput::Permission {
                request,
                client,
                origin,
            } => {
                let origin = self.believed_origin(client, &origin);
                let state = self.screens_permission(&origin);
                self.screens_effect(ScreensEffect::Permission { request, state });
            }
            ScreensInput::SetPermission {
                request,
                client,
                origin,
                state,
            } => {
                let origin = self.believed_origin(client, &origin);
                self.set_screens_permission(request, &origin, state);
            }
            ScreensInput::Details {
                request,
                client,
                pipeline,
                webview,
                origin,
                has_activation,
            } => {
                let origin = self.believed_origin(client, &origin);
                let asked =
                    self.screen_details(client, pipeline, webview, &origin, has_activation, now);
                match asked {
                    Ok(what) => self.screens.waiting.push(Waiting {
                        request,
                        client,
                        pipeline,
                        what,
                    }),
                    Err(error) => self.answer_details(request, Err(error)),
                }
                self.answer_listed();
            }
            ScreensInput::Watch {
                client,
                pipeline,
                all,
            } => self.watch_screens(client, pipeline, all),
            ScreensInput::SinkLost { pipeline } => self.stop_watching_screens(pipeline),
            ScreensInput::Listed { result } => self.screens_listed(result, now),
            ScreensInput::WindowMoved { window } => {
                self.screens.window = window;
                if self.screens.settling.is_none() {
                    self.tell_screens();
                }
            }
            ScreensInput::Answered { question, allows } => {
                self.screens.permissions.answered(question, allows);
                self.question_answered(question, allows.is_some(), now);
            }
        }
    }

    /// <https://w3c.github.io/permissions/#dfn-permission-state>. The steps
    /// before the store are script's.
    fn screens_permission(&self, origin: &Origin) -> ScreensPermission {
        // No key can be made of an opaque origin, and nobody can be told who asks.
        if !origin.is_tuple() {
            return ScreensPermission::Denied;
        }
        if let Some(state) = self.screens.permissions.get(&origin.ascii_serialization()) {
            return state;
        }
        // Not in the spec: whoever may capture all screens may know them.
        match self.policy.check_all_screens(origin) {
            Ok(()) => ScreensPermission::Granted,
            Err(_) => ScreensPermission::Prompt,
        }
    }

    /// <https://w3c.github.io/permissions/#webdriver-command-set-permission>
    fn set_screens_permission(
        &mut self,
        request: RequestId,
        origin: &Origin,
        state: ScreensPermission,
    ) {
        if !self.screens.is_automated || !origin.is_tuple() {
            self.counters.refused_requests += 1;
        } else {
            let origin = origin.ascii_serialization();
            if state != ScreensPermission::Granted {
                self.withdraw_screens(&BTreeSet::from([origin.clone()]));
            }
            self.screens.permissions.set(origin, state);
        }
        let state = self.screens_permission(origin);
        self.screens_effect(ScreensEffect::Permission { request, state });
    }

    /// The policy allows less now: documents of origins that knew all screens by
    /// what it allowed are not told of them any more.
    pub(super) fn withdraw_disallowed_screens(&mut self) {
        let granted = self.screens.documents.values();
        let granted: BTreeSet<String> = granted
            .filter_map(|document| document.granted.clone())
            .collect();
        let mut lost = granted;
        lost.retain(|origin| {
            self.screens_permission(&parse_origin(origin)) != ScreensPermission::Granted
        });
        if !lost.is_empty() {
            self.withdraw_screens(&lost);
        }
    }

    /// Documents of these origins are not told of all screens any more, nor are
    /// those that wait for them. Nobody is told anything before all of them are
    /// withdrawn.
    fn withdraw_screens(&mut self, origins: &BTreeSet<String>) {
        let mut withdrawn = BTreeSet::new();
        for (&pipeline, document) in &mut self.screens.documents {
            let granted = document.granted.as_ref();
            if granted.is_some_and(|origin| origins.contains(origin)) {
                document.granted = None;
                withdrawn.insert(pipeline);
                if document.watches_all() {
                    document.watch = Some(Watch::Current(None));
                }
            }
        }
        self.end_waiting(&ScreensError::Denied, |waiting| {
            matches!(waiting.what, WaitingFor::List { .. }) && withdrawn.contains(&waiting.pipeline)
        });
        self.tell_screens();
    }

    /// The origin that a client claims, if it can be of that origin; else one
    /// that nothing is granted to.
    fn believed_origin(&mut self, client: ClientId, claim: &str) -> Origin {
        let origin = parse_origin(claim);
        match self.check_claim(client, &origin) {
            Ok(()) => origin,
            Err(_) => Origin::new_opaque(),
        }
    }

    /// The constellation has said whose the document is: what another client has
    /// asked for it is void.
    pub(super) fn screens_placed(&mut self, pipeline: PipelineId, client: ClientId) {
        let documents = &self.screens.documents;
        if documents
            .get(&pipeline)
            .is_some_and(|document| document.client != client)
        {
            self.screens_pipeline_gone(pipeline);
        }
    }

    /// The document must be this client's and fully active.
    fn check_screens_caller(
        &mut self,
        client: ClientId,
        pipeline: PipelineId,
    ) -> Result<(), ScreensError> {
        // What was under way when the client's process ended is for nobody: nothing
        // would ever end what it began.
        if !self.knows_client(client)
            || self.gone.contains(&pipeline)
            || self.inactive.contains(&pipeline)
        {
            return Err(ScreensError::DocumentInactive);
        }
        // A frame that script has just made may ask before the constellation has
        // said whose it is. It gets its answer; `screens_placed` looks again.
        let known = self.screens.documents.get(&pipeline);
        if self.is_document_of(client, pipeline) == Some(false)
            || known.is_some_and(|document| document.client != client)
        {
            self.counters.refused_requests += 1;
            let reason = "the document is another process's".to_owned();
            return Err(ScreensError::Refused(reason));
        }
        let waiting = self.screens.waiting.iter();
        let waiting = waiting.filter(|waiting| waiting.client == client).count();
        let documents = self.screens.documents.iter();
        let documents = documents
            .filter(|(other, document)| document.client == client && **other != pipeline)
            .count();
        if waiting >= MAX_WAITING_PER_CLIENT || documents >= MAX_DOCUMENTS_PER_CLIENT {
            return Err(ScreensError::Refused("too many at once".to_owned()));
        }
        Ok(())
    }

    /// The document is told of changes, or may ask for them at any time.
    fn screens_document(&mut self, client: ClientId, pipeline: PipelineId) -> &mut Document {
        let document = self.screens.documents.entry(pipeline);
        let document = document.or_insert_with(|| Document::new(client));
        document.watch.get_or_insert(Watch::Asking);
        document
    }

    /// <https://w3c.github.io/window-management/#dom-screen-isextended>
    fn is_extended(
        &mut self,
        request: RequestId,
        client: ClientId,
        pipeline: PipelineId,
        now: Timestamp,
    ) {
        if self.check_screens_caller(client, pipeline).is_err() {
            let is_extended = false;
            return self.screens_effect(ScreensEffect::Extended {
                request,
                is_extended,
            });
        }
        // So that the next answer needs no connection to the display server.
        self.screens_document(client, pipeline);
        self.screens.retry_at = None;
        self.screens.waiting.push(Waiting {
            request,
            client,
            pipeline,
            what: WaitingFor::Count {
                deadline: now.after(LIST_TIMEOUT),
            },
        });
        self.answer_listed();
    }

    /// <https://w3c.github.io/window-management/#dom-window-getscreendetails>,
    /// the steps in parallel. What it waits for, or why it is over.
    fn screen_details(
        &mut self,
        client: ClientId,
        pipeline: PipelineId,
        webview: WebViewId,
        origin: &Origin,
        has_activation: bool,
        now: Timestamp,
    ) -> Result<WaitingFor, ScreensError> {
        self.check_screens_caller(client, pipeline)?;
        // Step 2.1. The permission, of which the user is asked if need be.
        match self.screens_permission(origin) {
            // Step 2.2.
            ScreensPermission::Denied => Err(ScreensError::Denied),
            // Step 2.3. The user is not even asked.
            ScreensPermission::Prompt if !has_activation => Err(ScreensError::NotActivated),
            ScreensPermission::Prompt => {
                let origin = origin.ascii_serialization();
                let question = match self.screens.permissions.ask(&origin) {
                    Asking::Ask(question) => {
                        self.screens_effect(ScreensEffect::Ask {
                            question,
                            origin: origin.clone(),
                            webview,
                        });
                        question
                    }
                    Asking::Asked(question) => question,
                    Asking::TooMany => return Err(ScreensError::NotAnswered),
                };
                Ok(WaitingFor::Answer { question, origin })
            }
            // Steps 2.4 and 2.5 are script's, once it has the screens.
            ScreensPermission::Granted => Ok(self.wait_for_list(client, pipeline, origin, now)),
        }
    }

    fn wait_for_list(
        &mut self,
        client: ClientId,
        pipeline: PipelineId,
        origin: &Origin,
        now: Timestamp,
    ) -> WaitingFor {
        let document = self.screens_document(client, pipeline);
        document.granted = Some(origin.ascii_serialization());
        self.screens.retry_at = None;
        WaitingFor::List {
            deadline: now.after(LIST_TIMEOUT),
        }
    }

    /// Those who waited for the user go on to the list, or are refused.
    fn question_answered(&mut self, question: QuestionId, is_answer: bool, now: Timestamp) {
        let waiting = std::mem::take(&mut self.screens.waiting);
        for mut waiting in waiting {
            if let WaitingFor::Answer {
                question: asked,
                origin,
            } = &waiting.what
                && *asked == question
            {
                let origin = parse_origin(origin);
                if self.screens_permission(&origin) != ScreensPermission::Granted {
                    let error = if is_answer {
                        ScreensError::Denied
                    } else {
                        ScreensError::NotAnswered
                    };
                    self.answer_details(waiting.request, Err(error));
                    continue;
                }
                let (client, pipeline) = (waiting.client, waiting.pipeline);
                waiting.what = self.wait_for_list(client, pipeline, &origin, now);
            }
            self.screens.waiting.push(waiting);
        }
        self.answer_listed();
    }

    fn answer_details(&mut self, request: RequestId, result: Result<ScreensGrant, ScreensError>) {
        self.screens_effect(ScreensEffect::Details { request, result });
    }
}
