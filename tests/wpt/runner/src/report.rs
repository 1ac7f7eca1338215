/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Results, how they differ from what was expected, and `wptreport.json`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expectations::TestMetadata;

/// How a test or a subtest ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// A status of testharness.js, or `CRASH`.
    pub status: String,
    /// What it said about that.
    pub message: Option<String>,
}

/// One subtest of a page.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SubtestResult {
    /// Unique within its page.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// One page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TestResult {
    /// How the page as a whole ended.
    pub outcome: Outcome,
    /// Its subtests, in order.
    pub subtests: Vec<SubtestResult>,
    /// From navigation to the end, in milliseconds.
    pub duration_ms: u64,
}

impl TestResult {
    /// A page that ended before it could report.
    pub fn without_subtests(status: &str, message: impl Into<String>, duration_ms: u64) -> Self {
        TestResult {
            outcome: Outcome {
                status: status.to_owned(),
                message: Some(message.into()),
            },
            subtests: Vec::new(),
            duration_ms,
        }
    }
}

/// Something that did not end as expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The subtest, or `None` for the page itself.
    pub subtest: Option<String>,
    /// The statuses that would have been right.
    pub expected: Vec<String>,
    /// How it ended instead.
    pub outcome: Outcome,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.subtest.as_deref().unwrap_or("(the page)");
        let (status, expected) = (&self.outcome.status, self.expected.join(" or "));
        writeln!(f, "     {status} instead of {expected}: {name}")?;
        match &self.outcome.message {
            Some(message) => writeln!(f, "       {}", message.replace('\n', "\n       ")),
            None => Ok(()),
        }
    }
}

/// How many results there were of each sort. A subtest is one result; a page
/// is one when it did not end well.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Passed, as expected.
    pub passed: usize,
    /// Did not pass, as expected.
    pub expected_failures: usize,
    /// Ended otherwise than expected.
    pub unexpected: usize,
}

impl Counts {
    /// Adds the results of one page.
    pub fn add(&mut self, result: &TestResult, differences: &[Difference]) {
        self.unexpected += differences.len();
        let is_different = |name: Option<&str>| {
            differences
                .iter()
                .any(|difference| difference.subtest.as_deref() == name)
        };
        for subtest in &result.subtests {
            if is_different(Some(&subtest.name)) {
                continue;
            }
            if subtest.outcome.status == "PASS" {
                self.passed += 1;
            } else {
                self.expected_failures += 1;
            }
        }
        if result.outcome.status != "OK" && !is_different(None) {
            self.expected_failures += 1;
        }
    }
}

/// Everything about a page that did not end as its metadata say.
pub fn differences(result: &TestResult, metadata: &TestMetadata) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut check = |subtest: Option<&str>, expected: &[String], usual: &str, outcome: &Outcome| {
        let is_expected = if expected.is_empty() {
            outcome.status == usual
        } else {
            expected.contains(&outcome.status)
        };
        if !is_expected {
            differences.push(Difference {
                subtest: subtest.map(str::to_owned),
                expected: if expected.is_empty() {
                    vec![usual.to_owned()]
                } else {
                    expected.to_vec()
                },
                outcome: outcome.clone(),
            });
        }
    };
    check(None, metadata.statuses(), "OK", &result.outcome);
    for subtest in &result.subtests {
        let expected = metadata.subtest_statuses(&subtest.name).unwrap_or_default();
        check(Some(&subtest.name), expected, "PASS", &subtest.outcome);
    }
    // An expectation that nothing meets any more has to go.
    if result.outcome.status == "OK" {
        for name in metadata.subtests() {
            if !result.subtests.iter().any(|subtest| subtest.name == name) {
                let absent = Outcome {
                    status: "MISSING".to_owned(),
                    message: Some("the metadata name a subtest that did not report".to_owned()),
                };
                let expected = metadata.subtest_statuses(name).unwrap_or_default();
                check(Some(name), expected, "PASS", &absent);
            }
        }
    }
    differences
}

/// The file that web-platform-tests' tools exchange results in.
#[derive(Debug, Serialize)]
pub struct WptReport {
    /// What ran, and where.
    pub run_info: BTreeMap<String, Value>,
    /// Milliseconds since 1970.
    pub time_start: u64,
    /// Milliseconds since 1970.
    pub time_end: u64,
    /// One entry a page.
    pub results: Vec<ReportedTest>,
}

/// One page in the report.
#[derive(Debug, Serialize)]
pub struct ReportedTest {
    test: String,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_intermittent: Vec<String>,
    subtests: Vec<ReportedSubtest>,
    /// Milliseconds.
    duration: u64,
}

#[derive(Debug, Serialize)]
struct ReportedSubtest {
    name: String,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_intermittent: Vec<String>,
}

