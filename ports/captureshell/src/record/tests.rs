/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The command on records as they come.

use std::io::Cursor;

use clap::Parser as _;

use super::*;
use crate::cli::Command;

const RECORD: &str = r#"{"v":1,"time":"2026-11-20T07:00:00.5Z","run":"0d1e2f30-0000-4000-8000-000000000000","uptime_us":1,"event":"grant","session":1,"origin":"https://wall.example","api":"getAllScreensMedia","monitors":[{"label":"DP-1","x":-1920,"y":0,"width":1920,"height":1080,"scale":1.0}],"indicator_confirmed_us":1}
{"v":1,"time":"2026-11-20T08:00:00Z","run":"0d1e2f30-0000-4000-8000-000000000000","uptime_us":2,"event":"refusal","origin":"https://evil.example","api":"getAllScreensMedia","kind":"policy","reason":"not\nlisted \u001b[31m","count":7}
{"v":1,"time":"2026-11-20T09:00
{"v":1,"time":"2026-11-20T09:00:00Z","run":"0d1e2f30-0000-4000-8000-000000000000","uptime_us":3,"event":"recovered","torn_bytes":31}
"#;

fn parse(options: &[&str]) -> RecordArguments {
    let arguments = [&["captureshell", "record"], options].concat();
    match Arguments::try_parse_from(arguments).unwrap().command {
        Some(Command::Record(record)) => record,
        None => panic!("no command"),
    }
}

/// The lines printed, and how many were no entries.
fn print(options: &[&str], record: &str) -> (Vec<String>, u64) {
    let arguments = parse(options);
    let mut output = Vec::new();
    let mut printer = Printer::new(&arguments, &mut output);
    let opened: Box<dyn BufRead> = Box::new(Cursor::new(record.to_owned()));
    let source = Source {
        name: PathBuf::from("captures.jsonl"),
        opened: Ok(opened),
    };
    printer.print(source).unwrap();
    let unreadable = printer.unreadable;
    printer.finish().unwrap();
    let text = String::from_utf8(output).unwrap();
    (text.lines().map(str::to_owned).collect(), unreadable)
}

#[test]
fn entries_are_printed_as_they_stand_with_json() {
    let (lines, unreadable) = print(&["--json"], RECORD);
    let expected: Vec<_> = RECORD.lines().collect();
    assert_eq!(lines, [expected[0], expected[1], expected[3]]);
    assert_eq!(unreadable, 1);
}

#[test]
fn a_table_has_a_line_for_each_entry_and_its_columns_under_their_names() {
    let (lines, _) = print(&[], RECORD);
    assert_eq!(lines.len(), 4);
    let column = |name| lines[0].find(name).unwrap();
    assert!(lines[1][column("EVENT")..].starts_with("grant "));
    assert!(lines[1][column("SESSION")..].starts_with("0d1e2f30/1 "));
    assert!(lines[1][column("ORIGIN")..].starts_with("https://wall.example "));
    assert_eq!(&lines[1][column("WHAT")..], "DP-1 1920x1080-1920+0");
    assert!(lines[2][column("WHAT")..].starts_with("not\\nlisted \\u{1b}[31m"));
    assert!(lines[3][column("EVENT")..].starts_with("recovered "));
}

#[test]
fn only_what_was_asked_for_is_printed() {
    let check = |options: &[&str], expected: &[usize]| {
        let (lines, _) = print(&[options, &["--json"]].concat(), RECORD);
        let all: Vec<_> = RECORD.lines().collect();
        let expected: Vec<_> = expected.iter().map(|&index| all[index]).collect();
        assert_eq!(lines, expected, "{options:?}");
    };
    check(&["--since", "2026-11-20T08:00:00Z"], &[1, 3]);
    check(&["--until", "2026-11-20T08:00:00Z"], &[0]);
    check(&["--origin", "https://wall.example"], &[0]);
    check(
        &["--origin", "wall.example", "--origin", "evil.example"],
        &[0, 1],
    );
    check(
        &[
            "--since",
            "2026-11-20T08:00:00Z",
            "--origin",
            "wall.example",
        ],
        &[],
    );
}

#[test]
fn nothing_asked_for_prints_not_even_a_header() {
    let (lines, _) = print(&["--until", "2020-01-01"], RECORD);
    assert!(lines.is_empty());
}

#[test]
fn all_files_of_a_record_are_read_in_order() {
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "captures.000002.jsonl",
        "captures.jsonl",
        "captures.000010.jsonl",
    ] {
        std::fs::write(directory.path().join(name), name).unwrap();
    }
    let names: Vec<_> = open_all(directory.path())
        .unwrap()
        .into_iter()
        .map(|source| {
            let mut text = String::new();
            source.opened.unwrap().read_line(&mut text).unwrap();
            text
        })
        .collect();
    assert_eq!(
        names,
        [
            "captures.000002.jsonl",
            "captures.000010.jsonl",
            "captures.jsonl"
        ]
    );
}

#[test]
fn wrong_options_are_usage_errors() {
    for options in [
        ["--since", "soon"],
        ["--origin", "https://"],
        ["--until", ""],
    ] {
        let arguments = [&["captureshell", "record"], &options[..]].concat();
        let error = Arguments::try_parse_from(arguments).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{options:?}");
    }
}

#[test]
fn options_of_the_browser_stand_before_the_command() {
    let arguments = [
        "captureshell",
        "--pref",
        "a=1",
        "record",
        "--json",
        "a",
        "-",
    ];
    let arguments = Arguments::try_parse_from(arguments).unwrap();
    assert_eq!(arguments.prefs, ["a=1"]);
    assert!(arguments.url.is_none());
    let Some(Command::Record(record)) = arguments.command else {
        panic!("no command");
    };
    assert!(record.json && record.files.len() == 2);
}
