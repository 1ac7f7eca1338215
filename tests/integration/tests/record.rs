/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record of captures (E5), as a browser leaves it behind and `captureshell record` prints it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{
    Browser, Launch, Page, Site, eventually, print_record, record_entries,
};
use serde_json::{Value, json};

/// How long something may take, on a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// Captures without end.
const ENDLESSLY: &str = "for (;;) {
    const streams = await navigator.mediaDevices.getAllScreensMedia();
    streams.forEach(stream => stream.getTracks().forEach(track => track.stop()));
}";

fn launch(site: &Site, home: &Path) -> Launch {
    Launch::new()
        .backend("synthetic")
        .allow(site.origin())
        .home(home)
}

fn folder(home: &Path) -> PathBuf {
    home.join(".local/state/captureshell")
}

/// Bytes of the record.
fn size(home: &Path) -> u64 {
    let files = fs::read_dir(folder(home)).into_iter().flatten().flatten();
    let sizes = files.filter_map(|file| Some(file.metadata().ok()?.len()));
    sizes.sum()
}

fn events(entries: &[Value]) -> Vec<&str> {
    let names = entries.iter().map(|entry| entry["event"].as_str());
    names.map(Option::unwrap_or_default).collect()
}

#[test]
fn what_was_captured_and_refused_is_printed_as_asked() -> Result<()> {
    let (listed, other) = (Site::start()?, Site::start()?);
    let home = tempfile::tempdir()?;
    let browser = launch(&listed, home.path()).open(&listed.remote_url("main"))?;
    let page = Page::new(&browser, &listed, "main");
    let count = page.run("return (await capture()).length")?;
    let count = usize::try_from(count.as_u64().context("a number")?)?;
    page.run("stopAll()")?;
    eventually("the end is recorded", SOON, || {
        let entries = record_entries(home.path(), &[])?;
        Ok((events(&entries).last() == Some(&"end")).then_some(()))
    })?;
    drop(browser);
    let browser = launch(&listed, home.path()).open(&other.remote_url("main"))?;
    let page = Page::new(&browser, &other, "main");
    page.run_and_fail("await navigator.mediaDevices.getAllScreensMedia()")?;
    drop(browser);

    let entries = record_entries(home.path(), &[])?;
    let mut expected = vec!["grant"];
    expected.extend(vec!["start"; count]);
    expected.extend(vec!["stop"; count]);
    expected.extend(["end", "refusal"]);
    ensure!(events(&entries) == expected, "{entries:#?}");
    let (first, last) = (&entries[0], entries.last().context("a last one")?);
    ensure!(first["origin"] == listed.origin() && last["origin"] == other.origin());
    ensure!(first["run"] != last["run"], "two browsers");
    ensure!(first["monitors"].as_array().map(Vec::len) == Some(count));

    // A point in time.
    let since = last["time"].as_str().context("a time")?;
    let later = record_entries(home.path(), &["--since", since])?;
    ensure!(events(&later) == ["refusal"], "{later:#?}");
    let earlier = record_entries(home.path(), &["--until", since])?;
    ensure!(earlier.len() == entries.len() - 1);
    ensure!(record_entries(home.path(), &["--since", "1h"])?.len() == entries.len());
    ensure!(record_entries(home.path(), &["--since", "2999-01-01"])?.is_empty());
    let of_one = record_entries(home.path(), &["--origin", other.origin()])?;
    ensure!(of_one == [last.clone()], "{of_one:#?}");
    // For people: a header, and a line for each.
    let table = print_record(home.path(), &[])?;
    ensure!(table.len() == entries.len() + 1, "{table:#?}");
    ensure!(
        table[1].contains(listed.origin()) && table[1].contains("grant"),
        "{table:#?}"
    );
    Ok(())
}

#[test]
fn a_browser_that_is_killed_at_any_moment_leaves_a_record_that_can_be_read() -> Result<()> {
    let site = Site::start()?;
    let home = tempfile::tempdir()?;
    for round in 0..6u64 {
        let channel = format!("round-{round}");
        let browser = launch(&site, home.path())
            .multiprocess(round % 2 == 1)
            .open(&site.remote_url(&channel))?;
        let page = Page::new(&browser, &site, &channel);
        let before = size(home.path());
        page.begin(ENDLESSLY);
        // Each time at another place of an entry's life.
        eventually("entries are written", SOON, || {
            Ok((size(home.path()) >= before + 4000 + round * 777).then_some(()))
        })?;
        // With SIGKILL.
        drop(browser);
        let entries = record_entries(home.path(), &[])?;
        let grants = events(&entries)
            .iter()
            .filter(|event| **event == "grant")
            .count();
        ensure!(grants as u64 > round, "{grants} grants after round {round}");
    }
    let entries = record_entries(home.path(), &[])?;
    let mut runs: Vec<&Value> = entries.iter().map(|entry| &entry["run"]).collect();
    runs.dedup();
    ensure!(runs.len() == 6, "{} runs", runs.len());
    // No capture of a browser that was killed has more ends than beginnings.
    for run in runs {
        let of_run = entries.iter().filter(|entry| entry["run"] == *run);
        let mut open = 0;
        for entry in of_run {
            match entry["event"].as_str() {
                Some("start") => open += 1,
                Some("stop") => open -= 1,
                _ => {}
            }
            ensure!(open >= 0, "{entry}");
        }
    }
    Ok(())
}

