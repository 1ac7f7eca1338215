/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Pictures of videos on their way to canvases.

use euclid::default::{Rect, Size2D};
use pixels::{Snapshot, SnapshotAlphaMode, SnapshotPixelFormat};
use servo_capture_traits::picture;
use servo_media::player::video::VideoFrame;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::html::htmlmediaelement::HTMLMediaElement;
use crate::dom::html::htmlvideoelement::HTMLVideoElement;

/// What a video shows, for a canvas that draws it and is done with it: a player
/// has only a few pictures, so what keeps one needs a copy of its own.
pub(crate) enum ToDraw {
    /// A captured picture. It is opaque.
    Capture(VideoFrame),
    /// Any other.
    Other(Snapshot),
}

/// What `video` shows.
pub(crate) fn to_draw(video: &HTMLVideoElement) -> Option<ToDraw> {
    let Some(frame) = video.upcast::<HTMLMediaElement>().get_current_frame() else {
        return video.get_current_frame_data().map(ToDraw::Other);
    };
    if frame.copy().is_some() {
        video.keep_frame(frame.clone());
        return Some(ToDraw::Capture(frame));
    }
    let Some(snapshot) = of_opaque(&frame) else {
        return video.get_current_frame_data().map(ToDraw::Other);
    };
    video.keep_frame(frame);
    Some(ToDraw::Other(snapshot))
}

impl ToDraw {
    /// Width and height.
    pub(crate) fn size(&self) -> Size2D<u32> {
        match self {
            Self::Capture(frame) => size(frame),
            Self::Other(snapshot) => snapshot.size(),
        }
    }

    /// What is drawn of it, and where that is in the picture. A canvas in another
    /// process gets only the part of a capture that it would cut out itself
    /// (`CanvasData::draw_image`).
    pub(crate) fn part(self, source: Rect<f64>) -> (Snapshot, Rect<f64>) {
        let frame = match self {
            Self::Capture(frame) => frame,
            Self::Other(snapshot) => return (snapshot, source),
        };
        let size = size(&frame);
        let (format, alpha) = (SnapshotPixelFormat::BGRA, SnapshotAlphaMode::Opaque);
        let rounded = Rect::new(source.origin.ceil(), source.size.ceil());
        let is_within = Rect::from_size(size.to_f64()).contains_rect(&rounded);
        if is_within && let Some(copy) = frame.copy().filter(|copy| copy.is_lent()) {
            let part = rounded.to_u32();
            if let Ok(pixels) = copy.part(part.cast_unit()) {
                let snapshot = Snapshot::from_vec(part.size, format, alpha, pixels);
                return (snapshot, Rect::from_size(rounded.size));
            }
        }
        let pixels = frame.get_data();
        let snapshot = Snapshot::from_arc_vec(size, format, alpha, pixels, ..);
        (snapshot, source)
    }
}

/// A frame whose pixels are all opaque, as those of nearly all videos are. Servo's
/// own way, which is left for the others, copies each picture twice and multiplies
/// every color by its alpha.
fn of_opaque(frame: &VideoFrame) -> Option<Snapshot> {
    if frame.is_gl_texture() {
        return None;
    }
    let pixels = frame.get_data();
    if !picture::is_opaque(&pixels) {
        return None;
    }
    let (format, alpha) = (SnapshotPixelFormat::BGRA, SnapshotAlphaMode::Opaque);
    Some(Snapshot::from_arc_vec(
        size(frame),
        format,
        alpha,
        pixels,
        ..,
    ))
}

fn size(frame: &VideoFrame) -> Size2D<u32> {
    Size2D::new(frame.get_width() as u32, frame.get_height() as u32)
}
