/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Chromium's `getDisplayMedia` with its window on the X server. One call captures one monitor and
//! the switch that answers the picker holds for the whole process, so there is one browser for each
//! monitor.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use capture_test_rig::process::Process;
use tempfile::TempDir;

use super::native::is_in_path;
use crate::page::PageServer;
use crate::peer::Cell;
use crate::stop::Stop;

/// The page that takes every frame of the track.
const STREAM_PAGE: &str = include_str!("../../peers/stream.html");
/// The names that distributions give it, and its sister.
const PROGRAMS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];
/// How often the browsers are looked after.
const POLL: Duration = Duration::from_millis(200);
/// The browser's window, which the patterns cover: away from all codes where they do not.
const WINDOW: (u32, u32) = (320, 180);
/// Below what the product shows at a monitor's upper edge.
const WINDOW_TOP: u32 = 72;

/// Whether there is a browser.
///
/// # Errors
/// It is missing.
pub(super) fn can_run_streams(_cell: &Cell) -> Result<(), String> {
    program().map(|_| ()).ok_or_else(|| {
        "Chromium is missing (package chromium); `./mach bootstrap --bench` installs it".to_owned()
    })
}

/// The same for the page of the end-to-end measurement, which captures once.
///
/// # Errors
/// There is no browser or more than one monitor.
pub(super) fn can_run_page(cell: &Cell) -> Result<(), String> {
    match cell.monitors.len() {
        1 => can_run_streams(cell),
        monitors => Err(format!(
            "getDisplayMedia captures one monitor in a page, the desktop has {monitors}"
        )),
    }
}

/// Every frame of each monitor's track, through `MediaStreamTrackProcessor`.
pub(super) fn run_streams(cell: &Cell, samples: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let server = PageServer::start_page(cell, samples, STREAM_PAGE)?;
    browse(cell, server, &stop, |url, index| {
        format!("{url}?monitor={index}")
    })
}

/// The page of the end-to-end measurement: `<video>`, canvas, animation frames.
pub(super) fn run_page(cell: &Cell, samples: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let server = PageServer::start(cell, samples)?;
    browse(cell, server, &stop, |url, _| format!("{url}?auto"))
}

/// Keeps a browser for each monitor until the run is over.
fn browse(
    cell: &Cell,
    server: PageServer,
    stop: &Stop,
    address: impl Fn(&str, usize) -> String,
) -> Result<()> {
    let program = program().context("Chromium is missing")?;
    let profiles = TempDir::new().context("making a folder for profiles")?;
    let mut browsers = Vec::new();
    for index in 0..cell.monitors.len() {
        let profile = profiles.path().join(index.to_string());
        let mut command = Command::new(program);
        command
            .args(arguments(
                cell,
                index,
                &profile,
                rustix::process::geteuid().is_root(),
            ))
            .arg(format!("--app={}", address(server.url(), index)));
        browsers.push(Process::spawn(command)?);
    }
    let result = watch(&mut browsers, &server, stop);
    // They go first: nothing is reported to a server that has ended.
    drop(browsers);
    server.finish().and(result)
}

fn watch(browsers: &mut [Process], server: &PageServer, stop: &Stop) -> Result<()> {
    while !stop.reached() && server.error().is_none() {
        for browser in browsers.iter_mut() {
            if let Some(status) = browser.try_wait()? {
                bail!("Chromium ended early: {status}\n{}", browser.log_tail());
            }
        }
        thread::sleep(stop.remaining().min(POLL));
    }
    Ok(())
}

/// The browser's name here.
fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| is_in_path(program))
}

/// The arguments of the browser that captures one monitor, but for the page's address.
fn arguments(cell: &Cell, index: usize, profile: &Path, is_root: bool) -> Vec<String> {
    let area = &cell.monitors[index];
    let (width, height) = WINDOW;
    let left = area.x + area.width.saturating_sub(width);
    let top = area.y + WINDOW_TOP;
    let mut arguments: Vec<String> = [
        // It reaches for nothing outside and asks nothing.
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--disable-quic",
        "--password-store=basic",
        // A window that is covered works as fast as one that is not.
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--disable-background-timer-throttling",
        "--disable-features=CalculateNativeWinOcclusion",
        "--ozone-platform=x11",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.push(format!("--window-position={left},{top}"));
    arguments.push(format!("--window-size={width},{height}"));
    arguments.push(format!(
        "--auto-select-desktop-capture-source={}",
        source(index, cell.monitors.len())
    ));
    if is_root {
        // Its sandbox refuses to be set up by root.
        arguments.push("--no-sandbox".to_owned());
    }
    arguments
}

/// What Chromium's picker calls the monitor, in RandR's order.
fn source(index: usize, monitors: usize) -> String {
    if monitors == 1 {
        "Entire screen".to_owned()
    } else {
        format!("Screen {}", index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;
    use crate::peer::MonitorArea;

    fn cell(monitors: u32) -> Cell {
        let monitor = |index: u32| MonitorArea {
            name: format!("DUMMY{index}"),
            x: 1920 * index,
            y: 0,
            width: 1920,
            height: 1080,
        };
        Cell {
            pattern: Pattern::Full,
            monitors: (0..monitors).map(monitor).collect(),
            fps: 60,
            seconds: 1.0,
        }
    }

    #[test]
    fn each_browser_picks_its_own_monitor_and_opens_on_it() {
        let cell = cell(2);
        let second = arguments(&cell, 1, Path::new("profile"), false);
        for argument in [
            "--auto-select-desktop-capture-source=Screen 2",
            "--window-position=3520,72",
            "--user-data-dir=profile",
        ] {
            assert!(
                second.iter().any(|one| one == argument),
                "{argument} in {second:?}"
            );
        }
    }

    #[test]
    fn the_only_monitor_has_a_name_of_its_own() {
        assert_eq!(source(0, 1), "Entire screen");
        assert_eq!(source(0, 2), "Screen 1");
    }

    #[test]
    fn the_sandbox_is_left_out_for_root_alone() {
        let has = |is_root| {
            arguments(&cell(1), 0, Path::new("profile"), is_root)
                .iter()
                .any(|argument| argument == "--no-sandbox")
        };
        assert!(has(true) && !has(false));
    }

    #[test]
    fn several_monitors_are_too_many_for_the_page() {
        let refusal = can_run_page(&cell(3)).unwrap_err();
        assert!(refusal.contains("the desktop has 3"), "{refusal}");
    }
}
