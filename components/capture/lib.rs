/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The screen capture service.
//!
//! What belongs here: who may capture what (`policy`), the state of every
//! capture (`core`, a pure state machine), the threads that carry out what the
//! core decides (`service`), what reads pixels (`grabber`), what tells the person
//! in front of the screens (`indicator`), what the desktop around them says and
//! is told (`desktop`), and what is kept of it (`record`). What
//! does not: anything of the DOM, of `<video>`, or of a window toolkit.

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod core;
mod desktop;
pub mod grabber;
pub mod indicator;
pub mod monitor;
pub mod pixels;
pub mod policy;
pub mod record;
mod service;
pub mod transport;
#[cfg(target_os = "linux")]
mod x11;

pub use crate::core::{CaptureNotice, CaptureOverview, OngoingCapture, OngoingMonitor, SessionId};
pub use crate::grabber::BackendChoice;
pub use crate::record::RecordSettings;
pub use crate::service::{
    CaptureConfig, CaptureControl, CaptureEmbedder, CaptureStatus, ConfigureError, ControlError,
    EngineCounts, ScreensQuestion, ServiceLink, configure, engine_counts, start,
};
