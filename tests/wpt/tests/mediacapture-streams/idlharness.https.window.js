// META: title=The interfaces of Media Capture and Streams
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: script=/capture-all-screens/resources/monitors.js
// META: timeout=long

'use strict';

// https://w3c.github.io/mediacapture-main/

idl_test(
    ['mediacapture-streams'],
    ['html', 'dom', 'webidl'],
    async (idl_array, t) => {
      idl_array.add_objects({
        MediaDevices: ['navigator.mediaDevices'],
        MediaStream: ['self.stream', 'new MediaStream()'],
        Navigator: ['navigator'],
        OverconstrainedError: ['new OverconstrainedError("constraint")'],
      });
      [self.stream] = await captureAllScreens(t);
    });
