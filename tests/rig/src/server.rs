/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::io;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;
use x11rb::connection::Connection;
use x11rb::protocol::res::ConnectionExt as _;
use x11rb::protocol::xproto::{AtomEnum, PropMode};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::display;
use crate::inspect::{Screenshot, WindowInfo, screenshot, unmap_window, windows};
use crate::layout;
use crate::monitor::MonitorSpec;
use crate::process::{Process, Stream};

/// How long a server may take to be ready, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How many display numbers are tried.
const MAX_STARTS: u32 = 5;
/// How long it may take to go when asked.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// What makes the monitors of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MonitorKind {
    /// Monitors that RandR clients define on the server's only output.
    Virtual,
    /// Outputs with modes.
    Outputs,
}

/// How to start a server.
pub(crate) struct Launch {
    /// The program, its arguments but for those that every server has, and what it needs in its
    /// environment.
    pub(crate) command: Command,
    pub(crate) kind: MonitorKind,
    pub(crate) monitors: Vec<MonitorSpec>,
    /// None: one that nobody has or had.
    pub(crate) display_number: Option<u32>,
    /// The Debian package that has the program.
    pub(crate) package: &'static str,
    /// Files that the server reads or writes.
    pub(crate) folder: TempDir,
}

impl Launch {
    /// Where nobody is, tried again where somebody came first.
    fn start_somewhere(&self) -> Result<(Process, u32)> {
        for _ in 1..MAX_STARTS {
            match self.start(display::unused_number()?) {
                Err(error) if is_taken(&error) => {}
                started => return started,
            }
        }
        self.start(display::unused_number()?)
    }

    /// Returns when the server accepts clients.
    fn start(&self, number: u32) -> Result<(Process, u32)> {
        let mut command = Command::new(self.command.get_program());
        command.args(self.command.get_args());
        let environment = self.command.get_envs();
        command.envs(environment.filter_map(|(name, value)| Some((name, value?))));
        command.arg(format!(":{number}"));
        // The server writes its display number to standard output when it accepts clients.
        command.args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"]);
        command.current_dir(self.folder.path());
        let process = Process::spawn(command)?;
        let (number, _) = process.wait_for_line(Stream::Stdout, 0, START_TIMEOUT, |line| {
            line.trim().parse::<u32>().ok()
        })?;
        Ok((process, number))
    }
}

/// Whether a server did not start since another one has its number.
fn is_taken(error: &Error) -> bool {
    format!("{error:#}").contains("server already running")
}

/// A running X server of the test's own. Made by [`Xvfb`](crate::Xvfb) and
/// [`XorgDummy`](crate::XorgDummy); ended when dropped.
///
/// Requests of this type are made over short connections of their own and wait for the server: do
/// not make any between [`pause`](Self::pause) and [`resume`](Self::resume).
#[derive(Debug)]
pub struct XServer {
    process: Process,
    display: String,
    kind: MonitorKind,
    _folder: TempDir,
}

impl XServer {
    pub(crate) fn launch(launch: Launch) -> Result<Self> {
        let started = match launch.display_number {
            Some(number) => launch.start(number),
            None => launch.start_somewhere(),
        };
        let (process, number) = started.map_err(|error| explain(error, launch.package))?;
        let server = Self {
            process,
            display: format!(":{number}"),
            kind: launch.kind,
            _folder: launch.folder,
        };
        server
            .arrange(&launch.monitors)
            .context("arranging the server's monitors")?;
        Ok(server)
    }

    /// The display's name, `:57`, as in the environment variable `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The server's process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// A new connection to the server. It has one screen, number 0.
    ///
    /// # Errors
    /// The server is gone.
    pub fn connect(&self) -> Result<RustConnection> {
        let (connection, _) = RustConnection::connect(Some(&self.display))
            .with_context(|| format!("connecting to {}", self.display))?;
        Ok(connection)
    }

    /// The active monitors, from left to right and then from top to bottom.
    ///
    /// # Errors
    /// The server is gone.
    pub fn monitors(&self) -> Result<Vec<MonitorSpec>> {
        let mut monitors = layout::monitors(&self.connect()?)?;
        monitors.sort_by_key(|monitor| (monitor.x, monitor.y));
        Ok(monitors)
    }

    /// Makes `monitors` the monitors of the desktop: what is not listed is unplugged, what is new is
    /// plugged in, what differs is changed, what is the same is not touched. The first one becomes
    /// primary when none of the list is.
    ///
    /// # Errors
    /// An empty list, a monitor that the server cannot have, a server that is gone.
    pub fn arrange(&self, monitors: &[MonitorSpec]) -> Result<()> {
        if monitors.is_empty() {
            bail!("a desktop needs at least one monitor");
        }
        let connection = self.connect()?;
        match self.kind {
            MonitorKind::Virtual => layout::arrange_virtual(&connection, monitors),
            MonitorKind::Outputs => layout::arrange_outputs(&connection, monitors),
        }
    }

    /// Plugs in one more monitor.
    ///
    /// # Errors
    /// As [`arrange`](Self::arrange).
    pub fn add_monitor(&self, monitor: MonitorSpec) -> Result<()> {
        self.rearrange(|monitors| {
            monitors.push(monitor);
            Ok(())
        })
    }

