/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `MediaStreamTrack.applyConstraints()`
//! (<https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-applyconstraints>).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use euclid::Size2D;
use js::context::JSContext;
use js::realm::CurrentRealm;
use servo_base::generic_channel::{GenericCallback, SendError};
use servo_capture_traits::constraints::{
    Constraints, FixedCandidates, Overconstrained, TrackKind, TrackSettings, select_settings,
};
use servo_capture_traits::{CaptureRequest, ConfigureReply, FrameFormat, MonitorPixel};
use servo_media::streams::MediaStreamType;

use super::constraints::constraints_of;
use crate::dom::bindings::codegen::Bindings::MediaDevicesBinding::MediaTrackConstraints;
use crate::dom::bindings::refcounted::{Trusted, TrustedPromise};
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::mediastreamtrack::MediaStreamTrack;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::screencapture::overconstrainederror::OverconstrainedError;

/// A call of `applyConstraints()` whose promise is not settled.
struct Application {
    number: u64,
    promise: TrustedPromise,
    constraints: Constraints,
    /// The selected settings, unless there were none.
    settings: TrackSettings,
    /// The size of the surface that they were selected for.
    surface: Option<Size2D<u32, MonitorPixel>>,
    /// `None` while the service has not answered.
    outcome: Option<Result<(), Overconstrained>>,
}

/// A track's calls of `applyConstraints()`, in their order. It ends with the
/// service's answers, one for each request.
#[derive(Default)]
pub(crate) struct Applications {
    queue: RefCell<VecDeque<Application>>,
    last: Cell<u64>,
}

impl Applications {
    fn next_number(&self) -> u64 {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }

    /// Whether the promise of a call is not settled.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.queue.borrow().is_empty()
    }

    fn answer(&self, number: u64, outcome: Result<(), Overconstrained>) {
        let mut queue = self.queue.borrow_mut();
        let waiting = |application: &&mut Application| application.number == number;
        if let Some(application) = queue.iter_mut().find(waiting) {
            application.outcome = Some(outcome);
        }
    }

    /// The first call if it can be settled: calls are settled in their order.
    fn next_answered(&self) -> Option<(Application, Result<(), Overconstrained>)> {
        let mut queue = self.queue.borrow_mut();
        let outcome = queue.front_mut()?.outcome.take()?;
        queue.pop_front().map(|application| (application, outcome))
    }
}

/// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-applyconstraints>
pub(crate) fn apply_constraints(
    track: &MediaStreamTrack,
    cx: &mut CurrentRealm,
    dictionary: &MediaTrackConstraints,
) -> RootedPromise {
    // Step 1 is `track`.
    let state = track.capture();
    let promise = Promise::new_in_realm(cx);
    // Step 2. Nothing applies to an ended track.
    if state.is_ended() {
        promise.resolve_native(cx, &());
        return promise;
    }

    // Step 3. The template method
    // (<https://w3c.github.io/mediacapture-main/#dfn-applyconstraints-template-method>);
    // its steps 1 to 3 are `track`, `dictionary` and `promise`.
    let constraints = constraints_of(dictionary);
    // Step 4.1. ApplyConstraints
    // (<https://w3c.github.io/mediacapture-main/#dfn-applyconstraints-algorithm>),
    // steps 1 and 2: selects settings, here and at once.
    let capabilities = state.capabilities();
    let selected = match &capabilities {
        Some(surface) => select_settings(&surface.candidates(), &constraints),
        // Servo's own sources: nothing of them can be set.
        None => {
            let fixed = FixedCandidates {
                kind: kind_of(track),
                settings: state.current_settings(),
            };
            select_settings(&fixed, &constraints)
        }
    };
    let number = state.applications().next_number();
    let (settings, outcome) = match selected {
        Ok(settings) => {
            // Step 3: the service makes frames of the new format. Its answer
            // resumes at step 4.2 of the template method.
            let format = capabilities
                .as_ref()
                .map(|surface| surface.format(&settings));
            let outcome = match format {
                Some(format) => match configure(track, number, format) {
                    Ok(()) => None,
                    Err(error) => Some(Err(refusal(&format!("{error:?}")))),
                },
                None => Some(Ok(())),
            };
            (settings, outcome)
        }
        Err(error) => (TrackSettings::default(), Some(Err(error))),
    };
    let is_answered = outcome.is_some();
    let application = Application {
        number,
        promise: TrustedPromise::from(&promise),
        constraints,
        settings,
        surface: capabilities.map(|surface| surface.size),
        outcome,
    };
    state
        .applications()
        .queue
        .borrow_mut()
        .push_back(application);
    if is_answered {
        let trusted = Trusted::new(track);
        track
            .global()
            .task_manager()
            .media_element_task_source()
            .queue(task!(apply_constraints: move |cx| {
                settle(&trusted.root(), cx);
            }));
    }
    // Step 5.
    promise
}

