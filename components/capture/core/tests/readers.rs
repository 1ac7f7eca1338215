/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who reads of the screens in the world, and that nobody reads what is not for
//! them.

use std::collections::{BTreeMap, BTreeSet};

use servo_base::id::PipelineId;
use servo_capture_traits::{ClientId, ScreensEvent, ScreensPermission};
use url::Url;

use super::super::{Event, QuestionId, RequestId, ScreensEffect, ScreensInput};
use super::world::{ALLOWED, OTHER, World};

/// What a call of `getScreenDetails()` said of itself.
#[derive(Clone)]
struct Claim {
    client: ClientId,
    pipeline: PipelineId,
    origin: String,
}

/// What everybody was told of the screens, and may be.
#[derive(Default)]
pub(super) struct Readers {
    /// WebDriver may set permissions.
    pub(super) automated: bool,
    /// Calls, with their claims, and other requests.
    asked: BTreeMap<RequestId, Option<Claim>>,
    answered: BTreeSet<RequestId>,
    /// Where the service tells a document.
    sinks: BTreeMap<PipelineId, ClientId>,
    /// What the user and WebDriver have said, by origin.
    said: BTreeMap<String, ScreensPermission>,
    questions: BTreeMap<QuestionId, String>,
    /// Clients whose processes have ended.
    gone: BTreeSet<ClientId>,
}

impl World {
    /// The core is about to hear of it.
    pub(super) fn note_reader(&mut self, event: &Event) {
        let input = match event {
            Event::ClientGone { client } if self.hosts.contains_key(client) => {
                self.readers.gone.insert(*client);
                return;
            }
            Event::Screens(input) => input,
            _ => return,
        };
        match input {
            ScreensInput::IsExtended { request, .. } | ScreensInput::Permission { request, .. } => {
                self.readers.asked.insert(*request, None);
            }
            ScreensInput::SetPermission {
                request,
                origin,
                state,
                ..
            } => {
                self.readers.asked.insert(*request, None);
                if self.readers.automated {
                    self.readers.said.insert(origin.clone(), *state);
                }
            }
            &ScreensInput::Details {
                request,
                client,
                pipeline,
                ref origin,
                ..
            } => {
                let origin = origin.clone();
                let claim = Claim {
                    client,
                    pipeline,
                    origin,
                };
                self.readers.asked.insert(request, Some(claim));
            }
            &ScreensInput::Watch {
                client,
                pipeline,
                all,
            } => {
                if self.core.may_watch_screens(client, pipeline, all) {
                    self.readers.sinks.insert(pipeline, client);
                }
            }
            ScreensInput::SinkLost { pipeline } => drop(self.readers.sinks.remove(pipeline)),
            ScreensInput::Answered { question, allows } => {
                let origin = self.readers.questions.remove(question);
                if let (Some(origin), Some(allows)) = (origin, *allows) {
                    let state = if allows {
                        ScreensPermission::Granted
                    } else {
                        ScreensPermission::Denied
                    };
                    self.readers.said.insert(origin, state);
                }
            }
            ScreensInput::Listed { .. } | ScreensInput::WindowMoved { .. } => {}
        }
    }

    /// What the core wants told is for whom it is told to.
    pub(super) fn check_reader(&mut self, effect: &ScreensEffect) {
        match effect {
            ScreensEffect::Extended { request, .. } | ScreensEffect::Permission { request, .. } => {
                self.note_answer(*request);
            }
            ScreensEffect::Details { request, result } => {
                let claim = self.note_answer(*request).expect("it is a call");
                if result.is_ok() {
                    self.check_presence(claim.client, claim.pipeline);
                    assert!(self.is_granted(&claim), "granted without permission");
                }
            }
            ScreensEffect::Tell { pipeline, event } => {
                let client = self.readers.sinks.get(pipeline);
                let client = *client.expect("told and has no sink");
                self.check_presence(client, *pipeline);
                let mut claims = self.readers.asked.values().flatten();
                let is_granted = claims.any(|claim| {
                    (claim.client, claim.pipeline) == (client, *pipeline) && self.is_granted(claim)
                });
                assert!(
                    is_granted || !matches!(event, ScreensEvent::All(_)),
                    "told of all screens without permission"
                );
            }
            ScreensEffect::Forget { pipeline } => drop(self.readers.sinks.remove(pipeline)),
            ScreensEffect::Ask {
                question, origin, ..
            } => {
                let before = self.readers.questions.insert(*question, origin.clone());
                assert!(before.is_none(), "{question:?} was asked twice");
            }
        }
    }

    /// Whether every request about the screens has its answer.
    pub(super) fn all_readers_answered(&self) -> bool {
        self.readers.answered.len() == self.readers.asked.len()
    }

    fn note_answer(&mut self, request: RequestId) -> Option<Claim> {
        assert!(
            self.readers.answered.insert(request),
            "{request:?} was answered twice"
        );
        let claim = self.readers.asked.get(&request);
        claim.expect("an answer to no request").clone()
    }

    /// The document is that client's and fully active, and the client is there.
    fn check_presence(&self, client: ClientId, pipeline: PipelineId) {
        assert!(
            !self.readers.gone.contains(&client),
            "told after its client"
        );
        assert!(
            !self.dead.contains(&pipeline),
            "told of a document that was left"
        );
        let placed = self.placed.get(&pipeline);
        // What a client leaves behind when it ends is nobody's.
        let is_its_own = placed.is_none_or(|of| *of == client || self.readers.gone.contains(of));
        assert!(is_its_own, "told of another's");
    }

    /// Whether the claim's origin can be the client's, and has the permission
    /// `window-management` now.
    fn is_granted(&self, claim: &Claim) -> bool {
        let origin = claim.origin.as_str();
        let url = Url::parse(origin).ok();
        let host = url.as_ref().and_then(Url::host_str);
        let is_its_own = self.hosts.get(&claim.client).map(String::as_str) == host;
        let may_know = match self.readers.said.get(origin) {
            Some(state) => *state == ScreensPermission::Granted,
            None => [ALLOWED, OTHER].contains(&origin) && !self.taken.contains(origin),
        };
        is_its_own && may_know
    }
}
