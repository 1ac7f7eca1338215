/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use euclid::Size2D;

use super::*;
use crate::picture::{PictureMemory, PictureWriter};
use crate::{Damage, MonitorPixel};

fn writer(bytes: usize, value: u8) -> PictureWriter {
    let mut writer = PictureWriter::new(bytes).unwrap();
    writer.bytes_mut().fill(value);
    writer
}

fn first_byte(memory: &PictureMemory) -> u8 {
    let mut copy = vec![0; memory.len()];
    let size = Size2D::<u32, MonitorPixel>::new(memory.len() as u32 / 4, 1);
    memory.copy_opaque(size, &Damage::Whole, &mut copy).unwrap();
    copy[0]
}

#[test]
fn a_reader_of_the_same_process_finds_the_very_memory() {
    let pool = PoolRegistration::new();
    let pictures = [writer(8, 1), writer(8, 2)];
    let indices = pictures
        .each_ref()
        .map(|one| pool.add(one.memory().clone()));
    assert_eq!(indices, [0, 1]);
    let mut reader = PoolReader::new(PoolAccess::SameProcess);
    for (picture, index) in pictures.iter().zip(indices) {
        let found = reader.picture(pool.id(), index, 8).unwrap();
        assert!(std::sync::Arc::ptr_eq(&found, picture.memory()));
    }
    assert_eq!(reader.kept(), 0);
}

#[test]
fn an_ended_pool_is_not_found_and_its_pictures_outlive_it_where_they_are_held() {
    let pool = PoolRegistration::new();
    let id = pool.id();
    let index = pool.add(writer(8, 5).memory().clone());
    let mut reader = PoolReader::new(PoolAccess::SameProcess);
    let held = reader.picture(id, index, 8).unwrap();
    drop(pool);
    let gone = reader.picture(id, index, 8).unwrap_err();
    assert!(gone.is_temporary(), "{gone}");
    assert_eq!(first_byte(&held), 5);
}

#[test]
fn wrong_indices_sizes_and_pools_are_errors() {
    let pool = PoolRegistration::new();
    let other = PoolRegistration::new();
    pool.add(writer(8, 1).memory().clone());
    let mut reader = PoolReader::new(PoolAccess::SameProcess);
    for (pool, index) in [(pool.id(), 1), (pool.id(), u32::MAX), (other.id(), 0)] {
        let error = reader.picture(pool, index, 8).unwrap_err();
        assert!(matches!(error, PoolError::Unknown), "{error}");
    }
    let error = reader.picture(pool.id(), 0, 12).unwrap_err();
    assert!(matches!(
        error,
        PoolError::Size {
            wanted: 12,
            found: 8
        }
    ));
    let mut copies = PoolReader::new(PoolAccess::Copies);
    let error = copies.picture(pool.id(), 0, 8).unwrap_err();
    assert!(matches!(error, PoolError::NotShared));
}

#[test]
fn a_pool_is_bounded() {
    let pool = PoolRegistration::new();
    let picture = writer(8, 1);
    for _ in 0..2 * MAX_PICTURES {
        pool.add(picture.memory().clone());
    }
    assert!(PoolRegistration::find(pool.id(), MAX_PICTURES - 1).is_some());
    assert!(PoolRegistration::find(pool.id(), MAX_PICTURES).is_none());
}

#[test]
fn an_address_survives_being_text_and_other_text_is_refused() {
    let address = PoolAddress::random(PoolRegistration::new().id());
    assert_eq!(address.to_string().parse(), Ok(address.clone()));
    let text = address.to_string();
    for wrong in ["", "/", "a/b", &text[1..], &text[..text.len() - 1]] {
        assert_eq!(wrong.parse::<PoolAddress>(), Err(AddressError), "{wrong}");
    }
}

#[test]
fn the_id_of_a_pool_is_not_printed() {
    let pool = PoolRegistration::new();
    assert!(!format!("{:?}", pool.id()).contains(&pool.id().0.simple().to_string()[..4]));
}

#[cfg(target_os = "linux")]
mod socket {
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::thread::{self, JoinHandle};
    use std::time::Instant;

    use super::*;

