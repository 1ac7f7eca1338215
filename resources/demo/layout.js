/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// Where monitors are on the desktop, and where that is on a map of it. Knows
// nothing of the page: a place is { left, top, width, height } in any one unit.

/** The place of a ScreenDetailed, in the unit of its desktop. */
export function placeOf(screen) {
  const { left, top, width, height } = screen;
  return { left, top, width, height };
}

/** The smallest place that holds all places; null for none. */
export function boundsOf(places) {
  const real = places.filter(place => place.width > 0 && place.height > 0);
  if (real.length === 0) return null;
  const left = Math.min(...real.map(place => place.left));
  const top = Math.min(...real.map(place => place.top));
  const right = Math.max(...real.map(place => place.left + place.width));
  const bottom = Math.max(...real.map(place => place.top + place.height));
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * The places on a map that has room for `room` ({ width, height } in CSS
 * pixels), as large as they fit, and the height that the map then needs.
 */
export function fit(places, room) {
  const bounds = boundsOf(places);
  if (!bounds) return { height: 0, places: places.map(() => null) };
  const scale = Math.min(room.width / bounds.width, room.height / bounds.height);
  const margin = (room.width - bounds.width * scale) / 2;
  return {
    height: bounds.height * scale,
    places: places.map(place => ({
      left: margin + (place.left - bounds.left) * scale,
      top: (place.top - bounds.top) * scale,
      width: place.width * scale,
      height: place.height * scale,
    })),
  };
}
