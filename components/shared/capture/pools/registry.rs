/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pools of this process.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::{MAX_PICTURES, PoolId};
use crate::picture::PictureMemory;

static POOLS: LazyLock<Mutex<HashMap<PoolId, Vec<Arc<PictureMemory>>>>> =
    LazyLock::new(Default::default);

/// A pool of the service's process: its pictures are found by id and index
/// until this is dropped. Whoever has a picture then keeps it.
#[derive(Debug)]
pub struct PoolRegistration {
    id: PoolId,
}

impl PoolRegistration {
    /// An empty pool with a random id.
    #[expect(
        clippy::new_without_default,
        reason = "a new one is another one: registering is no default"
    )]
    pub fn new() -> Self {
        let id = PoolId::random();
        POOLS.lock().insert(id, Vec::new());
        Self { id }
    }

    /// What frames call it.
    pub fn id(&self) -> PoolId {
        self.id
    }

    /// Adds a picture and returns its index; the indices are 0, 1, 2 and so on.
    /// A pool takes [`MAX_PICTURES`]; one that is added beyond has an index
    /// under which nobody finds it.
    pub fn add(&self, picture: Arc<PictureMemory>) -> u32 {
        let mut pools = POOLS.lock();
        let pictures = pools.entry(self.id).or_default();
        let index = u32::try_from(pictures.len()).unwrap_or(MAX_PICTURES);
        if index < MAX_PICTURES {
            pictures.push(picture);
        }
        index
    }

    /// A picture of a pool of this process.
    pub fn find(pool: PoolId, index: u32) -> Option<Arc<PictureMemory>> {
        let index = usize::try_from(index).ok()?;
        POOLS.lock().get(&pool)?.get(index).cloned()
    }
}

impl Drop for PoolRegistration {
    fn drop(&mut self) {
        // The pictures are unmapped outside the lock.
        let _pictures = POOLS.lock().remove(&self.id);
    }
}