    /// A service that does with each question what a test says, once.
    fn fake(
        serve: impl FnOnce(UnixStream, [u8; wire::QUESTION_BYTES]) + Send + 'static,
    ) -> (PoolAddress, JoinHandle<()>) {
        let address = PoolAddress::random(PoolId::random());
        let name = SocketAddr::from_abstract_name(address.socket_name()).unwrap();
        let listener = UnixListener::bind_addr(&name).unwrap();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; wire::QUESTION_BYTES];
            stream.read_exact(&mut question).unwrap();
            serve(stream, question);
        });
        (address, thread)
    }

    fn sealed(bytes: usize, value: u8) -> PictureWriter {
        let writer = writer(bytes, value);
        writer.seal().unwrap();
        writer
    }

    #[test]
    fn a_picture_is_asked_for_once_and_kept_until_the_pool_changes() {
        let pool = PoolId::random();
        let (address, service) = fake(move |stream, question| {
            assert_eq!(wire::parse(&question), (pool, 3));
            let picture = sealed(8, 9);
            wire::answer(stream.as_fd(), picture.descriptor(), 8).unwrap();
        });
        let mut reader = PoolReader::new(PoolAccess::Socket(address));
        let picture = reader.picture(pool, 3, 8).unwrap();
        service.join().unwrap();
        assert_eq!(first_byte(&picture), 9);
        // The service is gone: this is the kept one.
        assert!(std::sync::Arc::ptr_eq(
            &picture,
            &reader.picture(pool, 3, 8).unwrap()
        ));
        let error = reader.picture(PoolId::random(), 3, 8).unwrap_err();
        assert!(matches!(error, PoolError::Io(_)), "{error}");
        assert_eq!(reader.kept(), 0);
    }

    #[test]
    fn a_socket_that_nobody_listens_to_is_an_error_and_no_access() {
        let access = PoolAccess::Socket(PoolAddress::random(PoolId::random()));
        let mut reader = PoolReader::new(access.clone());
        let error = reader.picture(PoolId::random(), 0, 8).unwrap_err();
        assert!(matches!(error, PoolError::Io(_)), "{error}");
        assert_eq!(access.proved(), PoolAccess::Copies);
        assert_eq!(PoolAccess::SameProcess.proved(), PoolAccess::SameProcess);
    }

    #[test]
    fn answers_that_are_none_are_typed_errors() {
        type Answer = fn(&mut UnixStream);
        let unknown: Answer = |_| {};
        let no_memory: Answer = |stream| stream.write_all(&8u64.to_le_bytes()).unwrap();
        let half: Answer = |stream| stream.write_all(&[1, 2, 3]).unwrap();
        let wrong_length: Answer = |stream| {
            wire::answer(stream.as_fd(), sealed(12, 0).descriptor(), 12).unwrap();
        };
        let lying_length: Answer = |stream| {
            wire::answer(stream.as_fd(), sealed(4, 0).descriptor(), 8).unwrap();
        };
        let no_seal: Answer = |stream| {
            let zero: OwnedFd = std::fs::File::open("/dev/zero").unwrap().into();
            wire::answer(stream.as_fd(), zero.as_fd(), 8).unwrap();
        };
        for (what, answer, is_expected) in [
            (
                "unknown",
                unknown,
                (|error| matches!(error, PoolError::Unknown)) as fn(&PoolError) -> bool,
            ),
            ("no memory", no_memory, |error| {
                matches!(error, PoolError::Io(_))
            }),
            ("half", half, |error| matches!(error, PoolError::Io(_))),
            ("wrong length", wrong_length, |error| {
                matches!(
                    error,
                    PoolError::Size {
                        wanted: 8,
                        found: 12
                    }
                )
            }),
            ("lying length", lying_length, |error| {
                matches!(error, PoolError::Io(_))
            }),
            ("no seal", no_seal, |error| {
                matches!(error, PoolError::Io(_))
            }),
        ] {
            let (address, service) = fake(move |mut stream, _| answer(&mut stream));
            let mut reader = PoolReader::new(PoolAccess::Socket(address));
            let error = reader.picture(PoolId::random(), 0, 8).unwrap_err();
            assert!(is_expected(&error), "{what}: {error}");
            assert_eq!(reader.kept(), 0, "{what}");
            service.join().unwrap();
        }
    }

    #[test]
    fn a_service_that_does_not_answer_is_not_waited_for_long() {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (address, service) = fake(move |_stream, _| {
            // Err: the other end has given up.
            let _ = wait.recv();
        });
        let began = Instant::now();
        let mut reader = PoolReader::new(PoolAccess::Socket(address));
        let error = reader.picture(PoolId::random(), 0, 8).unwrap_err();
        assert!(matches!(error, PoolError::Io(_)), "{error}");
        assert!(began.elapsed() < 5 * wire::TIMEOUT);
        drop(done);
        service.join().unwrap();
    }

    proptest::proptest! {
        #[test]
        fn a_question_is_parsed_as_it_was_asked(id: u128, index: u32) {
            let pool = PoolId(Uuid::from_u128(id));
            let question = wire::question(pool, index);
            proptest::prop_assert_eq!(wire::parse(&question), (pool, index));
        }
    }
}
