/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a `MediaStreamTrack` has beyond Servo's own: its state, and the source
//! of a capture track.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

use servo_capture_traits::constraints::{
    Constraints, SurfaceCapabilities, TrackSettings, reselect,
};
use servo_capture_traits::{
    CaptureClient, CaptureRequest, FrameBus, ScreenInfo, SourceId, SourceSettings, StreamTracks,
};
use servo_media::streams::MediaStreamType;
use servo_media::streams::registry::MediaStreamId;
use uuid::Uuid;

use super::applyconstraints::Applications;
use super::sink;
use crate::dom::bindings::codegen::Bindings::CaptureMediaStreamTrackBinding::MediaStreamTrackState;

/// A capture track's hold on its source. Dropped when the track is stopped,
/// has ended or is collected, and the capture stops with it.
pub(crate) struct SourceHandle {
    pub(crate) client: CaptureClient,
    pub(crate) source: SourceId,
    pub(crate) bus: Arc<FrameBus>,
}

impl Drop for SourceHandle {
    fn drop(&mut self) {
        sink::forget(self.source);
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
    content_hint: RefCell<String>,
    /// `None` for a track whose source does not tell: camera and microphone.
    capabilities: RefCell<Option<SurfaceCapabilities>>,
    constraints: RefCell<Constraints>,
    settings: RefCell<TrackSettings>,
    applications: Applications,
    source: RefCell<Option<SourceHandle>>,
    registration: RefCell<Option<TrackRegistration>>,
    /// The id of a clone that shares the stream of Servo's with its original.
    id_of_clone: Cell<Option<Uuid>>,
    /// The streams that the track is or was in, and its id there.
    streams: RefCell<Vec<(Weak<StreamTracks>, Uuid)>>,
}

impl TrackState {
    /// Makes this a live capture track.
    pub(crate) fn begin(
        &self,
        label: String,
        capabilities: SurfaceCapabilities,
        registration: TrackRegistration,
        source: SourceHandle,
    ) {
        self.label.replace(label);
        self.capabilities.replace(Some(capabilities));
        self.reselect();
        self.registration.replace(Some(registration));
        self.source.replace(Some(source));
    }

    /// Copies what a clone has in common with its original
    /// (<https://w3c.github.io/mediacapture-main/#track-clone>).
    pub(crate) fn copy_from(&self, original: &TrackState) {
        self.label.replace(original.label());
        self.content_hint.replace(original.content_hint());
        self.capabilities.replace(original.capabilities());
        self.constraints.replace(original.constraints());
        self.settings.replace(original.current_settings());
        self.set_enabled(original.is_enabled());
        self.muted.set(original.is_muted());
        self.ended.set(self.is_ended() || original.is_ended());
    }

    pub(crate) fn label(&self) -> String {
        self.label.borrow().clone()
    }

    pub(crate) fn set_label(&self, label: String) {
        self.label.replace(label);
    }

    pub(crate) fn content_hint(&self) -> String {
        self.content_hint.borrow().clone()
    }

    /// <https://w3c.github.io/mst-content-hint/#dom-mediastreamtrack-contenthint>
    ///
    /// A hint that is not one of the track's kind is ignored.
    pub(crate) fn set_content_hint(&self, kind: MediaStreamType, hint: String) {
        let hints = match kind {
            MediaStreamType::Audio => ["", "speech", "speech-recognition", "music"],
            MediaStreamType::Video => ["", "motion", "detail", "text"],
        };
        if hints.contains(&hint.as_str()) {
            self.content_hint.replace(hint);
        }
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

    /// <https://w3c.github.io/mediacapture-main/#dom-constrainablepattern-getcapabilities>
    pub(crate) fn capabilities(&self) -> Option<SurfaceCapabilities> {
        self.capabilities.borrow().clone()
    }

    /// <https://w3c.github.io/mediacapture-main/#dom-constrainablepattern-getconstraints>
    pub(crate) fn constraints(&self) -> Constraints {
        self.constraints.borrow().clone()
    }

    pub(crate) fn set_constraints(&self, constraints: Constraints) {
        self.constraints.replace(constraints);
    }

    /// The settings, also of an ended track.
    pub(crate) fn current_settings(&self) -> TrackSettings {
        self.settings.borrow().clone()
    }

    pub(crate) fn set_current_settings(&self, settings: TrackSettings) {
        self.settings.replace(settings);
    }

    /// <https://w3c.github.io/mediacapture-main/#dom-mediastreamtrack-getsettings>
    pub(crate) fn settings(&self) -> TrackSettings {
        let settings = self.settings.borrow();
        // Step 2: what identifies the source of an ended track.
        if self.is_ended() {
            settings.inherent()
        } else {
            // Step 3: the current settings.
            settings.clone()
        }
    }

    /// Calls of `applyConstraints()` that are not settled.
    pub(crate) fn applications(&self) -> &Applications {
        &self.applications
    }

    /// Selects settings for the present surface and constraints.
    pub(crate) fn reselect(&self) {
        if let Some(surface) = &*self.capabilities.borrow() {
            let constraints = self.constraints.borrow();
            let settings = reselect(&surface.candidates(), &constraints);
            self.settings.replace(settings);
        }
    }

    /// The surface has changed
    /// (<https://w3c.github.io/mediacapture-screen-share/#constrainable-properties-for-captured-display-surfaces>).
    /// Returns whether the service must be told what frames to make of it: after
    /// a change of its size it makes the whole surface.
    pub(crate) fn source_changed(&self, screen: &ScreenInfo, settings: &SourceSettings) -> bool {
        let is_resized = self
            .capabilities
            .borrow_mut()
            .as_mut()
            .is_some_and(|surface| surface.update(screen, settings));
        self.reselect();
        is_resized && !self.constraints.borrow().is_empty()
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
        // Players see that it gives nothing any more. Not under the borrow: they
        // act at once.
        for (stream, id) in self.streams.take() {
            if let Some(stream) = stream.upgrade() {
                stream.track_ended(id);
            }
        }
        true
    }

    /// `MediaStreamTrack.id`, where `stream` is what the media backend knows it by.
    pub(crate) fn page_id(&self, stream: MediaStreamId) -> Uuid {
        self.id_of_clone.get().unwrap_or_else(|| stream.id())
    }

    /// Gives a clone that shares its stream with another track an id of its own.
    pub(crate) fn set_id_of_clone(&self) {
        self.id_of_clone.set(Some(Uuid::new_v4()));
    }

    /// The track is in a stream, which is told when it ends.
    pub(crate) fn joined(&self, id: Uuid, stream: &Arc<StreamTracks>) {
        if self.is_ended() {
            return;
        }
        let mut streams = self.streams.borrow_mut();
        streams.retain(|(known, _)| known.strong_count() > 0);
        let stream = Arc::downgrade(stream);
        if !streams.iter().any(|(known, _)| known.ptr_eq(&stream)) {
            streams.push((stream, id));
        }
    }
}
