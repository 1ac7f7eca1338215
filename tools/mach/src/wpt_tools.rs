/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What `wpt-run` needs from elsewhere, in `target/wpt`: testharness.js from
//! npm in `npm/`, the interfaces of all specs from npm in `idl/`, the server of
//! web-platform-tests from PyPI in `venv/`.
//!
//! All are pinned by version and SHA-256 and are taken once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::graft::{sync, unpack};

/// A package of npm's registry.
struct NpmPackage {
    /// Name and version.
    name: &'static str,
    /// The file that `npm pack` makes of it.
    file: &'static str,
    sha256: &'static str,
    /// Where it is unpacked.
    directory: &'static str,
}

const NPM_PACKAGES: [NpmPackage; 2] = [
    NpmPackage {
        name: "wpt-runner@7.0.0",
        file: "wpt-runner-7.0.0.tgz",
        sha256: "2c10b1278842e86c073631cd2a7c05a0cf0e29151a5c3a067f5b8ac0b582b898",
        directory: "npm",
    },
    NpmPackage {
        name: "@webref/idl@3.85.0",
        file: "webref-idl-3.85.0.tgz",
        sha256: "0b5fdb6a5dd00d1138dad5b7f637c28d029f1574c5dd27aebee36d74a74b3ef6",
        directory: "idl",
    },
];

/// wptserve and all it depends on, as pip's requirements.
const REQUIREMENTS: &str = "\
wptserve==4.0.3 --hash=sha256:84ee8f7e55b872f487ed5c4446cf809d66ec8b30e0cef6de2e5ae4e3a190fdc5
h2==4.4.1 --hash=sha256:0e25f1462b23c9cb82d9eb02e28bc706dac2a68cb457c6a0d74d63c8a2a5d0e6
hpack==4.2.0 --hash=sha256:858ac0b02280fa582b5080d68db0899c62a80375e0e5413a74970c5e518b6986
hyperframe==6.1.0 --hash=sha256:b03380493a519fce58ea5af42e4a42317bf9bd425596f7a0835ffce80f1a42e5
pywebsocket3==4.0.2 --hash=sha256:2589ddc14cdd9ca600cc76551a7f4f8935837304790b72f371fd1a9e4986430f
six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
";

/// Where the tools stand.
pub fn directory(root: &Path) -> PathBuf {
    root.join("target/wpt")
}

/// Makes the tools unless they are there, and returns their directory.
///
/// # Errors
/// When npm or pip fail, or deliver other bytes than the pinned ones.
pub fn ensure(root: &Path) -> Result<PathBuf> {
    let directory = directory(root);
    fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    for package in &NPM_PACKAGES {
        let NpmPackage { name, sha256, .. } = package;
        let part = Part {
            stamp: directory.join(format!("{}.stamp", package.directory)),
            content: format!("{name} {sha256}\n"),
        };
        part.ensure(|| package.install(&directory))
            .with_context(|| format!("taking {name} from npm"))?;
    }
    let venv = Part {
        stamp: directory.join("venv.stamp"),
        content: REQUIREMENTS.to_owned(),
    };
    venv.ensure(|| install_venv(&directory))
        .context("taking wptserve from PyPI")?;
    Ok(directory)
}

/// Something made once; the stamp, written last, says what it was made from.
struct Part {
    stamp: PathBuf,
    content: String,
}

impl Part {
    fn ensure(&self, make: impl FnOnce() -> Result<()>) -> Result<()> {
        if fs::read_to_string(&self.stamp).is_ok_and(|found| found == self.content) {
            return Ok(());
        }
        make()?;
        fs::write(&self.stamp, &self.content)
            .with_context(|| format!("writing {}", self.stamp.display()))
    }
}

impl NpmPackage {
    fn install(&self, directory: &Path) -> Result<()> {
        eprintln!("mach: npm pack {}", self.name);
        let mut npm = Command::new("npm");
        npm.args(["pack", self.name, "--silent", "--pack-destination", "."]);
        // It prints the name of the file.
        run(npm.current_dir(directory).stdout(Stdio::null()))?;
        let file = directory.join(self.file);
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let files = unpack::unpack(&bytes, "package", self.sha256)?;
        sync::sync(&directory.join(self.directory), &files)?;
        fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))
    }
}

fn install_venv(directory: &Path) -> Result<()> {
    eprintln!("mach: pip install wptserve");
    let venv = directory.join("venv");
    match fs::remove_dir_all(&venv) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("removing {}", venv.display()));
        }
        _ => {}
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let requirements = directory.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)
        .with_context(|| format!("writing {}", requirements.display()))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args([
            "--disable-pip-version-check",
            "--require-hashes",
            "--requirement",
        ]);
    run(pip.arg(&requirements))
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("starting {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_made_once_and_again_when_its_pin_changes() {
        let root = tempfile::tempdir().unwrap();
        let part = |content: &str| Part {
            stamp: root.path().join("stamp"),
            content: content.to_owned(),
        };
        let mut made = 0;
        for (pin, expected) in [("1", 1), ("1", 1), ("2", 2), ("2", 2)] {
            part(pin)
                .ensure(|| {
                    made += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(made, expected, "{pin}");
        }
    }

    #[test]
    fn a_part_that_failed_is_tried_again() {
        let root = tempfile::tempdir().unwrap();
        let part = Part {
            stamp: root.path().join("stamp"),
            content: String::new(),
        };
        assert!(part.ensure(|| bail!("no network")).is_err());
        let mut made = false;
        part.ensure(|| {
            made = true;
            Ok(())
        })
        .unwrap();
        assert!(made);
    }

    #[test]
    fn every_requirement_is_pinned() {
        for line in REQUIREMENTS.lines() {
            let (name, hash) = line.split_once(" --hash=sha256:").unwrap();
            assert!(name.contains("==") && hash.len() == 64, "{line}");
        }
    }
}
