// META: title=The interfaces of Media Capture and Streams
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: script=/capture-all-screens/resources/monitors.js
// META: timeout=long

'use strict';

// https://w3c.github.io/mediacapture-main/

idl_test(
    ['mediacapture-streams'],
    ['permissions', 'html', 'dom', 'webidl'],
    async (idl_array, t) => {
      idl_array.add_objects({
        MediaDevices: ['navigator.mediaDevices'],
        MediaStream: ['self.stream', 'new MediaStream()'],
        MediaStreamTrackEvent: ['new MediaStreamTrackEvent("type", {track: self.track})'],
        Navigator: ['navigator'],
        OverconstrainedError: ['new OverconstrainedError("constraint")'],
      });
      const [stream] = await captureAllScreens(t);
      self.stream = stream;
      [self.track] = stream.getTracks();
    });
