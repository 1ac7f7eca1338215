/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What ends a capture (A12), and what it leaves behind: nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use capture_integration_tests::{Browser, Desktop, Launch, Page, Site, eventually};
use capture_test_rig::process;
use serde_json::json;

/// How long the indicator stays after a capture, with some slack for a busy machine.
const INDICATOR_GONE: Duration = Duration::from_secs(8);
/// How long the service may take to let go of everything else.
const RELEASED: Duration = Duration::from_secs(5);

/// What the service holds while it captures.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Held {
    /// Regions of shared memory in the browser's process.
    shared_memory: usize,
    /// Clients of the display server.
    clients: usize,
}

fn held(browser: &Browser, desktop: &Desktop) -> Result<Held> {
    Ok(Held {
        shared_memory: browser.shared_memory_count()?,
        clients: desktop.server.client_count()?,
    })
}

/// Waits until what is held has been the same for a second.
fn wait_until_settled(browser: &Browser, desktop: &Desktop) -> Result<()> {
    let mut last = (held(browser, desktop)?, Instant::now());
    eventually("what is held stays the same", RELEASED, || {
        let now = held(browser, desktop)?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok((last.1.elapsed() >= Duration::from_secs(1)).then_some(()))
    })
}

fn launch(desktop: &Desktop, site: &Site, multiprocess: bool) -> Launch {
    desktop.launch(site.origin()).multiprocess(multiprocess)
}

/// Captures, lets `leave` end the capture in its way, and waits until no trace of it is left.
fn check_ending(
    multiprocess: bool,
    leave: impl FnOnce(&Browser, &Page<'_>) -> Result<()>,
) -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = launch(&desktop, &site, multiprocess)
        // With somebody who could reload it, a browser outlives a page that crashes.
        .argument("--webdriver")
        .argument("0")
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    let before = held(&browser, &desktop)?;
    page.run("await capture()")?;
    let during = held(&browser, &desktop)?;
    ensure!(
        during.shared_memory >= before.shared_memory + 3,
        "{during:?} is not seen to capture"
    );
    ensure!(desktop.is_indicated(site.origin())?);

    leave(&browser, &page)?;
    let left = Instant::now();
    eventually("the service has let go of its memory", RELEASED, || {
        let now = held(&browser, &desktop)?;
        ensure!(
            now.shared_memory <= before.shared_memory,
            "{before:?}, then {now:?}"
        );
        Ok(Some(()))
    })?;
    desktop.wait_until_not_indicated(INDICATOR_GONE.saturating_sub(left.elapsed()))?;
    eventually("the service has left the display", RELEASED, || {
        let now = held(&browser, &desktop)?;
        ensure!(now.clients <= before.clients, "{before:?}, then {now:?}");
        Ok(Some(()))
    })
}

#[test]
fn stopping_every_track_ends_a_capture() -> Result<()> {
    check_ending(false, |_, page| page.run("stopAll()").map(|_| ()))
}

#[test]
fn going_to_another_page_ends_a_capture() -> Result<()> {
    for multiprocess in [false, true] {
        check_ending(multiprocess, |_, page| {
            page.begin("location.href = 'elsewhere.html'");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn reloading_the_page_ends_a_capture() -> Result<()> {
    check_ending(false, |_, page| {
        page.begin("location.reload()");
        Ok(())
    })
}

#[test]
fn a_killed_content_process_ends_its_capture() -> Result<()> {
    check_ending(true, |browser, _| {
        let processes = browser.content_processes()?;
        ensure!(!processes.is_empty(), "no process runs the page");
        processes.into_iter().for_each(process::kill);
        Ok(())
    })
}

#[test]
fn removing_a_frame_ends_its_capture_alone() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = launch(&desktop, &site, false).open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    let capture_in_a_frame = |name: &str| -> Result<()> {
        page.run(&format!(
            "const frame = document.createElement('iframe');
             frame.allow = 'all-screens-capture';
             frame.src = '{}';
             document.body.append(frame);
             window.frame = frame",
            site.remote_url(name)
        ))?;
        Page::new(&browser, &site, name).run("await capture()")?;
        page.run("window.frame.remove()")?;
        Ok(())
    };
    // The page's own tracks get their second pictures meanwhile.
    capture_in_a_frame("first")?;
    wait_until_settled(&browser, &desktop)?;
    let before = held(&browser, &desktop)?;
    capture_in_a_frame("second")?;
    eventually("the frame's capture is over", RELEASED, || {
        let now = held(&browser, &desktop)?;
        ensure!(now <= before, "{before:?}, then {now:?}");
        Ok(Some(()))
    })?;
    let states = page.run("return shown.map(({ track }) => track.readyState)")?;
    ensure!(states == json!(["live", "live", "live"]), "{states}");
    ensure!(desktop.is_indicated(site.origin())?);
    Ok(())
}

#[test]
fn twenty_captures_leave_as_many_descriptors_as_one() -> Result<()> {
    for multiprocess in [false, true] {
        let desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let browser = launch(&desktop, &site, multiprocess).open(&site.remote_url("main"))?;
        let page = Page::new(&browser, &site, "main");
        // The first ones start threads and load libraries that stay.
        let cycle = "await capture(); stopAll(); forgetAll()";
        for _ in 0..2 {
            page.run(cycle)?;
        }
        let settled = settled_descriptor_count(&browser)?;
        for _ in 0..20 {
            page.run(cycle)?;
        }
        eventually("as many descriptors are open as before", RELEASED, || {
            let now = browser.descriptor_count()?;
            ensure!(now <= settled + 2, "{settled} before, {now} after");
            Ok(Some(()))
        })?;
    }
    Ok(())
}

/// The number of open descriptors once it has not changed for half a second.
fn settled_descriptor_count(browser: &Browser) -> Result<usize> {
    let mut last = (browser.descriptor_count()?, Instant::now());
    eventually("the number of descriptors settles", RELEASED, || {
        let now = browser.descriptor_count()?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok((last.1.elapsed() > Duration::from_millis(500)).then_some(now))
    })
}
