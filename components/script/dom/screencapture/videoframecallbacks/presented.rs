/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is known of the frames that a media element has submitted for
//! composition. Written by the threads of its player, read by script.

use std::sync::Arc;
use std::time::Instant;

use euclid::default::Size2D;
use parking_lot::Mutex;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_media::player::PlayerEvent;
use servo_media::player::video::VideoFrame;

use super::clock::MediaClock;

/// A frame that was submitted for composition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PresentedFrame {
    /// How many frames the element has presented with this one, over all
    /// resources that it has played; goes on from 0 after `u32::MAX`.
    pub(crate) number: u32,
    /// When it was submitted.
    pub(crate) submitted_at: CrossProcessInstant,
    /// In pixels of the resource.
    pub(crate) size: Size2D<u32>,
    /// Its position in the resource, in seconds.
    pub(crate) media_time: f64,
}

/// The frames of one media element. Clones are the same frames.
#[derive(Clone)]
pub(crate) struct PresentedFrames(Arc<Mutex<State>>);

struct State {
    count: u32,
    latest: Option<PresentedFrame>,
    /// The latest frame is the first one after a start or a seek, and the
    /// player may hand it over a second time when it begins to play.
    is_preroll: bool,
    clock: MediaClock,
}

impl PresentedFrames {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            count: 0,
            latest: None,
            is_preroll: false,
            clock: MediaClock::new(),
        })))
    }

    /// A frame is submitted for composition; `shown` is the one before, if there
    /// is one.
    pub(crate) fn add(&self, frame: &VideoFrame, shown: Option<VideoFrame>) {
        let mut state = self.0.lock();
        let was_preroll = state.is_preroll;
        state.is_preroll = !state.clock.is_running();
        if was_preroll
            && state.latest.is_some()
            && shown.is_some_and(|shown| is_same_picture(frame, &shown))
        {
            return;
        }
        state.count = state.count.wrapping_add(1);
        state.latest = Some(PresentedFrame {
            number: state.count,
            submitted_at: CrossProcessInstant::now(),
            size: Size2D::new(frame.get_width(), frame.get_height())
                .try_cast()
                .unwrap_or_default(),
            media_time: state.clock.position(Instant::now()),
        });
    }

    /// The latest frame of the present resource.
    pub(crate) fn latest(&self) -> Option<PresentedFrame> {
        self.0.lock().latest
    }

    /// Hears what the player tells the element.
    pub(crate) fn hear(&self, event: &PlayerEvent) {
        self.0.lock().clock.hear(event);
    }

    /// The element begins to seek to a position, in seconds.
    pub(crate) fn seek(&self, position: f64) {
        let mut state = self.0.lock();
        state.clock.seek(position);
        state.is_preroll = false;
    }

    /// The present resource is played at another rate.
    pub(crate) fn set_rate(&self, rate: f64) {
        self.0.lock().clock.set_rate(rate);
    }

    /// The element gives its resource up. The count goes on, so that the frames
    /// of the next one are not taken for those of this one.
    pub(crate) fn reset(&self) {
        let mut state = self.0.lock();
        state.latest = None;
        state.is_preroll = false;
        state.clock = MediaClock::new();
    }
}

/// Whether two frames are one: GStreamer hands the frame that it has prerolled
/// over again when it begins to play.
fn is_same_picture(one: &VideoFrame, other: &VideoFrame) -> bool {
    let size = |frame: &VideoFrame| (frame.get_width(), frame.get_height());
    if size(one) != size(other) {
        return false;
    }
    match (one.is_gl_texture(), other.is_gl_texture()) {
        (true, true) => one.get_texture_id() == other.get_texture_id(),
        (false, false) => one.get_data() == other.get_data(),
        _ => false,
    }
}
