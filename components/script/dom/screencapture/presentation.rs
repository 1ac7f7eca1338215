/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! New pictures of videos that are on the screen already. The renderer has them:
//! windows are drawn once more as they are, and nothing is laid out anew.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use js::context::NoGC;
use paint_api::CrossProcessPaintApi;
use servo_base::id::PainterId;
use servo_capture_traits::presenting::{Due, Presenting};
use timers::{TimerEventRequest, TimerId, TimerScheduler};
use webrender_api::ImageKey;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::html::htmlmediaelement::HTMLMediaElement;
use crate::dom::html::htmlvideoelement::HTMLVideoElement;
use crate::dom::node::{Node, NodeDamage, NodeTraits};

thread_local! {
    /// Of this event loop.
    static PRESENTING: RefCell<Presenting<PainterId>> = RefCell::default();
    /// What wakes it to draw.
    static ALARM: Cell<Option<TimerId>> = const { Cell::new(None) };
}

/// `media` has a new picture, as large as the one before; the renderer knows it as
/// `picture`. False: the element must be laid out for it to be seen.
pub(crate) fn present(media: &HTMLMediaElement, picture: ImageKey) -> bool {
    let Some(video) = media.downcast::<HTMLVideoElement>() else {
        return false;
    };
    // Layout keeps what the renderer calls the picture, and may have been told of the
    // poster or of a picture of another size since.
    let picture = Some(picture).filter(|_| !media.shows_poster());
    if video.frame_callbacks().lay_out(picture) || picture.is_none() {
        return false;
    }
    let Some(stream) = media.assigned_stream() else {
        return false;
    };
    // Of other players it is not known that they give all pictures to the renderer.
    let is_capture = stream
        .get_tracks()
        .iter()
        .any(|track| track.capture().source().is_some());
    let document = media.owner_document();
    let is_seen = media.upcast::<Node>().is_connected()
        && document.is_fully_active()
        && !document.window().throttled();
    if is_capture && is_seen {
        let painter = document.webview_id().into();
        PRESENTING.with_borrow_mut(|presenting| presenting.change(painter, Instant::now()));
    }
    is_capture && is_seen
}

/// `media` plays, and shows its picture instead of its poster from now on.
pub(crate) fn poster_goes(media: &HTMLMediaElement, no_gc: &NoGC) {
    if media.shows_poster() {
        media.upcast::<Node>().dirty(no_gc, NodeDamage::Other);
    }
}

/// Has windows drawn whose videos have changed, or comes back for them.
pub(crate) fn draw(paint_api: &CrossProcessPaintApi, timers: &RefCell<TimerScheduler>) {
    if let Some(alarm) = ALARM.take() {
        timers.borrow_mut().cancel_timer(alarm);
    }
    let due = PRESENTING.with_borrow_mut(|presenting| presenting.due(Instant::now()));
    match due {
        Due::Nothing => {}
        Due::Now(painters) => paint_api.generate_frame(painters),
        Due::In(duration) => {
            // That the event loop wakes is all.
            let callback = Box::new(|| {});
            let request = TimerEventRequest { callback, duration };
            ALARM.set(Some(timers.borrow_mut().schedule_timer(request)));
        }
    }
}
