// META: title=The interfaces of Window Management
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js
// META: timeout=long

'use strict';

// https://w3c.github.io/window-management/

idl_test(
    ['window-management'],
    ['cssom-view', 'html', 'dom', 'fullscreen'],
    async idl_array => {
      idl_array.add_objects({
        Window: ['self'],
        Screen: ['screen'],
        ScreenDetails: ['self.screenDetails'],
        ScreenDetailed: ['self.screenDetails.currentScreen'],
      });
      self.screenDetails = await getScreenDetails();
    });
