/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Crashes, full disks and other browsers: a completed entry is never lost, and
//! entries are read back in their order.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What happens at the chosen step; nothing works after it.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The step was not taken.
    Before,
    /// The step was taken, and nobody heard of it.
    After,
    /// An append came so far; any other step was not taken.
    Cut(usize),
    /// As `Cut`, but the system says so: the disk is full.
    Short(usize),
}

/// A disk that fails at the step after so many others.
struct FaultyDisk {
    steps: Arc<AtomicUsize>,
    at: usize,
    fault: Fault,
}

impl FaultyDisk {
    fn step<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            _ if step < self.at => act(),
            Fault::After if step == self.at => act().and(Err(io::ErrorKind::Other.into())),
            _ => Err(io::ErrorKind::Other.into()),
        }
    }
}

impl Disk for FaultyDisk {
    fn open(&mut self, path: &Path) -> Result<File, RecordError> {
        let mut error = None;
        let result = self.step(|| {
            RealDisk.open(path).map_err(|real| {
                error = Some(real);
                io::ErrorKind::Other.into()
            })
        });
        result.map_err(|failed| error.unwrap_or_else(|| RecordError::file("open", path)(failed)))
    }

    fn append(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let is_now = self.steps.load(Ordering::SeqCst) == self.at;
        let cut = |length: usize| &bytes[..length.min(bytes.len())];
        match self.fault {
            Fault::Cut(length) if is_now => {
                RealDisk.append(file, cut(length)).unwrap();
            }
            Fault::Short(length) if is_now => {
                self.steps.fetch_add(1, Ordering::SeqCst);
                return RealDisk.append(file, cut(length));
            }
            _ => {}
        }
        self.step(|| RealDisk.append(file, bytes))
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        self.step(|| RealDisk.sync(file))
    }

    fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
        self.step(|| RealDisk.sync_directory(directory))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| RealDisk.rename(from, to))
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.remove(path))
    }
}

/// Appends one entry by a browser that crashes at a step. Answers whether the
/// entry was completed all the same, and whether the step was reached.
fn append_and_crash(
    directory: &Path,
    limits: (u64, usize),
    number: usize,
    at: usize,
    fault: Fault,
) -> (bool, bool) {
    let steps = Arc::new(AtomicUsize::new(0));
    let disk = FaultyDisk {
        steps: steps.clone(),
        at,
        fault,
    };
    let mut writer = RecordWriter::new(disk, directory.to_owned(), limits.0, limits.1);
    let is_complete = append(&mut writer, number).is_ok();
    (is_complete, steps.load(Ordering::SeqCst) > at)
}

/// About four entries in a file.
const SMALL: u64 = 700;

#[test]
fn a_crash_before_or_after_any_step_of_a_rotation_loses_nothing() {
    for fault in [Fault::Before, Fault::After, Fault::Cut(0), Fault::Cut(20)] {
        for at in 0.. {
            let directory = tempfile::tempdir().unwrap();
            let limits = (SMALL, 4);
            let mut before = writer(directory.path(), limits.0, limits.1);
            for number in 0..14 {
                append(&mut before, number).unwrap();
            }
            drop(before);
            // Whatever is the oldest when it comes to that.
            let kept = numbers(directory.path());
            // Enough of them that one of these rotates and removes.
            let mut completed = Vec::new();
            let mut was_reached = false;
            for number in 14..20 {
                let (is_complete, reached) =
                    append_and_crash(directory.path(), limits, number, at, fault);
                was_reached |= reached;
                if is_complete {
                    completed.push(number);
                }
            }
            let mut after = writer(directory.path(), limits.0, limits.1);
            append(&mut after, 20).unwrap();
            let content = content(directory.path());
            assert!(content.numbers.is_sorted(), "{fault:?} {at} {content:?}");
            assert_eq!(content.numbers.last(), Some(&20));
            for number in &completed {
                assert!(content.numbers.contains(number), "{fault:?} {at}: {number}");
            }
            // Only the oldest files go, and whole.
            let first = content.numbers[0];
            assert!(
                kept.iter()
                    .all(|number| *number < first || content.numbers.contains(number))
            );
            assert!(record_files(directory.path()).unwrap().len() <= limits.1);
            if !was_reached {
                assert!(at > 8, "a rotation has more steps than {at}");
                break;
            }
        }
    }
}

