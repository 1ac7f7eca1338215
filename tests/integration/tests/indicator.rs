/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The privacy indicator as somebody in front of the monitors sees it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{
    Browser, Desktop, Launch, Page, Site, THREE_STREAMS, eventually, holds_for,
};
use serde_json::json;

/// How long the indicator stays at least after a capture.
const LINGER: Duration = Duration::from_secs(5);
/// How much longer it may take to go, on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

fn open(desktop: &Desktop, site: &Site, multiprocess: bool) -> Result<Browser> {
    Launch::new()
        .display(desktop.server.display())
        .backend("x11")
        .multiprocess(multiprocess)
        .allow(site.origin())
        .open(&site.remote_url("main"))
}

/// The scenario from before the first frame until the indicator is gone.
fn check_indicator(desktop: &Desktop, multiprocess: bool) -> Result<()> {
    let site = Site::start()?;
    let browser = open(desktop, &site, multiprocess)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    ensure!(desktop.indicators()?.is_empty(), "shown before any capture");

    page.run("return capture()")?;
    let indicators = desktop.indicators()?;
    ensure!(desktop.is_indicated(site.origin())?, "{indicators:#?}");
    // It was there before the first frame, for the first frame shows it.
    for (index, indicator) in THREE_STREAMS.into_iter().zip(&indicators) {
        let painter = &desktop.painters[index];
        let monitor = desktop.monitor(&format!("DUMMY{index}"))?;
        let left = indicator.x.abs_diff(monitor.x);
        let points: Vec<(u32, u32)> = (0..indicator.width)
            .step_by(16)
            .map(|offset| (left + offset, indicator.height / 2))
            .collect();
        let first = page.run(&format!("return sampleFirst({index}, {})", json!(points)))?;
        let uncovered = points
            .iter()
            .zip(first["pixels"].as_array().context("pixels")?)
            .filter(|((x, y), pixel)| {
                let [blue, green, red, _] = painter.pixel(*x, *y);
                **pixel == json!([red, green, blue, 255])
            })
            .count();
        // Letters and ground may have a color of the picture by chance, here and there.
        ensure!(
            uncovered * 4 < points.len(),
            "{uncovered} of {} points of the first frame of stream {index} show the bare monitor",
            points.len()
        );
    }
    holds_for(
        "the indicator names the origin on every monitor",
        Instant::now() + Duration::from_secs(1),
        || desktop.is_indicated(site.origin()),
    )?;

    // One track less changes nothing; after the last one it stays for its time.
    page.run("shown[0].track.stop()")?;
    ensure!(
        desktop.is_indicated(site.origin())?,
        "gone with the first track"
    );
    let before_stop = Instant::now();
    page.run("stopAll()")?;
    let after_stop = Instant::now();
    holds_for(
        "the indicator stays for five seconds",
        before_stop + LINGER,
        || desktop.is_indicated(site.origin()),
    )?;
    desktop.wait_until_not_indicated(
        (after_stop + LINGER + SLACK).saturating_duration_since(Instant::now()),
    )
}

#[test]
fn the_indicator_is_there_before_the_first_frame_and_five_seconds_after_the_last() -> Result<()> {
    check_indicator(&Desktop::xvfb()?, false)
}

#[test]
fn the_indicator_is_the_same_on_outputs_and_for_pages_in_other_processes() -> Result<()> {
    check_indicator(&Desktop::xorg_dummy()?, true)
}

#[test]
fn a_capture_that_ends_at_once_is_indicated_for_five_seconds() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = open(&desktop, &site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    let before = Instant::now();
    page.run(
        "for (const stream of await navigator.mediaDevices.getAllScreensMedia())
             stream.getTracks().forEach(track => track.stop())",
    )?;
    holds_for("the indicator stays", before + LINGER, || {
        desktop.is_indicated(site.origin())
    })?;
    desktop.wait_until_not_indicated(SLACK)
}

#[test]
fn a_second_capture_keeps_the_indicator_that_was_about_to_go() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = open(&desktop, &site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture(); stopAll(); await delay(2000); await capture()")?;
    holds_for(
        "the indicator stays",
        Instant::now() + LINGER + Duration::from_secs(1),
        || desktop.is_indicated(site.origin()),
    )
}

#[test]
fn a_page_sees_mute_while_the_indicator_is_taken_off_and_unmute_when_it_is_back() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = open(&desktop, &site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return capture()")?;
    page.run(
        "globalThis.heard = [];
         for (const { track } of shown) {
             track.addEventListener('mute', () => heard.push('mute'));
             track.addEventListener('unmute', () => heard.push('unmute'));
         }",
    )?;
    // As often as it comes back, until it is gone for long enough to be missed.
    eventually("the page sees mute", Duration::from_secs(10), || {
        for _ in 0..50 {
            if let Some(indicator) = desktop.indicators()?.first() {
                desktop.server.unmap_window(indicator.id)?;
            }
        }
        Ok((page.run("return heard[0]")? == json!("mute")).then_some(()))
    })?;
    eventually("the page sees unmute", Duration::from_secs(10), || {
        Ok((page.run("return heard.at(-1)")? == json!("unmute")).then_some(()))
    })?;
    let states = page.run("return shown.map(({ track }) => track.readyState)")?;
    ensure!(states == json!(["live", "live", "live"]), "{states}");
    ensure!(desktop.is_indicated(site.origin())?, "not put back");
    Ok(())
}
