/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Regions of a surface: what changed, what is stale, what is to be copied.

use euclid::{Box2D, Point2D, Size2D};
use serde::{Deserialize, Serialize};

use crate::MonitorPixel;

type Rectangle = Box2D<u32, MonitorPixel>;

/// A region of a surface, in device pixels from its top left corner.
///
/// What [`Damage::add`] and [`Damage::merge`] build has at most
/// [`Damage::MAX_RECTANGLES`] rectangles, none of which overlap. It always
/// covers everything that was added, and may cover more. One that came from
/// another process may hold anything: [`Damage::rectangles`] clips it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Damage {
    /// All of it, or nobody knows.
    Whole,
    /// These rectangles; none means that only time passed.
    Rectangles(Vec<Rectangle>),
}

impl Default for Damage {
    /// Nothing.
    fn default() -> Self {
        Self::nothing()
    }
}

impl From<Rectangle> for Damage {
    fn from(rectangle: Rectangle) -> Self {
        let mut damage = Self::nothing();
        damage.add(rectangle);
        damage
    }
}

impl Damage {
    /// How many rectangles a region has at most. As many as PipeWire's
    /// `VideoDamage` carries; beyond that one more request costs more than the
    /// pixels it saves.
    pub const MAX_RECTANGLES: usize = 16;

    /// The empty region.
    pub const fn nothing() -> Self {
        Self::Rectangles(Vec::new())
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Rectangles(rectangles) if rectangles.is_empty())
    }

    /// Adds a rectangle; an empty one changes nothing.
    pub fn add(&mut self, rectangle: Rectangle) {
        if let Self::Rectangles(rectangles) = self
            && !rectangle.is_empty()
        {
            add_disjoint(rectangles, rectangle);
        }
    }

    /// Adds all of another region.
    pub fn merge(&mut self, other: &Self) {
        match other {
            Self::Whole => *self = Self::Whole,
            Self::Rectangles(rectangles) => {
                for &rectangle in rectangles {
                    self.add(rectangle);
                }
            }
        }
    }

    /// The region; nothing is left.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The rectangles on a surface of this size; one for all of it. None is
    /// empty and none reaches beyond the surface.
    pub fn rectangles(&self, size: Size2D<u32, MonitorPixel>) -> impl Iterator<Item = Rectangle> {
        let surface = Box2D::from_size(size);
        let (whole, rectangles) = match self {
            Self::Whole => (Some(surface), [].as_slice()),
            Self::Rectangles(rectangles) => (None, rectangles.as_slice()),
        };
        let parts = rectangles.iter().copied();
        whole
            .into_iter()
            .chain(parts)
            .filter_map(move |part| part.intersection(&surface))
    }

    /// How many pixels of a surface of this size are in the region.
    pub fn pixels(&self, size: Size2D<u32, MonitorPixel>) -> u64 {
        self.rectangles(size).map(|part| area(&part)).sum()
    }

    /// What of the region lies in `window`, at its place on the surface.
    #[must_use]
    pub fn clip(&self, window: Rectangle) -> Self {
        match self {
            Self::Whole => Self::from(window),
            Self::Rectangles(rectangles) => {
                let parts = rectangles.iter();
                Self::Rectangles(
                    parts
                        .filter_map(|part| part.intersection(&window))
                        .collect(),
                )
            }
        }
    }

    /// The region without what lies beyond a surface of this size.
    #[must_use]
    pub fn bounded(&self, size: Size2D<u32, MonitorPixel>) -> Self {
        match self {
            Self::Whole => Self::Whole,
            Self::Rectangles(_) => self.clip(Box2D::from_size(size)),
        }
    }

    /// Cuts off what lies beyond a surface of this size, and takes all of it
    /// where more than half of it is in the region: one long copy is cheaper
    /// than many short ones.
    pub fn settle(&mut self, size: Size2D<u32, MonitorPixel>) {
        *self = self.bounded(size);
        let surface = u64::from(size.width) * u64::from(size.height);
        if self.pixels(size) > surface / 2 {
            *self = Self::Whole;
        }
    }

    /// Whether any pixel of `window` is in the region.
    pub fn intersects(&self, window: Rectangle) -> bool {
        match self {
            Self::Whole => !window.is_empty(),
            Self::Rectangles(rectangles) => rectangles
                .iter()
                .any(|part| part.intersection(&window).is_some()),
        }
    }

    /// Whether all of `window` is in the region, as far as one of its
    /// rectangles tells.
    pub fn contains(&self, window: Rectangle) -> bool {
        match self {
            Self::Whole => true,
            Self::Rectangles(rectangles) => {
                rectangles.iter().any(|part| part.contains_box(&window))
            }
        }
    }
}

