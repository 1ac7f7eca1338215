/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The files of the record: their names and their order.
//!
//! `captures.jsonl` is written to. A full one is given a number above all others,
//! `captures.000001.jsonl`, by one rename, so that at every moment each entry is
//! in exactly one file. The lowest numbers go first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const CURRENT: &str = "captures.jsonl";
const LOCK: &str = "captures.lock";

/// The file that is written to.
pub(super) fn current(directory: &Path) -> PathBuf {
    directory.join(CURRENT)
}

/// The file that browsers lock while they write.
pub(super) fn lock(directory: &Path) -> PathBuf {
    directory.join(LOCK)
}

/// A full file's name.
pub(super) fn rotated(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("captures.{number:06}.jsonl"))
}

/// The full files, oldest first.
pub(super) fn rotated_files(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if let Some(number) = path.file_name().and_then(|name| number_of(name.to_str()?)) {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files)
}

fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix("captures.")?.strip_suffix(".jsonl")?;
    let is_number = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok()).flatten()
}

/// The files of a record in the order of their entries; none where there is no
/// record.
///
/// # Errors
/// When the directory exists and cannot be read.
pub fn record_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = match rotated_files(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?.into_iter().map(|(_, path)| path).collect(),
    };
    let current = current(directory);
    if fs::symlink_metadata(&current).is_ok() {
        files.push(current);
    }
    Ok(files)
}
