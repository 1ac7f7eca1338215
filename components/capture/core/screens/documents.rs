/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What single documents know of the screens.

use std::collections::BTreeMap;

use euclid::Box2D;
use servo_capture_traits::{
    BasicScreen, ClientId, DesktopPixel, ScreenId, ScreenList, ScreensEvent,
};

use crate::monitor::{Monitor, MonitorId};

/// What a document is told of, and what it was told last.
#[derive(Debug)]
pub(super) enum Watch {
    /// Nothing, but it may ask at any time.
    Asking,
    /// The screen that it is on.
    Current(Option<BasicScreen>),
    /// All screens.
    All(Option<ScreenList>),
}

/// A document that captures, or asked for the screens.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) client: ClientId,
    /// The origin that was granted the list of all screens.
    pub(super) granted: Option<String>,
    /// None where it only captures.
    pub(super) watch: Option<Watch>,
    /// The names that it knows monitors by.
    ids: BTreeMap<MonitorId, ScreenId>,
}

impl Document {
    pub(super) fn new(client: ClientId) -> Self {
        Self {
            client,
            granted: None,
            watch: None,
            ids: BTreeMap::new(),
        }
    }

    pub(super) fn id_of(&mut self, monitor: MonitorId) -> ScreenId {
        *self.ids.entry(monitor).or_insert_with(ScreenId::random)
    }

    /// Whether it is told of all screens.
    pub(super) fn watches_all(&self) -> bool {
        matches!(self.watch, Some(Watch::All(_)))
    }

    /// A monitor that was unplugged is another one when it comes back.
    pub(super) fn forget_absent(&mut self, monitors: &[Monitor]) {
        self.ids
            .retain(|id, _| monitors.iter().any(|monitor| monitor.id == *id));
    }

    /// All screens; none where there are none.
    pub(super) fn list(
        &mut self,
        monitors: &[Monitor],
        window: Option<Box2D<i32, DesktopPixel>>,
    ) -> Option<ScreenList> {
        let current = self.id_of(current(monitors, window)?.id);
        let screens = monitors.iter();
        let screens = screens.map(|monitor| (self.id_of(monitor.id), monitor.screen_info()));
        Some(ScreenList {
            screens: screens.collect(),
            current,
        })
    }

    /// What it is to be told of this layout, if that is anything new.
    pub(super) fn news(
        &mut self,
        monitors: &[Monitor],
        window: Option<Box2D<i32, DesktopPixel>>,
    ) -> Option<ScreensEvent> {
        match self.watch {
            None | Some(Watch::Asking) => None,
            Some(Watch::Current(_)) => {
                let info = current(monitors, window)?.screen_info();
                let now = BasicScreen::new(&info, monitors.len());
                let Some(Watch::Current(told)) = &mut self.watch else {
                    return None;
                };
                (told.replace(now) != Some(now)).then_some(ScreensEvent::Current(now))
            }
            Some(Watch::All(_)) => {
                let now = self.list(monitors, window)?;
                let Some(Watch::All(told)) = &mut self.watch else {
                    return None;
                };
                let before = told.replace(now.clone());
                (before.as_ref() != Some(&now)).then_some(ScreensEvent::All(now))
            }
        }
    }
}

/// The current screen of a window
/// (<https://w3c.github.io/window-management/#current-screen>): the one that
/// shows most of it, and the primary one for a window that is nowhere.
fn current(monitors: &[Monitor], window: Option<Box2D<i32, DesktopPixel>>) -> Option<&Monitor> {
    let shown = |monitor: &Monitor| {
        let part = window.and_then(|window| window.intersection(&monitor.bounds));
        part.map_or(0, |part| i64::from(part.width()) * i64::from(part.height()))
    };
    let mut most: Option<(&Monitor, i64)> = None;
    for monitor in monitors {
        let area = shown(monitor);
        if area > most.map_or(0, |(_, most)| most) {
            most = Some((monitor, area));
        }
    }
    most.map(|(monitor, _)| monitor)
        .or_else(|| monitors.iter().find(|monitor| monitor.is_primary))
        .or_else(|| monitors.first())
}

#[cfg(test)]
mod tests {
    use euclid::Point2D;

    use super::*;
    use crate::monitor::tests::monitor;

    #[test]
    fn the_current_screen_shows_most_of_the_window_and_is_else_the_primary_one() {
        let mut monitors = [
            monitor(2, 0, 0, 100, 100),
            monitor(3, 100, 0, 100, 100),
            monitor(1, 200, 0, 100, 100),
        ];
        let check = |monitors: &[Monitor], window: Option<[i32; 4]>, expected: Option<u64>| {
            let window = window.map(|[left, top, right, bottom]| {
                Box2D::new(Point2D::new(left, top), Point2D::new(right, bottom))
            });
            let found = current(monitors, window).map(|monitor| monitor.id.0);
            assert_eq!(found, expected, "{window:?}");
        };
        check(&monitors, None, Some(1));
        check(&monitors, Some([10, 10, 50, 50]), Some(2));
        check(&monitors, Some([60, 10, 150, 50]), Some(3));
        // Half and half: the first. Nowhere, or senseless: the primary one.
        check(&monitors, Some([50, 10, 150, 50]), Some(2));
        check(&monitors, Some([500, 500, 600, 600]), Some(1));
        check(&monitors, Some([50, 50, 0, 0]), Some(1));
        monitors[2].is_primary = false;
        check(&monitors, None, Some(2));
        check(&[], None, None);
    }
}
