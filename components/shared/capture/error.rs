/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Why a request for a capture failed.

use serde::{Deserialize, Serialize};

/// The reasons, one for each thing that a caller can do about it. The DOM maps
/// them to DOMExceptions in one place
/// (`dom/screencapture/errors.rs`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub enum CaptureError {
    /// The administrator's policy does not allow this origin (A4).
    #[error("{0}")]
    RefusedByPolicy(String),
    /// The platform cannot capture: no display server, no monitor, no
    /// permission from the compositor (A5).
    #[error("the screens cannot be captured here: {0}")]
    PlatformLimitation(String),
    /// The privacy indicator could not be shown, and without it nothing is
    /// captured (D4).
    #[error("the privacy indicator cannot be shown: {0}")]
    NoIndicator(String),
    /// At least one monitor could not be read (A8).
    #[error("a monitor cannot be read: {0}")]
    NotReadable(String),
    /// Any other failure (A8).
    #[error("the capture failed: {0}")]
    Aborted(String),
    /// The document was left, or closed, before the capture could begin.
    #[error("the document is no longer active")]
    DocumentInactive,
    /// The request itself was malformed or asked for what is another's.
    #[error("the request was refused: {0}")]
    BadRequest(String),
    /// More requests, captures or sources than one page may hold.
    #[error("too many captures at once: the limit is {limit} {what}")]
    TooMany {
        /// How many there may be.
        limit: usize,
        /// Of what.
        what: String,
    },
    /// The constellation does not vouch for what the page's process says of the
    /// document.
    #[error("the browser does not vouch for this document: {0}")]
    Unvouched(String),
}