fn area(rectangle: &Rectangle) -> u64 {
    u64::from(rectangle.width()) * u64::from(rectangle.height())
}

/// How many pixels the smallest rectangle around both has beyond the two.
fn waste(one: &Rectangle, other: &Rectangle) -> u64 {
    let shared = one.intersection(other).map_or(0, |shared| area(&shared));
    (area(&one.union(other)) - area(one)) - (area(other) - shared)
}

/// Whether the two are worth one rectangle: neighbors, or overlapping ones of
/// which the corners that come with them are at most an eighth.
fn belong_together(one: &Rectangle, other: &Rectangle) -> bool {
    let waste = waste(one, other);
    waste == 0 || (one.intersection(other).is_some() && waste <= area(&one.union(other)) / 8)
}

/// Adds a rectangle and keeps the list without overlaps and bounded.
///
/// It ends: each turn of the first loop takes a rectangle out of the list, and
/// in the second each piece that is cut loses what it shares with a list that
/// only grows by pieces it shares nothing with. Pieces must not be joined
/// again: what they are joined to may overlap what cut them, without end.
fn add_disjoint(rectangles: &mut Vec<Rectangle>, rectangle: Rectangle) {
    let mut joined = rectangle;
    loop {
        if rectangles.iter().any(|known| known.contains_box(&joined)) {
            return;
        }
        rectangles.retain(|known| !joined.contains_box(known));
        let partner = rectangles
            .iter()
            .position(|known| belong_together(known, &joined));
        match partner {
            Some(index) => joined = rectangles.swap_remove(index).union(&joined),
            None => break,
        }
    }
    let mut pieces = vec![joined];
    while let Some(piece) = pieces.pop() {
        let overlapping = rectangles
            .iter()
            .find_map(|known| known.intersection(&piece));
        match overlapping {
            Some(shared) => pieces.extend(cut_out(&piece, &shared)),
            None => rectangles.push(piece),
        }
    }
    while rectangles.len() > Damage::MAX_RECTANGLES {
        coarsen(rectangles);
    }
}

