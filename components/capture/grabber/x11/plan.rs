/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which requests read a region of a monitor.

use std::ops::Range;

use euclid::{Box2D, Size2D, point2};
use servo_capture_traits::{Damage, MonitorPixel};

use super::memory::BYTES_PER_PIXEL;

/// How much one request reads. The server serves other clients between
/// requests: 16 MiB keep them waiting for about 2 ms (9 GB/s were measured on
/// Xvfb), and a picture of up to 2560x1600 pixels is one request, which costs
/// nothing to be read whole while somebody draws.
pub(super) const REQUEST_BYTES: usize = 16 << 20;

/// How many reads in a row are one request each after one of several requests had
/// to be made again: at 60 frames a second about a second.
pub(super) const UNDIVIDED_READS: u32 = 64;

/// Whether reads of a monitor are divided into requests of [`REQUEST_BYTES`].
///
/// While somebody draws on all of a large monitor again and again, the requests of
/// a read see different states each time, and all of it is read three times before
/// it is read in one request after all. That keeps other clients waiting for longer
/// than one request does from the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Division {
    undivided: u32,
}

impl Division {
    /// Whether the next read is to be one request, however long it takes.
    pub(super) fn is_off(self) -> bool {
        self.undivided > 0
    }

    /// A read is begun.
    pub(super) fn read(&mut self) {
        self.undivided = self.undivided.saturating_sub(1);
    }

    /// The requests of a read saw different states.
    pub(super) fn tore(&mut self) {
        self.undivided = UNDIVIDED_READS;
    }
}

pub(super) type Part = Box2D<u32, MonitorPixel>;

/// What one request can read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// Any number of rectangles.
    Region,
    /// One rectangle as wide as the picture.
    Rows,
    /// One rectangle.
    Rectangle,
}

/// The requests for `wanted`: the parts that each reads, none empty, none beyond
/// the picture. They may read more than is wanted. `in_one` asks for at most one
/// request, however long it takes.
pub(super) fn requests(
    shape: Shape,
    size: Size2D<u32, MonitorPixel>,
    wanted: &Damage,
    in_one: bool,
) -> Vec<Vec<Part>> {
    let limit = if in_one { usize::MAX } else { REQUEST_BYTES };
    let pixels = (limit / BYTES_PER_PIXEL) as u64;
    let parts: Vec<Part> = wanted.rectangles(size).collect();
    match shape {
        Shape::Region => groups(parts, pixels),
        Shape::Rows => {
            let spans = spans(&parts);
            let full_width = spans
                .into_iter()
                .map(|rows| Box2D::new(point2(0, rows.start), point2(size.width, rows.end)));
            one_by_one(together(full_width.collect(), in_one), pixels)
        }
        Shape::Rectangle => one_by_one(together(parts, in_one), pixels),
    }
}

