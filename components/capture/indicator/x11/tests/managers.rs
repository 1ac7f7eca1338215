/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Window managers and compositors.

use capture_test_rig::{ManagedWindow, Manager};

use super::*;

/// What the windows of these tests are filled with.
const FILLINGS: [[u8; 4]; 2] = [[0x33, 0x66, 0x99, 0xff], [0x99, 0x33, 0x66, 0xff]];

/// A compositor that changes nothing of what windows show.
const PLAIN: &str = r#"
backend = "xrender";
vsync = false;
"#;
/// One that does all that is in fashion.
const ORNATE: &str = r#"
backend = "xrender";
vsync = false;
shadow = true;
shadow-radius = 7;
shadow-opacity = 0.9;
shadow-offset-x = -7;
shadow-offset-y = -7;
fading = true;
fade-in-step = 0.1;
fade-out-step = 0.1;
active-opacity = 0.9;
inactive-opacity = 0.8;
frame-opacity = 0.7;
corner-radius = 8;
wintypes: { notification = { opacity = 0.7; fade = true; shadow = true; }; };
"#;
/// One that makes every window translucent, whatever it wants.
const GLASS: &str = r#"
backend = "xrender";
vsync = false;
inactive-opacity = 0.8;
inactive-opacity-override = true;
mark-ovredir-focused = false;
wintypes: { notification = { focus = false; }; };
"#;

impl Scene {
    /// Whether one of these windows is in front, and the strips are seen.
    fn is_above(&self, windows: &[ManagedWindow]) -> bool {
        let in_front = |window: &ManagedWindow| window.is_in_front(&self.server).unwrap();
        windows.iter().any(in_front) && self.is_seen()
    }

    /// Two windows over the full screen that come to the front by turns, and the
    /// strips, kept by `keep`, above them.
    fn show_full_screens(
        &mut self,
        keep: impl Fn(&mut Self, &[ManagedWindow]) -> Result<bool, IndicatorError>,
    ) -> Vec<ManagedWindow> {
        let mut windows = Vec::new();
        for filling in FILLINGS {
            windows.push(ManagedWindow::full_screen(&self.server, filling).unwrap());
            // Which of them is in front is the manager's decision.
            let kept = keep(self, &windows);
            assert_eq!(kept, Ok(true), "{}", self.picture_of(&windows));
        }
        for turn in 0..10 {
            let front = &windows[turn % 2..][..1];
            front[0].activate().unwrap();
            let kept = keep(self, front);
            assert_eq!(kept, Ok(true), "turn {turn}: {}", self.picture_of(front));
        }
        windows
    }

    /// What is on the screen, for people.
    fn picture_of(&self, windows: &[ManagedWindow]) -> String {
        let in_front = |window: &ManagedWindow| window.is_in_front(&self.server).unwrap();
        let in_front: Vec<bool> = windows.iter().map(in_front).collect();
        let mut stack = self.server.windows().unwrap();
        stack.retain(|window| window.viewable);
        let is_seen = self.is_seen();
        format!("in front: {in_front:?}, the strips are seen: {is_seen}, from below: {stack:#?}")
    }
}

#[test]
fn a_window_over_the_full_screen_is_below_it_and_a_manager_that_restarts_leaves_it_alone() {
    for start in [Manager::openbox, Manager::xfwm4] {
        let mut scene = Scene::on_outputs();
        // Managers keep their windows below all that they do not manage.
        scene.painters.clear();
        let before: Vec<u32> = scene.strips().iter().map(|strip| strip.id).collect();
        for round in 0..2 {
            let manager = start(&scene.server).unwrap();
            assert_eq!(scene.keep_until(Scene::is_seen), Ok(true), "{manager:?}");
            let _windows =
                scene.show_full_screens(|scene, front| scene.keep_until(|it| it.is_above(front)));
            if round == 0 {
                manager.kill().unwrap();
            } else {
                manager.end().unwrap();
            }
            assert_eq!(scene.keep_until(Scene::is_seen), Ok(true), "after {round}");
        }
        let after: Vec<u32> = scene.strips().iter().map(|strip| strip.id).collect();
        assert_eq!(after, before);
    }
}

#[test]
fn a_compositor_shows_it_as_it_is_drawn() {
    let starts: [fn(&XServer) -> Manager; 3] = [
        |server| Manager::picom(server, PLAIN).unwrap(),
        |server| Manager::picom(server, ORNATE).unwrap(),
        |server| Manager::xcompmgr(server).unwrap(),
    ];
    for (number, start) in starts.into_iter().enumerate() {
        let mut scene = Scene::on_outputs();
        // One that comes while it is shown,
        let compositor = start(&scene.server);
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true), "{number}");
        // new windows under it,
        let other = content("https://b.example");
        scene.indicator.show(&other, &scene.monitors).unwrap();
        assert!(scene.is_seen(), "{number}");
        // something in front of it,
        let connection = scene.server.connect().unwrap();
        let rival = cover_everything(&connection);
        let is_covered = |scene: &Scene| !scene.is_seen();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !is_covered(&scene) {
            assert!(Instant::now() < deadline, "{number}: nothing covers it");
        }
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true), "{number}");
        connection.destroy_window(rival).unwrap().check().unwrap();
        // and one that goes.
        compositor.kill().unwrap();
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true), "{number}");
    }
}

#[test]
fn a_compositor_may_round_its_ends_and_give_it_a_shadow() {
    let mut scene = Scene::new();
    let _compositor = Manager::picom(&scene.server, ORNATE).unwrap();
    // The test's own eyes: this compositor does all that.
    let strip = scene.strips()[0].clone();
    let middle = strip.x as u32 + strip.width / 2;
    let has_shadow = |scene: &Scene| {
        let below = strip.height + 2;
        let screen = scene.server.screenshot().unwrap();
        screen.pixel(middle, below) != Some(scene.painters[0].pixel(middle, below))
    };
    let is_ornate = |scene: &Scene| has_shadow(scene) && !scene.all_on_screen();
    assert_eq!(scene.keep_until(is_ornate), Ok(true));
    assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
}

#[test]
fn a_compositor_that_lets_what_is_below_shine_through_is_none_to_capture_under() {
    let mut scene = Scene::new();
    let compositor = Manager::picom(&scene.server, GLASS).unwrap();
    let is_missed = |scene: &Scene| !scene.is_seen();
    assert_eq!(scene.keep_until(is_missed), Ok(true));
    let other = content("https://b.example");
    let shown = scene.indicator.show(&other, &scene.monitors);
    let Err(IndicatorError::CannotShow(reason)) = shown else {
        panic!("{shown:?}");
    };
    assert!(
        reason.contains("its pixels are not on the screen"),
        "{reason}"
    );
    assert!(scene.strips().is_empty());
    compositor.end().unwrap();
    scene.indicator.show(&other, &scene.monitors).unwrap();
    assert!(scene.is_seen());
}
