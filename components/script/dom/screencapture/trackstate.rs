/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a `MediaStreamTrack` has beyond Servo's own: its state, and the source
//! of a capture track.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use servo_capture_traits::{CaptureClient, CaptureRequest, FrameBus, SourceId, SourceSettings};
use uuid::Uuid;

use crate::dom::bindings::codegen::Bindings::CaptureMediaStreamTrackBinding::{
    MediaStreamTrackState, MediaTrackSettings,
};
use crate::dom::bindings::num::Finite;

/// A capture track's hold on its source. Dropped when the track is stopped,
/// has ended or is collected, and the capture stops with it.
pub(crate) struct SourceHandle {
    pub(crate) client: CaptureClient,
    pub(crate) source: SourceId,
    pub(crate) bus: Arc<FrameBus>,
}

impl Drop for SourceHandle {
    fn drop(&mut self) {
        // Err: the service is gone, and every capture with it.
        let _ = self.client.send(CaptureRequest::Stop {
            source: self.source,
        });
        self.bus.end();
    }
}

/// Makes a track's frames findable by the media backend for as long as the
/// track lives, ended or not: a player that is given an ended track must see
/// its end.
pub(crate) struct TrackRegistration(Uuid);

impl TrackRegistration {
    pub(crate) fn new(track: Uuid) -> (Self, Arc<FrameBus>) {
        (Self(track), FrameBus::register(track))
    }
}

impl Drop for TrackRegistration {
    fn drop(&mut self) {
        FrameBus::unregister(self.0);
    }
}

/// The state of one track.
#[derive(Default)]
pub(crate) struct TrackState {
    label: RefCell<String>,
    disabled: Cell<bool>,
    muted: Cell<bool>,
    ended: Cell<bool>,
    settings: RefCell<Option<SourceSettings>>,
    device_id: RefCell<String>,
    source: RefCell<Option<SourceHandle>>,
    registration: RefCell<Option<TrackRegistration>>,
}

impl TrackState {
    /// Makes this a live capture track.
    pub(crate) fn begin(
        &self,
        label: String,
        settings: SourceSettings,
        device_id: String,
        registration: TrackRegistration,
        source: SourceHandle,
    ) {
        self.label.replace(label);
        self.settings.replace(Some(settings));
        self.device_id.replace(device_id);
        self.registration.replace(Some(registration));
        self.source.replace(Some(source));
    }

    /// Copies what a clone has in common with its original
    /// (<https://w3c.github.io/mediacapture-main/#track-clone>).
    pub(crate) fn copy_from(&self, original: &TrackState) {
        self.label.replace(original.label());
        self.settings.replace(original.settings.borrow().clone());
        self.device_id.replace(original.device_id());
        self.set_enabled(original.is_enabled());
        self.muted.set(original.is_muted());
        self.ended.set(self.is_ended() || original.is_ended());
    }

    pub(crate) fn label(&self) -> String {
        self.label.borrow().clone()
    }

    pub(crate) fn device_id(&self) -> String {
        self.device_id.borrow().clone()
    }

    pub(crate) fn is_enabled(&self) -> bool {
        !self.disabled.get()
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.disabled.set(!enabled);
        if let Some(source) = &*self.source.borrow() {
            source.bus.set_enabled(enabled);
        }
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.muted.get()
    }

    /// Returns whether this changed anything.
    pub(crate) fn set_muted(&self, muted: bool) -> bool {
        !self.is_ended() && self.muted.replace(muted) != muted
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.get()
    }

    pub(crate) fn ready_state(&self) -> MediaStreamTrackState {
        if self.is_ended() {
            MediaStreamTrackState::Ended
        } else {
            MediaStreamTrackState::Live
        }
    }

    /// The client and source of a live capture track.
    pub(crate) fn source(&self) -> Option<(CaptureClient, SourceId)> {
        let source = self.source.borrow();
        source
            .as_ref()
            .map(|source| (source.client.clone(), source.source))
    }

    pub(crate) fn source_settings(&self) -> Option<SourceSettings> {
        self.settings.borrow().clone()
    }

    pub(crate) fn set_source_settings(&self, settings: SourceSettings) {
        self.settings.replace(Some(settings));
    }

    /// Makes this an ended capture track of the given id.
    pub(crate) fn stop_registered(&self, track: Uuid) {
        let (registration, bus) = TrackRegistration::new(track);
        bus.end();
        self.registration.replace(Some(registration));
        self.stop();
    }

    /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-stop>
    ///
    /// Returns whether the track was live.
    pub(crate) fn stop(&self) -> bool {
        // Steps 1 and 2: nothing happens to an ended track.
        if self.ended.replace(true) {
            return false;
        }
        // Step 3: the source is told that this track is done with it; for a
        // capture there is no other, so the capture stops. No event is fired.
        drop(self.source.take());
        true
    }

    /// <https://w3c.github.io/mediacapture-main/#dom-constrainablepattern-getsettings>
    ///
    /// Empty for a track whose source does not tell: camera and microphone.
    pub(crate) fn settings(&self) -> MediaTrackSettings {
        let mut dictionary = MediaTrackSettings::empty();
        let Some(settings) = self.source_settings() else {
            return dictionary;
        };
        dictionary.width = Some(settings.size.width);
        dictionary.height = Some(settings.size.height);
        let ratio = f64::from(settings.size.width) / f64::from(settings.size.height);
        dictionary.aspectRatio = Finite::new(ratio);
        dictionary.frameRate = Finite::new(settings.frame_rate);
        dictionary.resizeMode = Some("none".into());
        dictionary.deviceId = Some(self.device_id().into());
        dictionary.displaySurface = Some(settings.surface.to_string().into());
        // A monitor is a logical surface: it is captured whole, whatever
        // covers what.
        dictionary.logicalSurface = Some(true);
        dictionary.cursor = Some(settings.cursor.to_string().into());
        dictionary.screenPixelRatio = Finite::new(f64::from(settings.screen_pixel_ratio));
        dictionary
    }
}
