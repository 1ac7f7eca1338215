/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Makes a directory hold exactly the wanted files, touching as little as
//! possible: Cargo takes a crate with a path for changed when a file's
//! modification time is new, and rebuilding Servo's script crate takes minutes.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::unpack::Files;

/// How many files a synchronization touched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// New or with other bytes than before.
    pub written: usize,
    /// Left alone.
    pub unchanged: usize,
    /// No longer wanted.
    pub removed: usize,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.written += other.written;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
    }
}

/// Makes `directory` hold `files` and nothing else.
///
/// # Errors
/// The first file that cannot be read, written or removed.
pub fn sync(directory: &Path, files: &Files) -> Result<Summary> {
    let mut summary = Summary::default();
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    let wanted = files
        .keys()
        .map(|path| directory.join(path))
        .collect::<BTreeSet<PathBuf>>();
    // First, because a file may stand where a directory is wanted now.
    prune(directory, &wanted, &mut summary)?;
    for (path, content) in files {
        let path = directory.join(path);
        if fs::read(&path).is_ok_and(|found| found == *content) {
            summary.unchanged += 1;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        summary.written += 1;
    }
    Ok(summary)
}

/// Removes what is not wanted below `directory` and the directories that this
/// empties. Links are removed, never followed.
fn prune(directory: &Path, wanted: &BTreeSet<PathBuf>, summary: &mut Summary) -> Result<()> {
    let reading = || format!("reading {}", directory.display());
    for entry in fs::read_dir(directory).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = entry.path();
        let kind = entry.file_type().with_context(reading)?;
        if kind.is_dir() {
            prune(&path, wanted, summary)?;
            match fs::remove_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
                    return Err(error).with_context(|| format!("removing {}", path.display()));
                }
                _ => {}
            }
        } else if kind.is_symlink() || !wanted.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            summary.removed += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    fn age(path: &Path) -> SystemTime {
        let old = SystemTime::now() - Duration::from_secs(3600);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(old).unwrap();
        fs::metadata(path).unwrap().modified().unwrap()
    }

    fn modified(path: &Path) -> SystemTime {
        fs::metadata(path).unwrap().modified().unwrap()
    }

    #[test]
    fn a_file_whose_bytes_are_the_same_keeps_its_time() {
        let root = tempfile::tempdir().unwrap();
        let before = files(&[("a.rs", "a"), ("dom/b.rs", "b")]);
        let first = sync(root.path(), &before).unwrap();
        assert_eq!((first.written, first.unchanged), (2, 0));
        let (a, b) = (root.path().join("a.rs"), root.path().join("dom/b.rs"));
        let (old_a, old_b) = (age(&a), age(&b));

        let second = sync(root.path(), &files(&[("a.rs", "a"), ("dom/b.rs", "B")])).unwrap();

        assert_eq!((second.written, second.unchanged), (1, 1));
        assert_eq!(modified(&a), old_a);
        assert!(modified(&b) > old_b);
        assert_eq!(fs::read(&b).unwrap(), b"B");
    }

    #[test]
    fn what_is_no_longer_produced_goes_with_its_directories() {
        let root = tempfile::tempdir().unwrap();
        sync(
            root.path(),
            &files(&[("a", ""), ("x/y/z", ""), ("x/w", "")]),
        )
        .unwrap();
        let summary = sync(root.path(), &files(&[("a", ""), ("x/w", "")])).unwrap();
        assert_eq!((summary.written, summary.removed), (0, 1));
        assert!(!root.path().join("x/y").exists());
        assert!(root.path().join("x/w").exists());
    }

    #[test]
    fn a_file_may_become_a_directory_and_back() {
        let root = tempfile::tempdir().unwrap();
        for wanted in [&[("a", "1")][..], &[("a/b", "2")], &[("a", "3")]] {
            let wanted = files(wanted);
            sync(root.path(), &wanted).unwrap();
            for (path, content) in &wanted {
                assert_eq!(&fs::read(root.path().join(path)).unwrap(), content);
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let outside = root.path().join("outside");
        fs::write(&outside, "theirs").unwrap();
        let inside = root.path().join("crate");
        fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("a")).unwrap();

        sync(&inside, &files(&[("a", "ours")])).unwrap();

        assert_eq!(fs::read_to_string(outside).unwrap(), "theirs");
        assert!(!fs::symlink_metadata(inside.join("a")).unwrap().is_symlink());
    }
}
