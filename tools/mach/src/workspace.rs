/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The packages of the main workspace, in two groups.
//!
//! Cargo unifies features over the packages of one call. Named together with
//! the browser, the test tools would add features to crates deep below Servo,
//! and Servo would be built a second time. So no call of mach mixes the groups.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo::Cargo;

/// The browser, the crates of ours in it, what feeds these with arbitrary bytes,
/// and what compares them with other ways to capture: its dependencies ask
/// nothing of Servo's crates that the browser does not ask.
pub const BROWSER: &[&str] = &[
    "capture-bench",
    "capture-fuzz",
    "captureshell",
    "servo-capture",
    "servo-capture-traits",
    "servo-media-capture",
];

/// What tests it and has nothing of Servo in it.
pub const TEST_TOOLS: &[&str] = &["capture-integration-tests", "capture-test-rig", "wpt-run"];

/// Every package, each group for a call of its own, and what people call it.
pub const GROUPS: &[(&str, &[&str])] = &[("the test tools", TEST_TOOLS), ("the browser", BROWSER)];

/// The package of the tests that start the browser.
pub const INTEGRATION_TESTS: &str = "capture-integration-tests";

/// The package that runs web-platform-tests, and its program.
pub const WPT_RUN: &str = "wpt-run";

/// Adds `--package` for each name.
pub fn select(mut cargo: Cargo, packages: &[&str]) -> Cargo {
    for package in packages {
        cargo = cargo.args(["--package", package]);
    }
    cargo
}

/// A call of Cargo for the build tool's own workspace.
pub fn cargo_for_mach(root: &Path, subcommand: &str) -> Cargo {
    Cargo::new(root, subcommand)
        .args(["--manifest-path", "tools/mach/Cargo.toml"])
        .args(["--target-dir", "target/mach"])
}

/// A member of the main workspace.
#[derive(Debug)]
pub struct Member {
    /// The package's name.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// Its Cargo.toml.
    pub manifest: toml::Table,
}

/// The members that the root's Cargo.toml lists.
///
/// # Errors
/// When a Cargo.toml is missing, is not TOML, or lacks what makes it one.
pub fn members(root: &Path) -> Result<Vec<Member>> {
    let workspace = read_manifest(root)?;
    let paths = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("members")?.as_array())
        .context("Cargo.toml lists no workspace members")?;
    paths
        .iter()
        .filter_map(toml::Value::as_str)
        .map(|path| {
            let directory = root.join(path);
            let manifest = read_manifest(&directory)?;
            let name = manifest
                .get("package")
                .and_then(|package| package.get("name")?.as_str())
                .with_context(|| format!("{path}/Cargo.toml names no package"))?
                .to_owned();
            Ok(Member {
                name,
                directory,
                manifest,
            })
        })
        .collect()
}

fn read_manifest(directory: &Path) -> Result<toml::Table> {
    let path = directory.join("Cargo.toml");
    let reading = || format!("reading {}", path.display());
    fs::read_to_string(&path)
        .with_context(reading)?
        .parse()
        .with_context(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_the_workspace_is_in_one_group() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut names = members(&root)
            .unwrap()
            .into_iter()
            .map(|member| member.name)
            .collect::<Vec<_>>();
        names.sort();
        let mut grouped = GROUPS
            .iter()
            .flat_map(|(_, packages)| packages.iter().copied())
            .collect::<Vec<_>>();
        grouped.sort_unstable();
        assert_eq!(names, grouped);
    }
}
