/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the window asks the person in front of it on behalf of pages, answered with the pointer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Desktop, Launch, Page, Site, eventually};
use capture_test_rig::WindowInfo;

const PATIENCE: Duration = Duration::from_secs(60);
/// The color of a dialog's buttons.
const BUTTON: [u8; 4] = [50, 50, 50, 255];
/// A column of pixels through a button has at least so many of its color, whatever is written on it.
const BUTTON_PIXELS: usize = 6;
/// It is at least so wide. A stroke of a letter may have its color, too.
const BUTTON_WIDTH: u32 = 20;
/// Asks for the screens as soon as somebody clicks on the page.
const ASK_AT_A_CLICK: &str = "globalThis.asked = new Promise(resolve => addEventListener('click', () => {
         globalThis.answer = getScreenDetails().then(({ screens }) => screens.length, ({ name }) => name);
         resolve();
     }, { once: true }))";
/// The number of screens or the name of an error.
const ANSWER: &str = "await asked; return await answer";

/// The browser's window.
fn browser_window(desktop: &Desktop) -> Result<WindowInfo> {
    eventually("the window is there", PATIENCE, || {
        let mut windows = desktop.server.windows()?.into_iter();
        Ok(windows.find(|window| window.viewable && window.title.ends_with("captureshell")))
    })
}

/// The middles of a dialog's buttons on the screen, from left to right. It is in the middle of the
/// window, where else there is the page.
fn buttons(desktop: &Desktop, window: &WindowInfo) -> Result<Vec<(i32, i32)>> {
    let screen = desktop.server.screenshot()?;
    let (left, top) = (u32::try_from(window.x)?, u32::try_from(window.y)?);
    let (columns, rows) = (
        left..left + window.width,
        window.height / 4..window.height * 3 / 4,
    );
    let mut found: Vec<(i32, i32)> = Vec::new();
    // The columns and rows of the button that is being looked at.
    let mut button: Option<(u32, Vec<u32>)> = None;
    for x in columns {
        let rows = rows.clone().map(|row| top + row);
        let rows = rows.filter(|y| screen.pixel(x, *y) == Some(BUTTON));
        let rows: Vec<u32> = rows.collect();
        if rows.len() >= BUTTON_PIXELS {
            button.get_or_insert((x, rows));
        } else if let Some((from, rows)) = button.take()
            && x - from >= BUTTON_WIDTH
        {
            let middle = |from: u32, to: u32| i32::try_from(u32::midpoint(from, to));
            let (first, last) = (rows.first(), rows.last());
            let (first, last) = first.zip(last).context("a button without rows")?;
            found.push((middle(from, x)?, middle(*first, *last)?));
        }
    }
    Ok(found)
}

/// A page asks, the person sees it and presses a button; what comes of it, now and at the next call.
fn check(multiprocess: bool, presses_allow: bool, expected: &serde_json::Value) -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    let browser = Launch::new()
        .display(desktop.server.display())
        .backend("x11")
        .windowed()
        .multiprocess(multiprocess)
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run(ASK_AT_A_CLICK)?;
    let window = browser_window(&desktop)?;
    ensure!(buttons(&desktop, &window)?.is_empty(), "asked before");

    // Beside where a dialog is going to be.
    let x = window.x + 60;
    let y = window.y + window.height.cast_signed() * 3 / 4;
    desktop.server.click(x, y)?;
    let (block, allow) = eventually("two buttons are there", PATIENCE, || {
        let found = buttons(&desktop, &window)?;
        Ok(match found[..] {
            [block, allow] => Some((block, allow)),
            _ => None,
        })
    })?;
    let waiting =
        page.run("return await Promise.race([answer, delay(300).then(() => 'waits')])")?;
    ensure!(waiting == "waits", "{waiting} before anything was pressed");

    let (x, y) = if presses_allow { allow } else { block };
    desktop.server.click(x, y)?;
    let answer = page.run(ANSWER)?;
    ensure!(answer == *expected, "{answer}");
    eventually("the dialog is gone", PATIENCE, || {
        Ok(buttons(&desktop, &window)?.is_empty().then_some(()))
    })?;

    // The answer holds: nobody is asked again, nor does the page need a click.
    page.run("globalThis.asked = null; globalThis.answer = getScreenDetails().then(({ screens }) => screens.length, ({ name }) => name)")?;
    let again = page.run(ANSWER)?;
    ensure!(again == *expected, "{again} at the second call");
    ensure!(buttons(&desktop, &window)?.is_empty(), "asked again");
    Ok(())
}

#[test]
fn a_page_knows_the_screens_once_allow_is_pressed() -> Result<()> {
    for multiprocess in [false, true] {
        check(multiprocess, true, &3.into())?;
    }
    Ok(())
}

#[test]
fn a_page_is_refused_the_screens_once_block_is_pressed() -> Result<()> {
    for multiprocess in [false, true] {
        check(multiprocess, false, &"NotAllowedError".into())?;
    }
    Ok(())
}
