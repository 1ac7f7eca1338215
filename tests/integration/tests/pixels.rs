/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page sees of three monitors: their geometry and their pixels, exactly, by every way of
//! reading them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{
    Browser, Desktop, Launch, Page, Site, THREE_STREAMS, assert_pixels, eventually, three_monitors,
};
use serde_json::{Value, json};

/// How a scenario differs from the plain one.
#[derive(Clone, Copy, Debug)]
struct Way {
    backend: &'static str,
    multiprocess: bool,
}

const PLAIN: Way = Way {
    backend: "x11",
    multiprocess: false,
};

fn open(desktop: &Desktop, site: &Site, way: Way) -> Result<Browser> {
    Launch::new()
        .display(desktop.server.display())
        .backend(way.backend)
        .multiprocess(way.multiprocess)
        .allow(site.origin())
        .open(&site.remote_url("main"))
}

/// Each of the three streams is one video track with its monitor's geometry.
fn check_descriptions(streams: &Value) -> Result<()> {
    let streams = streams.as_array().context("a list of streams")?;
    ensure!(
        streams.len() == 3,
        "three monitors, {} streams",
        streams.len()
    );
    for (index, (stream, monitor)) in streams.iter().zip(three_monitors()).enumerate() {
        let (width, height) = (monitor.width, monitor.height);
        let expected = json!({
            "interface": "[object ScreenCaptureMediaStreamTrack]",
            "videoTracks": 1,
            "audioTracks": 0,
            "readyState": "live",
            "ended": 0,
            "settings": { "width": width, "height": height },
            "screen": {
                "left": monitor.x,
                "top": monitor.y,
                "width": width,
                "height": height,
                "isPrimary": index == 0,
                "devicePixelRatio": 1,
                "label": monitor.name,
            },
            "video": { "width": width, "height": height },
        });
        let mut seen = stream.clone();
        let label = seen
            .as_object_mut()
            .and_then(|fields| fields.remove("label"));
        ensure!(
            seen == expected,
            "stream {index} is {seen:#}, expected is {expected:#}"
        );
        let label = label.as_ref().and_then(Value::as_str).unwrap_or_default();
        ensure!(!label.is_empty(), "track {index} has no label");
    }
    Ok(())
}

/// The scenario: three streams, right in geometry and pixels; then one monitor's picture changes.
fn check_three_streams(mut desktop: Desktop, way: Way) -> Result<()> {
    let site = Site::start()?;
    let browser = open(&desktop, &site, way)?;
    let page = Page::new(&browser, &site, "main");
    check_descriptions(&page.run("return capture()")?)?;
    for index in THREE_STREAMS {
        assert_pixels(&page, index, &desktop.painters[index])?;
    }
    for changed in THREE_STREAMS {
        desktop.painters[changed].show(1)?;
        // The others still show frame 0, or frame 1 once it is on their monitor.
        for index in THREE_STREAMS {
            assert_pixels(&page, index, &desktop.painters[index])?;
        }
    }
    let processes = browser.content_processes()?;
    ensure!(
        processes.is_empty() != way.multiprocess,
        "processes of pages: {processes:?}"
    );
    Ok(())
}

#[test]
fn three_virtual_monitors_are_seen_exactly() -> Result<()> {
    check_three_streams(Desktop::xvfb()?, PLAIN)
}

#[test]
fn three_outputs_are_seen_exactly() -> Result<()> {
    check_three_streams(Desktop::xorg_dummy()?, PLAIN)
}

#[test]
fn three_virtual_monitors_are_seen_exactly_from_another_process() -> Result<()> {
    let way = Way {
        multiprocess: true,
        ..PLAIN
    };
    check_three_streams(Desktop::xvfb()?, way)
}

#[test]
fn three_outputs_are_seen_exactly_from_another_process() -> Result<()> {
    let way = Way {
        multiprocess: true,
        ..PLAIN
    };
    check_three_streams(Desktop::xorg_dummy()?, way)
}

#[test]
fn three_outputs_are_seen_exactly_through_xcap() -> Result<()> {
    let way = Way {
        backend: "xcap",
        ..PLAIN
    };
    check_three_streams(Desktop::xorg_dummy()?, way)
}

#[test]
fn a_server_without_shared_memory_is_captured_all_the_same() -> Result<()> {
    check_three_streams(Desktop::xvfb_without_shared_memory()?, PLAIN)
}

#[test]
fn automatic_choice_takes_the_display_that_there_is() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let way = Way {
        backend: "auto",
        ..PLAIN
    };
    let browser = open(&desktop, &site, way)?;
    let page = Page::new(&browser, &site, "main");
    check_descriptions(&page.run("return capture()")?)?;
    assert_pixels(&page, 2, &desktop.painters[2])
}

#[test]
fn two_calls_and_two_elements_see_the_same_pixels_independently() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = open(&desktop, &site, PLAIN)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture(); await capture(); await show(shown[1].stream).loaded")?;
    // Streams 0 to 2 of the first call, 3 to 5 of the second, 6 is stream 1 in another element.
    assert_pixels(&page, 4, &desktop.painters[1])?;
    assert_pixels(&page, 6, &desktop.painters[1])?;
    page.run("for (const { track } of shown.slice(0, 3)) track.stop()")?;
    let states = page.run("return shown.map(({ track }) => track.readyState)")?;
    let expected = ["ended", "ended", "ended", "live", "live", "live", "ended"];
    ensure!(states == json!(expected), "{states}");
    let mut desktop = desktop;
    desktop.painters[1].show(3)?;
    assert_pixels(&page, 4, &desktop.painters[1])
}

#[test]
fn synthetic_monitors_need_no_display() -> Result<()> {
    for multiprocess in [false, true] {
        let site = Site::start()?;
        let browser = Launch::new()
            .backend("synthetic")
            .multiprocess(multiprocess)
            .allow(site.origin())
            .open(&site.remote_url("main"))?;
        let page = Page::new(&browser, &site, "main");
        let streams = page.run("return capture()")?;
        let streams = streams.as_array().context("a list of streams")?;
        ensure!(
            streams.len() > 1,
            "several monitors, {} streams",
            streams.len()
        );
        for (index, stream) in streams.iter().enumerate() {
            let size = &stream["video"];
            ensure!(*size == stream["settings"], "{stream:#}");
            ensure!(size["width"] == stream["screen"]["width"], "{stream:#}");
            // The time code moves, and two monitors never show the same.
            let hash = |index: usize| {
                page.run(&format!(
                    "return pixels(shown[{index}].video).data.reduce(
                        (hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7)"
                ))
            };
            let first = hash(index)?;
            eventually("the picture moves", Duration::from_secs(10), || {
                Ok((hash(index)? != first).then_some(()))
            })?;
        }
        page.run("stopAll()")?;
    }
    Ok(())
}
