/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Gives the memory of pictures to other processes.
//!
//! What belongs here: the socket, who may ask, and how long. What does not: the
//! bytes on the socket and the consumer's side, which are
//! `servo_capture_traits::pools`'. Where everything runs in one process none of
//! this exists.

#[cfg(target_os = "linux")]
mod connection;
#[cfg(target_os = "linux")]
mod server;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use servo_capture_traits::PoolAccess;

#[cfg(target_os = "linux")]
pub use self::server::PoolServer;

/// How pages get at frames' pictures, for as long as this lives.
pub(crate) struct Transport {
    #[cfg(target_os = "linux")]
    server: Option<PoolServer>,
    several_processes: bool,
}

impl Transport {
    /// Prepares for pages in this process, or in processes of their own. What
    /// cannot be shared is copied.
    pub(crate) fn start(several_processes: bool) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            server: several_processes
                .then(PoolServer::start)
                .and_then(|server| {
                    let failed = |error: &std::io::Error| {
                        log::error!("frames are copied, as pictures cannot be shared: {error}");
                    };
                    server.inspect_err(failed).ok()
                }),
            several_processes,
        }
    }

    /// What a page's process is told.
    pub(crate) fn access(&self) -> PoolAccess {
        if !self.several_processes {
            return PoolAccess::SameProcess;
        }
        #[cfg(target_os = "linux")]
        if let Some(server) = &self.server {
            return PoolAccess::Socket(server.address().clone());
        }
        PoolAccess::Copies
    }
}
