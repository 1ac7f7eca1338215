/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://screen-share.github.io/capture-all-screens/#screencapturemediastreamtrack
//
// As in AllScreensCapture.webidl, the preference stands in for [IsolatedContext].

[Exposed=Window, Func="MediaDevices::is_all_screens_capture_enabled"]
interface ScreenCaptureMediaStreamTrack : MediaStreamTrack {
    ScreenDetailed screenDetailed();
};
