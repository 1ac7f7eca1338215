/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! rustfmt over every Rust file of ours.
//!
//! The overlay files belong to no crate of ours and `cargo fmt` would format
//! the grafted crates too, so each file goes through rustfmt's standard input
//! on its own: there rustfmt does not follow `mod` lines.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use similar::TextDiff;

use crate::sources;

/// Formats all files, or with `check` only shows what would change.
///
/// # Errors
/// When a file does not parse, and with `check` when one is not formatted.
pub fn fmt(root: &Path, check: bool) -> Result<()> {
    let mut failures = 0;
    let mut changed = 0;
    for (path, result) in formatted(root, &sources::rust(root)?)? {
        let shown = path.display().to_string();
        let absolute = root.join(&path);
        match result {
            Err(error) => {
                failures += 1;
                eprintln!("{shown}: {error:#}");
            }
            Ok(new) => {
                let old = fs::read_to_string(&absolute).with_context(|| shown.clone())?;
                if old == new {
                    continue;
                }
                changed += 1;
                if check {
                    let diff = TextDiff::from_lines(&old, &new);
                    print!("{}", diff.unified_diff().header(&shown, &shown));
                } else {
                    println!("formatted {shown}");
                    fs::write(&absolute, new).with_context(|| format!("writing {shown}"))?;
                }
            }
        }
    }
    if failures > 0 {
        bail!("rustfmt cannot read {failures} files");
    }
    if check && changed > 0 {
        bail!("{changed} files are not formatted: run ./mach fmt");
    }
    Ok(())
}

/// Every file as rustfmt would have it, in the order given.
fn formatted(root: &Path, paths: &[PathBuf]) -> Result<Vec<(PathBuf, Result<String>)>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = format_file(root, path);
                    if let Ok(mut results) = results.lock() {
                        results.push((path.clone(), result));
                    }
                }
            });
        }
    });
    let mut results = results
        .into_inner()
        .map_err(|_| anyhow!("a rustfmt thread panicked"))?;
    results.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(results)
}

fn format_file(root: &Path, path: &Path) -> Result<String> {
    let text = fs::read_to_string(root.join(path))?;
    let mut rustfmt = Command::new("rustfmt")
        .current_dir(root)
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting rustfmt")?;
    let mut input = rustfmt.stdin.take().context("rustfmt has no input")?;
    // rustfmt reads all of its input before it writes any output.
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("rustfmt's output is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_formatted_without_the_modules_it_declares() {
        let root = tempfile::tempdir().unwrap();
        let path = Path::new("a.rs");
        fs::write(root.path().join(path), "mod   missing;\nfn  f( ){}\n").unwrap();
        let text = format_file(root.path(), path).unwrap();
        assert_eq!(text, "mod missing;\nfn f() {}\n");
    }

    #[test]
    fn checking_finds_an_unformatted_file_and_leaves_it_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.rs");
        fs::write(&path, "fn  f( ){}\n").unwrap();
        assert!(fmt(root.path(), true).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "fn  f( ){}\n");
        fmt(root.path(), false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "fn f() {}\n");
        fmt(root.path(), true).unwrap();
    }

    #[test]
    fn a_file_that_does_not_parse_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.rs"), "fn f( {\n").unwrap();
        assert!(fmt(root.path(), false).is_err());
    }
}
