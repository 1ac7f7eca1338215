/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://w3c.github.io/mediacapture-main/#media-track-supported-constraints
// What Servo's MediaDevices.webidl and MediaStreamTrack.webidl leave out of
// constraints. The members of two specs are in one place: the extensions of
// https://w3c.github.io/mediacapture-screen-share/ come after displaySurface.
//
// The parser takes a partial dictionary only after the dictionary, and files in
// the order of their names: this one must come after MediaDevices.webidl.

partial interface MediaDevices {
    MediaTrackSupportedConstraints getSupportedConstraints();
};

partial interface MediaStreamTrack {
    MediaTrackCapabilities getCapabilities();
    MediaTrackConstraints getConstraints();
    Promise<undefined> applyConstraints(optional MediaTrackConstraints constraints = {});
};

// Without the default values of the spec: only what has an effect is true.
dictionary MediaTrackSupportedConstraints {
    boolean width;
    boolean height;
    boolean aspectRatio;
    boolean frameRate;
    boolean facingMode;
    boolean resizeMode;
    boolean sampleRate;
    boolean sampleSize;
    boolean echoCancellation;
    boolean autoGainControl;
    boolean noiseSuppression;
    boolean latency;
    boolean channelCount;
    boolean deviceId;
    boolean groupId;
    boolean displaySurface;
    boolean logicalSurface;
    boolean cursor;
    boolean restrictOwnAudio;
    boolean suppressLocalAudioPlayback;
    boolean screenPixelRatio;
};

dictionary MediaTrackCapabilities {
    ULongRange width;
    ULongRange height;
    DoubleRange aspectRatio;
    DoubleRange frameRate;
    sequence<DOMString> facingMode;
    sequence<DOMString> resizeMode;
    ULongRange sampleRate;
    ULongRange sampleSize;
    sequence<boolean> echoCancellation;
    sequence<boolean> autoGainControl;
    sequence<boolean> noiseSuppression;
    DoubleRange latency;
    ULongRange channelCount;
    DOMString deviceId;
    DOMString groupId;
    DOMString displaySurface;
    boolean logicalSurface;
    sequence<DOMString> cursor;
    sequence<boolean> restrictOwnAudio;
    sequence<boolean> suppressLocalAudioPlayback;
    DoubleRange screenPixelRatio;
};

dictionary ConstrainBooleanParameters {
    boolean exact;
    boolean ideal;
};

dictionary ConstrainDOMStringParameters {
    (DOMString or sequence<DOMString>) exact;
    (DOMString or sequence<DOMString>) ideal;
};

typedef (boolean or ConstrainBooleanParameters) ConstrainBoolean;
typedef (DOMString or sequence<DOMString> or ConstrainDOMStringParameters) ConstrainDOMString;

partial dictionary MediaTrackConstraintSet {
    ConstrainDOMString facingMode;
    ConstrainDOMString resizeMode;
    ConstrainULong sampleSize;
    ConstrainBoolean echoCancellation;
    ConstrainBoolean autoGainControl;
    ConstrainBoolean noiseSuppression;
    ConstrainDouble latency;
    ConstrainULong channelCount;
    ConstrainDOMString deviceId;
    ConstrainDOMString groupId;
    ConstrainDOMString displaySurface;
    ConstrainBoolean logicalSurface;
    ConstrainDOMString cursor;
    ConstrainBoolean restrictOwnAudio;
    ConstrainBoolean suppressLocalAudioPlayback;
    ConstrainDouble screenPixelRatio;
};
