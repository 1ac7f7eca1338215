/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://screen-share.github.io/capture-all-screens/#screencapturemediastreamtrack>

use std::rc::Rc;

use dom_struct::dom_struct;
use js::context::JSContext;
use script_bindings::reflector::reflect_weak_referenceable_dom_object;
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::{
    CaptureClient, CaptureRequest, GrantedSource, ScreenInfo, SourceEvent, SourceId, SourceSettings,
};
use servo_media::streams::MediaStreamType;
use servo_media::streams::registry::MediaStreamId;
use stylo_atoms::Atom;

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
            settings,
            device_id,
        } = granted;
        self.begin(
            global,
            client,
            source,
            |sink| CaptureRequest::Attach { source, sink },
            (screen.label, settings, device_id),
        );
    }

    /// <https://w3c.github.io/mediacapture-main/#track-clone>
    pub(crate) fn clone_track(&self, cx: &mut JSContext, global: &GlobalScope) -> DomRoot<Self> {
        let clone = Self::new(cx, global, MediaStreamId::new(), &self.screen);
        let state = self.track().capture();
        match (state.source(), state.source_settings()) {
            (Some((client, source)), Some(settings)) => {
                let id = SourceId::random();
                let request = |sink| CaptureRequest::Clone {
                    source,
                    clone: id,
                    sink,
                };
                let about = (state.label(), settings, state.device_id());
                clone.begin(global, client, id, request, about);
            }
            // The clone of an ended track has ended, and a player that is given
            // it must see so.
            _ => clone
                .track()
                .capture()
                .stop_registered(clone.track().id().id()),
        }
        clone.track().capture().copy_from(state);
        clone
    }

    fn begin(
        &self,
        global: &GlobalScope,
        client: CaptureClient,
        source: SourceId,
        request: impl FnOnce(GenericCallback<SourceEvent>) -> CaptureRequest,
        (label, settings, device_id): (String, SourceSettings, String),
    ) {
        let state = self.track().capture();
        let (registration, bus) = TrackRegistration::new(self.track().id().id());
        let handle = SourceHandle {
            client: client.clone(),
            source,
            bus: bus.clone(),
        };
        state.begin(label, settings, device_id, registration, handle);
        sink::watch(source, self);
        let sent = sink::new_sink(global, client.clone(), source, bus)
            .and_then(|sink| client.send(request(sink)));
        if let Err(error) = sent {
            warn!("{source} could not be attached: {error:?}");
            state.stop();
        }
    }

    /// The monitor moved or changed its mode.
    pub(crate) fn source_changed(&self, screen: ScreenInfo, settings: SourceSettings) {
        self.screen.update(screen);
        self.track().capture().set_source_settings(settings);
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
