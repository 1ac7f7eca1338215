/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Programs that cover, move, unmap or kill, and servers that stop.

use std::sync::mpsc::channel;

use capture_test_rig::process::cpu_time;
use x11rb::protocol::xproto::{ClipOrdering, CreateGCAux, Rectangle};
use x11rb::wrapper::ConnectionExt as _;

use super::*;

#[test]
fn it_goes_back_above_a_window_that_covers_everything() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    cover_everything(&connection);
    assert!(!scene.all_on_screen());
    assert_eq!(scene.keep_until(Scene::all_on_screen), Ok(true));
    let windows = scene.server.windows().unwrap();
    assert!(
        windows[windows.len() - 3..]
            .iter()
            .all(|w| w.is_of_class("captureshell-indicator"))
    );
}

#[test]
fn it_goes_back_to_where_another_program_moved_it_from() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let before = scene.strips();
    let elsewhere = ConfigureWindowAux::new().x(-2000).height(3);
    connection
        .configure_window(before[1].id, &elsewhere)
        .unwrap()
        .check()
        .unwrap();
    assert_ne!(scene.strips(), before);
    assert_eq!(scene.keep_until(|scene| scene.strips() == before), Ok(true));
    assert!(scene.all_on_screen());
}

#[test]
fn no_strip_stays_when_one_cannot_be_shown() {
    let mut scene = Scene::new();
    let mut nowhere = scene.monitors[1].clone();
    nowhere.bounds = nowhere.bounds.translate((0, 5000).into());
    nowhere.label = "NOWHERE".to_owned();
    let start = Instant::now();
    let shown = scene
        .indicator
        .show(&content(ORIGIN), &[scene.monitors[0].clone(), nowhere]);
    let Err(IndicatorError::CannotShow(reason)) = shown else {
        panic!("{shown:?}");
    };
    assert!(reason.contains("NOWHERE"), "{reason}");
    assert!(start.elapsed() < Duration::from_millis(2500));
    assert!(scene.strips().is_empty());
}

#[test]
fn a_killed_server_is_told_and_nothing_hangs() {
    let mut scene = Scene::new();
    scene.painters.clear();
    scene.server.kill().unwrap();
    let start = Instant::now();
    let kept = scene.indicator.keep(&mut |_| {});
    let Err(IndicatorError::Lost { label, reason }) = kept else {
        panic!("{kept:?}");
    };
    assert_eq!(label, "LEFT, MIDDLE, RIGHT");
    assert!(reason.contains("broke"), "{reason}");
    let shown = scene.indicator.show(&content(ORIGIN), &scene.monitors);
    assert!(
        matches!(shown, Err(IndicatorError::CannotShow(_))),
        "{shown:?}"
    );
    scene.indicator.hide();
    assert!(XIndicator::connect_to(scene.server.display(), Marks::default()).is_err());
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_display_that_does_not_exist_is_an_error_for_people() {
    for display in [":4711", "nonsense", ""] {
        let Err(IndicatorError::CannotShow(reason)) =
            XIndicator::connect_to(display, Marks::default())
        else {
            panic!("connected to {display:?}");
        };
        assert!(
            reason.starts_with("no connection to the display server"),
            "{reason}"
        );
    }
}

/// Calls `keep` as the service does: when something happened or is due.
fn keep_for(scene: &mut Scene, duration: Duration, mut act: impl FnMut(&Scene)) -> u32 {
    let end = Instant::now() + duration;
    let mut wakeups = 0;
    while Instant::now() < end {
        act(scene);
        let due = scene.indicator.deadline();
        if due.is_none_or(|due| due <= Instant::now()) {
            scene.indicator.keep(&mut |_| {}).unwrap();
            wakeups += 1;
        }
        thread::sleep(Duration::from_millis(1));
    }
    wakeups
}

fn tries(scene: &Scene) -> u64 {
    scene.indicator.stage.as_ref().unwrap().tries
}

#[test]
fn two_programs_that_raise_themselves_leave_each_other_and_the_server_in_peace() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let rival = cover_everything(&connection);
    let server = scene.server.process_id();
    let before = (tries(&scene), cpu_time(server).unwrap());
    let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
    keep_for(&mut scene, Duration::from_secs(4), |_| {
        // The rival answers within a millisecond.
        connection.configure_window(rival, &above).unwrap();
        connection.flush().unwrap();
    });
    let raises = tries(&scene) - before.0;
    assert!(
        (4..=12).contains(&raises),
        "{raises} raises in four seconds"
    );
    // When the rival gives up, the strips are back by themselves.
    let gone = connection.destroy_window(rival).unwrap().check();
    gone.unwrap();
    assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
    assert!(cpu_time(server).unwrap() - before.1 < Duration::from_secs(2));
}

