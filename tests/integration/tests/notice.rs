/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What people are told before the first page loads, and how they come to know more.

use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{
    Browser, Desktop, Launch, Page, Site, browser_program, eventually,
};
use capture_test_rig::Screenshot;
use capture_test_rig::process::{Process, Stream};

const PATIENCE: Duration = Duration::from_secs(60);
/// The color of the notice's border and headline.
const WARNING: [u8; 4] = [0, 143, 255, 255];
/// A control of the indicator is so wide, and this far from its right edge.
const CONTROL: (u32, u32) = (26, 2);

fn windowed(desktop: &Desktop) -> Launch {
    Launch::new()
        .display(desktop.server.display())
        .backend("x11")
        .windowed()
}

/// How much of the screen has the color that nothing but the notice has.
fn warning_pixels(screen: &Screenshot) -> usize {
    let is_warning = |pixel: &&[u8]| **pixel == WARNING;
    screen.pixels.chunks_exact(4).filter(is_warning).count()
}

/// The browser's window has the information page in front.
fn shows_information(desktop: &Desktop) -> Result<Option<()>> {
    let windows = desktop.server.windows()?;
    let mut titles = windows.iter().map(|window| window.title.as_str());
    Ok(titles
        .any(|title| title.starts_with("Screen capture - "))
        .then_some(()))
}

#[test]
fn the_notice_is_on_the_screen_before_the_first_page_is_asked_for() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let origin = format!("http://{}", listener.local_addr()?);
    let (sender, receiver) = mpsc::channel();
    let display = desktop.server.display().to_owned();
    // A web site that does not answer before it has looked at the screen.
    thread::spawn(move || {
        let connection = listener.accept();
        let _ = sender.send(capture_test_rig::screenshot(&display));
        drop(connection);
    });
    let browser = windowed(&desktop).allow(&origin).open(&origin)?;
    let screen = receiver
        .recv_timeout(PATIENCE)
        .context("the page was not asked for")??;
    let pixels = warning_pixels(&screen);
    ensure!(
        pixels > 1000,
        "{pixels} pixels of the notice; {}",
        browser.errors()
    );
    Ok(())
}

#[test]
fn where_nobody_may_capture_there_is_no_notice() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = windowed(&desktop).open(&site.remote_url("main"))?;
    Page::new(&browser, &site, "main").run("return 1")?;
    ensure!(warning_pixels(&desktop.server.screenshot()?) == 0);
    ensure!(
        !browser.errors().contains("may capture"),
        "{}",
        browser.errors()
    );
    Ok(())
}

#[test]
fn without_a_window_the_notice_is_the_first_line() -> Result<()> {
    let home = tempfile::tempdir()?;
    let list = "dom_screen_capture_all_screens_allowed_origins";
    let mut command = Command::new(browser_program()?);
    command
        .env_remove("DISPLAY")
        .env("HOME", home.path())
        .args([
            "--headless",
            "--capture-backend",
            "synthetic",
            "--exit-after",
            "2",
        ])
        .args([
            "--pref",
            &format!("{list}=[\"https://wall.example\", \"[*.]corp.example\"]"),
        ])
        .arg("about:blank");
    let mut process = Process::spawn(command)?;
    process.wait(PATIENCE)?;
    let errors = process.lines(Stream::Stderr, 0);
    // Libraries may have said something before.
    let mut ours = errors
        .iter()
        .filter(|line| line.starts_with("captureshell: "));
    let first = ours.next().context("nothing was said")?;
    for part in [
        "Pages may capture all your screens",
        "https://wall.example and [*.]corp.example",
        "need not ask",
        "servo:capture",
    ] {
        ensure!(first.contains(part), "{part:?} is missing: {errors:#?}");
    }
    Ok(())
}

fn press_information(browser: &Browser, desktop: &Desktop) -> Result<()> {
    let indicators = desktop.indicators()?;
    let strip = indicators.first().with_context(|| browser.errors())?;
    let (width, edge) = CONTROL;
    // Stop, information, dismiss: the middle one of three.
    let x = strip.x + (strip.width - edge - width - width / 2).cast_signed();
    let y = strip.y + (strip.height / 2).cast_signed();
    desktop.server.click(x, y)
}

#[test]
fn the_indicators_sign_leads_to_the_information_page() -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = windowed(&desktop)
        .allow(site.origin())
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return capture()")?;
    ensure!(shows_information(&desktop)?.is_none(), "shown before");
    press_information(&browser, &desktop)?;
    eventually("the information page is in front", PATIENCE, || {
        shows_information(&desktop)
    })?;
    // The captures are the page's affair still.
    let states = page.run("return shown.map(({ track }) => track.readyState)")?;
    ensure!(!states.to_string().contains("ended"), "{states}");
    Ok(())
}
