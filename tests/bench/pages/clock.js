/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

const CLOCK_ROUNDS = 40;

/** What to add to performance.now() in microseconds to get CLOCK_MONOTONIC. */
async function calibrate() {
  let best = { roundTrip: Infinity, offset: 0 };
  for (let round = 0; round < CLOCK_ROUNDS; round++) {
    const before = performance.now();
    const response = await fetch("/clock?" + round, { cache: "no-store" });
    const received = performance.now();
    const monotonic = Number(await response.text());
    const roundTrip = received - before;
    if (roundTrip < best.roundTrip) {
      best = { roundTrip, offset: monotonic - (before + received) / 2 * 1000 };
    }
  }
  return { offset: best.offset, error: best.roundTrip * 500 };
}
