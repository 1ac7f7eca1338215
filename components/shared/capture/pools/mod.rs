/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How the pictures of a source reach whoever shows them.
//!
//! The pictures in which a source's frames are made are a *pool*. A frame names
//! the pool and the picture's index in it; the memory itself is fetched once.
//! In the service's process a [`PoolReader`] finds it in a table; in another
//! process on Linux it asks the service's socket for the descriptor and maps it
//! ([`wire`]); elsewhere frames come as copies.
//!
//! Any process of the same user can read a pool whose [`PoolId`] and
//! [`PoolAddress`] it was told, without anything else of the browser:
//!
//! ```no_run
//! use servo_capture_traits::pools::{PoolAccess, PoolAddress, PoolId, PoolReader};
//! use servo_capture_traits::{Damage, MonitorPixel};
//!
//! # fn read(address: PoolAddress, pool: PoolId) -> Result<(), Box<dyn std::error::Error>> {
//! let size = euclid::Size2D::<u32, MonitorPixel>::new(1920, 1080);
//! let mut pixels = vec![0; 1920 * 1080 * 4];
//! let mut reader = PoolReader::new(PoolAccess::Socket(address));
//! let picture = reader.picture(pool, 0, pixels.len())?;
//! picture.copy_opaque(size, &Damage::Whole, &mut pixels)?;
//! # Ok(())
//! # }
//! ```

mod address;
mod reader;
mod registry;
#[cfg(target_os = "linux")]
pub mod wire;

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::address::{AddressError, PROBE_BYTES, PoolAccess, PoolAddress};
pub use self::reader::PoolReader;
pub use self::registry::PoolRegistration;

/// How many pictures a pool has at most.
pub const MAX_PICTURES: u32 = 16;

/// Names a pool. Random: whoever knows it and is the same user may read the
/// pool, so it is never logged.
#[derive(Clone, Copy, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct PoolId(Uuid);

impl PoolId {
    fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Debug for PoolId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("PoolId(..)")
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The pool is gone: the source ended, or its pictures have another size
    /// now. Newer frames name another pool.
    #[error("the pool is gone, or has no such picture")]
    Unknown,
    /// There is no memory that both processes could have.
    #[error("pictures cannot be shared with this process")]
    NotShared,
    /// The picture is there and is not what the frame says it is.
    #[error("a picture of {wanted} bytes is wanted, found {found} bytes")]
    Size {
        /// Bytes by the frame's size.
        wanted: usize,
        /// Bytes of the picture.
        found: u64,
    },
    /// The service does not let this process in.
    #[error("the service's socket belongs to another user")]
    Stranger,
    /// The socket cannot be reached or does not answer, or the memory cannot be
    /// mapped.
    #[error("the picture could not be fetched: {0}")]
    Io(#[from] io::Error),
}

impl PoolError {
    /// Whether the next frame may be better off: the pool has gone out of use,
    /// nothing is wrong.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

#[cfg(test)]
mod tests;
