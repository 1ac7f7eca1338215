/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Shows one capture stream in one element: a thread between the stream's
//! [`FrameBus`] and the element's renderer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use euclid::Size2D;
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::{BusUpdate, CapturedFrame, FrameBus, MonitorPixel};
use servo_media_player::metadata::Metadata;
use servo_media_player::video::{Buffer, VideoFrame, VideoFrameData, VideoFrameRenderer};
use servo_media_player::{PlaybackState, PlayerError, PlayerEvent};

use crate::copies::Copies;

/// How often `currentTime` goes on while it plays; the media element fires
/// `timeupdate` no more often
/// (<https://html.spec.whatwg.org/multipage/#time-marches-on>).
const POSITION_PERIOD: Duration = Duration::from_millis(250);

/// How long to wait for a renderer to let go of a copy when it holds all of
/// them; nobody tells when it does.
const BUSY_PERIOD: Duration = Duration::from_millis(5);

/// The controls of a running playback. Dropping them ends it.
pub(crate) struct Playback {
    shared: Arc<Shared>,
}

struct Shared {
    bus: Arc<FrameBus>,
    sender: GenericCallback<PlayerEvent>,
    video: Arc<Mutex<dyn VideoFrameRenderer>>,
    playing: AtomicBool,
    stopped: AtomicBool,
    /// Set when one of the above has changed.
    interrupt: AtomicBool,
}

impl Playback {
    /// Starts to show `bus`, paused: the first frame is shown all the same.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(
        bus: Arc<FrameBus>,
        sender: GenericCallback<PlayerEvent>,
        video: Arc<Mutex<dyn VideoFrameRenderer>>,
        playing: bool,
    ) -> Result<Self, PlayerError> {
        let shared = Arc::new(Shared {
            bus,
            sender,
            video,
            playing: playing.into(),
            stopped: false.into(),
            interrupt: false.into(),
        });
        let thread_shared = shared.clone();
        thread::Builder::new()
            .name("CapturePlayback".to_owned())
            .spawn(move || Pump::new(&thread_shared).run())
            .map_err(|error| PlayerError::Backend(error.to_string()))?;
        Ok(Self { shared })
    }

    /// Plays or pauses, and tells the element if that is a change.
    pub(crate) fn set_playing(&self, playing: bool) {
        if self.is_playing() == playing {
            return;
        }
        // Before the thread knows, so that the element hears of it before the
        // frames that follow from it.
        self.shared.tell(PlayerEvent::StateChanged(if playing {
            PlaybackState::Playing
        } else {
            PlaybackState::Paused
        }));
        self.shared.playing.store(playing, Ordering::Release);
        self.shared.interrupt();
    }

    /// Whether it plays.
    pub(crate) fn is_playing(&self) -> bool {
        self.shared.playing.load(Ordering::Acquire)
    }

    /// Ends it without an event.
    pub(crate) fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.interrupt();
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn interrupt(&self) {
        self.interrupt.store(true, Ordering::Release);
        self.bus.wake();
    }

    fn tell(&self, event: PlayerEvent) {
        if let Err(error) = self.sender.send(event) {
            log::debug!("the media element is gone: {error:?}");
        }
    }
}

/// A copy on its way to a renderer.
struct CopyBuffer(Arc<Vec<u8>>);

impl Buffer for CopyBuffer {
    fn to_vec(&self) -> Option<VideoFrameData> {
        Some(VideoFrameData::Raw(self.0.clone()))
    }
}

/// The thread's own state.
struct Pump<'a> {
    shared: &'a Shared,
    /// Version of the bus that is on screen; 0: none yet.
    shown: u64,
    size: (u32, u32),
    copies: Copies,
    /// When to try again to show the newest frame, if there was no room for it.
    retry_at: Option<Instant>,
    /// Played time up to the last pause.
    played: Duration,
    /// When it was played on, if it plays.
    since: Option<Instant>,
    /// When the element is told the position next.
    next_position: Instant,
}

