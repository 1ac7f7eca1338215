/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Window managers and compositors.

use capture_test_rig::Manager;
use x11rb::protocol::xproto::{Atom, ClientMessageEvent, PropMode};
use x11rb::wrapper::ConnectionExt as _;

use super::*;

/// What the windows of these tests are filled with.
const FILLING: [u8; 4] = [0x33, 0x66, 0x99, 0xff];

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

fn atom(connection: &RustConnection, name: &str) -> Atom {
    let atom = connection.intern_atom(false, name.as_bytes()).unwrap();
    atom.reply().unwrap().atom
}

/// A window that its manager shows over the whole screen.
fn full_screen(connection: &RustConnection) -> Window {
    let window = connection.generate_id().unwrap();
    let screen = &connection.setup().roots[0];
    let [blue, green, red, _] = FILLING.map(u32::from);
    let attributes = CreateWindowAux::new().background_pixel(red << 16 | green << 8 | blue);
    let class = WindowClass::INPUT_OUTPUT;
    let depth = x11rb::COPY_DEPTH_FROM_PARENT;
    connection
        .create_window(
            depth,
            window,
            screen.root,
            0,
            0,
            300,
            200,
            0,
            class,
            0,
            &attributes,
        )
        .unwrap();
    let state = atom(connection, "_NET_WM_STATE");
    let wanted = [atom(connection, "_NET_WM_STATE_FULLSCREEN")];
    connection
        .change_property32(PropMode::REPLACE, window, state, AtomEnum::ATOM, &wanted)
        .unwrap();
    connection.map_window(window).unwrap().check().unwrap();
    window
}

/// Asks the manager to bring a window to the front, as a task list does.
fn activate(connection: &RustConnection, window: Window) {
    let kind = atom(connection, "_NET_ACTIVE_WINDOW");
    let event = ClientMessageEvent::new(32, window, kind, [2, 0, 0, 0, 0]);
    let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
    let root = connection.setup().roots[0].root;
    let sent = connection.send_event(false, root, mask, event);
    sent.unwrap().check().unwrap();
}

impl Scene {
    /// Whether a window of these tests covers a monitor, whichever its manager
    /// has chosen.
    fn is_filled(&self) -> bool {
        let screen = self.server.screenshot().unwrap();
        let mut bounds = self.monitors.iter().map(|monitor| monitor.bounds);
        bounds.any(|bounds| {
            let (x, y) = (bounds.min.x + 10, bounds.max.y - 10);
            screen.pixel(x as u32, y as u32) == Some(FILLING)
        })
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
            assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
            let client = scene.server.connect().unwrap();
            let window = full_screen(&client);
            let is_below = |scene: &Scene| scene.is_filled() && scene.is_seen();
            assert_eq!(scene.keep_until(is_below), Ok(true));
            // Two that come to the front by turns.
            let other = full_screen(&client);
            for window in [window, other].repeat(5) {
                activate(&client, window);
                assert_eq!(scene.keep_until(is_below), Ok(true));
            }
            if round == 0 {
                manager.kill().unwrap();
            } else {
                manager.end().unwrap();
            }
            assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
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
