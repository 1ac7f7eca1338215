/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record on real files, and on a disk that fails at a chosen step.

mod faults;
mod places;
mod reading;
mod schema;

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::disk::{Disk, RealDisk};
use super::entry::Stamp;
use super::writer::RecordWriter;
use super::*;

/// Always the same time, so that lines with the same entry are equally long.
fn stamp() -> Stamp {
    Stamp {
        time: Timestamp::UNIX_EPOCH,
        run: Uuid::new_v4(),
        uptime: Duration::from_millis(1),
    }
}

/// An entry that can be told from others, longer with each digit.
fn numbered(number: usize) -> RecordEntry {
    RecordEntry::PolicyError {
        reason: number.to_string(),
    }
}

fn append<D: Disk>(writer: &mut RecordWriter<D>, number: usize) -> Result<(), RecordError> {
    writer.append(&numbered(number), stamp(), Duration::from_secs(10))
}

fn writer(directory: &Path, max_bytes: u64, max_files: usize) -> RecordWriter {
    RecordWriter::new(RealDisk, directory.to_owned(), max_bytes, max_files)
}

/// What a record says: the numbers of its entries, and how many lines of it are
/// seals and how many unreadable.
#[derive(Debug, Default, PartialEq)]
struct Content {
    numbers: Vec<usize>,
    recovered: usize,
    unreadable: usize,
}

fn content(directory: &Path) -> Content {
    let mut content = Content::default();
    for path in record_files(directory).unwrap() {
        for line in RecordReader::new(&*fs::read(path).unwrap()) {
            match line.unwrap() {
                ReadLine::Entry { line, .. } => match line.entry {
                    RecordEntry::PolicyError { reason } => {
                        content.numbers.push(reason.parse().unwrap());
                    }
                    RecordEntry::Recovered { .. } => content.recovered += 1,
                    other => panic!("{other:?}"),
                },
                ReadLine::Unreadable(_) => content.unreadable += 1,
            }
        }
    }
    content
}

fn numbers(directory: &Path) -> Vec<usize> {
    let content = content(directory);
    assert_eq!((content.recovered, content.unreadable), (0, 0));
    content.numbers
}
