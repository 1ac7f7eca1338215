/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What pages ask about the screens and what the user says to it, for
//! interleavings.

use proptest::prelude::*;

use super::*;

/// A page is named by its place among the pages.
#[derive(Clone, Debug)]
pub(in crate::core::tests) enum ScreensOp {
    Ask(usize, bool),
    /// A process speaks for another's document.
    AskForAnother(usize, usize),
    /// A process claims another's origin for its own document.
    Claim(usize, usize),
    IsExtended(usize),
    Watch(usize, bool),
    SinkLost(usize),
    User(u64, Option<bool>),
    Window(Option<i32>),
}

/// Of so many pages.
pub(in crate::core::tests) fn screens_op(pages: usize) -> impl Strategy<Value = ScreensOp> {
    let page = move || 0..pages;
    prop_oneof![
        8 => (page(), any::<bool>()).prop_map(|(page, active)| ScreensOp::Ask(page, active)),
        1 => (page(), page()).prop_map(|(by, of)| ScreensOp::AskForAnother(by, of)),
        1 => (page(), page()).prop_map(|(by, of)| ScreensOp::Claim(by, of)),
        1 => page().prop_map(ScreensOp::IsExtended),
        6 => (page(), any::<bool>()).prop_map(|(page, all)| ScreensOp::Watch(page, all)),
        1 => page().prop_map(ScreensOp::SinkLost),
        4 => (1..4u64, any::<Option<bool>>())
            .prop_map(|(question, allows)| ScreensOp::User(question, allows)),
        1 => any::<Option<u8>>().prop_map(|left| ScreensOp::Window(left.map(i32::from))),
    ]
}

impl ScreensOp {
    pub(in crate::core::tests) fn run(self, world: &mut World, pages: &[Page]) {
        match self {
            Self::Ask(page, active) => drop(ask(world, &pages[page], active)),
            Self::AskForAnother(by, of) => {
                world.place(&pages[by]);
                let (client, page) = (pages[by].client, pages[of]);
                world.place(&page);
                ask_unplaced(world, &Page { client, ..page }, true);
            }
            Self::Claim(by, of) => {
                let origin = pages[of].origin;
                world.place(&pages[by]);
                ask_unplaced(
                    world,
                    &Page {
                        origin,
                        ..pages[by]
                    },
                    true,
                );
            }
            Self::IsExtended(page) => {
                world.place(&pages[page]);
                ask_for_count(world, &pages[page]);
            }
            Self::Watch(page, all) => {
                world.place(&pages[page]);
                watch(world, &pages[page], all);
            }
            Self::SinkLost(page) => {
                let pipeline = pages[page].pipeline;
                input(world, ScreensInput::SinkLost { pipeline });
            }
            Self::User(question, allows) => user_answers(world, QuestionId(question), allows),
            Self::Window(left) => {
                let window = left.map(|left| {
                    let corner = Point2D::new(left, 0);
                    Box2D::new(corner, corner + euclid::vec2(8, 4))
                });
                input(world, ScreensInput::WindowMoved { window });
            }
        }
    }
}
