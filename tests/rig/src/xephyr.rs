/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::monitor::{MonitorSpec, bounding_size};
use crate::pointer::point;
use crate::server::{Launch, MonitorKind, XServer};
use crate::xvfb::Xvfb;

/// How long the inner server may take to put its window on the outer one.
const WINDOW_TIMEOUT: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(20);

/// Somebody in front of an X server, which is Xephyr in a window of an [`Xvfb`]. What is pressed on
/// the outer server comes to the inner one by a pointing device, not by its XTEST extension. Keep it
/// for as long as the server.
#[derive(Debug)]
pub struct Seat {
    outer: XServer,
}

impl Seat {
    /// Starts both servers, the inner one with these monitors.
    ///
    /// # Errors
    /// Xvfb or Xephyr is not installed or does not start.
    pub fn start(monitors: impl IntoIterator<Item = MonitorSpec>) -> Result<(XServer, Self)> {
        let monitors: Vec<MonitorSpec> = monitors.into_iter().collect();
        let (width, height) = bounding_size(&monitors);
        let outer = Xvfb::builder().size(width, height).start()?;
        let mut command = Command::new("Xephyr");
        command
            .env("DISPLAY", outer.display())
            .args(["-screen", &format!("{width}x{height}")]);
        let server = XServer::launch(Launch {
            command,
            kind: MonitorKind::Virtual,
            monitors,
            display_number: None,
            package: "xserver-xephyr",
            folder: tempfile::tempdir()?,
        })
        .context("starting Xephyr")?;
        let seat = Self { outer };
        seat.wait_for_window(width, height)?;
        Ok((server, seat))
    }

    fn wait_for_window(&self, width: u32, height: u32) -> Result<()> {
        let deadline = Instant::now() + WINDOW_TIMEOUT;
        loop {
            let windows = self.outer.windows()?;
            let is_there = windows.iter().any(|window| {
                window.viewable
                    && (window.x, window.y, window.width, window.height) == (0, 0, width, height)
            });
            if is_there {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("Xephyr shows no window of {width}x{height}: {windows:?}");
            }
            thread::sleep(INTERVAL);
        }
    }

    /// Moves the pointer there and presses and releases the main button.
    ///
    /// # Errors
    /// The outer server is gone.
    pub fn click(&self, x: i32, y: i32) -> Result<()> {
        self.outer.click(x, y)
    }

    /// One event of the pointing device: its kind in the protocol, the button, and the place.
    ///
    /// # Errors
    /// The outer server is gone.
    pub fn point(&self, event: u8, button: u8, x: i32, y: i32) -> Result<()> {
        point(&self.outer.connect()?, event, button, (x, y))
    }
}