impl<'a> Pump<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            shown: 0,
            size: (0, 0),
            copies: Copies::default(),
            retry_at: None,
            played: Duration::ZERO,
            since: None,
            next_position: Instant::now(),
        }
    }

    fn run(mut self) {
        // While paused, frames are looked at but not shown.
        let mut seen = 0;
        loop {
            if self.shared.stopped.load(Ordering::Acquire) {
                return;
            }
            let playing = self.keep_time();
            if playing {
                // A frame that there was no room for waits for its time, or for
                // a newer one.
                if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                    self.retry_at = None;
                    seen = self.shown;
                }
                self.tell_position();
            }
            let deadline = playing.then(|| {
                self.retry_at
                    .map_or(self.next_position, |at| at.min(self.next_position))
            });
            match self.shared.bus.wait(seen, &self.shared.interrupt, deadline) {
                BusUpdate::Frame { frame, version } => {
                    if self.shown == 0 || playing {
                        self.show(frame, version);
                    }
                    seen = version;
                }
                BusUpdate::TimedOut | BusUpdate::Interrupted => {}
                BusUpdate::Ended => return self.end(),
            }
        }
    }

    /// Counts the time that was played; returns whether it plays now.
    fn keep_time(&mut self) -> bool {
        let playing = self.shared.playing.load(Ordering::Acquire) && self.shown != 0;
        match (playing, self.since) {
            (true, None) => self.since = Some(Instant::now()),
            (false, Some(since)) => {
                self.played += since.elapsed();
                self.since = None;
            }
            _ => {}
        }
        playing
    }

    /// Tells the position when it is due, however many frames come.
    fn tell_position(&mut self) {
        let now = Instant::now();
        if now >= self.next_position {
            self.next_position = now + POSITION_PERIOD;
            self.shared
                .tell(PlayerEvent::PositionChanged(self.position().as_secs_f64()));
        }
    }

    fn position(&self) -> Duration {
        self.played + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Shows a version of the bus, unless its picture cannot be copied or there
    /// is no room for it now.
    fn show(&mut self, frame: CapturedFrame, version: u64) {
        let copy = match self.copies.update(&frame) {
            Ok(Some(copy)) => copy,
            Ok(None) => {
                self.retry_at = Some(Instant::now() + BUSY_PERIOD);
                return;
            }
            Err(error) => {
                log::error!("a frame cannot be shown: {error}");
                self.retry_at = Some(Instant::now() + POSITION_PERIOD);
                return;
            }
        };
        let size = frame.size;
        // The service has its picture back before anything else happens.
        drop(frame);
        self.present(copy, size);
        self.shown = version;
    }

    fn present(&mut self, copy: Arc<Vec<u8>>, size: Size2D<u32, MonitorPixel>) {
        let is_first = self.shown == 0;
        let (width, height) = (size.width, size.height);
        if self.size != (width, height) {
            self.size = (width, height);
            // Before the frame: the element takes no frame while it has no
            // metadata, and of a static screen there is no second frame.
            self.shared
                .tell(PlayerEvent::MetadataUpdated(metadata(width, height)));
        }
        let (Ok(width), Ok(height)) = (i32::try_from(width), i32::try_from(height)) else {
            return;
        };
        let Some(frame) = VideoFrame::new(width, height, Arc::new(CopyBuffer(copy))) else {
            return;
        };
        self.shared
            .video
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .render(frame);
        self.shared.tell(PlayerEvent::VideoFrameUpdated);
        if is_first {
            // The element has enough data now and may begin to play.
            let state = if self.shared.playing.load(Ordering::Acquire) {
                PlaybackState::Playing
            } else {
                PlaybackState::Paused
            };
            self.shared.tell(PlayerEvent::StateChanged(state));
        }
    }

    fn end(mut self) {
        self.keep_time();
        let position = self.position();
        // Without a duration the element does not count as ended.
        self.shared
            .tell(PlayerEvent::PositionChanged(position.as_secs_f64()));
        self.shared
            .tell(PlayerEvent::DurationChanged(Some(position)));
        self.shared.tell(PlayerEvent::EndOfStream);
    }
}

fn metadata(width: u32, height: u32) -> Metadata {
    Metadata {
        duration: None,
        width,
        height,
        format: "raw".to_owned(),
        is_seekable: false,
        video_tracks: vec!["capture".to_owned()],
        audio_tracks: Vec::new(),
        is_live: true,
        title: None,
    }
}

#[cfg(test)]
#[path = "playback_tests.rs"]
mod tests;