#[test]
fn nothing_is_done_while_nothing_happens() {
    let mut scene = Scene::new();
    keep_for(&mut scene, Duration::from_millis(300), |_| {});
    let before = tries(&scene);
    let end = Instant::now() + Duration::from_secs(2);
    let mut wakeups = 0;
    while Instant::now() < end {
        if scene.indicator.deadline().is_some() {
            scene.indicator.keep(&mut |_| {}).unwrap();
            wakeups += 1;
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((wakeups, tries(&scene)), (0, before));
}

#[test]
fn a_window_that_moves_below_the_strips_makes_them_do_nothing() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let below = ConfigureWindowAux::new().stack_mode(StackMode::BELOW);
    let window = cover_everything(&connection);
    connection.configure_window(window, &below).unwrap();
    connection.flush().unwrap();
    keep_for(&mut scene, Duration::from_millis(300), |_| {});
    let before = tries(&scene);
    let mut x = 0;
    keep_for(&mut scene, Duration::from_secs(1), |_| {
        x = (x + 1) % 50;
        let moved = ConfigureWindowAux::new().x(x);
        connection.configure_window(window, &moved).unwrap();
        connection.flush().unwrap();
    });
    assert_eq!(tries(&scene), before);
    assert!(scene.is_seen());
}

/// A small window above everything, in a place of the left monitor where no strip is.
fn come_beside(connection: &RustConnection) -> Window {
    let window = connection.generate_id().unwrap();
    let root = connection.setup().roots[0].root;
    let attributes = CreateWindowAux::new()
        .override_redirect(1)
        .background_pixel(0x00ff_ff00);
    let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
    connection
        .create_window(
            depth,
            window,
            root,
            10,
            300,
            80,
            60,
            5,
            class,
            0,
            &attributes,
        )
        .unwrap();
    connection.map_window(window).unwrap().check().unwrap();
    window
}

#[test]
fn windows_that_come_beside_it_stay_there_and_it_is_as_quick_as_ever() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let before = tries(&scene);
    let mut windows = Vec::new();
    for _ in 0..10 {
        windows.push(come_beside(&connection));
        keep_for(&mut scene, Duration::from_millis(50), |_| {});
    }
    assert_eq!(tries(&scene), before);
    let top = |scene: &Scene| scene.server.windows().unwrap().last().unwrap().id;
    assert_eq!(top(&scene), windows[9]);
    // One that is neither the lowest nor the highest goes over a strip.
    let strip = scene.strips()[1].clone();
    let over = ConfigureWindowAux::new().x(strip.x + 10).y(strip.y);
    connection
        .configure_window(windows[4], &over)
        .unwrap()
        .check()
        .unwrap();
    assert!(!scene.is_seen());
    assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
    assert_eq!(tries(&scene), before + 1);
    // And an unmapped one that is above it is shown there.
    let hidden = come_beside(&connection);
    connection.unmap_window(hidden).unwrap().check().unwrap();
    connection
        .configure_window(hidden, &over)
        .unwrap()
        .check()
        .unwrap();
    keep_for(&mut scene, Duration::from_millis(600), |_| {});
    assert_eq!(tries(&scene), before + 1);
    connection.map_window(hidden).unwrap().check().unwrap();
    assert!(!scene.is_seen());
    assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
    assert_eq!(tries(&scene), before + 2);
}

#[test]
fn a_strip_comes_back_each_time_that_it_is_unmapped_and_more_slowly_each_time() {
    let mut scene = Scene::new();
    let start = Instant::now();
    for _ in 0..5 {
        let victim = scene.strips()[1].id;
        scene.server.unmap_window(victim).unwrap();
        assert!(!scene.is_seen());
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
        assert_eq!(scene.strips().len(), 3);
    }
    assert!(start.elapsed() > Duration::from_millis(25 + 50 + 100 + 200));
}

#[test]
fn a_strip_that_was_destroyed_or_put_into_another_window_is_made_anew() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let strips = scene.strips();
    let painter = scene.painters[0].window();
    let destroyed = connection.destroy_window(strips[0].id).unwrap().check();
    destroyed.unwrap();
    let reparented = connection.reparent_window(strips[2].id, painter, 0, 500);
    reparented.unwrap().check().unwrap();
    assert!(!scene.is_seen());
    assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
    assert_eq!(scene.strips().len(), 3);
}

#[test]
fn an_indicator_whose_client_is_killed_is_lost_and_shown_again_when_asked() {
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    let killed = connection.kill_client(scene.strips()[0].id);
    killed.unwrap().check().unwrap();
    let mut kept = Ok(());
    let deadline = Instant::now() + Duration::from_secs(2);
    while kept.is_ok() && Instant::now() < deadline {
        kept = scene.indicator.keep(&mut |_| {});
    }
    assert!(matches!(kept, Err(IndicatorError::Lost { .. })), "{kept:?}");
    assert!(
        !scene.is_seen(),
        "what must be seen is known without windows"
    );
    scene
        .indicator
        .show(&content(ORIGIN), &scene.monitors)
        .unwrap();
    assert!(scene.is_seen());
}

