/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Watching the layout, with and without captures.

use std::mem::take;

use super::*;
use crate::core::ScreensInput;
use crate::grabber::GrabError;

impl Rig {
    fn watch(&mut self, wanted: bool) {
        self.command(EngineCommand::Watch { wanted });
    }

    /// How many monitors were told since the last call: by listings, by changes.
    fn told(&mut self) -> (Vec<usize>, Vec<usize>) {
        let (mut listed, mut changed) = (Vec::new(), Vec::new());
        for event in take(&mut self.sink.events) {
            match event {
                Event::Screens(ScreensInput::Listed { result }) => {
                    listed.push(result.unwrap().len());
                }
                Event::MonitorsChanged { monitors } => changed.push(monitors.len()),
                event => panic!("{event:?}"),
            }
        }
        (listed, changed)
    }

    /// Every session is over.
    fn close_all(&mut self) {
        self.command(EngineCommand::Close { session: SESSION });
    }
}

#[test]
fn the_layout_is_told_while_nothing_is_captured_and_nothing_is_read_for_it() {
    let mut rig = Rig::new(2);
    rig.close_all();
    assert!(rig.engine.grabber.is_none());
    let before = rig.counts().pixels_read;
    rig.watch(true);
    assert_eq!(rig.told(), (vec![2], vec![]));
    rig.pass_milliseconds(1000);
    assert_eq!(rig.told(), (vec![], vec![]));
    rig.layout.plug(2000, 0, SIZE.width, SIZE.height);
    rig.pass_milliseconds(1000);
    rig.layout.unplug(rig.ids[0]);
    rig.layout.unplug(rig.ids[1]);
    rig.pass_milliseconds(1000);
    assert_eq!(rig.told(), (vec![], vec![3, 1]));
    assert_eq!(rig.counts().pixels_read, before);
    rig.watch(false);
    assert!(rig.engine.grabber.is_none());
    rig.layout.plug(0, 0, SIZE.width, SIZE.height);
    rig.pass_milliseconds(1000);
    assert_eq!(rig.told(), (vec![], vec![]));
    assert!(rig.engine.next_wait(rig.now).deadline.is_none());
}

#[test]
fn a_display_without_monitors_is_watched_until_there_is_one() {
    let mut rig = Rig::new(1);
    rig.close_all();
    rig.layout.unplug(rig.ids[0]);
    rig.watch(true);
    assert_eq!(rig.told(), (vec![0], vec![]));
    rig.layout.plug(0, 0, SIZE.width, SIZE.height);
    rig.pass_milliseconds(1000);
    assert_eq!(rig.told(), (vec![], vec![1]));
}

#[test]
fn captures_come_and_go_beside_a_watch() {
    let mut rig = Rig::new(1);
    rig.watch(true);
    let source = rig.start(0, 30.0);
    rig.pass_milliseconds(100);
    assert_eq!(rig.frames().len(), 1);
    rig.command(EngineCommand::Stop { source });
    rig.close_all();
    rig.draw();
    rig.layout.plug(2000, 0, SIZE.width, SIZE.height);
    rig.pass_milliseconds(1000);
    assert_eq!(rig.told(), (vec![1], vec![2]));
    assert!(rig.frames().is_empty());
    rig.open();
    rig.watch(false);
    rig.start(0, 30.0);
    rig.pass_milliseconds(100);
    assert_eq!(rig.frames().len(), 1);
}

#[test]
fn a_watch_that_is_lost_is_told() {
    let mut rig = Rig::new(1);
    rig.close_all();
    rig.watch(true);
    rig.told();
    rig.layout.disconnect("killed");
    rig.pass_milliseconds(1000);
    let lost = take(&mut rig.sink.events);
    assert!(
        matches!(lost[..], [Event::DisplayServerLost { .. }]),
        "{lost:?}"
    );
    rig.watch(true);
    let refused = take(&mut rig.sink.events);
    let [Event::Screens(ScreensInput::Listed { result })] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert!(matches!(
        result,
        Err(GrabError::NoDisplayServer(_) | GrabError::Disconnected(_))
    ));
}
