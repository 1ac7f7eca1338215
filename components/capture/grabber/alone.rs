/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Tests that need a process of their own: for the environment that a library
//! reads, or to count file descriptors.
//!
//! Such a test prepares what it needs and runs this same test program again
//! for itself alone; [`is_child`] tells the two apart.

use std::process::Command;
use std::time::Duration;

use capture_test_rig::process::{Process, Stream};

const MARK: &str = "CAPTURE_TEST_ALONE";
const TIMEOUT: Duration = Duration::from_secs(120);

/// Whether this process runs one test alone.
pub(crate) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Runs the test `name` of module `module` (`module_path!()`) in a process of
/// its own, with this `DISPLAY` or none and without a Wayland session.
pub(crate) fn start(module: &str, name: &str, display: Option<&str>) -> Process {
    let program = std::env::current_exe().expect("the test program");
    let module = module.split_once("::").map_or(module, |(_, module)| module);
    let mut command = Command::new(program);
    command
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("{module}::{name}"))
        .env(MARK, "1")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_SESSION_TYPE");
    if let Some(display) = display {
        command.env("DISPLAY", display);
    }
    Process::spawn(command).expect("the test program starts")
}

/// Waits until the test alone has said [`say`] with this word.
pub(crate) fn wait_for(child: &Process, word: &str) {
    let said = child.wait_for_line(Stream::Stdout, 0, TIMEOUT, |line| {
        line.ends_with(word).then_some(())
    });
    said.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Tells [`wait_for`] in the process that started this one.
pub(crate) fn say(word: &str) {
    println!("{word}");
}

/// Waits for the end of a test alone, and fails if it failed or did not run.
pub(crate) fn finish(child: Process) {
    finish_within(child, TIMEOUT);
}

/// As [`finish`], for a test that takes long.
pub(crate) fn finish_within(mut child: Process, timeout: Duration) {
    let status = child
        .wait(timeout)
        .unwrap_or_else(|error| panic!("{error:#}"));
    let lines = child.lines(Stream::Stdout, 0);
    let ran = lines.iter().any(|line| line.contains("1 passed"));
    assert!(status.success() && ran, "{status}\n{}", child.log_tail());
}
