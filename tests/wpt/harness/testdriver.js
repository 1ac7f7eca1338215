/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// The part of the testdriver API that our own tests use, by the names of
// <https://web-platform-tests.org/writing-tests/testdriver.html>. A full
// web-platform-tests checkout brings its own file instead of this one; both
// stand on `testdriver-vendor.js`.
(function() {
  "use strict";

  function centreInView(element) {
    const rect = element.getClientRects()[0];
    if (!rect) {
      return null;
    }
    const left = Math.max(0, rect.left);
    const right = Math.min(element.ownerDocument.defaultView.innerWidth, rect.right);
    const top = Math.max(0, rect.top);
    const bottom = Math.min(element.ownerDocument.defaultView.innerHeight, rect.bottom);
    return left < right && top < bottom ? {x: (left + right) / 2, y: (top + bottom) / 2} : null;
  }

  // Resolves with the point to click, or says why no user could click there.
  function pointOn(element) {
    if (!element.isConnected) {
      throw new Error("the element is not in a document");
    }
    if (!centreInView(element)) {
      element.scrollIntoView({behavior: "instant", block: "nearest", inline: "nearest"});
    }
    const point = centreInView(element);
    if (!point) {
      throw new Error("the element has no box in the viewport");
    }
    return point;
  }

  window.test_driver = {
    // Clicks an element as a user would: the event is trusted and there is
    // transient activation afterwards.
    async click(element) {
      const point = pointOn(element);
      await test_driver_internal.click(element, point);
    },

    // Runs `action` with transient activation in `context`.
    async bless(intent, action, context = window) {
      const button = context.document.createElement("button");
      button.textContent = `This test requests user interaction: ${intent}`;
      button.style = "position: fixed; inset-inline-start: 0; inset-block-start: 0; z-index: 2147483647";
      context.document.body.append(button);
      const clicked = new Promise(resolve => button.addEventListener("click", resolve, {once: true}));
      try {
        await this.click(button);
        await clicked;
      } finally {
        button.remove();
      }
      return action ? action() : undefined;
    },

    async send_keys(element, keys) {
      pointOn(element);
      await test_driver_internal.send_keys(element, keys);
    },

    async action_sequence(actions, context = null) {
      await test_driver_internal.action_sequence(actions, context);
    },

    async set_permission(descriptor, state, context = null) {
      await test_driver_internal.set_permission({descriptor, state}, context);
    },

    async delete_all_cookies(context = null) {
      await test_driver_internal.delete_all_cookies(context);
    },

    async get_window_rect(context = null) {
      return test_driver_internal.get_window_rect(context);
    },

    async set_window_rect(rect, context = null) {
      return test_driver_internal.set_window_rect(rect, context);
    },

    async minimize_window(context = null) {
      return test_driver_internal.minimize_window(context);
    },
  };

  // The vendor's file fills this in.
  window.test_driver_internal = window.test_driver_internal || {in_automation: false};
})();
