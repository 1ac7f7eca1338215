/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record, as crashes and other programs may leave it.

use servo_capture::record::{ReadLine, RecordReader};

/// A file of the record.
pub(crate) fn record_reader(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let mut count = 0;
    for line in RecordReader::new(bytes) {
        count += 1;
        match line {
            Ok(ReadLine::Entry { text, .. }) => {
                // What was read once is read again.
                let again = RecordReader::new(text.as_bytes()).next();
                assert!(matches!(again, Some(Ok(ReadLine::Entry { .. }))), "{text}");
            }
            Ok(ReadLine::Unreadable(line)) => assert_eq!(line.number, count as u64),
            Err(error) => panic!("bytes in memory cannot be read: {error}"),
        }
    }
    assert!(count <= lines, "{count} lines of {lines}");
}
