/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Monitors that change while they are captured (A7): a track's source never does.

use std::time::Duration;

use anyhow::{Result, ensure};
use capture_integration_tests::{Desktop, Page, Site, assert_pixels, eventually};
use capture_test_rig::MonitorSpec;
use serde_json::{Value, json};

/// How long a change of the desktop may take to reach the page.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits until the page's description of stream number `stream` has `expected` in `field`.
fn wait_for(page: &Page<'_>, stream: usize, field: &str, expected: &Value) -> Result<()> {
    let what = format!("{field} of stream {stream} is {expected}");
    eventually(&what, CHANGE_TIMEOUT, || {
        let seen = page.run(&format!("return describe(shown[{stream}])"))?;
        ensure!(seen[field] == *expected, "it is {}", seen[field]);
        Ok(Some(()))
    })
}

/// What `screenDetailed()` of a monitor gives.
fn screen(monitor: &MonitorSpec, is_primary: bool) -> Value {
    json!({
        "left": monitor.x,
        "top": monitor.y,
        "width": monitor.width,
        "height": monitor.height,
        "isPrimary": is_primary,
        "devicePixelRatio": 1,
        "label": monitor.name,
    })
}

fn states(page: &Page<'_>) -> Result<Value> {
    page.run("return shown.map(({ track, ended }) => [track.readyState, ended])")
}

/// The scenario: monitors 0 and 1 change places, monitor 1 gets another mode, monitor 2 is
/// unplugged, a fourth one comes.
fn check_changes(mut desktop: Desktop, multiprocess: bool) -> Result<()> {
    let site = Site::start()?;
    let browser = desktop.open(&site, multiprocess)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run("window.screensAtFirst = shown.map(({ track }) => track.screenDetailed())")?;

    // Moved: the track stays with its monitor, and says where it is now.
    let (mut left, mut middle) = (desktop.monitor("DUMMY0")?, desktop.monitor("DUMMY1")?);
    let right = desktop.monitor("DUMMY2")?;
    (middle.x, left.x) = (0, i32::try_from(middle.width)?);
    desktop
        .server
        .arrange(&[left.clone(), middle.clone(), right])?;
    desktop.painters[0].follow(&left)?;
    desktop.painters[1].follow(&middle)?;
    wait_for(&page, 0, "screen", &screen(&left, true))?;
    wait_for(&page, 1, "screen", &screen(&middle, false))?;
    for index in 0..3 {
        assert_pixels(&page, index, &desktop.painters[index])?;
    }

    // Another mode: other settings and another size of video, the same source.
    desktop.server.resize_monitor("DUMMY1", 560, 420)?;
    let middle = desktop.monitor("DUMMY1")?;
    desktop.painters[1].follow(&middle)?;
    desktop.painters[1].show(7)?;
    let size = json!({ "width": 560, "height": 420 });
    wait_for(&page, 1, "settings", &size)?;
    wait_for(&page, 1, "video", &size)?;
    wait_for(&page, 1, "screen", &screen(&middle, false))?;
    assert_pixels(&page, 1, &desktop.painters[1])?;
    ensure!(
        states(&page)? == json!([["live", 0], ["live", 0], ["live", 0]]),
        "a change ended a track: {}",
        states(&page)?
    );

    // Unplugged: this track ends, once; the others go on.
    desktop.server.remove_monitor("DUMMY2")?;
    wait_for(&page, 2, "readyState", &json!("ended"))?;
    wait_for(&page, 2, "ended", &json!(1))?;
    for index in 0..2 {
        desktop.painters[index].show(9)?;
        assert_pixels(&page, index, &desktop.painters[index])?;
    }

    // Plugged in: nobody who captures already gets it, and it has the indicator, too.
    desktop
        .server
        .add_monitor(MonitorSpec::new("DUMMY3", 1500, 0, 400, 300))?;
    desktop.painters[0].show(10)?;
    assert_pixels(&page, 0, &desktop.painters[0])?;
    eventually("monitors are indicated", CHANGE_TIMEOUT, || {
        Ok(desktop.is_indicated(site.origin())?.then_some(()))
    })?;
    ensure!(
        states(&page)? == json!([["live", 0], ["live", 0], ["ended", 1]]),
        "{}",
        states(&page)?
    );
    let same = page.run(
        "return shown.every(({ track }, i) => track.screenDetailed() === screensAtFirst[i])",
    )?;
    ensure!(same == true, "screenDetailed() gives another object");
    Ok(())
}

#[test]
fn tracks_stay_with_their_virtual_monitors() -> Result<()> {
    check_changes(Desktop::xvfb()?, false)
}

#[test]
fn tracks_stay_with_their_outputs() -> Result<()> {
    check_changes(Desktop::xorg_dummy()?, false)
}

#[test]
fn tracks_of_another_process_stay_with_their_outputs() -> Result<()> {
    check_changes(Desktop::xorg_dummy()?, true)
}

/// The display server dies, and another one comes in its place.
fn check_restart(multiprocess: bool) -> Result<()> {
    let mut desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let mut browser = desktop.open(&site, multiprocess)?;
    {
        let page = Page::new(&browser, &site, "main");
        page.run("await capture()")?;
        desktop.server.kill()?;
        for stream in 0..3 {
            wait_for(&page, stream, "readyState", &json!("ended"))?;
            wait_for(&page, stream, "ended", &json!(1))?;
        }
        let error = page.run_and_fail("return navigator.mediaDevices.getAllScreensMedia()")?;
        ensure!(error.name == "NotAllowedError", "{error}");
        desktop.restart()?;
        page.run("forgetAll(); await capture()")?;
        for stream in 0..3 {
            desktop.painters[stream].show(3)?;
            assert_pixels(&page, stream, &desktop.painters[stream])?;
        }
        ensure!(desktop.is_indicated(site.origin())?, "it is not indicated");
        let live = states(&page)?;
        ensure!(
            live == json!([["live", 0], ["live", 0], ["live", 0]]),
            "{live}"
        );
    }
    ensure!(browser.is_running()?);
    Ok(())
}

#[test]
fn every_track_ends_when_the_display_server_dies_and_a_new_one_is_captured() -> Result<()> {
    check_restart(false)
}

#[test]
fn tracks_of_another_process_end_with_the_display_server_and_a_new_one_is_captured() -> Result<()> {
    check_restart(true)
}
