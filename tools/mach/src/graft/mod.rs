/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Grafts: how our code enters Servo's crates.
//!
//! For each `components/*/graft.toml` the pinned registry crate is verified,
//! unpacked in memory, edited, joined with our overlay and written to
//! `target/grafted/<crate>`, which the main workspace patches in. It always
//! starts from the pristine crate, so running it again changes nothing.

mod apply;
mod diff;
mod manifest;
mod registry;
pub mod sync;
pub mod unpack;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use apply::OverlayFile;
use manifest::{Manifest, Overlay};
use sync::Summary;
use unpack::Files;

/// Where the grafted crates stand, relative to the repository's root.
const GRAFTED: &str = "target/grafted";

/// A crate before and after its grafts.
struct Grafted {
    name: String,
    upstream: Files,
    result: Files,
}

/// Grafts every crate into `target/grafted` and says in one line what changed.
///
/// # Errors
/// All problems of all graft files in one text; nothing is written then.
pub fn write(root: &Path) -> Result<()> {
    let started = Instant::now();
    let (manifests, crates) = graft_all(root)?;
    let target = root.join(GRAFTED);
    let mut summary = Summary::default();
    for grafted in &crates {
        summary += sync::sync(&target.join(&grafted.name), &grafted.result)?;
    }
    summary += remove_strangers(&target, &crates)?;
    eprintln!(
        "mach: {}; {} files written, {} unchanged, {} removed in {:.1} s",
        counted(&manifests),
        summary.written,
        summary.unchanged,
        summary.removed,
        started.elapsed().as_secs_f32(),
    );
    Ok(())
}

/// Verifies that every graft applies, without writing anything.
///
/// # Errors
/// All problems of all graft files in one text.
pub fn check(root: &Path) -> Result<()> {
    let (manifests, _) = graft_all(root)?;
    eprintln!("mach: {} apply", counted(&manifests));
    Ok(())
}

/// Prints what the grafts change as a unified diff against upstream.
///
/// # Errors
/// As [`check`], and when standard output is closed.
pub fn print_diff(root: &Path) -> Result<()> {
    use std::io::Write;
    let (_, crates) = graft_all(root)?;
    let mut output = std::io::stdout().lock();
    for grafted in crates {
        let diff = diff::unified(&grafted.name, &grafted.upstream, &grafted.result);
        output.write_all(diff.as_bytes())?;
    }
    Ok(())
}

fn counted(manifests: &[Manifest]) -> String {
    let grafts = manifests
        .iter()
        .map(|manifest| manifest.grafts.len())
        .sum::<usize>();
    format!("{grafts} grafts in {} crates", manifests.len())
}

