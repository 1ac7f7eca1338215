/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// Hands the results of a page's tests to the runner, which reads
// `window.__wptrun` of the top-level page.
(function() {
  // Only the page that the runner opened reports; a test may load this file
  // in its frames and popups too.
  if (window.top !== window || window.opener) {
    return;
  }
  const testStatuses = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];
  const harnessStatuses = ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"];

  // The runner keeps the time and calls `timeout()`, so that what has run by
  // then is reported too.
  setup({output: false, explicit_timeout: true, timeout_multiplier: {{timeout_multiplier}}});

  function publish(status, message, tests) {
    window.__wptrun = JSON.stringify({
      status,
      message,
      subtests: tests.map(test => ({
        name: test.name,
        status: testStatuses[test.status] || "ERROR",
        message: test.message || null,
      })),
    });
  }

  add_completion_callback((tests, harness) => {
    publish(harnessStatuses[harness.status] || "ERROR", harness.message || null, tests);
  });
})();
