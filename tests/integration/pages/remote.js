/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

"use strict";

// The page asks its site for commands, runs each as the body of an asynchronous function, and
// answers with one line of JSON on the console. Its channel is the query of its address.

const AsyncFunction = (async () => {}).constructor;
const FIRST_FRAME_TIMEOUT = 20000;

// One entry for each stream, in the order in which the page got them:
// { stream, track, video, ended: how often the event came, first: the first frame's pixels }
const shown = [];

async function obeyCommands() {
    const channel = location.search.slice(1);
    for (;;) {
        let text = "";
        try {
            // Not relative to the page's address, which may have a user name in it.
            text = await (await fetch(location.origin + "/command?" + channel)).text();
        } catch (_) {
            await delay(100);
        }
        if (!text) continue;
        const { id, script } = JSON.parse(text);
        const answer = { channel, id };
        try {
            answer.value = await new AsyncFunction(script)() ?? null;
        } catch (error) {
            answer.error = { name: error.name, message: error.message };
        }
        console.log(JSON.stringify(answer));
    }
}

function delay(milliseconds) {
    return new Promise(resolve => setTimeout(resolve, milliseconds));
}

// Captures all screens, shows each, and waits for the first frame of each.
async function capture() {
    const streams = await navigator.mediaDevices.getAllScreensMedia();
    const added = streams.map(show);
    await Promise.all(added.map(entry => entry.loaded));
    return added.map(describe);
}

function show(stream) {
    const video = document.createElement("video");
    const track = stream.getVideoTracks()[0];
    const entry = { stream, track, video, ended: 0, first: null };
    entry.loaded = new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error("no frame came in time")), FIRST_FRAME_TIMEOUT);
        video.onloadeddata = () => {
            entry.first = pixels(video);
            resolve();
        };
    });
    track.addEventListener("ended", () => entry.ended++);
    video.autoplay = true;
    video.muted = true;
    video.srcObject = stream;
    document.body.append(video);
    shown.push(entry);
    return entry;
}

// What can be known of a stream, without its pixels.
function describe({ stream, track, video, ended }) {
    const screen = track.screenDetailed();
    const settings = track.getSettings();
    return {
        interface: Object.prototype.toString.call(track),
        videoTracks: stream.getVideoTracks().length,
        audioTracks: stream.getAudioTracks().length,
        label: track.label,
        readyState: track.readyState,
        ended,
        settings: { width: settings.width, height: settings.height },
        screen: {
            left: screen.left,
            top: screen.top,
            width: screen.width,
            height: screen.height,
            isPrimary: screen.isPrimary,
            devicePixelRatio: screen.devicePixelRatio,
            label: screen.label,
        },
        video: { width: video.videoWidth, height: video.videoHeight },
    };
}

function describeAll() {
    return shown.map(describe);
}

function stopAll() {
    for (const { track } of shown) track.stop();
}

// Lets go of what was stopped.
function forgetAll() {
    for (const { video } of shown) {
        video.srcObject = null;
        video.remove();
    }
    shown.length = 0;
}

function pixels(video) {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
}

// The pixels of a stream's present frame at some points: red, green, blue, alpha.
function sample(index, points) {
    return pick(pixels(shown[index].video), points);
}

// The same of its first frame.
function sampleFirst(index, points) {
    return pick(shown[index].first, points);
}

function pick({ width, height, data }, points) {
    const at = ([x, y]) => Array.from(data.slice(4 * (y * width + x), 4 * (y * width + x) + 4));
    return { width, height, pixels: points.map(at) };
}

obeyCommands();
