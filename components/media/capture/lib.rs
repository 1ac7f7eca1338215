/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Plays capture streams inside servo-media, raw: from the service's picture to
//! the element's renderer without encoding or decoding, and with one copy of
//! what has changed.
//!
//! What belongs here: the backend that tells captures from all other streams, and
//! the player of a stream's tracks. Everything else that plays media (files,
//! cameras, WebRTC) is the inner backend's.

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod arrangement;
mod backend;
mod inner;
mod playback;
mod player;
mod webrtc;

use servo_media::{Backend, ServoMedia};

pub use crate::backend::CaptureBackend;

/// Makes [`CaptureBackend`], around what `inner` makes, the media backend of
/// this process. Call it before Servo is built, and before a content process
/// runs: servo-media keeps the first backend that it is given.
pub fn install(inner: impl Fn() -> Box<dyn Backend> + Send + 'static) {
    ServoMedia::init_with_backend(move || Box::new(CaptureBackend::new(inner().into())));
    // Waits until it is installed, so that Servo's own default comes second.
    ServoMedia::get();
}
