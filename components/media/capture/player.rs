/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The player of a `MediaStream`: finds out, track by track, whether the stream
//! is a capture, plays it accordingly, and follows when its tracks change.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use parking_lot::Mutex as Lock;
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::constraints::TrackKind;
use servo_capture_traits::{FrameBus, StreamTracks, StreamWatcher};
use servo_media::{MediaInstance, MediaInstanceError};
use servo_media_player::video::VideoFrameRenderer;
use servo_media_player::{Player, PlayerError, PlayerEvent};
use servo_media_streams::registry::MediaStreamId;
use uuid::Uuid;

use crate::arrangement::{Arrangement, TrackNames, VideoChoice, arrange};
use crate::inner::{InnerEvents, InnerPlayer, InnerPlayers, Wishes};
use crate::playback::{Orders, Outlet, Playback};

/// Our players' ids begin where the inner backend's counter never gets.
static NEXT_ID: AtomicUsize = AtomicUsize::new(usize::MAX / 2);

/// Plays a `MediaStream`.
pub(crate) struct StreamPlayer {
    id: usize,
    cast: Arc<Cast>,
}

/// Who plays what of the stream. Shared with the stream, which tells when its
/// tracks change.
struct Cast {
    sender: GenericCallback<PlayerEvent>,
    /// None in an audio element.
    video: Option<Arc<Mutex<dyn VideoFrameRenderer>>>,
    inner: InnerPlayers,
    wishes: Lock<Wishes>,
    parts: Lock<Parts>,
}

#[derive(Default)]
struct Parts {
    stream: Option<Arc<StreamTracks>>,
    choice: VideoChoice,
    /// The ids of the video tracks as the element was told them last.
    told: Vec<Uuid>,
    arrangement: Arrangement,
    /// Shows the stream's captures, from the first one on.
    capture: Option<Playback>,
    /// Plays the other tracks, if there are any.
    other: Option<InnerPlayer>,
}

impl StreamPlayer {
    pub(crate) fn new(
        sender: GenericCallback<PlayerEvent>,
        video: Option<Arc<Mutex<dyn VideoFrameRenderer>>>,
        inner: InnerPlayers,
    ) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            cast: Arc::new(Cast {
                sender,
                video,
                inner,
                wishes: Lock::new(Wishes {
                    playing: false,
                    muted: false,
                    volume: 1.0,
                    download_buffering: false,
                }),
                parts: Lock::default(),
            }),
        }
    }

    /// Passes a call on to the inner player, if there is one.
    fn with_other<R>(&self, call: impl FnOnce(&dyn Player) -> R) -> Option<R> {
        let parts = self.cast.parts.lock();
        parts.other.as_ref().map(|other| other.with(call))
    }

    fn other_or_ok(
        &self,
        call: impl FnOnce(&dyn Player) -> Result<(), PlayerError>,
    ) -> Result<(), PlayerError> {
        self.with_other(call).unwrap_or(Ok(()))
    }

    fn set_playing(&self, playing: bool) {
        self.cast.wishes.lock().playing = playing;
        if let Some(capture) = &self.cast.parts.lock().capture {
            capture.set_playing(playing);
        }
    }
}

impl StreamWatcher for Cast {
    fn tracks_changed(&self) {
        if let Err(error) = self.rearrange() {
            log::warn!("a stream's new tracks cannot be played: {error:?}");
        }
    }
}

impl Cast {
    /// Plays what the stream has now. Whoever shows a capture speaks to the
    /// element; the inner player does as long as there was none.
    fn rearrange(&self) -> Result<(), PlayerError> {
        let wishes = *self.wishes.lock();
        let mut guard = self.parts.lock();
        let parts = &mut *guard;
        let Some(stream) = &parts.stream else {
            return Ok(());
        };
        let tracks = stream.tracks();
        let names = TrackNames::of(&tracks);
        let video = tracks.iter().filter(|track| track.kind == TrackKind::Video);
        parts.told = video.map(|track| track.id).collect();
        let next = arrange(
            &tracks,
            self.video.is_some(),
            parts.choice,
            parts.arrangement.shown,
            |source| FrameBus::find(source.id()).is_some(),
        );
        let last = std::mem::replace(&mut parts.arrangement, next);
        let next = &parts.arrangement;
        if next.is_over && !last.is_over {
            // The element is paused, or will say that it wants to play on.
            self.wishes.lock().playing = false;
        }

        if parts.capture.is_none() && next.capture.is_none() {
            if let Some(other) = &parts.other {
                other.events.rename(&names);
                if next.is_over && !last.is_over {
                    other.events.end();
                }
            }
        } else {
            let orders = Orders {
                bus: next.capture.and_then(|source| FrameBus::find(source.id())),
                is_over: next.is_over,
                names: names.clone(),
            };
            let position = parts
                .other
                .as_ref()
                .and_then(|other| other.events.silence());
            match (&parts.capture, &self.video) {
                (Some(capture), _) => capture.follow(orders),
                (None, Some(video)) => {
                    let outlet = Outlet {
                        sender: self.sender.clone(),
                        video: video.clone(),
                    };
                    let capture = Playback::start(outlet, orders, wishes.playing, position)?;
                    parts.capture = Some(capture);
                }
                // No capture is arranged for an audio element.
                (None, None) => {}
            }
        }
        if next.others == last.others && next.others_show == last.others_show {
            return Ok(());
        }
        // A player of the inner backend takes all its tracks at the beginning.
        parts.other = None;
        if next.others.is_empty() {
            return Ok(());
        }
        let events = InnerEvents::new(self.sender.clone(), names, parts.capture.is_some());
        let video = self.video.clone().filter(|_| next.others_show);
        let other = InnerPlayer::start(&self.inner, next.others.clone(), video, wishes, events)?;
        parts.other = Some(other);
        Ok(())
    }
}

