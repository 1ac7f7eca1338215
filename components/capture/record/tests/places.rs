/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where the record is, whose it is, and who may be there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::time::Instant;

use super::super::files;
use super::*;

#[test]
fn the_record_is_in_the_directory_for_state() {
    let check = |state: Option<&str>, home: Option<&str>, expected: Option<&str>| {
        let found = state_directory(state.map(PathBuf::from), home.map(PathBuf::from));
        assert_eq!(found, expected.map(PathBuf::from), "{state:?} {home:?}");
    };
    check(Some("/s"), Some("/h"), Some("/s/captureshell"));
    check(None, Some("/h"), Some("/h/.local/state/captureshell"));
    check(Some("s"), Some("/h"), Some("/h/.local/state/captureshell"));
    check(Some(""), Some("h"), None);
    check(None, None, None);
}

#[test]
fn directory_and_files_are_made_for_the_user_alone() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("state/captureshell");
    append(&mut writer(&place, 1 << 20, 2), 1).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&place), 0o700);
    assert_eq!(mode(&files::current(&place)), 0o600);
    assert_eq!(mode(&files::lock(&place)), 0o600);
}

#[test]
fn a_link_in_the_records_place_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("precious");
    fs::write(&target, "kept").unwrap();
    for name in [files::current, files::lock] {
        let place = directory.path().join("state");
        fs::create_dir(&place).unwrap();
        symlink(&target, name(&place)).unwrap();
        let error = append(&mut writer(&place, 1 << 20, 2), 1).unwrap_err();
        assert!(matches!(error, RecordError::File { .. }), "{error}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        fs::remove_dir_all(&place).unwrap();
    }
}

#[test]
fn what_others_may_write_to_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("state");
    append(&mut writer(&place, 1 << 20, 2), 1).unwrap();
    let refused = || {
        let error = append(&mut writer(&place, 1 << 20, 2), 2).unwrap_err();
        assert!(
            matches!(error, RecordError::WritableByOthers { .. }),
            "{error}"
        );
    };
    fs::set_permissions(&place, Permissions::from_mode(0o770)).unwrap();
    refused();
    fs::set_permissions(&place, Permissions::from_mode(0o1777)).unwrap();
    append(&mut writer(&place, 1 << 20, 2), 2).unwrap();
    fs::set_permissions(files::current(&place), Permissions::from_mode(0o620)).unwrap();
    refused();
    assert_eq!(numbers(&place), [1, 2]);
}

#[test]
fn a_pipe_or_a_directory_in_the_records_place_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let current = files::current(directory.path());
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &current,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    let error = append(&mut writer(directory.path(), 1 << 20, 2), 1).unwrap_err();
    assert!(matches!(error, RecordError::WrongKind { .. }), "{error}");
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    append(&mut writer(directory.path(), 1 << 20, 2), 1).unwrap_err();
}

#[test]
fn a_lock_that_another_program_keeps_is_an_error_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path(), 1 << 20, 2);
    append(&mut writer, 1).unwrap();
    let other = File::open(files::lock(directory.path())).unwrap();
    other.lock().unwrap();
    let started = Instant::now();
    let patience = Duration::from_millis(100);
    let error = writer.append(&numbered(2), stamp(), patience).unwrap_err();
    assert!(matches!(error, RecordError::Locked { .. }), "{error}");
    assert!(started.elapsed() >= patience && started.elapsed() < Duration::from_secs(5));
    other.unlock().unwrap();
    append(&mut writer, 2).unwrap();
    assert_eq!(numbers(directory.path()), [1, 2]);
}

#[test]
fn rotation_keeps_the_newest_files_within_their_size() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path(), 700, 3);
    for number in 0..40 {
        append(&mut writer, number).unwrap();
    }
    let found = record_files(directory.path()).unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    for path in &found {
        assert!(fs::metadata(path).unwrap().len() <= 700);
    }
    let kept = numbers(directory.path());
    assert_eq!(kept.last(), Some(&39));
    assert!(
        kept.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{kept:?}"
    );
}

#[test]
fn an_entry_larger_than_a_file_is_written_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path(), 10, 100);
    for number in 0..3 {
        append(&mut writer, number).unwrap();
    }
    assert_eq!(numbers(directory.path()), [0, 1, 2]);
    assert_eq!(record_files(directory.path()).unwrap().len(), 3);
}

#[test]
fn a_record_that_is_removed_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("state");
    let mut writer = writer(&place, 1 << 20, 3);
    append(&mut writer, 1).unwrap();
    fs::remove_file(files::current(&place)).unwrap();
    append(&mut writer, 2).unwrap();
    assert_eq!(numbers(&place), [2]);
    fs::remove_dir_all(&place).unwrap();
    append(&mut writer, 3).unwrap();
    assert_eq!(numbers(&place), [3]);
}

#[test]
fn other_files_of_the_directory_are_no_part_of_the_record() {
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "captures.jsonl.bak",
        "captures.1.jsonl",
        "captures.00000x.jsonl",
        "other.jsonl",
    ] {
        fs::write(directory.path().join(name), "x").unwrap();
    }
    assert!(record_files(directory.path()).unwrap().is_empty());
    let missing = directory.path().join("missing");
    assert!(record_files(&missing).unwrap().is_empty());
}