#[test]
fn a_full_record_is_rotated_while_captures_go_on() -> Result<()> {
    const MAX_BYTES: u64 = 65536;
    let site = Site::start()?;
    let home = tempfile::tempdir()?;
    let browser = launch(&site, home.path())
        .preference("dom_screen_capture_record_max_bytes", MAX_BYTES)
        .preference("dom_screen_capture_record_max_files", 2)
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.begin(ENDLESSLY);
    let files = || -> Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for file in fs::read_dir(folder(home.path()))? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            // Renamed or removed since it was listed.
            if let Ok(found) = file.metadata()
                && name.ends_with(".jsonl")
            {
                files.push((name, found.len()));
            }
        }
        Ok(files)
    };
    eventually("it was rotated twice", SOON, || {
        let files = files()?;
        ensure!(files.len() <= 3, "{files:?}");
        let is_within = |(_, length): &(String, u64)| *length <= MAX_BYTES;
        ensure!(files.iter().all(is_within), "{files:?}");
        Ok(files
            .iter()
            .any(|(name, _)| name == "captures.000002.jsonl")
            .then_some(()))
    })?;
    drop(browser);
    let files = files()?;
    ensure!(files.len() == 2, "{files:?}");
    // Nothing is missing between the oldest entry and the newest.
    let entries = record_entries(home.path(), &[])?;
    let times: Vec<u64> = entries
        .iter()
        .filter_map(|entry| entry["uptime_us"].as_u64())
        .collect();
    ensure!(times.is_sorted() && times.len() == entries.len());
    let sessions: Vec<u64> = entries
        .iter()
        .filter(|entry| entry["event"] == "grant")
        .filter_map(|entry| entry["session"].as_u64())
        .collect();
    ensure!(sessions.len() > 10);
    ensure!(
        sessions.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{sessions:?}"
    );
    Ok(())
}

#[test]
fn where_the_record_is_required_only_what_can_be_recorded_is_captured() -> Result<()> {
    let site = Site::start()?;
    let home = tempfile::tempdir()?;
    let required = |channel: &str| {
        launch(&site, home.path())
            .preference("dom_screen_capture_record_required", true)
            .open(&site.remote_url(channel))
    };
    // Something stands where the record should be.
    fs::create_dir_all(folder(home.path()).join("captures.jsonl"))?;
    let browser = required("first")?;
    let page = Page::new(&browser, &site, "first");
    let error = page.run_and_fail("return navigator.mediaDevices.getAllScreensMedia()")?;
    ensure!(error.name == "NotAllowedError", "{error}");
    fs::remove_dir(folder(home.path()).join("captures.jsonl"))?;
    // And then it does not.
    page.run("await capture()")?;
    // It breaks while captures run: with the next entry they end.
    fs::rename(
        folder(home.path()).join("captures.jsonl"),
        folder(home.path()).join("elsewhere"),
    )?;
    fs::create_dir(folder(home.path()).join("captures.jsonl"))?;
    page.run("shown[0].track.stop()")?;
    eventually("every other track ends", SOON, || {
        let states = page.run("return shown.map(({ track }) => track.readyState)")?;
        let all = states.as_array().context("a list")?;
        Ok((all.len() > 1 && all.iter().all(|state| *state == json!("ended"))).then_some(()))
    })?;
    let error = page.run_and_fail("return navigator.mediaDevices.getAllScreensMedia()")?;
    ensure!(error.name == "NotAllowedError", "{error}");
    Ok(())
}

#[test]
fn where_it_is_not_required_a_record_that_cannot_be_written_changes_nothing() -> Result<()> {
    let site = Site::start()?;
    let home = tempfile::tempdir()?;
    fs::create_dir_all(folder(home.path()).join("captures.jsonl"))?;
    let browser: Browser = launch(&site, home.path()).open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    let live = page.run("return shown.every(({ track }) => track.readyState === 'live')")?;
    ensure!(live == true);
    Ok(())
}
