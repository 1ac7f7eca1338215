/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// What a page cannot do itself is done by the runner through WebDriver: each
// action waits in `window.__wptrun_actions` of the top-level page until the
// runner takes it, carries it out and settles its promise.
(function() {
  "use strict";
  const host = window.top;
  const own = (() => {
    try {
      host.document;
      return true;
    } catch (_) {
      return false;
    }
  })();
  if (!own) {
    // A cross-origin frame cannot reach the queue.
    return;
  }
  host.__wptrun_actions = host.__wptrun_actions || [];
  host.__wptrun_pending = host.__wptrun_pending || new Map();
  host.__wptrun_settle = host.__wptrun_settle || ((id, error, value) => {
    const pending = host.__wptrun_pending.get(id);
    host.__wptrun_pending.delete(id);
    if (!pending) {
      return;
    }
    if (error === null) {
      pending.resolve(value);
    } else {
      pending.reject(new Error(error));
    }
  });

  function ask(action, parameters) {
    return new Promise((resolve, reject) => {
      host.__wptrun_next = (host.__wptrun_next || 0) + 1;
      const id = host.__wptrun_next;
      host.__wptrun_pending.set(id, {resolve, reject});
      host.__wptrun_actions.push({id, action, parameters});
    });
  }

  // A point of an element's own viewport in coordinates of the top-level one.
  function inTopViewport(view, point) {
    let {x, y} = point;
    for (let inner = view; inner !== host; inner = inner.parent) {
      const frame = inner.frameElement;
      const rect = frame.getBoundingClientRect();
      x += rect.left + frame.clientLeft;
      y += rect.top + frame.clientTop;
    }
    return {x: Math.floor(x), y: Math.floor(y)};
  }

  function centreOf(element) {
    const rect = element.getBoundingClientRect();
    return inTopViewport(element.ownerDocument.defaultView,
                         {x: rect.left + rect.width / 2, y: rect.top + rect.height / 2});
  }

  // The runner knows no elements: origins that are elements become points.
  function withoutElements(sources) {
    return sources.map(source => ({
      ...source,
      actions: source.actions.map(action => {
        if (!action.origin || typeof action.origin === "string") {
          return action;
        }
        const centre = centreOf(action.origin);
        return {
          ...action,
          origin: "viewport",
          x: centre.x + Math.round(action.x || 0),
          y: centre.y + Math.round(action.y || 0),
        };
      }),
    }));
  }

  Object.assign(window.test_driver_internal, {
    in_automation: true,

    async click(element, point) {
      const at = point ? inTopViewport(element.ownerDocument.defaultView, point) : centreOf(element);
      await ask("click", at);
    },

    async send_keys(element, keys) {
      element.focus();
      await ask("send_keys", {keys});
    },

    async action_sequence(sources) {
      await ask("action_sequence", {actions: withoutElements(sources)});
    },

    async set_permission(permission) {
      await ask("set_permission", {
        descriptor: permission.descriptor,
        state: permission.state,
      });
    },

    async delete_all_cookies() {
      await ask("delete_all_cookies", {});
    },

    async get_window_rect() {
      return ask("get_window_rect", {});
    },

    async set_window_rect(rect) {
      return ask("set_window_rect", rect);
    },

    async minimize_window() {
      return ask("minimize_window", {});
    },
  });
})();
