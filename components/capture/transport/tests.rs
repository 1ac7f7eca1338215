/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The socket as other processes and ill-behaved ones meet it. A test that
//! needs a second process starts this program again for itself alone (see
//! `processes`).

mod processes;

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use euclid::Size2D;
use servo_capture_traits::pools::wire::{self, QUESTION_BYTES, TIMEOUT};
use servo_capture_traits::{
    Damage, MonitorPixel, PictureMemory, PictureWriter, PoolAccess, PoolAddress, PoolError, PoolId,
    PoolReader, PoolRegistration,
};

use super::PoolServer;
use super::server::MAX_CONNECTIONS_OF_PROCESS;

const PATIENCE: Duration = Duration::from_secs(20);
const SIZE: Size2D<u32, MonitorPixel> = Size2D::new(64, 64);
const BYTES: usize = 64 * 64 * 4;

/// A picture that other processes may have, all of one value.
fn sealed(value: u8) -> PictureWriter {
    let mut writer = PictureWriter::new(BYTES).unwrap();
    writer.bytes_mut().fill(value);
    writer.seal().unwrap();
    writer
}

/// A registered pool of one picture.
fn pool(value: u8) -> (PoolRegistration, PictureWriter) {
    let pool = PoolRegistration::new();
    let writer = sealed(value);
    pool.add(writer.memory().clone());
    (pool, writer)
}

fn reader(server: &PoolServer) -> PoolReader {
    PoolReader::new(PoolAccess::Socket(server.address().clone()))
}

fn first_byte(memory: &PictureMemory) -> u8 {
    let mut copy = vec![0; BYTES];
    memory.copy_opaque(SIZE, &Damage::Whole, &mut copy).unwrap();
    copy[0]
}

fn connect(address: &PoolAddress) -> UnixStream {
    let name = SocketAddr::from_abstract_name(address.socket_name()).unwrap();
    let stream = UnixStream::connect_addr(&name).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Waits until the server has closed the connection without an answer.
#[track_caller]
fn expect_closed(stream: &mut UnixStream) {
    match stream.read(&mut [0; 16]) {
        Ok(0) => {}
        // Closed before everything that was sent had been read.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("expected the end, found {other:?}"),
    }
}

#[test]
fn what_the_socket_gives_is_the_memory_itself() {
    let server = PoolServer::start().unwrap();
    let (pool, mut writer) = pool(3);
    let picture = reader(&server).picture(pool.id(), 0, BYTES).unwrap();
    assert_eq!(first_byte(&picture), 3);
    writer.bytes_mut().fill(4);
    assert_eq!(first_byte(&picture), 4);
    assert!(!Arc::ptr_eq(&picture, writer.memory()));
    let access = PoolAccess::Socket(server.address().clone());
    assert_eq!(access.clone().proved(), access);
}

#[test]
fn an_unknown_pool_or_picture_is_answered_with_nothing() {
    let server = PoolServer::start().unwrap();
    let (known, _writer) = pool(1);
    let ended = PoolRegistration::new().id();
    for (pool, index) in [(ended, 0), (known.id(), 1), (known.id(), u32::MAX)] {
        let error = wire::ask(server.address(), pool, index).unwrap_err();
        assert!(matches!(error, PoolError::Unknown), "{error}");
    }
}

#[test]
fn a_picture_that_could_still_be_written_is_not_given() {
    let server = PoolServer::start().unwrap();
    let pool = PoolRegistration::new();
    let writer = PictureWriter::new(BYTES).unwrap();
    pool.add(writer.memory().clone());
    let error = wire::ask(server.address(), pool.id(), 0).unwrap_err();
    assert!(matches!(error, PoolError::Unknown), "{error}");
    writer.seal().unwrap();
    wire::ask(server.address(), pool.id(), 0).unwrap();
}

#[test]
fn another_user_gets_nothing() {
    let stranger = rustix::process::Uid::from_raw(rustix::process::geteuid().as_raw() + 1);
    let server = PoolServer::start_for(stranger).unwrap();
    let (pool, _writer) = pool(1);
    let error = wire::ask(server.address(), pool.id(), 0).unwrap_err();
    assert!(
        matches!(error, PoolError::Unknown | PoolError::Io(_)),
        "{error}"
    );
    let access = PoolAccess::Socket(server.address().clone());
    assert_eq!(access.proved(), PoolAccess::Copies);
}

#[test]
fn garbage_closes_only_its_own_connection() {
    let server = PoolServer::start().unwrap();
    let (pool, _writer) = pool(1);
    for garbage in [
        vec![0xFF; QUESTION_BYTES],
        vec![0; 4096],
        vec![7; QUESTION_BYTES + 1],
    ] {
        let mut stream = connect(server.address());
        stream.write_all(&garbage).unwrap();
        expect_closed(&mut stream);
    }
    // One that goes away in the middle of its question.
    connect(server.address()).write_all(&[1; 7]).unwrap();
    reader(&server).picture(pool.id(), 0, BYTES).unwrap();
}

#[test]
fn who_does_not_ask_is_cut_off_and_holds_nobody_up() {
    let server = PoolServer::start().unwrap();
    let (pool, _writer) = pool(1);
    let began = Instant::now();
    let mut silent = connect(server.address());
    let mut halting = connect(server.address());
    halting.write_all(&[1; QUESTION_BYTES - 1]).unwrap();
    reader(&server).picture(pool.id(), 0, BYTES).unwrap();
    for stream in [&mut silent, &mut halting] {
        expect_closed(stream);
    }
    let took = began.elapsed();
    assert!(took >= TIMEOUT / 2 && took < 10 * TIMEOUT, "{took:?}");
}

#[test]
fn a_process_with_too_many_connections_is_shut_out_until_it_closes_some() {
    let server = PoolServer::start().unwrap();
    let (pool, _writer) = pool(1);
    // The server lets them in one after the other: the last one is too many.
    let mut streams: Vec<_> = (0..=MAX_CONNECTIONS_OF_PROCESS)
        .map(|_| connect(server.address()))
        .collect();
    let mut last = streams.pop().unwrap();
    expect_closed(&mut last);
    // Had it been let in, the first one's time would have been up before its.
    let first = &mut streams[0];
    first.set_nonblocking(true).unwrap();
    let waits = first.read(&mut [0]).unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    drop(streams);
    // The server may have to be told of the closing first.
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = reader(&server).picture(pool.id(), 0, BYTES) {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_dropped_server_is_gone_and_what_was_given_stays() {
    let server = PoolServer::start().unwrap();
    let (pool, mut writer) = pool(1);
    let mut reader = reader(&server);
    let picture = reader.picture(pool.id(), 0, BYTES).unwrap();
    let address = server.address().clone();
    drop(server);
    let error = wire::ask(&address, pool.id(), 0).unwrap_err();
    assert!(matches!(error, PoolError::Io(_)), "{error}");
    drop(pool);
    writer.bytes_mut().fill(9);
    drop(writer);
    assert_eq!(first_byte(&picture), 9);
}
