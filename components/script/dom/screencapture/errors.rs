/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The one place where the service's errors become DOMExceptions.

use servo_capture_traits::{CaptureError, ScreensError};

use crate::dom::bindings::error::Error;

/// The exception for a failed `getAllScreensMedia()`
/// (<https://screen-share.github.io/capture-all-screens/#dom-mediadevices-getallscreensmedia>).
pub(crate) fn all_screens_exception(error: &CaptureError) -> Error {
    let message = Some(format!(
        "Failed to execute 'getAllScreensMedia' on 'MediaDevices': {error}."
    ));
    match error {
        // Steps 2.1 and 2.2: not on the allowlist, or nobody vouches that the
        // document is of an origin that is; the platform is limited. A missing
        // indicator is such a limit.
        CaptureError::RefusedByPolicy(_)
        | CaptureError::Unvouched(_)
        | CaptureError::PlatformLimitation(_)
        | CaptureError::NoIndicator(_) => Error::NotAllowed(message),
        // Step 2.3: one monitor is not to be read.
        CaptureError::NotReadable(_) => Error::NotReadable(message),
        CaptureError::DocumentInactive => Error::InvalidState(message),
        // Step 2.3: any other reason.
        CaptureError::Aborted(_) | CaptureError::BadRequest(_) | CaptureError::TooMany { .. } => {
            Error::Abort(message)
        }
    }
}

/// The exception for a failed `getScreenDetails()`
/// (<https://w3c.github.io/window-management/#dom-window-getscreendetails>).
pub(crate) fn screen_details_exception(error: &ScreensError) -> Error {
    let message = Some(format!(
        "Failed to execute 'getScreenDetails' on 'Window': {error}."
    ));
    match error {
        // Steps 2.2 and 2.3.
        ScreensError::Denied | ScreensError::NotActivated | ScreensError::NotAnswered => {
            Error::NotAllowed(message)
        }
        ScreensError::DocumentInactive => Error::InvalidState(message),
        // Not in the spec: a device has screens there.
        ScreensError::NotListed(_) | ScreensError::Refused(_) => Error::Abort(message),
    }
}
