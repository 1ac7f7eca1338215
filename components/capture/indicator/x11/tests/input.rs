/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the person in front of the monitors presses.

use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ButtonPressEvent, MOTION_NOTIFY_EVENT,
};
use x11rb::protocol::xtest::ConnectionExt as _;

use super::*;
use crate::indicator::strip::Control;

impl Scene {
    /// A control's middle on the desktop.
    fn middle_of(&self, monitor: usize, control: Control) -> (i32, i32) {
        let strips = &self.indicator.stage.as_ref().unwrap().strips;
        let placed = &strips[monitor].placed;
        let mut controls = placed.strip.controls.iter();
        let (_, area) = controls.find(|(found, _)| *found == control).unwrap();
        let middle = area.center();
        (
            placed.area.min.x + middle.x as i32,
            placed.area.min.y + middle.y as i32,
        )
    }

    /// What a pointing device does, one thing after the other: event, button, place.
    fn point(&self, events: &[(u8, u8, (i32, i32))]) {
        let connection = self.server.connect().unwrap();
        let root = connection.setup().roots[0].root;
        for &(event, button, (x, y)) in events {
            connection
                .xtest_fake_input(event, button, 0, root, x as i16, y as i16, 0)
                .unwrap()
                .check()
                .unwrap();
        }
    }

    fn click(&self, at: (i32, i32)) {
        self.point(&[
            (MOTION_NOTIFY_EVENT, 0, at),
            (BUTTON_PRESS_EVENT, 1, at),
            (BUTTON_RELEASE_EVENT, 1, at),
        ]);
    }

    /// What is told within half a second.
    fn actions(&mut self) -> Vec<UserAction> {
        let mut actions = Vec::new();
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline {
            self.indicator
                .keep(&mut |action| actions.push(action))
                .unwrap();
            thread::sleep(Duration::from_millis(10));
        }
        actions
    }
}

#[test]
fn each_control_does_what_it_says_once() {
    let mut scene = Scene::new();
    scene.click(scene.middle_of(0, Control::Stop));
    assert_eq!(scene.actions(), [UserAction::Stop]);
    scene.click(scene.middle_of(2, Control::Information));
    assert_eq!(scene.actions(), [UserAction::ShowInformation]);
    assert!(scene.is_seen());
}

#[test]
fn a_dismissed_indicator_leaves_its_tag_everywhere_and_comes_back_when_asked() {
    let mut scene = Scene::new();
    let before = scene.strips();
    scene.click(scene.middle_of(1, Control::Dismiss));
    assert_eq!(scene.actions(), []);
    let small = scene.strips();
    assert_eq!(small.len(), 3);
    for (strip, monitor) in small.iter().zip(&scene.monitors) {
        assert!(strip.width < 130, "{strip:?}");
        assert_eq!(strip.x + strip.width as i32, monitor.bounds.max.x);
        assert_eq!(strip.title, before[0].title);
    }
    assert!(scene.is_seen() && scene.all_on_screen());
    // It still goes back above what covers it.
    let connection = scene.server.connect().unwrap();
    let rival = cover_everything(&connection);
    assert!(!scene.is_seen());
    assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
    connection.destroy_window(rival).unwrap().check().unwrap();
    scene.click(scene.middle_of(0, Control::Restore));
    assert_eq!(scene.actions(), []);
    assert_eq!(scene.strips()[0].width, before[0].width);
    assert!(scene.is_seen());
}

#[test]
fn a_dismissal_holds_for_that_capture_and_no_other() {
    let mut scene = Scene::new();
    let width = scene.strips()[0].width;
    scene.click(scene.middle_of(0, Control::Dismiss));
    scene.actions();
    let mut show = |content: &IndicatorContent| {
        scene.indicator.show(content, &scene.monitors).unwrap();
        scene.strips()[0].width
    };
    // It ends, and its last seconds are part of it.
    let ended = IndicatorContent {
        live: false,
        may_stop: false,
        ..content(ORIGIN)
    };
    assert!(show(&ended) < 130);
    // Another capture of the same page.
    let again = IndicatorContent {
        newest_capture: 2,
        ..content(ORIGIN)
    };
    assert_eq!(show(&again), width);
    scene.indicator.hide();
    scene
        .indicator
        .show(&content(ORIGIN), &scene.monitors)
        .unwrap();
    assert_eq!(scene.strips()[0].width, width, "nothing is remembered");
}

#[test]
fn what_a_program_sends_is_no_press() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let root = connection.setup().roots[0].root;
    let strip = &scene.strips()[0];
    let (x, y) = scene.middle_of(0, Control::Stop);
    for (response_type, mask) in [
        (BUTTON_PRESS_EVENT, EventMask::BUTTON_PRESS),
        (BUTTON_RELEASE_EVENT, EventMask::BUTTON_RELEASE),
    ] {
        let event = ButtonPressEvent {
            response_type,
            detail: 1,
            sequence: 0,
            time: 0,
            root,
            event: strip.id,
            child: 0,
            root_x: x as i16,
            root_y: y as i16,
            event_x: (x - strip.x) as i16,
            event_y: (y - strip.y) as i16,
            state: Default::default(),
            same_screen: true,
        };
        let sent = connection.send_event(false, strip.id, mask, event);
        sent.unwrap().check().unwrap();
    }
    assert_eq!(scene.actions(), []);
}

#[test]
fn a_press_beside_the_controls_or_with_another_button_is_none() {
    let mut scene = Scene::new();
    let (x, y) = scene.middle_of(0, Control::Stop);
    scene.click((x - 60, y));
    let (at, elsewhere) = ((x, y), (5, 300));
    scene.point(&[
        (MOTION_NOTIFY_EVENT, 0, at),
        (BUTTON_PRESS_EVENT, 3, at),
        (BUTTON_RELEASE_EVENT, 3, at),
        // Pressed here and released there.
        (BUTTON_PRESS_EVENT, 1, at),
        (MOTION_NOTIFY_EVENT, 0, elsewhere),
        (BUTTON_RELEASE_EVENT, 1, elsewhere),
    ]);
    assert_eq!(scene.actions(), []);
}