/// Reads, verifies and edits everything in memory.
fn graft_all(root: &Path) -> Result<(Vec<Manifest>, Vec<Grafted>)> {
    let (manifests, mut problems) = read_manifests(root)?;
    problems.extend(unmatched(root, &manifests)?);
    let crate_files = registry::read_crates(root, &manifests)?;
    let mut crates = Vec::new();
    for (manifest, bytes) in manifests.iter().zip(crate_files) {
        match graft_one(root, manifest, &bytes) {
            Ok(grafted) => crates.push(grafted),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        return Ok((manifests, crates));
    }
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    bail!("{count} {noun} in the grafts:\n  {}", problems.join("\n  "));
}

/// All `components/*/graft.toml`, by path; the texts are the problems of those
/// that cannot be read.
fn read_manifests(root: &Path) -> Result<(Vec<Manifest>, Vec<String>)> {
    let components = root.join("components");
    let mut paths = fs::read_dir(&components)
        .with_context(|| format!("reading {}", components.display()))?
        .map(|entry| Ok(entry?.path().join("graft.toml")))
        .filter(|path| !matches!(path, Ok(path) if !path.is_file()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    if paths.is_empty() {
        bail!("there is no components/*/graft.toml");
    }
    let (mut manifests, mut problems) = (Vec::<Manifest>::new(), Vec::new());
    for path in paths {
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let name = relative(root, &path);
        match Manifest::parse(&name, &text) {
            Ok(manifest) => match manifests.iter().find(|other| other.name == manifest.name) {
                Some(other) => problems.push(format!(
                    "{name}: crate {} is grafted by {} already",
                    other.name, other.path
                )),
                None => manifests.push(manifest),
            },
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    Ok((manifests, problems))
}

/// Where the graft files and the main workspace's `[patch.crates-io]` disagree
/// about which crates are grafted.
fn unmatched(root: &Path, manifests: &[Manifest]) -> Result<Vec<String>> {
    let path = root.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let table: toml::Table = text
        .parse()
        .with_context(|| format!("reading {}", path.display()))?;
    let patched = table
        .get("patch")
        .and_then(|patch| patch.get("crates-io")?.as_table())
        .into_iter()
        .flatten()
        .filter_map(|(name, patch)| Some((name, patch.get("path")?.as_str()?)))
        .filter(|(_, path)| path.starts_with(GRAFTED))
        .collect::<BTreeMap<_, _>>();
    let mut problems = Vec::new();
    for manifest in manifests {
        let wanted = format!("{GRAFTED}/{}", manifest.name);
        if patched.get(&manifest.name) != Some(&wanted.as_str()) {
            problems.push(format!(
                "{}: Cargo.toml does not patch {} with {wanted}",
                manifest.path, manifest.name
            ));
        }
    }
    for (name, path) in patched {
        if !manifests.iter().any(|manifest| manifest.name == *name) {
            problems.push(format!(
                "Cargo.toml patches {name} with {path}, which no graft file makes"
            ));
        }
    }
    Ok(problems)
}

fn graft_one(root: &Path, manifest: &Manifest, bytes: &[u8]) -> Result<Grafted, Vec<String>> {
    let stem = manifest.stem();
    let upstream = unpack::unpack(bytes, &stem, &manifest.checksum)
        .map_err(|error| vec![format!("{}: {stem}: {error}", manifest.path)])?;
    let mut problems = Vec::new();
    let mut overlay = Vec::new();
    for entry in &manifest.overlay {
        if let Err(error) = read_overlay(root, entry, &mut overlay) {
            problems.push(format!("{}: overlay: {error:#}", manifest.path));
        }
    }
    let result = apply::apply(manifest, &upstream, overlay).unwrap_or_else(|found| {
        problems.extend(found.iter().map(ToString::to_string));
        Files::new()
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Grafted {
        name: manifest.name.clone(),
        upstream,
        result,
    })
}

/// Reads the file or all files of the directory that an overlay entry names.
fn read_overlay(root: &Path, overlay: &Overlay, files: &mut Vec<OverlayFile>) -> Result<()> {
    let from = root.join(&overlay.from);
    let kind = fs::symlink_metadata(&from)
        .with_context(|| overlay.from.clone())?
        .file_type();
    if kind.is_symlink() {
        bail!(
            "{} is a link, it must be a file or a directory",
            overlay.from
        );
    }
    if !kind.is_dir() {
        files.push(OverlayFile {
            content: fs::read(&from).with_context(|| overlay.from.clone())?,
            from: overlay.from.clone(),
            to: overlay.to.clone(),
        });
        return Ok(());
    }
    let mut names = fs::read_dir(&from)
        .with_context(|| overlay.from.clone())?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let Some(name) = name.to_str() else {
            bail!("a name in {} is not UTF-8", overlay.from);
        };
        // Editors' and Python's droppings are no part of the product.
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        let inner = Overlay {
            from: format!("{}/{name}", overlay.from),
            to: format!("{}/{name}", overlay.to),
        };
        read_overlay(root, &inner, files)?;
    }
    Ok(())
}

/// Removes what stands in `target/grafted` and is none of the grafted crates.
fn remove_strangers(target: &Path, crates: &[Grafted]) -> Result<Summary> {
    let mut summary = Summary::default();
    for entry in fs::read_dir(target).with_context(|| format!("reading {}", target.display()))? {
        let entry = entry?;
        let known = crates
            .iter()
            .any(|grafted| entry.file_name() == grafted.name.as_str());
        if known {
            continue;
        }
        let path = entry.path();
        let removing = || format!("removing {}", path.display());
        if entry.file_type()?.is_dir() {
            summary += sync::sync(&path, &Files::new())?;
            fs::remove_dir(&path).with_context(removing)?;
        } else {
            fs::remove_file(&path).with_context(removing)?;
            summary.removed += 1;
        }
    }
    Ok(summary)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::unpack::{fixture::crate_of, sha256};
    use super::*;

    /// A repository with one graft file for the crate `c`.
    fn repository(overlay: &str, grafts: &str, bytes: &[u8]) -> (tempfile::TempDir, Manifest) {
        let root = tempfile::tempdir().unwrap();
        let component = root.path().join("components/c");
        fs::create_dir_all(component.join("dom/deep")).unwrap();
        fs::write(component.join("dom/a.rs"), "a").unwrap();
        fs::write(component.join("dom/deep/b.rs"), "b").unwrap();
        fs::write(component.join("dom/.a.rs.swp"), "dropping").unwrap();
        let text = format!(
            "[crate]\nname = \"c\"\nversion = \"1.0.0\"\nchecksum = \"{}\"\noverlay = [{overlay}]\n\
             {grafts}",
            sha256(bytes)
        );
        fs::write(component.join("graft.toml"), text).unwrap();
        let (mut manifests, problems) = read_manifests(root.path()).unwrap();
        assert_eq!(problems, Vec::<String>::new());
        (root, manifests.remove(0))
    }

    #[test]
    fn overlay_directories_and_files_land_where_the_graft_file_says() {
        let bytes = crate_of(&[("lib.rs", "mod x;\n")]);
        let (root, manifest) = repository(
            "{ from = \"components/c/dom\", to = \"dom/ours\" }, \
             { from = \"components/c/dom/a.rs\", to = \"one.rs\" }",
            "",
            &bytes,
        );
        let grafted = graft_one(root.path(), &manifest, &bytes).unwrap();
        assert_eq!(
            grafted.result.keys().collect::<Vec<_>>(),
            ["dom/ours/a.rs", "dom/ours/deep/b.rs", "lib.rs", "one.rs"]
        );
    }

    #[test]
    fn overlay_and_graft_problems_are_reported_together() {
        let bytes = crate_of(&[("lib.rs", "mod x;\n")]);
        let (root, manifest) = repository(
            "{ from = \"components/c/none\", to = \"dom\" }",
            "[[graft]]\nid = \"C1\"\nfile = \"lib.rs\"\nwhy = \"w\"\nafter = \"mod y;\"\ntext = \"z\"\n",
            &bytes,
        );
        let problems = graft_one(root.path(), &manifest, &bytes).err().unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("components/c/graft.toml: overlay: components/c/none"));
        assert!(problems[1].contains("graft C1") && problems[1].contains("`mod y;`"));
    }

    #[test]
    fn a_wrong_checksum_names_graft_file_and_crate() {
        let bytes = crate_of(&[("lib.rs", "")]);
        let (root, manifest) = repository("", "", &bytes);
        let other = crate_of(&[("lib.rs", "changed")]);
        let problems = graft_one(root.path(), &manifest, &other).err().unwrap();
        assert!(problems[0].starts_with("components/c/graft.toml: c-1.0.0: the .crate file has"));
    }

    #[test]
    fn one_crate_has_one_graft_file() {
        let (root, _) = repository("", "", b"");
        let twin = root.path().join("components/d");
        fs::create_dir(&twin).unwrap();
        fs::copy(
            root.path().join("components/c/graft.toml"),
            twin.join("graft.toml"),
        )
        .unwrap();
        let (manifests, problems) = read_manifests(root.path()).unwrap();
        assert_eq!((manifests.len(), problems.len()), (1, 1));
        assert!(problems[0].contains("components/d/graft.toml: crate c is grafted by"));
    }

    #[test]
    fn the_graft_files_make_what_the_workspace_patches() {
        let (root, manifest) = repository("", "", b"");
        let found = |patches: &str| {
            let text =
                format!("[patch.crates-io]\nours = {{ path = \"components/ours\" }}\n{patches}");
            fs::write(root.path().join("Cargo.toml"), text).unwrap();
            unmatched(root.path(), std::slice::from_ref(&manifest)).unwrap()
        };
        assert_eq!(found("c = { path = \"target/grafted/c\" }\n").len(), 0);
        let missing = found("");
        assert!(missing[0].contains("does not patch c with target/grafted/c"));
        let surplus =
            found("c = { path = \"target/grafted/c\" }\nd = { path = \"target/grafted/d\" }\n");
        assert!(surplus[0].contains("patches d with target/grafted/d"));
    }

    #[test]
    fn a_crate_that_is_no_longer_grafted_is_removed() {
        let target = tempfile::tempdir().unwrap();
        fs::create_dir_all(target.path().join("old/src")).unwrap();
        fs::write(target.path().join("old/src/lib.rs"), "").unwrap();
        fs::create_dir_all(target.path().join("c")).unwrap();
        let crates = [Grafted {
            name: "c".to_owned(),
            upstream: Files::new(),
            result: Files::new(),
        }];
        remove_strangers(target.path(), &crates).unwrap();
        assert!(!target.path().join("old").exists());
        assert!(target.path().join("c").exists());
    }

    #[cfg(unix)]
    #[test]
    fn an_overlay_link_is_refused() {
        let (root, _) = repository("", "", b"");
        let link = root.path().join("components/c/link");
        std::os::unix::fs::symlink("dom", &link).unwrap();
        let overlay = Overlay {
            from: "components/c/link".to_owned(),
            to: "dom".to_owned(),
        };
        assert!(read_overlay(root.path(), &overlay, &mut Vec::new()).is_err());
    }
}
