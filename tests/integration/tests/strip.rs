/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a person does with the indicator, how it looks to them, and what it costs.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use capture_integration_tests::{
    Buses, DARK_GROUND, Desktop, LIGHT_GROUND, Page, Site, THREE_STREAMS, assert_pixels,
    eventually, record_entries,
};
use capture_test_rig::process::{thread_time, threads_time};
use capture_test_rig::services::SettingsPortal;
use capture_test_rig::{ReadWatch, WindowInfo};
use serde_json::json;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, MOTION_NOTIFY_EVENT};
use x11rb::protocol::xtest::ConnectionExt as _;

/// How long a word may take to reach the screen or the page, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Width of a control, and of the border at the strip's end.
const CONTROL: u32 = 26;
const BORDER: u32 = 2;
/// Strips that are less wide are the small ones.
const SMALL: u32 = 130;

/// The middle of a strip's control, counted from the right end.
fn control(strip: &WindowInfo, from_right: u32) -> (i32, i32) {
    let x = strip.width - BORDER - CONTROL * from_right - CONTROL / 2;
    (strip.x + x.cast_signed(), strip.y + 13)
}

fn is_small(desktop: &Desktop) -> Result<bool> {
    let strips = desktop.indicators()?;
    Ok(strips.len() == 3 && strips.iter().all(|strip| strip.width < SMALL))
}

fn is_large(desktop: &Desktop) -> Result<bool> {
    let strips = desktop.indicators()?;
    Ok(strips.len() == 3 && strips.iter().all(|strip| strip.width > SMALL))
}

#[test]
fn only_a_person_dismisses_it_and_only_for_that_capture() -> Result<()> {
    let (desktop, seat) = Desktop::with_person()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run("shown.forEach(({ track }) => track.onmute = () => { globalThis.muted = true })")?;
    let strip = desktop.indicators()?.remove(0);
    let (x, y) = control(&strip, 0);
    // A program's press.
    let connection = desktop.server.connect()?;
    let root = connection.setup().roots[0].root;
    let (left, top) = (i16::try_from(x)?, i16::try_from(y)?);
    for (event, button) in [
        (MOTION_NOTIFY_EVENT, 0),
        (BUTTON_PRESS_EVENT, 1),
        (BUTTON_RELEASE_EVENT, 1),
    ] {
        let made = connection.xtest_fake_input(event, button, 0, root, left, top, 0)?;
        made.check()?;
    }
    // A person's, of something else: whatever the first one did was done before.
    let (i, _) = control(&strip, 1);
    seat.click(i, y)?;
    eventually("the shell is told", SOON, || {
        let told = "the user asks what is captured";
        Ok(browser.errors().contains(told).then_some(()))
    })?;
    ensure!(is_large(&desktop)?, "a program dismissed it");

    seat.click(x, y)?;
    eventually(
        "it is small",
        SOON,
        || Ok(is_small(&desktop)?.then_some(())),
    )?;
    ensure!(
        desktop.is_indicated(site.origin())?,
        "it still says whose it is"
    );
    for index in THREE_STREAMS {
        assert_pixels(&page, index, &desktop.painters[index])?;
    }
    ensure!(
        page.run("return globalThis.muted ?? false")? == false,
        "frames stopped"
    );
    // Another capture, though the first one goes on.
    page.run("await capture()")?;
    ensure!(is_large(&desktop)?, "not seen again by the next capture");
    seat.click(x, y)?;
    eventually(
        "it is small",
        SOON,
        || Ok(is_small(&desktop)?.then_some(())),
    )?;
    page.run("stopAll(); forgetAll()")?;
    desktop.wait_until_not_indicated(SOON)?;
    page.run("await capture()")?;
    ensure!(is_large(&desktop)?, "the dismissal was kept");
    Ok(())
}

#[test]
fn a_person_stops_everything_on_any_monitor() -> Result<()> {
    let (desktop, seat) = Desktop::with_person()?;
    let site = Site::start()?;
    let home = tempfile::tempdir()?;
    let browser = desktop
        .launch(site.origin())
        .home(home.path())
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    for monitor in THREE_STREAMS {
        page.run("await capture()")?;
        let (x, y) = control(&desktop.indicators()?[monitor], 2);
        seat.click(x, y)?;
        eventually("every track has ended", SOON, || {
            let states =
                page.run("return shown.map(({ track, ended }) => [track.readyState, ended])")?;
            let ended = json!(["ended", 1]);
            Ok((states == json!([ended, ended, ended])).then_some(()))
        })?;
        page.run("forgetAll()")?;
        let entries = record_entries(home.path(), &[])?;
        let last = entries.iter().rfind(|entry| entry["event"] == "end");
        let reason = last.map(|entry| entry["reason"].to_string());
        let is_told = |reason: &String| reason.contains("user");
        ensure!(reason.as_ref().is_some_and(is_told), "{reason:?}");
    }
    Ok(())
}

