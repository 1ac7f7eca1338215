/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Shows the captures of one stream in one element: a thread between a track's
//! [`FrameBus`] and the element's renderer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex as Lock;
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::copies::{Copies, CopyPlace, ShownCopy};
use servo_capture_traits::{BusUpdate, CapturedFrame, FrameBus};
use servo_media_player::metadata::Metadata;
use servo_media_player::video::{Buffer, VideoFrame, VideoFrameData, VideoFrameRenderer};
use servo_media_player::{PlaybackState, PlayerError, PlayerEvent};

use crate::arrangement::TrackNames;

/// How often `currentTime` goes on while it plays; the media element fires
/// `timeupdate` no more often
/// (<https://html.spec.whatwg.org/multipage/#time-marches-on>).
const POSITION_PERIOD: Duration = Duration::from_millis(250);

/// How long to wait for a renderer to let go of a copy when it holds all of
/// them; nobody tells when it does.
const BUSY_PERIOD: Duration = Duration::from_millis(5);

/// What is to be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// The capture; none while something else of the stream is played.
    pub(crate) bus: Option<Arc<FrameBus>>,
    /// Nothing is left to be played.
    pub(crate) is_over: bool,
    /// All tracks of the stream.
    pub(crate) names: TrackNames,
}

/// What an element gets.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) sender: GenericCallback<PlayerEvent>,
    pub(crate) video: Arc<Mutex<dyn VideoFrameRenderer>>,
}

/// The controls of a running playback. Dropping them ends it.
pub(crate) struct Playback {
    shared: Arc<Shared>,
}

struct Shared {
    orders: Lock<Orders>,
    /// Where the thread waits while there is no capture; without frames.
    idle: Arc<FrameBus>,
    playing: AtomicBool,
    stopped: AtomicBool,
    /// Set when one of the above has changed.
    interrupt: AtomicBool,
    /// Last, so that it is dropped last: who sees it go knows that all is let go.
    outlet: Outlet,
}

impl Playback {
    /// Starts to show what is ordered. While it does not play, the first frame is
    /// shown all the same. `position` is where the element is already, if it has
    /// metadata.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(
        outlet: Outlet,
        orders: Orders,
        playing: bool,
        position: Option<Duration>,
    ) -> Result<Self, PlayerError> {
        let shared = Arc::new(Shared {
            outlet,
            orders: Lock::new(orders),
            idle: Arc::default(),
            playing: playing.into(),
            stopped: false.into(),
            interrupt: false.into(),
        });
        let thread_shared = shared.clone();
        thread::Builder::new()
            .name("CapturePlayback".to_owned())
            .spawn(move || Pump::new(&thread_shared, position).run())
            .map_err(|error| PlayerError::Backend(error.to_string()))?;
        Ok(Self { shared })
    }

    /// Shows something else from now on, in the same timeline.
    pub(crate) fn follow(&self, orders: Orders) {
        let before = std::mem::replace(&mut *self.shared.orders.lock(), orders);
        self.shared.interrupt();
        if let Some(bus) = before.bus {
            // The thread may still wait there.
            bus.wake();
        }
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
        self.idle.wake();
        let bus = self.orders.lock().bus.clone();
        if let Some(bus) = bus {
            bus.wake();
        }
    }

    fn tell(&self, event: PlayerEvent) {
        if let Err(error) = self.outlet.sender.send(event) {
            log::debug!("the media element is gone: {error:?}");
        }
    }
}

/// How many copies there are at most. The element, its renderer and the
/// compositor hold one each, one is being made; the rest is slack for pictures
/// that the compositor has not come to.
const MAX_COPIES: usize = 6;

/// A copy on its way to a renderer.
struct CopyBuffer(ShownCopy);

impl Buffer for CopyBuffer {
    /// Nothing: whoever wants pixels gets them of the copy (grafts M2 and M3).
    fn to_vec(&self) -> Option<VideoFrameData> {
        Some(VideoFrameData::Raw(Arc::default()))
    }

    fn copy(&self) -> Option<&ShownCopy> {
        Some(&self.0)
    }
}

/// Where the renderer can have the pixels from.
fn copy_place() -> CopyPlace {
    if servo_config::opts::get().multiprocess {
        CopyPlace::Lent
    } else {
        CopyPlace::Own
    }
}

