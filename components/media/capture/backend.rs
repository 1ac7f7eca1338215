/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The media backend: capture streams are ours, the rest is the inner one's.

use std::sync::{Arc, Mutex};

use servo_base::generic_channel::GenericCallback;
use servo_media::{Backend, ClientContextId, SupportsMediaType};
use servo_media_audio::context::{AudioContext, AudioContextOptions};
use servo_media_audio::sink::AudioSinkError;
use servo_media_player::audio::AudioRenderer;
use servo_media_player::context::PlayerGLContext;
use servo_media_player::video::VideoFrameRenderer;
use servo_media_player::{Player, PlayerEvent, StreamType};
use servo_media_streams::capture::MediaTrackConstraintSet;
use servo_media_streams::device_monitor::MediaDeviceMonitor;
use servo_media_streams::registry::MediaStreamId;
use servo_media_streams::{MediaOutput, MediaSocket, MediaStreamType};
use servo_media_webrtc::{WebRtcController, WebRtcSignaller};

use crate::inner::InnerPlayers;
use crate::player::StreamPlayer;
use crate::webrtc::CaptureWebRtc;

/// A backend that plays `MediaStream`s through [`StreamPlayer`] and leaves
/// everything else to another backend.
pub struct CaptureBackend {
    inner: Arc<dyn Backend>,
}

impl CaptureBackend {
    /// Around an inner backend.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner }
    }
}

impl Backend for CaptureBackend {
    fn create_player(
        &self,
        id: &ClientContextId,
        stream_type: StreamType,
        sender: GenericCallback<PlayerEvent>,
        video: Option<Arc<Mutex<dyn VideoFrameRenderer>>>,
        audio: Option<Arc<Mutex<dyn AudioRenderer>>>,
        gl_context: Box<dyn PlayerGLContext>,
    ) -> Arc<Mutex<dyn Player>> {
        match stream_type {
            // Whether the stream is a capture shows when its tracks are known.
            StreamType::Stream => {
                let inner = InnerPlayers::new(self.inner.clone(), *id, audio, &*gl_context);
                Arc::new(Mutex::new(StreamPlayer::new(sender, video, inner)))
            }
            StreamType::Seekable => {
                self.inner
                    .create_player(id, stream_type, sender, video, audio, gl_context)
            }
        }
    }

    fn create_audiostream(&self) -> MediaStreamId {
        self.inner.create_audiostream()
    }

    fn create_videostream(&self) -> MediaStreamId {
        self.inner.create_videostream()
    }

    fn create_stream_output(&self) -> Box<dyn MediaOutput> {
        self.inner.create_stream_output()
    }

    fn create_stream_and_socket(
        &self,
        ty: MediaStreamType,
    ) -> (Box<dyn MediaSocket>, MediaStreamId) {
        self.inner.create_stream_and_socket(ty)
    }

    fn create_audioinput_stream(&self, set: MediaTrackConstraintSet) -> Option<MediaStreamId> {
        self.inner.create_audioinput_stream(set)
    }

    fn create_videoinput_stream(&self, set: MediaTrackConstraintSet) -> Option<MediaStreamId> {
        self.inner.create_videoinput_stream(set)
    }

    fn create_audio_context(
        &self,
        id: &ClientContextId,
        options: AudioContextOptions,
    ) -> Result<Arc<Mutex<AudioContext>>, AudioSinkError> {
        self.inner.create_audio_context(id, options)
    }

    fn create_webrtc(&self, signaller: Box<dyn WebRtcSignaller>) -> WebRtcController {
        WebRtcController::new::<CaptureWebRtc>(signaller)
    }

    fn can_play_type(&self, media_type: &str) -> SupportsMediaType {
        self.inner.can_play_type(media_type)
    }

    fn set_capture_mocking(&self, mock: bool) {
        self.inner.set_capture_mocking(mock);
    }

    // Capture players need no word of these: the service ends the captures of a
    // document that is left, and a capture has no sound.
    fn mute(&self, id: &ClientContextId, value: bool) {
        self.inner.mute(id, value);
    }

    fn suspend(&self, id: &ClientContextId) {
        self.inner.suspend(id);
    }

    fn resume(&self, id: &ClientContextId) {
        self.inner.resume(id);
    }

    fn get_device_monitor(&self) -> Box<dyn MediaDeviceMonitor> {
        self.inner.get_device_monitor()
    }
}
