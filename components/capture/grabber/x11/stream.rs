/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A connection to an X server on which no wait is without an end.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use x11rb::errors::ConnectError;
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};
use x11rb::reexports::x11rb_protocol::xauth::{Family, get_auth};
use x11rb::rust_connection::{DefaultStream, PollMode, RustConnection, Stream};
use x11rb::utils::RawFdContainer;

/// For how long an X server may be silent while somebody waits for it.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection whose every wait ends after [`ANSWER_TIMEOUT`], with an error
/// of kind [`ErrorKind::TimedOut`]. After such an error the connection is of no
/// more use: a late answer may still come.
pub(crate) type X11Connection = RustConnection<BoundedStream>;

/// The socket of an [`X11Connection`].
#[derive(Debug)]
pub(crate) struct BoundedStream(DefaultStream);

impl Stream for BoundedStream {
    fn poll(&self, mode: PollMode) -> Result<()> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, mode.readable());
        events.set(PollFlags::OUT, mode.writable());
        let timeout = Timespec::try_from(ANSWER_TIMEOUT).map_err(Error::other)?;
        loop {
            let mut polled = [PollFd::new(&self.0, events)];
            match poll(&mut polled, Some(&timeout)) {
                Ok(0) => {
                    return Err(Error::new(
                        ErrorKind::TimedOut,
                        format!(
                            "the X server has not answered for {} s",
                            ANSWER_TIMEOUT.as_secs()
                        ),
                    ));
                }
                // A closed socket shows in the read or write that follows.
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read(&self, buffer: &mut [u8], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.0.read(buffer, fds)
    }

    fn write(&self, buffer: &[u8], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.0.write(buffer, fds)
    }

    fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
        fds: &mut Vec<RawFdContainer>,
    ) -> Result<usize> {
        self.0.write_vectored(buffers, fds)
    }
}

/// The last display number that has a TCP port, which is 6000 higher.
const MAX_DISPLAY: u16 = u16::MAX - 6000;

/// What [`connect_to`] returns.
pub(crate) struct Connected {
    /// The connection.
    pub(crate) connection: X11Connection,
    /// Which of the server's screens the display's name names.
    pub(crate) screen: usize,
    /// Whether the socket can pass file descriptors.
    pub(crate) is_local: bool,
}

/// Connects to the X server with this name, `:0`.
pub(crate) fn connect_to(display: &str) -> std::result::Result<Connected, ConnectError> {
    let parsed = parse_display(Some(display))?;
    let screen = usize::from(parsed.screen);
    if parsed.display > MAX_DISPLAY {
        return Err(Error::new(ErrorKind::NotFound, "its number is too large").into());
    }
    let mut last = Error::new(ErrorKind::NotFound, "its name leads nowhere");
    for address in parsed.connect_instruction() {
        let (stream, (family, peer), is_local) = match open(&address) {
            Ok(opened) => opened,
            Err(error) => {
                last = error;
                continue;
            }
        };
        // Without a cookie the server may still let us in, or tell why not.
        let (name, data) = get_auth(family, &peer, parsed.display)
            .ok()
            .flatten()
            .unwrap_or_default();
        let stream = BoundedStream(stream);
        let connection =
            RustConnection::connect_to_stream_with_auth_info(stream, screen, name, data)?;
        return Ok(Connected {
            connection,
            screen,
            is_local,
        });
    }
    Err(last.into())
}

type Opened = (DefaultStream, (Family, Vec<u8>), bool);

fn open(address: &ConnectAddress) -> Result<Opened> {
    match address {
        ConnectAddress::Hostname(host, port) => {
            let mut last = Error::new(ErrorKind::NotFound, "the host has no address");
            for address in (*host, *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, ANSWER_TIMEOUT) {
                    Ok(stream) => {
                        let (stream, peer) = DefaultStream::from_tcp_stream(stream)?;
                        return Ok((stream, peer, false));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        ConnectAddress::Socket(path) => {
            let in_abstract = SocketAddrUnix::new_abstract_name(path.as_bytes())?;
            let stream = open_unix(&in_abstract)
                .or_else(|_| open_unix(&SocketAddrUnix::new(path.as_str())?))?;
            let (stream, peer) = DefaultStream::from_unix_stream(stream)?;
            Ok((stream, peer, true))
        }
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "its name asks for an unknown protocol",
        )),
    }
}

/// Does not block: a server that no longer accepts connections answers at once
/// once its queue is full.
fn open_unix(address: &SocketAddrUnix) -> Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, address).map_err(|error| match error {
        Errno::AGAIN => Error::new(ErrorKind::TimedOut, "it does not accept connections"),
        error => error.into(),
    })?;
    Ok(UnixStream::from(socket))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_display_that_is_not_there_is_an_error_at_once() {
        let start = Instant::now();
        for display in [":65000", "unix:65000", "", "nonsense", ":1:2:3"] {
            assert!(connect_to(display).is_err(), "{display:?}");
        }
        assert!(start.elapsed() < ANSWER_TIMEOUT);
    }

    #[test]
    fn a_server_that_accepts_and_stays_silent_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().expect("a socket pair");
        let (stream, _) = DefaultStream::from_unix_stream(ours).expect("non-blocking mode");
        let start = Instant::now();
        let Err(error) = RustConnection::connect_to_stream(BoundedStream(stream), 0) else {
            panic!("connected to nobody");
        };
        assert!(
            error.to_string().contains("has not answered for 2 s"),
            "{error}"
        );
        assert!(start.elapsed() < ANSWER_TIMEOUT + Duration::from_secs(1));
    }
}
