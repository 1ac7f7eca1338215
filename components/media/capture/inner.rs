/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The inner backend's player, which plays what of a stream is no capture.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parking_lot::Mutex as Lock;
use servo_base::generic_channel::GenericCallback;
use servo_media::{Backend, ClientContextId};
use servo_media_player::audio::AudioRenderer;
use servo_media_player::context::{GlApi, GlContext, NativeDisplay, PlayerGLContext};
use servo_media_player::metadata::Metadata;
use servo_media_player::video::VideoFrameRenderer;
use servo_media_player::{Player, PlayerError, PlayerEvent, StreamType};
use servo_media_streams::registry::{MediaStreamId, get_stream};

use crate::arrangement::TrackNames;

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
pub(crate) struct Wishes {
    pub(crate) playing: bool,
    pub(crate) muted: bool,
    pub(crate) volume: f64,
    pub(crate) download_buffering: bool,
}

/// A player of the inner backend. It stops when it is dropped.
pub(crate) struct InnerPlayer {
    player: Arc<Mutex<dyn Player>>,
    pub(crate) events: Arc<InnerEvents>,
    /// The sources that it was given.
    pub(crate) tracks: Vec<MediaStreamId>,
}

impl InnerPlayer {
    /// Plays `tracks`.
    ///
    /// # Errors
    /// The backend's.
    pub(crate) fn start(
        players: &InnerPlayers,
        tracks: Vec<MediaStreamId>,
        video: Option<Arc<Mutex<dyn VideoFrameRenderer>>>,
        wishes: Wishes,
        events: Arc<InnerEvents>,
    ) -> Result<Self, PlayerError> {
        let player = players.create(events.callback()?, video);
        let this = Self {
            player,
            events,
            tracks,
        };
        // The backend panics at an id that it does not know.
        let known = this.tracks.iter().filter(|id| get_stream(id).is_some());
        let known: Vec<_> = known.collect();
        this.with(|player| {
            player.set_download_buffering_enabled(wishes.download_buffering)?;
            player.set_mute(wishes.muted)?;
            player.set_volume(wishes.volume)?;
            for (index, track) in known.iter().enumerate() {
                player.set_stream(track, index + 1 == known.len())?;
            }
            if wishes.playing {
                player.play()?;
            }
            Ok(())
        })?;
        Ok(this)
    }

    pub(crate) fn with<R>(&self, call: impl FnOnce(&dyn Player) -> R) -> R {
        let player = self.player.lock().unwrap_or_else(PoisonError::into_inner);
        call(&*player)
    }
}

impl Drop for InnerPlayer {
    fn drop(&mut self) {
        if let Err(error) = self.with(|player| player.stop()) {
            log::debug!("the inner player does not stop: {error:?}");
        }
    }
}

/// What an inner player tells, on its way to the element: with the stream's own
/// track ids, and only while no capture is shown, whose player speaks then.
pub(crate) struct InnerEvents {
    sender: GenericCallback<PlayerEvent>,
    state: Lock<InnerState>,
}

struct InnerState {
    is_silent: bool,
    names: TrackNames,
    /// The last position that was told.
    position: Duration,
    /// The last metadata; none as long as the element has nothing of it.
    metadata: Option<Metadata>,
}

impl InnerEvents {
    pub(crate) fn new(
        sender: GenericCallback<PlayerEvent>,
        names: TrackNames,
        is_silent: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            sender,
            state: Lock::new(InnerState {
                is_silent,
                names,
                position: Duration::ZERO,
                metadata: None,
            }),
        })
    }

    fn callback(self: &Arc<Self>) -> Result<GenericCallback<PlayerEvent>, PlayerError> {
        let events = self.clone();
        GenericCallback::new(move |event| match event {
            Ok(event) => events.pass(event),
            Err(error) => log::warn!("the inner player said what is no event: {error:?}"),
        })
        .map_err(|error| PlayerError::Backend(error.to_string()))
    }

    fn pass(&self, mut event: PlayerEvent) {
        {
            let mut state = self.state.lock();
            match &mut event {
                PlayerEvent::PositionChanged(position) => {
                    state.position = Duration::try_from_secs_f64(*position).unwrap_or_default();
                }
                PlayerEvent::MetadataUpdated(metadata) => {
                    metadata.audio_tracks.clone_from(&state.names.audio);
                    metadata.video_tracks.clone_from(&state.names.video);
                    state.metadata = Some(metadata.clone());
                }
                _ => {}
            }
            if state.is_silent {
                return;
            }
        }
        self.send(event);
    }

    fn send(&self, event: PlayerEvent) {
        if let Err(error) = self.sender.send(event) {
            log::debug!("the media element is gone: {error:?}");
        }
    }

    /// A capture is shown from now on. Returns the element's position, if it has
    /// metadata.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        state.is_silent = true;
        state.metadata.as_ref().map(|_| state.position)
    }

    /// The stream has other tracks; the element is told.
    pub(crate) fn rename(&self, names: &TrackNames) {
        let metadata = {
            let mut state = self.state.lock();
            if state.names == *names {
                return;
            }
            state.names.clone_from(names);
            let Some(metadata) = &mut state.metadata else {
                return;
            };
            metadata.audio_tracks.clone_from(&names.audio);
            metadata.video_tracks.clone_from(&names.video);
            metadata.clone()
        };
        self.pass(PlayerEvent::MetadataUpdated(metadata));
    }

    /// Nothing is left to be played. The element is told if it had begun.
    pub(crate) fn end(&self) {
        let position = {
            let state = self.state.lock();
            if state.is_silent || state.metadata.is_none() {
                return;
            }
            state.position
        };
        // Without a duration the element does not count as ended.
        self.send(PlayerEvent::DurationChanged(Some(position)));
        self.send(PlayerEvent::EndOfStream);
    }
}
