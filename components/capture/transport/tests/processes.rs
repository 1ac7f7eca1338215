/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! With a second process.

use std::env;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::thread;

use capture_test_rig::process::{Process, Stream, descriptor_count, shared_memory_count};
use euclid::{Box2D, Point2D};
use memmap2::{Mmap, MmapOptions};
use rustix::fs::{FallocateFlags, fallocate, ftruncate};
use rustix::io::Errno;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{
    FrameBus, FrameLease, FrameMessage, FramePicture, FramePixels, FrameReceiver,
};

use super::*;

/// Set in the second process: the socket's address, a space, the pool's id.
const ROLE: &str = "CAPTURE_POOL_READER";

/// What the second process was told, in the second process.
fn role() -> Option<(PoolAddress, PoolId)> {
    let role = env::var(ROLE).ok()?;
    let (address, pool) = role.split_once(' ').unwrap();
    Some((
        address.parse().unwrap(),
        serde_json::from_str(pool).unwrap(),
    ))
}

/// The same test in a second process that was told `role`.
fn again(test: &str, role: &str) -> Process {
    let mut command = Command::new(env::current_exe().unwrap());
    let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    command
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role);
    Process::spawn(command).unwrap()
}

fn reader_again(test: &str, server: &PoolServer, pool: PoolId) -> Process {
    let pool = serde_json::to_string(&pool).unwrap();
    again(test, &format!("{} {pool}", server.address()))
}

#[track_caller]
fn expect_line(process: &Process, line: &str) {
    let is_it = |found: &str| (found == line).then_some(());
    let seen = process.wait_for_line(Stream::Stderr, 0, PATIENCE, is_it);
    seen.unwrap();
}

#[track_caller]
fn expect_success(mut process: Process) {
    let status = process.wait(PATIENCE).unwrap();
    assert!(status.success(), "{}", process.log_tail());
}