#[test]
fn a_torn_line_is_sealed_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let limits = (1 << 20, 2);
    append(&mut writer(directory.path(), limits.0, limits.1), 1).unwrap();
    let length = stamp().line(&numbered(2)).unwrap().len();
    for (cut, number) in [(1, 2), (40, 3), (length - 1, 4)] {
        // Opening and locking come before.
        let at = 3;
        let (is_complete, was_reached) =
            append_and_crash(directory.path(), limits, 9, at, Fault::Cut(cut));
        assert!(!is_complete && was_reached);
        append(&mut writer(directory.path(), limits.0, limits.1), number).unwrap();
    }
    let content = content(directory.path());
    // The third one lacks its newline only, and can be read.
    assert_eq!(content.numbers, [1, 2, 3, 9, 4]);
    assert_eq!((content.recovered, content.unreadable), (3, 2));
}

#[test]
fn a_disk_that_is_full_is_an_error_and_the_same_browser_goes_on_when_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let steps = Arc::new(AtomicUsize::new(0));
    let disk = FaultyDisk {
        steps: steps.clone(),
        at: 3,
        fault: Fault::Short(30),
    };
    let mut writer = RecordWriter::new(disk, directory.path().to_owned(), SMALL, 3);
    let error = append(&mut writer, 1).unwrap_err();
    assert!(
        matches!(error, RecordError::Incomplete { written: 30, .. }),
        "{error}"
    );
    // Room again.
    steps.store(0, Ordering::SeqCst);
    let error = append(&mut writer, 2).unwrap_err();
    assert!(matches!(error, RecordError::Incomplete { .. }), "{error}");
    let mut after = super::writer(directory.path(), SMALL, 3);
    append(&mut after, 3).unwrap();
    let content = content(directory.path());
    assert_eq!(content.numbers, [3]);
    assert!(content.recovered >= 1, "{content:?}");
}

#[test]
fn browsers_that_write_at_once_share_the_record() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for browser in 0..4 {
            let directory = directory.path();
            scope.spawn(move || {
                let mut writer = writer(directory, SMALL, 1000);
                for number in 0..50 {
                    append(&mut writer, browser * 1000 + number).unwrap();
                }
            });
        }
    });
    let numbers = numbers(directory.path());
    assert_eq!(numbers.len(), 200);
    for browser in 0..4 {
        let own: Vec<_> = numbers
            .iter()
            .filter(|number| **number / 1000 == browser)
            .collect();
        assert!(own.is_sorted() && own.len() == 50, "{own:?}");
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// One of two browsers writes.
    Append(usize),
    /// A third one writes, and crashes at a step.
    Crash(usize, Fault),
    /// A browser ends and is started again.
    Restart(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let fault = prop_oneof![
        Just(Fault::Before),
        Just(Fault::After),
        (0..200usize).prop_map(Fault::Cut),
        (0..200usize).prop_map(Fault::Short),
    ];
    prop_oneof![
        4 => (0..2usize).prop_map(Op::Append),
        3 => (0..10usize, fault).prop_map(|(at, fault)| Op::Crash(at, fault)),
        1 => (0..2usize).prop_map(Op::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_completed_is_read_back_in_order(ops in vec(op(), 1..40), max_bytes in 1..1500u64) {
        let directory = tempfile::tempdir().unwrap();
        let start = || writer(directory.path(), max_bytes, 1000);
        let mut browsers = [start(), start()];
        let (mut completed, mut crashes) = (Vec::new(), 0);
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Append(browser) => {
                    append(&mut browsers[browser], number).unwrap();
                    completed.push(number);
                }
                Op::Crash(at, fault) => {
                    let limits = (max_bytes, 1000);
                    let crashed = append_and_crash(directory.path(), limits, number, at, fault);
                    if crashed.0 {
                        completed.push(number);
                    }
                    crashes += 1;
                }
                Op::Restart(browser) => browsers[browser] = start(),
            }
        }
        let content = content(directory.path());
        prop_assert!(content.numbers.is_sorted_by(|one, other| one < other), "{:?}", content);
        for number in &completed {
            prop_assert!(content.numbers.contains(number), "{} of {:?}", number, content);
        }
        prop_assert!(content.numbers.len() <= completed.len() + crashes);
        prop_assert!(content.unreadable <= crashes);
    }
}
