/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The files of the repository that are ours, found without asking git, so
//! that a new file counts before it is committed and an unpacked archive works
//! as a clone does.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Directories that hold what tools make.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];
/// The directories with a dot that are ours.
const DOTTED: [&str; 2] = [".cargo", ".ci"];

/// All files below `root`, sorted, as paths relative to it.
///
/// # Errors
/// When a directory cannot be read.
pub fn all(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(root, Path::new(""), &mut files)?;
    files.sort();
    Ok(files)
}

/// All Rust source files below `root`, sorted, as paths relative to it.
///
/// # Errors
/// When a directory cannot be read.
pub fn rust(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = all(root)?;
    files.retain(|path| is_rust(path));
    Ok(files)
}

/// Whether a path is a Rust source file's.
pub fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let reading = || format!("reading {}", root.join(directory).display());
    for entry in fs::read_dir(root.join(directory)).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let kind = entry.file_type().with_context(reading)?;
        let name = entry.file_name();
        let path = directory.join(&name);
        let name = name.to_string_lossy();
        if kind.is_dir() {
            let made = MADE.contains(&&*name);
            let hidden = name.starts_with('.') && !DOTTED.contains(&&*name);
            if !made && !hidden {
                collect(root, &path, files)?;
            }
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_files_are_found() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "a.rs",
            "b/c.rs",
            "b/d.txt",
            ".ci/run",
            ".git/x.rs",
            "target/y.rs",
            "b/target/z.rs",
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = |paths: Vec<PathBuf>| {
            paths
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found(all(root.path()).unwrap()),
            [".ci/run", "a.rs", "b/c.rs", "b/d.txt"]
        );
        assert_eq!(found(rust(root.path()).unwrap()), ["a.rs", "b/c.rs"]);
    }
}
