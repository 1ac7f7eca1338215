/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use euclid::Point2D;
use ipc_channel::ipc::{self, IpcSharedMemory};
use proptest::collection::vec;
use proptest::prelude::*;
use servo_base::cross_process_instant::CrossProcessInstant;

use super::*;
use crate::{CapturedFrame, FramePicture, PictureWriter};

type Size = Size2D<u32, MonitorPixel>;

const PLACES: [CopyPlace; 2] = [CopyPlace::Own, CopyPlace::Lent];

fn frame(writer: &PictureWriter, size: Size, damage: Damage) -> CapturedFrame {
    CapturedFrame {
        sequence: 1,
        captured_at: CrossProcessInstant::now(),
        size,
        damage,
        picture: FramePicture::Shared(writer.memory().clone()),
        lease: None,
    }
}

fn picture(size: Size, value: u8) -> PictureWriter {
    let mut writer = PictureWriter::new(picture_bytes(size).unwrap()).unwrap();
    writer.bytes_mut().fill(value);
    writer
}

fn rectangle(x: u32, y: u32, width: u32, height: u32) -> Box2D<u32, MonitorPixel> {
    Box2D::from_origin_and_size(Point2D::new(x, y), Size::new(width, height))
}

fn part(x: u32, y: u32, width: u32, height: u32) -> Damage {
    Damage::from(rectangle(x, y, width, height))
}

/// What the other process gets of an update.
fn sent(update: CopyUpdate) -> CopyUpdate {
    let (sender, receiver) = ipc::channel().unwrap();
    sender.send(update).unwrap();
    receiver.recv().unwrap()
}

/// A copy of a picture full of `value`.
fn shown(copies: &mut Copies, size: Size, value: u8) -> ShownCopy {
    let frame = frame(&picture(size, value), size, Damage::Whole);
    copies.update(&frame).unwrap().unwrap()
}

#[test]
fn only_what_is_stale_is_copied() {
    let size = Size::new(4, 1);
    for place in PLACES {
        let mut copies = Copies::new(place, 6);
        let mut writer = picture(size, 1);
        let first = copies.update(&frame(&writer, size, Damage::Whole));
        drop(first);
        writer.bytes_mut().fill(2);
        // Of all that has changed, one pixel is said to have.
        let second = copies.update(&frame(&writer, size, part(1, 0, 1, 1)));
        let row = [
            [1, 1, 1, 255],
            [2, 2, 2, 255],
            [1, 1, 1, 255],
            [1, 1, 1, 255],
        ];
        assert_eq!(*second.unwrap().unwrap().pixels(), *row.as_flattened());
        assert_eq!(copies.len(), 1);
    }
}

#[test]
fn a_copy_that_is_held_is_not_written_and_there_are_no_more_than_the_limit() {
    let size = Size::new(2, 2);
    for place in PLACES {
        let mut copies = Copies::new(place, 6);
        let mut held: Vec<_> = (1..=6)
            .map(|value| shown(&mut copies, size, value))
            .collect();
        let late = frame(&picture(size, 99), size, Damage::Whole);
        assert!(copies.update(&late).unwrap().is_none());
        for (value, copy) in (1..).zip(&held) {
            assert_eq!(copy.pixels()[0], value);
        }
        held.remove(3);
        assert_eq!(copies.update(&late).unwrap().unwrap().pixels()[0], 99);
    }
}

#[test]
fn a_lent_copy_is_not_written_until_every_message_about_it_is_dropped() {
    let size = Size::new(2, 2);
    let mut copies = Copies::new(CopyPlace::Lent, 1);
    let copy = shown(&mut copies, size, 1);
    assert!(copy.is_lent());
    let messages = [sent(copy.update()), sent(copy.update())];
    drop(copy);
    let next = frame(&picture(size, 2), size, Damage::Whole);
    for message in messages {
        assert!(copies.update(&next).unwrap().is_none());
        assert_eq!(message.into_pixels()[0], 1);
    }
    assert_eq!(copies.update(&next).unwrap().unwrap().pixels()[0], 2);
}

