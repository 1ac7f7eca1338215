/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record: an append-only file that says who captured what, and when.
//!
//! One JSON object a line ([`RecordLine`], `resources/record.schema.json`) for
//! every grant, refusal, start, stop, fault of the indicator and error of the
//! policy. An entry is on the disk before the answer or the frame it concerns
//! leaves the service. What belongs here: the form of an entry, its way into the
//! file, rotation, and reading back. What does not: when there is something to
//! record (`core/record.rs`), and how it is shown to people.
//!
//! It holds origins, monitors and reasons: no content and no address of a page.

mod disk;
mod entry;
mod error;
mod files;
mod keeper;
mod reader;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod writer;

use std::path::PathBuf;

pub use self::entry::{
    FaultOutcome, RecordEntry, RecordLine, RecordedApi, RecordedMonitor, RefusalKind,
};
pub(crate) use self::entry::{microseconds, shortened};
pub use self::error::RecordError;
pub use self::files::record_files;
pub(crate) use self::keeper::RecordKeeper;
pub use self::reader::{ReadLine, RecordReader, UnreadableLine};

/// Where the record is kept and how much of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordSettings {
    /// Whether there is one. A policy that requires the record turns it on.
    pub enabled: bool,
    /// The absolute path of its directory; none: [`Self::default_directory`].
    pub directory: Option<PathBuf>,
    /// The file is rotated before it has more bytes than this.
    pub max_bytes: u64,
    /// How many files are kept, with the one that is written to; at least 2.
    pub max_files: usize,
}

impl RecordSettings {
    /// 10 MiB, about 30000 entries.
    pub const DEFAULT_MAX_BYTES: u64 = 10 * 1024 * 1024;
    /// With the default size: 100 MiB, about 300000 entries.
    pub const DEFAULT_MAX_FILES: usize = 10;

    /// `captureshell` in the directory for the state of programs
    /// (<https://specifications.freedesktop.org/basedir-spec/latest/>). None when
    /// neither `XDG_STATE_HOME` nor the home directory is known.
    pub fn default_directory() -> Option<PathBuf> {
        state_directory(
            std::env::var_os("XDG_STATE_HOME").map(PathBuf::from),
            std::env::home_dir(),
        )
    }

    /// Where the record is.
    ///
    /// # Errors
    /// [`RecordError::NoPlace`].
    pub fn place(&self) -> Result<PathBuf, RecordError> {
        self.directory
            .clone()
            .or_else(Self::default_directory)
            .ok_or(RecordError::NoPlace)
    }
}

/// Without a record, as an embedder has it that configures nothing.
impl Default for RecordSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            directory: None,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            max_files: Self::DEFAULT_MAX_FILES,
        }
    }
}

/// The specification wants relative paths to be ignored.
fn state_directory(state_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    state_home
        .filter(|path| path.is_absolute())
        .or_else(|| {
            let home = home.filter(|path| path.is_absolute())?;
            Some(home.join(".local").join("state"))
        })
        .map(|state| state.join("captureshell"))
}
