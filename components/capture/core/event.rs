/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the core is told, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use euclid::Size2D;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::PipelineId;
use servo_capture_traits::{
    CaptureError, ClientId, Damage, FrameFormat, GrantedSource, MonitorPixel, PictureMemory,
    PoolId, Site, SourceEvent, SourceId, SourceSettings,
};

use super::{CaptureNotice, LockReason, ScreensEffect, ScreensInput};
use crate::grabber::GrabError;
use crate::indicator::{ColorScheme, IndicatorContent, IndicatorError, UserAction};
use crate::monitor::{Monitor, MonitorId};
use crate::policy::{CapturePolicy, OriginPattern};
use crate::record::{RecordEntry, RecordError};

/// Monotonic time since the service started.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// So long after the start of the service.
    pub fn from_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// A later time.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How long it is from `earlier` to this; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// One request of a page that waits for its answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// What one call was granted.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u64);

/// A frame made for a source, in this process.
#[derive(Clone, Debug)]
pub struct RawFrame {
    /// Counts the frames made for this source, from 1.
    pub sequence: u64,
    /// When its pixels were read.
    pub captured_at: CrossProcessInstant,
    /// Width and height.
    pub size: Size2D<u32, MonitorPixel>,
    /// What changed since the frame before.
    pub damage: Damage,
    /// Whether the source has no other picture left.
    pub is_last_picture: bool,
    /// Of the picture: the source's pool.
    pub pool: PoolId,
    /// Of the picture in the pool.
    pub index: u32,
    /// The picture, not written again until the frame is released.
    pub memory: Arc<PictureMemory>,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A page asks for all monitors.
    AllScreens {
        /// For the answer.
        request: RequestId,
        /// Who asks: not forgeable.
        client: ClientId,
        /// For which document: a claim, checked against `PipelinePlaced`.
        pipeline: PipelineId,
        /// The document's origin as serialized by script: a claim, checked
        /// against `ClientPlaced`.
        origin: String,
    },
    /// A page is ready for a granted source's frames.
    Attach {
        /// Who asks.
        client: ClientId,
        /// Which source.
        source: SourceId,
    },
    /// A page clones a track.
    Clone {
        /// Who asks.
        client: ClientId,
        /// The cloned track's source.
        source: SourceId,
        /// The clone's.
        clone: SourceId,
    },
    /// A page wants other frames.
    Configure {
        /// For the answer.
        request: RequestId,
        /// Who asks.
        client: ClientId,
        /// Which source.
        source: SourceId,
        /// How they are to be.
        format: FrameFormat,
    },
    /// A page stops a track.
    Stop {
        /// Who asks.
        client: ClientId,
        /// Which source.
        source: SourceId,
    },
    /// A page is done with a frame.
    Release {
        /// Who says so.
        client: ClientId,
        /// Whose frame it was.
        source: SourceId,
        /// Which frame.
        sequence: u64,
    },
    /// Nothing can be sent to the source's sink any more.
    SinkLost {
        /// Which source.
        source: SourceId,
    },
    /// The constellation: a document became fully active, or is not any more.
    PipelineActivity {
        /// Which document.
        pipeline: PipelineId,
        /// Whether it is fully active now.
        active: bool,
    },
    /// The constellation: a document is gone for good.
    PipelineGone {
        /// Which document.
        pipeline: PipelineId,
    },
    /// Nobody can send on the client's behalf any more: its process ended.
    ClientGone {
        /// Which client.
        client: ClientId,
    },
    /// A client sent more requests than may wait, or something that is no request:
    /// some were lost.
    ClientFlooded {
        /// Which client.
        client: ClientId,
    },
    /// The engine's answer to [`EngineCommand::List`].
    MonitorsListed {
        /// For which session.
        session: SessionId,
        /// The monitors, in the order of [`Monitor::sort`].
        result: Result<Vec<Monitor>, GrabError>,
    },
    /// The engine's answer to [`EngineCommand::Open`].
    MonitorsOpened {
        /// For which session.
        session: SessionId,
        /// Whether each monitor could be read.
        result: Result<(), GrabError>,
    },
    /// Monitors came, went, moved or changed their mode.
    MonitorsChanged {
        /// All monitors as they are now.
        monitors: Vec<Monitor>,
    },
    /// A monitor that was readable is not any more.
    MonitorFailed {
        /// Which monitor.
        monitor: MonitorId,
        /// What happened.
        error: GrabError,
    },
    /// The connection to the display server broke.
    DisplayServerLost {
        /// What happened.
        error: GrabError,
    },
    /// The display server has not answered for a second, or answers again.
    ServerStalled {
        /// Whether it is silent.
        stalled: bool,
    },
    /// A monitor changed and the display server did not tell: it is read whole
    /// for every frame from now on.
    DamageMissed {
        /// Which monitor.
        monitor: MonitorId,
        /// How pixels are read now, for people.
        explanation: String,
    },
    /// The engine made a frame.
    Frame {
        /// For which source.
        source: SourceId,
        /// The frame.
        frame: RawFrame,
    },
    /// The indicator is on screen as asked.
    IndicatorShown {
        /// Of the [`Effect::Indicate`] that asked.
        generation: u64,
    },
    /// The indicator could not be shown as asked, and is not shown at all.
    IndicatorFailed {
        /// Of the [`Effect::Indicate`] that asked.
        generation: u64,
        /// Why.
        error: IndicatorError,
    },
    /// The indicator was shown and is not any more.
    IndicatorLost {
        /// What happened.
        error: IndicatorError,
    },
    /// The engine does not see the indicator on a monitor where it was shown, and
    /// reads nothing more of it.
    IndicatorCovered {
        /// Which monitor; one that sources show.
        monitor: MonitorId,
    },
    /// The engine sees it there again.
    IndicatorSeen {
        /// Which monitor.
        monitor: MonitorId,
    },
    /// The person in front of the monitors wants something.
    UserActed {
        /// What.
        action: UserAction,
    },
    /// The answer to [`Effect::Record`] of a grant.
    GrantRecorded {
        /// Of which session.
        session: SessionId,
        /// Whether the entry is on the disk.
        result: Result<(), RecordError>,
    },
    /// An entry of the record could not be written, the first since one could.
    RecordFailed {
        /// Why.
        error: RecordError,
    },
    /// The preferences were read, and this is wrong with them.
    PolicyProblems {
        /// In words, each with its place.
        problems: Vec<String>,
    },
    /// The desktop: the session was locked, or put aside for another user, or
    /// the machine goes to sleep.
    SessionLocked {
        /// Which of these.
        reason: LockReason,
    },
    /// The desktop: every reason why the session was locked is gone.
    SessionUnlocked,
    /// The desktop: people have other colors from now on.
    ColorSchemeChanged {
        /// Which.
        scheme: ColorScheme,
    },
    /// Something about the screens, without capturing them.
    Screens(ScreensInput),
    /// The person in front of the monitors wants one capture to end.
    StopByUser {
        /// Which.
        session: SessionId,
    },
    /// The person takes a permission away, until the browser ends.
    Revoke {
        /// Whose.
        pattern: OriginPattern,
    },
    /// The preferences were read again. They can only take away.
    PolicyRead {
        /// What they say.
        policy: Box<CapturePolicy>,
        /// What is newly wrong with them, in words, each with its place.
        problems: Vec<String>,
    },
    /// The constellation: the client makes documents of this site.
    ClientPlaced {
        /// Which client.
        client: ClientId,
        /// Of which site; none for documents of opaque origins.
        site: Option<Site>,
    },
    /// The constellation: the document is that client's.
    PipelinePlaced {
        /// Which document.
        pipeline: PipelineId,
        /// Whose.
        client: ClientId,
        /// Whether it is in no frame.
        is_top_level: bool,
    },
    /// Time passed.
    Tick,
    /// The browser shuts down.
    Exit,
}

