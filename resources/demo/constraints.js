/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// The controls for a track's size and frame rate.

import { element } from "./element.js";
import { log } from "./log.js";

const WIDTHS = [["full size", ""], ["1280 wide", "1280"], ["640 wide", "640"], ["320 wide", "320"]];
const RATES = [["any rate", ""], ["15 frames/s", "15"], ["5 frames/s", "5"], ["1 frame/s", "1"]];

/** A form that applies constraints to a track; null if the browser cannot. */
export function constraintsForm(track, label) {
  if (typeof track.applyConstraints !== "function") return null;
  const width = choice(`Width of the pictures of ${label}`, WIDTHS);
  const rate = choice(`Frame rate of ${label}`, RATES);
  const apply = element("button", { type: "submit", textContent: "Apply" });
  apply.setAttribute("aria-label", `Apply to ${label}`);
  const form = element("form", { className: "constraints" }, [width, rate, apply]);
  form.addEventListener("submit", event => {
    event.preventDefault();
    const constraints = {};
    if (width.value) constraints.width = { exact: Number(width.value) };
    if (rate.value) constraints.frameRate = { max: Number(rate.value) };
    applyTo(track, label, constraints);
  });
  return form;
}

function choice(name, entries) {
  const options = entries.map(([textContent, value]) => element("option", { textContent, value }));
  const select = element("select", {}, options);
  select.setAttribute("aria-label", name);
  return select;
}

async function applyTo(track, label, constraints) {
  const text = JSON.stringify(constraints);
  try {
    await track.applyConstraints(constraints);
    log(label, `constraints applied: ${text}`);
  } catch (error) {
    const which = error.constraint ? ` (${error.constraint})` : "";
    log(label, `constraints refused: ${text}: ${error.name}${which}`);
  }
}