fn kind_of(track: &MediaStreamTrack) -> TrackKind {
    match track.ty() {
        MediaStreamType::Audio => TrackKind::Audio,
        MediaStreamType::Video => TrackKind::Video,
    }
}

fn refusal(reason: &str) -> Overconstrained {
    Overconstrained {
        constraint: String::new(),
        message: format!("the settings cannot be applied: {reason}"),
    }
}

/// Asks the service for another format; its answer settles the call of this
/// number.
///
/// # Errors
/// When the service is gone, or the track has no source any more.
fn configure(track: &MediaStreamTrack, number: u64, format: FrameFormat) -> Result<(), SendError> {
    let tasks = track
        .global()
        .task_manager()
        .media_element_task_source()
        .to_sendable();
    let trusted = Trusted::new(track);
    let reply = GenericCallback::new(move |reply| {
        let outcome = match reply {
            Ok(ConfigureReply(Ok(_))) => Ok(()),
            Ok(ConfigureReply(Err(error))) => Err(refusal(&error.to_string())),
            Err(error) => Err(refusal(&format!("{error:?}"))),
        };
        let trusted = trusted.clone();
        tasks.queue(task!(constraints_applied: move |cx| {
            let track = trusted.root();
            track.capture().applications().answer(number, outcome);
            settle(&track, cx);
        }));
    })?;
    send_format(track, format, reply)
}

fn send_format(
    track: &MediaStreamTrack,
    format: FrameFormat,
    reply: GenericCallback<ConfigureReply>,
) -> Result<(), SendError> {
    let Some((client, source)) = track.capture().source() else {
        return Err(SendError::Disconnected);
    };
    client.send(CaptureRequest::Configure {
        source,
        format,
        reply,
    })
}

/// Has frames made as the present settings say: after the surface has changed,
/// or for a clone.
pub(crate) fn reconfigure(track: &MediaStreamTrack) {
    let state = track.capture();
    let Some(surface) = state.capabilities() else {
        return;
    };
    let format = surface.format(&state.current_settings());
    let id = track.id().id();
    let sent = GenericCallback::new(move |reply| match reply {
        Ok(ConfigureReply(Ok(_))) => {}
        // The surface has changed again, and another request is on its way, or
        // the source is over.
        Ok(ConfigureReply(Err(error))) => debug!("track {id} keeps its format: {error}"),
        Err(error) => warn!("track {id} got what is no answer: {error:?}"),
    })
    .and_then(|reply| send_format(track, format, reply));
    if let Err(error) = sent {
        warn!("track {id} could not be configured: {error:?}");
    }
}

/// Settles the calls that are answered, in their order: steps 4.2 and 4.3 of the
/// template method.
fn settle(track: &MediaStreamTrack, cx: &mut JSContext) {
    let state = track.capture();
    while let Some((application, outcome)) = state.applications().next_answered() {
        let promise = application.promise.root(cx);
        match outcome {
            // Not in the spec: a track that has ended meanwhile is treated like
            // one that had ended before.
            _ if state.is_ended() => promise.resolve_native(cx, &()),
            // Step 4.3.1. Constraints and settings stay as they were.
            Err(error) => {
                let message =
                    format!("Failed to execute 'applyConstraints' on 'MediaStreamTrack': {error}.");
                let global = track.global();
                let exception = OverconstrainedError::new(
                    cx,
                    global.as_window(),
                    error.constraint.into(),
                    message.into(),
                );
                promise.reject_native(cx, &exception);
            }
            Ok(()) => {
                // Steps 4.3.2 and 4.3.3.
                state.set_constraints(application.constraints);
                let surface = state.capabilities().map(|surface| surface.size);
                if surface == application.surface {
                    state.set_current_settings(application.settings);
                } else {
                    // The surface has changed since they were selected.
                    state.reselect();
                    reconfigure(track);
                }
                // Step 4.3.4.
                promise.resolve_native(cx, &());
            }
        }
    }
}
