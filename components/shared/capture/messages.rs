/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Messages between a page's process and the service.

use serde::{Deserialize, Serialize};
use servo_base::generic_channel::GenericCallback;
use servo_base::id::PipelineId;

use crate::{
    CaptureError, FrameFormat, FrameMessage, ScreenId, ScreenInfo, ScreensRequest, SourceId,
    SourceSettings,
};

/// What script asks of the service. Every request that carries a reply is
/// answered exactly once.
#[derive(Deserialize, Serialize)]
pub enum CaptureRequest {
    /// `getAllScreensMedia()`: a source for every monitor.
    AllScreens {
        /// The document that asks.
        pipeline: PipelineId,
        /// Its origin's ASCII serialization, `null` if opaque: a claim.
        origin: String,
        /// Gets the answer.
        reply: GenericCallback<AllScreensReply>,
    },
    /// Frames and events of `source`, granted before, go to `sink` from now on.
    Attach {
        /// One of the sources of an [`AllScreensReply`] to the same document.
        source: SourceId,
        /// Gets the frames and events.
        sink: GenericCallback<SourceEvent>,
    },
    /// `MediaStreamTrack.clone()`: `clone` shows what `source` shows.
    Clone {
        /// A live source of the same client.
        source: SourceId,
        /// The clone's id, random, chosen by script because `clone()` answers
        /// at once.
        clone: SourceId,
        /// Gets the clone's frames and events.
        sink: GenericCallback<SourceEvent>,
    },
    /// `MediaStreamTrack.stop()`, or the track was garbage collected. The sink
    /// gets no further event.
    Stop {
        /// The source to stop.
        source: SourceId,
    },
    /// `applyConstraints()` chose other settings: frames have this format from
    /// now on. After the surface changed its size they have all of it again, at
    /// the same rate and with the same cursor, until this is asked anew.
    Configure {
        /// A live source of the same client.
        source: SourceId,
        /// The new format.
        format: FrameFormat,
        /// Gets the answer.
        reply: GenericCallback<ConfigureReply>,
    },
    /// The client's process cannot have the service's memory: all its frames
    /// are copies from now on.
    CopyFrames,
    /// The page is done with frames.
    Release {
        /// Whose frame each was, and its sequence number. At most
        /// [`CaptureRequest::MAX_RELEASED`] of them, the rest does not count.
        frames: Vec<(SourceId, u64)>,
    },
    /// About the screens, without capturing them.
    Screens(ScreensRequest),
}

impl CaptureRequest {
    /// How many frames one [`CaptureRequest::Release`] may give back.
    pub const MAX_RELEASED: usize = 64;
}

/// A source as granted to a page.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct GrantedSource {
    /// For [`CaptureRequest::Attach`] and `Stop`.
    pub source: SourceId,
    /// The captured monitor.
    pub screen: ScreenInfo,
    /// The same one in every grant and [`ScreenList`](crate::ScreenList) of the
    /// same document.
    pub screen_id: ScreenId,
    /// The settings that frames will have.
    pub settings: SourceSettings,
    /// `deviceId` as the page sees it: random for every grant.
    pub device_id: String,
}

/// The answer to [`CaptureRequest::AllScreens`]: a source for each monitor,
/// ordered by position, top to bottom within left to right.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AllScreensReply(pub Result<Vec<GrantedSource>, CaptureError>);

/// The answer to [`CaptureRequest::Configure`]: the settings that frames have
/// from now on, or why they stay as they were.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ConfigureReply(pub Result<SourceSettings, CaptureError>);

/// What happens to a source, in order.
#[derive(Debug, Deserialize, Serialize)]
pub enum SourceEvent {
    /// A new frame. Until it is released, only a few more follow.
    Frame(FrameMessage),
    /// The monitor was moved or changed its mode; frames of the new size follow.
    Changed {
        /// The monitor as it is now.
        screen: ScreenInfo,
        /// The settings as they are now.
        settings: SourceSettings,
    },
    /// No frames come for a while (`true`), or come again (`false`).
    Muted(bool),
    /// The last event: the source is over, and not because script stopped it.
    Ended(EndReason),
}

/// Why a source ended by itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub enum EndReason {
    /// Its monitor was unplugged.
    #[error("the monitor was disconnected")]
    MonitorRemoved,
    /// The display server went away.
    #[error("the display server is gone: {0}")]
    DisplayServerLost(String),
    /// The privacy indicator was lost and could not be shown again.
    #[error("the privacy indicator was lost: {0}")]
    IndicatorLost(String),
    /// The session was locked, put aside for another user, or the machine went
    /// to sleep.
    #[error("the session was locked: {0}")]
    SessionLocked(String),
    /// The person in front of the monitors stopped it.
    #[error("the user stopped it")]
    StoppedByUser,
    /// The request that named it was refused.
    #[error("the request was refused: {0}")]
    Refused(String),
    /// The browser is shutting down, or the document is gone.
    #[error("the document or the browser was closed")]
    Closed,
}
