/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// One captured monitor: its live picture on the map and the card below it.

import { constraintsForm } from "./constraints.js";
import { element } from "./element.js";
import { placeOf } from "./layout.js";
import { log } from "./log.js";
import { MEASURE } from "./rate.js";

const RATE_NAME = MEASURE === "frames" ? "Delivered" : "Changing";
const RATE_UNIT = MEASURE === "frames" ? "frames/s" : "pictures/s";
const RATE_HINT =
  MEASURE === "frames"
    ? "Frames that the video was given in the last second."
    : "Changed pictures per second, counted for a moment every few seconds where the picture was seen " +
      "to change. A still screen has none.";

const NONE = "–";

export class Monitor {
  /** `changed` is called when the monitor begins, ends, or takes another place. */
  constructor(stream, changed) {
    this.stream = stream;
    [this.track] = stream.getVideoTracks();
    this.screen = this.track.screenDetailed();
    this.label = this.track.label || this.screen.label || "unnamed monitor";
    this.changed = changed;
    /** { perSecond, isFloor }, or null as long as nobody knows. */
    this.rate = null;
    this.isShown = false;
    /** Why it is over; null while it is not. */
    this.over = null;
    this.makePicture();
    this.makeCard();
    this.listen();
    this.video.srcObject = stream;
    this.refresh();
  }

  get isLive() {
    return this.track.readyState === "live";
  }

  /** Frames per second that the track is set to; undefined if it does not say. */
  get frameRate() {
    return this.track.getSettings().frameRate;
  }

  get place() {
    return placeOf(this.screen);
  }

  makePicture() {
    this.video = element("video", { autoplay: true, muted: true, playsInline: true });
    this.video.setAttribute("aria-label", `Live picture of ${this.label}`);
    this.curtain = element("p", { className: "curtain", textContent: "waiting for its picture …" });
    this.caption = element("figcaption", { textContent: this.label });
    this.figure = element("figure", { className: "monitor" }, [
      this.video,
      this.curtain,
      this.caption,
    ]);
  }

  makeCard() {
    this.facts = {};
    const list = element("dl");
    const rows = [
      ["size", "Size"],
      ["position", "Position"],
      ["scale", "Scale"],
      ["picture", "Picture"],
      ["kind", "Captures"],
      ["set", "Set to"],
      ["rate", RATE_NAME],
    ];
    for (const [key, name] of rows) {
      const value = element("dd", { textContent: NONE });
      const row = element("div", {}, [element("dt", { textContent: name }), value]);
      if (key === "rate") row.title = RATE_HINT;
      this.facts[key] = value;
      list.append(row);
    }
    this.badges = element("p", { className: "badges" });
    this.blackButton = this.button("Black", () => this.toggleBlack());
    this.blackButton.setAttribute("aria-pressed", "false");
    this.stopButton = this.button("Stop", () => {
      this.stop();
      // The button is disabled now and would lose the focus to nowhere.
      this.card.tabIndex = -1;
      this.card.focus();
    });
    const heading = element("h3", { textContent: this.label });
    this.card = element("article", { className: "card" }, [
      element("div", { className: "card-head" }, [heading, this.badges]),
      list,
      element("div", { className: "actions" }, [this.blackButton, this.stopButton]),
    ]);
    this.constraints = constraintsForm(this.track, this.label);
    if (this.constraints) this.card.append(this.constraints);
  }

  button(name, act) {
    const button = element("button", { type: "button", textContent: name });
    button.setAttribute("aria-label", `${name}: ${this.label}`);
    button.addEventListener("click", act);
    return button;
  }

