/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://screen-share.github.io/capture-all-screens/#mediadevices-additions
//
// The capture-all-screens draft says [IsolatedContext]; Servo has no isolated
// contexts, and the administrator's allowlist decides instead (see ARCHITECTURE.md).

partial interface MediaDevices {
    [Func="MediaDevices::is_all_screens_capture_enabled"]
    Promise<sequence<MediaStream>> getAllScreensMedia();
};
