/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use capture_test_rig::{
    Bgra, MonitorSpec, Painter, Picture, Seat, WindowInfo, XServer, XorgDummy, Xvfb,
};
use serde_json::{Value, json};

use crate::browser::{Browser, Launch};
use crate::page::Page;
use crate::site::Site;
use crate::wait::eventually;

/// The class of the privacy indicator's windows.
const INDICATOR_CLASS: &str = "captureshell-indicator";
/// Rows at the top of each monitor that the indicator may cover.
const INDICATOR_ROWS: u32 = 40;
/// How long a change on the screen may take to be seen by a page of a debug build.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// The ground of a strip on a dark desktop, and on one of which nothing is known.
pub const DARK_GROUND: Bgra = [0x12, 0x00, 0x7d, 0xff];
/// The ground of a strip on a light desktop.
pub const LIGHT_GROUND: Bgra = [0xdb, 0xdf, 0xff, 0xff];
/// Where a strip shows its ground, from its left and upper edge.
const GROUND: (u32, u32) = (4, 2);

/// What the streams of [`three_monitors`] show, by their order.
pub const THREE_STREAMS: [usize; 3] = [0, 1, 2];

/// Three monitors that differ in size, with a gap and with different tops; in the order in which
/// pages get them, which is from left to right.
pub fn three_monitors() -> [MonitorSpec; 3] {
    [
        MonitorSpec::new("DUMMY0", 0, 0, 800, 600),
        MonitorSpec::new("DUMMY1", 800, 120, 640, 480),
        MonitorSpec::new("DUMMY2", 1500, 60, 1024, 768),
    ]
}

/// The pictures on them.
fn three_pictures() -> [Picture; 3] {
    [
        Picture::Quadrants([
            [255, 0, 0, 255],
            [0, 255, 0, 255],
            [0, 0, 255, 255],
            [13, 77, 201, 255],
        ]),
        Picture::Gradient,
        Picture::Coded { monitor: 2 },
    ]
}

/// An X server with three monitors and a picture on each.
#[derive(Debug)]
pub struct Desktop {
    /// The server.
    pub server: XServer,
    /// What is on the monitors `DUMMY0`, `DUMMY1` and `DUMMY2`.
    pub painters: Vec<Painter>,
}

impl Desktop {
    /// On Xvfb, with virtual monitors.
    ///
    /// # Errors
    /// The server does not start.
    pub fn xvfb() -> Result<Self> {
        let server = Xvfb::builder().size(2600, 1400).monitors(three_monitors());
        Self::on(server.start()?)
    }

    /// On Xvfb without shared memory.
    ///
    /// # Errors
    /// The server does not start.
    pub fn xvfb_without_shared_memory() -> Result<Self> {
        let server = Xvfb::builder().size(2600, 1400).monitors(three_monitors());
        Self::on(server.disable_extension("MIT-SHM").start()?)
    }

    /// On Xorg's dummy driver, with outputs.
    ///
    /// # Errors
    /// The server does not start.
    pub fn xorg_dummy() -> Result<Self> {
        Self::on(XorgDummy::builder().monitors(three_monitors()).start()?)
    }

    /// On Xephyr, with virtual monitors and a person who can press what is shown there.
    ///
    /// # Errors
    /// The servers do not start.
    pub fn with_person() -> Result<(Self, Seat)> {
        let (server, seat) = Seat::start(three_monitors())?;
        Ok((Self::on(server)?, seat))
    }

    /// Starts an Xvfb in place of the server, which was killed.
    ///
    /// # Errors
    /// The server does not start, or the old one has not gone.
    pub fn restart(&mut self) -> Result<()> {
        let number = self.server.display().trim_start_matches(':');
        let number = number.parse().context("the display's number")?;
        let server = Xvfb::builder().size(2600, 1400).monitors(three_monitors());
        *self = Self::on(server.display_number(number).start()?)?;
        Ok(())
    }

    fn on(server: XServer) -> Result<Self> {
        let mut painters = Vec::new();
        for (monitor, picture) in three_monitors().iter().zip(three_pictures()) {
            painters.push(Painter::cover(&server, monitor, picture)?);
        }
        Ok(Self { server, painters })
    }

    /// How to start a browser that captures it, with this origin among those that may.
    pub fn launch(&self, origin: &str) -> Launch {
        Launch::new()
            .display(self.server.display())
            .backend("x11")
            .allow(origin)
    }

    /// Starts a browser that captures it, on the page `main` of a site that may.
    ///
    /// # Errors
    /// There is no such program.
    pub fn open(&self, site: &Site, multiprocess: bool) -> Result<Browser> {
        self.launch(site.origin())
            .multiprocess(multiprocess)
            .open(&site.remote_url("main"))
    }

    /// The monitor as it is now.
    ///
    /// # Errors
    /// It is unplugged.
    pub fn monitor(&self, name: &str) -> Result<MonitorSpec> {
        let monitors = self.server.monitors()?;
        monitors
            .into_iter()
            .find(|monitor| monitor.name == name)
            .with_context(|| format!("{name} is not there"))
    }

