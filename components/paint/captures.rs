/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Images that are captured pictures. Their copies are kept here, in the browser's
//! process, and only what has changed of them is copied and uploaded.
//!
//! The images' sizes come from a page's process. They are believed only if its
//! memory is as large, and nothing else of its descriptors is.

use euclid::Size2D;
use paint_api::SerializableImageData;
use servo_capture_traits::copies::{Mirrored, Mirrors};
use servo_capture_traits::{MonitorPixel, PictureError};
use webrender::Transaction;
use webrender_api::units::ImageDirtyRect;
use webrender_api::{
    DirtyRect, ImageData, ImageDescriptor, ImageDescriptorFlags, ImageFormat, ImageKey,
};

/// The captured pictures of one painter.
#[derive(Default)]
pub(crate) struct Captures(Mirrors<ImageKey>);

impl Captures {
    /// Adds an image that is a captured picture; returns any other.
    pub(crate) fn add(
        &mut self,
        transaction: &mut Transaction,
        key: ImageKey,
        descriptor: &ImageDescriptor,
        data: SerializableImageData,
    ) -> Option<SerializableImageData> {
        self.forget(key);
        let SerializableImageData::Capture(update) = data else {
            return Some(data);
        };
        let mirror = |size| self.0.update(key, size, update);
        if let Some((descriptor, Mirrored { pixels, .. })) = mirrored(descriptor, mirror) {
            transaction.add_image(key, descriptor, ImageData::Raw(pixels), None);
        }
        None
    }

    /// Gives an image its new picture if that is a captured one; returns any other.
    pub(crate) fn update(
        &mut self,
        transaction: &mut Transaction,
        key: ImageKey,
        descriptor: &ImageDescriptor,
        data: SerializableImageData,
    ) -> Option<SerializableImageData> {
        let SerializableImageData::Capture(update) = data else {
            // What is captured next differs from this anywhere.
            self.forget(key);
            return Some(data);
        };
        let mirror = |size| self.0.update(key, size, update);
        if let Some((descriptor, Mirrored { pixels, part })) = mirrored(descriptor, mirror) {
            let changed: ImageDirtyRect = match part {
                Some(part) => DirtyRect::Partial(part.cast::<i32>().cast_unit()),
                None => DirtyRect::All,
            };
            transaction.update_image(key, descriptor, ImageData::Raw(pixels), &changed);
        }
        None
    }

    /// The image is gone.
    pub(crate) fn forget(&mut self, key: ImageKey) {
        self.0.forget(key);
    }
}

/// The picture that `mirror` makes, and its descriptor.
fn mirrored(
    descriptor: &ImageDescriptor,
    mirror: impl FnOnce(Size2D<u32, MonitorPixel>) -> Result<Mirrored, PictureError>,
) -> Option<(ImageDescriptor, Mirrored)> {
    let (width, height) = (descriptor.size.width, descriptor.size.height);
    let Some(size) = descriptor.size.try_cast::<u32>() else {
        log::error!("a captured picture of {width}x{height} pixels is not shown");
        return None;
    };
    match mirror(size.cast_unit()) {
        Ok(mirrored) => {
            let opaque = ImageDescriptorFlags::IS_OPAQUE;
            let descriptor = ImageDescriptor::new(width, height, ImageFormat::BGRA8, opaque);
            Some((descriptor, mirrored))
        }
        Err(error) => {
            log::error!("a captured picture is not shown: {error}");
            None
        }
    }
}
