// META: title=Capture All Screens is exposed on Window only
// META: global=window,dedicatedworker

'use strict';

test(() => {
  if (GLOBAL.isWindow()) {
    assert_true('MediaDevices' in self);
    assert_true('ScreenCaptureMediaStreamTrack' in self);
    assert_true('ScreenDetailed' in self);
    return;
  }
  assert_false('MediaDevices' in self, 'MediaDevices');
  assert_false('mediaDevices' in navigator, 'navigator.mediaDevices');
  assert_false('ScreenCaptureMediaStreamTrack' in self, 'ScreenCaptureMediaStreamTrack');
  assert_false('ScreenDetailed' in self, 'ScreenDetailed');
}, 'The interfaces are exposed on Window only');
