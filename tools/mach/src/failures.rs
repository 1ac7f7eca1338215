/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the tests that failed said, taken out of the output of `cargo test`, to
//! be told again after all else: the output of half an hour is long.

use std::fmt;

/// Tests that are kept; of more, the number is.
const MAX_TESTS: usize = 20;
/// Lines that are kept of each, from the first one on, and as many that say why it failed.
const MAX_LINES: usize = 12;
/// Characters of a line.
const MAX_LENGTH: usize = 300;

/// The failures in the output of some test programs, which is read line by line.
#[derive(Debug, Default)]
pub struct Failures {
    kept: Vec<Failure>,
    left_out: usize,
    /// Whether the lines that come are those of the newest test in `kept`.
    is_inside: bool,
}

#[derive(Debug)]
struct Failure {
    test: String,
    lines: Vec<String>,
    is_cut: bool,
}

impl Failures {
    /// Takes the next line.
    pub fn read(&mut self, line: &str) {
        if let Some(test) = failed_test(line) {
            self.is_inside = self.kept.len() < MAX_TESTS;
            if self.is_inside {
                self.kept.push(Failure {
                    test: test.to_owned(),
                    lines: Vec::new(),
                    is_cut: false,
                });
            } else {
                self.left_out += 1;
            }
        } else if line == "failures:" {
            // The list of names, after what each test said.
            self.is_inside = false;
        } else if self.is_inside
            && let Some(newest) = self.kept.last_mut()
            && !(line.is_empty() && newest.lines.is_empty())
        {
            let most = if says_why(line) {
                2 * MAX_LINES
            } else {
                MAX_LINES
            };
            if newest.lines.len() < most {
                newest.lines.push(line.chars().take(MAX_LENGTH).collect());
            } else {
                newest.is_cut = true;
            }
        }
    }
}

/// The test whose output begins with this line.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

/// Whether it is the message, which comes after all that a test printed.
fn says_why(line: &str) -> bool {
    line.starts_with("Error: ") || line.contains(" panicked at ") || line.starts_with("assertion ")
}

impl fmt::Display for Failures {
    /// Nothing, or lines that each begin with a line's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.kept {
            write!(f, "\n{}", failure.test)?;
            let end = failure.lines.iter().rposition(|line| !line.is_empty());
            for line in &failure.lines[..end.map_or(0, |end| end + 1)] {
                write!(f, "\n    {line}")?;
            }
            if failure.is_cut {
                write!(f, "\n    …")?;
            }
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> Failures {
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.read(line));
        failures
    }

    #[test]
    fn what_each_failed_test_said_is_kept_and_nothing_else() {
        let failures = read(
            "running 3 tests\ntest a ... ok\ntest b::c ... FAILED\n\nfailures:\n\n\
             ---- b::c stdout ----\n\nthread 'b::c' panicked at src/b.rs:7:9:\nno sound\n\n\
             ---- d stdout ----\nError: \"late\"\n\n\nfailures:\n    b::c\n    d\n\n\
             test result: FAILED. 1 passed; 2 failed\nrunning 1 test\ntest e ... ok\n",
        );
        assert_eq!(
            failures.to_string(),
            "\nb::c\n    thread 'b::c' panicked at src/b.rs:7:9:\n    no sound\nd\n    Error: \"late\""
        );
    }

    #[test]
    fn it_stays_short_and_says_what_is_left_out() {
        let mut output = String::new();
        for test in 0..MAX_TESTS + 3 {
            output += &format!("---- t{test} stdout ----\n");
            output += &"word\n".repeat(MAX_LINES + test % 2);
        }
        let text = read(&output).to_string();
        assert!(text.ends_with("word\n    …\nand 3 more"), "{text}");
        assert_eq!(text.matches('…').count(), MAX_TESTS / 2);
        assert_eq!(text.matches("word").count(), MAX_TESTS * MAX_LINES);
    }

    #[test]
    fn why_it_failed_is_kept_whatever_was_printed_before() {
        let printed = "x".repeat(2 * MAX_LENGTH) + "\n";
        let output = format!(
            "---- t stdout ----\n{}Error: late\n",
            printed.repeat(MAX_LINES + 9)
        );
        let text = read(&output).to_string();
        assert!(text.ends_with("x\n    Error: late\n    …"), "{text}");
        assert!(text.len() < (MAX_LINES + 2) * (MAX_LENGTH + 8));
    }

    #[test]
    fn where_nothing_failed_nothing_is_said() {
        assert_eq!(read("running 1 test\ntest a ... ok\n").to_string(), "");
    }
}
