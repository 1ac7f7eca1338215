/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The consumer's side of a pool.

use std::collections::HashMap;
use std::sync::Arc;

use super::{MAX_PICTURES, PoolAccess, PoolError, PoolId, PoolRegistration};
use crate::picture::PictureMemory;

/// Finds the pictures of one source's frames. Keeps the maps of the newest pool
/// and of no other.
#[derive(Debug, Default)]
pub struct PoolReader {
    access: PoolAccess,
    pool: Option<PoolId>,
    /// By index; only what came from another process.
    fetched: HashMap<u32, Arc<PictureMemory>>,
}

impl PoolReader {
    /// A reader that has nothing yet.
    pub fn new(access: PoolAccess) -> Self {
        Self {
            access,
            ..Self::default()
        }
    }

    /// The picture that a frame names; `bytes` is what the frame's size asks
    /// for. The service's socket is asked once for each picture, and answers
    /// within [`super::wire::TIMEOUT`] or not at all.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub fn picture(
        &mut self,
        pool: PoolId,
        index: u32,
        bytes: usize,
    ) -> Result<Arc<PictureMemory>, PoolError> {
        if self.pool != Some(pool) {
            self.fetched.clear();
            self.pool = Some(pool);
        }
        if index >= MAX_PICTURES {
            return Err(PoolError::Unknown);
        }
        let picture = match (&self.access, self.fetched.get(&index)) {
            (_, Some(picture)) => picture.clone(),
            (PoolAccess::SameProcess, None) => {
                PoolRegistration::find(pool, index).ok_or(PoolError::Unknown)?
            }
            (PoolAccess::Socket(address), None) => {
                let picture = fetch(address, pool, index, bytes)?;
                self.fetched.insert(index, picture.clone());
                picture
            }
            (PoolAccess::Copies, None) => return Err(PoolError::NotShared),
        };
        let found = picture.len();
        if found != bytes {
            return Err(PoolError::Size {
                wanted: bytes,
                found: found as u64,
            });
        }
        Ok(picture)
    }

    /// How many maps of another process's memory are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.fetched.len()
    }
}

#[cfg(target_os = "linux")]
fn fetch(
    address: &super::PoolAddress,
    pool: PoolId,
    index: u32,
    bytes: usize,
) -> Result<Arc<PictureMemory>, PoolError> {
    super::wire::fetch(address, pool, index, bytes).map(Arc::new)
}

#[cfg(not(target_os = "linux"))]
fn fetch(
    _: &super::PoolAddress,
    _: PoolId,
    _: u32,
    _: usize,
) -> Result<Arc<PictureMemory>, PoolError> {
    Err(PoolError::NotShared)
}
