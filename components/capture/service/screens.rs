/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who waits for answers about the screens, who is told of them, and how the
//! user is asked.

use std::collections::HashMap;
use std::sync::Arc;

use euclid::Box2D;
use servo_base::generic_channel::{GenericCallback, GenericSender, SendError};
use servo_base::id::{PipelineId, WebViewId};
use servo_capture_traits::{
    ClientId, DesktopPixel, ScreensEvent, ScreensPermission, ScreensReply, ScreensRequest,
};

use super::CaptureEmbedder;
use super::inbox::Inbox;
use super::outbox::{Letter, Outboxes};
use crate::core::{Core, QuestionId, RequestId, ScreensEffect, ScreensInput};

/// The shell's way to the running service.
#[derive(Clone)]
pub struct ServiceLink {
    inbox: Arc<Inbox>,
}

impl ServiceLink {
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self { inbox }
    }

    /// The browser's window is at this place of the desktop now, in device
    /// pixels; `None` if that is nowhere, or not known. Does not block.
    pub fn window_moved(&self, window: Option<Box2D<i32, DesktopPixel>>) {
        self.inbox.window_moved(window);
    }
}

/// Asks the person in front of the browser whether an origin may know all
/// screens. Dropping it is no answer: the page is refused, and may ask again.
pub struct ScreensQuestion {
    id: QuestionId,
    /// Who wants to know.
    pub origin: String,
    /// The page that the question is about.
    pub webview: WebViewId,
    link: ServiceLink,
    is_answered: bool,
}

impl ScreensQuestion {
    /// The answer. It holds until the browser ends.
    pub fn answer(mut self, allows: bool) {
        self.tell(Some(allows));
    }

    fn tell(&mut self, allows: Option<bool>) {
        if !std::mem::replace(&mut self.is_answered, true) {
            let question = self.id;
            self.link
                .inbox
                .answer(ScreensInput::Answered { question, allows });
        }
    }
}

impl Drop for ScreensQuestion {
    fn drop(&mut self) {
        self.tell(None);
    }
}

/// An answer, and who gets it.
pub(super) enum ScreensAnswer {
    Extended(GenericSender<bool>, bool),
    Permission(GenericSender<ScreensPermission>, ScreensPermission),
    PermissionSet(GenericSender<()>),
    Details(GenericCallback<ScreensReply>, ScreensReply),
    /// Nobody looks at the request.
    Refused(ScreensRequest, String),
}

impl ScreensAnswer {
    pub(super) fn send(self) -> Result<(), SendError> {
        match self {
            Self::Extended(reply, is_extended) => reply.send(is_extended),
            Self::Permission(reply, state) => reply.send(state),
            Self::PermissionSet(done) => done.send(()),
            Self::Details(reply, answer) => reply.send(answer),
            Self::Refused(request, reason) => request.refuse(reason),
        }
    }
}

/// The answers that are awaited, and the sinks of documents.
#[derive(Default)]
pub(super) struct ScreensDesk {
    extended: HashMap<RequestId, (ClientId, GenericSender<bool>)>,
    permissions: HashMap<RequestId, (ClientId, GenericSender<ScreensPermission>)>,
    settings: HashMap<RequestId, (ClientId, GenericSender<()>)>,
    details: HashMap<RequestId, (ClientId, GenericCallback<ScreensReply>)>,
    sinks: HashMap<PipelineId, (ClientId, GenericCallback<ScreensEvent>)>,
}

