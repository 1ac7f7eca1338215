/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `mach run`: the browser on a URL of the caller's, or on the demo page.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::build::{self, Profile, SHELL};
use crate::server::{DemoServer, PORT};

/// The shell's options that are followed by a value.
const VALUE_OPTIONS: &[&str] = &[
    "--capture-backend",
    "--exit-after",
    "--managed-prefs-dir",
    "--output",
    "--pref",
    "--prefs-file",
    "--screenshot",
    "--webdriver",
    "--window-size",
];

/// Options after which the shell opens no page.
const INFORMING_OPTIONS: &[&str] = &["-h", "--help", "-V", "--version"];

/// Builds and runs the browser; the code is the one to exit with.
///
/// # Errors
/// When the browser cannot be built or started, or the demo not served.
pub fn run(root: &Path, arguments: &[OsString], profile: Profile) -> Result<u8> {
    // Nobody who asks for the options wants to wait for a build first.
    if !(informs(arguments) && build::program(root, SHELL, profile).exists()) {
        build::build(root, &[], profile)?;
    }
    let mut arguments = arguments.to_vec();
    let mut server = None;
    if opens_nothing(&arguments) {
        let demo = DemoServer::start(&root.join("resources/demo"), PORT)
            .context("serving the demo page")?;
        let headless = env::var_os("DISPLAY").is_none_or(|value| value.is_empty())
            && env::var_os("WAYLAND_DISPLAY").is_none_or(|value| value.is_empty());
        if headless {
            eprintln!(
                "mach: no display (DISPLAY and WAYLAND_DISPLAY are not set): \
                 running headless on synthetic monitors"
            );
        }
        let output = headless.then(|| root.join("target/demo-output"));
        arguments = demo_arguments(&arguments, &demo.origin(), output.as_deref());
        server = Some(demo);
    }
    let shown = arguments
        .iter()
        .map(|argument| quoted(&argument.to_string_lossy()))
        .collect::<Vec<_>>();
    eprintln!("mach: {SHELL} {}", shown.join(" "));
    let status =
        run_in_foreground(Command::new(build::program(root, SHELL, profile)).args(&arguments))?;
    drop(server);
    Ok(exit_code(status))
}

/// Whether the arguments ask for a text rather than for a page.
fn informs(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .any(|argument| INFORMING_OPTIONS.contains(&&*argument.to_string_lossy()))
}

/// Whether the arguments name no URL and ask for no text.
fn opens_nothing(arguments: &[OsString]) -> bool {
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        if INFORMING_OPTIONS.contains(&&*argument) {
            return false;
        }
        if argument == "--" {
            return arguments.next().is_none();
        }
        if VALUE_OPTIONS.contains(&&*argument) {
            arguments.next();
        } else if !argument.starts_with('-') {
            return false;
        }
    }
    true
}

/// The caller's options and what the demo adds: its origin may capture, it is
/// the page, and without a display there is a picture of everything in
/// `output`. What the caller set is left as it is.
fn demo_arguments(given: &[OsString], origin: &str, output: Option<&Path>) -> Vec<OsString> {
    let mut arguments = given
        .iter()
        .filter(|argument| *argument != "--")
        .cloned()
        .collect::<Vec<_>>();
    let has = |option: &str| {
        given.iter().any(|argument| {
            let argument = argument.to_string_lossy();
            argument.split('=').next() == Some(option)
        })
    };
    if let Some(output) = output {
        if !has("--headless") {
            arguments.push("--headless".into());
        }
        for (option, value) in [
            ("--capture-backend", "synthetic".into()),
            ("--output", output.as_os_str().to_owned()),
            ("--exit-after", "10".into()),
        ] {
            if !has(option) {
                arguments.push(option.into());
                arguments.push(value);
            }
        }
    }
    for preference in [
        "dom_screen_capture_all_screens_enabled=true".to_owned(),
        format!("dom_screen_capture_all_screens_allowed_origins=[\"{origin}\"]"),
    ] {
        arguments.push("--pref".into());
        arguments.push(preference.into());
    }
    arguments.push(format!("{origin}/").into());
    arguments
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Runs a program to its end. mach itself outlives Ctrl-C, which the terminal
/// sends to both, and hands on what is sent to it alone.
fn run_in_foreground(command: &mut Command) -> Result<ExitStatus> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("watching for signals")?;
    let handle = signals.handle();
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    let pid = pid_of(&child);
    let forwarder = thread::spawn(move || {
        for signal in &mut signals {
            let signal = match signal {
                SIGTERM => Signal::TERM,
                SIGHUP => Signal::HUP,
                _ => continue,
            };
            if let Some(pid) = pid {
                // The child is not waited for yet or this thread has ended, so
                // the id is its own; that it has ended already is no matter.
                let _ = kill_process(pid, signal);
            }
        }
    });
    let status = child.wait();
    handle.close();
    // The thread does nothing that can panic.
    let _ = forwarder.join();
    status.with_context(|| format!("waiting for {SHELL}"))
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// A program that a signal ended has the code that shells give it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn the_demo_is_shown_when_no_url_is_named() {
        for (arguments, expected) in [
            ("", true),
            ("--headless", true),
            ("--output here", true),
            ("--output=here --pref a=1", true),
            ("https://example.org", false),
            ("--headless https://example.org", false),
            ("--output here https://example.org", false),
            ("--output=here https://example.org", false),
            ("-- https://example.org", false),
            ("--", true),
            ("--help", false),
        ] {
            assert_eq!(opens_nothing(&words(arguments)), expected, "{arguments}");
        }
    }

    #[test]
    fn the_demo_may_capture_and_nobody_else() {
        let arguments = demo_arguments(&words("--print-console"), "http://127.0.0.1:1", None);
        assert_eq!(
            arguments,
            words(
                "--print-console --pref dom_screen_capture_all_screens_enabled=true --pref \
                 dom_screen_capture_all_screens_allowed_origins=[\"http://127.0.0.1:1\"] \
                 http://127.0.0.1:1/"
            )
        );
    }

    #[test]
    fn without_a_display_it_runs_headless_unless_the_caller_says_otherwise() {
        let given = words("--exit-after=3 --output mine");
        let arguments = demo_arguments(&given, "http://127.0.0.1:1", Some(Path::new("theirs")));
        assert_eq!(
            arguments[..6],
            words("--exit-after=3 --output mine --headless --capture-backend synthetic")
        );
        assert!(!arguments.contains(&"theirs".into()));
    }

    #[test]
    fn the_printed_command_line_can_be_pasted() {
        assert_eq!(quoted("--pref"), "--pref");
        assert_eq!(quoted("a=[\"b\"]"), "'a=[\"b\"]'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }

    // One test, because a signal reaches every watcher of the process.
    #[test]
    fn the_exit_code_is_the_programs_and_signals_are_handed_on() {
        let code = |script: &str| {
            exit_code(run_in_foreground(Command::new("sh").args(["-c", script])).unwrap())
        };
        assert_eq!(code("exit 7"), 7);
        assert_eq!(code("kill -KILL $$"), 137);
        let mach = std::process::id();
        assert_eq!(
            code(&format!(
                "trap 'exit 5' TERM; kill -TERM {mach}; for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done"
            )),
            5
        );
    }
}