#[test]
fn damage_of_frames_that_there_was_no_room_for_is_told_with_the_next() {
    let size = Size::new(100, 100);
    let mut copies = Copies::new(CopyPlace::Own, 1);
    let writer = picture(size, 1);
    let held = copies.update(&frame(&writer, size, part(0, 0, 1, 1)));
    // The first of a size is all new.
    assert_eq!(
        held.as_ref().unwrap().as_ref().unwrap().damage,
        Damage::Whole
    );
    let (one, other) = (part(5, 5, 1, 1), part(50, 50, 1, 1));
    assert!(copies.update(&frame(&writer, size, one)).unwrap().is_none());
    drop(held);
    let copy = copies
        .update(&frame(&writer, size, other))
        .unwrap()
        .unwrap();
    assert_eq!(copy.damage.pixels(size), 2);
}

#[test]
fn a_picture_that_is_not_of_its_size_is_an_error() {
    let writer = picture(Size::new(2, 2), 1);
    let wrong = frame(&writer, Size::new(3, 2), Damage::Whole);
    for place in PLACES {
        assert!(Copies::new(place, 6).update(&wrong).is_err());
    }
}

#[test]
fn another_size_gets_other_memory() {
    for place in PLACES {
        let mut copies = Copies::new(place, 6);
        for (size, bytes) in [(Size::new(2, 2), 16), (Size::new(4, 2), 32)] {
            assert_eq!(shown(&mut copies, size, 5).pixels().len(), bytes);
            assert_eq!(copies.len(), 1);
        }
    }
}

#[test]
fn a_part_is_cut_out_and_one_that_reaches_beyond_is_an_error() {
    let size = Size::new(3, 3);
    for place in PLACES {
        let mut writer = picture(size, 0);
        for (index, pixel) in writer.bytes_mut().chunks_mut(4).enumerate() {
            pixel.fill(index as u8);
        }
        let frame = frame(&writer, size, Damage::Whole);
        let copy = Copies::new(place, 1).update(&frame).unwrap().unwrap();
        let part = |x, y, width, height| {
            copy.part(Rect::new(Point2D::new(x, y), Size::new(width, height)))
        };
        assert_eq!(part(1, 1, 2, 1).unwrap(), [4, 4, 4, 255, 5, 5, 5, 255]);
        assert_eq!(part(0, 0, 0, 0).unwrap(), [0; 0]);
        for (x, y, width, height) in [(2, 0, 2, 1), (0, 3, 1, 1), (1, 1, u32::MAX, 1)] {
            assert!(part(x, y, width, height).is_err());
        }
    }
}

#[test]
fn what_is_too_small_for_a_copy_does_not_arrive() {
    let (sender, receiver) = ipc::channel::<CopyUpdate>().unwrap();
    let other: ipc::IpcSender<(u32, IpcSharedMemory, Damage)> = sender.to_opaque().to();
    for memory in [
        IpcSharedMemory::from_byte(0, 63),
        IpcSharedMemory::from_bytes(&[]),
    ] {
        // As the second of its kinds.
        other.send((1, memory, Damage::Whole)).unwrap();
        assert!(receiver.recv().is_err());
    }
    other
        .send((1, IpcSharedMemory::from_byte(3, 64), Damage::Whole))
        .unwrap();
    assert!(receiver.recv().unwrap().into_pixels().is_empty());
}

#[test]
fn more_rectangles_than_a_region_has_are_all_of_it() {
    let size = Size::new(100, 100);
    let update = |count: usize| {
        let rectangles = vec![rectangle(1, 1, 1, 1); count];
        let mut update = shown(&mut Copies::new(CopyPlace::Lent, 1), size, 1).update();
        update.damage = Damage::Rectangles(rectangles);
        sent(update).damage
    };
    let most = Damage::MAX_RECTANGLES;
    assert_eq!(
        update(most),
        Damage::Rectangles(vec![rectangle(1, 1, 1, 1); most])
    );
    assert_eq!(update(most + 1), Damage::Whole);
}

