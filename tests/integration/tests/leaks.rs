/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What captures leave behind in the browser, however many there were: nothing.
//!
//! `CAPTURE_LEAK_LOOP` is how many captures there are, 300 unless it says so.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Browser, Desktop, Page, Site, eventually};
use capture_test_rig::process::Footprint;
use serde_json::json;

/// Captures before anything is counted: they start threads, load libraries and fill caches.
const WARM_UP: u32 = 60;
/// Captures in one command of the page.
const BATCH: u32 = 50;
/// How often it is counted; the least counts.
const SETTLES: usize = 4;
/// How long the browser may take to let go of what nothing refers to.
const RELEASED: Duration = Duration::from_secs(40);
/// What may be taken more of the system's memory in the end, however many captures there were: rooms
/// that grow to the size that is needed at once, and what the allocator keeps. About 100 KiB were seen.
const ALLOWANCE: u64 = 320 << 10;
/// The same for each capture: the page fetches its commands, and the engine keeps something of each.
const ALLOWANCE_PER_CAPTURE: u64 = 320;
/// The same for each `fetch()`: the engine keeps a record of it and, of the first ones, its timing.
const ALLOWANCE_PER_FETCH: u64 = 3 << 10;

/// What the browser and its pages' processes hold, and the display server for them.
#[derive(Clone, Copy, Debug)]
struct Held {
    footprint: Footprint,
    /// Clients of the display server.
    clients: usize,
    /// Tracks of the page that have not been collected.
    tracks: u64,
}

fn loop_count() -> Result<u32> {
    match env::var("CAPTURE_LEAK_LOOP") {
        Ok(count) => count.parse().context("CAPTURE_LEAK_LOOP"),
        Err(_) => Ok(300),
    }
}

fn open(desktop: &Desktop, site: &Site, multiprocess: bool) -> Result<Browser> {
    desktop
        .launch(site.origin())
        .multiprocess(multiprocess)
        .lifetime(Duration::from_secs(3600))
        // Lets the page have garbage collected.
        .preference("expose_servointernals_globally", true)
        // Large blocks go back to the system at once, so that what is counted is held by somebody
        // and not by the allocator.
        .variable("MALLOC_MMAP_THRESHOLD_", "131072")
        .variable("MALLOC_TRIM_THRESHOLD_", "131072")
        .open(&site.remote_url("main"))
}

/// Returns when all event loops of the page's process have collected what nothing refers to.
const COLLECT: &str = "
    const witness = new WeakRef({});
    do {
        navigator.servo.garbageCollectAllContexts();
        await delay(20);
    } while (witness.deref());";

/// Makes garbage, which brings the collector to run by itself.
const LITTER: &str = "
    for (let round = 0; round < 40; round++) {
        const litter = [];
        for (let index = 0; index < 2000; index++) litter.push({ index, text: 'x'.repeat(index % 50) });
        litter.push(new ArrayBuffer(4 << 20));
        await delay(0);
    }";

/// Captures as often as `count` says, remembering each track weakly.
fn capture_repeatedly(page: &Page<'_>, count: u32) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let batch = left.min(BATCH);
        page.run(&format!(
            "globalThis.tracks ??= [];
             for (let index = 0; index < {batch}; index++) {{
                 for (const stream of await navigator.mediaDevices.getAllScreensMedia()) {{
                     const [track] = stream.getTracks();
                     tracks.push(new WeakRef(track));
                     track.stop();
                 }}
             }}
             globalThis.tracks = tracks.filter(track => track.deref());"
        ))?;
        // The collector does not run by itself for 4 500 captures, as they are small. The allocator
        // would keep the room of all of them, 5 KB each, and what is lost would not be seen.
        page.run(COLLECT)?;
        left -= batch;
    }
    Ok(())
}

/// Waits until all tracks were collected and the display server is left, and counts.
fn settle(browser: &Browser, desktop: &Desktop, page: &Page<'_>, idle: usize) -> Result<Held> {
    let mut least = settle_once(browser, desktop, page, idle)?;
    // What other threads do at the moment of a count comes and goes.
    for _ in 1..SETTLES {
        let held = settle_once(browser, desktop, page, idle)?;
        if held.footprint.private_bytes < least.footprint.private_bytes {
            least = held;
        }
    }
    Ok(least)
}

