/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// Counts how often the picture of a <video> changes, for a moment.
//
// To look at a whole picture often enough costs more than to show it. So first
// a coarse copy tells where the picture changes, then only that part is
// compared, at its full resolution and more often than frames come. What
// changes elsewhere meanwhile, or between the points of the coarse copy, is not
// seen: the count is of changes, and never too high.

/** Points of the coarse copy. */
const GRID = { width: 160, height: 90 };
/** The part that is compared, in pixels of the video, which may be smaller. */
const LARGEST = { width: 320, height: 128 };
/** How many places for that part are tried. */
const CANDIDATES = 60;
/** Looks for each frame that the track is set to, so that none falls between two. */
const LOOKS_PER_FRAME = 2.5;
/** Assumed of a track that does not say what it is set to. */
const USUAL_FRAME_RATE = 30;

/** Lets the page do other things. No animation frame: those are few where painting is slow. */
const moment = (milliseconds = 0) => new Promise(resolve => setTimeout(resolve, milliseconds));

export class ChangeCounter {
  constructor() {
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(GRID.width, LARGEST.width);
    canvas.height = Math.max(GRID.height, LARGEST.height);
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  }

  /**
   * Counts for `duration` milliseconds. Its value is { perSecond, isFloor }, or
   * null if the video has no picture or `isWanted()` no longer.
   */
  async count(video, frameRate = USUAL_FRAME_RATE, duration, isWanted) {
    const start = performance.now();
    const isOver = () => performance.now() - start >= duration;
    const isUseless = () => !isWanted() || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA;
    let part = null;
    let last = null;
    while (!part && !isOver()) {
      await moment();
      if (isUseless()) return null;
      const points = this.coarse(video);
      part = last && changedPart(last, points, video);
      last = points;
    }
    if (!part) return { perSecond: 0, isFloor: false };

    const pace = 1000 / (frameRate * LOOKS_PER_FRAME);
    const begin = performance.now();
    let looks = 0;
    // The one that gave the part away.
    let changes = 1;
    last = null;
    // For as long again: finding the part may have taken most of the time.
    while (performance.now() - begin < duration) {
      const next = performance.now() + pace;
      const pixels = await this.fine(video, part);
      if (last && isDifferent(pixels, last)) changes += 1;
      last = pixels;
      looks += 1;
      await moment(Math.max(next - performance.now(), 0));
      if (isUseless()) return null;
    }
    const end = performance.now();
    return {
      perSecond: (changes * 1000) / (end - start),
      isFloor: (looks * 1000) / (end - begin) < frameRate,
    };
  }

  coarse(video) {
    this.context.drawImage(video, 0, 0, GRID.width, GRID.height);
    return this.read(GRID);
  }

  async fine(video, part) {
    const bitmap = await createImageBitmap(video, part.left, part.top, part.width, part.height);
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return this.read(part);
  }

  read({ width, height }) {
    return new Uint32Array(this.context.getImageData(0, 0, width, height).data.buffer);
  }
}

function isDifferent(one, other) {
  return one.some((value, index) => value !== other[index]);
}

/** The part of the video, in its pixels, where most points differ; null if none does. */
function changedPart(before, after, video) {
  const size = { width: video.videoWidth, height: video.videoHeight };
  const points = [];
  after.forEach((point, index) => {
    if (point === before[index]) return;
    points.push({
      x: (((index % GRID.width) + 0.5) * size.width) / GRID.width,
      y: ((Math.floor(index / GRID.width) + 0.5) * size.height) / GRID.height,
    });
  });
  if (points.length === 0) return null;
  const part = { width: Math.min(LARGEST.width, size.width), height: Math.min(LARGEST.height, size.height) };
  const isNear = (one, other) =>
    Math.abs(one.x - other.x) <= part.width / 2 && Math.abs(one.y - other.y) <= part.height / 2;
  let most = { center: points[0], count: 0 };
  const step = Math.ceil(points.length / CANDIDATES);
  for (let index = 0; index < points.length; index += step) {
    const center = points[index];
    const count = points.filter(point => isNear(point, center)).length;
    if (count > most.count) most = { center, count };
  }
  const start = (middle, length, whole) =>
    Math.floor(Math.min(Math.max(middle - length / 2, 0), whole - length));
  return {
    ...part,
    left: start(most.center.x, part.width, size.width),
    top: start(most.center.y, part.height, size.height),
  };
}
