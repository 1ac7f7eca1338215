/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The policy-controlled features.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A policy-controlled feature
/// (<https://w3c.github.io/webappsec-permissions-policy/#policy-controlled-feature>).
/// The default allowlist of all of these is `self`: documents of the top level
/// and frames of the same origin have them, other frames only where their
/// container delegates.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Feature {
    /// `getAllScreensMedia()`.
    AllScreensCapture,
    /// Cameras of `getUserMedia()`.
    Camera,
    /// `getDisplayMedia()`.
    DisplayCapture,
    /// Microphones of `getUserMedia()`.
    Microphone,
    /// Screenshots that a page takes.
    Screenshot,
    /// `getScreenDetails()`.
    WindowManagement,
}

impl Feature {
    /// All features, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::AllScreensCapture,
        Self::Camera,
        Self::DisplayCapture,
        Self::Microphone,
        Self::Screenshot,
        Self::WindowManagement,
    ];

    /// The name in headers, attributes and scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllScreensCapture => "all-screens-capture",
            Self::Camera => "camera",
            Self::DisplayCapture => "display-capture",
            Self::Microphone => "microphone",
            Self::Screenshot => "screenshot",
            Self::WindowManagement => "window-management",
        }
    }

    /// The feature of a name. Names differ by case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name() == name)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
