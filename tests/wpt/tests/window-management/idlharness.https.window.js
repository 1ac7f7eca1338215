// META: title=The interfaces of Window Management
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: script=/capture-all-screens/resources/monitors.js
// META: timeout=long

'use strict';

// https://w3c.github.io/window-management/

idl_test(
    ['window-management'],
    ['cssom-view', 'html', 'dom'],
    async (idl_array, t) => {
      idl_array.add_objects({
        ScreenDetailed: ['self.screenDetailed'],
      });
      const track = await captureOneTrack(t);
      self.screenDetailed = track.screenDetailed();
    });
