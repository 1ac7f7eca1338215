/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the person in front of a page sees of captured monitors.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use capture_integration_tests::{Browser, Desktop, Launch, Page, Site, eventually};
use capture_test_rig::Picture;
use x11rb::protocol::xproto::Rectangle;

/// How long a picture may take from a monitor into the window, on a busy machine.
const SHOWN: Duration = Duration::from_secs(20);
/// The window is to the left of the last monitor.
const RIGHT_OF_WINDOW: u32 = 1500;

/// How many pixels of the window have the color.
fn pixels_in_window(desktop: &Desktop, color: [u8; 4]) -> Result<usize> {
    let screen = desktop.server.screenshot()?;
    let rows = screen.pixels.chunks_exact(screen.width as usize * 4);
    let row = |row: &[u8]| {
        let pixels = row.chunks_exact(4).take(RIGHT_OF_WINDOW as usize);
        pixels.filter(|pixel| **pixel == color).count()
    };
    Ok(rows.map(row).sum())
}

/// A page in a window that shows nothing but the last monitor: the others show the window itself.
fn open_last_monitor(desktop: &Desktop, site: &Site, multiprocess: bool) -> Result<Browser> {
    let browser = Launch::new()
        .display(desktop.server.display())
        .backend("x11")
        .windowed()
        .multiprocess(multiprocess)
        .allow(site.origin())
        .open(&site.remote_url("main"))?;
    Page::new(&browser, site, "main").run(
        "await capture();
         for (const { track, video } of shown.slice(0, 2)) {
             track.stop();
             video.remove();
         }
         shown[2].video.style.width = '400px'",
    )?;
    Ok(browser)
}

/// Waits until most of a video in the window has the color.
fn wait_until_shown(desktop: &Desktop, color: [u8; 4]) -> Result<()> {
    eventually("the window shows it", SHOWN, || {
        Ok((pixels_in_window(desktop, color)? > 50_000).then_some(()))
    })
}

/// Nothing else on the page, and nothing else on the screen, gives a reason to draw.
#[test]
fn the_window_shows_each_new_picture_of_a_monitor() -> Result<()> {
    for multiprocess in [false, true] {
        let mut desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let _browser = open_last_monitor(&desktop, &site, multiprocess)?;
        for round in 0..10 {
            let color = [40 + round * 20, 90, 201, 255];
            ensure!(pixels_in_window(&desktop, color)? == 0);
            desktop.painters[2].change_picture(Picture::Solid(color))?;
            wait_until_shown(&desktop, color)?;
        }
    }
    Ok(())
}

/// Only what has changed is copied and uploaded: what was there before must stay.
#[test]
fn the_window_shows_parts_that_change_beside_those_that_do_not() -> Result<()> {
    const SCREEN: [u8; 4] = [60, 90, 201, 255];
    for multiprocess in [false, true] {
        let mut desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let _browser = open_last_monitor(&desktop, &site, multiprocess)?;
        let painter = &mut desktop.painters[2];
        painter.change_picture(Picture::Solid(SCREEN))?;
        let (width, height) = painter.size();
        let (width, height) = (u16::try_from(width / 4)?, u16::try_from(height / 4)?);
        wait_until_shown(&desktop, SCREEN)?;
        let whole = pixels_in_window(&desktop, SCREEN)?;
        // Away from the indicator, and not next to each other.
        let places = [(0, 1), (2, 1), (1, 2), (3, 2), (0, 3), (2, 3)];
        let color = |index: usize| [20, 30 * index as u8 + 40, 120, 255];
        for (index, (column, row)) in places.into_iter().enumerate() {
            let (x, y) = (column * width, row * height);
            let part = Rectangle {
                x: x.cast_signed(),
                y: y.cast_signed(),
                width,
                height,
            };
            desktop.painters[2].draw_over(part, color(index))?;
            // A sixteenth, but for pixels at its edges that are mixed.
            let shown = whole / 16 - whole / 100..whole / 16 + whole / 100;
            eventually("the window shows the part", SHOWN, || {
                let found = pixels_in_window(&desktop, color(index))?;
                Ok(shown.contains(&found).then_some(()))
            })?;
            for before in 0..index {
                ensure!(shown.contains(&pixels_in_window(&desktop, color(before))?));
            }
            let left = whole - whole / 16 * (index + 1);
            ensure!(pixels_in_window(&desktop, SCREEN)?.abs_diff(left) < whole / 20);
        }
    }
    Ok(())
}

/// Layout keeps what the renderer calls the picture, which is another one with each size; and
/// learns of the sizes when the page is done, when the size is the same as before.
#[test]
fn a_video_whose_size_came_and_went_while_the_page_was_busy_is_shown() -> Result<()> {
    const BEFORE: [u8; 4] = [60, 90, 201, 255];
    const AFTER: [u8; 4] = [61, 90, 201, 255];
    for multiprocess in [false, true] {
        let mut desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let browser = open_last_monitor(&desktop, &site, multiprocess)?;
        desktop.painters[2].change_picture(Picture::Solid(BEFORE))?;
        wait_until_shown(&desktop, BEFORE)?;
        Page::new(&browser, &site, "main").run(
            "const { track } = shown[2];
             const work = milliseconds => {
                 const end = performance.now() + milliseconds;
                 while (performance.now() < end);
             };
             setTimeout(() => {
                 track.applyConstraints({ width: 300 });
                 work(1000);
                 track.applyConstraints({});
                 work(2000);
             }, 100)",
        )?;
        // In the middle of its work, when both sizes have been.
        thread::sleep(Duration::from_millis(2200));
        desktop.painters[2].change_picture(Picture::Solid(AFTER))?;
        wait_until_shown(&desktop, AFTER)?;
    }
    Ok(())
}

#[test]
fn a_poster_goes_when_the_video_plays_and_the_screen_is_still() -> Result<()> {
    const SCREEN: [u8; 4] = [60, 90, 201, 255];
    const POSTER: [u8; 4] = [120, 10, 200, 255];
    let mut desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    desktop.painters[2].change_picture(Picture::Solid(SCREEN))?;
    let browser = open_last_monitor(&desktop, &site, false)?;
    let page = Page::new(&browser, &site, "main");
    page.run(
        "const canvas = document.createElement('canvas');
         const context = canvas.getContext('2d');
         context.fillStyle = 'rgb(200, 10, 120)';
         context.fillRect(0, 0, canvas.width, canvas.height);
         const { stream, video } = shown[2];
         video.remove();
         window.second = document.createElement('video');
         second.style.width = second.style.height = '400px';
         second.poster = canvas.toDataURL();
         const loaded = new Promise(resolve => second.onloadeddata = resolve);
         second.srcObject = stream;
         document.body.append(second);
         await loaded",
    )?;
    wait_until_shown(&desktop, POSTER)?;
    page.run("await second.play()")?;
    wait_until_shown(&desktop, SCREEN)?;
    ensure!(pixels_in_window(&desktop, POSTER)? == 0);
    // Also the next pictures.
    let next = [61, 90, 201, 255];
    desktop.painters[2].change_picture(Picture::Solid(next))?;
    wait_until_shown(&desktop, next)
}
