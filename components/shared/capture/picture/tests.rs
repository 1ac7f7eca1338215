/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use euclid::{Box2D, Point2D};
use proptest::prelude::*;

use super::*;

type Size = Size2D<u32, MonitorPixel>;

/// A picture whose bytes are all different from their neighbors'.
fn pattern(size: Size) -> PictureWriter {
    let mut writer = PictureWriter::new(picture_bytes(size).unwrap()).unwrap();
    for (index, byte) in writer.bytes_mut().iter_mut().enumerate() {
        *byte = (index % 251) as u8;
    }
    writer
}

#[test]
fn a_new_picture_is_zero_and_shows_what_is_written() {
    let mut writer = PictureWriter::new(12).unwrap();
    assert_eq!(writer.bytes(), [0; 12]);
    writer.bytes_mut()[4] = 9;
    assert_eq!(writer.bytes()[4], 9);
    let mut copy = [0; 12];
    writer
        .memory()
        .copy_opaque(Size::new(3, 1), &Damage::Whole, &mut copy)
        .unwrap();
    assert_eq!(copy, [0, 0, 0, 255, 9, 0, 0, 255, 0, 0, 0, 255]);
}

#[test]
fn a_picture_of_no_bytes_is_refused() {
    let error = PictureWriter::new(0).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_size_beyond_memory_is_an_error() {
    let size = Size::new(u32::MAX, u32::MAX);
    let (width, height) = (u32::MAX, u32::MAX);
    assert_eq!(
        picture_bytes(size),
        Err(PictureError::TooLarge { width, height })
    );
}

#[test]
fn nothing_is_copied_where_sizes_do_not_agree() {
    let writer = pattern(Size::new(4, 4));
    let memory = writer.memory();
    for (size, room) in [
        (Size::new(4, 4), 63),
        (Size::new(4, 5), 80),
        (Size::new(4, 3), 48),
        (Size::new(0, 0), 0),
    ] {
        let mut into = vec![1; room];
        let copied = memory.copy_opaque(size, &Damage::Whole, &mut into);
        assert!(matches!(copied, Err(PictureError::Size { .. })), "{size:?}");
        assert!(into.iter().all(|byte| *byte == 1), "{size:?}");
    }
}

proptest! {
    #[test]
    fn exactly_the_damaged_pixels_are_copied_and_opaque(
        width in 1..20u32, height in 1..20u32,
        parts in proptest::collection::vec((0..24u32, 0..24u32, 0..24u32, 0..24u32), 0..4),
    ) {
        let size = Size::new(width, height);
        let writer = pattern(size);
        let mut damage = Damage::nothing();
        for (x, y, w, h) in parts {
            damage.add(Box2D::from_origin_and_size(Point2D::new(x, y), Size::new(w, h)));
        }
        let mut copy = vec![0xEE; writer.bytes().len()];
        writer.memory().copy_opaque(size, &damage, &mut copy).unwrap();
        for (index, pixel) in copy.chunks(4).enumerate() {
            let point = Point2D::new(index as u32 % width, index as u32 / width);
            let from = &writer.bytes()[index * 4..index * 4 + 4];
            let expected = if damage.rectangles(size).any(|part| part.contains(point)) {
                [from[0], from[1], from[2], 255]
            } else {
                [0xEE; 4]
            };
            prop_assert_eq!(pixel, expected);
        }
    }
}

#[test]
fn readers_on_other_threads_outlive_the_writer() {
    let size = Size::new(64, 64);
    let mut writer = pattern(size);
    let memory = writer.memory().clone();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut copy = vec![0; memory.len()];
            while !done.load(Ordering::Acquire) {
                memory.copy_opaque(size, &Damage::Whole, &mut copy).unwrap();
                assert!(copy.iter().skip(3).step_by(4).all(|alpha| *alpha == 255));
            }
        });
        // A writer that breaks its word, as one in another process may.
        for value in 0..=255 {
            writer.bytes_mut().fill(value);
        }
        drop(writer);
        done.store(true, Ordering::Release);
    });
    let mut copy = vec![0; memory.len()];
    memory.copy_opaque(size, &Damage::Whole, &mut copy).unwrap();
    assert!(copy.iter().all(|byte| *byte == 255));
}

