/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// The information page. The browser hands it what to show, and a token that makes its buttons count;
// nothing is fetched, and all text goes in as text.

"use strict";

(() => {
    const LAYERS = {
        shipped: "this browser",
        user: "you",
        managed: "your administrator",
        narrowed: "preferences that changed since the start",
    };
    const EVENTS = {
        "grant": "Allowed",
        "refusal": "Refused",
        "start": "Began",
        "stop": "Stopped",
        "end": "Over",
        "indicator-fault": "Indicator not seen",
        "indicator-restored": "Indicator seen again",
        "policy-error": "Problem of the preferences",
        "policy-change": "Less is allowed",
        "recovered": "Record repaired",
        "gap": "Entries missing",
    };
    let token = "";
    // When the ages in what is shown were true.
    let shownAt = 0;
    // What each part shows, to leave alone what has not changed.
    const shown = new Map();

    function make(name, properties = {}, ...children) {
        const element = Object.assign(document.createElement(name), properties);
        element.append(...children);
        return element;
    }

    function byId(id) {
        return document.getElementById(id);
    }

    function keyOf(node) {
        return node?.dataset?.key;
    }

    // Makes a node like another one of its kind. Its listeners stay: what a button does follows from
    // its key.
    function patch(node, wanted) {
        if (node.nodeType === Node.TEXT_NODE) {
            if (node.data !== wanted.data) node.data = wanted.data;
            return;
        }
        for (const { name } of [...node.attributes]) {
            if (!wanted.hasAttribute(name)) node.removeAttribute(name);
        }
        for (const { name, value } of wanted.attributes) {
            if (node.getAttribute(name) !== value) node.setAttribute(name, value);
        }
        reconcile(node, [...wanted.childNodes]);
    }

    // Makes these the children of an element. A child with the key of a wanted one, or of its kind in
    // its place, becomes like it and is not replaced: what is pressed or focused stays what it is.
    function reconcile(parent, wanted) {
        const keys = new Set(wanted.map(keyOf));
        const kept = new Map();
        for (const child of [...parent.children]) {
            const key = keyOf(child);
            if (key === undefined) continue;
            if (keys.has(key) && !kept.has(key)) kept.set(key, child);
            else child.remove();
        }
        let next = parent.firstChild;
        for (const node of wanted) {
            const key = keyOf(node);
            const child = key === undefined ? next : kept.get(key);
            kept.delete(key);
            // What stands before it goes. It is not moved itself, which would cost it the focus.
            while (key !== undefined && child && next && next !== child && keyOf(next) === undefined) {
                const gone = next;
                next = next.nextSibling;
                gone.remove();
            }
            if (!child || keyOf(child) !== key || child.nodeName !== node.nodeName) {
                parent.insertBefore(node, next);
                continue;
            }
            if (child === next) next = next.nextSibling;
            else parent.insertBefore(child, next);
            patch(child, node);
        }
        while (next) {
            const gone = next;
            next = next.nextSibling;
            gone.remove();
        }
    }

    // Puts other content into a part of the page if `data` is other than last time.
    function update(id, data, content) {
        const text = JSON.stringify(data);
        if (shown.get(id) === text) return;
        shown.set(id, text);
        reconcile(byId(id), content());
    }

    function command(name, parameters = {}) {
        location.assign("servo:capture?" + new URLSearchParams({ token, do: name, ...parameters }));
    }

    // What the mouse was pressed on. Servo clicks on what is under it when it is released, which may
    // be another button that has just come there.
    let pressed = null;
    document.addEventListener("mousedown", ({ target }) => { pressed = target.closest("button"); });

    // A button of the same key does the same.
    function button(text, label, key, action, className = "") {
        const element = make("button", { type: "button", className }, text);
        element.setAttribute("aria-label", label);
        element.dataset.key = key;
        // Without a mouse there is no count of clicks.
        element.addEventListener("click", ({ detail }) => {
            if (detail === 0 || pressed === element) action();
        });
        return element;
    }

    function table(caption, heads, rows) {
        const cells = heads.map(head => {
            const cell = make("th", {}, head);
            cell.setAttribute("scope", "col");
            return cell;
        });
        const element = make("table", {}, make("thead", {}, make("tr", {}, ...cells)), make("tbody", {}, ...rows));
        element.setAttribute("aria-label", caption);
        return element;
    }

    function count(number, noun) {
        return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
    }

    function duration(milliseconds) {
        const seconds = Math.max(0, Math.floor(milliseconds / 1000));
        const minutes = Math.floor(seconds / 60);
        const hours = Math.floor(minutes / 60);
        if (hours > 0) return `${hours} h ${minutes % 60} min`;
        return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
    }

    function time(milliseconds) {
        const two = number => String(number).padStart(2, "0");
        const date = new Date(milliseconds);
        return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
            + `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    }

    function summary({ enabled, locked, allowed, captures }) {
        const live = captures.filter(({ age }) => age !== null);
        if (live.length > 0) {
            const origins = [...new Set(live.map(({ origin }) => origin))];
            return [`Your screens are captured now by ${origins.join(", ")}.`, true];
        }
        const may = allowed.filter(({ revoked }) => !revoked).length;
        if (!enabled || may === 0) return ["Nothing is captured, and no page may capture.", false];
        if (locked) return [`Nothing is captured, and nothing can be: ${locked}.`, false];
        const entries = may === 1 ? "1 entry below lets" : `${may} entries below let`;
        return [`Nothing is captured now. ${entries} pages capture at any time.`, false];
    }

    function showCaptures(state) {
        const { captures, may_stop } = state;
        if (captures.length === 0) return [make("p", { className: "quiet" }, "Nothing is captured.")];
        const items = captures.map(capture => {
            const { session, origin, pattern, age, monitors } = capture;
            const since = age === null
                ? make("p", { className: "quiet" }, "is about to capture")
                : make("p", {}, `${count(monitors.length, "monitor")} for `,
                    make("span", { className: "age" }), ` (since ${time(shownAt - age)})`);
            const ageText = since.querySelector(".age");
            if (ageText) {
                ageText.dataset.since = shownAt - age;
                ageText.textContent = duration(age);
            }
            const list = make("ul", { className: "small" }, ...monitors.map(monitor => make("li", {},
                `${monitor.label}, ${monitor.width} × ${monitor.height}`
                    + (monitor.muted ? ": held back, as its indicator is not seen or the display does not answer" : ""))));
            const actions = make("div", { className: "actions" });
            if (may_stop) {
                actions.append(button("Stop", `Stop the capture by ${origin}`, `stop ${session}`,
                    () => command("stop", { session })));
                if (pattern !== null) {
                    actions.append(button("Revoke", `Let ${origin} capture no more until the browser ends`,
                        `revoke ${session}`, () => command("revoke", { pattern })));
                }
            }
            const item = make("div", { className: "capture" },
                make("div", {}, make("p", { className: "name" }, origin), since, list), actions);
            item.dataset.key = `capture ${session}`;
            return item;
        });
        // Before the captures, so that it stays in its place however many more begin.
        const all = may_stop
            ? button("Stop all captures", "Stop all captures", "stop-all", () => command("stop-all"), "strong")
            : make("p", { className: "quiet" }, "Your administrator does not let you stop captures.");
        return [all, ...items];
    }

    function showAllowed({ enabled, may_stop, allowed, revoked, next_start }) {
        const content = [];
        if (!enabled) {
            content.push(make("p", {}, "Capturing is turned off: no page may capture, whatever is listed."));
        }
        if (allowed.length === 0) {
            content.push(make("p", { className: "quiet" }, "No page may capture."));
        } else {
            const rows = allowed.map(entry => {
                const action = make("td", { className: "action" });
                if (entry.revoked) {
                    action.append(make("span", { className: "quiet" }, "revoked"));
                } else if (may_stop) {
                    action.append(button("Revoke",
                        `Let ${entry.pattern} capture no more until the browser ends`,
                        `revoke ${entry.pattern}`, () => command("revoke", { pattern: entry.pattern })));
                }
                const row = make("tr", {},
                    make("td", {},
                        make("div", { className: entry.revoked ? "name gone" : "name" }, entry.pattern),
                        make("div", { className: "small quiet" }, entry.meaning)),
                    make("td", {}, "all monitors, without asking"),
                    make("td", {}, make("div", {}, LAYERS[entry.layer]),
                        make("div", { className: "small quiet where" }, entry.location)),
                    action);
                row.dataset.key = `allowed ${entry.pattern}`;
                return row;
            });
            content.push(table("Who may capture", ["Who", "What", "Allowed by", ""], rows));
        }
        const others = revoked.filter(pattern => !allowed.some(entry => entry.pattern === pattern));
        if (others.length > 0) {
            content.push(make("p", {}, `You have revoked: ${others.join(", ")}.`));
        }
        if (revoked.length > 0) {
            content.push(make("p", { className: "small quiet" }, "What you revoke stays revoked until the browser ends. "
                + "To take it away for good, take it out of the file that is named here."));
        } else if (!may_stop && allowed.length > 0) {
            content.push(make("p", { className: "quiet" }, "Your administrator does not let you revoke permissions."));
        }
        if (next_start.length > 0) {
            content.push(make("p", {}, "The preferences now also allow these. That takes effect at the next start:"),
                make("ul", {}, ...next_start.map(entry => make("li", {},
                    make("span", { className: "name" }, entry.pattern),
                    `: ${entry.meaning} (by ${LAYERS[entry.layer]}, ${entry.location})`))));
        }
        return content;
    }

    function showRecord({ record }) {
        const { enabled, required, directory, rows, problem } = record;
        const content = [];
        if (!enabled) content.push(make("p", {}, "No record of captures is kept."));
        if (required) content.push(make("p", {}, "Only what can be recorded may be captured."));
        if (problem !== null) content.push(make("p", {}, `The record cannot be read: ${problem}.`));
        if (directory !== null) {
            content.push(make("p", { className: "small quiet where" },
                `The newest entries of ${directory}; “captureshell record” prints all of them.`));
        }
        if (rows.length === 0) {
            content.push(make("p", { className: "quiet" }, "Nothing is recorded."));
            return content;
        }
        content.push(table("The newest entries of the record", ["When", "What", "Who", "Details"],
            rows.map(row => make("tr", {},
                make("td", { className: "time" }, time(row.time)),
                make("td", {}, EVENTS[row.event] ?? row.event),
                make("td", { className: "where" }, row.origin ?? ""),
                make("td", {}, row.what)))));
        return content;
    }

    function showAges() {
        for (const element of document.querySelectorAll(".age")) {
            const text = duration(Date.now() - Number(element.dataset.since));
            if (element.textContent !== text) element.textContent = text;
        }
    }

    function show(state, newToken) {
        token = newToken;
        shownAt = Date.now();
        const [text, isAlarm] = summary(state);
        // A status that says the same again is not read out again.
        if (byId("summary").textContent !== text) byId("summary").textContent = text;
        byId("summary").className = isAlarm ? "alarm" : "";
        byId("now").parentElement.className = isAlarm ? "alarm" : "";
        byId("problems-section").hidden = state.problems.length === 0;
        update("problem-list", state.problems, () => state.problems.map(problem => make("li", { className: "where" }, problem)));
        // Ages grow by themselves.
        const captures = state.captures.map(({ age, ...capture }) => ({ ...capture, waits: age === null }));
        update("captures", [captures, state.may_stop], () => showCaptures(state));
        const { enabled, may_stop, allowed, revoked, next_start } = state;
        update("allowed", [enabled, may_stop, allowed, revoked, next_start], () => showAllowed(state));
        update("record", state.record, () => showRecord(state));
        showAges();
    }

    setInterval(showAges, 1000);
    Object.defineProperty(globalThis, "captureInformation", { value: Object.freeze({ show }) });
})();
