/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

"use strict";

// Captures all screens, constrains each differently, and measures what really comes.

// What is asked of the first, second and third monitor.
const WISHES = [
    { width: 640, height: 360, frameRate: 5 },
    { width: { max: 800 }, frameRate: { max: 15 } },
    { frameRate: 30 },
];

async function measureThreeMonitors(milliseconds) {
    const streams = await navigator.mediaDevices.getAllScreensMedia();
    const monitors = streams.map((stream, index) => {
        const [track] = stream.getVideoTracks();
        return { stream, track, wish: WISHES[index % WISHES.length] };
    });
    await Promise.all(monitors.map(({ track, wish }) => track.applyConstraints(wish)));
    const rows = await Promise.all(monitors.map(monitor => measure(monitor, milliseconds)));
    for (const { track } of monitors) track.stop();
    return rows;
}

// Counts the frames of one monitor, by the video frame callbacks of a video.
async function measure({ stream, track, wish }, milliseconds) {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = stream;
    document.body.append(video);
    await video.play();
    const sizes = new Set();
    let frames = 0;
    let first = null;
    let last = null;
    await new Promise(resolve => {
        const begin = performance.now();
        video.requestVideoFrameCallback(function count(now, { width, height, presentedFrames }) {
            sizes.add(`${width}x${height}`);
            first ??= { now, presentedFrames };
            last = { now, presentedFrames };
            frames++;
            if (now - begin >= milliseconds) {
                resolve();
            } else {
                video.requestVideoFrameCallback(count);
            }
        });
    });
    const { width, height, frameRate } = track.getSettings();
    const seconds = (last.now - first.now) / 1000;
    return {
        monitor: track.label,
        surface: `${track.screenDetailed().width}x${track.screenDetailed().height}`,
        asked: JSON.stringify(wish),
        settings: { width, height, frameRate },
        sizes: [...sizes],
        frames,
        // Frames that were submitted, also those that no callback was called for.
        rate: (last.presentedFrames - first.presentedFrames) / seconds,
        video: `${video.videoWidth}x${video.videoHeight}`,
    };
}

// The rows as text, with a headline.
function tableOf(rows) {
    const head = ["Monitor", "Surface", "Asked", "Settings", "Measured size", "Measured rate"];
    return [head, ...rows.map(row => [
        row.monitor,
        row.surface,
        row.asked,
        `${row.settings.width}x${row.settings.height} at ${row.settings.frameRate}`,
        row.sizes.join(", "),
        row.rate.toFixed(1),
    ])];
}
