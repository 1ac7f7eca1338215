/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::{Process, Stream};

/// How long the daemon may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A private D-Bus daemon on which everybody of this user may own every name, and which starts no
/// service by itself. It plays the session's bus as well as the system's.
#[derive(Debug)]
pub struct MessageBus {
    process: Process,
}

impl MessageBus {
    /// The address of a bus that listens at `socket`, for `DBUS_SESSION_BUS_ADDRESS` and
    /// `DBUS_SYSTEM_BUS_ADDRESS`, before and after it runs.
    pub fn address(socket: &Path) -> String {
        format!("unix:path={}", socket.display())
    }

    /// Starts the daemon and returns when it accepts connections. A socket that a killed daemon
    /// has left behind is replaced.
    ///
    /// # Errors
    /// dbus-daemon is not installed or does not start; the message holds its log.
    pub fn start(socket: &Path) -> Result<Self> {
        let address = Self::address(socket);
        let configuration = socket.with_extension("conf");
        fs::write(&configuration, configuration_for(&address))
            .with_context(|| format!("writing {}", configuration.display()))?;
        if socket.exists() {
            fs::remove_file(socket).with_context(|| format!("removing {}", socket.display()))?;
        }
        let mut command = Command::new("dbus-daemon");
        command
            .arg("--nofork")
            .arg("--nopidfile")
            .arg("--print-address")
            .arg("--config-file")
            .arg(&configuration);
        let process = Process::spawn(command)
            .context("starting dbus-daemon (Debian's package dbus-daemon has it)")?;
        let is_address = |line: &str| line.starts_with("unix:").then_some(());
        process
            .wait_for_line(Stream::Stdout, 0, START_TIMEOUT, is_address)
            .context("starting dbus-daemon")?;
        Ok(Self { process })
    }

    /// The daemon, to stop, continue or watch.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Kills the daemon, which breaks every connection.
    ///
    /// # Errors
    /// It does not go.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill_tree()
    }
}

fn configuration_for(address: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true"/>
    <allow receive_requested_reply="true"/>
  </policy>
</busconfig>
"#
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_bus_listens_until_it_is_killed_and_again_when_it_is_started_again() {
        let folder = tempfile::tempdir().expect("a directory");
        let socket = folder.path().join("bus");
        let bus = MessageBus::start(&socket).expect("dbus-daemon");
        UnixStream::connect(&socket).expect("it listens");
        bus.kill().expect("it ends");
        UnixStream::connect(&socket).expect_err("nobody listens");
        let _again = MessageBus::start(&socket).expect("dbus-daemon");
        UnixStream::connect(&socket).expect("it listens again");
    }
}
