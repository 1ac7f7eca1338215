/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Streams and tracks in a page while their monitors change, end, and are constrained.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Desktop, Launch, Page, Site, eventually};
use serde_json::{Value, json};

/// How long a change of the desktop may take to reach the page.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the page of measurements may take, in a debug build.
const MEASURE_TIMEOUT: Duration = Duration::from_secs(90);

/// Waits until a script of the page gives `expected`.
fn wait_until(page: &Page<'_>, script: &str, expected: &Value) -> Result<()> {
    let what = format!("{script} is {expected}");
    eventually(&what, CHANGE_TIMEOUT, || {
        let seen = page.run(&format!("return {script}"))?;
        ensure!(seen == *expected, "it is {seen}");
        Ok(Some(()))
    })
}

/// From now on `heard` of the page has the events of each stream's track and element, in order.
const LISTEN: &str = "
    globalThis.heard = shown.map(() => []);
    shown.forEach(({ track, video }, index) => {
        for (const type of ['mute', 'unmute', 'ended'])
            track.addEventListener(type, () => heard[index].push('track ' + type + ' ' + track.readyState));
        for (const type of ['resize', 'pause', 'ended'])
            video.addEventListener(type, () => heard[index].push(
                'video ' + type + ' ' + video.videoWidth + 'x' + video.videoHeight));
    });";

#[test]
fn a_track_that_was_stopped_hears_nothing_of_its_monitor() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run(LISTEN)?;
    // The element ends; the track says nothing, now or when its monitor goes.
    page.run("shown[1].track.stop()")?;
    wait_until(
        &page,
        "heard[1].at(-1)?.startsWith('video ended')",
        &json!(true),
    )?;
    desktop.server.remove_monitor("DUMMY1")?;
    desktop.server.remove_monitor("DUMMY2")?;
    wait_until(&page, "shown[2].track.readyState", &json!("ended"))?;
    // Another round through the service, after the one that ended the third track.
    page.run(
        "(await navigator.mediaDevices.getAllScreensMedia()).forEach(s => s.getTracks()[0].stop())",
    )?;
    let heard = page.run("return heard[1].filter(event => event.startsWith('track'))")?;
    ensure!(heard == json!([]), "a stopped track heard {heard}");
    Ok(())
}

#[test]
fn an_unplugged_monitor_ends_its_track_and_then_its_element_once() -> Result<()> {
    for multiprocess in [false, true] {
        let desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let browser = desktop.open(&site, multiprocess)?;
        let page = Page::new(&browser, &site, "main");
        page.run("await capture()")?;
        page.run(LISTEN)?;
        let size =
            page.run("return shown[2].video.videoWidth + 'x' + shown[2].video.videoHeight")?;
        let size = size.as_str().context("a size")?;
        desktop.server.remove_monitor("DUMMY2")?;
        let expected = json!([
            "track ended ended",
            format!("video pause {size}"),
            format!("video ended {size}"),
        ]);
        wait_until(
            &page,
            "heard[2].filter(event => !event.includes('mute'))",
            &expected,
        )?;
        ensure!(page.run("return shown[2].stream.active")? == json!(false));
        ensure!(
            page.run("return shown[2].video.duration === shown[2].video.currentTime")?
                == json!(true)
        );
        for other in [0, 1] {
            let ended = page.run(&format!(
                "return heard[{other}].filter(event => event.includes('ended'))"
            ))?;
            ensure!(ended == json!([]), "stream {other} heard {ended}");
        }
    }
    Ok(())
}

#[test]
fn a_mode_change_resizes_the_element_once() -> Result<()> {
    for multiprocess in [false, true] {
        let mut desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let browser = desktop.open(&site, multiprocess)?;
        let page = Page::new(&browser, &site, "main");
        page.run("await capture()")?;
        page.run(LISTEN)?;
        for (number, (width, height)) in [(560, 420), (640, 360)].into_iter().enumerate() {
            desktop.server.resize_monitor("DUMMY1", width, height)?;
            let middle = desktop.monitor("DUMMY1")?;
            desktop.painters[1].follow(&middle)?;
            desktop.painters[1].show(u32::try_from(number)? + 3)?;
            wait_until(
                &page,
                "[shown[1].video.videoWidth, shown[1].video.videoHeight]",
                &json!([width, height]),
            )?;
        }
        // Both sizes are those that the handlers saw.
        wait_until(
            &page,
            "heard[1].filter(event => event.startsWith('video'))",
            &json!(["video resize 560x420", "video resize 640x360"]),
        )?;
        let other = page.run("return heard[0].filter(event => event.startsWith('video'))")?;
        ensure!(
            other == json!([]),
            "another monitor's element heard {other}"
        );
    }
    Ok(())
}

#[test]
fn three_monitors_deliver_what_each_was_constrained_to() -> Result<()> {
    let site = Site::start()?;
    for multiprocess in [false, true] {
        let browser = Launch::new()
            .backend("synthetic")
            .multiprocess(multiprocess)
            .allow(site.origin())
            .open(&site.url("constraints.html"))?;
        let report = browser.answer_of("constraints", MEASURE_TIMEOUT)?;
        ensure!(report["error"].is_null(), "{}", report["error"]);
        let rows = report["rows"].as_array().context("rows")?;
        ensure!(rows.len() == 3, "{} monitors", rows.len());
        let expected = [("640x360", 5.0), ("800x640", 15.0), ("2560x1440", 30.0)];
        for (row, (size, rate)) in rows.iter().zip(expected) {
            println!("{row}");
            ensure!(row["sizes"] == json!([size]), "{row}");
            ensure!(row["video"] == json!(size), "{row}");
            let settings = &row["settings"];
            ensure!(
                format!("{}x{}", settings["width"], settings["height"]) == size,
                "{row}"
            );
            ensure!(settings["frameRate"].as_f64() == Some(rate), "{row}");
            // Fewer come on a busy machine, never more: what jitter of the page's own clock makes
            // of a measurement of some seconds.
            let measured = row["rate"].as_f64().context("a rate")?;
            ensure!(measured > 0.0 && measured < rate * 1.1 + 0.5, "{row}");
        }
    }
    Ok(())
}
