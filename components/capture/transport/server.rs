/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service's socket and the thread that serves it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Uid, geteuid};
use servo_capture_traits::pools::{PROBE_BYTES, wire};
use servo_capture_traits::{PictureWriter, PoolAddress, PoolRegistration};

use super::connection::Connection;

/// Connections that may be open, of all processes together.
pub(super) const MAX_CONNECTIONS: usize = 64;
/// Connections of one process. It needs one at a time for each of its threads
/// that shows frames for the first time.
pub(super) const MAX_CONNECTIONS_OF_PROCESS: usize = 8;
/// How long nobody is let in when the system has no more descriptors.
const REST: Duration = Duration::from_millis(100);

/// Hands out the pictures of this process' pools to other processes of the same
/// user, until it is dropped. What they have by then they keep.
#[derive(Debug)]
pub struct PoolServer {
    address: PoolAddress,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    /// What clients ask for to see whether all this works.
    _probe: PoolRegistration,
}

impl PoolServer {
    /// Begins to listen, on a thread of its own.
    ///
    /// # Errors
    /// When the system has no socket, memory or thread for it.
    pub fn start() -> io::Result<Self> {
        Self::start_for(geteuid())
    }

    /// Begins to listen to another user.
    pub(super) fn start_for(user: Uid) -> io::Result<Self> {
        let probe = PoolRegistration::new();
        let picture = PictureWriter::new(PROBE_BYTES)?;
        picture.seal()?;
        probe.add(picture.memory().clone());

        let address = PoolAddress::random(probe.id());
        let name = SocketAddr::from_abstract_name(address.socket_name())?;
        let listener = UnixListener::bind_addr(&name)?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let server = Server {
            listener,
            user,
            connections: Vec::new(),
            rests_until: None,
        };
        let until = stop.clone();
        let thread = thread::Builder::new()
            .name("CapturePools".to_owned())
            .spawn(move || server.run(&until))?;
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
            _probe: probe,
        })
    }

    /// Where other processes find it.
    pub fn address(&self) -> &PoolAddress {
        &self.address
    }
}

impl Drop for PoolServer {
    fn drop(&mut self) {
        // The thread waits for this and never blocks otherwise. An eventfd
        // takes the first number that is written to it.
        if rustix::io::write(&*self.stop, &1u64.to_ne_bytes()).is_ok()
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that shares pictures panicked");
        }
    }
}

/// What has become ready.
struct Ready {
    stop: bool,
    listener: bool,
    /// In the order of the connections.
    connections: Vec<bool>,
}

/// The thread's own state.
struct Server {
    listener: UnixListener,
    user: Uid,
    connections: Vec<Connection>,
    rests_until: Option<Instant>,
}

impl Server {
    fn run(mut self, stop: &OwnedFd) {
        loop {
            let ready = match self.wait(stop) {
                Ok(ready) => ready,
                Err(error) => {
                    log::error!("pictures are not shared any more: {error}");
                    return;
                }
            };
            if ready.stop {
                return;
            }
            let now = Instant::now();
            let mut is_ready = ready.connections.into_iter();
            self.connections.retain_mut(|connection| {
                let is_ready = is_ready.next().unwrap_or(false);
                (!is_ready || connection.go_on()) && connection.deadline > now
            });
            if self.rests_until.is_some_and(|until| until <= now) {
                self.rests_until = None;
            }
            if ready.listener {
                self.accept(now);
            }
        }
    }

