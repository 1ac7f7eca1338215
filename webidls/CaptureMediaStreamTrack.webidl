/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://w3c.github.io/mediacapture-main/#mediastreamtrack
// What Servo's MediaStreamTrack.webidl leaves out.

enum MediaStreamTrackState { "live", "ended" };

partial interface MediaStreamTrack {
    readonly attribute DOMString label;
    attribute boolean enabled;
    readonly attribute boolean muted;
    attribute EventHandler onmute;
    attribute EventHandler onunmute;
    readonly attribute MediaStreamTrackState readyState;
    attribute EventHandler onended;
    undefined stop();
    MediaTrackSettings getSettings();
};

// https://w3c.github.io/mst-content-hint/#extensions-to-mediastreamtrack
partial interface MediaStreamTrack {
    attribute DOMString contentHint;
};

// https://w3c.github.io/mediacapture-main/#dom-mediatracksettings and
// https://w3c.github.io/mediacapture-screen-share/#extensions-to-mediatracksettings
dictionary MediaTrackSettings {
    unsigned long width;
    unsigned long height;
    double aspectRatio;
    double frameRate;
    DOMString facingMode;
    DOMString resizeMode;
    unsigned long sampleRate;
    unsigned long sampleSize;
    boolean echoCancellation;
    boolean autoGainControl;
    boolean noiseSuppression;
    double latency;
    unsigned long channelCount;
    DOMString deviceId;
    DOMString groupId;
    DOMString displaySurface;
    boolean logicalSurface;
    DOMString cursor;
    boolean restrictOwnAudio;
    boolean suppressLocalAudioPlayback;
    double screenPixelRatio;
};
