// META: title=The interfaces of Screen Capture
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: timeout=long

'use strict';

// https://w3c.github.io/mediacapture-screen-share/

idl_test(
    ['screen-capture'],
    ['mediacapture-streams', 'permissions', 'html', 'dom', 'webidl'],
    idl_array => {
      idl_array.add_objects({MediaDevices: ['navigator.mediaDevices']});
    });
