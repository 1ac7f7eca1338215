/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How a video's captured pictures go to the renderer: as copies, with what has
//! changed of them. A child module of the media element's file, whose renderer has
//! no other way in (graft S138).

use std::mem;

use paint_api::{ImageUpdate, SerializableImageData};
use servo_media::player::video::VideoFrame;
use webrender_api::{ImageDescriptor, ImageDescriptorFlags, ImageFormat};

use super::{FrameHolder, MediaFrame, MediaFrameRenderer};

impl MediaFrameRenderer {
    /// Renders a captured picture, and returns any other frame. An image goes with the
    /// second frame after the one that took its place, as upstream has it.
    pub(super) fn render_capture(&mut self, frame: VideoFrame) -> Option<VideoFrame> {
        let Some(copy) = frame.copy() else {
            return Some(frame);
        };
        self.player_id?;
        let (width, height) = (frame.get_width(), frame.get_height());
        let is_same = |shown: &MediaFrame| shown.width == width && shown.height == height;
        let known = self.current_frame.filter(is_same);
        let image_key = match known {
            Some(known) => known.image_key,
            None => self
                .paint_api
                .generate_image_key_blocking(self.webview_id)?,
        };
        // No player of captures gives a frame twice.
        self.presented.add(&frame, None);
        let mut updates = smallvec::smallvec![];
        if let Some(old) = mem::replace(&mut self.very_old_frame, self.old_frame.take()) {
            updates.push(ImageUpdate::DeleteImage(old));
        }
        // The painter makes its own (`captures.rs`) and takes only the size of it.
        let flags = ImageDescriptorFlags::IS_OPAQUE;
        let descriptor = ImageDescriptor::new(width, height, ImageFormat::BGRA8, flags);
        let data = SerializableImageData::Capture(copy.update());
        updates.push(if known.is_some() {
            ImageUpdate::UpdateImage(image_key, descriptor, data, None)
        } else {
            let new = MediaFrame {
                image_key,
                width,
                height,
            };
            let old = self.current_frame.replace(new);
            self.old_frame = old.map(|old| old.image_key);
            ImageUpdate::AddImage(image_key, descriptor, data, false)
        });
        match &mut self.current_frame_holder {
            Some(holder) => holder.set(frame),
            None => self.current_frame_holder = Some(FrameHolder::new(frame)),
        }
        self.paint_api
            .update_images(self.webview_id.into(), updates);
        None
    }
}
