/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What can be wrong with preferences, and where.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::super::pattern::PatternError;

/// One problem of a preference, at its place.
///
/// The text has the form that editors understand: `file:line:column: reason`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{location}: {reason}")]
pub struct PreferenceError {
    /// Where the problem is.
    pub location: Location,
    /// What the problem is.
    pub reason: PreferenceReason,
}

/// A place in a file or an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file's path, or the argument as it is written on the command line.
    pub name: String,
    /// `None` when the problem is with the whole.
    pub position: Option<Position>,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(formatter, "{}:{position}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// A place in a text, as `line:column`. Both count from 1, columns in
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
}

impl Position {
    /// The place of the byte at `offset`. An offset past the end is the end.
    pub(super) fn at(text: &[u8], offset: usize) -> Position {
        let before = &text[..offset.min(text.len())];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        // Every byte of UTF-8 that is not a continuation starts a character.
        let is_start = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
        Position {
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: 1 + before[line_start..].iter().filter(is_start).count(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// Why a preference, a file of preferences or a part of one is not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the error texts say it")]
pub enum PreferenceReason {
    #[error("cannot be read: {0}")]
    Unreadable(#[source] Arc<io::Error>),
    #[error("expected a regular file, found {found}")]
    NotAFile { found: &'static str },
    #[error("expected a directory of managed files, found another kind of file")]
    NotADirectory,
    #[error("must have at most {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("a directory may have at most {limit} managed files")]
    TooManyFiles { limit: usize },
    #[error("must belong to the system administrator or the current user, found user {owner}")]
    ForeignOwner { owner: u32 },
    #[error("must not be writable by its group or by everyone, found mode {mode:03o}")]
    WritableByOthers { mode: u32 },
    #[error("starts with a byte order mark, expected UTF-8 without one")]
    ByteOrderMark,
    #[error("expected UTF-8")]
    NotUtf8,
    #[error("malformed JSON: {0}")]
    Malformed(String),
    #[error("expected NAME=JSON, where a text has quotation marks: {0}")]
    MalformedArgument(String),
    #[error("preference {name:?} is set twice, first at {first}")]
    Duplicate { name: String, first: Box<Location> },
    #[error("unknown preference {name:?}{}", suggestion(.nearest))]
    Unknown {
        name: String,
        nearest: Option<&'static str>,
    },
    #[error("preference {name:?}: expected {expected}, found {found}")]
    WrongType {
        name: String,
        expected: Box<str>,
        found: Box<str>,
    },
    #[error("bad origin pattern: {0}")]
    BadPattern(#[source] PatternError),
    #[error("bad origin pattern: expected a text, found {found}")]
    PatternNotText { found: String },
    #[error("a list may have at most {limit} origin patterns, the rest is dropped")]
    TooManyPatterns { limit: usize },
    #[error("{count} more problems of this file are not shown")]
    MoreProblems { count: usize },
    #[error("preference {name:?} is ignored, it is locked by {by}")]
    Locked { name: String, by: Box<Location> },
    #[error(
        "capturing all screens is turned off, because it is not known what else was to be locked here"
    )]
    CaptureTurnedOff,
}

impl PreferenceReason {
    /// Whether leaving the faulty part out can only allow less. Every other
    /// problem may hide a restriction that was meant.
    pub(super) fn only_narrows(&self) -> bool {
        matches!(
            self,
            PreferenceReason::BadPattern(_)
                | PreferenceReason::PatternNotText { .. }
                | PreferenceReason::TooManyPatterns { .. }
        )
    }
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", the nearest is {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let text = "a\nbö{\n".as_bytes();
        let at = |offset| Position::at(text, offset).to_string();
        assert_eq!(at(0), "1:1");
        assert_eq!(at(1), "1:2");
        assert_eq!(at(2), "2:1");
        assert_eq!(at(5), "2:3");
        assert_eq!(at(99), "3:1");
    }

    #[test]
    fn an_error_reads_file_line_column_reason() {
        let error = PreferenceError {
            location: Location {
                name: "prefs.json".to_owned(),
                position: Some(Position { line: 3, column: 5 }),
            },
            reason: PreferenceReason::Unknown {
                name: "dom_x".to_owned(),
                nearest: Some("dom_y"),
            },
        };
        assert_eq!(
            error.to_string(),
            "prefs.json:3:5: unknown preference \"dom_x\", the nearest is \"dom_y\""
        );
    }
}
