/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `MediaDevices.getAllScreensMedia()`.

use js::context::JSContext;
use js::realm::CurrentRealm;
use servo_capture_traits::permissions_policy::Feature;
use servo_capture_traits::{AllScreensReply, CaptureError, CaptureRequest, GrantedSource};
use servo_media::streams::registry::MediaStreamId;

use super::documentpolicy::{disabled, is_allowed_to_use};
use super::errors::all_screens_exception;
use super::screens::screen_of;
use crate::ScriptThread;
use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::mediadevices::MediaDevices;
use crate::dom::mediastream::MediaStream;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::screencapture::screencapturemediastreamtrack::ScreenCaptureMediaStreamTrack;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

/// <https://screen-share.github.io/capture-all-screens/#dom-mediadevices-getallscreensmedia>
pub(crate) fn get_all_screens_media(
    devices: &MediaDevices,
    cx: &mut CurrentRealm,
) -> RootedPromise {
    // Step 1. The promise that the page gets, whatever happens.
    let promise = Promise::new_in_realm(cx);
    let global = devices.global();

    // Not in this draft's steps, but in those of every method of MediaDevices:
    // a document that is not fully active captures nothing.
    if !global.as_window().Document().is_fully_active() {
        let error = all_screens_exception(&CaptureError::DocumentInactive);
        promise.reject_error(cx, error);
        return promise;
    }
    // Nor does one that the permissions policy does not allow to.
    let document = global.as_window().Document();
    if !is_allowed_to_use(&document, Feature::AllScreensCapture) {
        let reason = disabled(Feature::AllScreensCapture);
        let message = format!("Failed to execute 'getAllScreensMedia' on 'MediaDevices': {reason}");
        promise.reject_error(cx, Error::NotAllowed(Some(message)));
        return promise;
    }

    // Step 2. In parallel: the service goes through steps 2.1 to 2.4, and
    // `handle_response` resumes at step 2.5.
    let reply = callback_promise(
        &promise,
        devices,
        global.task_manager().dom_manipulation_task_source(),
    );
    let request = CaptureRequest::AllScreens {
        pipeline: global.pipeline_id(),
        origin: global
            .origin()
            .immutable()
            .ascii_serialization()
            .to_string(),
        reply,
    };
    let sent = ScriptThread::capture().map(|client| client.send(request));
    if !matches!(sent, Some(Ok(()))) {
        let error = CaptureError::Aborted("the capture service is gone".to_owned());
        promise.reject_error(cx, all_screens_exception(&error));
    }

    // Step 3.
    promise
}

impl RoutedPromiseListener<crate::DomTypeHolder, AllScreensReply> for MediaDevices {
    fn handle_response(&self, cx: &mut JSContext, reply: AllScreensReply, promise: &RootedPromise) {
        match reply.0 {
            // Steps 2.1 to 2.3: rejected.
            Err(error) => promise.reject_error(cx, all_screens_exception(&error)),
            // Steps 2.4 and 2.5: a stream for each monitor.
            Ok(sources) => {
                let global = self.global();
                let mut streams = Vec::with_capacity(sources.len());
                for source in sources {
                    streams.push(stream_of(cx, &global, source));
                }
                promise.resolve_native(cx, &streams);
            }
        }
    }
}

/// A stream with exactly one video track, whose source never changes.
fn stream_of(
    cx: &mut JSContext,
    global: &GlobalScope,
    granted: GrantedSource,
) -> DomRoot<MediaStream> {
    let (id, info) = (granted.screen_id, granted.screen.clone());
    let screen = screen_of(cx, global.as_window(), id, info.clone());
    screen.changed(cx, info);
    let track = ScreenCaptureMediaStreamTrack::new(cx, global, MediaStreamId::new(), &screen);
    track.attach(global, granted);
    let stream = MediaStream::new(cx, global);
    stream.add_track(track.upcast());
    stream
}
