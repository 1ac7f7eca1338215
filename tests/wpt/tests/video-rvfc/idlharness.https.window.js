// META: title=The interfaces of HTMLVideoElement.requestVideoFrameCallback()
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js

'use strict';

// https://wicg.github.io/video-rvfc/

idl_test(
    ['video-rvfc'],
    ['hr-time', 'html', 'dom', 'webidl'],
    idl_array => {
      idl_array.add_objects({HTMLVideoElement: ['document.createElement("video")']});
    });
