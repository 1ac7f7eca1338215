/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What `getUserMedia()` gives, and what is known of it. Servo's media backend
//! takes the first device that it finds and tells nothing of its settings.

use servo_capture_traits::constraints::TrackSettings;
use servo_media::ServoMedia;
use servo_media::streams::MediaStreamType;
use servo_media::streams::device_monitor::{MediaDeviceInfo, MediaDeviceKind};

use super::constraints::constraints_of;
use crate::dom::bindings::codegen::Bindings::MediaDevicesBinding::MediaStreamConstraints;
use crate::dom::bindings::codegen::UnionTypes::BooleanOrMediaTrackConstraints;
use crate::dom::bindings::error::Error;
use crate::dom::mediastream::MediaStream;
use crate::dom::mediastreamtrack::MediaStreamTrack;

fn is_asked_for(constraints: &BooleanOrMediaTrackConstraints) -> bool {
    !matches!(constraints, BooleanOrMediaTrackConstraints::Boolean(false))
}

/// Steps 2 and 3 of
/// <https://w3c.github.io/mediacapture-main/#dom-mediadevices-getusermedia>:
/// nothing is asked for.
pub(crate) fn nothing_asked_for(constraints: &MediaStreamConstraints) -> Option<Error> {
    if is_asked_for(&constraints.audio) || is_asked_for(&constraints.video) {
        return None;
    }
    Some(Error::Type(
        c"Failed to execute 'getUserMedia' on 'MediaDevices': neither audio nor video is asked for."
            .to_owned(),
    ))
}

/// Step 10.4 of the same: a kind that was asked for and that there is no device
/// of. Servo leaves its track out; but then there is no stream at all.
pub(crate) fn nothing_found(
    constraints: &MediaStreamConstraints,
    stream: &MediaStream,
) -> Option<Error> {
    let tracks = stream.get_tracks();
    let is_missing =
        |asked, kind| is_asked_for(asked) && !tracks.iter().any(|track| track.ty() == kind);
    let missing = if is_missing(&constraints.audio, MediaStreamType::Audio) {
        "microphone"
    } else if is_missing(&constraints.video, MediaStreamType::Video) {
        "camera"
    } else {
        return None;
    };
    for track in tracks.iter() {
        track.capture().stop();
    }
    Some(Error::NotFound(Some(format!(
        "Failed to execute 'getUserMedia' on 'MediaDevices': there is no {missing} that could be used."
    ))))
}

/// Keeps what `getUserMedia()` was given for a track, and what can be known of its
/// source.
pub(crate) fn remember(track: &MediaStreamTrack, asked: &BooleanOrMediaTrackConstraints) {
    if let BooleanOrMediaTrackConstraints::MediaTrackConstraints(dictionary) = asked {
        track.capture().set_constraints(constraints_of(dictionary));
    }
    let devices = ServoMedia::get().get_device_monitor().enumerate_devices();
    if let Some(device) = only_one(devices.unwrap_or_default(), track.ty()) {
        track.capture().set_label(device.label);
        track.capture().set_current_settings(TrackSettings {
            // As in enumerateDevices().
            device_id: Some(device.device_id),
            group_id: Some(String::new()),
            ..TrackSettings::default()
        });
    }
}

/// The device of a kind, if it must be this one.
fn only_one(devices: Vec<MediaDeviceInfo>, kind: MediaStreamType) -> Option<MediaDeviceInfo> {
    let mut devices = devices.into_iter().filter(|device| match device.kind {
        MediaDeviceKind::AudioInput => kind == MediaStreamType::Audio,
        MediaDeviceKind::VideoInput => kind == MediaStreamType::Video,
        MediaDeviceKind::AudioOutput => false,
    });
    let device = devices.next()?;
    devices.next().is_none().then_some(device)
}
