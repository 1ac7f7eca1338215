/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The browser as a Unix user meets it: exit codes and messages.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use capture_integration_tests::browser_program;
use capture_test_rig::process::{Process, Stream};

/// How long the browser may take to start and end, in a debug build.
const END_TIMEOUT: Duration = Duration::from_secs(60);

/// How a run ended.
struct Outcome {
    code: i32,
    output: String,
    errors: String,
}

fn run(arguments: &[&str]) -> Result<Outcome> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(browser_program()?);
    command
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_SESSION_TYPE")
        .env_remove("XDG_CONFIG_HOME")
        .env("HOME", home.path())
        .args(arguments);
    let mut process = Process::spawn(command)?;
    let status = process.wait(END_TIMEOUT)?;
    Ok(Outcome {
        code: status
            .code()
            .context("the browser was killed by a signal")?,
        output: process.lines(Stream::Stdout, 0).join("\n"),
        errors: process.lines(Stream::Stderr, 0).join("\n"),
    })
}

#[test]
fn a_run_with_an_end_ends_well_and_not_before() -> Result<()> {
    for mode in [&[][..], &["--multiprocess"]] {
        let start = Instant::now();
        let arguments = [
            &["--headless", "--print-console", "--exit-after", "3"],
            mode,
            &["data:text/html,<script>console.log('first%5Cnsecond')</script>"],
        ]
        .concat();
        let outcome = run(&arguments)?;
        ensure!(
            outcome.code == 0,
            "{mode:?}: {}: {}",
            outcome.code,
            outcome.errors
        );
        ensure!(
            start.elapsed() >= Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        // One message, one line.
        ensure!(
            outcome.output == "first\\nsecond",
            "{mode:?}: {:?}",
            outcome.output
        );
    }
    Ok(())
}

#[test]
fn a_wrong_command_line_is_a_usage_error() -> Result<()> {
    for arguments in [
        &["--no-such-option"][..],
        &["--capture-backend", "teapot"],
        &["--exit-after", "never"],
        &["--window-size", "wide"],
    ] {
        let outcome = run(arguments)?;
        ensure!(outcome.code == 2, "{arguments:?}: {}", outcome.code);
        ensure!(
            outcome.output.is_empty(),
            "{arguments:?}: {}",
            outcome.output
        );
        ensure!(
            outcome.errors.contains(arguments[arguments.len() - 1]),
            "{arguments:?}: {}",
            outcome.errors
        );
    }
    Ok(())
}

#[test]
fn help_goes_to_standard_output_and_is_no_error() -> Result<()> {
    let outcome = run(&["--help"])?;
    ensure!(
        outcome.code == 0 && outcome.errors.is_empty(),
        "{}",
        outcome.errors
    );
    for option in [
        "--capture-backend",
        "--headless",
        "--prefs-file",
        "--exit-after",
    ] {
        ensure!(outcome.output.contains(option), "{option} is not explained");
    }
    Ok(())
}

#[test]
fn preferences_that_cannot_be_read_stop_the_browser_and_name_their_place() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let list = "dom_screen_capture_all_screens_allowed_origins";
    let files = [
        (
            "broken.json",
            "{\n  \"dom_webrtc_enabled\": tru\n}".to_owned(),
        ),
        (
            "unknown.json",
            "{ \"dom_screen_capture_everything\": true }".to_owned(),
        ),
        (
            "type.json",
            format!("{{ \"{list}\": \"https://a.example\" }}"),
        ),
        (
            "entry.json",
            format!("{{ \"{list}\": [\"https://a.example\", \"not an origin\"] }}"),
        ),
    ];
    for (name, text) in &files {
        std::fs::write(path(name), text)?;
    }
    let names = files.iter().map(|(name, _)| *name).chain(["missing.json"]);
    for name in names {
        let outcome = run(&[
            "--headless",
            "--prefs-file",
            &path(name),
            "--exit-after",
            "1",
            "about:blank",
        ])?;
        ensure!(outcome.code != 0, "{name} was accepted");
        ensure!(outcome.errors.contains(name), "{name}: {}", outcome.errors);
    }
    Ok(())
}

#[test]
fn a_wrong_preference_on_the_command_line_stops_the_browser_and_is_named() -> Result<()> {
    for preference in [
        "dom_screen_capture_everything=true",
        "dom_screen_capture_all_screens_enabled=maybe",
        "dom_screen_capture_all_screens_enabled=1",
        "dom_screen_capture_all_screens_allowed_origins",
    ] {
        let outcome = run(&[
            "--headless",
            "--pref",
            preference,
            "--exit-after",
            "1",
            "about:blank",
        ])?;
        let name = preference.split('=').next().unwrap_or_default();
        ensure!(outcome.code != 0, "{preference} was accepted");
        ensure!(
            outcome.errors.contains(name),
            "{preference}: {}",
            outcome.errors
        );
    }
    Ok(())
}