fn settle_once(browser: &Browser, desktop: &Desktop, page: &Page<'_>, idle: usize) -> Result<Held> {
    eventually("all is collected and let go", RELEASED, || {
        page.run(COLLECT)?;
        let tracks = page.run("return tracks.filter(track => track.deref()).length")?;
        let held = Held {
            footprint: browser.footprint()?,
            clients: desktop.server.client_count()?,
            tracks: tracks.as_u64().context("a number")?,
        };
        // The last few may be reached through what the engine has not overwritten.
        ensure!(held.tracks <= 6 && held.clients <= idle, "{held:?}");
        Ok(Some(held))
    })
}

fn check_flat(multiprocess: bool) -> Result<()> {
    let count = loop_count()?;
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = open(&desktop, &site, multiprocess)?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    let idle = desktop.server.client_count()?;
    capture_repeatedly(&page, WARM_UP)?;
    let before = settle(&browser, &desktop, &page, idle)?;
    capture_repeatedly(&page, count)?;
    let after = settle(&browser, &desktop, &page, idle)?;
    println!("{count} captures of three monitors, multiprocess: {multiprocess}");
    println!("before: {before:?}");
    println!("after:  {after:?}");
    let (was, is) = (before.footprint, after.footprint);
    ensure!(is.descriptors <= was.descriptors + 2, "descriptors leak");
    ensure!(is.shared_memory <= was.shared_memory, "pictures leak");
    ensure!(is.threads <= was.threads + 2, "threads leak");
    // Arenas of the allocators come and go.
    ensure!(is.mappings <= was.mappings + 60, "mappings leak");
    // 500 bytes lost with each track would be seen.
    check_memory(before, after, u64::from(count) * ALLOWANCE_PER_CAPTURE)
}

fn check_memory(before: Held, after: Held, allowance: u64) -> Result<()> {
    let (was, is) = (before.footprint, after.footprint);
    let grown = is.private_bytes.saturating_sub(was.private_bytes);
    ensure!(
        grown <= ALLOWANCE + allowance,
        "{grown} bytes more are held"
    );
    Ok(())
}

#[test]
fn many_captures_leave_no_more_than_a_few() -> Result<()> {
    check_flat(false)
}

#[test]
fn many_captures_of_another_process_leave_no_more_than_a_few() -> Result<()> {
    check_flat(true)
}

/// Without the graft S130 each left about ten kilobytes.
#[test]
fn what_was_fetched_is_collected() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = open(&desktop, &site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run("globalThis.tracks = []")?;
    let idle = desktop.server.client_count()?;
    let fetch =
        "for (let index = 0; index < 100; index++) await (await fetch('remote.js')).text();";
    page.run(fetch)?;
    let before = settle(&browser, &desktop, &page, idle)?;
    for _ in 0..5 {
        page.run(fetch)?;
        page.run(COLLECT)?;
    }
    let after = settle(&browser, &desktop, &page, idle)?;
    println!("500 fetches\nbefore: {before:?}\nafter:  {after:?}");
    check_memory(before, after, 500 * ALLOWANCE_PER_FETCH)
}

#[test]
fn a_live_track_that_nothing_refers_to_is_collected_and_stops() -> Result<()> {
    for multiprocess in [false, true] {
        let desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let browser = open(&desktop, &site, multiprocess)?;
        let page = Page::new(&browser, &site, "main");
        page.run("globalThis.tracks = []")?;
        let idle = desktop.server.client_count()?;
        page.run(
            "const [kept, ...streams] = await navigator.mediaDevices.getAllScreensMedia();
             globalThis.kept = kept;
             for (const stream of streams) tracks.push(new WeakRef(stream.getTracks()[0]));",
        )?;
        ensure!(desktop.server.client_count()? > idle, "nothing is captured");
        // Some commands, so that nothing of the first one is on a stack any more.
        eventually("the others are collected", RELEASED, || {
            page.run(LITTER)?;
            let left = page.run("return tracks.filter(track => track.deref()).length")?;
            ensure!(left == json!(0), "{left} are left");
            Ok(Some(()))
        })?;
        // What is referred to goes on.
        ensure!(page.run("return kept.getTracks()[0].readyState")? == json!("live"));
        ensure!(
            desktop.server.client_count()? > idle,
            "the kept one has stopped"
        );
        page.run("tracks.push(new WeakRef(kept.getTracks()[0])); delete globalThis.kept")?;
        eventually(
            "the last one is collected, and the display is left",
            RELEASED,
            || {
                page.run(LITTER)?;
                let clients = desktop.server.client_count()?;
                ensure!(clients <= idle, "{clients} clients, {idle} before");
                Ok(Some(()))
            },
        )?;
    }
    Ok(())
}
