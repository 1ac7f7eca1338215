/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://screen-share.github.io/capture-all-screens/#screencapturemediastreamtrack>

use std::rc::Rc;

use dom_struct::dom_struct;
use js::context::JSContext;
use script_bindings::reflector::reflect_weak_referenceable_dom_object;
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::constraints::SurfaceCapabilities;
use servo_capture_traits::{
    CaptureClient, CaptureRequest, GrantedSource, ScreenInfo, SourceEvent, SourceId, SourceSettings,
};
use servo_media::streams::MediaStreamType;
use servo_media::streams::registry::MediaStreamId;
use stylo_atoms::Atom;
use uuid::Uuid;

use super::applyconstraints::reconfigure;
use super::sink;
use super::trackstate::{SourceHandle, TrackRegistration};
use crate::ScriptThread;
use crate::dom::bindings::codegen::Bindings::ScreenCaptureMediaStreamTrackBinding::ScreenCaptureMediaStreamTrackMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
use crate::dom::mediastreamtrack::MediaStreamTrack;
use crate::dom::screencapture::screendetailed::ScreenDetailed;

#[dom_struct]
pub(crate) struct ScreenCaptureMediaStreamTrack {
    mediastreamtrack: MediaStreamTrack,
    /// The captured monitor; the same object for every clone.
    screen: Dom<ScreenDetailed>,
}

impl ScreenCaptureMediaStreamTrack {
    /// A track without a source yet.
    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        id: MediaStreamId,
        screen: &ScreenDetailed,
    ) -> DomRoot<Self> {
        reflect_weak_referenceable_dom_object(
            cx,
            Rc::new(Self {
                mediastreamtrack: MediaStreamTrack::new_inherited(id, MediaStreamType::Video),
                screen: Dom::from_ref(screen),
            }),
            global,
        )
    }

    fn track(&self) -> &MediaStreamTrack {
        self.upcast()
    }

    /// Takes the source that the service granted.
    pub(crate) fn attach(&self, global: &GlobalScope, granted: GrantedSource) {
        let Some(client) = ScriptThread::capture() else {
            self.track().capture().stop();
            return;
        };
        let GrantedSource {
            source,
            screen,
            screen_id: _,
            settings,
            device_id,
        } = granted;
        // A monitor belongs to no device with another source.
        let group_id = Uuid::new_v4().to_string();
        self.begin(
            global,
            client,
            source,
            |sink| CaptureRequest::Attach { source, sink },
            screen.label,
            SurfaceCapabilities::new(&settings, device_id, group_id),
        );
    }

    /// <https://w3c.github.io/mediacapture-main/#track-clone>
    pub(crate) fn clone_track(&self, cx: &mut JSContext, global: &GlobalScope) -> DomRoot<Self> {
        let clone = Self::new(cx, global, MediaStreamId::new(), &self.screen);
        let state = self.track().capture();
        match (state.source(), state.capabilities()) {
            (Some((client, source)), Some(capabilities)) => {
                let id = SourceId::random();
                let request = |sink| CaptureRequest::Clone {
                    source,
                    clone: id,
                    sink,
                };
                clone.begin(global, client, id, request, state.label(), capabilities);
            }
            // The clone of an ended track has ended, and a player that is given
            // it must see so.
            _ => clone
                .track()
                .capture()
                .stop_registered(clone.track().id().id()),
        }
        clone.track().capture().copy_from(state);
        // The service gives a clone the format of its original. While a call of
        // `applyConstraints()` waits, that may already be of other settings.
        if state.applications().is_waiting() {
            reconfigure(clone.track());
        }
        clone
    }

    fn begin(
        &self,
        global: &GlobalScope,
        client: CaptureClient,
        source: SourceId,
        request: impl FnOnce(GenericCallback<SourceEvent>) -> CaptureRequest,
        label: String,
        capabilities: SurfaceCapabilities,
    ) {
        let state = self.track().capture();
        let (registration, bus) = TrackRegistration::new(self.track().id().id());
        let handle = SourceHandle {
            client: client.clone(),
            source,
            bus: bus.clone(),
        };
        state.begin(label, capabilities, registration, handle);
        sink::watch(source, self);
        let sent = sink::new_sink(global, client.clone(), source, bus)
            .and_then(|sink| client.send(request(sink)));
        if let Err(error) = sent {
            warn!("{source} could not be attached: {error:?}");
            state.stop();
        }
    }

    /// The monitor moved or changed its mode.
    pub(crate) fn source_changed(
        &self,
        cx: &mut JSContext,
        screen: ScreenInfo,
        settings: SourceSettings,
    ) {
        let must_configure = self.track().capture().source_changed(&screen, &settings);
        if must_configure {
            reconfigure(self.track());
        }
        self.screen.changed(cx, screen);
    }

    /// <https://w3c.github.io/mediacapture-main/#set-track-muted>
    pub(crate) fn source_muted(&self, cx: &mut JSContext, muted: bool) {
        if self.track().capture().set_muted(muted) {
            let event = if muted { "mute" } else { "unmute" };
            self.upcast::<EventTarget>()
                .fire_event(cx, Atom::from(event));
        }
    }

    /// <https://w3c.github.io/mediacapture-main/#ends-nostop>: the source is
    /// over for another reason than `stop()`.
    pub(crate) fn source_ended(&self, cx: &mut JSContext) {
        // Steps 1 to 3.
        if self.track().capture().stop() {
            // Step 4.
            self.upcast::<EventTarget>().fire_event(cx, atom!("ended"));
        }
    }
}

impl ScreenCaptureMediaStreamTrackMethods<crate::DomTypeHolder> for ScreenCaptureMediaStreamTrack {
    /// <https://screen-share.github.io/capture-all-screens/#dom-screencapturemediastreamtrack-screendetailed>
    fn ScreenDetailed(&self) -> DomRoot<ScreenDetailed> {
        DomRoot::from_ref(&self.screen)
    }
}
