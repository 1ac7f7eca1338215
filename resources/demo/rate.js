/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// How many pictures a <video> is given in a second.
//
// A browser that counts frames (getVideoPlaybackQuality) or tells each
// (requestVideoFrameCallback) is believed. Elsewhere the only evidence is the
// picture itself: see changes.js.

import { ChangeCounter } from "./changes.js";

/** How often counters are read where the browser has them, in milliseconds. */
const PERIOD = 1000;
/** How long changes are counted on one monitor, in milliseconds. */
const BURST = 800;
/** How long a monitor is then left alone, in milliseconds. */
const REST = 6000;
/** How often to see whether a monitor has rested, in milliseconds. */
const IDLE = 100;

const prototype = HTMLVideoElement.prototype;

/** What the numbers are: one of "frames" and "changes". */
export const MEASURE =
  "getVideoPlaybackQuality" in prototype || "requestVideoFrameCallback" in prototype
    ? "frames"
    : "changes";

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/**
 * Measures until `isOver()`.
 *
 * `monitors()` are those to measure, each with `video`, `isLive`, `isShown` and
 * `frameRate`, what its track is set to; its `rate` is set to { perSecond, isFloor } or null.
 * `isFloor`: the pictures could not be looked at often enough to see each.
 */
export async function measure(monitors, isOver) {
  if (MEASURE === "frames") {
    await readCounters(monitors, isOver);
  } else {
    await countChanges(monitors, isOver);
  }
}

/** A function that tells how many frames a video has had. */
function counterOf(video) {
  if ("getVideoPlaybackQuality" in prototype) {
    return () => video.getVideoPlaybackQuality().totalVideoFrames;
  }
  let frames = 0;
  const count = () => {
    frames += 1;
    video.requestVideoFrameCallback(count);
  };
  video.requestVideoFrameCallback(count);
  return () => frames;
}

async function readCounters(monitors, isOver) {
  const readings = new Map();
  while (!isOver()) {
    for (const monitor of monitors()) {
      const before = readings.get(monitor);
      const counter = before?.counter ?? counterOf(monitor.video);
      const reading = { counter, frames: counter(), now: performance.now() };
      if (before) {
        const seconds = (reading.now - before.now) / 1000;
        monitor.rate = { perSecond: (reading.frames - before.frames) / seconds, isFloor: false };
      }
      readings.set(monitor, reading);
    }
    await pause(PERIOD);
  }
}

async function countChanges(monitors, isOver) {
  const counter = new ChangeCounter();
  const rested = new WeakMap();
  while (!isOver()) {
    // Whoever had a turn least recently, if that is long enough ago.
    const [monitor] = monitors()
      .filter(({ isShown }) => isShown)
      .sort((one, other) => (rested.get(one) ?? 0) - (rested.get(other) ?? 0));
    if (!monitor || performance.now() < (rested.get(monitor) ?? 0)) {
      await pause(IDLE);
      continue;
    }
    const isWanted = () => monitor.isLive && !isOver();
    const rate = await counter.count(monitor.video, monitor.frameRate, BURST, isWanted);
    if (isWanted()) monitor.rate = rate;
    rested.set(monitor, performance.now() + REST);
  }
}
