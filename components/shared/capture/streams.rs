/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The tracks of a `MediaStream`, for whatever plays it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use servo_media_streams::registry::MediaStreamId;
use uuid::Uuid;

use crate::constraints::TrackKind;

/// The streams of this process, by their ids. The media backend finds them here,
/// because a player is told no more than an id.
static STREAMS: LazyLock<Mutex<HashMap<Uuid, Arc<StreamTracks>>>> = LazyLock::new(Default::default);

/// A track of a stream.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct StreamTrack {
    /// `MediaStreamTrack.id`.
    pub id: Uuid,
    /// By what its source is found: the media backend's stream, or the
    /// [`FrameBus`](crate::FrameBus) of a capture. Clones may share it.
    pub source: MediaStreamId,
    /// What it carries.
    pub kind: TrackKind,
    /// Whether it gives nothing any more.
    pub ended: bool,
}

impl std::fmt::Debug for StreamTrack {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        let state = if self.ended { "ended" } else { "live" };
        write!(formatter, "{:?} {} ({state})", self.kind, self.id)
    }
}

/// Who wants to know when the tracks of a stream change.
pub trait StreamWatcher: Send + Sync {
    /// Another track, one less, or one that has ended. Called on the thread that
    /// changed it, with no lock held.
    fn tracks_changed(&self);
}

/// The tracks of one stream. It belongs to the stream; players look on.
#[derive(Default)]
pub struct StreamTracks {
    tracks: Mutex<Vec<StreamTrack>>,
    watchers: Mutex<Vec<Weak<dyn StreamWatcher>>>,
}

impl std::fmt::Debug for StreamTracks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter
            .debug_tuple("StreamTracks")
            .field(&*self.tracks.lock())
            .finish()
    }
}

impl StreamTracks {
    /// Tracks that [`StreamTracks::find`] finds by `stream` until
    /// [`StreamTracks::unregister`].
    pub fn register(stream: Uuid) -> Arc<Self> {
        let tracks = Arc::new(Self::default());
        STREAMS.lock().insert(stream, tracks.clone());
        tracks
    }

    /// The tracks of a stream of this process.
    pub fn find(stream: Uuid) -> Option<Arc<Self>> {
        STREAMS.lock().get(&stream).cloned()
    }

    /// Forgets a stream. Players that have its tracks keep them.
    pub fn unregister(stream: Uuid) {
        STREAMS.lock().remove(&stream);
    }

    /// The tracks in the order in which they were added.
    pub fn tracks(&self) -> Vec<StreamTrack> {
        self.tracks.lock().clone()
    }

    /// Says what the tracks are now.
    pub fn set(&self, tracks: Vec<StreamTrack>) {
        let changed = {
            let mut known = self.tracks.lock();
            let changed = *known != tracks;
            *known = tracks;
            changed
        };
        if changed {
            self.tell();
        }
    }

    /// A track has ended; nothing happens if it is not one of these.
    pub fn track_ended(&self, id: Uuid) {
        let mut changed = false;
        for track in self.tracks.lock().iter_mut() {
            changed |= track.id == id && !track.ended;
            track.ended |= track.id == id;
        }
        if changed {
            self.tell();
        }
    }

    /// From now on changes are told to `watcher`, for as long as it lives.
    pub fn watch(&self, watcher: Weak<dyn StreamWatcher>) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(watcher);
    }

    fn tell(&self) {
        let watchers: Vec<_> = self
            .watchers
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for watcher in watchers {
            watcher.tracks_changed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl StreamWatcher for Count {
        fn tracks_changed(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn some_tracks() -> [StreamTrack; 2] {
        [1, 2].map(|id| StreamTrack {
            id: Uuid::from_u128(id),
            source: MediaStreamId::new(),
            kind: TrackKind::Video,
            ended: false,
        })
    }

    fn watched() -> (StreamTracks, Arc<Count>) {
        let tracks = StreamTracks::default();
        let count = Arc::new(Count::default());
        let watcher: Weak<Count> = Arc::downgrade(&count);
        tracks.watch(watcher);
        (tracks, count)
    }

    #[test]
    fn watchers_hear_of_changes_only() {
        let (tracks, count) = watched();
        let heard = || count.0.load(Ordering::Relaxed);
        let [one, two] = some_tracks();
        tracks.set(Vec::new());
        assert_eq!(heard(), 0);
        tracks.set(vec![one, two]);
        assert_eq!(heard(), 1);
        tracks.set(vec![one, two]);
        assert_eq!(heard(), 1);
        tracks.track_ended(two.id);
        assert_eq!(heard(), 2);
        tracks.track_ended(two.id);
        tracks.track_ended(Uuid::from_u128(3));
        assert_eq!(heard(), 2);
        let ended: Vec<bool> = tracks.tracks().iter().map(|track| track.ended).collect();
        assert_eq!(ended, [false, true]);
    }

    #[test]
    fn watchers_that_are_gone_are_forgotten() {
        let (tracks, count) = watched();
        drop(count);
        tracks.set(some_tracks().to_vec());
        let next = Arc::new(Count::default());
        let watcher: Weak<Count> = Arc::downgrade(&next);
        tracks.watch(watcher);
        assert_eq!(tracks.watchers.lock().len(), 1);
    }

    #[test]
    fn a_stream_is_found_by_its_id_until_it_is_unregistered() {
        let id = Uuid::new_v4();
        let tracks = StreamTracks::register(id);
        let expected = some_tracks();
        tracks.set(expected.to_vec());
        assert_eq!(StreamTracks::find(id).unwrap().tracks(), expected);
        StreamTracks::unregister(id);
        assert!(StreamTracks::find(id).is_none());
    }
}
