/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/window-management/#api-screendetailed-interface>

use std::rc::Rc;

use dom_struct::dom_struct;
use embedder_traits::ScreenMetrics;
use euclid::Size2D;
use js::context::JSContext;
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::reflect_weak_referenceable_dom_object;
use servo_capture_traits::{ScreenId, ScreenInfo};

use super::screens::{current_screen, is_listed};
use crate::dom::bindings::codegen::Bindings::ScreenDetailedBinding::ScreenDetailedMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::num::Finite;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::eventtarget::EventTarget;
use crate::dom::screen::Screen;
use crate::dom::window::Window;

#[dom_struct]
pub(crate) struct ScreenDetailed {
    screen: Screen,
    #[ignore_malloc_size_of = "plain data"]
    #[no_trace]
    id: ScreenId,
    #[ignore_malloc_size_of = "plain data"]
    #[no_trace]
    info: DomRefCell<ScreenInfo>,
}

impl ScreenDetailed {
    /// Only for `screen_of`: there is one object for each screen.
    pub(super) fn new(
        cx: &mut JSContext,
        window: &Window,
        id: ScreenId,
        info: ScreenInfo,
    ) -> DomRoot<Self> {
        reflect_weak_referenceable_dom_object(
            cx,
            Rc::new(Self {
                screen: Screen::new_inherited(window),
                id,
                info: DomRefCell::new(info),
            }),
            window,
        )
    }

    pub(crate) fn id(&self) -> ScreenId {
        self.id
    }

    /// Takes the screen's present values; tells whether they are others.
    pub(crate) fn update(&self, info: ScreenInfo) -> bool {
        let before = std::mem::replace(&mut *self.info.borrow_mut(), info);
        before != *self.info.borrow()
    }

    /// A capture of the screen tells that it has changed. Where the document is
    /// told of all screens, that has told it, or will.
    pub(crate) fn changed(&self, cx: &mut JSContext, info: ScreenInfo) {
        if !is_listed(self) && self.update(info) {
            self.upcast::<EventTarget>().fire_event(cx, atom!("change"));
        }
    }
}

/// The metrics of a `Screen` as the display server tells them, where it is
/// known: of a `ScreenDetailed`, and of the one that the window is on.
pub(crate) fn known_metrics(screen: &Screen) -> Option<ScreenMetrics> {
    let (screen_size, available_size) = match screen.downcast::<ScreenDetailed>() {
        Some(detailed) => {
            let info = detailed.info.borrow();
            (info.bounds.size, info.available.size)
        }
        None => {
            let current = current_screen(screen)?;
            (current.size, current.available_size)
        }
    };
    Some(ScreenMetrics {
        screen_size: Size2D::from_untyped(screen_size.to_untyped()),
        available_size: Size2D::from_untyped(available_size.to_untyped()),
    })
}

/// The color depth of a `Screen`, where it is known.
pub(crate) fn known_color_depth(screen: &Screen) -> Option<u32> {
    match screen.downcast::<ScreenDetailed>() {
        Some(detailed) => Some(detailed.info.borrow().color_depth),
        None => current_screen(screen).map(|current| current.color_depth),
    }
}

impl ScreenDetailedMethods<crate::DomTypeHolder> for ScreenDetailed {
    /// <https://w3c.github.io/window-management/#dom-screendetailed-availleft>
    fn AvailLeft(&self) -> i32 {
        self.info.borrow().available.min_x()
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-availtop>
    fn AvailTop(&self) -> i32 {
        self.info.borrow().available.min_y()
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-left>
    fn Left(&self) -> i32 {
        self.info.borrow().bounds.min_x()
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-top>
    fn Top(&self) -> i32 {
        self.info.borrow().bounds.min_y()
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-isprimary>
    fn IsPrimary(&self) -> bool {
        self.info.borrow().is_primary
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-isinternal>
    fn IsInternal(&self) -> bool {
        self.info.borrow().is_internal
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-devicepixelratio>
    fn DevicePixelRatio(&self) -> Finite<f32> {
        Finite::wrap(self.info.borrow().device_pixel_ratio)
    }

    /// <https://w3c.github.io/window-management/#dom-screendetailed-label>
    fn Label(&self) -> DOMString {
        self.info.borrow().label.clone().into()
    }
}
