/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record as the whole service keeps it.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::{CaptureError, CaptureRequest, EndReason, SourceEvent};

use super::{ORIGIN, PATIENCE, Rig, end, next_frame};
use crate::record::{ReadLine, RecordEntry, RecordReader, RecordSettings, record_files};

fn settings(directory: &Path) -> RecordSettings {
    RecordSettings {
        enabled: true,
        directory: Some(directory.to_owned()),
        ..RecordSettings::default()
    }
}

fn entries(directory: &Path) -> Vec<RecordEntry> {
    let mut entries = Vec::new();
    for path in record_files(directory).unwrap() {
        for line in RecordReader::new(&*fs::read(path).unwrap()) {
            match line.unwrap() {
                ReadLine::Entry { line, .. } => entries.push(line.entry),
                ReadLine::Unreadable(line) => panic!("{line}"),
            }
        }
    }
    entries
}

#[test]
fn the_grant_is_in_the_file_before_the_answer_and_the_start_before_the_first_frame() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::with_record(settings(directory.path()), true, Vec::new());
    let granted = rig.ask(ORIGIN).unwrap();
    let at_answer = entries(directory.path());
    assert!(
        matches!(&at_answer[..], [RecordEntry::Grant { origin, .. }] if origin == ORIGIN),
        "{at_answer:?}"
    );
    // The sink itself reads the file: on the service's thread, at the frame.
    let (sender, receiver) = channel();
    let place = directory.path().to_owned();
    let sink = GenericCallback::new(move |event: Result<SourceEvent, _>| {
        if let Ok(SourceEvent::Frame(_)) = event {
            let _ = sender.send(entries(&place));
        }
    })
    .unwrap();
    let source = granted[1].source;
    rig.client
        .send(CaptureRequest::Attach { source, sink })
        .unwrap();
    let at_frame = receiver.recv_timeout(PATIENCE).unwrap();
    assert!(
        matches!(&at_frame[..], [_, RecordEntry::Start { monitor, .. }] if monitor.x == 400),
        "{at_frame:?}"
    );
    for granted in granted {
        rig.stop(granted.source);
    }
    rig.handle.exit();
    let all = entries(directory.path());
    assert!(
        matches!(
            &all[2..],
            [RecordEntry::Stop { .. }, RecordEntry::End { .. }]
        ),
        "{all:?}"
    );
}

#[test]
fn a_required_record_that_has_no_room_refuses_and_later_ends() {
    let directory = tempfile::tempdir().unwrap();
    // A file where the directory should be.
    let place = directory.path().join("state");
    fs::write(&place, "").unwrap();
    let rig = Rig::with_record(settings(&place), true, Vec::new());
    assert!(matches!(
        rig.ask(ORIGIN),
        Err(CaptureError::RefusedByPolicy(_))
    ));
    fs::remove_file(&place).unwrap();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    assert!(matches!(
        entries(&place)[0],
        RecordEntry::Gap { lost: 2.., .. }
    ));
    // Taken away while a capture runs: the next entry ends it.
    fs::remove_dir_all(&place).unwrap();
    fs::write(&place, "").unwrap();
    rig.ask("https://other.example").unwrap_err();
    assert!(matches!(end(&events), EndReason::Refused(_)));
}

#[test]
fn a_record_that_is_not_required_fails_without_harm() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("state");
    fs::write(&place, "").unwrap();
    let rig = Rig::with_record(settings(&place), false, Vec::new());
    let granted = rig.ask(ORIGIN).unwrap();
    next_frame(&rig.attach(granted[0].source));
}

#[test]
fn a_record_that_is_turned_off_leaves_no_file_unless_it_is_required() {
    for (required, count) in [(false, 0), (true, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let off = RecordSettings {
            enabled: false,
            ..settings(directory.path())
        };
        let rig = Rig::with_record(off, required, Vec::new());
        rig.ask(ORIGIN).unwrap();
        let files = record_files(directory.path()).unwrap();
        assert_eq!(files.len(), count, "{files:?}");
    }
}

#[test]
fn problems_of_the_policy_are_recorded_when_the_service_starts() {
    let directory = tempfile::tempdir().unwrap();
    let problem = "policy.json:1:2: bad".to_owned();
    let rig = Rig::with_record(settings(directory.path()), false, vec![problem.clone()]);
    rig.ask("https://other.example").unwrap_err();
    let entries = entries(directory.path());
    assert_eq!(entries[0], RecordEntry::PolicyError { reason: problem });
    assert!(matches!(entries[1], RecordEntry::Refusal { .. }));
}
