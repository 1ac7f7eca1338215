/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the person in front of a page sees of captured monitors.

use std::time::Duration;

use anyhow::{Result, ensure};
use capture_integration_tests::{Desktop, Launch, Page, Site, eventually};
use capture_test_rig::Picture;

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

/// Nothing else on the page, and nothing else on the screen, gives a reason to draw.
#[test]
fn the_window_shows_each_new_picture_of_a_monitor() -> Result<()> {
    for multiprocess in [false, true] {
        let mut desktop = Desktop::xvfb()?;
        let site = Site::start()?;
        let browser = Launch::new()
            .display(desktop.server.display())
            .backend("x11")
            .windowed()
            .multiprocess(multiprocess)
            .allow(site.origin())
            .open(&site.remote_url("main"))?;
        let page = Page::new(&browser, &site, "main");
        // The others show the window itself.
        page.run(
            "await capture();
             for (const { track, video } of shown.slice(0, 2)) {
                 track.stop();
                 video.remove();
             }
             shown[2].video.style.width = '400px'",
        )?;
        for round in 0..10 {
            let color = [40 + round * 20, 90, 201, 255];
            ensure!(pixels_in_window(&desktop, color)? == 0);
            desktop.painters[2].change_picture(Picture::Solid(color))?;
            eventually("the window shows it", SHOWN, || {
                Ok((pixels_in_window(&desktop, color)? > 50_000).then_some(()))
            })?;
        }
    }
    Ok(())
}
