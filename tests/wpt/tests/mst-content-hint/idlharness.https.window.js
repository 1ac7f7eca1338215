// META: title=The interfaces of MediaStreamTrack Content Hints
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: script=/capture-all-screens/resources/monitors.js
// META: timeout=long

'use strict';

// https://w3c.github.io/mst-content-hint/

idl_test(
    ['mst-content-hint'],
    ['webrtc', 'mediacapture-streams', 'html', 'dom', 'webidl'],
    async (idl_array, t) => {
      idl_array.add_objects({MediaStreamTrack: ['self.track']});
      self.track = await captureOneTrack(t);
    });
