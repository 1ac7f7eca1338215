/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! New pictures of videos that are on the screen already. The renderer has them:
//! windows are drawn once more as they are, and nothing is laid out anew.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use paint_api::CrossProcessPaintApi;
use servo_base::id::PainterId;
use servo_capture_traits::presenting::{Due, Presenting};

use crate::dom::bindings::inheritance::Castable;
use crate::dom::html::htmlmediaelement::HTMLMediaElement;
use crate::dom::node::{Node, NodeTraits};

thread_local! {
    /// Of this event loop.
    static PRESENTING: RefCell<Presenting<PainterId>> = RefCell::default();
}

/// `media` has a new picture, as large as the one before. False: its player may
/// show its pictures otherwise than by giving them to the renderer.
pub(crate) fn present(media: &HTMLMediaElement) -> bool {
    let Some(stream) = media.assigned_stream() else {
        return false;
    };
    let is_capture = stream
        .get_tracks()
        .iter()
        .any(|track| track.capture().source().is_some());
    if !is_capture {
        return false;
    }
    let document = media.owner_document();
    // Of what nobody sees nothing is drawn.
    let is_seen = media.upcast::<Node>().is_connected() && document.is_fully_active();
    if is_seen && !document.window().throttled() {
        let painter = document.webview_id().into();
        PRESENTING.with_borrow_mut(|presenting| presenting.change(painter, Instant::now()));
    }
    true
}

/// Has windows drawn whose videos have changed. How long it waits with some.
pub(crate) fn draw(paint_api: &CrossProcessPaintApi) -> Option<Duration> {
    let due = PRESENTING.with_borrow_mut(|presenting| presenting.due(Instant::now()));
    match due {
        Due::Nothing => None,
        Due::Now(painters) => {
            paint_api.generate_frame(painters);
            None
        }
        Due::In(delay) => Some(delay),
    }
}
