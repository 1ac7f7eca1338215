/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Pictures of videos on their way to canvases.

use euclid::default::Size2D;
use pixels::{Snapshot, SnapshotAlphaMode, SnapshotPixelFormat};
use servo_capture_traits::picture;
use servo_media::player::video::VideoFrame;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::html::htmlmediaelement::HTMLMediaElement;
use crate::dom::html::htmlvideoelement::HTMLVideoElement;

/// What a video shows, for a canvas that draws it and is done with it: a player
/// has only a few pictures, so what keeps one needs a copy of its own.
pub(crate) fn to_draw(video: &HTMLVideoElement) -> Option<Snapshot> {
    let frame = video.upcast::<HTMLMediaElement>().get_current_frame();
    let snapshot = frame.as_ref().and_then(of_opaque);
    let Some((frame, snapshot)) = frame.zip(snapshot) else {
        return video.get_current_frame_data();
    };
    video.keep_frame(frame);
    Some(snapshot)
}

/// A frame whose pixels are all opaque, as those of captures and of nearly all
/// videos are. Servo's own way, which is left for the others, copies each picture
/// twice and multiplies every color by its alpha.
fn of_opaque(frame: &VideoFrame) -> Option<Snapshot> {
    if frame.is_gl_texture() {
        return None;
    }
    let pixels = frame.get_data();
    if !picture::is_opaque(&pixels) {
        return None;
    }
    let size = Size2D::new(frame.get_width() as u32, frame.get_height() as u32);
    let (format, alpha) = (SnapshotPixelFormat::BGRA, SnapshotAlphaMode::Opaque);
    Some(Snapshot::from_arc_vec(size, format, alpha, pixels, ..))
}