    /// Unplugs a monitor.
    ///
    /// # Errors
    /// There is none of that name, or it is the last one.
    pub fn remove_monitor(&self, name: &str) -> Result<()> {
        self.rearrange(|monitors| {
            let index = index_of(monitors, name)?;
            monitors.remove(index);
            Ok(())
        })
    }

    /// Puts a monitor's top left corner at (`x`, `y`).
    ///
    /// # Errors
    /// As [`arrange`](Self::arrange), or there is none of that name.
    pub fn move_monitor(&self, name: &str, x: i32, y: i32) -> Result<()> {
        self.rearrange(|monitors| {
            let index = index_of(monitors, name)?;
            (monitors[index].x, monitors[index].y) = (x, y);
            Ok(())
        })
    }

    /// Changes a monitor's resolution.
    ///
    /// # Errors
    /// As [`arrange`](Self::arrange), or there is none of that name.
    pub fn resize_monitor(&self, name: &str, width: u32, height: u32) -> Result<()> {
        self.rearrange(|monitors| {
            let index = index_of(monitors, name)?;
            (monitors[index].width, monitors[index].height) = (width, height);
            Ok(())
        })
    }

    /// The whole desktop's picture, see [`screenshot`].
    ///
    /// # Errors
    /// As [`screenshot`].
    pub fn screenshot(&self) -> Result<Screenshot> {
        screenshot(&self.display)
    }

    /// The windows directly under the root window, see [`windows`].
    ///
    /// # Errors
    /// As [`windows`].
    pub fn windows(&self) -> Result<Vec<WindowInfo>> {
        windows(&self.display)
    }

    /// Takes a window off the screen behind its owner's back, see [`unmap_window`].
    ///
    /// # Errors
    /// As [`unmap_window`].
    pub fn unmap_window(&self, window: u32) -> Result<()> {
        unmap_window(&self.display, window)
    }

    /// How many clients are connected, the one that asks not counted.
    ///
    /// # Errors
    /// The server is gone or has no X-Resource extension.
    pub fn client_count(&self) -> Result<usize> {
        let clients = self.connect()?.res_query_clients()?.reply()?.clients;
        Ok(clients.len().saturating_sub(1))
    }

    /// Makes this the X resources, as `xrdb` does: lines such as `Xft.dpi: 192`.
    ///
    /// # Errors
    /// The server is gone.
    pub fn set_resources(&self, resources: &str) -> Result<()> {
        let connection = self.connect()?;
        connection
            .change_property8(
                PropMode::REPLACE,
                root_window(&connection)?,
                AtomEnum::RESOURCE_MANAGER,
                AtomEnum::STRING,
                resources.as_bytes(),
            )?
            .check()?;
        Ok(())
    }

    /// Stops the server's process as a debugger would (SIGSTOP): it answers nothing until resumed.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&self) -> Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Kills the server at once (SIGKILL), as a crash does, and waits until it is gone.
    ///
    /// # Errors
    /// It does not go.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill_tree()
    }

    fn rearrange(&self, change: impl FnOnce(&mut Vec<MonitorSpec>) -> Result<()>) -> Result<()> {
        let mut monitors = layout::monitors(&self.connect()?)?;
        change(&mut monitors)?;
        self.arrange(&monitors)
    }
}

impl Drop for XServer {
    fn drop(&mut self) {
        // An orderly end removes the server's socket; what fails here is killed by the process's drop.
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.process.signal(Signal::TERM);
            let _ = self.process.signal(Signal::CONT);
            let _ = self.process.wait(STOP_TIMEOUT);
        }
    }
}

/// The only screen's root window.
pub(crate) fn root_window(connection: &RustConnection) -> Result<u32> {
    let screen = connection
        .setup()
        .roots
        .first()
        .context("a display without screens")?;
    Ok(screen.root)
}

fn index_of(monitors: &[MonitorSpec], name: &str) -> Result<usize> {
    monitors
        .iter()
        .position(|monitor| monitor.name == name)
        .with_context(|| format!("no monitor {name} among {monitors:?}"))
}

/// Says which package to install when that is what is wrong.
fn explain(error: Error, package: &'static str) -> Error {
    let missing_program = error
        .root_cause()
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    if missing_program {
        return error.context(format!("Debian's package {package} is needed"));
    }
    if format!("{error:#}").contains("Failed to load module \"dummy\"") {
        return error.context("Debian's package xserver-xorg-video-dummy is needed");
    }
    error
}

#[cfg(test)]
mod tests {
    use crate::Xvfb;

    use super::*;

    #[test]
    fn a_server_whose_number_is_taken_says_so() {
        let first = Xvfb::builder().start().unwrap();
        let number = first.display().trim_start_matches(':').parse().unwrap();
        let second = Xvfb::builder().display_number(number).start().unwrap_err();
        assert!(is_taken(&second), "{second:#}");
        let unknown = Process::spawn(Command::new("xvfb-that-is-not-there")).unwrap_err();
        assert!(!is_taken(&unknown));
    }
}
