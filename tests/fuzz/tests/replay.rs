/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Feeds every target with its corpus, and with changes of it, in every test run.

use std::fs;
use std::path::{Path, PathBuf};

use capture_fuzz::TARGETS;

/// Changed copies of each file of a corpus.
const CHANGES: u64 = 300;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn files(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(corpus(target))
        .unwrap_or_else(|error| panic!("the corpus of {target}: {error}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Changes, removes, repeats or adds some bytes.
fn change(bytes: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(changed.len() + 1);
        match numbers.below(5) {
            0 if at < changed.len() => changed[at] = numbers.next() as u8,
            1 => changed.truncate(at),
            2 => changed.insert(at, numbers.next() as u8),
            3 => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len() + 1);
                changed.splice(at..at, other[from..].iter().copied());
            }
            _ => {
                let part = changed[at..].to_vec();
                changed.extend(part);
            }
        }
        changed.truncate(1 << 16);
    }
    changed
}

#[test]
fn every_target_stands_its_corpus_and_changes_of_it() {
    for target in TARGETS {
        let files = files(target.name);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        (target.run)(&[]);
        for bytes in &files {
            (target.run)(bytes);
            for _ in 0..CHANGES {
                (target.run)(&change(bytes, &files, &mut numbers));
            }
        }
    }
}

#[test]
fn every_target_is_a_program_for_libfuzzer() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer/fuzz_targets");
    let mut found: Vec<String> = fs::read_dir(programs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(found, names);
}
