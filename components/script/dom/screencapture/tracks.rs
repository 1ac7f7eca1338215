/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Cloning tracks.

use js::context::JSContext;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::mediastreamtrack::MediaStreamTrack;
use crate::dom::screencapture::screencapturemediastreamtrack::ScreenCaptureMediaStreamTrack;

/// <https://w3c.github.io/mediacapture-main/#track-clone>
pub(crate) fn clone_track(
    cx: &mut JSContext,
    global: &GlobalScope,
    track: &MediaStreamTrack,
) -> DomRoot<MediaStreamTrack> {
    if let Some(capture) = track.downcast::<ScreenCaptureMediaStreamTrack>() {
        return DomRoot::upcast(capture.clone_track(cx, global));
    }
    // Servo's camera and microphone tracks share their stream.
    let clone = MediaStreamTrack::new(cx, global, track.id(), track.ty());
    clone.capture().set_id_of_clone();
    clone.capture().copy_from(track.capture());
    clone
}