/// What the engine is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineCommand {
    /// List the monitors for a session that begins.
    List {
        /// For the answer.
        session: SessionId,
    },
    /// Open these monitors and read each once.
    Open {
        /// For the answer, and for [`EngineCommand::Close`].
        session: SessionId,
        /// Which monitors.
        monitors: Vec<MonitorId>,
    },
    /// The session is over; monitors that no other session has open are closed.
    Close {
        /// Which session.
        session: SessionId,
    },
    /// Make frames for a source, the first at once. Not asked for before the
    /// indicator is confirmed: the page can read the pictures as soon as they
    /// are written.
    Start {
        /// For which source.
        source: SourceId,
        /// Of which open monitor.
        monitor: MonitorId,
        /// How they are to be.
        format: FrameFormat,
    },
    /// Make frames in another way from now on.
    Configure {
        /// For which source.
        source: SourceId,
        /// How they are to be.
        format: FrameFormat,
    },
    /// Read nothing for a source until it is resumed.
    Pause {
        /// Which source.
        source: SourceId,
    },
    /// Go on making frames for a source.
    Resume {
        /// Which source.
        source: SourceId,
    },
    /// Make a frame although nothing changed, and take none as delivered before.
    Refresh {
        /// For which source.
        source: SourceId,
    },
    /// Make no more frames for a source and free its buffers.
    Stop {
        /// Which source.
        source: SourceId,
    },
    /// A frame of this source is no longer leased.
    Released {
        /// Which source.
        source: SourceId,
        /// Which frame.
        sequence: u64,
    },
    /// Tell the layout, now as [`ScreensInput::Listed`] and then whenever it
    /// changes, also while no monitor is open; or do not any more.
    Watch {
        /// Whether it is watched from now on.
        wanted: bool,
    },
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Answer a page.
    Reply {
        /// Which call.
        request: RequestId,
        /// The answer.
        result: Result<Vec<GrantedSource>, CaptureError>,
    },
    /// Answer a page that wanted other frames.
    Configured {
        /// Which request.
        request: RequestId,
        /// The settings that frames have from now on, or why they stay.
        result: Result<SourceSettings, CaptureError>,
    },
    /// Hand a frame to a source's sink.
    Deliver {
        /// Which source.
        source: SourceId,
        /// The frame.
        frame: RawFrame,
    },
    /// Tell a source's sink something.
    Tell {
        /// Which source.
        source: SourceId,
        /// What.
        event: SourceEvent,
    },
    /// Nothing more is told to this sink: forget it.
    Forget {
        /// Which source.
        source: SourceId,
    },
    /// For the engine.
    Engine(EngineCommand),
    /// Show the indicator on these monitors, or change it.
    Indicate {
        /// Comes back in [`Event::IndicatorShown`] and `IndicatorFailed`.
        generation: u64,
        /// What it says.
        content: IndicatorContent,
        /// Where.
        monitors: Vec<Monitor>,
    },
    /// The indicator is not seen where it was shown: put it back on top.
    RestoreIndicator,
    /// Take the indicator down.
    HideIndicator,
    /// Put this on the disk before the next effect is carried out.
    Record(RecordEntry),
    /// Tell the shell.
    Notify(CaptureNotice),
    /// For whoever asked about the screens.
    Screens(ScreensEffect),
}
