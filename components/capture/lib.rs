/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The screen capture service.
//!
//! What belongs here: who may capture what (`policy`), the state of every
//! capture (`core`, a pure state machine), the threads that carry out what the
//! core decides (`service`), what reads pixels (`grabber`) and what tells the
//! person in front of the screens (`indicator`). What does not: anything of the
//! DOM, of `<video>`, or of a window toolkit.

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod core;
pub mod grabber;
pub mod indicator;
pub mod monitor;
pub mod policy;
mod service;

pub use crate::core::CaptureNotice;
pub use crate::grabber::BackendChoice;
pub use crate::service::{CaptureConfig, CaptureEmbedder, ConfigureError, configure, start};
