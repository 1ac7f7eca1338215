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

    /// What a program makes of a pointing device, one thing after the other: event, button, place.
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

    /// Somebody presses and releases the main button there.
    fn click(&self, (x, y): (i32, i32)) {
        self.seat.as_ref().unwrap().click(x, y).unwrap();
    }

    /// A program does.
    fn make_click(&self, at: (i32, i32)) {
        self.point(&[
            (MOTION_NOTIFY_EVENT, 0, at),
            (BUTTON_PRESS_EVENT, 1, at),
            (BUTTON_RELEASE_EVENT, 1, at),
        ]);
    }

    /// This and no more is told.
    #[track_caller]
    fn expect(&mut self, expected: &[UserAction]) {
        let mut actions = Vec::new();
        let mut end = Instant::now() + Duration::from_secs(10);
        let mut is_complete = false;
        while Instant::now() < end {
            self.indicator
                .keep(&mut |action| actions.push(action))
                .unwrap();
            if !is_complete && actions.len() >= expected.len() {
                is_complete = true;
                // Long enough for what must not come.
                end = Instant::now() + Duration::from_millis(300);
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(actions, expected);
    }

    /// Every strip becomes small, or as large as it was.
    #[track_caller]
    fn expect_small(&mut self, is_small: bool) {
        let is_so = |scene: &Self| {
            let strips = scene.strips();
            strips.len() == 3 && strips.iter().all(|strip| (strip.width < 130) == is_small)
        };
        assert_eq!(self.keep_until(is_so), Ok(true));
    }
}

#[test]
fn each_control_does_what_it_says_once() {
    let mut scene = Scene::with_person();
    scene.click(scene.middle_of(0, Control::Stop));
    scene.expect(&[UserAction::Stop]);
    scene.click(scene.middle_of(2, Control::Information));
    scene.expect(&[UserAction::ShowInformation]);
    assert!(scene.is_seen());
}

#[test]
fn a_dismissed_indicator_leaves_its_tag_everywhere_and_comes_back_when_asked() {
    let mut scene = Scene::with_person();
    let before = scene.strips();
    scene.click(scene.middle_of(1, Control::Dismiss));
    scene.expect_small(true);
    scene.expect(&[]);
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
    scene.expect_small(false);
    scene.expect(&[]);
    assert_eq!(scene.strips()[0].width, before[0].width);
    assert!(scene.is_seen());
}

#[test]
fn a_dismissal_holds_for_that_capture_and_no_other() {
    let mut scene = Scene::with_person();
    let width = scene.strips()[0].width;
    scene.click(scene.middle_of(0, Control::Dismiss));
    scene.expect_small(true);
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
fn no_program_dismisses_it_with_xtest_and_one_that_helps_a_person_can_press_all_else() {
    let mut scene = Scene::new();
    let before = scene.strips();
    for monitor in 0..3 {
        scene.make_click(scene.middle_of(monitor, Control::Dismiss));
        scene.expect(&[]);
        assert_eq!(scene.strips(), before);
    }
    scene.make_click(scene.middle_of(0, Control::Stop));
    scene.expect(&[UserAction::Stop]);
    scene.make_click(scene.middle_of(0, Control::Information));
    scene.expect(&[UserAction::ShowInformation]);
}

#[test]
fn a_server_that_does_not_tell_devices_takes_presses_too() {
    let mut scene = Scene::new();
    let stage = scene.indicator.stage.as_mut().unwrap();
    stage.server.tells_devices = false;
    // For new windows.
    let other = content("https://b.example");
    scene.indicator.show(&other, &scene.monitors).unwrap();
    scene.make_click(scene.middle_of(0, Control::Stop));
    scene.expect(&[UserAction::Stop]);
}

#[test]
fn another_indicator_knows_nothing_of_a_dismissal() {
    let mut scene = Scene::with_person();
    let width = scene.strips()[0].width;
    scene.click(scene.middle_of(0, Control::Dismiss));
    scene.expect_small(true);
    let (display, marks) = (scene.server.display(), Marks::default());
    scene.indicator = XIndicator::connect_to(display, marks.clone()).unwrap();
    scene.marks = marks;
    let shown = scene.indicator.show(&content(ORIGIN), &scene.monitors);
    shown.unwrap();
    let is_alone = |scene: &Scene| scene.strips().len() == 3;
    assert_eq!(scene.keep_until(is_alone), Ok(true));
    assert_eq!(scene.strips()[0].width, width);
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
        // To who has asked for such events, and to who has made the window.
        for mask in [mask, EventMask::NO_EVENT] {
            let sent = connection.send_event(false, strip.id, mask, event);
            sent.unwrap().check().unwrap();
        }
    }
    scene.expect(&[]);
}

#[test]
fn a_press_beside_the_controls_or_with_another_button_is_none() {
    let mut scene = Scene::new();
    let (x, y) = scene.middle_of(0, Control::Stop);
    scene.make_click((x - 60, y));
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
    scene.expect(&[]);
}
