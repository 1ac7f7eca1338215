/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The newest entries of the record, for the information page.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use servo_capture::record::{ReadLine, RecordLine, RecordReader, record_files};

use super::{filter, table};

/// How many entries there are at most.
const MAX_ENTRIES: usize = 200;
/// How many bytes at the end of a file are looked at: room for far more entries than that.
const TAIL_BYTES: u64 = 256 * 1024;
/// How many files are looked at: a new one may have few entries.
const MAX_FILES: usize = 2;

/// One entry, in words.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Row {
    /// Milliseconds since 1970, UTC.
    pub time: i64,
    /// The name of what happened.
    pub event: &'static str,
    /// Whom it concerns, if anybody.
    pub origin: Option<String>,
    /// The rest.
    pub what: String,
}

impl From<&RecordLine> for Row {
    fn from(line: &RecordLine) -> Self {
        Self {
            time: line.time.as_millisecond(),
            event: table::event(&line.entry),
            origin: filter::origin_of(&line.entry).map(str::to_owned),
            what: table::what(&line.entry),
        }
    }
}

/// The newest entries of the record in `directory`, newest first. What is no entry is passed over:
/// `captureshell record` tells of it.
///
/// # Errors
/// When there is a record and it cannot be read.
pub fn newest(directory: &Path) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for path in record_files(directory)?.iter().rev().take(MAX_FILES) {
        match File::open(path) {
            Ok(file) => rows.extend(newest_of(file)?),
            // Rotated away meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    rows.truncate(MAX_ENTRIES);
    Ok(rows)
}

fn newest_of(mut file: File) -> io::Result<Vec<Row>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut rows = Vec::new();
    for line in RecordReader::new(BufReader::new(file.take(TAIL_BYTES))) {
        // The first line may have begun before `start`, and then is no entry.
        if let ReadLine::Entry { line, .. } = line? {
            rows.push(Row::from(&*line));
        }
    }
    rows.reverse();
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> String {
        format!(
            "{{\"v\":1,\"time\":\"2026-11-20T08:30:00Z\",\"run\":\"00000000-0000-0000-0000-000000000000\",\
             \"uptime_us\":{number},\"event\":\"end\",\"session\":{number},\
             \"origin\":\"https://a.example\",\"reason\":\"number {number}\"}}\n"
        )
    }

    #[test]
    fn the_newest_entries_come_first_and_are_not_too_many() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(newest(directory.path()).unwrap(), []);
        let old: String = (0..5000).map(line).collect();
        std::fs::write(directory.path().join("captures.000001.jsonl"), old).unwrap();
        let new: String = (5000..5003).map(line).collect();
        let path = directory.path().join("captures.jsonl");
        std::fs::write(&path, new + "cut o").unwrap();
        let rows = newest(directory.path()).unwrap();
        assert_eq!(rows.len(), MAX_ENTRIES);
        assert_eq!(rows[0].what, "number 5002");
        assert_eq!(rows[199].what, format!("number {}", 5002 - 199));
        assert_eq!(rows[0].origin.as_deref(), Some("https://a.example"));
        assert_eq!(rows[0].event, "end");
        assert_eq!(rows[0].time % 1000, 0);
    }
}
