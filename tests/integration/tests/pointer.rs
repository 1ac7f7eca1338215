/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pointer in a page's frames, as the constraint `cursor` says.

use std::time::Duration;

use anyhow::{Result, ensure};
use capture_integration_tests::{Desktop, Page, Site, eventually};
use serde_json::{Value, json};

/// How long a change may take to be seen by a page of a debug build.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pointer's edge in pixels, and its color: blue, green, red.
const EDGE: u16 = 16;
const COLOR: [u8; 4] = [60, 20, 200, 255];

/// A page that captures a desktop of which the first monitor is looked at.
struct Scene<'a> {
    desktop: &'a Desktop,
    page: Page<'a>,
}

impl Scene<'_> {
    /// Sets the constraint and expects it to be set.
    fn set_cursor(&self, mode: &str) -> Result<()> {
        let script = format!(
            "const {{ track }} = shown[0];
             await track.applyConstraints({{ cursor: {{ exact: {mode:?} }} }});
             return track.getSettings().cursor"
        );
        let set = self.page.run(&script)?;
        ensure!(set == mode, "{mode} was asked for, {set} is set");
        Ok(())
    }

    fn move_pointer(&self, (x, y): (u32, u32)) -> Result<()> {
        self.desktop
            .server
            .move_pointer(i16::try_from(x)?, i16::try_from(y)?)
    }

    /// Waits until the page sees the pointer, whole, at all of these places and at none of those:
    /// there it sees what is on the monitor.
    fn wait_for(&self, there: &[(u32, u32)], not_there: &[(u32, u32)]) -> Result<()> {
        let last = u32::from(EDGE) - 1;
        let corners = |(x, y): &(u32, u32)| {
            [
                (*x, *y),
                (x + last, *y),
                (*x, y + last),
                (x + last, y + last),
            ]
        };
        let painter = &self.desktop.painters[0];
        let pointer = there.iter().flat_map(corners).map(|place| (place, COLOR));
        // Just beside it, too.
        let beside = there.iter().map(|(x, y)| (x + last + 1, y + last + 1));
        let picture = not_there.iter().flat_map(corners).chain(beside);
        let picture = picture.map(|(x, y)| ((x, y), painter.pixel(x, y)));
        let (places, expected): (Vec<_>, Vec<_>) = pointer.chain(picture).unzip();
        let expected: Vec<Value> = expected
            .into_iter()
            .map(|[blue, green, red, alpha]| json!([red, green, blue, alpha]))
            .collect();
        let script = format!("return sample(0, {})", json!(places));
        let what = format!("the pointer is seen at {there:?} and not at {not_there:?}");
        eventually(&what, TIMEOUT, || {
            let seen = self.page.run(&script)?;
            ensure!(seen["pixels"] == json!(expected), "{}", seen["pixels"]);
            Ok(Some(()))
        })
    }
}

fn check_pointer(multiprocess: bool) -> Result<()> {
    let desktop = Desktop::xvfb()?;
    let [first, second, third] = [(310, 200), (500, 420), (80, 330)];
    desktop.server.show_pointer(EDGE, COLOR)?;
    let site = Site::start()?;
    let browser = desktop.open(&site, multiprocess)?;
    let scene = Scene {
        desktop: &desktop,
        page: Page::new(&browser, &site, "main"),
    };
    scene.move_pointer(first)?;
    scene.page.run("await capture()")?;
    scene.wait_for(&[], &[first])?;

    scene.set_cursor("always")?;
    scene.wait_for(&[first], &[])?;
    scene.move_pointer(second)?;
    scene.wait_for(&[second], &[first])?;

    // Only while it moves, and for a while after.
    scene.set_cursor("motion")?;
    scene.wait_for(&[], &[first, second])?;
    scene.move_pointer(third)?;
    scene.wait_for(&[third], &[first, second])?;
    scene.wait_for(&[], &[first, second, third])?;

    scene.set_cursor("always")?;
    scene.wait_for(&[third], &[])?;
    scene.set_cursor("never")?;
    scene.wait_for(&[], &[first, second, third])
}

#[test]
fn a_page_sees_the_pointer_as_it_asked_for() -> Result<()> {
    check_pointer(false)
}

#[test]
fn a_page_of_another_process_sees_the_pointer_as_it_asked_for() -> Result<()> {
    check_pointer(true)
}