#[test]
fn a_window_manager_that_comes_and_goes_changes_nothing() {
    let mut scene = Scene::new();
    let before = scene.strips();
    for _ in 0..2 {
        let manager = scene.server.connect().unwrap();
        let root = manager.setup().roots[0].root;
        let events = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        let attributes = ChangeWindowAttributesAux::new().event_mask(events);
        let managed = manager.change_window_attributes(root, &attributes);
        managed.unwrap().check().unwrap();
        // While it redirects, the strips still go back by themselves.
        let connection = scene.server.connect().unwrap();
        let rival = cover_everything(&connection);
        assert!(!scene.is_seen());
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
        connection.destroy_window(rival).unwrap().check().unwrap();
        drop(manager);
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true));
    }
    let ids = |strips: &[WindowInfo]| strips.iter().map(|strip| strip.id).collect::<Vec<_>>();
    assert_eq!(ids(&scene.strips()), ids(&before));
}

#[test]
fn a_server_that_stops_for_a_while_is_waited_for() {
    let scene = Scene::new();
    scene.server.pause().unwrap();
    let Scene {
        mut indicator,
        server,
        seat,
        monitors,
        marks,
        painters,
    } = scene;
    let start = Instant::now();
    indicator.keep(&mut |_| {}).unwrap();
    assert!(
        start.elapsed() < Duration::from_millis(50),
        "nothing to wait for"
    );
    let (sender, shown) = channel();
    let waiting = thread::spawn(move || {
        let result = indicator.show(&content("https://b.example"), &monitors);
        sender.send(result).unwrap();
        (indicator, monitors)
    });
    let early = shown.recv_timeout(Duration::from_millis(3500));
    assert!(early.is_err(), "{early:?}");
    server.resume().unwrap();
    assert_eq!(shown.recv_timeout(Duration::from_secs(5)), Ok(Ok(())));
    let (indicator, monitors) = waiting.join().unwrap();
    let scene = Scene {
        indicator,
        painters,
        server,
        seat,
        monitors,
        marks,
    };
    assert!(scene.is_seen());
}

#[test]
fn a_server_that_does_not_answer_a_new_client_is_an_error_after_two_seconds() {
    let scene = Scene::new();
    scene.server.pause().unwrap();
    let start = Instant::now();
    assert!(XIndicator::connect_to(scene.server.display(), Marks::default()).is_err());
    assert!(start.elapsed() < Duration::from_millis(2500));
    scene.server.resume().unwrap();
}

/// What another program may do to a strip's window so that it is where it belongs,
/// above everything, and not seen.
#[test]
fn a_strip_that_was_drawn_over_or_cut_is_made_anew_when_somebody_misses_it() {
    let attacks: [fn(&RustConnection, &WindowInfo); 3] = [
        |connection, strip| {
            let context = connection.generate_id().unwrap();
            let white = CreateGCAux::new().foreground(0x00ff_ffff);
            connection.create_gc(context, strip.id, &white).unwrap();
            let all = Rectangle {
                x: 0,
                y: 0,
                width: strip.width as u16,
                height: strip.height as u16,
            };
            connection
                .poly_fill_rectangle(strip.id, context, &[all])
                .unwrap();
        },
        |connection, strip| {
            let (set, bounding, unsorted) =
                (shape::SO::SET, shape::SK::BOUNDING, ClipOrdering::UNSORTED);
            connection
                .shape_rectangles(set, bounding, unsorted, strip.id, 0, 0, &[])
                .unwrap();
        },
        |connection, strip| {
            let green = ChangeWindowAttributesAux::new().background_pixel(0x0000_ff00);
            connection
                .change_window_attributes(strip.id, &green)
                .unwrap();
            connection.clear_area(false, strip.id, 0, 0, 0, 0).unwrap();
        },
    ];
    let mut scene = Scene::new();
    let connection = scene.server.connect().unwrap();
    for (number, attack) in attacks.into_iter().enumerate() {
        let before = scene.strips();
        attack(&connection, &before[1]);
        connection.sync().unwrap();
        assert!(!scene.is_seen(), "attack {number} hides nothing");
        // As the engine does once.
        scene.indicator.restore();
        assert_eq!(scene.keep_until(Scene::is_seen), Ok(true), "{number}");
        assert_eq!(
            scene.keep_until(|scene| scene.strips().len() == 3),
            Ok(true)
        );
        let after = scene.strips();
        assert_eq!((after[0].id, after[2].id), (before[0].id, before[2].id));
    }
    // And then it is at rest again.
    let is_at_rest = |scene: &Scene| scene.indicator.deadline().is_none();
    assert_eq!(scene.keep_until(is_at_rest), Ok(true));
    let before = tries(&scene);
    keep_for(&mut scene, Duration::from_secs(1), |_| {});
    assert_eq!(tries(&scene), before);
}
