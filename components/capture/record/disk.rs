/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the record asks of the disk, one method for each step that a crash can
//! come before or after.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::error::RecordError;

/// The disk. Tests have one that fails at a chosen step.
pub(super) trait Disk: Send {
    /// Opens a file for reading and appending, and makes it if there is none.
    fn open(&mut self, path: &Path) -> Result<File, RecordError> {
        open_private(path)
    }

    /// Appends by one system call; answers how many bytes were taken.
    fn append(&mut self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    /// Waits until the file's bytes are on the disk.
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Waits until the names in a directory are on the disk.
    fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
        sync_directory(directory)
    }

    /// Gives a file another name in one step.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file.
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The disk of this machine.
pub(super) struct RealDisk;

impl Disk for RealDisk {}

/// Makes the directory if there is none, for the current user alone.
pub(super) fn make_directory(path: &Path) -> Result<(), RecordError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(path)
        .map_err(RecordError::file("make the directory", path))?;
    let metadata = fs::metadata(path).map_err(RecordError::file("look at", path))?;
    if !metadata.is_dir() {
        return Err(RecordError::WrongKind {
            expected: "a directory",
            path: path.to_owned(),
        });
    }
    check_directory(path, &metadata)
}

fn open_private(path: &Path) -> Result<File, RecordError> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    private(&mut options);
    let file = options
        .open(path)
        .map_err(RecordError::file("open", path))?;
    let metadata = file
        .metadata()
        .map_err(RecordError::file("look at", path))?;
    if !metadata.is_file() {
        return Err(RecordError::WrongKind {
            expected: "a regular file",
            path: path.to_owned(),
        });
    }
    check_file(path, &metadata)?;
    Ok(file)
}

/// No link, no wait for a pipe's other end, no rights for anybody else. (The
/// standard library closes all its files in programs that are started.)
#[cfg(target_os = "linux")]
fn private(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
}

/// Elsewhere the rights on the directory are what protects the record.
#[cfg(not(target_os = "linux"))]
fn private(_options: &mut fs::OpenOptions) {}

/// Nobody else may be able to change what is recorded.
#[cfg(target_os = "linux")]
fn check_file(path: &Path, metadata: &fs::Metadata) -> Result<(), RecordError> {
    use std::os::unix::fs::MetadataExt as _;

    let owner = metadata.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(RecordError::ForeignOwner {
            owner,
            path: path.to_owned(),
        });
    }
    check_mode(path, metadata.mode())
}

/// Nobody else may be able to put another file in the record's place, except in
/// a directory where each may only touch what is theirs.
#[cfg(target_os = "linux")]
fn check_directory(path: &Path, metadata: &fs::Metadata) -> Result<(), RecordError> {
    use std::os::unix::fs::MetadataExt as _;

    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(RecordError::ForeignOwner {
            owner,
            path: path.to_owned(),
        });
    }
    if metadata.mode() & 0o1000 != 0 {
        return Ok(());
    }
    check_mode(path, metadata.mode())
}

#[cfg(target_os = "linux")]
fn check_mode(path: &Path, mode: u32) -> Result<(), RecordError> {
    let mode = mode & 0o777;
    if mode & 0o022 != 0 {
        return Err(RecordError::WritableByOthers {
            mode,
            path: path.to_owned(),
        });
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn check_file(_path: &Path, _metadata: &fs::Metadata) -> Result<(), RecordError> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn check_directory(_path: &Path, _metadata: &fs::Metadata) -> Result<(), RecordError> {
    Ok(())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Elsewhere a directory cannot be opened, and names are kept by the system.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether `path` still names the open file: another browser may have rotated
/// it, or somebody may have removed it.
#[cfg(unix)]
pub(super) fn is_named(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => identity(named) == identity(open),
        _ => false,
    }
}

/// Without a file's identity it is opened anew each time.
#[cfg(not(unix))]
pub(super) fn is_named(_path: &Path, _file: &File) -> bool {
    false
}
