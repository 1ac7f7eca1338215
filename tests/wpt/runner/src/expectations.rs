/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What each test is expected to do: the metadata tree beside the tests.
//!
//! `meta/a/b.html.ini` speaks of `tests/a/b.html`, and `__dir__.ini` of every
//! test in and below its directory. Keys: `expected` (one status, or a list
//! of which the first is usual), `disabled` (a reason), `prefs`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::condition::{RunInfo, holds};
use crate::discovery::Test;
use crate::ini::{Entry, Section, Value};
use crate::report::{Outcome, TestResult};

/// The expectations that a directory tree holds.
#[derive(Clone, Debug)]
pub struct Metadata {
    root: PathBuf,
    run: RunInfo,
    substitutions: Vec<(String, String)>,
}

/// What the metadata say about one test.
#[derive(Clone, Debug, Default)]
pub struct TestMetadata {
    /// Why it must not run.
    pub disabled: Option<String>,
    /// Preferences it needs, as `name:value`, outermost directory first.
    pub preferences: Vec<String>,
    statuses: Vec<String>,
    subtests: Vec<(String, Vec<String>)>,
}

impl TestMetadata {
    /// The statuses expected of the test itself, the usual one first.
    pub fn statuses(&self) -> &[String] {
        &self.statuses
    }

    /// The statuses expected of a subtest, the usual one first.
    pub fn subtest_statuses(&self, name: &str) -> Option<&[String]> {
        self.subtests
            .iter()
            .find(|(subtest, _)| subtest == name)
            .map(|(_, statuses)| statuses.as_slice())
    }

    /// The names of subtests that are spoken of.
    pub fn subtests(&self) -> impl Iterator<Item = &str> {
        self.subtests.iter().map(|(name, _)| name.as_str())
    }
}

impl Metadata {
    /// Metadata under `root`, with conditions answered by `run`. In values of
    /// `prefs`, `{{name}}` is replaced by the substitution of that name.
    pub fn new(root: &Path, run: RunInfo, substitutions: Vec<(String, String)>) -> Metadata {
        Metadata {
            root: root.to_owned(),
            run,
            substitutions,
        }
    }

    /// What is said of one test.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, is malformed, or has a condition that this
    /// run cannot answer.
    pub fn of(&self, test: &Test) -> Result<TestMetadata> {
        let mut found = TestMetadata::default();
        let mut directories: Vec<&Path> = test.source.ancestors().skip(1).collect();
        directories.reverse();
        for directory in directories {
            let path = self.root.join(directory).join("__dir__.ini");
            if let Some(file) = read(&path)? {
                self.apply(&file, &mut found)
                    .with_context(|| format!("in {}", path.display()))?;
            }
        }
        let path = self.file_of(test);
        if let Some(file) = read(&path)?
            && let Some(section) = file.section(section_name(test))
        {
            self.apply(section, &mut found)
                .with_context(|| format!("in {}", path.display()))?;
        }
        Ok(found)
    }

    fn file_of(&self, test: &Test) -> PathBuf {
        let mut path = self.root.join(&test.source).into_os_string();
        path.push(".ini");
        path.into()
    }

    fn apply(&self, section: &Section, found: &mut TestMetadata) -> Result<()> {
        if let Some(reason) = self.list(section.entry("disabled"))? {
            found.disabled = reason.into_iter().next().filter(|reason| reason != "false");
        }
        if let Some(preferences) = self.list(section.entry("prefs"))? {
            found
                .preferences
                .extend(preferences.iter().map(|pair| self.substitute(pair)));
        }
        if let Some(statuses) = self.list(section.entry("expected"))? {
            found.statuses = statuses;
        }
        for subtest in &section.sections {
            if let Some(statuses) = self.list(subtest.entry("expected"))? {
                found.subtests.push((subtest.heading.clone(), statuses));
            }
        }
        Ok(())
    }

