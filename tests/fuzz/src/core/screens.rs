/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The screens in that world: what processes ask about them, what the user and WebDriver say, and
//! who is told.

use std::collections::{BTreeMap, BTreeSet};

use euclid::{Box2D, Point2D};
use servo_base::id::{PipelineId, TEST_WEBVIEW_ID};
use servo_capture::core::{Event, QuestionId, RequestId, ScreensEffect, ScreensInput};
use servo_capture_traits::{ClientId, ScreenId, ScreenList, ScreensEvent, ScreensPermission};

use super::{Choices, ORIGINS, World, pipeline};

/// What a process said of itself.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Claim {
    client: ClientId,
    pipeline: PipelineId,
    origin: &'static str,
}

#[derive(Default)]
pub(super) struct Screens {
    /// Requests with an answer to come; calls of `getScreenDetails()` with their claims.
    asked: BTreeMap<RequestId, Option<Claim>>,
    answered: BTreeSet<RequestId>,
    claims: BTreeSet<Claim>,
    /// Where a document is told, as the service keeps it.
    sinks: BTreeMap<PipelineId, ClientId>,
    /// What the user and WebDriver have said, by origin.
    answers: BTreeMap<String, ScreensPermission>,
    questions: BTreeMap<QuestionId, String>,
    /// The document that knows a screen by that name.
    names: BTreeMap<ScreenId, PipelineId>,
    /// The engine was told to watch the layout.
    is_watched: bool,
}

impl World {
    /// Whether an origin has the permission `window-management` now.
    fn may_know_screens(&self, origin: &str) -> bool {
        match self.screens.answers.get(origin) {
            Some(state) => *state == ScreensPermission::Granted,
            None => self.may_capture(origin),
        }
    }

    /// Whether the client is believed to be of this origin.
    fn is_believed(&self, client: ClientId, origin: &str) -> bool {
        let index = self.clients.iter().position(|of| *of == client);
        let is_of_its_site = index.is_some_and(|index| {
            // The last is a subdomain of the third.
            ORIGINS[index] == origin || (index, origin) == (2, ORIGINS[4])
        });
        is_of_its_site && origin != "null" && self.core.knows_client(client)
    }

    /// A name of a screen is known to one document and no other.
    pub(super) fn check_name(&mut self, pipeline: PipelineId, name: ScreenId) {
        let of = *self.screens.names.entry(name).or_insert(pipeline);
        assert_eq!(of, pipeline, "two documents know a screen by one name");
    }