impl MediaInstance for StreamPlayer {
    fn get_id(&self) -> usize {
        self.id
    }

    // The inner backend knows its own players and does these to them itself.
    fn mute(&self, _: bool) -> Result<(), MediaInstanceError> {
        Ok(())
    }

    fn suspend(&self) -> Result<(), MediaInstanceError> {
        Ok(())
    }

    fn resume(&self) -> Result<(), MediaInstanceError> {
        Ok(())
    }
}

impl Player for StreamPlayer {
    fn play(&self) -> Result<(), PlayerError> {
        self.set_playing(true);
        self.other_or_ok(|player| player.play())
    }

    fn pause(&self) -> Result<(), PlayerError> {
        self.set_playing(false);
        self.other_or_ok(|player| player.pause())
    }

    fn paused(&self) -> bool {
        let capture = {
            let parts = self.cast.parts.lock();
            parts.capture.as_ref().map(Playback::is_playing)
        };
        match capture {
            Some(playing) => !playing,
            None => self
                .with_other(|player| player.paused())
                .unwrap_or(!self.cast.wishes.lock().playing),
        }
    }

    fn can_resume(&self) -> bool {
        self.with_other(|player| player.can_resume())
            .unwrap_or(true)
    }

    fn stop(&self) -> Result<(), PlayerError> {
        if let Some(capture) = &self.cast.parts.lock().capture {
            capture.stop();
        }
        self.other_or_ok(|player| player.stop())
    }

    fn seek(&self, _: f64) -> Result<(), PlayerError> {
        Err(PlayerError::NonSeekableStream)
    }

    fn seekable(&self) -> Vec<Range<f64>> {
        Vec::new()
    }

    fn set_mute(&self, muted: bool) -> Result<(), PlayerError> {
        self.cast.wishes.lock().muted = muted;
        self.other_or_ok(|player| player.set_mute(muted))
    }

    fn muted(&self) -> bool {
        self.cast.wishes.lock().muted
    }

    fn set_volume(&self, volume: f64) -> Result<(), PlayerError> {
        self.cast.wishes.lock().volume = volume;
        self.other_or_ok(|player| player.set_volume(volume))
    }

    fn volume(&self) -> f64 {
        self.cast.wishes.lock().volume
    }

    fn set_input_size(&self, size: u64) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.set_input_size(size))
    }

    fn set_seekable(&self, seekable: bool) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.set_seekable(seekable))
    }

    fn set_download_buffering_enabled(&self, enabled: bool) -> Result<(), PlayerError> {
        self.cast.wishes.lock().download_buffering = enabled;
        self.other_or_ok(|player| player.set_download_buffering_enabled(enabled))
    }

    fn set_playback_rate(&self, rate: f64) -> Result<(), PlayerError> {
        // A live stream has one speed.
        self.other_or_ok(|player| player.set_playback_rate(rate))
    }

    fn playback_rate(&self) -> f64 {
        self.with_other(|player| player.playback_rate())
            .unwrap_or(1.0)
    }

    fn push_data(&self, data: Vec<u8>) -> Result<(), PlayerError> {
        self.with_other(|player| player.push_data(data))
            .unwrap_or(Err(PlayerError::BufferPushFailed))
    }

    fn end_of_stream(&self) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.end_of_stream())
    }

    fn buffered(&self) -> Vec<Range<f64>> {
        self.with_other(|player| player.buffered())
            .unwrap_or_default()
    }

    /// `stream` is the id of a `MediaStream`, whose tracks are found and watched by
    /// it.
    fn set_stream(&self, stream: &MediaStreamId, _: bool) -> Result<(), PlayerError> {
        let tracks = StreamTracks::find(stream.id()).ok_or(PlayerError::SetStreamFailed)?;
        let watcher: Weak<Cast> = Arc::downgrade(&self.cast);
        tracks.watch(watcher);
        self.cast.parts.lock().stream = Some(tracks);
        self.cast.rearrange()
    }

    fn render_use_gl(&self) -> bool {
        if self.cast.parts.lock().capture.is_some() {
            return false;
        }
        self.with_other(|player| player.render_use_gl())
            .unwrap_or(false)
    }

    fn set_audio_track(&self, index: i32, enabled: bool) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.set_audio_track(index, enabled))
    }

    fn set_video_track(&self, index: i32, enabled: bool) -> Result<(), PlayerError> {
        {
            let mut parts = self.cast.parts.lock();
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let track = parts.told.get(index).copied();
            parts.choice = match (track, enabled) {
                (None, _) => return Err(PlayerError::SetTrackFailed),
                (Some(track), true) => VideoChoice::Track(track),
                (Some(track), false) if parts.arrangement.shown == Some(track) => {
                    VideoChoice::Nothing
                }
                // Another one is shown.
                (Some(_), false) => return Ok(()),
            };
        }
        self.cast.rearrange()
    }
}
