/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `getScreenDetails()` against monitors that change (C3): each event comes once, and its handler
//! sees the new values.

use std::time::Duration;

use anyhow::{Result, ensure};
use capture_integration_tests::{Desktop, Page, Site, eventually};
use capture_test_rig::MonitorSpec;
use serde_json::{Value, json};

/// How long a change of the desktop may take to reach the page.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Notes every event with the screens as its handler sees them.
const WATCH: &str = r#"
    window.details = await getScreenDetails();
    window.events = [];
    window.snapshot = () => details.screens.map(screen =>
        [screen.label, screen.left, screen.top, screen.width, screen.height, screen.isPrimary]);
    window.known = new Set();
    window.note = (name, target, type) => target.addEventListener(type, () => {
        watchScreens();
        events.push({ name, type, screens: snapshot(), current: details.currentScreen.label,
                      width: screen.width });
    });
    window.watchScreens = () => {
        for (const screen of details.screens) {
            if (!known.has(screen)) {
                known.add(screen);
                note(screen.label, screen, "change");
            }
        }
    };
    note("details", details, "screenschange");
    note("details", details, "currentscreenchange");
    note("window", screen, "change");
    watchScreens();
    return snapshot();
"#;

/// What the page sees of a monitor.
fn screen(monitor: &MonitorSpec, is_primary: bool) -> Value {
    json!([
        monitor.name,
        monitor.x,
        monitor.y,
        monitor.width,
        monitor.height,
        is_primary
    ])
}

/// The monitors from left to right, the first of them primary.
fn screens(desktop: &Desktop) -> Result<Value> {
    let mut monitors = desktop.server.monitors()?;
    monitors.sort_by_key(|monitor| (monitor.x, monitor.y));
    let is_primary = |monitor: &MonitorSpec| monitor.name == "DUMMY0";
    let screens = monitors.iter();
    let screens = screens.map(|monitor| screen(monitor, is_primary(monitor)));
    Ok(Value::Array(screens.collect()))
}

/// Waits until the page has had these events since the last call, and no others, and checks what
/// their handlers saw.
fn expect_events(page: &Page<'_>, desktop: &Desktop, expected: &[(&str, &str)]) -> Result<()> {
    let what = format!("the events {expected:?}");
    let events = eventually(&what, CHANGE_TIMEOUT, || {
        let events = page.run("return events")?;
        let count = events.as_array().map_or(0, Vec::len);
        ensure!(count >= expected.len(), "it had {events}");
        Ok(Some(events))
    })?;
    let names: Vec<(&str, &str)> = events
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| Some((event["name"].as_str()?, event["type"].as_str()?)))
        .collect();
    ensure!(names == expected, "wanted {expected:?}, had {events}");
    let now = screens(desktop)?;
    for event in events.as_array().into_iter().flatten() {
        ensure!(event["screens"] == now, "there is {now}, seen was {event}");
    }
    page.run("events.length = 0")?;
    Ok(())
}

/// Moves, a mode change, monitors that come and go, and two that change places.
fn check_events(desktop: &mut Desktop, multiprocess: bool) -> Result<()> {
    let site = Site::start()?;
    let browser = desktop.open(&site, multiprocess)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 0")?;
    let clients = desktop.server.client_count()?;
    let seen = page.run(WATCH)?;
    ensure!(seen == screens(desktop)?, "{seen}");
    ensure!(page.run("return details.currentScreen.label")? == "DUMMY0");
    ensure!(
        desktop.server.client_count()? > clients,
        "nothing is watched"
    );

    desktop.server.move_monitor("DUMMY1", 800, 40)?;
    expect_events(&page, desktop, &[("DUMMY1", "change")])?;

    desktop.server.resize_monitor("DUMMY0", 640, 480)?;
    let of_current = [
        ("details", "currentscreenchange"),
        ("DUMMY0", "change"),
        ("window", "change"),
    ];
    expect_events(&page, desktop, &of_current)?;
    ensure!(page.run("return screen.width")? == 640);

    desktop.server.remove_monitor("DUMMY2")?;
    expect_events(&page, desktop, &[("details", "screenschange")])?;

    desktop
        .server
        .add_monitor(MonitorSpec::new("DUMMY3", 1500, 0, 400, 300))?;
    expect_events(&page, desktop, &[("details", "screenschange")])?;
    ensure!(page.run("return screen.isExtended")? == true);

    let (mut left, mut middle) = (desktop.monitor("DUMMY0")?, desktop.monitor("DUMMY1")?);
    let right = desktop.monitor("DUMMY3")?;
    (left.x, middle.x) = (i32::try_from(middle.width)?, 0);
    desktop.server.arrange(&[left, middle, right])?;
    let swapped = [
        ("details", "currentscreenchange"),
        ("DUMMY1", "change"),
        ("DUMMY0", "change"),
    ];
    expect_events(&page, desktop, &swapped)?;
    let order = page.run("return details.screens.map(screen => screen.label)")?;
    ensure!(order == json!(["DUMMY1", "DUMMY0", "DUMMY3"]), "{order}");

    desktop.server.remove_monitor("DUMMY1")?;
    desktop.server.remove_monitor("DUMMY3")?;
    eventually("one screen is left", CHANGE_TIMEOUT, || {
        let count = page.run("return details.screens.length")?;
        Ok((count == 1).then_some(()))
    })?;
    ensure!(page.run("return screen.isExtended")? == false);

    // Nobody was told of a capture, and what was watched is not watched for nobody.
    ensure!(desktop.indicators()?.is_empty(), "there is an indicator");
    page.begin("location.href = 'about:blank'");
    eventually("nothing is watched any more", CHANGE_TIMEOUT, || {
        Ok((desktop.server.client_count()? <= clients).then_some(()))
    })
}

