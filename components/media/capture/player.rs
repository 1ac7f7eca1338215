/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The player of a `MediaStream`: finds out, track by track, whether the stream
//! is a capture, and plays it accordingly.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use parking_lot::Mutex as Lock;
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::FrameBus;
use servo_media::{Backend, ClientContextId, MediaInstance, MediaInstanceError};
use servo_media_player::audio::AudioRenderer;
use servo_media_player::context::{GlApi, GlContext, NativeDisplay, PlayerGLContext};
use servo_media_player::video::VideoFrameRenderer;
use servo_media_player::{Player, PlayerError, PlayerEvent, StreamType};
use servo_media_streams::registry::MediaStreamId;

use crate::playback::Playback;

/// Our players' ids begin where the inner backend's counter never gets.
static NEXT_ID: AtomicUsize = AtomicUsize::new(usize::MAX / 2);

/// Makes players of the inner backend, once it is known that one is needed.
pub(crate) struct InnerPlayers {
    backend: Arc<dyn Backend>,
    context: ClientContextId,
    audio: Option<Arc<Mutex<dyn AudioRenderer>>>,
    gl: OwnedGlContext,
}

/// A `PlayerGLContext` that can be kept and sent.
#[derive(Clone)]
struct OwnedGlContext {
    context: GlContext,
    display: NativeDisplay,
    api: GlApi,
}

impl PlayerGLContext for OwnedGlContext {
    fn get_gl_context(&self) -> GlContext {
        self.context.clone()
    }

    fn get_native_display(&self) -> NativeDisplay {
        self.display.clone()
    }

    fn get_gl_api(&self) -> GlApi {
        self.api.clone()
    }
}

impl InnerPlayers {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        context: ClientContextId,
        audio: Option<Arc<Mutex<dyn AudioRenderer>>>,
        gl: &dyn PlayerGLContext,
    ) -> Self {
        let gl = OwnedGlContext {
            context: gl.get_gl_context(),
            display: gl.get_native_display(),
            api: gl.get_gl_api(),
        };
        Self {
            backend,
            context,
            audio,
            gl,
        }
    }

    fn create(
        &self,
        sender: GenericCallback<PlayerEvent>,
        video: Option<Arc<Mutex<dyn VideoFrameRenderer>>>,
    ) -> Arc<Mutex<dyn Player>> {
        self.backend.create_player(
            &self.context,
            StreamType::Stream,
            sender,
            video,
            self.audio.clone(),
            Box::new(self.gl.clone()),
        )
    }
}

/// What was asked of the player before it was known what it plays.
#[derive(Clone, Copy)]
struct Wishes {
    playing: bool,
    muted: bool,
    volume: f64,
    download_buffering: bool,
}

#[derive(Default)]
struct Parts {
    /// The tracks that came before the last one.
    tracks: Vec<MediaStreamId>,
    /// Shows the stream's capture track, if it has one.
    capture: Option<Playback>,
    /// Plays the other tracks, if there are any.
    other: Option<Arc<Mutex<dyn Player>>>,
}

/// Plays a `MediaStream`.
pub(crate) struct StreamPlayer {
    id: usize,
    sender: GenericCallback<PlayerEvent>,
    video: Arc<Mutex<dyn VideoFrameRenderer>>,
    inner: InnerPlayers,
    wishes: Lock<Wishes>,
    parts: Lock<Parts>,
}

