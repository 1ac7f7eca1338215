/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The attack suite itself: it must be able to see an attack succeed.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::browser_program;

/// Runs one attack against weakened defenses, or a suite that looks away; gives what it printed.
fn run(arguments: &[&str]) -> Result<(bool, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_capture-attacks"))
        .args(arguments)
        .env("CAPTURESHELL", browser_program()?)
        .output()
        .context("starting the attack suite")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.success(), text))
}

#[test]
fn a_policy_that_allows_everybody_is_seen_as_an_attack_that_succeeded() -> Result<()> {
    let (passed, text) = run(&["--open-policy", "origin: another port"])?;
    ensure!(
        !passed && text.ends_with("tried 1, succeeded 1\n"),
        "{text}"
    );
    Ok(())
}

#[test]
fn frames_without_the_indicator_are_seen_as_an_attack_that_succeeded() -> Result<()> {
    let (passed, text) = run(&["--blind", "indicator: unmap"])?;
    ensure!(
        !passed && text.ends_with("tried 1, succeeded 1\n"),
        "{text}"
    );
    Ok(())
}

#[test]
fn a_suite_that_tries_nothing_fails() -> Result<()> {
    let (passed, text) = run(&["no such attack"])?;
    ensure!(!passed && text == "tried 0, succeeded 0\n", "{text}");
    Ok(())
}
