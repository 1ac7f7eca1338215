/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The words that a page's process and the capture service have in common:
//! ids, screens, settings, messages, frames.
//!
//! What belongs here: data that crosses the boundary between script (or media)
//! and the service, and the mailbox in which frames wait for a `<video>`.
//! What does not: decisions (they are the service's, in `servo-capture`), and
//! anything that names a monitor across two grants. Script never sees more of
//! a monitor than a [`ScreenInfo`].

#![deny(unsafe_code)]

mod bus;
mod client;
pub mod constraints;
pub mod copies;
mod damage;
mod error;
mod frame;
mod geometry;
mod guarded;
mod ids;
mod messages;
pub mod permissions_policy;
pub mod picture;
pub mod pools;
pub mod presenting;
mod returns;
mod screen;
mod screens;
mod settings;
mod site;
mod streams;

pub use bus::{BusUpdate, FrameBus};
pub use client::{CaptureClient, CaptureServiceHandle, ServiceNotice, Submission};
pub use damage::Damage;
pub use error::CaptureError;
pub use frame::{
    CapturedFrame, FrameError, FrameLease, FrameMessage, FramePicture, FramePixels, FrameReceiver,
};
pub use geometry::{CssPixel, DesktopPixel, MonitorPixel};
pub use guarded::Guarded;
pub use ids::{ClientId, ScreenId, SourceId};
pub use messages::{
    AllScreensReply, CaptureRequest, ConfigureReply, EndReason, GrantedSource, SourceEvent,
};
pub use picture::{PictureError, PictureMemory, PictureWriter};
pub use pools::{PoolAccess, PoolAddress, PoolError, PoolId, PoolReader, PoolRegistration};
pub use returns::FrameReturns;
pub use screen::ScreenInfo;
pub use screens::{
    BasicScreen, ScreenList, ScreensError, ScreensEvent, ScreensGrant, ScreensPermission,
    ScreensReply, ScreensRequest,
};
pub use settings::{CursorMode, DisplaySurface, FormatError, FrameFormat, SourceSettings};
pub use site::Site;
pub use streams::{StreamTrack, StreamTracks, StreamWatcher};
