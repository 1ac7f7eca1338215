/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the core hears about the screens, and what it wants done.

use euclid::Box2D;
use servo_base::id::{PipelineId, WebViewId};
use servo_capture_traits::{
    ClientId, DesktopPixel, ScreensError, ScreensEvent, ScreensGrant, ScreensPermission,
};

use super::QuestionId;
use crate::core::RequestId;
use crate::grabber::GrabError;
use crate::monitor::Monitor;

/// What happened about the screens.
#[derive(Debug)]
pub enum ScreensInput {
    /// A page reads `screen.isExtended`.
    IsExtended {
        /// For the answer.
        request: RequestId,
        /// Who asks.
        client: ClientId,
        /// For which document.
        pipeline: PipelineId,
    },
    /// A page asks for the state of the permission.
    Permission {
        /// For the answer.
        request: RequestId,
        /// Who asks.
        client: ClientId,
        /// The origin as serialized by script: a claim.
        origin: String,
    },
    /// WebDriver sets that state.
    SetPermission {
        /// For the answer.
        request: RequestId,
        /// Who asks.
        client: ClientId,
        /// The origin as serialized by script: a claim.
        origin: String,
        /// The new state.
        state: ScreensPermission,
    },
    /// A page calls `getScreenDetails()`.
    Details {
        /// For the answer.
        request: RequestId,
        /// Who asks.
        client: ClientId,
        /// For which document: a claim.
        pipeline: PipelineId,
        /// Where the user sees it: a claim.
        webview: WebViewId,
        /// The document's origin as serialized by script: a claim.
        origin: String,
        /// Whether the document has transient activation: a claim.
        has_activation: bool,
    },
    /// A document is to be told of all screens, or of the one it is on.
    Watch {
        /// Who asks.
        client: ClientId,
        /// Which document.
        pipeline: PipelineId,
        /// Of all.
        all: bool,
    },
    /// Nothing can be sent to the document's sink any more.
    SinkLost {
        /// Which document.
        pipeline: PipelineId,
    },
    /// The engine's answer to [`EngineCommand::Watch`].
    Listed {
        /// The monitors, in the order of [`Monitor::sort`].
        result: Result<Vec<Monitor>, GrabError>,
    },
    /// The shell: where the browser's window is; `None` for nowhere.
    WindowMoved {
        /// Its place on the desktop.
        window: Option<Box2D<i32, DesktopPixel>>,
    },
    /// The shell: the user has answered, or has not.
    Answered {
        /// Which question.
        question: QuestionId,
        /// Yes or no; `None` if they closed it.
        allows: Option<bool>,
    },
}

/// What is to be done about the screens.
#[derive(Debug)]
pub enum ScreensEffect {
    /// The answer to [`ScreensInput::IsExtended`].
    Extended {
        /// Which request.
        request: RequestId,
        /// Whether there are several screens.
        is_extended: bool,
    },
    /// The answer to [`ScreensInput::Permission`], and to `SetPermission`.
    Permission {
        /// Which request.
        request: RequestId,
        /// The state.
        state: ScreensPermission,
    },
    /// The answer to [`ScreensInput::Details`].
    Details {
        /// Which request.
        request: RequestId,
        /// The screens, or why not.
        result: Result<ScreensGrant, ScreensError>,
    },
    /// Tell a document's sink something.
    Tell {
        /// Which document.
        pipeline: PipelineId,
        /// What.
        event: ScreensEvent,
    },
    /// Nothing more is told to this document.
    Forget {
        /// Which document.
        pipeline: PipelineId,
    },
    /// Have the user asked whether an origin may know the screens.
    Ask {
        /// For the answer.
        question: QuestionId,
        /// Who wants to know.
        origin: String,
        /// Where the user sees the page.
        webview: WebViewId,
    },
}