#[test]
fn an_update_of_another_size_changes_nothing() {
    let size = Size::new(100, 1);
    let mut copies = Copies::new(CopyPlace::Lent, 6);
    let mut mirrors = Mirrors::default();
    let first = sent(shown(&mut copies, size, 1).update());
    assert!(mirrors.update(7, size, first).is_ok());
    for wrong in [
        Size::new(2, 3),
        Size::new(0, 0),
        Size::new(u32::MAX, u32::MAX),
    ] {
        let update = sent(shown(&mut copies, size, 1).update());
        assert!(mirrors.update(7, wrong, update).is_err());
    }
    let frame = frame(&picture(size, 3), size, part(2, 0, 1, 1));
    let last = sent(copies.update(&frame).unwrap().unwrap().update());
    let mirrored = mirrors.update(7, size, last).unwrap();
    assert_eq!(mirrored.part, Some(rectangle(2, 0, 1, 1)));
    assert_eq!(mirrored.pixels[4..12], [1, 1, 1, 255, 3, 3, 3, 255]);
}

#[test]
fn an_image_that_is_new_or_was_forgotten_is_all_new() {
    let size = Size::new(100, 1);
    let mut mirrors = Mirrors::default();
    let mut copies = Copies::new(CopyPlace::Lent, 6);
    let writer = picture(size, 1);
    let mut changed = |mirrors: &mut Mirrors<u32>, damage| {
        let copy = copies.update(&frame(&writer, size, damage));
        let update = sent(copy.unwrap().unwrap().update());
        mirrors.update(1, size, update).unwrap().part
    };
    assert_eq!(changed(&mut mirrors, part(3, 0, 2, 1)), None);
    let known = changed(&mut mirrors, part(3, 0, 2, 1));
    assert_eq!(known, Some(rectangle(3, 0, 2, 1)));
    assert!(changed(&mut mirrors, Damage::nothing()).unwrap().is_empty());
    mirrors.forget(1);
    assert_eq!(changed(&mut mirrors, part(3, 0, 2, 1)), None);
}

#[test]
fn what_is_no_message_of_its_own_is_shown_all_the_same() {
    // As where a renderer is in the page's process after all.
    let size = Size::new(2, 1);
    let mut copies = Copies::new(CopyPlace::Lent, 1);
    let mirrored = Mirrors::default()
        .update(1, size, shown(&mut copies, size, 4).update())
        .unwrap();
    assert_eq!(mirrored.pixels[..4], [4, 4, 4, 255]);
    // And the copy is free again.
    assert_eq!(shown(&mut copies, size, 5).update().into_pixels()[0], 5);
    assert_eq!(shown(&mut copies, size, 6).pixels()[0], 6);
    assert_eq!(copies.len(), 1);
}

#[test]
fn of_free_copies_the_one_that_needs_least_is_used() {
    let size = Size::new(100, 1);
    let mut copies = Copies::new(CopyPlace::Own, 2);
    let writer = picture(size, 1);
    let mut next = |damage| {
        let copy = copies.update(&frame(&writer, size, damage));
        copy.unwrap().unwrap()
    };
    let (old, new) = (next(Damage::Whole), next(part(0, 0, 40, 1)));
    let newest = new.pixels().as_ptr();
    drop((old, new));
    assert_eq!(next(part(50, 0, 1, 1)).pixels().as_ptr(), newest);
}