impl ReportedTest {
    /// A page's entry. As in wptrunner, `expected` stands there only where it
    /// is another status than the one that came.
    pub fn new(test: &str, result: &TestResult, metadata: &TestMetadata) -> ReportedTest {
        let (expected, known_intermittent) =
            reported_expectation(metadata.statuses(), "OK", &result.outcome);
        let subtests = result
            .subtests
            .iter()
            .map(|subtest| {
                let statuses = metadata.subtest_statuses(&subtest.name).unwrap_or_default();
                let (expected, known_intermittent) =
                    reported_expectation(statuses, "PASS", &subtest.outcome);
                ReportedSubtest {
                    name: subtest.name.clone(),
                    outcome: subtest.outcome.clone(),
                    expected,
                    known_intermittent,
                }
            })
            .collect();
        ReportedTest {
            test: test.to_owned(),
            outcome: result.outcome.clone(),
            expected,
            known_intermittent,
            subtests,
            duration: result.duration_ms,
        }
    }
}

fn reported_expectation(
    statuses: &[String],
    usual: &str,
    outcome: &Outcome,
) -> (Option<String>, Vec<String>) {
    let first = statuses.first().map_or(usual, String::as_str);
    let expected = (first != outcome.status).then(|| first.to_owned());
    let intermittent = statuses.iter().skip(1).cloned().collect();
    (expected, intermittent)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::discovery::Test;
    use crate::expectations::Metadata;

    fn metadata(text: &str) -> TestMetadata {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("t.html.ini"), text).unwrap();
        let test = Test {
            url: "/t.html".to_owned(),
            source: "t.html".into(),
            is_long: false,
        };
        Metadata::new(directory.path(), BTreeMap::new(), Vec::new())
            .of(&test)
            .unwrap()
    }

    fn result(status: &str, subtests: &[(&str, &str)]) -> TestResult {
        let outcome = |status: &str| Outcome {
            status: status.to_owned(),
            message: None,
        };
        TestResult {
            outcome: outcome(status),
            subtests: subtests
                .iter()
                .map(|&(name, status)| SubtestResult {
                    name: name.to_owned(),
                    outcome: outcome(status),
                })
                .collect(),
            duration_ms: 12,
        }
    }

    fn unexpected(result: &TestResult, metadata: &TestMetadata) -> Vec<(String, String)> {
        differences(result, metadata)
            .into_iter()
            .map(|difference| {
                let name = difference.subtest.unwrap_or_default();
                (name, difference.outcome.status)
            })
            .collect()
    }

    #[test]
    fn a_failure_is_unexpected_unless_the_metadata_name_it() {
        let failing = result("OK", &[("a", "PASS"), ("b", "FAIL")]);
        let nothing = metadata("");
        assert_eq!(
            unexpected(&failing, &nothing),
            [("b".into(), "FAIL".into())]
        );
        let known = metadata("[t.html]\n  [b]\n    expected: FAIL\n");
        assert_eq!(unexpected(&failing, &known), []);
        let sometimes = metadata("[t.html]\n  [b]\n    expected: [PASS, FAIL]\n");
        assert_eq!(unexpected(&failing, &sometimes), []);
    }

    #[test]
    fn a_pass_that_should_have_failed_is_unexpected() {
        let known = metadata("[t.html]\n  expected: CRASH\n  [b]\n    expected: FAIL\n");
        let passing = result("OK", &[("b", "PASS")]);
        assert_eq!(
            unexpected(&passing, &known),
            [("".into(), "OK".into()), ("b".into(), "PASS".into())]
        );
    }

    #[test]
    fn an_expectation_of_a_subtest_that_is_gone_is_unexpected() {
        let known = metadata("[t.html]\n  [b]\n    expected: FAIL\n");
        let without = result("OK", &[("a", "PASS")]);
        assert_eq!(
            unexpected(&without, &known),
            [("b".into(), "MISSING".into())]
        );
        let cut_short = result("TIMEOUT", &[("a", "PASS")]);
        assert_eq!(
            unexpected(&cut_short, &known),
            [("".into(), "TIMEOUT".into())]
        );
    }

    #[test]
    fn every_result_is_counted_once() {
        let known = metadata("[t.html]\n  expected: TIMEOUT\n  [b]\n    expected: FAIL\n");
        let result = result("TIMEOUT", &[("a", "PASS"), ("b", "FAIL"), ("c", "NOTRUN")]);
        let mut counts = Counts::default();
        counts.add(&result, &differences(&result, &known));
        assert_eq!(
            counts,
            Counts {
                passed: 1,
                expected_failures: 2,
                unexpected: 1
            }
        );
    }

    #[test]
    fn the_report_has_the_form_of_web_platform_tests() {
        let known = metadata("[t.html]\n  [b]\n    expected: [FAIL, PASS]\n");
        let result = result("OK", &[("a", "FAIL"), ("b", "FAIL"), ("c", "PASS")]);
        let report = WptReport {
            run_info: BTreeMap::from([("os".to_owned(), json!("linux"))]),
            time_start: 1,
            time_end: 2,
            results: vec![ReportedTest::new("/t.html", &result, &known)],
        };
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            json!({
                "run_info": {"os": "linux"},
                "time_start": 1,
                "time_end": 2,
                "results": [{
                    "test": "/t.html",
                    "status": "OK",
                    "message": null,
                    "duration": 12,
                    "subtests": [
                        {"name": "a", "status": "FAIL", "message": null, "expected": "PASS"},
                        {"name": "b", "status": "FAIL", "message": null, "known_intermittent": ["PASS"]},
                        {"name": "c", "status": "PASS", "message": null},
                    ],
                }],
            })
        );
    }
}