    /// Replaces `{{name}}` by the substitution of that name.
    pub fn substitute(&self, text: &str) -> String {
        self.substitutions
            .iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{{{name}}}}}"), value)
            })
    }

    /// The value of an entry in this run.
    fn list(&self, entry: Option<&Entry>) -> Result<Option<Vec<String>>> {
        let Some(entry) = entry else {
            return Ok(None);
        };
        let mut chosen = entry.default.as_ref();
        for (condition, value) in &entry.branches {
            if holds(condition, &self.run)? {
                chosen = Some(value);
                break;
            }
        }
        Ok(chosen.map(|value| match value {
            Value::Text(text) => vec![text.clone()],
            Value::List(items) => items.clone(),
        }))
    }

    /// Rewrites the metadata of one test so that `result` is expected.
    /// Directory files and other keys stay; where a value has conditions,
    /// only the branch that holds in this run changes.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn update(&self, test: &Test, result: &TestResult) -> Result<()> {
        let path = self.file_of(test);
        let mut file = read(&path)?.unwrap_or_default();
        let before = file.to_string();
        let name = section_name(test);
        let mut section = file.section(name).cloned().unwrap_or_default();
        section.heading = name.to_owned();

        self.expect(&mut section, &result.outcome, "OK")?;
        let mut subtests = Vec::new();
        for subtest in &result.subtests {
            let mut inner = section.section(&subtest.name).cloned().unwrap_or_default();
            inner.heading.clone_from(&subtest.name);
            self.expect(&mut inner, &subtest.outcome, "PASS")?;
            if !inner.entries.is_empty() {
                subtests.push(inner);
            }
        }
        // Without an end, a test cannot show that a subtest has gone.
        if result.outcome.status != "OK" {
            let is_missing = |inner: &&Section| {
                !result
                    .subtests
                    .iter()
                    .any(|subtest| subtest.name == inner.heading)
            };
            subtests.extend(section.sections.iter().filter(is_missing).cloned());
        }
        section.sections = subtests;

        file.sections.retain(|other| other.heading != name);
        if !section.entries.is_empty() || !section.sections.is_empty() {
            file.sections.push(section);
            file.sections
                .sort_by(|one, other| one.heading.cmp(&other.heading));
        }
        let after = file.to_string();
        if after.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {}", path.display()));
                }
                _ => return Ok(()),
            }
        }
        if after != before {
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory)?;
            }
            fs::write(&path, after).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// Makes the `expected` entry of a section agree with an outcome.
    fn expect(&self, section: &mut Section, outcome: &Outcome, usual: &str) -> Result<()> {
        let status = Value::Text(outcome.status.clone());
        let expected = self.list(section.entry("expected"))?;
        let agrees = match &expected {
            Some(statuses) => statuses.contains(&outcome.status),
            None => outcome.status == usual,
        };
        if agrees {
            return Ok(());
        }
        let position = section
            .entries
            .iter()
            .position(|entry| entry.key == "expected");
        let Some(entry) = position.map(|position| &mut section.entries[position]) else {
            section.entries.insert(
                0,
                Entry {
                    key: "expected".to_owned(),
                    comments: Vec::new(),
                    branches: Vec::new(),
                    default: Some(status),
                },
            );
            return Ok(());
        };
        for (condition, value) in &mut entry.branches {
            if holds(condition, &self.run)? {
                *value = status;
                return Ok(());
            }
        }
        if entry.branches.is_empty() && outcome.status == usual {
            section.entries.retain(|entry| entry.key != "expected");
        } else {
            entry.default = Some(status);
        }
        Ok(())
    }
}

/// The heading of a test in the file of its source: its URL's last part.
fn section_name(test: &Test) -> &str {
    let path_end = test.url.find('?').unwrap_or(test.url.len());
    let start = test.url[..path_end].rfind('/').map_or(0, |slash| slash + 1);
    &test.url[start..]
}

fn read(path: &Path) -> Result<Option<Section>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    Section::parse(&text)
        .map(Some)
        .with_context(|| format!("in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::condition::Fact;
    use crate::report::SubtestResult;

    fn test(source: &str, url: &str) -> Test {
        Test {
            url: url.to_owned(),
            source: source.into(),
            is_long: false,
        }
    }

    fn outcome(status: &str) -> Outcome {
        Outcome {
            status: status.to_owned(),
            message: None,
        }
    }

    fn result(status: &str, subtests: &[(&str, &str)]) -> TestResult {
        TestResult {
            outcome: outcome(status),
            subtests: subtests
                .iter()
                .map(|&(name, status)| SubtestResult {
                    name: name.to_owned(),
                    outcome: outcome(status),
                })
                .collect(),
            duration_ms: 1,
        }
    }

    fn metadata(root: &Path, multiprocess: bool) -> Metadata {
        let run = BTreeMap::from([("multiprocess".to_owned(), Fact::Bool(multiprocess))]);
        Metadata::new(
            root,
            run,
            vec![("origin".to_owned(), "http://127.0.0.1:1".to_owned())],
        )
    }

    #[test]
    fn directories_and_files_add_up_from_the_outside_in() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("__dir__.ini", "prefs: [x:1]\n");
        write("a/b/__dir__.ini", "prefs: [\"y:[{{origin}}]\"]\n");
        write(
            "a/b/t.any.js.ini",
            "[t.any.html?v]\n  prefs: [x:2]\n  expected:\n    if multiprocess: CRASH\n    OK\n",
        );
        let test = test("a/b/t.any.js", "/a/b/t.any.html?v");
        let found = metadata(directory.path(), true).of(&test).unwrap();
        assert_eq!(found.preferences, ["x:1", "y:[http://127.0.0.1:1]", "x:2"]);
        assert_eq!(found.statuses(), ["CRASH"]);
        let found = metadata(directory.path(), false).of(&test).unwrap();
        assert_eq!(found.statuses(), ["OK"]);
    }

    #[test]
    fn an_update_makes_the_next_run_expected() {
        let directory = tempfile::tempdir().unwrap();
        let test = test("t.html", "/t.html");
        let metadata = metadata(directory.path(), false);
        let path = directory.path().join("t.html.ini");
        metadata
            .update(&test, &result("OK", &[("good", "PASS"), ("bad", "FAIL")]))
            .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "[t.html]\n  [bad]\n    expected: FAIL\n");
        // A timeout keeps what it says nothing about.
        metadata
            .update(&test, &result("TIMEOUT", &[("good", "NOTRUN")]))
            .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            concat!(
                "[t.html]\n  expected: TIMEOUT\n\n  [good]\n    expected: NOTRUN\n\n",
                "  [bad]\n    expected: FAIL\n"
            )
        );
        metadata
            .update(&test, &result("OK", &[("good", "PASS"), ("bad", "PASS")]))
            .unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn an_update_touches_only_the_branch_of_this_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.html.ini");
        let before =
            "# seen twice\n[t.html]\n  bug: 7\n  expected:\n    if multiprocess: CRASH\n    OK\n";
        fs::write(&path, before).unwrap();
        let test = test("t.html", "/t.html");
        metadata(directory.path(), true)
            .update(&test, &result("OK", &[]))
            .unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!(after, before.replace("CRASH", "OK"));
    }
}
