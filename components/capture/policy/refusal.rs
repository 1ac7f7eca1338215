/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Why the policy says no.

use super::{ALL_SCREENS_ALLOWED_ORIGINS, ALL_SCREENS_ENABLED, ISOLATED_ONLY, TOP_LEVEL_ONLY};

/// Why the policy refuses. The text names the preference to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// Nobody may: the feature is off.
    #[error(
        "capturing all screens is turned off, the preference {} decides it",
        ALL_SCREENS_ENABLED
    )]
    Disabled,
    /// The caller's origin is opaque (`data:`, `file:`, a sandboxed frame), and
    /// no pattern can name such an origin.
    #[error(
        "an opaque origin may not capture all screens, the preference {} cannot name it",
        ALL_SCREENS_ALLOWED_ORIGINS
    )]
    OpaqueOrigin,
    /// No pattern matches the caller's origin.
    #[error(
        "the preference {} does not list the origin {origin}",
        ALL_SCREENS_ALLOWED_ORIGINS
    )]
    NotListed {
        /// The caller's origin, in ASCII.
        origin: String,
    },
    /// Only top-level documents may, and the caller is in a frame.
    #[error(
        "a document in a frame may not capture all screens, the preference {} decides it",
        TOP_LEVEL_ONLY
    )]
    NotTopLevel,
    /// Only isolated contexts may, and this browser has none.
    #[error(
        "only an isolated context may capture all screens, and this browser has none; the preference {} decides it",
        ISOLATED_ONLY
    )]
    NotIsolated,
    /// The person in front of the monitors does not want it.
    #[error("the user has revoked the permission of {origin} until the browser ends")]
    Revoked {
        /// The caller's origin, in ASCII.
        origin: String,
    },
}
