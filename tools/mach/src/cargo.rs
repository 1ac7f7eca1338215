/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Calls of Cargo, all from the repository's root, so that `.cargo/config.toml`
//! (compiler, linker) holds for each of them.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// One call of Cargo, with its output on the terminal.
pub struct Cargo {
    command: Command,
    shown: String,
}

impl Cargo {
    /// `cargo SUBCOMMAND`, with `--locked` where the environment says `CI=true`.
    pub fn new(root: &Path, subcommand: &str) -> Cargo {
        let mut cargo = Cargo::unlocked(root, subcommand);
        if env::var_os("CI").is_some_and(|value| value == "true") {
            cargo = cargo.arg("--locked");
        }
        cargo
    }

    /// `cargo SUBCOMMAND` that may write a lock file even in CI.
    pub fn unlocked(root: &Path, subcommand: &str) -> Cargo {
        let mut command = Command::new("cargo");
        command.current_dir(root).arg(subcommand);
        Cargo {
            command,
            shown: format!("cargo {subcommand}"),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Cargo {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Cargo {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Cargo {
        self.command.env(name, value);
        self
    }

    /// Runs to the end and hands on each line of standard output, after it is
    /// printed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_reading(mut self, mut read: impl FnMut(&str)) -> Result<()> {
        let starting = || format!("starting {}", self.shown);
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(starting)?;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                let line = line.with_context(|| format!("reading from {}", self.shown))?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                read(&line);
            }
        }
        let status = child.wait().with_context(starting)?;
        if !status.success() {
            bail!("{} failed ({status})", self.shown);
        }
        Ok(())
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// When Cargo cannot be started or fails; it has said why itself.
    pub fn run(mut self) -> Result<()> {
        let status = self
            .command
            .status()
            .with_context(|| format!("starting {}", self.shown))?;
        if !status.success() {
            bail!("{} failed ({status})", self.shown);
        }
        Ok(())
    }
}

/// Cargo's home directory: `CARGO_HOME` or `.cargo` in the user's.
///
/// # Errors
/// When neither `CARGO_HOME` nor `HOME` is set.
pub fn home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()) {
        return Ok(home.into());
    }
    let home = env::home_dir().context("neither CARGO_HOME nor HOME is set")?;
    Ok(home.join(".cargo"))
}

/// The target triple of this machine.
///
/// # Errors
/// When rustc cannot be asked.
pub fn host(root: &Path) -> Result<String> {
    let output = Command::new("rustc")
        .current_dir(root)
        .arg("-vV")
        .output()
        .context("starting rustc")?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .context("rustc -vV names no host")
}
