/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/mediacapture-main/#mediastreamtrackevent>

use dom_struct::dom_struct;
use js::context::JSContext;
use js::rust::HandleObject;
use script_bindings::reflector::reflect_dom_object_with_proto;
use stylo_atoms::Atom;

use crate::dom::bindings::codegen::Bindings::EventBinding::Event_Binding::EventMethods;
use crate::dom::bindings::codegen::Bindings::MediaStreamTrackEventBinding::{
    MediaStreamTrackEventInit, MediaStreamTrackEventMethods,
};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::bindings::str::DOMString;
use crate::dom::event::Event;
use crate::dom::mediastreamtrack::MediaStreamTrack;
use crate::dom::window::Window;

/// What `addtrack` and `removetrack` at a `MediaStream` are. They are fired only for
/// changes that the user agent makes, and Servo makes none: its remote tracks
/// come alone, with `RTCTrackEvent`. So this one is made by pages only.
#[dom_struct]
pub(crate) struct MediaStreamTrackEvent {
    event: Event,
    track: Dom<MediaStreamTrack>,
}

impl MediaStreamTrackEventMethods<crate::DomTypeHolder> for MediaStreamTrackEvent {
    /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrackevent-constructor>
    fn Constructor(
        cx: &mut JSContext,
        window: &Window,
        proto: Option<HandleObject>,
        type_: DOMString,
        init: &MediaStreamTrackEventInit,
    ) -> DomRoot<MediaStreamTrackEvent> {
        let this = reflect_dom_object_with_proto(
            cx,
            Box::new(Self {
                event: Event::new_inherited(),
                track: Dom::from_ref(&*init.track),
            }),
            window,
            proto,
        );
        this.upcast::<Event>().init_event(
            Atom::from(type_),
            init.parent.bubbles,
            init.parent.cancelable,
        );
        this
    }

    /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrackevent-track>
    fn Track(&self) -> DomRoot<MediaStreamTrack> {
        DomRoot::from_ref(&*self.track)
    }

    /// <https://dom.spec.whatwg.org/#dom-event-istrusted>
    fn IsTrusted(&self) -> bool {
        self.event.IsTrusted()
    }
}
