/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Ids that cross the boundary between page and service.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One event loop that talks to the service: a content process in multi-process
/// mode, a script thread otherwise. Minted in the parent process with the
/// sender that the event loop gets, so that it cannot be forged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(u64);

impl ClientId {
    /// The next id; the first one is 1.
    #[allow(clippy::should_implement_trait)]
    pub fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "client {}", self.0)
    }
}

/// One surface captured for one track. Random, so that neither its value nor
/// its order tells a page anything about other pages' captures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SourceId(Uuid);

impl SourceId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id of a given number, for tests and fake clients.
    pub fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "source {}", self.0)
    }
}

/// One screen as one document knows it. Random for each document, and another
/// one when the screen was unplugged meanwhile, so that it identifies nothing
/// beyond the document.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ScreenId(Uuid);

impl ScreenId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id of a given number, for tests and fake clients.
    pub fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }
}
