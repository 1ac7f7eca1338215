// META: title=The interfaces of Capture All Screens
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: script=resources/monitors.js
// META: timeout=long

'use strict';

// https://screen-share.github.io/capture-all-screens/

idl_test(
    ['capture-all-screens'],
    ['mediacapture-streams', 'permissions', 'window-management', 'cssom-view', 'html', 'dom', 'webidl'],
    async (idl_array, t) => {
      idl_array.add_objects({
        MediaDevices: ['navigator.mediaDevices'],
        ScreenCaptureMediaStreamTrack: ['self.track'],
      });
      self.track = await captureOneTrack(t);
    });
