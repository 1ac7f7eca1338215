// META: title=The interfaces of MediaStreamTrack Content Hints
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js

'use strict';

// https://w3c.github.io/mst-content-hint/

idl_test(
    ['mst-content-hint'],
    ['webrtc', 'mediacapture-streams', 'html', 'dom', 'webidl'],
    () => {});