/// Puts as many parts into each request as fit.
fn groups(parts: Vec<Part>, pixels: u64) -> Vec<Vec<Part>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut room = pixels;
    for mut part in parts {
        while !part.is_empty() {
            let piece = top(&part, room);
            if piece.is_empty() && !group.is_empty() {
                groups.push(std::mem::take(&mut group));
                room = pixels;
                continue;
            }
            // A row that no request has room for has one of its own.
            let piece = if piece.is_empty() {
                top_row(&part)
            } else {
                piece
            };
            room = room.saturating_sub(area(&piece));
            part.min.y = piece.max.y;
            group.push(piece);
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

/// One request for each part, or several where it is large.
fn one_by_one(parts: Vec<Part>, pixels: u64) -> Vec<Vec<Part>> {
    parts
        .into_iter()
        .flat_map(|part| groups(vec![part], pixels))
        .collect()
}

/// The rectangle around all, if that is wanted.
fn together(parts: Vec<Part>, in_one: bool) -> Vec<Part> {
    let around = parts
        .iter()
        .copied()
        .reduce(|around, part| around.union(&part));
    match around {
        Some(around) if in_one => vec![around],
        _ => parts,
    }
}

/// The rows that any part touches, from the top; spans that touch are one.
fn spans(parts: &[Part]) -> Vec<Range<u32>> {
    let mut rows: Vec<Range<u32>> = parts.iter().map(Box2D::y_range).collect();
    rows.sort_unstable_by_key(|rows| rows.start);
    let mut spans: Vec<Range<u32>> = Vec::new();
    for next in rows {
        match spans.last_mut() {
            Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
            _ => spans.push(next),
        }
    }
    spans
}

fn area(part: &Part) -> u64 {
    u64::from(part.width()) * u64::from(part.height())
}

/// As many of its top rows as have at most `pixels` pixels.
fn top(part: &Part, pixels: u64) -> Part {
    let rows = pixels / u64::from(part.width().max(1));
    let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(part.height());
    let mut top = *part;
    top.max.y = part.min.y + rows;
    top
}

fn top_row(part: &Part) -> Part {
    let mut top = *part;
    top.max.y = part.min.y + 1;
    top
}

/// Whether `parts` cover `region`, as far as single ones of them tell.
pub(super) fn covers(parts: &[Part], region: &Damage, size: Size2D<u32, MonitorPixel>) -> bool {
    region
        .rectangles(size)
        .all(|wanted| parts.iter().any(|part| part.contains_box(&wanted)))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SHAPES: [Shape; 3] = [Shape::Region, Shape::Rows, Shape::Rectangle];

    fn part(x: u32, y: u32, width: u32, height: u32) -> Part {
        Box2D::from_origin_and_size(point2(x, y), Size2D::new(width, height))
    }

    #[test]
    fn a_full_hd_picture_is_one_request_and_a_4k_one_is_several() {
        for shape in SHAPES {
            let count = |width, height, in_one| {
                requests(shape, Size2D::new(width, height), &Damage::Whole, in_one).len()
            };
            assert_eq!(count(1920, 1080, false), 1);
            assert_eq!(count(2560, 1600, false), 1);
            assert_eq!(count(3840, 2160, false), 2);
            assert_eq!(count(7680, 4320, false), 8);
            assert_eq!(count(7680, 4320, true), 1);
        }
    }

    #[test]
    fn reads_are_divided_again_after_a_while_without_a_tear() {
        let mut division = Division::default();
        assert!(!division.is_off());
        division.tore();
        for _ in 0..UNDIVIDED_READS {
            assert!(division.is_off());
            division.read();
        }
        assert!(!division.is_off());
        division.read();
        assert!(!division.is_off());
    }

    #[test]
    fn small_parts_far_apart_are_one_request_where_regions_can_be_read() {
        let mut wanted = Damage::nothing();
        wanted.add(part(0, 0, 10, 10));
        wanted.add(part(1000, 900, 10, 10));
        let size = Size2D::new(1920, 1080);
        let count = |shape, in_one| requests(shape, size, &wanted, in_one).len();
        assert_eq!(count(Shape::Region, false), 1);
        assert_eq!(count(Shape::Rows, false), 2);
        assert_eq!(count(Shape::Rectangle, false), 2);
        assert_eq!(count(Shape::Rows, true), 1);
        assert_eq!(count(Shape::Rectangle, true), 1);
    }

    #[test]
    fn nothing_wanted_is_no_request() {
        for shape in SHAPES {
            for in_one in [false, true] {
                let size = Size2D::new(640, 480);
                assert!(requests(shape, size, &Damage::nothing(), in_one).is_empty());
            }
        }
    }

    proptest! {
        #[test]
        fn requests_cover_what_is_wanted_and_stay_small(
            (width, height) in (1..8000u32, 1..5000u32),
            wanted in vec((0..8000u32, 0..5000u32, 1..8000u32, 1..5000u32), 0..12),
            in_one in any::<bool>(),
        ) {
            let size = Size2D::new(width, height);
            let mut region = Damage::nothing();
            for (x, y, width, height) in wanted {
                region.add(part(x, y, width, height));
            }
            for shape in SHAPES {
                let requests = requests(shape, size, &region, in_one);
                prop_assert!(!in_one || requests.len() <= 1);
                let surface = Box2D::from_size(size);
                let mut read: Vec<Part> = Vec::new();
                for request in &requests {
                    let bytes: u64 = request.iter().map(area).sum::<u64>() * 4;
                    prop_assert!(in_one || bytes <= REQUEST_BYTES as u64);
                    prop_assert!(shape == Shape::Region || request.len() == 1);
                    for part in request {
                        prop_assert!(!part.is_empty() && surface.contains_box(part));
                        prop_assert!(shape != Shape::Rows || part.width() == width);
                    }
                    read.extend(request);
                }
                // No two requests read the same pixel, so that areas can be added.
                for wanted in region.rectangles(size) {
                    let hidden = read
                        .iter()
                        .filter_map(|part| part.intersection(&wanted))
                        .map(|shared| area(&shared))
                        .sum::<u64>();
                    prop_assert_eq!(hidden, area(&wanted), "{:?} of {:?}", shape, wanted);
                }
            }
        }
    }
}
