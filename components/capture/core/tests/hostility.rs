/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What hostile processes do, and what goes wrong around everybody, for the
//! interleavings of `properties.rs`.

use std::collections::VecDeque;

use proptest::prelude::*;
use servo_capture_traits::SourceId;

use super::super::{Event, LockReason};
use super::world::{Page, World, pipeline};
use crate::grabber::GrabError;
use crate::monitor::MonitorId;

/// Documents of frames that pages have made.
#[derive(Default)]
pub(super) struct Frames {
    /// Of which the constellation has not heard.
    pub(super) unplaced: VecDeque<Page>,
    /// Of which it has.
    pub(super) placed: Vec<Page>,
    last: u32,
}

/// A page is named by its place among the pages, a source among all that ever
/// were.
#[derive(Clone, Debug)]
pub(super) enum Hostile {
    /// A process speaks for another's document.
    AskForAnother(usize, usize),
    /// A process claims another's origin for its own document.
    Claim(usize, usize),
    /// A process makes a frame and asks before the constellation has heard of it.
    AskEarly(usize),
    /// The constellation hears of the oldest of these.
    Place,
    /// A clone is to have the id of a source that there is.
    CloneOnto(usize, usize, usize),
    /// A frame is given back that may never have been had.
    Release(usize, usize, u64),
}

pub(super) fn hostile() -> impl Strategy<Value = Hostile> {
    let page = || 0..4usize;
    let source = || any::<prop::sample::Index>().prop_map(|index| index.index(64));
    prop_oneof![
        2 => (page(), page()).prop_map(|(by, of)| Hostile::AskForAnother(by, of)),
        2 => (page(), page()).prop_map(|(by, of)| Hostile::Claim(by, of)),
        2 => page().prop_map(Hostile::AskEarly),
        2 => Just(Hostile::Place),
        2 => (page(), source(), source())
            .prop_map(|(page, of, onto)| Hostile::CloneOnto(page, of, onto)),
        4 => (page(), source(), 0..6u64)
            .prop_map(|(page, of, sequence)| Hostile::Release(page, of, sequence)),
    ]
}

/// One of the sources that were ever granted or cloned.
fn source(world: &World, index: usize) -> Option<SourceId> {
    let sources = world.granted_sources();
    sources.get(index % sources.len().max(1)).copied()
}

impl Hostile {
    pub(super) fn run(self, world: &mut World, pages: &[Page], frames: &mut Frames) {
        match self {
            Hostile::AskForAnother(by, of) => {
                world.place(&pages[by]);
                world.place(&pages[of]);
                world.ask_for(pages[by].client, pages[of].pipeline, pages[of].origin);
            }
            Hostile::Claim(by, of) => {
                world.place(&pages[by]);
                world.ask_for(pages[by].client, pages[by].pipeline, pages[of].origin);
            }
            Hostile::AskEarly(of) => {
                world.place(&pages[of]);
                frames.last += 1;
                let frame = Page {
                    pipeline: pipeline(1000 + frames.last),
                    ..pages[of]
                };
                world.ask_for(frame.client, frame.pipeline, frame.origin);
                frames.unplaced.push_back(frame);
            }
            Hostile::Place => {
                if let Some(frame) = frames.unplaced.pop_front() {
                    world.place(&frame);
                    frames.placed.push(frame);
                }
            }
            Hostile::CloneOnto(page, of, onto) => {
                if let (Some(source), Some(clone)) = (source(world, of), source(world, onto)) {
                    world.clone_onto(&pages[page], source, clone);
                }
            }
            Hostile::Release(page, of, sequence) => {
                if let Some(source) = source(world, of) {
                    let client = pages[page].client;
                    world.event(Event::Release {
                        client,
                        source,
                        sequence,
                    });
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Fault {
    SinkLost(usize),
    MonitorFails(u64),
    Lock(LockReason),
    Unlock,
}

pub(super) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => any::<prop::sample::Index>().prop_map(|index| Fault::SinkLost(index.index(64))),
        2 => (1..5u64).prop_map(Fault::MonitorFails),
        1 => Just(Fault::Lock(LockReason::ScreenSaver)),
        1 => Just(Fault::Lock(LockReason::Sleep)),
        3 => Just(Fault::Unlock),
    ]
}

impl Fault {
    pub(super) fn run(self, world: &mut World) {
        match self {
            Fault::SinkLost(index) => {
                if let Some(source) = source(world, index) {
                    world.event(Event::SinkLost { source });
                }
            }
            Fault::MonitorFails(id) => {
                let (monitor, reason) = (MonitorId(id), "taken".to_owned());
                let error = GrabError::Unreadable { monitor, reason };
                world.event(Event::MonitorFailed { monitor, error });
            }
            Fault::Lock(reason) => world.event(Event::SessionLocked { reason }),
            Fault::Unlock => world.event(Event::SessionUnlocked),
        }
    }
}
