/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where the pinned `.crate` files come from: Cargo's registry cache.
//!
//! Cargo cannot resolve the main workspace while the directories it patches in
//! are missing, so missing files are fetched through a tiny package of their
//! own in `target/bootstrap/`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::manifest::Manifest;
use super::unpack::sha256;
use crate::cargo;

/// The bytes of each manifest's `.crate` file, fetched first when one of them
/// is missing from the cache. Where several registries have a file of the name,
/// the one with the pinned checksum is taken; the checksum itself is left for
/// `unpack` to check.
///
/// # Errors
/// When Cargo's home cannot be found or a file can be neither found nor
/// fetched.
pub fn read_crates(root: &Path, manifests: &[Manifest]) -> Result<Vec<Vec<u8>>> {
    let cache = cargo::home()?.join("registry/cache");
    let find_all = || {
        manifests
            .iter()
            .map(|manifest| find(&cache, manifest))
            .collect::<Result<Option<Vec<_>>>>()
    };
    if let Some(found) = find_all()? {
        return Ok(found);
    }
    fetch(root, manifests)?;
    match find_all()? {
        Some(found) => Ok(found),
        None => bail!(
            "Cargo fetched the crates, yet not all of them are in {}",
            cache.display()
        ),
    }
}

/// Looks through the registries of a cache directory.
fn find(cache: &Path, manifest: &Manifest) -> Result<Option<Vec<u8>>> {
    let file_name = format!("{}.crate", manifest.stem());
    let mut other = None;
    for registry in subdirectories(cache)? {
        let path = registry.join(&file_name);
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        if sha256(&bytes) == manifest.checksum {
            return Ok(Some(bytes));
        }
        other = Some(bytes);
    }
    Ok(other)
}

/// The registries' directories in a fixed order; none when there is no cache.
fn subdirectories(cache: &Path) -> Result<Vec<PathBuf>> {
    if !cache.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(cache).with_context(|| format!("reading {}", cache.display()))? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

/// Lets Cargo fetch the crates and all they depend on, for this machine's
/// platform. The main lock file, where there is one, keeps Cargo from fetching
/// other versions than the build wants.
fn fetch(root: &Path, manifests: &[Manifest]) -> Result<()> {
    let directory = root.join("target/bootstrap");
    let source = directory.join("src");
    fs::create_dir_all(&source).with_context(|| format!("creating {}", source.display()))?;
    fs::write(source.join("lib.rs"), "")?;
    let manifest_path = directory.join("Cargo.toml");
    fs::write(&manifest_path, bootstrap_manifest(manifests))
        .with_context(|| format!("writing {}", manifest_path.display()))?;
    let lock = root.join("Cargo.lock");
    if lock.is_file() {
        fs::copy(&lock, directory.join("Cargo.lock")).context("copying Cargo.lock")?;
    }
    eprintln!("mach: fetching Servo's sources");
    // Never `--locked`: this package's lock file is made from the main one.
    cargo::Cargo::unlocked(root, "fetch")
        .arg("--manifest-path")
        .arg(&manifest_path)
        .args(["--target", &cargo::host(root)?])
        .run()
        .context("fetching the crates that are grafted")
}

fn bootstrap_manifest(manifests: &[Manifest]) -> String {
    let mut text = "# Made by mach to fetch the crates that are grafted.\n\
        [package]\nname = \"graft-bootstrap\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
        publish = false\n\n[workspace]\n\n[dependencies]\n"
        .to_owned();
    for manifest in manifests {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} = \"={}\"", manifest.name, manifest.version);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(checksum: String) -> Manifest {
        Manifest {
            path: "graft.toml".to_owned(),
            name: "c".to_owned(),
            version: "1.0.0".to_owned(),
            checksum,
            overlay: Vec::new(),
            grafts: Vec::new(),
        }
    }

    #[test]
    fn the_registry_with_the_pinned_bytes_wins() {
        let cache = tempfile::tempdir().unwrap();
        for (registry, bytes) in [("a", "mirror"), ("b", "pinned"), ("c", "other")] {
            fs::create_dir(cache.path().join(registry)).unwrap();
            fs::write(cache.path().join(registry).join("c-1.0.0.crate"), bytes).unwrap();
        }
        let found = find(cache.path(), &manifest(sha256(b"pinned"))).unwrap();
        assert_eq!(found.unwrap(), b"pinned");
        let found = find(cache.path(), &manifest(sha256(b"none"))).unwrap();
        assert!(found.is_some(), "a wrong file is for `unpack` to report");
    }

    #[test]
    fn a_missing_crate_or_cache_is_not_an_error() {
        let cache = tempfile::tempdir().unwrap();
        let wanted = manifest(sha256(b"pinned"));
        assert!(find(cache.path(), &wanted).unwrap().is_none());
        assert!(find(&cache.path().join("none"), &wanted).unwrap().is_none());
    }

    #[test]
    fn the_bootstrap_package_wants_the_exact_versions() {
        let text = bootstrap_manifest(&[manifest(String::new())]);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["dependencies"]["c"].as_str(), Some("=1.0.0"));
        assert!(table.contains_key("workspace"));
    }
}
