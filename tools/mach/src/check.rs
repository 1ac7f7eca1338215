/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The subcommands that hand our packages to one of Cargo's: lint, doc, bench.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::cargo::Cargo;
use crate::tidy;
use crate::workspace::{self, GROUPS, Member};

/// Checks the rules of the house and lets clippy deny every warning in our
/// packages; Servo's are built as dependencies and not judged.
///
/// # Errors
/// When a rule is broken or clippy finds something; the other checks still run.
pub fn lint(root: &Path) -> Result<()> {
    let clippy = |cargo: Cargo| cargo.args(["--all-targets", "--", "-D", "warnings"]).run();
    let mut results = vec![
        tidy::tidy(root),
        clippy(workspace::cargo_for_mach(root, "clippy")).context("in tools/mach"),
    ];
    for (name, packages) in GROUPS {
        let checked = clippy(workspace::select(Cargo::new(root, "clippy"), packages));
        results.push(checked.with_context(|| format!("in {name}")));
    }
    let failures = results
        .into_iter()
        .filter_map(|result| Some(format!("{:#}", result.err()?)))
        .collect::<Vec<_>>();
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    Ok(())
}

/// Builds the documentation of our packages in `target/doc`.
///
/// # Errors
/// When a preparation or rustdoc fails.
pub fn doc(root: &Path) -> Result<()> {
    build::prepare(root)?;
    for (_, packages) in GROUPS {
        workspace::select(Cargo::new(root, "doc"), packages)
            .arg("--no-deps")
            .run()?;
    }
    Ok(())
}

/// Runs the benches of our packages; the number is the code to exit with, 2
/// when there is nothing to run.
///
/// # Errors
/// When a preparation or a bench fails.
pub fn bench(root: &Path, filters: &[OsString]) -> Result<u8> {
    let benched = workspace::members(root)?
        .into_iter()
        .filter(has_benches)
        .map(|member| member.name)
        .collect::<Vec<_>>();
    if benched.is_empty() {
        eprintln!("mach: no benches yet: no package of the workspace has one");
        return Ok(2);
    }
    build::prepare(root)?;
    for (_, packages) in GROUPS {
        let packages = packages
            .iter()
            .copied()
            .filter(|package| benched.iter().any(|name| name == package))
            .collect::<Vec<_>>();
        if packages.is_empty() {
            continue;
        }
        // `--benches` leaves out the unit tests, which Cargo would run too.
        workspace::select(Cargo::new(root, "bench"), &packages)
            .args(["--benches", "--"])
            .args(filters)
            .run()?;
    }
    Ok(0)
}

fn has_benches(member: &Member) -> bool {
    member.manifest.contains_key("bench") || member.directory.join("benches").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_with_a_bench_folder_or_target_has_benches() {
        let root = tempfile::tempdir().unwrap();
        let member = |manifest: &str| Member {
            name: "c".to_owned(),
            directory: root.path().to_owned(),
            manifest: manifest.parse().unwrap(),
        };
        assert!(!has_benches(&member("")));
        assert!(has_benches(&member("[[bench]]\nname = \"b\"\n")));
        std::fs::create_dir(root.path().join("benches")).unwrap();
        assert!(has_benches(&member("")));
    }
}
