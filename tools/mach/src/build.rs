/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Building the browser: bootstrap check, grafts, Cargo.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::bootstrap;
use crate::cargo::Cargo;
use crate::graft;

/// The browser's package and program.
pub const SHELL: &str = "captureshell";

/// Which of Cargo's profiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile {
    /// Dependencies unoptimised: the one to work with.
    Debug,
    /// Everything optimised.
    Release,
}

impl Profile {
    /// From the `--release` flag.
    pub fn new(release: bool) -> Profile {
        match release {
            true => Profile::Release,
            false => Profile::Debug,
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }

    /// Adds the flag that selects the profile to a call of Cargo.
    pub fn select(self, cargo: Cargo) -> Cargo {
        match self {
            Profile::Debug => cargo,
            Profile::Release => cargo.arg("--release"),
        }
    }
}

/// Where Cargo puts a program of ours.
pub fn program(root: &Path, name: &str, profile: Profile) -> PathBuf {
    root.join("target").join(profile.directory()).join(name)
}

/// Everything that must be there before Cargo can be called in the main
/// workspace: system packages and grafted crates.
///
/// # Errors
/// What [`bootstrap::ensure`] and [`graft::write`] report.
pub fn prepare(root: &Path) -> Result<()> {
    bootstrap::ensure(bootstrap::Options::default())?;
    graft::write(root)
}

/// Builds the packages, the browser when none is named.
///
/// # Errors
/// Also when a preparation fails.
pub fn build(root: &Path, packages: &[String], profile: Profile) -> Result<()> {
    prepare(root)?;
    compile(root, packages, profile)
}

/// Builds without looking at system packages and grafts again.
///
/// # Errors
/// When Cargo fails.
pub fn compile(root: &Path, packages: &[String], profile: Profile) -> Result<()> {
    let mut cargo = profile.select(Cargo::new(root, "build"));
    if packages.is_empty() {
        cargo = cargo.args(["--package", SHELL]);
    }
    for package in packages {
        cargo = cargo.args(["--package", package]);
    }
    cargo.run()
}