impl StreamPlayer {
    pub(crate) fn new(
        sender: GenericCallback<PlayerEvent>,
        video: Arc<Mutex<dyn VideoFrameRenderer>>,
        inner: InnerPlayers,
    ) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
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
        }
    }

    /// Passes a call on to the inner player, if there is one.
    fn with_other<R>(&self, call: impl FnOnce(&dyn Player) -> R) -> Option<R> {
        let other = self.parts.lock().other.clone()?;
        let player = other.lock().unwrap_or_else(PoisonError::into_inner);
        Some(call(&*player))
    }

    fn other_or_ok(
        &self,
        call: impl FnOnce(&dyn Player) -> Result<(), PlayerError>,
    ) -> Result<(), PlayerError> {
        self.with_other(call).unwrap_or(Ok(()))
    }

    /// All tracks are known: the first capture track is shown; the rest goes to
    /// an inner player, which speaks to the element only if there is no capture.
    fn begin(&self, tracks: &[MediaStreamId]) -> Result<(), PlayerError> {
        let wishes = *self.wishes.lock();
        let mut capture = None;
        let mut others = Vec::new();
        for track in tracks {
            match FrameBus::find(track.id()) {
                Some(bus) if capture.is_none() => capture = Some(bus),
                // A second video track is not shown
                // (https://w3c.github.io/mediacapture-main/#mediastreams-in-media-elements).
                Some(_) => {}
                None => others.push(*track),
            }
        }
        let capture = match capture {
            None => None,
            Some(bus) => Some(Playback::start(
                bus,
                self.sender.clone(),
                self.video.clone(),
                wishes.playing,
            )?),
        };
        let other = match (others.is_empty(), &capture) {
            (true, _) => None,
            (false, None) => Some(
                self.inner
                    .create(self.sender.clone(), Some(self.video.clone())),
            ),
            (false, Some(_)) => {
                let silent = GenericCallback::new(|_| {})
                    .map_err(|error| PlayerError::Backend(error.to_string()))?;
                Some(self.inner.create(silent, None))
            }
        };
        if let Some(other) = &other {
            let player = other.lock().unwrap_or_else(PoisonError::into_inner);
            player.set_download_buffering_enabled(wishes.download_buffering)?;
            player.set_mute(wishes.muted)?;
            player.set_volume(wishes.volume)?;
            for (index, track) in others.iter().enumerate() {
                player.set_stream(track, index + 1 == others.len())?;
            }
            if wishes.playing {
                player.play()?;
            }
        }
        let mut parts = self.parts.lock();
        parts.capture = capture;
        parts.other = other;
        Ok(())
    }

    fn set_playing(&self, playing: bool) {
        self.wishes.lock().playing = playing;
        if let Some(capture) = &self.parts.lock().capture {
            capture.set_playing(playing);
        }
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
        let capture = self.parts.lock().capture.as_ref().map(Playback::is_playing);
        match capture {
            Some(playing) => !playing,
            None => self
                .with_other(|player| player.paused())
                .unwrap_or(!self.wishes.lock().playing),
        }
    }

    fn can_resume(&self) -> bool {
        self.with_other(|player| player.can_resume())
            .unwrap_or(true)
    }

    fn stop(&self) -> Result<(), PlayerError> {
        if let Some(capture) = &self.parts.lock().capture {
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
        self.wishes.lock().muted = muted;
        self.other_or_ok(|player| player.set_mute(muted))
    }

    fn muted(&self) -> bool {
        self.wishes.lock().muted
    }

    fn set_volume(&self, volume: f64) -> Result<(), PlayerError> {
        self.wishes.lock().volume = volume;
        self.other_or_ok(|player| player.set_volume(volume))
    }

    fn volume(&self) -> f64 {
        self.wishes.lock().volume
    }

    fn set_input_size(&self, size: u64) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.set_input_size(size))
    }

    fn set_seekable(&self, seekable: bool) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.set_seekable(seekable))
    }

    fn set_download_buffering_enabled(&self, enabled: bool) -> Result<(), PlayerError> {
        self.wishes.lock().download_buffering = enabled;
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

    fn set_stream(&self, stream: &MediaStreamId, is_last: bool) -> Result<(), PlayerError> {
        let tracks = {
            let mut parts = self.parts.lock();
            parts.tracks.push(*stream);
            if !is_last {
                return Ok(());
            }
            std::mem::take(&mut parts.tracks)
        };
        self.begin(&tracks)
    }

    fn render_use_gl(&self) -> bool {
        if self.parts.lock().capture.is_some() {
            return false;
        }
        self.with_other(|player| player.render_use_gl())
            .unwrap_or(false)
    }

    fn set_audio_track(&self, index: i32, enabled: bool) -> Result<(), PlayerError> {
        self.other_or_ok(|player| player.set_audio_track(index, enabled))
    }

    fn set_video_track(&self, index: i32, enabled: bool) -> Result<(), PlayerError> {
        if self.parts.lock().capture.is_some() {
            return Ok(());
        }
        self.other_or_ok(|player| player.set_video_track(index, enabled))
    }
}
