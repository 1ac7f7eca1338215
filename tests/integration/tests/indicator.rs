/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The privacy indicator as somebody in front of the monitors sees it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{
    Desktop, Page, Site, THREE_STREAMS, assert_pixels, eventually, holds_for,
};
use serde_json::json;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, StackMode,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

/// How long the indicator stays at least after a capture.
const LINGER: Duration = Duration::from_secs(5);
/// How much longer it may take to go.
const SLACK: Duration = Duration::from_secs(1);
/// How long a word may take to reach the page, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// The scenario from before the first frame until the indicator is gone.
fn check_indicator(desktop: &Desktop, multiprocess: bool) -> Result<()> {
    let site = Site::start()?;
    let browser = desktop.open(&site, multiprocess)?;
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
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    let before = Instant::now();
    page.run(
        "for (const stream of await navigator.mediaDevices.getAllScreensMedia())
             stream.getTracks().forEach(track => track.stop())",
    )?;
    let after = Instant::now();
    holds_for("the indicator stays", before + LINGER, || {
        desktop.is_indicated(site.origin())
    })?;
    let deadline = after + LINGER + SLACK;
    desktop.wait_until_not_indicated(deadline.saturating_duration_since(Instant::now()))
}

#[test]
fn a_second_capture_keeps_the_indicator_that_was_about_to_go() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture(); stopAll(); await delay(2000); await capture()")?;
    holds_for(
        "the indicator stays",
        Instant::now() + LINGER + Duration::from_secs(1),
        || desktop.is_indicated(site.origin()),
    )
}

/// What another program may do to the indicator, given a strip's window and one that covers
/// everything once it is mapped.
type Attack = fn(&RustConnection, Window, Window) -> Result<()>;

/// How often. As often as it comes back, until it is gone for long enough to be missed; or once,
/// where that is enough.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Times {
    Once,
    Always,
}

const ATTACKS: [(&str, Times, Attack); 5] = [
    ("unmapped", Times::Always, |connection, strip, _| {
        connection.unmap_window(strip)?.ignore_error();
        Ok(())
    }),
    ("moved off", Times::Always, |connection, strip, _| {
        let away = ConfigureWindowAux::new().x(4000).y(3000);
        connection.configure_window(strip, &away)?.ignore_error();
        Ok(())
    }),
    ("killed", Times::Once, |connection, strip, _| {
        connection.kill_client(strip)?.ignore_error();
        Ok(())
    }),
    ("drawn over", Times::Once, |connection, strip, _| {
        let black = ChangeWindowAttributesAux::new().background_pixel(0);
        connection.change_window_attributes(strip, &black)?;
        connection.clear_area(false, strip, 0, 0, 0, 0)?;
        Ok(())
    }),
    ("covered", Times::Always, |connection, _, rival| {
        connection.map_window(rival)?;
        let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        connection.configure_window(rival, &above)?;
        Ok(())
    }),
];

/// A window over everything that no window manager manages, not mapped yet.
fn rival(connection: &RustConnection) -> Result<Window> {
    let window = connection.generate_id()?;
    let attributes = CreateWindowAux::new()
        .override_redirect(1)
        .background_pixel(0x0033_6699);
    let root = connection.setup().roots[0].root;
    let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
    connection
        .create_window(
            depth,
            window,
            root,
            0,
            0,
            4000,
            3000,
            0,
            class,
            0,
            &attributes,
        )?
        .check()?;
    Ok(window)
}

/// Has the page note mutes, and frames that are shown half a second after a mute and before the end
/// of it.
const WATCH: &str = "
    globalThis.heard = [];
    globalThis.leaked = 0;
    for (const { track, video } of shown) {
        let frames = 0, muted = false, late = null;
        const count = () => { frames++; video.requestVideoFrameCallback(count); };
        video.requestVideoFrameCallback(count);
        track.addEventListener('mute', () => {
            heard.push('mute');
            muted = true;
            setTimeout(() => { if (muted) late = frames; }, 500);
        });
        track.addEventListener('unmute', () => {
            heard.push('unmute');
            if (late !== null) leaked += frames - late;
            [muted, late] = [false, null];
        });
    }";

fn check_attack(name: &str, times: Times, attack: Attack, multiprocess: bool) -> Result<()> {
    let mut desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, multiprocess)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return capture()")?;
    page.run(WATCH)?;
    let connection = desktop.server.connect()?;
    let rival = rival(&connection)?;
    let (mut frame, mut attacks) = (1, 0);
    eventually(&format!("the page sees mute, {name}"), SOON, || {
        for _ in 0..50 {
            if let Some(indicator) = desktop.indicators()?.first()
                && (times == Times::Always || attacks == 0)
            {
                attack(&connection, indicator.id, rival)?;
                connection.flush()?;
                attacks += 1;
            }
        }
        // Something to see, if it could be seen.
        frame += 1;
        desktop.painters[2].show(frame)?;
        Ok((page.run("return heard[0]")? == json!("mute")).then_some(()))
    })?;
    connection.destroy_window(rival)?.check()?;
    // One track after the other.
    let live = json!(["live", false]);
    eventually(&format!("the page sees unmute, {name}"), SOON, || {
        let states =
            page.run("return shown.map(({ track }) => [track.readyState, track.muted])")?;
        let is_unmuted = page.run("return heard.at(-1)")? == json!("unmute");
        Ok((is_unmuted && states == json!([live, live, live])).then_some(()))
    })?;
    ensure!(
        page.run("return leaked")? == 0,
        "{name}: frames while muted"
    );
    eventually("it is put back", SOON, || {
        Ok(desktop.is_indicated(site.origin())?.then_some(()))
    })?;
    // And what is on the monitors is seen again.
    for index in THREE_STREAMS {
        assert_pixels(&page, index, &desktop.painters[index])?;
    }
    Ok(())
}

#[test]
fn a_page_sees_mute_while_the_indicator_is_taken_off_and_unmute_when_it_is_back() -> Result<()> {
    for (number, (name, times, attack)) in ATTACKS.into_iter().enumerate() {
        check_attack(name, times, attack, number % 2 == 1)?;
    }
    Ok(())
}
