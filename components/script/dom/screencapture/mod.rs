/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Screen capture in the DOM
//! (<https://screen-share.github.io/capture-all-screens/>).
//!
//! Arguments are converted here, the synchronous checks run here and promises
//! are kept here. Decisions are the capture service's.
//!
//! The macros are spliced into the `impl` blocks of Servo's own interfaces, one
//! line each, because a trait's implementation is one block.

pub(crate) mod allscreens;
pub(crate) mod errors;
pub(crate) mod exposure;
pub(crate) mod screencapturemediastreamtrack;
pub(crate) mod screendetailed;
pub(crate) mod sink;
pub(crate) mod tracks;
pub(crate) mod trackstate;

/// Members of `MediaDevices` (webidls/AllScreensCapture.webidl).
macro_rules! media_devices_methods {
    () => {
        /// <https://screen-share.github.io/capture-all-screens/#dom-mediadevices-getallscreensmedia>
        fn GetAllScreensMedia(
            &self,
            cx: &mut js::realm::CurrentRealm,
        ) -> crate::dom::promise::RootedPromise {
            crate::dom::screencapture::allscreens::get_all_screens_media(self, cx)
        }
    };
}
pub(crate) use media_devices_methods;

/// Members of `MediaStreamTrack` (webidls/CaptureMediaStreamTrack.webidl).
macro_rules! media_stream_track_methods {
    () => {
        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-label>
        fn Label(&self) -> DOMString {
            self.capture().label().into()
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-enabled>
        fn Enabled(&self) -> bool {
            self.capture().is_enabled()
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-enabled>
        fn SetEnabled(&self, value: bool) {
            self.capture().set_enabled(value);
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-muted>
        fn Muted(&self) -> bool {
            self.capture().is_muted()
        }

        // https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-onmute
        event_handler!(mute, GetOnmute, SetOnmute);

        // https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-onunmute
        event_handler!(unmute, GetOnunmute, SetOnunmute);

        // https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-onended
        event_handler!(ended, GetOnended, SetOnended);

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-readystate>
        fn ReadyState(
            &self,
        ) -> crate::dom::bindings::codegen::Bindings::CaptureMediaStreamTrackBinding::MediaStreamTrackState
        {
            self.capture().ready_state()
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-stop>
        fn Stop(&self) {
            self.capture().stop();
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-constrainablepattern-getsettings>
        fn GetSettings(
            &self,
        ) -> crate::dom::bindings::codegen::Bindings::CaptureMediaStreamTrackBinding::MediaTrackSettings
        {
            self.capture().settings()
        }
    };
}
pub(crate) use media_stream_track_methods;

/// Members of `MediaStream` (webidls/CaptureMediaStream.webidl).
macro_rules! media_stream_methods {
    () => {
        /// <https://w3c.github.io/mediacapture-main/#dom-mediastream-id>
        fn Id(&self) -> DOMString {
            self.stream_id.id().to_string().into()
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastream-active>
        fn Active(&self) -> bool {
            let tracks = self.tracks.borrow();
            tracks.iter().any(|track| !track.capture().is_ended())
        }
    };
}
pub(crate) use media_stream_methods;