    /// Sleeps until something is to be done, no longer than to the next
    /// deadline.
    fn wait(&self, stop: &OwnedFd) -> io::Result<Ready> {
        let mut waiting = vec![
            PollFd::new(stop, PollFlags::IN),
            PollFd::new(&self.listener, self.accepting()),
        ];
        let connections = self.connections.iter();
        waiting.extend(connections.map(|connection| PollFd::new(connection, PollFlags::IN)));
        let now = Instant::now();
        let deadlines = self
            .connections
            .iter()
            .map(|connection| connection.deadline);
        let timeout = deadlines
            .chain(self.rests_until)
            .min()
            .map(|deadline| Timespec::try_from(deadline.saturating_duration_since(now)))
            .transpose()
            .map_err(io::Error::other)?;
        match poll(&mut waiting, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = waiting.iter().map(|one| !one.revents().is_empty());
        Ok(Ready {
            stop: ready.next().unwrap_or(true),
            listener: ready.next().unwrap_or(true),
            connections: ready.collect(),
        })
    }

    fn accepting(&self) -> PollFlags {
        if self.rests_until.is_some() {
            PollFlags::empty()
        } else {
            PollFlags::IN
        }
    }

    /// Lets in one that waits. Whoever may not come in, or comes too often, is
    /// shut out at once.
    fn accept(&mut self, now: Instant) {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                let kind = error.kind();
                if kind != io::ErrorKind::WouldBlock && kind != io::ErrorKind::Interrupted {
                    log::warn!("no process can be let in: {error}");
                    self.rests_until = Some(now + REST);
                }
                return;
            }
        };
        match self.admit(&stream) {
            Ok(process) => {
                let deadline = now + wire::TIMEOUT;
                let connection = Connection::new(stream, process, deadline);
                self.connections.push(connection);
            }
            Err(error) => log::warn!("a process was not let in: {error}"),
        }
    }

    /// Whether the peer may come in; its process.
    fn admit(&self, stream: &UnixStream) -> Result<i32, Refusal> {
        stream.set_nonblocking(true)?;
        let peer = socket_peercred(stream.as_fd()).map_err(io::Error::from)?;
        if peer.uid != self.user {
            return Err(Refusal::User(peer.uid.as_raw()));
        }
        let process = peer.pid.as_raw_nonzero().get();
        let connections = self.connections.iter();
        let of_process = connections.filter(|connection| connection.process == process);
        if of_process.count() >= MAX_CONNECTIONS_OF_PROCESS {
            return Err(Refusal::TooMany(process));
        }
        if self.connections.len() >= MAX_CONNECTIONS {
            return Err(Refusal::Full);
        }
        Ok(process)
    }
}

/// Why a process is not let in.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("user {0} is another one")]
    User(u32),
    #[error("process {0} has {MAX_CONNECTIONS_OF_PROCESS} connections open")]
    TooMany(i32),
    #[error("{MAX_CONNECTIONS} connections are open")]
    Full,
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that nobody can reach, with this many connections of others.
    fn server(connections: usize) -> (Server, Vec<UnixStream>) {
        let name = PoolAddress::random(PoolRegistration::new().id()).socket_name();
        let name = SocketAddr::from_abstract_name(name).unwrap();
        let mut server = Server {
            listener: UnixListener::bind_addr(&name).unwrap(),
            user: geteuid(),
            connections: Vec::new(),
            rests_until: None,
        };
        let mut others = Vec::new();
        for process in 0..connections {
            let (ours, other) = UnixStream::pair().unwrap();
            let process = -1 - process as i32;
            let deadline = Instant::now() + wire::TIMEOUT;
            server
                .connections
                .push(Connection::new(ours, process, deadline));
            others.push(other);
        }
        (server, others)
    }

    #[test]
    fn nobody_is_let_in_when_all_places_are_taken() {
        let (stream, _other) = UnixStream::pair().unwrap();
        let (server_with_room, _others) = server(MAX_CONNECTIONS - 1);
        let process = std::process::id() as i32;
        assert_eq!(server_with_room.admit(&stream).unwrap(), process);
        let (full, _others) = server(MAX_CONNECTIONS);
        assert!(matches!(full.admit(&stream), Err(Refusal::Full)));
    }

    #[test]
    fn another_user_is_named_in_the_refusal() {
        let (stream, _other) = UnixStream::pair().unwrap();
        let (mut server, _others) = server(0);
        let user = geteuid().as_raw();
        server.user = Uid::from_raw(user + 1);
        assert!(matches!(server.admit(&stream), Err(Refusal::User(found)) if found == user));
    }

    #[test]
    fn a_server_that_rests_listens_to_nobody_new() {
        let (mut server, _others) = server(0);
        assert_eq!(server.accepting(), PollFlags::IN);
        server.rests_until = Some(Instant::now() + REST);
        assert_eq!(server.accepting(), PollFlags::empty());
    }
}