impl ScreensDesk {
    /// Keeps what is needed to answer, and says what the core is to hear.
    pub(super) fn take(
        &mut self,
        core: &Core,
        client: ClientId,
        request: ScreensRequest,
        id: RequestId,
    ) -> ScreensInput {
        match request {
            ScreensRequest::IsExtended { pipeline, reply } => {
                self.extended.insert(id, (client, reply));
                ScreensInput::IsExtended {
                    request: id,
                    client,
                    pipeline,
                }
            }
            ScreensRequest::Permission { origin, reply } => {
                self.permissions.insert(id, (client, reply));
                ScreensInput::Permission {
                    request: id,
                    client,
                    origin,
                }
            }
            ScreensRequest::SetPermission {
                origin,
                state,
                done,
            } => {
                self.settings.insert(id, (client, done));
                ScreensInput::SetPermission {
                    request: id,
                    client,
                    origin,
                    state,
                }
            }
            ScreensRequest::Details {
                pipeline,
                webview,
                origin,
                has_activation,
                reply,
            } => {
                self.details.insert(id, (client, reply));
                ScreensInput::Details {
                    request: id,
                    client,
                    pipeline,
                    webview,
                    origin,
                    has_activation,
                }
            }
            ScreensRequest::WatchAll { pipeline, sink } => {
                self.keep_sink(core, client, pipeline, true, sink)
            }
            ScreensRequest::WatchCurrent { pipeline, sink } => {
                self.keep_sink(core, client, pipeline, false, sink)
            }
        }
    }

    /// Keeps a sink unless it would take another's place.
    fn keep_sink(
        &mut self,
        core: &Core,
        client: ClientId,
        pipeline: PipelineId,
        all: bool,
        sink: GenericCallback<ScreensEvent>,
    ) -> ScreensInput {
        if core.may_watch_screens(client, pipeline, all) {
            self.sinks.insert(pipeline, (client, sink));
        }
        ScreensInput::Watch {
            client,
            pipeline,
            all,
        }
    }

    /// Does what the core decided. Gives back a document whose sink is lost.
    pub(super) fn carry_out(
        &mut self,
        effect: ScreensEffect,
        embedder: &dyn CaptureEmbedder,
        inbox: &Arc<Inbox>,
        outboxes: &Outboxes,
    ) -> Option<PipelineId> {
        let answer = match effect {
            ScreensEffect::Extended {
                request,
                is_extended,
            } => {
                let reply = self.extended.remove(&request);
                reply
                    .map(|(client, reply)| (client, ScreensAnswer::Extended(reply, is_extended)))
                    .ok_or(request)
            }
            ScreensEffect::Permission { request, state } => {
                let reply = self.permissions.remove(&request);
                let reply =
                    reply.map(|(client, reply)| (client, ScreensAnswer::Permission(reply, state)));
                let done = self.settings.remove(&request);
                reply
                    .or(done.map(|(client, done)| (client, ScreensAnswer::PermissionSet(done))))
                    .ok_or(request)
            }
            ScreensEffect::Details { request, result } => {
                let reply = self.details.remove(&request);
                let answer = ScreensReply(result);
                reply
                    .map(|(client, reply)| (client, ScreensAnswer::Details(reply, answer)))
                    .ok_or(request)
            }
            ScreensEffect::Tell { pipeline, event } => {
                let (client, sink) = self.sinks.get(&pipeline)?;
                let letter = Letter::ScreensEvent(pipeline, sink.clone(), Box::new(event));
                if let Err(error) = outboxes.post(*client, letter) {
                    log::debug!("{pipeline} hears no more of the screens: {error}");
                    self.sinks.remove(&pipeline);
                    return Some(pipeline);
                }
                return None;
            }
            ScreensEffect::Forget { pipeline } => {
                self.sinks.remove(&pipeline);
                return None;
            }
            ScreensEffect::Ask {
                question,
                origin,
                webview,
            } => {
                embedder.ask_about_screens(ScreensQuestion {
                    id: question,
                    origin,
                    webview,
                    link: ServiceLink::new(inbox.clone()),
                    is_answered: false,
                });
                return None;
            }
        };
        match answer {
            Ok((client, answer)) => {
                // Err: the page's process is gone, and its documents soon too.
                if let Err(error) = outboxes.post(client, Letter::Screens(Box::new(answer))) {
                    log::debug!("{client} could not be answered: {error}");
                }
            }
            Err(request) => log::error!("{request:?} was answered twice"),
        }
        None
    }
}
