/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who may not capture, and what then does not happen.

use anyhow::{Result, ensure};
use capture_integration_tests::{Desktop, Launch, Page, PageError, Site};
use capture_test_rig::{MapWatch, ReadWatch};

const CAPTURE: &str = "return navigator.mediaDevices.getAllScreensMedia()";

fn assert_not_allowed(error: &PageError) -> Result<()> {
    ensure!(error.name == "NotAllowedError", "{error}");
    Ok(())
}

#[test]
fn an_origin_that_is_not_listed_captures_nothing_and_no_indicator_is_shown() -> Result<()> {
    for multiprocess in [false, true] {
        let desktop = Desktop::xvfb()?;
        let (listed, other) = (Site::start()?, Site::start()?);
        let watch = MapWatch::start(&desktop.server)?;
        let reads = ReadWatch::start(&desktop.server)?;
        let browser = desktop
            .launch(listed.origin())
            .multiprocess(multiprocess)
            .open(&other.remote_url("main"))?;
        let page = Page::new(&browser, &other, "main");
        page.run("return 1")?;
        let clients = desktop.server.client_count()?;
        for _ in 0..3 {
            assert_not_allowed(&page.run_and_fail(CAPTURE)?)?;
            ensure!(
                desktop.server.client_count()? == clients,
                "somebody connected to the display"
            );
        }
        let reads = reads.finish()?;
        ensure!(reads == 0, "the screen was read {reads} times");
        let windows = watch.mapped()?;
        ensure!(windows.is_empty(), "windows were shown: {windows:x?}");
        ensure!(
            browser.shared_memory_count()? == 0,
            "there is memory for frames"
        );
    }
    Ok(())
}

#[test]
fn the_same_page_of_a_listed_origin_captures() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let (listed, other) = (Site::start()?, Site::start()?);
    let watch = MapWatch::start(&desktop.server)?;
    let reads = ReadWatch::start(&desktop.server)?;
    let browser = desktop.open(&listed, false)?;
    let page = Page::new(&browser, &listed, "main");
    let streams = page.run("return capture()")?;
    ensure!(
        streams.as_array().is_some_and(|streams| streams.len() == 3),
        "{streams}"
    );
    ensure!(watch.mapped()?.len() == 3, "an indicator for each monitor");
    ensure!(reads.finish()? >= 3, "how, if not by reading the screen?");
    // Going on to the other origin does not take the right along.
    page.begin(&format!("location.href = '{}'", other.remote_url("next")));
    let next = Page::new(&browser, &other, "next");
    assert_not_allowed(&next.run_and_fail(CAPTURE)?)
}

#[test]
fn nobody_is_listed_unless_somebody_lists_them() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = Launch::new()
        .display(desktop.server.display())
        .backend("x11")
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    assert_not_allowed(&page.run_and_fail(CAPTURE)?)
}

#[test]
fn an_opaque_origin_is_never_listed() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = desktop.open(&site, false)?;
    let page = Page::new(&browser, &site, "main");
    let outcome = page.run(
        "const frame = document.createElement('iframe');
         frame.sandbox = 'allow-scripts';
         frame.srcdoc = `<script>
             const devices = navigator.mediaDevices;
             Promise.resolve()
                 .then(() => 'getAllScreensMedia' in (devices ?? {})
                     ? devices.getAllScreensMedia() : Promise.reject({ name: 'absent' }))
                 .then(() => 'captured', error => error.name)
                 .then(outcome => parent.postMessage(outcome, '*'));
         </` + `script>`;
         const answer = new Promise((resolve, reject) => {
             onmessage = event => resolve(event.data);
             setTimeout(() => reject(new Error('no answer')), 20000);
         });
         document.body.append(frame);
         return answer",
    )?;
    // Absent: where the engine takes such a document for one without a secure context.
    ensure!(
        outcome == "NotAllowedError" || outcome == "absent",
        "{outcome}"
    );
    ensure!(desktop.indicators()?.is_empty());
    Ok(())
}

#[test]
fn a_preference_takes_the_method_away() -> Result<()> {
    let site = Site::start()?;
    let has_method = "return 'getAllScreensMedia' in navigator.mediaDevices
                          && 'getAllScreensMedia' in MediaDevices.prototype";
    for enabled in [true, false] {
        let browser = Launch::new()
            .backend("synthetic")
            .allow(site.origin())
            .argument("--pref")
            .argument(format!("dom_screen_capture_all_screens_enabled={enabled}"))
            .open(&site.remote_url(&format!("enabled-{enabled}")))?;
        let page = Page::new(&browser, &site, &format!("enabled-{enabled}"));
        ensure!(page.run(has_method)? == enabled, "enabled: {enabled}");
    }
    Ok(())
}

#[test]
fn no_display_server_is_a_limitation_that_the_page_is_told() -> Result<()> {
    // No server has this number; and none at all.
    for display in [Some(":49999"), None] {
        let site = Site::start()?;
        let mut launch = Launch::new().backend("x11").allow(site.origin());
        if let Some(display) = display {
            launch = launch.display(display);
        }
        let browser = launch.open(&site.remote_url("main"))?;
        let page = Page::new(&browser, &site, "main");
        let error = page.run_and_fail(CAPTURE)?;
        assert_not_allowed(&error)?;
        // It says what is missing, and where it was looked for.
        let missing = display.unwrap_or("DISPLAY");
        ensure!(error.message.contains(missing), "{error}");
    }
    Ok(())
}
