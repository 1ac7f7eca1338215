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
pub(crate) mod applyconstraints;
pub(crate) mod constraints;
pub(crate) mod documentpolicy;
pub(crate) mod errors;
pub(crate) mod exposure;
pub(crate) mod mediastreamtrackevent;
pub(crate) mod overconstrainederror;
pub(crate) mod permissionspolicy;
pub(crate) mod presentation;
pub(crate) mod screencapturemediastreamtrack;
pub(crate) mod screendetailed;
pub(crate) mod screendetails;
pub(crate) mod screens;
pub(crate) mod sink;
pub(crate) mod streamelement;
pub(crate) mod streamstate;
pub(crate) mod tracks;
pub(crate) mod trackstate;
pub(crate) mod usermedia;
pub(crate) mod videoframecallbacks;
pub(crate) mod videosnapshot;

/// Members of `MediaDevices` (webidls/AllScreensCapture.webidl and
/// MediaTrackConstraints.webidl).
macro_rules! media_devices_methods {
    () => {
        /// <https://w3c.github.io/mediacapture-main/#dom-mediadevices-getsupportedconstraints>
        fn GetSupportedConstraints(
            &self,
        ) -> crate::dom::bindings::codegen::Bindings::MediaTrackConstraintsBinding::MediaTrackSupportedConstraints
        {
            crate::dom::screencapture::constraints::supported_constraints()
        }

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

/// Members of `MediaStreamTrack` (webidls/CaptureMediaStreamTrack.webidl and
/// MediaTrackConstraints.webidl).
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

        /// <https://w3c.github.io/mediacapture-main/#dom-constrainablepattern-getcapabilities>
        fn GetCapabilities(
            &self,
        ) -> crate::dom::bindings::codegen::Bindings::MediaTrackConstraintsBinding::MediaTrackCapabilities
        {
            match self.capture().capabilities() {
                Some(surface) => {
                    crate::dom::screencapture::constraints::capabilities_dictionary(&surface)
                }
                None => crate::dom::screencapture::constraints::fixed_capabilities_dictionary(
                    &self.capture().current_settings(),
                ),
            }
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-constrainablepattern-getconstraints>
        fn GetConstraints(
            &self,
        ) -> crate::dom::bindings::codegen::Bindings::MediaDevicesBinding::MediaTrackConstraints
        {
            crate::dom::screencapture::constraints::constraints_dictionary(&self.capture().constraints())
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-getsettings>
        fn GetSettings(
            &self,
        ) -> crate::dom::bindings::codegen::Bindings::CaptureMediaStreamTrackBinding::MediaTrackSettings
        {
            crate::dom::screencapture::constraints::settings_dictionary(&self.capture().settings())
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-applyconstraints>
        fn ApplyConstraints(
            &self,
            cx: &mut js::realm::CurrentRealm,
            constraints: &crate::dom::bindings::codegen::Bindings::MediaDevicesBinding::MediaTrackConstraints,
        ) -> crate::dom::promise::RootedPromise {
            crate::dom::screencapture::applyconstraints::apply_constraints(self, cx, constraints)
        }

        /// <https://w3c.github.io/mst-content-hint/#dom-mediastreamtrack-contenthint>
        fn ContentHint(&self) -> DOMString {
            self.capture().content_hint().into()
        }

        /// <https://w3c.github.io/mst-content-hint/#dom-mediastreamtrack-contenthint>
        fn SetContentHint(&self, value: DOMString) {
            self.capture().set_content_hint(self.ty, value.to_string());
        }
    };
}
pub(crate) use media_stream_track_methods;

/// Members of `MediaStream` (webidls/CaptureMediaStream.webidl).
macro_rules! media_stream_methods {
    () => {
        /// <https://w3c.github.io/mediacapture-main/#dom-mediastream-id>
        fn Id(&self) -> DOMString {
            self.state.id().id().to_string().into()
        }

        /// <https://w3c.github.io/mediacapture-main/#dom-mediastream-active>
        fn Active(&self) -> bool {
            let tracks = self.tracks.borrow();
            tracks.iter().any(|track| !track.capture().is_ended())
        }

        // https://w3c.github.io/mediacapture-main/#dom-mediastream-onaddtrack
        event_handler!(addtrack, GetOnaddtrack, SetOnaddtrack);

        // https://w3c.github.io/mediacapture-main/#dom-mediastream-onremovetrack
        event_handler!(removetrack, GetOnremovetrack, SetOnremovetrack);
    };
}
pub(crate) use media_stream_methods;

/// Members of `HTMLVideoElement` (webidls/VideoFrameCallback.webidl).
macro_rules! html_video_element_methods {
    () => {
        /// <https://wicg.github.io/video-rvfc/#dom-htmlvideoelement-requestvideoframecallback>
        fn RequestVideoFrameCallback(
            &self,
            callback: script_bindings::callback::RootedCallback<
                crate::dom::bindings::codegen::Bindings::VideoFrameCallbackBinding::VideoFrameRequestCallback,
            >,
        ) -> u32 {
            crate::dom::screencapture::videoframecallbacks::request_video_frame_callback(self, callback)
        }

        /// <https://wicg.github.io/video-rvfc/#dom-htmlvideoelement-cancelvideoframecallback>
        fn CancelVideoFrameCallback(&self, handle: u32) {
            crate::dom::screencapture::videoframecallbacks::cancel_video_frame_callback(self, handle);
        }
    };
}
pub(crate) use html_video_element_methods;

/// Members of `Document` (webidls/PermissionsPolicy.webidl).
macro_rules! document_methods {
    () => {
        /// <https://w3c.github.io/webappsec-permissions-policy/#dom-document-permissionspolicy>
        fn PermissionsPolicy(
            &self,
            cx: &mut JSContext,
        ) -> DomRoot<crate::dom::permissionspolicy::PermissionsPolicy> {
            self.permissions_policy.object(cx, self)
        }

        /// The name under which `permissionsPolicy` is shipped.
        fn FeaturePolicy(
            &self,
            cx: &mut JSContext,
        ) -> DomRoot<crate::dom::permissionspolicy::PermissionsPolicy> {
            self.permissions_policy.object(cx, self)
        }
    };
}
pub(crate) use document_methods;

/// Members of `HTMLIFrameElement` (webidls/PermissionsPolicy.webidl).
macro_rules! html_iframe_element_methods {
    () => {
        /// <https://html.spec.whatwg.org/multipage/#dom-iframe-allow>
        fn Allow(&self) -> DOMString {
            self.upcast::<Element>()
                .get_string_attribute(&LocalName::from("allow"))
        }

        /// <https://html.spec.whatwg.org/multipage/#dom-iframe-allow>
        fn SetAllow(&self, cx: &mut JSContext, value: DOMString) {
            self.upcast::<Element>()
                .set_string_attribute(cx, &LocalName::from("allow"), value);
        }

        /// <https://w3c.github.io/webappsec-permissions-policy/#dom-htmliframeelement-permissionspolicy>
        fn PermissionsPolicy(
            &self,
            cx: &mut JSContext,
        ) -> DomRoot<crate::dom::permissionspolicy::PermissionsPolicy> {
            self.policy_object.get(cx, self.upcast())
        }

        /// The name under which `permissionsPolicy` is shipped.
        fn FeaturePolicy(
            &self,
            cx: &mut JSContext,
        ) -> DomRoot<crate::dom::permissionspolicy::PermissionsPolicy> {
            self.policy_object.get(cx, self.upcast())
        }
    };
}
pub(crate) use html_iframe_element_methods;

/// Members of `Window` (webidls/ScreenDetails.webidl).
macro_rules! window_methods {
    () => {
        /// <https://w3c.github.io/window-management/#dom-window-getscreendetails>
        fn GetScreenDetails(
            &self,
            cx: &mut js::realm::CurrentRealm,
        ) -> crate::dom::promise::RootedPromise {
            crate::dom::screencapture::screens::get_screen_details(self, cx)
        }
    };
}
pub(crate) use window_methods;

/// Members of `Screen` (webidls/ScreenDetails.webidl).
macro_rules! screen_methods {
    () => {
        /// <https://w3c.github.io/window-management/#dom-screen-isextended>
        fn IsExtended(&self) -> bool {
            crate::dom::screencapture::screens::is_extended(self)
        }

        // https://w3c.github.io/window-management/#dom-screen-onchange
        event_handler!(change, GetOnchange, SetOnchange);
    };
}
pub(crate) use screen_methods;