#[test]
fn of_many_images_the_ones_that_changed_last_are_kept() {
    let size = Size::new(100, 1);
    let mut mirrors = Mirrors::default();
    let mut copies = Copies::new(CopyPlace::Lent, 1);
    let writer = picture(size, 1);
    let mut changed = |image: u32| {
        let frame = frame(&writer, size, part(0, 0, 1, 1));
        let update = sent(copies.update(&frame).unwrap().unwrap().update());
        mirrors.update(image, size, update).unwrap().part
    };
    for image in 0..64 {
        assert_eq!(changed(image), None);
    }
    assert_eq!(changed(0), Some(rectangle(0, 0, 1, 1)));
    assert_eq!(changed(64), None);
    assert_eq!(changed(0), Some(rectangle(0, 0, 1, 1)));
    assert_eq!(changed(1), None);
}

proptest! {
    #[test]
    fn every_copy_handed_out_is_the_newest_picture_and_so_is_its_mirror(
        steps in vec(
            (0..6u32, 0..6u32, 1..4u32, 1..4u32, any::<u8>(), 0..5usize, 0..5usize, 0..8u8),
            1..60,
        ),
        lent in any::<bool>(),
    ) {
        let size = Size::new(6, 6);
        let mut writer = picture(size, 0);
        let place = PLACES[usize::from(lent)];
        let mut copies = Copies::new(place, 6);
        let mut mirrors = Mirrors::default();
        let (mut held, mut rendered) = (Vec::new(), Vec::new());
        // What a renderer has that uploads only what it is told has changed.
        let mut screen = vec![0; 144];
        for (x, y, width, height, value, keep, render, kind) in steps {
            let damage = part(x, y, width, height);
            for part in damage.rectangles(size) {
                for (x, y) in part.y_range().flat_map(|y| part.x_range().map(move |x| (x, y))) {
                    let at = ((y * 6 + x) * 4) as usize;
                    writer.bytes_mut()[at..at + 3].fill(value);
                }
            }
            let mut expected = vec![0; 144];
            writer.memory().copy_opaque(size, &Damage::Whole, &mut expected).unwrap();
            let mut frame = frame(&writer, size, damage);
            if kind == 0 {
                // Now and then a copy comes.
                frame.picture = FramePicture::Own(Arc::new(expected.clone()));
            }
            if let Some(copy) = copies.update(&frame).unwrap() {
                prop_assert_eq!(&*copy.pixels(), &expected);
                let update = if lent { sent(copy.update()) } else { copy.update() };
                let mirrored = mirrors.update((), size, update).unwrap();
                prop_assert_eq!(&*mirrored.pixels, &expected);
                for row in rows(size, &mirrored.part.map_or(Damage::Whole, Damage::from)) {
                    screen[row.clone()].copy_from_slice(&mirrored.pixels[row]);
                }
                prop_assert_eq!(&screen, &expected);
                held.push(copy);
                rendered.push(mirrored);
            }
            held.drain(..held.len().saturating_sub(keep));
            rendered.drain(..rendered.len().saturating_sub(render));
        }
    }

    #[test]
    fn whatever_a_page_says_has_changed_the_part_is_of_the_picture(
        rectangles in vec(any::<[u32; 4]>(), 0..20),
        width in 1..5u32,
        height in 1..5u32,
    ) {
        let size = Size::new(width, height);
        let mut copies = Copies::new(CopyPlace::Lent, 2);
        let mut mirrors = Mirrors::default();
        mirrors.update((), size, sent(shown(&mut copies, size, 1).update())).unwrap();
        let mut update = shown(&mut copies, size, 1).update();
        let corner = |x, y| Point2D::new(x, y);
        update.damage = Damage::Rectangles(
            rectangles.into_iter().map(|[x, y, z, w]| Box2D::new(corner(x, y), corner(z, w))).collect(),
        );
        let mirrored = mirrors.update((), size, sent(update)).unwrap();
        if let Some(part) = mirrored.part {
            prop_assert!(part.is_empty() || Box2D::from_size(size).contains_box(&part));
        }
    }
}
