/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reading a record back, line by line: files may have gigabytes, and what a
//! crash or a newer browser has left in them is no reason to stop.

use std::fmt;
use std::io::{self, BufRead, Read};

use super::RecordLine;
use super::entry::{FORMAT_VERSION, MAX_LINE_BYTES};

/// Reads the lines of one file in their order.
pub struct RecordReader<R> {
    input: R,
    number: u64,
    bytes: Vec<u8>,
}

/// One line.
#[derive(Debug)]
pub enum ReadLine {
    /// An entry.
    Entry {
        /// What it says.
        line: Box<RecordLine>,
        /// As it stands in the file, without its newline.
        text: String,
    },
    /// Anything else.
    Unreadable(UnreadableLine),
}

/// A line that is no entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnreadableLine {
    /// Which line of its file, from 1.
    pub number: u64,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for UnreadableLine {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.number, self.reason)
    }
}

impl<R: BufRead> RecordReader<R> {
    /// Begins with the first line.
    pub fn new(input: R) -> Self {
        Self {
            input,
            number: 0,
            bytes: Vec::new(),
        }
    }

    fn read(&mut self) -> io::Result<Option<ReadLine>> {
        self.bytes.clear();
        let mut limited = (&mut self.input).take(MAX_LINE_BYTES as u64);
        if limited.read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_whole = self.bytes.pop_if(|byte| *byte == b'\n').is_some();
        if !is_whole && self.bytes.len() == MAX_LINE_BYTES {
            let skipped = skip_line(&mut self.input)?;
            let length = MAX_LINE_BYTES as u64 + skipped;
            return Ok(Some(
                self.unreadable(format!("is no entry, it has {length} bytes")),
            ));
        }
        Ok(Some(match self.parse() {
            Ok(line) if line.v == FORMAT_VERSION => ReadLine::Entry {
                line: Box::new(line),
                text: String::from_utf8_lossy(&self.bytes).into_owned(),
            },
            Ok(line) => self.unreadable(format!(
                "has version {} of the record's form, expected {FORMAT_VERSION}",
                line.v
            )),
            Err(error) if is_whole => {
                let column = error.column();
                // The line that serde_json counts is always the first.
                let place = format!(" at line 1 column {column}");
                let text = error.to_string();
                let text = text.strip_suffix(&place).unwrap_or(&text);
                self.unreadable(format!("is no entry: {text}, column {column}"))
            }
            Err(_) => self.unreadable("is cut off".to_owned()),
        }))
    }

    fn parse(&self) -> serde_json::Result<RecordLine> {
        serde_json::from_slice(&self.bytes)
    }

    fn unreadable(&self, reason: String) -> ReadLine {
        ReadLine::Unreadable(UnreadableLine {
            number: self.number,
            reason,
        })
    }
}

/// Takes the rest of a line without keeping it; answers how long it was.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let bytes = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let (taken, is_end) = match bytes.iter().position(|&byte| byte == b'\n') {
            Some(newline) => (newline + 1, true),
            None => (bytes.len(), bytes.is_empty()),
        };
        input.consume(taken);
        if is_end {
            return Ok(skipped + taken.saturating_sub(1) as u64);
        }
        skipped += taken as u64;
    }
}

impl<R: BufRead> Iterator for RecordReader<R> {
    type Item = io::Result<ReadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