fn wait_for_value(picture: &PictureMemory, value: u8) {
    let deadline = Instant::now() + PATIENCE;
    while first_byte(picture) != value {
        assert!(Instant::now() < deadline, "the picture does not change");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn another_process_sees_the_picture_as_it_changes() {
    if let Some((address, pool)) = role() {
        let mut reader = PoolReader::new(PoolAccess::Socket(address).proved());
        let picture = reader.picture(pool, 0, BYTES).unwrap();
        wait_for_value(&picture, 42);
        eprintln!("saw it");
        wait_for_value(&picture, 43);
        return;
    }
    let server = PoolServer::start().unwrap();
    let (pool, mut writer) = pool(42);
    let process = reader_again(
        "another_process_sees_the_picture_as_it_changes",
        &server,
        pool.id(),
    );
    expect_line(&process, "saw it");
    writer.bytes_mut().fill(43);
    expect_success(process);
}

#[test]
fn another_process_can_neither_write_nor_shrink_the_picture() {
    if let Some((address, pool)) = role() {
        let (memory, bytes) = wire::ask(&address, pool, 0).unwrap();
        assert_eq!(bytes, BYTES as u64);
        return attack(&memory);
    }
    let server = PoolServer::start().unwrap();
    let (pool, writer) = pool(42);
    expect_success(reader_again(
        "another_process_can_neither_write_nor_shrink_the_picture",
        &server,
        pool.id(),
    ));
    assert!(writer.bytes().iter().all(|byte| *byte == 42));
}

/// Whatever somebody may try who has the descriptor.
#[expect(unsafe_code)]
fn attack(memory: &OwnedFd) {
    let denied = std::io::ErrorKind::PermissionDenied;
    let writable = MmapOptions::new().map_raw(memory);
    assert_eq!(writable.unwrap_err().kind(), denied);
    // SAFETY: the memory is sealed against shrinking, and while this process runs nobody writes it.
    let map = unsafe { Mmap::map(memory) }.unwrap();
    assert_eq!(map.make_mut().unwrap_err().kind(), denied);
    assert_eq!(rustix::io::pwrite(memory, b"x", 0), Err(Errno::PERM));
    for bytes in [0, 1, 2 * BYTES as u64] {
        assert_eq!(ftruncate(memory, bytes), Err(Errno::PERM));
    }
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    assert_eq!(fallocate(memory, punch, 0, 4096), Err(Errno::PERM));
    // Opened anew, as the same user may.
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let opened = std::fs::File::options().read(true).write(true).open(path);
    if let Ok(file) = opened {
        assert_eq!(
            MmapOptions::new().map_raw(&file).unwrap_err().kind(),
            denied
        );
        assert_eq!(rustix::io::pwrite(&file, b"x", 0), Err(Errno::PERM));
        assert_eq!(ftruncate(&file, 0), Err(Errno::PERM));
    }
}

#[test]
fn a_process_that_is_killed_with_a_picture_in_hand_leaves_nothing_behind() {
    if let Some((address, pool)) = role() {
        let mut reader = PoolReader::new(PoolAccess::Socket(address.clone()));
        let _picture = reader.picture(pool, 0, BYTES).unwrap();
        let _half_open = connect(&address);
        eprintln!("holding");
        thread::sleep(PATIENCE);
        panic!("nobody killed this process");
    }
    let server = PoolServer::start().unwrap();
    let (pool, mut writer) = pool(42);
    let mut process = reader_again(
        "a_process_that_is_killed_with_a_picture_in_hand_leaves_nothing_behind",
        &server,
        pool.id(),
    );
    expect_line(&process, "holding");
    process.kill_tree().unwrap();
    writer.bytes_mut().fill(50);
    let picture = reader(&server).picture(pool.id(), 0, BYTES).unwrap();
    assert_eq!(first_byte(&picture), 50);
    // The registry and the writer; the server when it has closed the connection.
    let deadline = Instant::now() + PATIENCE;
    while Arc::strong_count(writer.memory()) > 2 {
        assert!(Instant::now() < deadline, "somebody holds the picture");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Frames and pools as a consumer of another process meets them; both ends are
/// in one process here, so that what either end leaves behind is counted.
#[test]
fn ten_thousand_frames_and_a_thousand_pools_leave_nothing_behind() {
    const NAME: &str = "ten_thousand_frames_and_a_thousand_pools_leave_nothing_behind";
    if env::var(ROLE).is_err() {
        // Other tests of this process would be counted too.
        return expect_success(again(NAME, "alone"));
    }
    let server = PoolServer::start().unwrap();
    let bus = Arc::new(FrameBus::default());
    let mut receiver = FrameReceiver::new(reader(&server), bus.clone());
    let mut frames = Frames::default();
    frames.of_new_pool(&mut receiver);
    let before = held();
    for _ in 0..1000 {
        frames.of_new_pool(&mut receiver);
    }
    assert_eq!(frames.sequence, 10_010);
    assert_eq!(frames.pictures_seen(&bus), [9]);
    // The server may be about to close the last connection.
    let deadline = Instant::now() + PATIENCE;
    while held().0 > before.0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    let after = held();
    assert!(
        after.0 <= before.0,
        "{} descriptors, now {}",
        before.0,
        after.0
    );
    assert_eq!(after.1, before.1, "maps");
}

/// How many descriptors and maps of shared memory this process has.
fn held() -> (usize, usize) {
    let process = std::process::id();
    (
        descriptor_count(process).unwrap(),
        shared_memory_count(process).unwrap(),
    )
}

#[derive(Default)]
struct Frames {
    sequence: u64,
    /// The newest pool; the one before it is gone with the next.
    newest: Option<(PoolRegistration, Vec<PictureWriter>)>,
}

impl Frames {
    /// Ten frames in three pictures of a pool of their own.
    fn of_new_pool(&mut self, receiver: &mut FrameReceiver) {
        let pool = PoolRegistration::new();
        let mut writers: Vec<_> = (0..3).map(|_| sealed(0)).collect();
        for writer in &writers {
            pool.add(writer.memory().clone());
        }
        for value in 0..10 {
            let index = usize::from(value) % writers.len();
            writers[index].bytes_mut().fill(value);
            self.sequence += 1;
            let frame = FrameMessage {
                sequence: self.sequence,
                captured_at: CrossProcessInstant::now(),
                size: SIZE,
                damage: Damage::from(Box2D::new(Point2D::zero(), Point2D::new(1, 1))),
                is_last_picture: false,
                more_follow: false,
                pixels: FramePixels::Pooled {
                    pool: pool.id(),
                    index: index as u32,
                },
            };
            receiver.receive(frame, FrameLease::new(|| {})).unwrap();
        }
        self.newest = Some((pool, writers));
    }

    fn pictures_seen(&self, bus: &FrameBus) -> Vec<u8> {
        let interrupt = std::sync::atomic::AtomicBool::new(false);
        match bus.wait(0, &interrupt, Some(Instant::now())) {
            servo_capture_traits::BusUpdate::Frame { frame, .. } => match frame.picture {
                FramePicture::Shared(picture) => vec![first_byte(&picture)],
                FramePicture::Own(_) => panic!("the frame came as a copy"),
            },
            other => panic!("expected a frame, found {other:?}"),
        }
    }
}