#[cfg(target_os = "linux")]
mod sealed {
    use std::io;
    use std::os::fd::OwnedFd;

    use memmap2::MmapOptions;
    use rustix::fs::{
        FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
    };
    use rustix::io::Errno;

    use super::*;

    fn descriptor(writer: &PictureWriter) -> OwnedFd {
        writer.descriptor().try_clone_to_owned().unwrap()
    }

    #[test]
    fn the_size_of_a_picture_cannot_change() {
        let writer = PictureWriter::new(8192).unwrap();
        for bytes in [0, 4096, 16384] {
            let resized = ftruncate(writer.descriptor(), bytes);
            assert_eq!(resized, Err(Errno::PERM), "{bytes}");
        }
    }

    #[test]
    fn after_sealing_nobody_new_can_write_and_the_old_map_still_can() {
        let mut writer = PictureWriter::new(8192).unwrap();
        let descriptor = descriptor(&writer);
        let servers = MmapOptions::new().map_raw(&descriptor).unwrap();
        writer.seal().unwrap();
        writer.seal().unwrap();
        let mapped = MmapOptions::new().map_raw(&descriptor);
        assert_eq!(mapped.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(rustix::io::pwrite(&descriptor, b"x", 0), Err(Errno::PERM));
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        assert_eq!(fallocate(&descriptor, punch, 0, 4096), Err(Errno::PERM));
        let unseal = fcntl_add_seals(&descriptor, SealFlags::WRITE);
        assert_eq!(unseal, Err(Errno::PERM));
        writer.bytes_mut()[0] = 5;
        assert_eq!(writer.bytes()[0], 5);
        assert_eq!(servers.len(), 8192);
    }

    #[test]
    fn only_sealed_pictures_can_be_given_to_other_processes() {
        let writer = PictureWriter::new(64).unwrap();
        assert!(writer.memory().sealed_descriptor().is_none());
        writer.seal().unwrap();
        assert!(writer.memory().sealed_descriptor().is_some());
        let received = PictureMemory::open(descriptor(&writer), 64).unwrap();
        assert!(received.sealed_descriptor().is_none());
    }

    #[test]
    fn an_opened_picture_shows_what_the_writer_wrote_and_writes_later() {
        let size = Size::new(16, 16);
        let mut writer = pattern(size);
        writer.seal().unwrap();
        let memory = PictureMemory::open(descriptor(&writer), 1024).unwrap();
        let mut copy = vec![0; 1024];
        memory.copy_opaque(size, &Damage::Whole, &mut copy).unwrap();
        assert_eq!(copy[8..11], writer.bytes()[8..11]);
        writer.bytes_mut()[8] = 77;
        memory.copy_opaque(size, &Damage::Whole, &mut copy).unwrap();
        assert_eq!(copy[8], 77);
    }

    #[test]
    fn memory_that_could_shrink_or_has_another_size_is_not_opened() {
        let writer = PictureWriter::new(8192).unwrap();
        let unsealed = memfd_create("unsealed", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&unsealed, 8192).unwrap();
        let file: OwnedFd = tempfile();
        for (what, descriptor, bytes) in [
            ("smaller", descriptor(&writer), 8193),
            ("larger", descriptor(&writer), 8191),
            ("empty", descriptor(&writer), 0),
            ("unsealed", unsealed, 8192),
            ("no memfd", file, 8192),
        ] {
            let error = PictureMemory::open(descriptor, bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}");
        }
    }

    /// A descriptor of no memory at all.
    fn tempfile() -> OwnedFd {
        std::fs::File::open("/dev/zero").unwrap().into()
    }
}

#[test]
fn one_pixel_that_is_not_opaque_is_found_wherever_it_is() {
    let mut pixels = vec![0; 4 * 10_000];
    make_opaque(&mut pixels);
    assert!(is_opaque(&pixels) && is_opaque(&[]));
    for pixel in [0, 1, 4095, 4096, 9_999] {
        pixels[4 * pixel + 3] = 0xfe;
        assert!(!is_opaque(&pixels), "{pixel}");
        pixels[4 * pixel + 3] = 0xff;
    }
    assert!(!is_opaque(&pixels[..pixels.len() - 1]));
}
