/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;
use x11rb::protocol::xproto::{ConnectionExt as _, EventMask};

use crate::managed::ManagedWindow;
use crate::process::Process;
use crate::server::{XServer, root_window};

/// How long such a program may take to be ready.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take to end when asked.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a manager may take to manage a window, before it is asked again.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_millis(20);
/// ICCCM's selection of a window manager, and EWMH's of a compositor.
const WINDOW_MANAGER: &str = "WM_S0";
const COMPOSITOR: &str = "_NET_WM_CM_S0";

/// A program that decides how a server's windows are stacked or shown: a window manager or a
/// compositor. Ended when dropped.
#[derive(Debug)]
pub struct Manager {
    process: Process,
    /// Which of the process and its descendants it is.
    program: &'static str,
    _home: TempDir,
}

impl Manager {
    /// Openbox, a window manager.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn openbox(server: &XServer) -> Result<Self> {
        let mut command = Command::new("openbox");
        command.arg("--sm-disable");
        Self::start(server, command, "openbox", &[WINDOW_MANAGER])
    }

    /// Xfce's window manager, without its compositor, on a session bus of its own.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn xfwm4(server: &XServer) -> Result<Self> {
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "xfwm4", "--compositor=off"]);
        Self::start(server, command, "xfwm4", &[WINDOW_MANAGER])
    }

    /// picom, a compositor, with this configuration file.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn picom(server: &XServer, configuration: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let file = home.path().join("picom.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new("picom");
        command.arg("--config").arg(file);
        Self::start_at(server, command, "picom", &[COMPOSITOR], home)
    }

    /// xcompmgr, the oldest compositor, with shadows and fading.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn xcompmgr(server: &XServer) -> Result<Self> {
        let mut command = Command::new("xcompmgr");
        command.args(["-c", "-f"]);
        Self::start(server, command, "xcompmgr", &[COMPOSITOR])
    }

    fn start(
        server: &XServer,
        command: Command,
        program: &'static str,
        selections: &[&str],
    ) -> Result<Self> {
        Self::start_at(server, command, program, selections, tempfile::tempdir()?)
    }

    fn start_at(
        server: &XServer,
        mut command: Command,
        program: &'static str,
        selections: &[&str],
        home: TempDir,
    ) -> Result<Self> {
        command
            .env("DISPLAY", server.display())
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("WAYLAND_DISPLAY")
            // No accessibility bus of the toolkits.
            .env("NO_AT_BRIDGE", "1");
        let deadline = Instant::now() + START_TIMEOUT;
        // The server may not have noticed yet that one before has ended.
        while is_ready(server, selections)? {
            if Instant::now() > deadline {
                bail!("another program keeps {program} from starting");
            }
            thread::sleep(INTERVAL);
        }
        let process = Process::spawn(command)
            .with_context(|| format!("Debian's packages {program} and dbus are needed"))?;
        let mut manager = Self {
            process,
            program,
            _home: home,
        };
        while !is_ready(server, selections)? || !manages(server, selections)? {
            if Instant::now() > deadline || manager.process.try_wait()?.is_some() {
                bail!("{program} does not start: {}", manager.process.log_tail());
            }
            thread::sleep(INTERVAL);
        }
        Ok(manager)
    }

    /// Kills it at once (SIGKILL), as a crash does.
    ///
    /// # Errors
    /// It does not go.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill_tree()
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// It does not.
    pub fn end(mut self) -> Result<()> {
        self.process.signal_program(self.program, Signal::TERM)?;
        self.process.wait(END_TIMEOUT).map(drop)
    }
}

/// Whether a window that is shown now is managed, if one of the selections says that windows are. A
/// manager that has begun may still lose what it is asked for while it starts.
fn manages(server: &XServer, selections: &[&str]) -> Result<bool> {
    if !selections.contains(&WINDOW_MANAGER) {
        return Ok(true);
    }
    let probe = ManagedWindow::small(server)?;
    let deadline = Instant::now() + PROBE_TIMEOUT;
    while Instant::now() < deadline {
        if probe.is_managed()? {
            return Ok(true);
        }
        thread::sleep(INTERVAL);
    }
    Ok(false)
}

/// Whether somebody owns every one of the selections, and manages windows if one of them says so.
fn is_ready(server: &XServer, selections: &[&str]) -> Result<bool> {
    let connection = server.connect()?;
    for name in selections {
        let atom = connection.intern_atom(false, name.as_bytes())?;
        let owner = connection.get_selection_owner(atom.reply()?.atom)?;
        if owner.reply()?.owner == x11rb::NONE {
            return Ok(false);
        }
    }
    if !selections.contains(&WINDOW_MANAGER) {
        return Ok(true);
    }
    let root = root_window(&connection)?;
    let attributes = connection.get_window_attributes(root)?.reply()?;
    let managed = attributes.all_event_masks;
    Ok(managed.contains(EventMask::SUBSTRUCTURE_REDIRECT))
}
