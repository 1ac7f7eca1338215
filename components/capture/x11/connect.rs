/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Finding an X server and getting in.

use std::io::{Error, ErrorKind, Result};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use x11rb::errors::ConnectError;
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};
use x11rb::reexports::x11rb_protocol::xauth::{Family, get_auth};
use x11rb::rust_connection::{DefaultStream, RustConnection};

use super::stream::{BoundedStream, Patience, X11Connection};
use crate::grabber::StallObserver;

/// How long a server may take to accept a client and to tell of itself.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
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

/// Connects to the X server with this name, `:0`; without one, to that of the
/// environment variable `DISPLAY`. Its waits end two seconds from now, until
/// [`BoundedStream::set_patience`] says otherwise; `stalls` is told of stalls.
pub(crate) fn connect_to(
    display: Option<&str>,
    stalls: Option<StallObserver>,
) -> std::result::Result<Connected, ConnectError> {
    let patience = Patience::Until(Instant::now() + CONNECT_TIMEOUT);
    let parsed = parse_display(display)?;
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
        let stream = BoundedStream::new(stream, patience, stalls.clone());
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
                match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
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
    use super::*;

    #[test]
    fn a_display_that_is_not_there_is_an_error_at_once() {
        let start = Instant::now();
        for display in [":65000", "unix:65000", "", "nonsense", ":1:2:3"] {
            assert!(connect_to(Some(display), None).is_err(), "{display:?}");
        }
        assert!(start.elapsed() < CONNECT_TIMEOUT);
    }
}
