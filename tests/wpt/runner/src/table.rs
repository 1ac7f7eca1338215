/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The results of a run as a table, a line for each page.

use std::fmt::Write as _;

use crate::report::TestResult;

/// What `--table` prints at the end.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    page: String,
    status: String,
    passed: usize,
    /// The subtests that did not pass.
    others: Vec<String>,
}

impl Table {
    /// Adds a page.
    pub fn add(&mut self, page: &str, result: &TestResult) {
        let subtests = result.subtests.iter();
        let others: Vec<String> = subtests
            .filter(|subtest| subtest.outcome.status != "PASS")
            .map(|subtest| format!("{} {}", subtest.outcome.status, subtest.name))
            .collect();
        self.rows.push(Row {
            page: page.to_owned(),
            status: result.outcome.status.clone(),
            passed: result.subtests.len() - others.len(),
            others,
        });
    }

    /// The table, and below it what did not pass, page by page.
    pub fn text(&self) -> String {
        let mut text = "passed  of  page\n".to_owned();
        for row in &self.rows {
            let all = row.passed + row.others.len();
            let note = match row.status.as_str() {
                "OK" => String::new(),
                status => format!(" ({status})"),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:>6} {all:>3}  {}{note}", row.passed, row.page);
        }
        for row in self.rows.iter().filter(|row| !row.others.is_empty()) {
            let _ = writeln!(text, "not passed in {}:", row.page);
            for other in &row.others {
                let _ = writeln!(text, "  {other}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Outcome, SubtestResult};

    fn result(status: &str, subtests: &[(&str, &str)]) -> TestResult {
        let outcome = |status: &str| Outcome {
            status: status.to_owned(),
            message: None,
        };
        let subtests = subtests.iter().map(|(name, status)| SubtestResult {
            name: (*name).to_owned(),
            outcome: outcome(status),
        });
        TestResult {
            outcome: outcome(status),
            subtests: subtests.collect(),
            duration_ms: 1,
        }
    }

    #[test]
    fn a_table_counts_and_names_what_did_not_pass() {
        let mut table = Table::default();
        table.add(
            "/a.html",
            &result("OK", &[("one", "PASS"), ("two", "PASS")]),
        );
        table.add(
            "/b.html",
            &result("TIMEOUT", &[("one", "PASS"), ("two", "FAIL")]),
        );
        let expected = "passed  of  page\n     2   2  /a.html\n     1   2  /b.html (TIMEOUT)\nnot passed in /b.html:\n  FAIL two\n";
        assert_eq!(table.text(), expected);
    }
}
