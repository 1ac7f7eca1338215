/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// Why there is nothing to see, and what to do about it, in plain words.

const ENABLED = "dom_screen_capture_all_screens_enabled";
const ALLOWED = "dom_screen_capture_all_screens_allowed_origins";

/** The command line with which this very page may capture. */
function command() {
  const { origin, href } = location;
  return [
    "captureshell",
    `  --pref ${ENABLED}=true`,
    `  --pref '${ALLOWED}=["${origin}"]'`,
    `  ${href}`,
  ].join(" \\\n");
}

const byPreference = {
  remedies: [
    `Set the preference ${ENABLED} to true.`,
    `Put ${location.origin} into the preference ${ALLOWED}.`,
    "Where an administrator manages the preferences, theirs win over yours: ask them.",
  ],
  command: command(),
};

/** Why the method is not even there; null if it is. */
export function missing() {
  const about = { verbatim: null, ...byPreference };
  if (!window.isSecureContext) {
    return {
      ...about,
      title: "This page was not loaded securely",
      meaning: "Only pages from https or from this computer itself may capture screens.",
      remedies: ["Open it with an https address, or from 127.0.0.1."],
      command: null,
    };
  }
  if (!navigator.mediaDevices) {
    return {
      ...about,
      title: "This browser has its media devices switched off",
      meaning: "There is no navigator.mediaDevices, to which screen capture belongs.",
      remedies: ["Set the preference dom_webrtc_enabled to true.", ...byPreference.remedies],
    };
  }
  if (!navigator.mediaDevices.getAllScreensMedia) {
    return {
      ...about,
      title: "Capturing all screens is switched off here",
      meaning: "The browser offers no navigator.mediaDevices.getAllScreensMedia().",
    };
  }
  return null;
}

/** What a rejection of getAllScreensMedia() means. */
export function explain(error) {
  const verbatim = `${error.name}: ${error.message}`;
  const otherReason = {
    NotReadableError: {
      title: "A monitor could not be read",
      meaning: "Either all monitors are captured or none, and one could not be: it may be locked, " +
        "switched off, or belong to another session.",
      remedies: ["Unlock the session, check the monitors, and capture again."],
    },
    InvalidStateError: {
      title: "This page is not the one shown",
      meaning: "A page in the background of its tab's history may not capture.",
      remedies: ["Load the page again."],
    },
    AbortError: {
      title: "The capture failed",
      meaning: "The browser began to capture and could not go on.",
      remedies: ["Capture again; if it fails again, the browser's error output says more."],
    },
  }[error.name];
  if (otherReason) return { ...otherReason, command: null, verbatim };
  if (error.name !== "NotAllowedError") {
    return {
      title: "The screens could not be captured",
      meaning: "The browser gave a reason that this page does not know.",
      remedies: ["The browser's error output may say more."],
      command: null,
      verbatim,
    };
  }
  // One name, three causes: the message tells which.
  if (error.message.includes("the privacy indicator")) {
    return {
      title: "The privacy indicator cannot be shown",
      meaning: "There is no capture that people in front of the screens could not notice.",
      remedies: ["Nothing may cover the upper edge of a monitor, and windows must be possible there."],
      command: null,
      verbatim,
    };
  }
  if (error.message.includes("cannot be captured here")) {
    return {
      title: "There are no screens to capture here",
      meaning: "The browser has no display, or one that does not let it look.",
      remedies: [
        "Start the browser where there is a display.",
        "Or let it invent monitors, to try this page: --capture-backend synthetic.",
      ],
      command: null,
      verbatim,
    };
  }
  return {
    title: "This page may not capture the screens",
    meaning: "Only origins that are listed may, and nobody is asked. As shipped, the list is empty.",
    ...byPreference,
    verbatim,
  };
}