    /// The privacy indicator's windows that are on the screen.
    ///
    /// # Errors
    /// The server is gone.
    pub fn indicators(&self) -> Result<Vec<WindowInfo>> {
        let mut windows = self.server.windows()?;
        windows.retain(|window| window.viewable && window.is_of_class(INDICATOR_CLASS));
        windows.sort_by_key(|window| (window.x, window.y));
        Ok(windows)
    }

    /// Whether each monitor has an indicator at its top edge that names `origin`, and there is none
    /// that lies elsewhere or names nobody. One that is about to replace another may lie over it.
    ///
    /// # Errors
    /// The server is gone.
    pub fn is_indicated(&self, origin: &str) -> Result<bool> {
        let indicators = self.indicators()?;
        let monitors = self.server.monitors()?;
        let fits = |window: &WindowInfo, monitor: &MonitorSpec| {
            window.override_redirect
                && window.title.contains(origin)
                && window.y == monitor.y
                && window.x >= monitor.x
                && window.x + window.width.cast_signed() <= monitor.x + monitor.width.cast_signed()
        };
        let has_one = |monitor| indicators.iter().any(|window| fits(window, monitor));
        let has_place = |window| monitors.iter().any(|monitor| fits(window, monitor));
        Ok(monitors.iter().all(has_one) && indicators.iter().all(has_place))
    }

    /// Whether there is an indicator and the ground of each strip is seen in this color.
    ///
    /// # Errors
    /// The server is gone.
    pub fn has_ground(&self, color: Bgra) -> Result<bool> {
        let screen = self.server.screenshot()?;
        let strips = self.indicators()?;
        let ground = |strip: &WindowInfo| {
            let (left, top) = (strip.x.cast_unsigned(), strip.y.cast_unsigned());
            screen.pixel(left + GROUND.0, top + GROUND.1)
        };
        Ok(!strips.is_empty() && strips.iter().all(|strip| ground(strip) == Some(color)))
    }

    /// Waits until the indicator is nowhere.
    ///
    /// # Errors
    /// It still is somewhere after `timeout`.
    pub fn wait_until_not_indicated(&self, timeout: Duration) -> Result<()> {
        eventually("the indicator is gone", timeout, || {
            Ok(self.indicators()?.is_empty().then_some(()))
        })
    }
}

/// Where pictures are compared: the centers of the quadrants, pixels beside the lines between them,
/// cells of both kinds of the coded picture, and the corners; none under the indicator.
pub fn sample_points((width, height): (u32, u32)) -> Vec<(u32, u32)> {
    let (right, bottom) = (width - 1, height - 1);
    vec![
        (0, INDICATOR_ROWS),
        (right, INDICATOR_ROWS),
        (0, bottom),
        (right, bottom),
        (width / 4, height / 4),
        (width * 3 / 4, height / 4),
        (width / 4, height * 3 / 4),
        (width * 3 / 4, height * 3 / 4),
        (width / 2 - 1, height / 2 - 1),
        (width / 2, height / 2),
        (100, 100),
        (109, 100),
        (300, 257),
        (301, 265),
    ]
}

/// Waits until the page sees in its stream number `stream` exactly what `painter` shows, at every
/// sample point.
///
/// # Errors
/// It does not within ten seconds; says where and what it sees instead.
pub fn assert_pixels(page: &Page<'_>, stream: usize, painter: &Painter) -> Result<()> {
    let points = sample_points(painter.size());
    let (width, height) = painter.size();
    let script = format!("return sample({stream}, {})", json!(points));
    let what = format!("stream {stream} shows what is on its monitor");
    eventually(&what, FRAME_TIMEOUT, || {
        let seen = page.run(&script)?;
        ensure!(
            seen["width"] == width && seen["height"] == height,
            "{width}x{height} is on the monitor, the page sees {}x{}",
            seen["width"],
            seen["height"]
        );
        let pixels = seen["pixels"].as_array().context("no pixels")?;
        ensure!(pixels.len() == points.len(), "pixels are missing");
        for ((x, y), pixel) in points.iter().zip(pixels) {
            let expected = painter.pixel(*x, *y);
            let seen = bgra(pixel)?;
            if seen != expected {
                bail!(
                    "at ({x}, {y}) {expected:?} is on the monitor, the page sees {seen:?} (blue, green, red, alpha)"
                );
            }
        }
        Ok(Some(()))
    })
}

/// A pixel of canvas, red first, in the order of capture.
fn bgra(pixel: &Value) -> Result<Bgra> {
    let channel = |index: usize| {
        pixel[index]
            .as_u64()
            .and_then(|value| u8::try_from(value).ok())
            .with_context(|| format!("no pixel: {pixel}"))
    };
    Ok([channel(2)?, channel(1)?, channel(0)?, channel(3)?])
}
