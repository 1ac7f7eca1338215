/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where a process finds the pools of the service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PoolId;

/// How a process gets at the service's pictures.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum PoolAccess {
    /// The service is in this process.
    #[default]
    SameProcess,
    /// Through the service's socket.
    Socket(PoolAddress),
    /// Not at all: frames come as copies.
    Copies,
}

impl PoolAccess {
    /// What of this really works here: a socket that cannot be reached, or
    /// whose memory cannot be mapped (a sandbox), is no access. Asks the socket
    /// once, for a small picture that is there for this purpose.
    #[must_use]
    pub fn proved(self) -> Self {
        #[cfg(target_os = "linux")]
        if let Self::Socket(address) = &self
            && let Err(error) = super::wire::fetch(address, address.probe, 0, PROBE_BYTES)
        {
            log::warn!("frames are copied, as pictures cannot be shared: {error}");
            return Self::Copies;
        }
        self
    }
}

/// Bytes of the picture that is there to be asked for.
pub const PROBE_BYTES: usize = 64;

/// The address of the service's socket. As text (`Display`, `FromStr`) it can be
/// handed to a process of any kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PoolAddress {
    socket: Uuid,
    probe: PoolId,
}

impl PoolAddress {
    /// A new socket's address; `probe` is a pool with a picture of
    /// [`PROBE_BYTES`].
    pub fn random(probe: PoolId) -> Self {
        Self {
            socket: Uuid::new_v4(),
            probe,
        }
    }

    /// The socket's name in the abstract namespace.
    pub fn socket_name(&self) -> String {
        format!("servo-capture-{}", self.socket.simple())
    }
}

impl fmt::Display for PoolAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "{}/{}",
            self.socket.simple(),
            self.probe.0.simple()
        )
    }
}

/// The text is no address of a pool.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("two ids are wanted, with a slash between them")]
pub struct AddressError;

impl FromStr for PoolAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (socket, probe) = text.split_once('/').ok_or(AddressError)?;
        Ok(Self {
            socket: socket.parse().map_err(|_| AddressError)?,
            probe: PoolId(probe.parse().map_err(|_| AddressError)?),
        })
    }
}
