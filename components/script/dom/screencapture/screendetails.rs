/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/window-management/#api-screendetails-interface>

use dom_struct::dom_struct;
use js::context::JSContext;
use js::rust::MutableHandleValue;
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::reflect_dom_object;
use servo_capture_traits::ScreenList;
use stylo_atoms::Atom;

use super::screens::screen_of;
use crate::dom::bindings::codegen::Bindings::ScreenDetailsBinding::ScreenDetailsMethods;
use crate::dom::bindings::frozenarray::CachedFrozenArray;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::eventtarget::EventTarget;
use crate::dom::screencapture::screendetailed::ScreenDetailed;
use crate::dom::window::Window;

#[dom_struct]
pub(crate) struct ScreenDetails {
    eventtarget: EventTarget,
    /// By position; at least one.
    screens: DomRefCell<Vec<Dom<ScreenDetailed>>>,
    /// One of them.
    current: DomRefCell<Dom<ScreenDetailed>>,
    #[ignore_malloc_size_of = "a JavaScript object"]
    frozen_screens: CachedFrozenArray,
}

/// The events that a list of screens is a reason for. All objects show the new
/// values before the first of them is fired.
pub(crate) struct Changes {
    details: DomRoot<ScreenDetails>,
    /// Screens came or went.
    set: bool,
    /// Another screen is the current one, or it changed.
    current: bool,
    /// What changed and was there before.
    screens: Vec<DomRoot<ScreenDetailed>>,
}

impl ScreenDetails {
    /// The object for a list, which has at least one screen.
    pub(crate) fn new(
        cx: &mut JSContext,
        window: &Window,
        list: &ScreenList,
    ) -> Option<DomRoot<Self>> {
        let screens: Vec<_> = list
            .screens
            .iter()
            .map(|(id, info)| screen_of(cx, window, *id, info.clone()))
            .collect();
        let current = screens.iter().find(|screen| screen.id() == list.current)?;
        Some(reflect_dom_object(
            cx,
            Box::new(Self {
                eventtarget: EventTarget::new_inherited(),
                current: DomRefCell::new(Dom::from_ref(current)),
                screens: DomRefCell::new(
                    screens
                        .iter()
                        .map(|screen| Dom::from_ref(&**screen))
                        .collect(),
                ),
                frozen_screens: CachedFrozenArray::new(),
            }),
            window,
        ))
    }

    fn screens(&self) -> Vec<DomRoot<ScreenDetailed>> {
        let screens = self.screens.borrow();
        screens
            .iter()
            .map(|screen| DomRoot::from_ref(&**screen))
            .collect()
    }

    /// Takes new values, and says which events are due for them.
    pub(crate) fn take(&self, cx: &mut JSContext, list: &ScreenList) -> Changes {
        let global = self.global();
        let before = self.screens();
        let mut changed = Vec::new();
        let mut now = Vec::with_capacity(list.screens.len());
        for (id, info) in &list.screens {
            let screen = match before.iter().find(|screen| screen.id() == *id) {
                Some(screen) => screen.clone(),
                None => screen_of(cx, global.as_window(), *id, info.clone()),
            };
            if screen.update(info.clone()) {
                changed.push(screen.clone());
            }
            now.push(screen);
        }
        let set = before.len() != now.len() || !before.iter().all(|screen| now.contains(screen));
        if before != now {
            self.frozen_screens.clear();
            *self.screens.borrow_mut() =
                now.iter().map(|screen| Dom::from_ref(&**screen)).collect();
        }
        let mut current = false;
        if let Some(screen) = now.iter().find(|screen| screen.id() == list.current) {
            current = *screen != self.CurrentScreen() || changed.contains(screen);
            *self.current.borrow_mut() = Dom::from_ref(&**screen);
        }
        Changes {
            details: DomRoot::from_ref(self),
            set,
            current,
            screens: changed,
        }
    }
}

impl Changes {
    pub(crate) fn fire(self, cx: &mut JSContext) {
        let details = self.details.upcast::<EventTarget>();
        // https://w3c.github.io/window-management/#api-screendetails-onscreenschange-attribute
        if self.set {
            details.fire_event(cx, Atom::from("screenschange"));
        }
        // https://w3c.github.io/window-management/#api-screendetails-oncurrentscreenchange-attribute
        if self.current {
            details.fire_event(cx, Atom::from("currentscreenchange"));
        }
        // https://w3c.github.io/window-management/#api-screendetailed-onchange-attribute
        for screen in self.screens {
            screen
                .upcast::<EventTarget>()
                .fire_event(cx, atom!("change"));
        }
    }
}

impl ScreenDetailsMethods<crate::DomTypeHolder> for ScreenDetails {
    /// <https://w3c.github.io/window-management/#dom-screendetails-screens>
    fn Screens(&self, cx: &mut JSContext, retval: MutableHandleValue) {
        // Steps 1 to 3: the list comes ordered.
        self.frozen_screens
            .get_or_init(cx, || self.screens(), retval);
    }

    /// <https://w3c.github.io/window-management/#dom-screendetails-currentscreen>
    fn CurrentScreen(&self) -> DomRoot<ScreenDetailed> {
        DomRoot::from_ref(&**self.current.borrow())
    }

    // https://w3c.github.io/window-management/#dom-screendetails-onscreenschange
    event_handler!(screenschange, GetOnscreenschange, SetOnscreenschange);

    // https://w3c.github.io/window-management/#dom-screendetails-oncurrentscreenchange
    event_handler!(
        currentscreenchange,
        GetOncurrentscreenchange,
        SetOncurrentscreenchange
    );
}
