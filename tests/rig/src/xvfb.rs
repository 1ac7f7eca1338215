/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::process::Command;

use anyhow::{Context, Result};

use crate::monitor::{MonitorSpec, bounding_size};
use crate::server::{Launch, MonitorKind, XServer};

/// X.Org's virtual framebuffer server. Its monitors are virtual ones that RandR clients define; a
/// change of them is announced by no RandR event, only by a `ConfigureNotify` of the root window.
#[derive(Debug)]
pub struct Xvfb;

impl Xvfb {
    /// One monitor of 1280 × 720 unless told otherwise.
    pub fn builder() -> XvfbBuilder {
        XvfbBuilder::default()
    }
}

/// How to start an [`Xvfb`].
#[derive(Clone, Debug, Default)]
pub struct XvfbBuilder {
    size: Option<(u32, u32)>,
    monitors: Vec<MonitorSpec>,
    disabled_extensions: Vec<String>,
    display_number: Option<u32>,
}

impl XvfbBuilder {
    /// The whole desktop's size in pixels, which never changes. Without it, what the monitors need.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = Some((width, height));
        self
    }

    /// The monitors. The first one is primary.
    #[must_use]
    pub fn monitors(mut self, monitors: impl IntoIterator<Item = MonitorSpec>) -> Self {
        self.monitors = monitors.into_iter().collect();
        self
    }

    /// Starts the server without an extension, such as `MIT-SHM`, `DAMAGE`, `XFIXES`.
    #[must_use]
    pub fn disable_extension(mut self, name: impl Into<String>) -> Self {
        self.disabled_extensions.push(name.into());
        self
    }

    /// Asks for a display number, to start a server again where one was killed. Without it the
    /// server has one that no other server of this process has had.
    #[must_use]
    pub fn display_number(mut self, number: u32) -> Self {
        self.display_number = Some(number);
        self
    }

    /// Starts the server and returns when it accepts clients and has its monitors.
    ///
    /// # Errors
    /// Xvfb is not installed or does not start; the message holds its log.
    pub fn start(self) -> Result<XServer> {
        let mut monitors = self.monitors;
        if monitors.is_empty() {
            let (width, height) = self.size.unwrap_or((1280, 720));
            monitors.push(MonitorSpec::new("MONITOR", 0, 0, width, height));
        }
        let (width, height) = self.size.unwrap_or_else(|| bounding_size(&monitors));
        let mut command = Command::new("Xvfb");
        command.args(["-screen", "0", &format!("{width}x{height}x24")]);
        for extension in self.disabled_extensions {
            command.args(["-extension", &extension]);
        }
        XServer::launch(Launch {
            command,
            kind: MonitorKind::Virtual,
            monitors,
            display_number: self.display_number,
            package: "xvfb",
            folder: tempfile::tempdir()?,
        })
        .context("starting Xvfb")
    }
}
