/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Whether pages see the screen capture APIs.

use js::context::JSContext;
use js::rust::HandleObject;
use script_bindings::screencapture::CaptureExposure;

use crate::ScriptThread;
use crate::dom::mediadevices::MediaDevices;

impl CaptureExposure for MediaDevices {
    fn is_all_screens_capture_enabled(_: &mut JSContext, _: HandleObject) -> bool {
        ScriptThread::capture().is_some_and(|client| client.all_screens_exposed())
    }
}
