/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/window-management/#api-screendetailed-interface>

use dom_struct::dom_struct;
use embedder_traits::ScreenMetrics;
use euclid::Size2D;
use js::context::JSContext;
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::reflect_dom_object;
use servo_capture_traits::ScreenInfo;

use crate::dom::bindings::codegen::Bindings::ScreenDetailedBinding::ScreenDetailedMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::num::Finite;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::screen::Screen;
use crate::dom::window::Window;

#[dom_struct]
pub(crate) struct ScreenDetailed {
    screen: Screen,
    #[ignore_malloc_size_of = "plain data"]
    #[no_trace]
    info: DomRefCell<ScreenInfo>,
}

impl ScreenDetailed {
    pub(crate) fn new(cx: &mut JSContext, window: &Window, info: ScreenInfo) -> DomRoot<Self> {
        reflect_dom_object(
            cx,
            Box::new(Self {
                screen: Screen::new_inherited(window),
                info: DomRefCell::new(info),
            }),
            window,
        )
    }

    /// The monitor has changed.
    pub(crate) fn update(&self, info: ScreenInfo) {
        *self.info.borrow_mut() = info;
    }
}

/// The metrics of a `Screen` that is a `ScreenDetailed`: of its own monitor
/// rather than of the one that the window is on.
pub(crate) fn detailed_metrics(screen: &Screen) -> Option<ScreenMetrics> {
    let detailed = screen.downcast::<ScreenDetailed>()?;
    let info = detailed.info.borrow();
    Some(ScreenMetrics {
        screen_size: Size2D::from_untyped(info.bounds.size.to_untyped()),
        available_size: Size2D::from_untyped(info.available.size.to_untyped()),
    })
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