#[test]
fn it_has_the_colors_of_the_desktop_and_changes_with_them_without_a_word_to_the_page() -> Result<()>
{
    let desktop = Desktop::xvfb()?;
    let buses = Buses::start()?;
    let portal = SettingsPortal::start(&buses.session_address(), 2)?;
    let site = Site::start()?;
    let browser = desktop
        .launch(site.origin())
        .buses(&buses)
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run("shown.forEach(({ track }) => track.onmute = () => { globalThis.muted = true })")?;
    for (scheme, color) in [
        (2, LIGHT_GROUND),
        (1, DARK_GROUND),
        (2, LIGHT_GROUND),
        (0, DARK_GROUND),
    ] {
        portal.change(scheme)?;
        eventually(&format!("it is drawn for {scheme}"), SOON, || {
            ensure!(desktop.is_indicated(site.origin())?, "gone meanwhile");
            Ok(desktop.has_ground(color)?.then_some(()))
        })?;
    }
    ensure!(
        page.run("return globalThis.muted ?? false")? == false,
        "frames stopped"
    );
    Ok(())
}

#[test]
fn it_costs_next_to_nothing_while_it_is_shown() -> Result<()> {
    const MEASURED: Duration = Duration::from_secs(10);
    let mut desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    // Something moves below it on one monitor, the others stand still.
    let used = || thread_time(browser.process_id(), "CaptureIndicator");
    let (begin, before) = (Instant::now(), used()?);
    let mut frame = 0;
    while begin.elapsed() < MEASURED {
        frame += 1;
        desktop.painters[2].show(frame)?;
        std::thread::sleep(Duration::from_millis(25));
    }
    let (used, elapsed) = (used()? - before, begin.elapsed());
    let share = used.as_secs_f64() / elapsed.as_secs_f64() * 100.0;
    println!("the indicator's thread has used {used:?} in {elapsed:?}: {share:.3} % of a core");
    ensure!(share <= 0.5, "{share:.3} % of a core");
    Ok(())
}

/// All that exists because of it, and more: its thread, the engine's, which looks for it and does
/// nothing else on such a screen but verify what the server tells, and all that the X server does.
#[test]
fn all_of_it_costs_next_to_nothing_on_a_screen_that_stands_still() -> Result<()> {
    const MEASURED: Duration = Duration::from_secs(10);
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    // The first frames are on their way no more.
    page.run("await delay(1000)")?;
    let (process, server) = (browser.process_id(), desktop.server.process_id());
    let used = || -> Result<[Duration; 3]> {
        Ok([
            thread_time(process, "CaptureIndicator")?,
            thread_time(process, "CaptureEngine")?,
            threads_time(server)?,
        ])
    };
    // Nobody asks the server anything meanwhile.
    let (begin, before) = (Instant::now(), used()?);
    std::thread::sleep(MEASURED);
    let (after, elapsed) = (used()?, begin.elapsed());
    let parts: Vec<Duration> = after
        .iter()
        .zip(before)
        .map(|(now, then)| *now - then)
        .collect();
    let all: Duration = parts.iter().sum();
    let share = all.as_secs_f64() / elapsed.as_secs_f64() * 100.0;
    println!("indicator, engine, X server used {parts:?} in {elapsed:?}: {share:.3} % of a core");
    // It was looked for on every monitor, as is seen now that nothing is measured.
    let reads = ReadWatch::start(&desktop.server)?;
    std::thread::sleep(Duration::from_secs(3));
    let reads = reads.finish()?;
    ensure!(
        reads >= 2 * THREE_STREAMS.len(),
        "{reads} reads in three seconds"
    );
    ensure!(desktop.is_indicated(site.origin())?, "nothing was shown");
    ensure!(share <= 0.5, "{share:.3} % of a core");
    Ok(())
}
