/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What documents ask and are told of the device's screens, without capturing
//! anything (<https://w3c.github.io/window-management/>).

use std::time::Duration;

use euclid::Size2D;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use servo_base::generic_channel::{self, GenericCallback, GenericSender, SendError};
use servo_base::id::{PipelineId, WebViewId};

use crate::{CaptureClient, CaptureRequest, CssPixel, ScreenId, ScreenInfo};

/// How long a script thread waits for an answer that a page gets at once. The
/// service may have to connect to the display server for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The state of the permission `window-management`
/// (<https://w3c.github.io/permissions/#dfn-permission-state>).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ScreensPermission {
    /// By the administrator's list or by the user.
    Granted,
    /// By the user, or because the origin is opaque.
    Denied,
    /// The user is asked when it is used.
    Prompt,
}

/// What script asks about the screens.
#[derive(Deserialize, Serialize)]
pub enum ScreensRequest {
    /// `screen.isExtended`. The document is told at once from then on.
    IsExtended {
        /// The document that asks.
        pipeline: PipelineId,
        /// Gets the answer.
        reply: GenericSender<bool>,
    },
    /// The state of the permission `window-management`.
    Permission {
        /// The origin's ASCII serialization: a claim.
        origin: String,
        /// Gets the answer.
        reply: GenericSender<ScreensPermission>,
    },
    /// Sets that state, as WebDriver asks. Refused where nobody drives the
    /// browser.
    SetPermission {
        /// The origin's ASCII serialization: a claim.
        origin: String,
        /// The new state.
        state: ScreensPermission,
        /// Told when it holds.
        done: GenericSender<()>,
    },
    /// `getScreenDetails()`.
    Details {
        /// The document that asks.
        pipeline: PipelineId,
        /// Where the user sees it.
        webview: WebViewId,
        /// Its origin's ASCII serialization, `null` if opaque: a claim.
        origin: String,
        /// Whether the user did something there just now, without which they
        /// are not asked: a claim.
        has_activation: bool,
        /// Gets the answer.
        reply: GenericCallback<ScreensReply>,
    },
    /// From now on the document is told of all screens, beginning with how they
    /// are. It must have been answered by a grant. Its earlier sink is forgotten.
    WatchAll {
        /// The document.
        pipeline: PipelineId,
        /// Gets [`ScreensEvent::All`].
        sink: GenericCallback<ScreensEvent>,
    },
    /// From now on the document is told of what any page may know of the screen
    /// that it is on. Without effect if it is told of all.
    WatchCurrent {
        /// The document.
        pipeline: PipelineId,
        /// Gets [`ScreensEvent::Current`].
        sink: GenericCallback<ScreensEvent>,
    },
}

impl ScreensRequest {
    /// Answers a request that nobody will look at.
    ///
    /// # Errors
    /// When nobody waits for the answer.
    pub fn refuse(self, reason: String) -> Result<(), SendError> {
        match self {
            Self::IsExtended { reply, .. } => reply.send(false),
            Self::Permission { reply, .. } => reply.send(ScreensPermission::Prompt),
            Self::SetPermission { done, .. } => done.send(()),
            Self::Details { reply, .. } => {
                reply.send(ScreensReply(Err(ScreensError::Refused(reason))))
            }
            Self::WatchAll { .. } | Self::WatchCurrent { .. } => Ok(()),
        }
    }
}

/// All screens as one document knows them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ScreenList {
    /// At least one, by position: top to bottom within left to right.
    pub screens: Vec<(ScreenId, ScreenInfo)>,
    /// The one of them that shows the document's window.
    pub current: ScreenId,
}

impl ScreenList {
    /// What any page may know of the current screen.
    pub fn basic(&self) -> Option<BasicScreen> {
        let current = self.screens.iter().find(|(id, _)| *id == self.current);
        current.map(|(_, info)| BasicScreen::new(info, self.screens.len()))
    }
}

/// What any page may know of the screen that shows its window
/// (<https://w3c.github.io/window-management/#screen-basic-observable-properties>).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BasicScreen {
    /// The whole screen.
    pub size: Size2D<i32, CssPixel>,
    /// Without the panels and docks that the desktop reserves.
    pub available_size: Size2D<i32, CssPixel>,
    /// Bits per pixel that carry color.
    pub color_depth: u32,
    /// Whether the device has other screens.
    pub is_extended: bool,
}

impl BasicScreen {
    /// Of a screen, one of so many.
    pub fn new(info: &ScreenInfo, screens: usize) -> Self {
        Self {
            size: info.bounds.size,
            available_size: info.available.size,
            color_depth: info.color_depth,
            is_extended: screens > 1,
        }
    }
}

/// What a document is told of the screens.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum ScreensEvent {
    /// All screens as they are now.
    All(ScreenList),
    /// The current screen as it is now.
    Current(BasicScreen),
}

/// The screens for a document that may know them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ScreensGrant {
    /// As they are now.
    pub list: ScreenList,
    /// Whether the document is told of changes already.
    pub is_watched: bool,
}

/// The answer to [`ScreensRequest::Details`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ScreensReply(pub Result<ScreensGrant, ScreensError>);

/// Why a document may not know the screens, or cannot.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub enum ScreensError {
    /// The user said no, now or before; or the origin is opaque.
    #[error("the permission \"window-management\" is denied")]
    Denied,
    /// The user would have to be asked, and has done nothing on the page that
    /// would explain why.
    #[error("the user can only be asked for \"window-management\" after an action of theirs")]
    NotActivated,
    /// The user was asked and gave no answer, or nobody is there to be asked.
    #[error("the user has not granted \"window-management\"")]
    NotAnswered,
    /// The document was left, or closed.
    #[error("the document is no longer active")]
    DocumentInactive,
    /// The display server does not tell its screens.
    #[error("the screens cannot be listed: {0}")]
    NotListed(String),
    /// The request asked for another's, or there were too many.
    #[error("the request was refused: {0}")]
    Refused(String),
}

impl CaptureClient {
    /// Asks something that is answered at once, and waits for the answer: none
    /// if there is no service, or it does not come in time.
    pub fn ask_screens<T>(
        &self,
        request: impl FnOnce(GenericSender<T>) -> ScreensRequest,
    ) -> Option<T>
    where
        T: DeserializeOwned + Serialize,
    {
        let (reply, answer) = generic_channel::channel()?;
        self.send(CaptureRequest::Screens(request(reply))).ok()?;
        answer.try_recv_timeout(ANSWER_TIMEOUT).ok()
    }
}
