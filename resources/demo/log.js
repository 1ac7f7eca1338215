/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// The list of what happened, newest first.

/** How many events are kept. */
const LONGEST = 60;

const list = document.getElementById("log");

/** Adds an event of `subject`, a monitor's label or "page". */
export function log(subject, message) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = [now.getHours(), now.getMinutes(), now.getSeconds()]
    .map(number => String(number).padStart(2, "0"))
    .join(":");
  const who = document.createElement("b");
  who.textContent = subject;
  item.append(time, " ", who, " ", message);
  list.prepend(item);
  while (list.children.length > LONGEST) list.lastElementChild.remove();
}
