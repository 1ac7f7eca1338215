/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reading a file of preferences, and only a file that can be trusted.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Position, PreferenceReason};

/// The most bytes that a file of preferences may have.
pub(super) const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most files that a directory of managed files may have.
const MAX_MANAGED_FILES: usize = 256;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Named by the user, who may point it anywhere.
    User,
    /// Of the administrator. No link, and nobody else may be able to write it.
    Managed,
}

/// A problem with a whole file, or with the place in it that is named.
#[derive(Debug)]
pub(super) struct FileProblem {
    pub position: Option<Position>,
    pub reason: PreferenceReason,
}

impl From<PreferenceReason> for FileProblem {
    fn from(reason: PreferenceReason) -> Self {
        FileProblem {
            position: None,
            reason,
        }
    }
}

impl From<io::Error> for FileProblem {
    fn from(error: io::Error) -> Self {
        PreferenceReason::Unreadable(Arc::new(error)).into()
    }
}

/// Reads a whole file as UTF-8. Does not wait for a pipe's other end.
pub(super) fn read_text(path: &Path, kind: FileKind) -> Result<String, FileProblem> {
    let file = open(path, kind)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_a_file(&metadata));
    }
    if kind == FileKind::Managed {
        check_writers(&metadata)?;
    }
    let mut bytes = Vec::new();
    // The length may change after it was asked for: the limit is on what is read.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(PreferenceReason::TooLarge {
            limit: MAX_FILE_BYTES,
        }
        .into());
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(PreferenceReason::ByteOrderMark.into());
    }
    String::from_utf8(bytes).map_err(|error| FileProblem {
        position: Some(Position::at(
            error.as_bytes(),
            error.utf8_error().valid_up_to(),
        )),
        reason: PreferenceReason::NotUtf8,
    })
}

/// The managed files of a directory in the order in which they apply, or `None`
/// when there is no such directory. Only the names are looked at here.
pub(super) fn managed_files(directory: &Path) -> Result<Option<Vec<PathBuf>>, FileProblem> {
    // A link to nowhere is not a missing directory: somebody meant one.
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let metadata = fs::metadata(directory)?;
    if !metadata.is_dir() {
        return Err(PreferenceReason::NotADirectory.into());
    }
    // Whoever may write here may also remove a file that restricts.
    check_writers(&metadata)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if !path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        {
            continue;
        }
        if files.len() == MAX_MANAGED_FILES {
            return Err(PreferenceReason::TooManyFiles {
                limit: MAX_MANAGED_FILES,
            }
            .into());
        }
        files.push(path);
    }
    files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(Some(files))
}

#[cfg(target_os = "linux")]
fn open(path: &Path, kind: FileKind) -> Result<File, FileProblem> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    use rustix::io::Errno;

    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if kind == FileKind::Managed {
        flags |= OFlags::NOFOLLOW;
    }
    File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) if kind == FileKind::Managed => PreferenceReason::NotAFile {
                found: "a symbolic link",
            }
            .into(),
            _ => error.into(),
        })
}

/// Without Linux's flags the kind of file is looked at before it is opened, so
/// that a pipe does not make the caller wait.
#[cfg(not(target_os = "linux"))]
fn open(path: &Path, kind: FileKind) -> Result<File, FileProblem> {
    let metadata = match kind {
        FileKind::User => fs::metadata(path)?,
        FileKind::Managed => fs::symlink_metadata(path)?,
    };
    if !metadata.is_file() {
        return Err(not_a_file(&metadata));
    }
    Ok(File::open(path)?)
}

fn not_a_file(metadata: &Metadata) -> FileProblem {
    let found = if metadata.is_dir() {
        "a directory"
    } else if metadata.is_symlink() {
        "a symbolic link"
    } else {
        "a pipe, a socket or a device"
    };
    PreferenceReason::NotAFile { found }.into()
}

/// Nobody but the administrator and the current user may be able to write.
#[cfg(target_os = "linux")]
fn check_writers(metadata: &Metadata) -> Result<(), FileProblem> {
    use std::os::unix::fs::MetadataExt;

    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(PreferenceReason::ForeignOwner { owner }.into());
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(PreferenceReason::WritableByOthers { mode }.into());
    }
    Ok(())
}

/// Elsewhere the rights on the managed directory are the administrator's to set.
#[cfg(not(target_os = "linux"))]
fn check_writers(_metadata: &Metadata) -> Result<(), FileProblem> {
    Ok(())
}
