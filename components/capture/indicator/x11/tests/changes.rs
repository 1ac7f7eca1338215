/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! From one picture of it to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn every_picture_of_the_screen_shows_a_whole_strip_on_each_monitor_while_it_changes() {
    let mut scene = Scene::new();
    let live = content(ORIGIN);
    let contents = [
        IndicatorContent {
            scheme: ColorScheme::Light,
            ..live.clone()
        },
        // Of another width.
        content("https://another-and-longer.b.example"),
        IndicatorContent {
            live: false,
            may_stop: false,
            ..live.clone()
        },
        live,
    ];
    // Each once, for what must be seen of it.
    let mut pictures = Vec::new();
    for content in &contents {
        scene.indicator.show(content, &scene.monitors).unwrap();
        pictures.push(scene.marks.expected());
    }
    let display = scene.server.display().to_owned();
    let monitors = scene.monitors.clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let (sender, looks) = std::sync::mpsc::channel();
    let over = is_over.clone();
    let looking = thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            let screen = capture_test_rig::screenshot(&display).unwrap();
            let seen = monitors.iter().map(|monitor| {
                pictures
                    .iter()
                    .position(|expected| is_seen_on(&screen, monitor, expected))
            });
            sender.send(seen.collect::<Vec<_>>()).unwrap();
        }
    });
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while seen.len() < 60 && Instant::now() < deadline {
        for content in &contents {
            scene.indicator.show(content, &scene.monitors).unwrap();
            seen.extend(looks.try_iter());
        }
    }
    is_over.store(true, Ordering::SeqCst);
    looking.join().unwrap();
    assert!(seen.len() >= 60, "only {} pictures", seen.len());
    for (number, monitors) in seen.iter().enumerate() {
        assert!(
            monitors.iter().all(Option::is_some),
            "picture {number} of {}: {monitors:?}",
            seen.len()
        );
    }
    // The changes were on the screen when pictures were taken.
    for number in 0..contents.len() {
        let was_seen = seen.iter().any(|monitors| monitors[0] == Some(number));
        assert!(was_seen, "nobody has seen content {number}");
    }
}

#[test]
fn it_is_as_large_as_its_monitors_scale_says_and_changes_with_it() {
    let mut scene = Scene::new();
    for (scale, height) in [(1.0, 28), (1.25, 35), (1.5, 42), (2.0, 56), (1.0, 28)] {
        let mut monitors = scene.monitors.clone();
        // The narrowest one has no room for more.
        let smallest = monitors.pop().unwrap();
        for monitor in &mut monitors {
            monitor.scale = scale;
        }
        scene.indicator.show(&content(ORIGIN), &monitors).unwrap();
        let heights: Vec<u32> = scene.strips().iter().map(|strip| strip.height).collect();
        let room = |width: u32| (height as f32).min(28.0 * width as f32 / 480.0).round() as u32;
        assert_eq!(heights, [room(800), room(1024)], "{scale}");
        monitors.push(Monitor { scale, ..smallest });
        scene.indicator.show(&content(ORIGIN), &monitors).unwrap();
        scene.monitors = monitors;
        assert!(scene.is_seen() && scene.all_on_screen(), "{scale}");
    }
}
