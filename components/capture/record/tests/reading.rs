/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reading back what is there, whatever is there.

use std::io::{BufReader, Cursor, Read as _};

use super::super::entry::MAX_LINE_BYTES;
use super::*;

fn read(bytes: &[u8]) -> Vec<Result<String, UnreadableLine>> {
    // A small buffer, so that lines do not fit into it.
    let input = BufReader::with_capacity(7, Cursor::new(bytes));
    RecordReader::new(input)
        .map(|line| match line.unwrap() {
            ReadLine::Entry { text, .. } => Ok(text),
            ReadLine::Unreadable(line) => Err(line),
        })
        .collect()
}

fn line(number: usize) -> String {
    let bytes = stamp().line(&numbered(number)).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn lines_are_read_as_they_stand_and_the_others_are_counted_with_their_numbers() {
    let (one, two) = (line(1), line(2));
    let newer = line(3).replace("\"v\":1", "\"v\":2");
    let unknown = line(4).replace("policy-error", "teleport");
    let text = format!("{one}garbage\n\n{newer}{unknown}{two}{}", &line(5)[..30]);
    let read = read(text.as_bytes());
    let good: Vec<_> = read.iter().flatten().collect();
    assert_eq!(good, [one.trim_end(), two.trim_end()]);
    let bad: Vec<_> = read.iter().filter_map(|line| line.as_ref().err()).collect();
    let numbers: Vec<_> = bad.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 7]);
    assert!(bad[2].reason.contains("version 2"), "{}", bad[2]);
    assert_eq!(bad[4].reason, "is cut off");
}

#[test]
fn a_last_entry_without_its_newline_is_an_entry() {
    assert!(matches!(&read(line(1).trim_end().as_bytes())[..], [Ok(_)]));
}

#[test]
fn a_field_that_is_not_known_yet_is_no_reason_to_drop_an_entry() {
    let text = line(1).replace("\"v\":1", "\"v\":1,\"mood\":\"good\"");
    assert!(matches!(&read(text.as_bytes())[..], [Ok(_)]));
}

#[test]
fn a_line_without_end_is_skipped_in_bounded_memory() {
    let good = line(1);
    let long = 5 * MAX_LINE_BYTES as u64 + 3;
    let input = std::io::repeat(b'x')
        .take(long)
        .chain(Cursor::new(format!("\n{good}")));
    let mut reader = RecordReader::new(BufReader::new(input));
    let Some(Ok(ReadLine::Unreadable(skipped))) = reader.next() else {
        panic!("the long line was taken");
    };
    assert!(skipped.reason.contains(&long.to_string()), "{skipped}");
    assert!(matches!(reader.next(), Some(Ok(ReadLine::Entry { .. }))));
    assert!(reader.next().is_none());
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    for entry in schema::every_entry() {
        let bytes = stamp().line(&entry).unwrap();
        let lines: Vec<_> = RecordReader::new(&*bytes).collect();
        match &lines[..] {
            [Ok(ReadLine::Entry { line, .. })] => assert_eq!(line.entry, entry),
            other => panic!("{other:?}"),
        }
    }
}
