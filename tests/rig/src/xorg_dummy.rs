/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::monitor::MonitorSpec;
use crate::server::{Launch, MonitorKind, XServer};

/// Where Debian has the server itself; `Xorg` in the path may be a wrapper that is installed setuid
/// and refuses configuration files by absolute path.
const DEBIAN_XORG: &str = "/usr/lib/xorg/Xorg";

/// The full X.Org server with its dummy driver: sixteen real RandR outputs, `DUMMY0` to `DUMMY15`,
/// with modes, CRTCs and RandR events, and no hardware, console or privilege.
#[derive(Debug)]
pub struct XorgDummy;

impl XorgDummy {
    /// One monitor of 1280 × 720 unless told otherwise.
    pub fn builder() -> XorgDummyBuilder {
        XorgDummyBuilder {
            monitors: Vec::new(),
            video_ram_kib: 256 * 1024,
            display_number: None,
        }
    }
}

/// How to start an [`XorgDummy`].
#[derive(Clone, Debug)]
pub struct XorgDummyBuilder {
    monitors: Vec<MonitorSpec>,
    video_ram_kib: u32,
    display_number: Option<u32>,
}

impl XorgDummyBuilder {
    /// The monitors, by the names of their outputs. The first one is primary.
    #[must_use]
    pub fn monitors(mut self, monitors: impl IntoIterator<Item = MonitorSpec>) -> Self {
        self.monitors = monitors.into_iter().collect();
        self
    }

    /// The video memory in KiB; the desktop needs four bytes a pixel of it. 256 MiB unless told
    /// otherwise.
    #[must_use]
    pub fn video_ram_kib(mut self, kib: u32) -> Self {
        self.video_ram_kib = kib;
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
    /// Xorg or its dummy driver is not installed, or the server does not start; the message holds
    /// its log.
    pub fn start(self) -> Result<XServer> {
        let mut monitors = self.monitors;
        if monitors.is_empty() {
            monitors.push(MonitorSpec::new("DUMMY0", 0, 0, 1280, 720));
        }
        let folder = tempfile::tempdir()?;
        let configuration = folder.path().join("xorg.conf");
        fs::write(&configuration, configuration_text(self.video_ram_kib))?;
        let system_configuration = folder.path().join("xorg.conf.d");
        fs::create_dir(&system_configuration)?;
        let program = if Path::new(DEBIAN_XORG).exists() {
            DEBIAN_XORG
        } else {
            "Xorg"
        };
        let mut command = Command::new(program);
        command
            .arg("-config")
            .arg(&configuration)
            .arg("-configdir")
            .arg(&system_configuration)
            .arg("-logfile")
            .arg(folder.path().join("xorg.log"))
            .args(["-novtswitch", "-sharevts"]);
        XServer::launch(Launch {
            command,
            kind: MonitorKind::Outputs,
            monitors,
            display_number: self.display_number,
            package: "xserver-xorg-core",
            folder,
        })
        .context("starting Xorg with the dummy driver")
    }
}

fn configuration_text(video_ram_kib: u32) -> String {
    format!(
        r#"Section "ServerFlags"
    Option "AutoAddDevices" "false"
    Option "AutoEnableDevices" "false"
    Option "AutoAddGPU" "false"
    Option "DontVTSwitch" "true"
    Option "BlankTime" "0"
    Option "StandbyTime" "0"
    Option "SuspendTime" "0"
    Option "OffTime" "0"
EndSection
Section "Device"
    Identifier "device"
    Driver "dummy"
    VideoRam {video_ram_kib}
EndSection
Section "Monitor"
    Identifier "monitor"
    HorizSync 1.0 - 2000.0
    VertRefresh 1.0 - 1000.0
EndSection
Section "Screen"
    Identifier "screen"
    Device "device"
    Monitor "monitor"
    DefaultDepth 24
    SubSection "Display"
        Depth 24
        Modes "640x480"
    EndSubSection
EndSection
"#
    )
}
