/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://wicg.github.io/video-rvfc/

// https://wicg.github.io/video-rvfc/#dictdef-videoframecallbackmetadata
dictionary VideoFrameCallbackMetadata {
    required DOMHighResTimeStamp presentationTime;
    required DOMHighResTimeStamp expectedDisplayTime;

    required unsigned long width;
    required unsigned long height;
    required double mediaTime;

    required unsigned long presentedFrames;
    double processingDuration;

    DOMHighResTimeStamp captureTime;
    DOMHighResTimeStamp receiveTime;
    unsigned long rtpTimestamp;
};

// https://wicg.github.io/video-rvfc/#callbackdef-videoframerequestcallback
callback VideoFrameRequestCallback = undefined (DOMHighResTimeStamp now, VideoFrameCallbackMetadata metadata);

// https://wicg.github.io/video-rvfc/#video-rvfc
partial interface HTMLVideoElement {
    unsigned long requestVideoFrameCallback(VideoFrameRequestCallback callback);
    undefined cancelVideoFrameCallback(unsigned long handle);
};
