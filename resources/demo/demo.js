/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// Captures all screens and shows them as they stand on the desktop.

import { element } from "./element.js";
import { fit } from "./layout.js";
import { log } from "./log.js";
import { Monitor } from "./monitor.js";
import { measure } from "./rate.js";
import { explain, missing } from "./refusal.js";

/** How often what is shown is brought up to date, in milliseconds. */
const REFRESH_PERIOD = 500;
/** The largest height of the map, as a part of the window's and in CSS pixels. */
const MAP_HEIGHT = { part: 0.42, least: 160 };

const byId = id => document.getElementById(id);
const map = byId("map");
const cards = byId("cards");
const againButton = byId("again");
const stopAllButton = byId("stop-all");

/** The monitors of the last capture, live or over. */
let monitors = [];
let isAsking = false;
/** The monitors whose beginning was told on the console. */
let announced = null;

const live = () => monitors.filter(monitor => monitor.isLive);

/** What the browser's shell prints of this page. */
window.captureReport = () => monitors.map(monitor => monitor.report());

async function capture() {
  if (isAsking) return;
  isAsking = true;
  showState();
  stopAll();
  show([]);
  tellRefusal(null);
  const asked = performance.now();
  try {
    const impossible = missing();
    if (impossible) {
      tellRefusal(impossible);
      return;
    }
    const streams = await navigator.mediaDevices.getAllScreensMedia();
    log("page", `${counted(streams.length)} captured after ${Math.round(performance.now() - asked)} ms`);
    show(streams.map(stream => new Monitor(stream, changed)));
  } catch (error) {
    tellRefusal(explain(error));
  } finally {
    isAsking = false;
    showState();
  }
}

function stopAll() {
  for (const monitor of live()) monitor.stop();
}

function counted(number) {
  return `${number} monitor${number === 1 ? "" : "s"}`;
}

/** Puts monitors into the page in the place of those there. */
function show(next) {
  monitors = next;
  map.replaceChildren(...monitors.map(monitor => monitor.figure));
  cards.replaceChildren(...monitors.map(monitor => monitor.card));
  byId("desktop").hidden = monitors.length === 0;
  arrange();
  if (monitors.length > 0) {
    const mine = monitors;
    measure(live, () => monitors !== mine || live().length === 0);
  }
}

/** Draws the map as the monitors stand now. */
function arrange() {
  const room = {
    width: map.clientWidth,
    height: Math.max(window.innerHeight * MAP_HEIGHT.part, MAP_HEIGHT.least),
  };
  const { height, places } = fit(monitors.map(monitor => monitor.place), room);
  map.style.height = `${Math.ceil(height)}px`;
  monitors.forEach((monitor, index) => monitor.putAt(places[index]));
}

function changed() {
  arrange();
  showState();
  const present = live();
  if (announced !== monitors && present.length > 0 && present.every(monitor => monitor.isShown)) {
    announced = monitors;
    console.log(`demo: ${present.length} monitors live`);
  }
}

function showState() {
  const number = live().length;
  const status = byId("status");
  const isRefused = !byId("refusal").hidden;
  const [state, text] = isAsking
    ? ["waiting", "Asking for the screens …"]
    : isRefused
      ? ["refused", "Nothing is captured"]
      : number === 0
        ? ["over", "Capture has ended"]
        : ["live", `${counted(number)} live`];
  status.dataset.state = state;
  if (status.textContent !== text) status.textContent = text;
  againButton.disabled = isAsking;
  stopAllButton.disabled = number === 0;
}

/** Tells why there is no capture; null: there is no such reason. */
function tellRefusal(refusal) {
  byId("refusal").hidden = !refusal;
  if (!refusal) return;
  byId("refusal-title").textContent = refusal.title;
  byId("refusal-meaning").textContent = refusal.meaning;
  byId("refusal-remedies").replaceChildren(
    ...refusal.remedies.map(textContent => element("li", { textContent })),
  );
  byId("refusal-command").hidden = !refusal.command;
  byId("refusal-command").textContent = refusal.command ?? "";
  byId("refusal-verbatim").parentElement.hidden = !refusal.verbatim;
  byId("refusal-verbatim").textContent = refusal.verbatim ?? "";
  log("page", refusal.title);
  console.log(`demo: no capture: ${refusal.verbatim ?? refusal.title}`);
}

byId("origin").textContent = location.origin;
againButton.addEventListener("click", capture);
stopAllButton.addEventListener("click", () => {
  stopAll();
  againButton.focus();
});
window.addEventListener("resize", arrange);
setInterval(() => {
  for (const monitor of monitors) monitor.refresh();
  arrange();
}, REFRESH_PERIOD);
capture();
