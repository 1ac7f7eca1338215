/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Preferences that change while the browser runs: they can only take away.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Browser, Launch, Page, Site, WebDriver, eventually};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);
const BEGIN: &str = "globalThis.tracks ??= [];
     for (const stream of await navigator.mediaDevices.getAllScreensMedia())
         tracks.push(stream.getVideoTracks()[0])";
const STATES: &str = "return tracks.map(({ readyState }) => readyState)";
const CAPTURE: &str = "return navigator.mediaDevices.getAllScreensMedia()";
const LIST: &str = "dom_screen_capture_all_screens_allowed_origins";

fn write(path: &Path, origins: &[&str]) -> Result<()> {
    fs::write(path, json!({ LIST: origins }).to_string())?;
    Ok(())
}

fn open(site: &Site, url: &str, multiprocess: bool) -> Result<(Browser, PathBuf)> {
    let launch = Launch::new()
        .backend("synthetic")
        .multiprocess(multiprocess)
        .argument("--webdriver")
        .argument("0");
    let browser = launch.open_with(url, |directory| {
        write(&directory.join("policy.json"), &[site.origin()])
    })?;
    let policy = browser.managed_directory().join("policy.json");
    Ok((browser, policy))
}

fn wait_for_ends(page: &Page<'_>) -> Result<()> {
    eventually("the captures end", PATIENCE, || {
        let states = page.run(STATES)?;
        let states = states.as_array().context("no states")?;
        Ok(states.iter().all(|state| state == "ended").then_some(()))
    })
}

fn record(browser: &Browser) -> Result<String> {
    let path = browser
        .managed_directory()
        .join(".local/state/captureshell/captures.jsonl");
    Ok(fs::read_to_string(path)?)
}

#[test]
fn an_origin_that_is_taken_off_the_list_stops_at_once_and_comes_back_at_the_next_start()
-> Result<()> {
    for multiprocess in [false, true] {
        let site = Site::start()?;
        let (browser, policy) = open(&site, "servo:capture", multiprocess)?;
        let driver = WebDriver::connect(&browser)?;
        let information = driver.tabs()?.remove(0);
        driver.open_tab(&site.remote_url("main"))?;
        let page = Page::new(&browser, &site, "main");
        page.run(BEGIN)?;
        driver.switch_to(&information)?;
        let text = driver.wait_for_text("captured now by")?;
        ensure!(text.contains("your administrator"), "{text}");
        ensure!(text.contains("policy.json:1:"), "{text}");

        write(&policy, &["https://other.example"])?;
        wait_for_ends(&page)?;
        let error = page.run_and_fail(CAPTURE)?;
        ensure!(error.name == "NotAllowedError", "{error}");
        let text = driver.wait_for_text("takes effect at the next start")?;
        ensure!(text.contains("https://other.example"), "{text}");
        ensure!(text.contains("no page may capture"), "{text}");
        let record = record(&browser)?;
        for part in ["policy-change", "does not list the origin"] {
            ensure!(record.contains(part), "{part:?} is missing: {record}");
        }

        // Neither it nor any other comes back while the browser runs.
        write(&policy, &["*"])?;
        eventually("the new list is read", PATIENCE, || {
            let text = driver.text()?;
            Ok(
                (!text.contains("https://other.example") && text.contains("every web site"))
                    .then_some(()),
            )
        })?;
        let error = page.run_and_fail(CAPTURE)?;
        ensure!(error.name == "NotAllowedError", "{error}");
    }
    Ok(())
}

#[test]
fn a_managed_file_that_cannot_be_trusted_any_more_turns_capture_off_and_is_named() -> Result<()> {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    type Spoil = fn(&Path) -> std::io::Result<()>;
    let ways: [(&str, Spoil); 4] = [
        ("malformed JSON", |policy| fs::write(policy, "nonsense")),
        ("found mode 666", |policy| {
            fs::set_permissions(policy, fs::Permissions::from_mode(0o666))
        }),
        ("found a symbolic link", |policy| {
            let target = policy.with_extension("txt");
            fs::rename(policy, &target)?;
            symlink(target, policy)
        }),
        ("unknown preference", |policy| {
            fs::write(
                policy.with_file_name("zzz.json"),
                r#"{"dom_nonsense": true}"#,
            )
        }),
    ];
    for (reason, spoil) in ways {
        let site = Site::start()?;
        let (browser, policy) = open(&site, &site.remote_url("main"), false)?;
        let page = Page::new(&browser, &site, "main");
        page.run(BEGIN)?;
        spoil(&policy)?;
        wait_for_ends(&page)?;
        let error = page.run_and_fail(CAPTURE)?;
        ensure!(error.name == "NotAllowedError", "{error}");
        ensure!(
            browser.errors().contains(reason),
            "{reason}: {}",
            browser.errors()
        );
        ensure!(
            record(&browser)?.contains("policy-error"),
            "{}",
            record(&browser)?
        );
    }
    Ok(())
}

#[test]
fn writing_the_same_again_disturbs_nobody() -> Result<()> {
    let site = Site::start()?;
    let (browser, policy) = open(&site, &site.remote_url("main"), false)?;
    let page = Page::new(&browser, &site, "main");
    page.run(BEGIN)?;
    // What comes with it shows that it was read.
    write(&policy, &["https://new.example", site.origin()])?;
    let twin = policy.with_file_name("twin.json");
    fs::write(&twin, "{\"dom_webrtc_enabled\": true}")?;
    page.run("return delay(3000)")?;
    let states = page.run(STATES)?;
    ensure!(!states.to_string().contains("ended"), "{states}");
    page.run(CAPTURE)?;
    ensure!(
        !record(&browser)?.contains("policy-change"),
        "{}",
        record(&browser)?
    );
    Ok(())
}