/// The thread's own state.
struct Pump<'a> {
    shared: &'a Shared,
    /// The orders that are carried out.
    orders: Orders,
    /// Where frames come from.
    bus: Arc<FrameBus>,
    /// Version of the bus that is on screen; 0: none yet.
    shown: u64,
    /// The element has metadata.
    has_begun: bool,
    /// The element was told that its stream is over, and was not played on.
    has_ended: bool,
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
    fn new(shared: &'a Shared, position: Option<Duration>) -> Self {
        Self {
            shared,
            orders: Orders::default(),
            bus: shared.idle.clone(),
            shown: 0,
            has_begun: position.is_some(),
            has_ended: false,
            size: (0, 0),
            copies: Copies::new(copy_place(), MAX_COPIES),
            retry_at: None,
            played: position.unwrap_or_default(),
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
            if self.take_orders() {
                seen = 0;
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
            match self.bus.wait(seen, &self.shared.interrupt, deadline) {
                BusUpdate::Frame { frame, version } => {
                    if playing || (self.shown == 0 && !self.has_ended) {
                        self.show(frame, version);
                    }
                    seen = version;
                }
                BusUpdate::TimedOut | BusUpdate::Interrupted => {}
                // Whether this ends the element is for its stream to say.
                BusUpdate::Ended => {
                    self.bus = self.shared.idle.clone();
                    self.shown = 0;
                    seen = 0;
                }
            }
        }
    }

    /// Carries out new orders; returns whether frames come from elsewhere now.
    fn take_orders(&mut self) -> bool {
        let new = self.shared.orders.lock().clone();
        let old = std::mem::replace(&mut self.orders, new);
        let is_same = match (&old.bus, &self.orders.bus) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        let mut is_news = old.names != self.orders.names;
        if !is_same {
            let idle = || self.shared.idle.clone();
            self.bus = self.orders.bus.clone().unwrap_or_else(idle);
            self.shown = 0;
            self.retry_at = None;
            if self.orders.bus.is_none() && !self.orders.is_over {
                // There is no picture any more.
                self.size = (0, 0);
                is_news = true;
            }
        }
        if self.orders.is_over && !old.is_over {
            self.end();
        } else if self.has_ended && !self.orders.is_over {
            is_news |= old.is_over;
            // Until then the element stays ended.
            self.has_ended = !self.shared.playing.load(Ordering::Acquire);
        }
        if is_news && self.has_begun {
            self.announce();
        }
        !is_same
    }

    /// Counts the time that was played; returns whether it plays now.
    fn keep_time(&mut self) -> bool {
        let playing =
            self.shared.playing.load(Ordering::Acquire) && self.has_begun && !self.has_ended;
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
        // The service has its picture back before anything else happens.
        drop(frame);
        self.present(copy);
        self.shown = version;
    }

    fn present(&mut self, copy: ShownCopy) {
        let size = copy.size();
        let is_first = !self.has_begun;
        if self.size != (size.width, size.height) {
            self.size = (size.width, size.height);
            // Before the frame: the element takes no frame while it has no
            // metadata, and of a static screen there is no second frame.
            self.announce();
            self.has_begun = true;
        }
        let (Ok(width), Ok(height)) = (i32::try_from(size.width), i32::try_from(size.height))
        else {
            return;
        };
        let Some(frame) = VideoFrame::new(width, height, Arc::new(CopyBuffer(copy))) else {
            return;
        };
        let video = &self.shared.outlet.video;
        let mut video = video.lock().unwrap_or_else(PoisonError::into_inner);
        // Another playback may have the renderer now, which knows the element's picture
        // as its own: a part of this one must not be drawn into it.
        if self.shared.stopped.load(Ordering::Acquire) {
            return;
        }
        video.render(frame);
        drop(video);
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

    /// Tells size and tracks.
    fn announce(&self) {
        let (width, height) = self.size;
        let TrackNames { audio, video } = self.orders.names.clone();
        self.shared.tell(PlayerEvent::MetadataUpdated(Metadata {
            duration: None,
            width,
            height,
            format: "raw".to_owned(),
            is_seekable: false,
            video_tracks: video,
            audio_tracks: audio,
            is_live: true,
            title: None,
        }));
    }

    /// The stream is over. An element without metadata does not end.
    fn end(&mut self) {
        if !self.has_begun {
            return;
        }
        self.shared.playing.store(false, Ordering::Release);
        self.has_ended = true;
        self.keep_time();
        // Without a duration the element does not count as ended.
        self.shared
            .tell(PlayerEvent::PositionChanged(self.played.as_secs_f64()));
        self.shared
            .tell(PlayerEvent::DurationChanged(Some(self.played)));
        self.shared.tell(PlayerEvent::EndOfStream);
    }
}

#[cfg(test)]
#[path = "playback_tests.rs"]
mod tests;
