/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a `MediaStream` has beyond Servo's own: its id, and its tracks as a
//! player sees them.

use std::sync::Arc;

use servo_capture_traits::constraints::TrackKind;
use servo_capture_traits::{StreamTrack, StreamTracks};
use servo_media::streams::MediaStreamType;
use servo_media::streams::registry::MediaStreamId;

use crate::dom::mediastream::MediaStream;

/// The state of one stream.
pub(crate) struct StreamState {
    id: MediaStreamId,
    tracks: Arc<StreamTracks>,
}

impl StreamState {
    pub(crate) fn new() -> Self {
        let id = MediaStreamId::new();
        Self {
            id,
            tracks: StreamTracks::register(id.id()),
        }
    }

    /// By what a player finds the stream; the page's `id` is the same.
    pub(crate) fn id(&self) -> MediaStreamId {
        self.id
    }
}

impl Drop for StreamState {
    fn drop(&mut self) {
        StreamTracks::unregister(self.id.id());
    }
}

/// A track was added to a stream or removed from it: whoever plays the stream
/// plays other tracks from now on.
pub(crate) fn tracks_changed(stream: &MediaStream) {
    let state = stream.state();
    let tracks = {
        let tracks = stream.get_tracks();
        let tracks = tracks.iter().map(|track| {
            let id = track.capture().page_id(track.id());
            track.capture().joined(id, &state.tracks);
            StreamTrack {
                id,
                source: track.id(),
                kind: match track.ty() {
                    MediaStreamType::Audio => TrackKind::Audio,
                    MediaStreamType::Video => TrackKind::Video,
                },
                ended: track.capture().is_ended(),
            }
        });
        tracks.collect()
    };
    state.tracks.set(tracks);
}
