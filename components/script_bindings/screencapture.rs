/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What decides whether pages see the screen capture APIs at all.

use js::context::JSContext;
use js::rust::HandleObject;

/// The `Func=` conditions of the capture interfaces.
pub trait CaptureExposure {
    /// Whether `getAllScreensMedia()` and its interfaces exist. It runs before
    /// the global's document exists, so that it can depend on preferences only.
    fn is_all_screens_capture_enabled(cx: &mut JSContext, global: HandleObject) -> bool;
}