    fn check_list(&mut self, pipeline: PipelineId, list: &ScreenList) {
        let mut names: Vec<ScreenId> = list.screens.iter().map(|(name, _)| *name).collect();
        assert!(
            names.contains(&list.current),
            "a current screen that is none"
        );
        for name in &names {
            self.check_name(pipeline, *name);
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), list.screens.len(), "two screens of one name");
    }

    fn screens_answered(&mut self, request: RequestId) -> Option<Claim> {
        let claim = self.screens.asked.get(&request);
        let claim = *claim.expect("an answer to no request");
        assert!(self.screens.answered.insert(request), "answered twice");
        claim
    }

    pub(super) fn screens_effect(&mut self, effect: ScreensEffect) {
        match effect {
            ScreensEffect::Extended { request, .. } | ScreensEffect::Permission { request, .. } => {
                self.screens_answered(request);
            }
            ScreensEffect::Details { request, result } => {
                let claim = self.screens_answered(request).expect("a call");
                if let Ok(grant) = result {
                    let Claim {
                        client,
                        pipeline,
                        origin,
                    } = claim;
                    self.check_reader(client, pipeline);
                    assert!(self.is_believed(client, origin), "forged");
                    assert!(self.may_know_screens(origin), "{origin} may not know");
                    self.check_list(pipeline, &grant.list);
                }
            }
            ScreensEffect::Tell { pipeline, event } => {
                let client = self.screens.sinks.get(&pipeline);
                let client = *client.expect("told without a sink");
                self.check_reader(client, pipeline);
                if let ScreensEvent::All(list) = event {
                    let mut claims = self.screens.claims.iter();
                    let is_granted = claims.any(|claim| {
                        (claim.client, claim.pipeline) == (client, pipeline)
                            && self.is_believed(client, claim.origin)
                            && self.may_know_screens(claim.origin)
                    });
                    assert!(is_granted, "told of all screens without permission");
                    self.check_list(pipeline, &list);
                }
            }
            ScreensEffect::Forget { pipeline } => drop(self.screens.sinks.remove(&pipeline)),
            ScreensEffect::Ask {
                question, origin, ..
            } => {
                let before = self.screens.questions.insert(question, origin);
                assert!(before.is_none(), "asked twice");
            }
        }
    }

    /// Who is told of screens is there, and the document is its own and fully active.
    fn check_reader(&self, client: ClientId, pipeline: PipelineId) {
        assert!(self.clients.contains(&client), "told after its client");
        assert!(!self.gone.contains(&pipeline), "told after its document");
        assert!(
            !self.inactive.contains(&pipeline),
            "told a document that was left"
        );
        let placed = self.placed.get(&pipeline);
        assert!(
            placed.is_none_or(|of| *of == client),
            "told of another's document"
        );
    }

    pub(super) fn watch_layout(&mut self, wanted: bool) {
        let before = std::mem::replace(&mut self.screens.is_watched, wanted);
        assert_ne!(before, wanted, "told twice to watch, or not to");
    }

    pub(super) fn layout_lost(&mut self) {
        self.screens.is_watched = false;
    }

    /// What a process asks.
    pub(super) fn ask_about_screens(&mut self, choices: &mut Choices) {
        let client = self.sender(choices);
        let pipeline = pipeline(choices.below(8));
        let kind = choices.below(7);
        if kind >= 5 {
            let all = kind == 6;
            // As the service does.
            if self.core.may_watch_screens(client, pipeline, all) {
                self.screens.sinks.insert(pipeline, client);
            }
            return self.event(Event::Screens(ScreensInput::Watch {
                client,
                pipeline,
                all,
            }));
        }
        let request = self.request();
        let origin = ORIGINS[choices.below(5)];
        let input = match kind {
            0 | 1 => {
                let claim = Claim {
                    client,
                    pipeline,
                    origin,
                };
                self.screens.asked.insert(request, Some(claim));
                self.screens.claims.insert(claim);
                ScreensInput::Details {
                    request,
                    client,
                    pipeline,
                    webview: TEST_WEBVIEW_ID,
                    origin: origin.to_owned(),
                    has_activation: choices.byte() > 63,
                }
            }
            2 => ScreensInput::IsExtended {
                request,
                client,
                pipeline,
            },
            3 => ScreensInput::Permission {
                request,
                client,
                origin: origin.to_owned(),
            },
            _ => {
                let states = [
                    ScreensPermission::Prompt,
                    ScreensPermission::Denied,
                    ScreensPermission::Granted,
                ];
                let state = states[choices.below(3)];
                if self.is_believed(client, origin) {
                    self.screens.answers.insert(origin.to_owned(), state);
                }
                ScreensInput::SetPermission {
                    request,
                    client,
                    origin: origin.to_owned(),
                    state,
                }
            }
        };
        self.screens.asked.entry(request).or_default();
        self.event(Event::Screens(input));
    }

    /// What the user, the shell and the sinks come to.
    pub(super) fn screens_news(&mut self, choices: &mut Choices) {
        let input = match choices.below(4) {
            0 | 1 => {
                let open: Vec<QuestionId> = self.screens.questions.keys().copied().collect();
                let question = choices.one(&open).unwrap_or(QuestionId(1));
                let allows = [Some(true), Some(false), None][choices.below(3)];
                let origin = self.screens.questions.remove(&question);
                if let (Some(origin), Some(allows)) = (origin, allows) {
                    let state = if allows {
                        ScreensPermission::Granted
                    } else {
                        ScreensPermission::Denied
                    };
                    self.screens.answers.insert(origin, state);
                }
                ScreensInput::Answered { question, allows }
            }
            2 => {
                let left = i32::from(choices.byte());
                let corner = Point2D::new(left, 0);
                let window = Box2D::new(corner, corner + euclid::vec2(50, 4));
                ScreensInput::WindowMoved {
                    window: (left > 0).then_some(window),
                }
            }
            _ => {
                let pipeline = pipeline(choices.below(8));
                self.screens.sinks.remove(&pipeline);
                ScreensInput::SinkLost { pipeline }
            }
        };
        self.event(Event::Screens(input));
    }

    /// Every question was answered, and nothing is watched any more.
    pub(super) fn check_screens_are_over(&self) {
        let Screens {
            asked, answered, ..
        } = &self.screens;
        assert_eq!(answered.len(), asked.len(), "not answered");
        assert!(!self.screens.is_watched, "watched for nobody");
        assert!(self.screens.sinks.is_empty(), "told after the end");
    }
}
