/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is done for every frame: `cargo bench -p servo-capture`.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use euclid::{Box2D, Point2D, Size2D};
use servo_capture::pixels::compare;
use servo_capture::pixels::scale::{Scaler, View};
use servo_capture_traits::{Damage, FrameFormat, MonitorPixel, PictureWriter};

type Size = Size2D<u32, MonitorPixel>;
type Rectangle = Box2D<u32, MonitorPixel>;

const FULL_HD: Size = Size2D::new(1920, 1080);
const ULTRA_HD: Size = Size2D::new(3840, 2160);
const SIZES: [u32; 2] = [FULL_HD.width, ULTRA_HD.width];

fn main() {
    divan::main();
}

fn size(width: u32) -> Size {
    Size2D::new(width, width / 16 * 9)
}

fn bytes(size: Size) -> usize {
    size.width as usize * size.height as usize * 4
}

/// Pixels of which no two neighbors are the same.
fn picture(size: Size, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes(size)).map(|_| next()).collect()
}

fn rectangle(x: u32, y: u32, width: u32, height: u32) -> Rectangle {
    Box2D::from_origin_and_size(Point2D::new(x, y), Size2D::new(width, height))
}

/// What a display server tells between two frames of a busy desktop.
fn scattered(count: u32) -> Vec<Rectangle> {
    let place = |number: u32| number.wrapping_mul(2_654_435_761) >> 12;
    (0..count)
        .map(|number| {
            let (x, y) = (place(number) % 1800, place(number + 1000) % 1000);
            rectangle(x, y, 8 + place(number + 7) % 100, 16)
        })
        .collect()
}

#[divan::bench(args = [1, 16, 256])]
fn damage_merge(bencher: Bencher, count: u32) {
    let told = scattered(count);
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let mut damage = Damage::nothing();
        for rectangle in &told {
            damage.add(*rectangle);
        }
        damage.settle(FULL_HD);
        damage
    });
}

#[divan::bench(args = SIZES)]
fn copy_opaque_whole(bencher: Bencher, width: u32) {
    let size = size(width);
    let mut writer = PictureWriter::new(bytes(size)).expect("memory");
    writer.bytes_mut().copy_from_slice(&picture(size, 1));
    let mut into = vec![0; bytes(size)];
    bencher
        .counter(BytesCount::new(bytes(size)))
        .bench_local(|| {
            writer
                .memory()
                .copy_opaque(size, &Damage::Whole, black_box(&mut into))
        });
}

/// A caret and a line of text.
#[divan::bench]
fn copy_opaque_parts(bencher: Bencher) {
    let writer = PictureWriter::new(bytes(FULL_HD)).expect("memory");
    let mut into = vec![0; bytes(FULL_HD)];
    let mut parts = Damage::from(rectangle(900, 500, 2, 16));
    parts.add(rectangle(200, 300, 700, 20));
    bencher.bench_local(|| {
        writer
            .memory()
            .copy_opaque(FULL_HD, &parts, black_box(&mut into))
    });
}

fn scale(bencher: Bencher, from: Size, into: Size, parts: &Damage) {
    let format = FrameFormat {
        size: into,
        ..FrameFormat::native(from)
    };
    let view = View::new(&format, from);
    let parts = view.damage_of(parts);
    let surface = picture(from, 1);
    let mut frame = vec![0; bytes(into)];
    let mut scaler = Scaler::default();
    bencher.bench_local(|| scaler.update(&surface, from, &view, black_box(&mut frame), &parts));
}

#[divan::bench(args = SIZES)]
fn scale_to_720p(bencher: Bencher, width: u32) {
    scale(bencher, size(width), Size2D::new(1280, 720), &Damage::Whole);
}

#[divan::bench]
fn scale_a_line_of_text(bencher: Bencher) {
    let line = Damage::from(rectangle(200, 300, 700, 20));
    scale(bencher, FULL_HD, Size2D::new(1280, 720), &line);
}

#[divan::bench(args = SIZES)]
fn compare_equal_pictures(bencher: Bencher, width: u32) {
    let size = size(width);
    let (before, after) = (picture(size, 1), picture(size, 1));
    bencher
        .counter(BytesCount::new(bytes(size)))
        .bench(|| compare::differences(black_box(&before), &after, size));
}

#[divan::bench(args = SIZES)]
fn compare_different_pictures(bencher: Bencher, width: u32) {
    let size = size(width);
    let (before, after) = (picture(size, 1), picture(size, 2));
    bencher
        .counter(BytesCount::new(bytes(size)))
        .bench(|| compare::differences(black_box(&before), &after, size));
}

/// What once a second is compared of a monitor.
#[divan::bench]
fn verify_a_strip(bencher: Bencher) {
    let picture = picture(FULL_HD, 1);
    let rows = picture[..64 * 1920 * 4].to_vec();
    bencher
        .counter(BytesCount::new(rows.len()))
        .bench(|| compare::rows_differ(&rows, 0, &picture, FULL_HD, &Damage::nothing()));
}
