/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/mediacapture-main/#overconstrainederror-interface>

use dom_struct::dom_struct;
use js::context::JSContext;
use js::rust::HandleObject;
use script_bindings::reflector::reflect_dom_object_with_proto;

use crate::dom::bindings::codegen::Bindings::OverconstrainedErrorBinding::OverconstrainedErrorMethods;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::domexception::DOMException;
use crate::dom::window::Window;

#[dom_struct]
pub(crate) struct OverconstrainedError {
    exception: DOMException,
    constraint: DOMString,
}

impl OverconstrainedError {
    pub(crate) fn new(
        cx: &mut JSContext,
        window: &Window,
        constraint: DOMString,
        message: DOMString,
    ) -> DomRoot<Self> {
        Self::new_with_proto(cx, window, None, constraint, message)
    }

    fn new_with_proto(
        cx: &mut JSContext,
        window: &Window,
        proto: Option<HandleObject>,
        constraint: DOMString,
        message: DOMString,
    ) -> DomRoot<Self> {
        let name = DOMString::from_static("OverconstrainedError");
        reflect_dom_object_with_proto(
            cx,
            Box::new(Self {
                exception: DOMException::new_inherited(message, name),
                constraint,
            }),
            window,
            proto,
        )
    }
}

impl OverconstrainedErrorMethods<crate::DomTypeHolder> for OverconstrainedError {
    /// <https://w3c.github.io/mediacapture-main/#dom-overconstrainederror-constructor>
    fn Constructor(
        cx: &mut JSContext,
        window: &Window,
        proto: Option<HandleObject>,
        constraint: DOMString,
        message: DOMString,
    ) -> DomRoot<Self> {
        Self::new_with_proto(cx, window, proto, constraint, message)
    }

    /// <https://w3c.github.io/mediacapture-main/#dom-overconstrainederror-constraint>
    fn Constraint(&self) -> DOMString {
        self.constraint.clone()
    }
}