/// The up to four rectangles that are left of `outer` without `hole`, which
/// lies in it.
fn cut_out(outer: &Rectangle, hole: &Rectangle) -> impl Iterator<Item = Rectangle> {
    let part = |min_x, min_y, max_x, max_y| {
        Box2D::new(Point2D::new(min_x, min_y), Point2D::new(max_x, max_y))
    };
    [
        part(outer.min.x, outer.min.y, outer.max.x, hole.min.y),
        part(outer.min.x, hole.max.y, outer.max.x, outer.max.y),
        part(outer.min.x, hole.min.y, hole.min.x, hole.max.y),
        part(hole.max.x, hole.min.y, outer.max.x, hole.max.y),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
}

/// Makes one rectangle of the two that waste least, and of whatever that one
/// overlaps then.
fn coarsen(rectangles: &mut Vec<Rectangle>) {
    let mut best: Option<(u64, usize, usize)> = None;
    for (first, one) in rectangles.iter().enumerate() {
        for (second, other) in rectangles.iter().enumerate().skip(first + 1) {
            let waste = waste(one, other);
            if best.is_none_or(|(least, ..)| waste < least) {
                best = Some((waste, first, second));
            }
        }
    }
    let Some((_, first, second)) = best else {
        return;
    };
    // The second index is the larger one: removing it leaves the first valid.
    let mut joined = rectangles.swap_remove(second);
    joined = joined.union(&rectangles.swap_remove(first));
    while let Some(index) = rectangles
        .iter()
        .position(|known| known.intersection(&joined).is_some())
    {
        joined = joined.union(&rectangles.swap_remove(index));
    }
    rectangles.push(joined);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size2D<u32, MonitorPixel> = Size2D::new(64, 48);

    fn rectangle(x: u32, y: u32, width: u32, height: u32) -> Rectangle {
        Box2D::from_origin_and_size(Point2D::new(x, y), Size2D::new(width, height))
    }

    fn region(parts: &[Rectangle]) -> Damage {
        let mut damage = Damage::nothing();
        for &part in parts {
            damage.add(part);
        }
        damage
    }

    fn any_rectangle() -> impl Strategy<Value = Rectangle> {
        (0..80u32, 0..60u32, 0..40u32, 0..40u32).prop_map(|(x, y, w, h)| rectangle(x, y, w, h))
    }

    fn any_damage() -> impl Strategy<Value = Damage> {
        prop_oneof![
            1 => Just(Damage::Whole),
            9 => vec(any_rectangle(), 0..40).prop_map(|parts| region(&parts)),
        ]
    }

    /// The pixels of a surface that a region covers, each once.
    fn covered(damage: &Damage, size: Size2D<u32, MonitorPixel>) -> Vec<bool> {
        let mut pixels = vec![false; (size.width * size.height) as usize];
        for part in damage.rectangles(size) {
            for y in part.y_range() {
                for x in part.x_range() {
                    pixels[(y * size.width + x) as usize] = true;
                }
            }
        }
        pixels
    }

    #[test]
    fn neighbors_become_one_and_strangers_stay_apart() {
        let damage = region(&[rectangle(0, 0, 4, 4), rectangle(4, 0, 4, 4)]);
        assert_eq!(damage, Damage::Rectangles(vec![rectangle(0, 0, 8, 4)]));
        let damage = region(&[rectangle(0, 0, 4, 4), rectangle(30, 30, 4, 4)]);
        assert_eq!(damage.pixels(SIZE), 32);
    }

    /// Joining cut pieces to their neighbors went round in a circle with these.
    #[test]
    fn cutting_what_overlaps_several_rectangles_comes_to_an_end() {
        let parts = [
            (71, 47, 13, 30),
            (57, 11, 7, 37),
            (41, 50, 40, 19),
            (32, 41, 35, 18),
            (68, 17, 37, 33),
        ]
        .map(|(x, y, width, height)| rectangle(x, y, width, height));
        let size = Size2D::new(128, 128);
        let pixels = covered(&region(&parts), size);
        let added = covered(&Damage::Rectangles(parts.to_vec()), size);
        assert_eq!(
            pixels
                .iter()
                .zip(&added)
                .find(|(has, wants)| **wants && !**has),
            None
        );
    }

    #[test]
    fn a_cross_is_not_taken_for_the_whole_surface() {
        let damage = region(&[rectangle(0, 20, 64, 2), rectangle(30, 0, 2, 48)]);
        assert_eq!(damage.pixels(SIZE), 64 * 2 + 2 * 48 - 4);
    }

    #[test]
    fn more_than_half_of_a_surface_is_all_of_it() {
        let mut damage = region(&[rectangle(0, 0, 64, 24)]);
        damage.settle(SIZE);
        assert_eq!(damage.pixels(SIZE), 64 * 24);
        damage.add(rectangle(0, 24, 1, 1));
        damage.settle(SIZE);
        assert_eq!(damage, Damage::Whole);
    }

    #[test]
    fn what_lies_beyond_the_surface_is_cut_off_and_reversed_boxes_are_nothing() {
        let mut damage = region(&[rectangle(60, 40, 40, 40)]);
        damage.settle(SIZE);
        assert_eq!(damage, Damage::Rectangles(vec![rectangle(60, 40, 4, 8)]));
        let reversed = Box2D::new(Point2D::new(9, 9), Point2D::new(3, 3));
        assert!(region(&[reversed]).is_empty());
        assert_eq!(Damage::Rectangles(vec![reversed]).pixels(SIZE), 0);
        let edge = rectangle(u32::MAX - 1, u32::MAX - 1, 1, 1);
        assert_eq!(region(&[edge, rectangle(0, 0, 1, 1)]).pixels(SIZE), 1);
    }

    proptest! {
        #[test]
        fn a_region_covers_all_that_was_added_without_overlaps(parts in vec(any_rectangle(), 0..120)) {
            let mut damage = Damage::nothing();
            for &part in &parts {
                damage.add(part);
            }
            let size = Size2D::new(128, 128);
            let pixels = covered(&damage, size);
            for (index, &is_covered) in covered(&Damage::Rectangles(parts), size).iter().enumerate() {
                prop_assert!(pixels[index] || !is_covered, "pixel {index}");
            }
            // Each pixel is counted once: there are no overlaps.
            prop_assert_eq!(damage.pixels(size), pixels.iter().filter(|covered| **covered).count() as u64);
            prop_assert!(damage.rectangles(size).count() <= Damage::MAX_RECTANGLES);
        }

        #[test]
        fn merging_covers_both_and_settling_and_clipping_keep_what_is_inside(
            one in any_damage(), other in any_damage(), window in any_rectangle(),
        ) {
            let mut both = one.clone();
            both.merge(&other);
            let mut settled = both.clone();
            settled.settle(SIZE);
            let [a, b, both_pixels, settled] =
                [&one, &other, &both, &settled].map(|damage| covered(damage, SIZE));
            let clipped = covered(&both.clip(window), SIZE);
            for index in 0..a.len() {
                prop_assert!(both_pixels[index] || !(a[index] || b[index]));
                prop_assert!(settled[index] || !both_pixels[index]);
                let point = Point2D::new(index as u32 % SIZE.width, index as u32 / SIZE.width);
                prop_assert_eq!(clipped[index], both_pixels[index] && window.contains(point));
            }
            prop_assert_eq!(both.intersects(Box2D::from_size(SIZE)), both_pixels.contains(&true));
        }
    }
}