  listen() {
    this.track.onended = () => this.end("ended", "ended by the browser or its monitor");
    this.track.onmute = () => {
      log(this.label, "mute: the browser withholds its pictures");
      this.refresh();
    };
    this.track.onunmute = () => {
      log(this.label, "unmute");
      this.refresh();
    };
    this.video.addEventListener("resize", () => {
      log(this.label, `resize: pictures of ${this.video.videoWidth} × ${this.video.videoHeight}`);
      this.refresh();
      this.changed(this);
    });
    this.video.addEventListener("playing", () => {
      if (this.isShown) return;
      this.isShown = true;
      log(this.label, "live");
      this.refresh();
      this.changed(this);
    });
    this.video.addEventListener("error", () => {
      log(this.label, `the video failed: ${this.video.error?.message || "no reason given"}`);
    });
  }

  /** With `enabled` off, the track goes on with black pictures. */
  toggleBlack() {
    this.track.enabled = !this.track.enabled;
    log(this.label, this.track.enabled ? "shown again" : "made black: track.enabled = false");
    this.refresh();
  }

  stop() {
    if (!this.isLive) return;
    this.track.stop();
    this.end("stopped", "stopped by this page");
  }

  end(short, reason) {
    if (this.over) return;
    this.over = short;
    this.rate = null;
    this.video.srcObject = null;
    log(this.label, reason);
    this.refresh();
    this.changed(this);
  }

  /** Shows how things are now. */
  refresh() {
    this.showFacts();
    this.showState();
  }

  showFacts() {
    const { screen, track, video, facts } = this;
    const settings = track.getSettings();
    const set = (key, text) => {
      if (facts[key].textContent !== text) facts[key].textContent = text;
    };
    set("size", `${screen.width} × ${screen.height}`);
    set("position", `${screen.left}, ${screen.top}`);
    set("scale", `${round(screen.devicePixelRatio, 2)} ×`);
    set("picture", this.isLive && video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : NONE);
    set("kind", `${settings.displaySurface ?? "unknown"}, cursor ${settings.cursor ?? "unknown"}`);
    set("set", settings.frameRate === undefined ? NONE : `${round(settings.frameRate, 1)} frames/s`);
    set("rate", this.rateText);
    const badges = [
      screen.isPrimary ? "primary" : "",
      screen.isInternal ? "internal" : "external",
    ].filter(Boolean);
    if (this.badges.dataset.shown !== badges.join()) {
      this.badges.dataset.shown = badges.join();
      this.badges.replaceChildren(...badges.map(text => element("span", { textContent: text })));
    }
  }

  get rateText() {
    if (!this.isLive) return NONE;
    if (!this.rate) return "measuring …";
    return `${this.rate.isFloor ? "≥ " : ""}${this.rate.perSecond.toFixed(1)} ${RATE_UNIT}`;
  }

  showState() {
    const { track } = this;
    const isBlack = !track.enabled;
    let curtain = "";
    if (this.over) curtain = this.over;
    else if (track.muted) curtain = "muted: the privacy indicator is not seen";
    else if (!this.isShown) curtain = "waiting for its picture …";
    else if (isBlack) curtain = "made black";
    this.curtain.textContent = curtain;
    this.curtain.hidden = curtain === "";
    const state = this.over ? "over" : track.muted ? "muted" : isBlack ? "black" : "live";
    this.figure.dataset.state = state;
    this.card.dataset.state = state;
    this.blackButton.disabled = !this.isLive;
    this.blackButton.setAttribute("aria-pressed", String(isBlack));
    this.stopButton.disabled = !this.isLive;
    if (this.constraints) this.constraints.hidden = !this.isLive;
  }

  /** Takes a place on the map; null hides it. */
  putAt(place) {
    this.figure.hidden = !place;
    if (!place) return;
    for (const side of ["left", "top", "width", "height"]) {
      this.figure.style[side] = `${place[side].toFixed(2)}px`;
    }
  }

  /** Its line of window.captureReport(). */
  report() {
    const { left, top, width, height, devicePixelRatio } = this.screen;
    return {
      label: this.track.label,
      left,
      top,
      width,
      height,
      devicePixelRatio,
      framesPerSecond: this.rate ? this.rate.perSecond : null,
    };
  }
}

function round(number, digits) {
  return String(Number(number.toFixed(digits)));
}
