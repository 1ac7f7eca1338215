/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way of an entry into the file: lock, seal what is torn, rotate, append,
//! wait for the disk.
//!
//! The lock is held for one entry, not for the life of a browser, so browsers of
//! one user share a record. It is advisory: what does not take it can still not
//! tear an entry, because each is appended by one system call.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::disk::{Disk, RealDisk, is_named, make_directory};
use super::entry::{MAX_LINE_BYTES, Stamp};
use super::{RecordEntry, RecordError, files};

/// How often the lock is tried.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);

/// Appends to the record of one directory.
pub(super) struct RecordWriter<D = RealDisk> {
    disk: D,
    directory: PathBuf,
    max_bytes: u64,
    max_files: usize,
    /// The last file locked and the last written to, while they are good.
    lock: Option<File>,
    current: Option<File>,
}

impl<D: Disk> RecordWriter<D> {
    /// Touches nothing yet.
    pub(super) fn new(disk: D, directory: PathBuf, max_bytes: u64, max_files: usize) -> Self {
        Self {
            disk,
            directory,
            max_bytes,
            max_files: max_files.max(2),
            lock: None,
            current: None,
        }
    }

    /// Appends one entry. When this returns without an error the entry is on the
    /// disk. Waits so long for other browsers to release the lock.
    pub(super) fn append(
        &mut self,
        entry: &RecordEntry,
        stamp: Stamp,
        patience: Duration,
    ) -> Result<(), RecordError> {
        let line = stamp.line(entry)?;
        let lock = self.lock(patience)?;
        let result = self.append_locked(&line, stamp);
        // Err: closing it releases the lock as well.
        if lock.unlock().is_ok() {
            self.lock = Some(lock);
        }
        result
    }

    fn lock(&mut self, patience: Duration) -> Result<File, RecordError> {
        let path = files::lock(&self.directory);
        let deadline = Instant::now() + patience;
        loop {
            let lock = match self.lock.take().filter(|lock| is_named(&path, lock)) {
                Some(lock) => lock,
                None => {
                    make_directory(&self.directory)?;
                    self.disk.open(&path)?
                }
            };
            match lock.try_lock() {
                // Another browser's lock would be on another file if the name
                // had changed meanwhile.
                Ok(()) if cfg!(not(unix)) || is_named(&path, &lock) => return Ok(lock),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(RecordError::file("lock", path)(error));
                }
            }
            if Instant::now() >= deadline {
                return Err(RecordError::Locked { path });
            }
            std::thread::sleep(LOCK_INTERVAL);
        }
    }

    fn append_locked(&mut self, line: &[u8], stamp: Stamp) -> Result<(), RecordError> {
        let path = files::current(&self.directory);
        let mut file = self.open_current(&path)?;
        self.seal(&path, &file, stamp)?;
        let length = length(&path, &file)?;
        if length > 0 && length.saturating_add(line.len() as u64) > self.max_bytes {
            match self.rotate(&path, &file) {
                Ok(()) => file = self.open_current(&path)?,
                // Better a file that is too long than an entry that is missing,
                // within reason.
                Err(error) if length < self.max_bytes.saturating_mul(2) => {
                    log::warn!("{error}");
                }
                Err(error) => return Err(error),
            }
        }
        self.write(&path, &file, line)?;
        self.disk
            .sync(&file)
            .map_err(RecordError::file("save", &path))?;
        // Not kept after an error: what is left of it is looked at anew.
        self.current = Some(file);
        Ok(())
    }

    fn open_current(&mut self, path: &Path) -> Result<File, RecordError> {
        if let Some(file) = self.current.take()
            && is_named(path, &file)
        {
            return Ok(file);
        }
        let file = self.disk.open(path)?;
        // The name must be as lasting as the entries.
        self.disk
            .sync_directory(&self.directory)
            .map_err(RecordError::file("save the directory", &self.directory))?;
        Ok(file)
    }

    /// Ends a line that a crash has cut off, and says so, so that the next entry
    /// has a line of its own.
    fn seal(&mut self, path: &Path, file: &File, stamp: Stamp) -> Result<(), RecordError> {
        let torn_bytes = torn_bytes(file).map_err(RecordError::file("read the end of", path))?;
        if torn_bytes == 0 {
            return Ok(());
        }
        let mut seal = vec![b'\n'];
        seal.extend(stamp.line(&RecordEntry::Recovered { torn_bytes })?);
        self.write(path, file, &seal)
    }

    fn write(&mut self, path: &Path, file: &File, bytes: &[u8]) -> Result<(), RecordError> {
        let written = self
            .disk
            .append(file, bytes)
            .map_err(RecordError::file("write to", path))?;
        if written < bytes.len() {
            return Err(RecordError::Incomplete {
                written,
                expected: bytes.len(),
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    /// Gives the full file its number. Whatever step is the last before a crash,
    /// every entry is in one file, and the next append goes on from there.
    fn rotate(&mut self, path: &Path, file: &File) -> Result<(), RecordError> {
        let list = RecordError::file("list", &self.directory);
        let rotated = files::rotated_files(&self.directory).map_err(list)?;
        let last = rotated.last().map_or(0, |(number, _)| *number);
        self.disk
            .sync(file)
            .map_err(RecordError::file("save", path))?;
        // With the one to be named and the one to come. Before the rename, so that
        // no crash leaves too many.
        let excess = (rotated.len() + 2).saturating_sub(self.max_files);
        for (_, oldest) in rotated.into_iter().take(excess) {
            // The next rotation tries again; no reason to lose the entry.
            if let Err(error) = self.disk.remove(&oldest) {
                log::warn!("the record cannot remove {}: {error}", oldest.display());
            }
        }
        let full = files::rotated(&self.directory, last.saturating_add(1));
        self.disk
            .rename(path, &full)
            .map_err(RecordError::file("rename", path))
    }
}

fn length(path: &Path, file: &File) -> Result<u64, RecordError> {
    let metadata = file
        .metadata()
        .map_err(RecordError::file("look at", path))?;
    Ok(metadata.len())
}

/// How many bytes stand after the last newline; of a longer rest, as many as a
/// line may have.
fn torn_bytes(mut file: &File) -> std::io::Result<u64> {
    let mut last = [0];
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    if last == [b'\n'] {
        return Ok(0);
    }
    let start = length.saturating_sub(MAX_LINE_BYTES as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut rest = Vec::new();
    file.take(length - start).read_to_end(&mut rest)?;
    let whole = rest.iter().rposition(|&byte| byte == b'\n');
    Ok((rest.len() - whole.map_or(0, |newline| newline + 1)) as u64)
}
