// META: title=The interfaces of Permissions Policy
// META: script=/resources/WebIDLParser.js
// META: script=/resources/idlharness.js

'use strict';

// https://w3c.github.io/webappsec-permissions-policy/

idl_test(
    ['permissions-policy'],
    ['reporting'],
    idl_array => {
      // What the partial interfaces belong to.
      idl_array.add_untested_idls(`
        [Exposed=Window] interface Document {};
        [Exposed=Window] interface HTMLIFrameElement {
          [CEReactions] attribute DOMString allow;
        };
      `);
      idl_array.add_objects({
        Document: ['document'],
        HTMLIFrameElement: ['document.createElement("iframe")'],
        PermissionsPolicy: ['document.permissionsPolicy'],
      });
    });