#[test]
fn events_of_virtual_monitors_come_once_each() -> Result<()> {
    check_events(&mut Desktop::xvfb()?, false)
}

#[test]
fn events_of_outputs_come_once_each() -> Result<()> {
    check_events(&mut Desktop::xorg_dummy()?, false)
}

#[test]
fn events_of_outputs_come_once_each_in_another_process() -> Result<()> {
    check_events(&mut Desktop::xorg_dummy()?, true)
}

#[test]
fn a_captured_screen_is_the_listed_one_and_changes_once() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run(WATCH)?;
    let same =
        "return shown.every(({ track }, i) => track.screenDetailed() === details.screens[i])";
    ensure!(page.run(same)? == true);
    desktop.server.resize_monitor("DUMMY1", 560, 420)?;
    expect_events(&page, &desktop, &[("DUMMY1", "change")])?;
    let settings = "const { width, height } = shown[1].track.getSettings(); return [width, height]";
    eventually("the track's settings follow", CHANGE_TIMEOUT, || {
        Ok((page.run(settings)? == json!([560, 420])).then_some(()))
    })?;
    desktop.server.move_monitor("DUMMY1", 820, 0)?;
    expect_events(&page, &desktop, &[("DUMMY1", "change")])?;
    // Without a list the capture alone keeps its screen, with an event of its own.
    page.begin(&format!("location.href = '{}'", site.remote_url("again")));
    let again = Page::new(&browser, &site, "again");
    again.run("await capture()")?;
    again.run(
        "window.seen = [];
         shown[1].track.screenDetailed().onchange = ({ target }) => seen.push(target.left)",
    )?;
    desktop.server.move_monitor("DUMMY1", 840, 0)?;
    eventually("the screen changes", CHANGE_TIMEOUT, || {
        Ok((again.run("return seen")? == json!([840])).then_some(()))
    })
}

/// Waits until the size of a track's frames and what it says of it are this.
fn wait_for_size(page: &Page<'_>, stream: usize, width: u32, height: u32) -> Result<()> {
    let what = format!("stream {stream} is {width}x{height}");
    let size = json!({ "width": width, "height": height });
    eventually(&what, CHANGE_TIMEOUT, || {
        let seen = page.run(&format!("return describe(shown[{stream}])"))?;
        let is_so = seen["settings"] == size && seen["video"] == size;
        ensure!(is_so, "{} {}", seen["settings"], seen["video"]);
        ensure!(seen["readyState"] == "live");
        Ok(Some(()))
    })
}

#[test]
fn constraints_hold_across_mode_changes_as_far_as_they_can() -> Result<()> {
    let desktop = Desktop::xorg_dummy()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run("await shown[0].track.applyConstraints({ width: { max: 400 }, frameRate: 5 })")?;
    page.run(
        "await shown[1].track.applyConstraints({ width: { exact: 640 }, height: { exact: 480 } })",
    )?;
    wait_for_size(&page, 0, 400, 300)?;
    wait_for_size(&page, 1, 640, 480)?;

    // Smaller, but not too small for the first; too small for what the second requires.
    desktop.server.resize_monitor("DUMMY0", 600, 600)?;
    desktop.server.resize_monitor("DUMMY1", 560, 420)?;
    wait_for_size(&page, 0, 400, 400)?;
    wait_for_size(&page, 1, 560, 420)?;
    let rate = page.run("return shown[0].track.getSettings().frameRate")?;
    ensure!(rate == 5, "{rate}");

    // Large enough again: what was required holds again.
    desktop.server.resize_monitor("DUMMY0", 800, 600)?;
    desktop.server.resize_monitor("DUMMY1", 640, 480)?;
    wait_for_size(&page, 0, 400, 300)?;
    wait_for_size(&page, 1, 640, 480)?;
    let kept = page.run(
        "return shown.slice(0, 2).map(({ track, ended }) => [track.getConstraints(), ended])",
    )?;
    let expected = json!([
        [{ "width": { "max": 400 }, "frameRate": 5 }, 0],
        [{ "width": { "exact": 640 }, "height": { "exact": 480 } }, 0]
    ]);
    ensure!(kept == expected, "{kept}");
    Ok(())
}
