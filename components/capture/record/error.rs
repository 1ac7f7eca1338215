/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What can go wrong with the record.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why an entry is not in the record, or the record cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the error texts say it")]
pub enum RecordError {
    #[error("the record has no place, neither XDG_STATE_HOME nor a home directory is known")]
    NoPlace,
    #[error("the record cannot {action} {}: {error}", path.display())]
    File {
        /// In the words of the error: "cannot …".
        action: &'static str,
        path: PathBuf,
        #[source]
        error: Arc<io::Error>,
    },
    #[error("the record expects {expected}, and {} is something else", path.display())]
    WrongKind {
        expected: &'static str,
        path: PathBuf,
    },
    #[error("{} of the record must belong to the current user, found user {owner}", path.display())]
    ForeignOwner { owner: u32, path: PathBuf },
    #[error(
        "{} of the record must not be writable by its group or by everyone, found mode {mode:03o}",
        path.display()
    )]
    WritableByOthers { mode: u32, path: PathBuf },
    #[error("the record is locked by another program, {}", path.display())]
    Locked { path: PathBuf },
    #[error("the record took {written} of {expected} bytes, {}", path.display())]
    Incomplete {
        written: usize,
        expected: usize,
        path: PathBuf,
    },
    #[error("an entry of the record has {length} bytes, at most {limit} are possible")]
    TooLong { length: usize, limit: usize },
}

impl RecordError {
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::File {
            action,
            path,
            error: Arc::new(error),
        }
    }
}
