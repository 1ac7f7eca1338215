/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What goes over the service's socket, one question for each connection.
//!
//! The socket is an abstract Unix stream socket. The question is
//! [`QUESTION_BYTES`] bytes: the pool's id, then the picture's index, little
//! endian. The answer is [`ANSWER_BYTES`] bytes, the picture's length, little
//! endian, with the descriptor of a memfd attached; or the end of the stream
//! when there is no such picture.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg,
    sendmsg, socket_with,
};
use uuid::Uuid;

use super::{PoolAddress, PoolError, PoolId};
use crate::picture::PictureMemory;

/// Bytes of a question.
pub const QUESTION_BYTES: usize = 20;
/// Bytes of an answer.
pub const ANSWER_BYTES: usize = 8;
/// How long either side waits for the other.
pub const TIMEOUT: Duration = Duration::from_secs(1);

/// A question as it is sent.
pub fn question(pool: PoolId, index: u32) -> [u8; QUESTION_BYTES] {
    let mut question = [0; QUESTION_BYTES];
    let (id, number) = question.split_at_mut(16);
    id.copy_from_slice(pool.0.as_bytes());
    number.copy_from_slice(&index.to_le_bytes());
    question
}

/// What a question asks for. Every question has a meaning.
pub fn parse(question: &[u8; QUESTION_BYTES]) -> (PoolId, u32) {
    let mut id = [0; 16];
    let mut index = [0; 4];
    let (first, second) = question.split_at(16);
    id.copy_from_slice(first);
    index.copy_from_slice(second);
    (PoolId(Uuid::from_bytes(id)), u32::from_le_bytes(index))
}

/// Sends an answer; does not wait for room.
///
/// # Errors
/// What the system says; `WouldBlock` when there is no room.
pub fn answer(stream: BorrowedFd<'_>, memory: BorrowedFd<'_>, bytes: usize) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    let descriptors = [memory];
    if !attached.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let length = (bytes as u64).to_le_bytes();
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let sent = sendmsg(stream, &[IoSlice::new(&length)], &mut attached, flags)?;
    if sent == ANSWER_BYTES {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Asks for a picture and maps it for reading.
///
/// # Errors
/// See [`PoolError`]; never [`PoolError::NotShared`].
pub fn fetch(
    address: &PoolAddress,
    pool: PoolId,
    index: u32,
    bytes: usize,
) -> Result<PictureMemory, PoolError> {
    let (memory, found) = ask(address, pool, index)?;
    if found != bytes as u64 {
        return Err(PoolError::Size {
            wanted: bytes,
            found,
        });
    }
    Ok(PictureMemory::open(memory, bytes)?)
}

/// Asks for a picture: its memory and what the service says is its length.
///
/// # Errors
/// See [`PoolError`]; [`PoolError::Unknown`], [`PoolError::Stranger`] or
/// [`PoolError::Io`].
pub fn ask(address: &PoolAddress, pool: PoolId, index: u32) -> Result<(OwnedFd, u64), PoolError> {
    let mut stream = connected(address)?;
    if socket_peercred(&stream).map_err(io::Error::from)?.uid != rustix::process::geteuid() {
        return Err(PoolError::Stranger);
    }
    stream.write_all(&question(pool, index))?;
    receive(&mut stream)?.ok_or(PoolError::Unknown)
}

/// A connection with [`TIMEOUT`] for everything, the connecting too.
fn connected(address: &PoolAddress) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(TIMEOUT))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
    let name = SocketAddrUnix::new_abstract_name(address.socket_name().as_bytes())?;
    connect(&socket, &name)?;
    Ok(socket.into())
}

/// The memory and its length; none when the service closes without an answer.
fn receive(stream: &mut UnixStream) -> io::Result<Option<(OwnedFd, u64)>> {
    let mut length = [0; ANSWER_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut attached = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream.as_fd(),
        &mut [IoSliceMut::new(&mut length)],
        &mut attached,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let memory = attached.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    // The descriptor comes with the first byte.
    if let Some(rest) = length.get_mut(received.bytes..) {
        stream.read_exact(rest)?;
    }
    // None: this process has no descriptor left to receive it with.
    let memory = memory.ok_or_else(|| io::Error::other("the answer came without memory"))?;
    Ok(Some((memory, u64::from_le_bytes(length))))
}
