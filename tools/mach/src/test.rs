/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `mach test`: everything that can be checked, step by step, and
//! `mach test-wpt`: web-platform-tests alone.
//!
//! A step that fails does not keep the others from running, except those that
//! need what it should have made.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::bootstrap;
use crate::build::{self, Profile, SHELL};
use crate::cargo::Cargo;
use crate::failures::Failures;
use crate::workspace::{self, BROWSER, INTEGRATION_TESTS, WPT_RUN};
use crate::{attacks, check, fmt as format, graft, wpt_tools};

/// A part of the tests, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Bootstrap,
    Graft,
    Fmt,
    Mach,
    Build,
    Lint,
    Unit,
    Integration,
    Attacks,
    Wpt,
    WptMultiprocess,
}

const STEPS: [Step; 11] = [
    Step::Bootstrap,
    Step::Graft,
    Step::Fmt,
    Step::Mach,
    Step::Build,
    Step::Lint,
    Step::Unit,
    Step::Integration,
    Step::Attacks,
    Step::Wpt,
    Step::WptMultiprocess,
];

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Bootstrap => "bootstrap",
            Step::Graft => "graft",
            Step::Fmt => "fmt",
            Step::Mach => "mach",
            Step::Build => "build",
            Step::Lint => "lint",
            Step::Unit => "unit",
            Step::Integration => "integration",
            Step::Attacks => "attacks",
            Step::Wpt => "wpt",
            Step::WptMultiprocess => "wpt-multiprocess",
        }
    }

    /// What must have passed before. In the order of [`STEPS`], so that adding
    /// the needs of the needs takes one pass from the end.
    fn needs(self) -> &'static [Step] {
        match self {
            Step::Bootstrap | Step::Graft | Step::Fmt | Step::Mach => &[],
            Step::Build | Step::Lint | Step::Unit => &[Step::Bootstrap, Step::Graft],
            Step::Integration | Step::Attacks | Step::Wpt | Step::WptMultiprocess => &[Step::Build],
        }
    }

    fn run(self, root: &Path, filters: &[String]) -> Result<()> {
        match self {
            Step::Bootstrap => bootstrap::ensure(bootstrap::Options::default()),
            // Verifies all of them before it writes anything.
            Step::Graft => graft::write(root),
            Step::Fmt => format::fmt(root, true),
            Step::Mach => with_filters(workspace::cargo_for_mach(root, "test"), filters),
            Step::Build => build::compile(root, &[], Profile::Debug),
            Step::Lint => check::lint(root),
            Step::Unit => unit(root, filters),
            Step::Integration => integration(root, filters),
            Step::Attacks => attacks::attacks(root, filters),
            Step::Wpt => whole_wpt(root, "wptreport.json", &[]),
            Step::WptMultiprocess => {
                whole_wpt(root, "wptreport-multiprocess.json", &["--multiprocess"])
            }
        }
    }
}

/// What became of a step.
enum Outcome {
    Passed(Duration),
    /// Why, in the first line; what its tests said, in the others.
    Failed(Duration, String),
    /// Counts as failed: nobody knows whether it would pass.
    NotRun(Step),
}

/// Runs the steps and tests that `words` name, or everything; `false` when a
/// step failed.
pub fn test(root: &Path, words: &[String]) -> bool {
    let (steps, filters) = plan(words);
    if !filters.is_empty() {
        eprintln!(
            "mach: only tests with a name containing: {}",
            filters.join(", ")
        );
    }
    let mut outcomes = Vec::<(Step, Outcome)>::new();
    for step in steps {
        let unmet = step.needs().iter().copied().find(|need| {
            !outcomes
                .iter()
                .any(|(done, outcome)| done == need && matches!(outcome, Outcome::Passed(_)))
        });
        if let Some(unmet) = unmet {
            outcomes.push((step, Outcome::NotRun(unmet)));
            continue;
        }
        eprintln!("\nmach: test step {}", step.name());
        let started = Instant::now();
        let result = step.run(root, &filters);
        let took = started.elapsed();
        outcomes.push((
            step,
            match result {
                Ok(()) => Outcome::Passed(took),
                Err(error) => {
                    let reason = format!("{error:#}");
                    eprintln!("mach: {}", reason.lines().next().unwrap_or_default());
                    Outcome::Failed(took, reason)
                }
            },
        ));
    }
    print!("\n{}", Report(&outcomes));
    outcomes
        .iter()
        .all(|(_, outcome)| matches!(outcome, Outcome::Passed(_)))
}

/// The steps to run with what they need, in order, and the filters for the
/// names of tests. Words that are no step's name are filters; with nothing but
/// filters, the steps that can take one run.
fn plan(words: &[String]) -> (Vec<Step>, Vec<String>) {
    let mut wanted = Vec::new();
    let mut filters = Vec::new();
    for word in words {
        match STEPS.into_iter().find(|step| step.name() == word) {
            Some(Step::Wpt) => wanted.extend([Step::Wpt, Step::WptMultiprocess]),
            Some(step) => wanted.push(step),
            None => filters.push(word.clone()),
        }
    }
    if wanted.is_empty() {
        wanted = match filters.is_empty() {
            true => STEPS.to_vec(),
            false => vec![Step::Mach, Step::Unit, Step::Integration],
        };
    }
    for step in STEPS.into_iter().rev() {
        if wanted.contains(&step) {
            wanted.extend(step.needs());
        }
    }
    let steps = STEPS
        .into_iter()
        .filter(|step| wanted.contains(step))
        .collect();
    (steps, filters)
}

/// What failed tests said, the table of steps and the sums.
struct Report<'a>(&'a [(Step, Outcome)]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, outcome) in self.0 {
            if let Outcome::Failed(_, reason) = outcome
                && let Some((_, said)) = reason.split_once('\n')
            {
                writeln!(f, "failed in {}:\n{said}\n", step.name())?;
            }
        }
        writeln!(f, "{:<18}{:<9}{:>8}", "step", "result", "seconds")?;
        let mut passed = 0;
        for (step, outcome) in self.0 {
            let name = step.name();
            match outcome {
                Outcome::Passed(took) => {
                    passed += 1;
                    writeln!(f, "{name:<18}{:<9}{:>8.1}", "passed", took.as_secs_f32())?;
                }
                Outcome::Failed(took, reason) => {
                    let seconds = took.as_secs_f32();
                    let reason = reason.lines().next().unwrap_or_default();
                    writeln!(f, "{name:<18}{:<9}{seconds:>8.1}  {reason}", "FAILED")?;
                }
                Outcome::NotRun(need) => {
                    writeln!(
                        f,
                        "{name:<18}{:<9}{:>8}  needs {}",
                        "not run",
                        "",
                        need.name()
                    )?;
                }
            }
        }
        writeln!(f, "{passed} passed, {} failed", self.0.len() - passed)
    }
}

/// Runs `cargo test` for the tests that match, all where there is no filter.
fn with_filters(cargo: Cargo, filters: &[String]) -> Result<()> {
    let mut cargo = cargo.args(["--no-fail-fast", "--"]).args(filters);
    if io::stdout().is_terminal() {
        // The tests themselves write to a pipe.
        cargo = cargo.arg("--color=always");
    }
    let mut failures = Failures::default();
    let result = cargo.run_reading(|line| failures.read(line));
    result.map_err(|error| anyhow!("{error:#}{failures}"))
}

fn unit(root: &Path, filters: &[String]) -> Result<()> {
    let tools = ["capture-test-rig", WPT_RUN];
    let results = [&tools[..], BROWSER].map(|packages| {
        let cargo = workspace::select(Cargo::new(root, "test"), packages);
        with_filters(cargo, filters).with_context(|| packages.join(", "))
    });
    let failed = results.into_iter().filter_map(Result::err);
    match failed
        .map(|error| format!("{error:#}"))
        .reduce(|all, one| format!("{all}\n{one}"))
    {
        None => Ok(()),
        Some(reasons) => bail!(reasons),
    }
}

fn integration(root: &Path, filters: &[String]) -> Result<()> {
    let cargo = workspace::select(Cargo::new(root, "test"), &[INTEGRATION_TESTS])
        .env("CAPTURESHELL", build::program(root, SHELL, Profile::Debug))
        .env("WPT_TOOLS", wpt_tools::directory(root));
    with_filters(cargo, filters)
}

/// Runs all of our web-platform-tests and leaves a report in `target/wpt`.
fn whole_wpt(root: &Path, report: &str, options: &[&str]) -> Result<()> {
    let mut arguments = vec![
        "--log-wptreport".into(),
        wpt_tools::directory(root).join(report).into_os_string(),
    ];
    arguments.extend(options.iter().map(OsString::from));
    match run_wpt(root, Profile::Debug, &arguments)? {
        0 => Ok(()),
        1 => bail!("some results are not the expected ones"),
        code => bail!("{WPT_RUN} ended with code {code}"),
    }
}

/// Builds the browser and runs web-platform-tests in it; the arguments are
/// `wpt-run`'s and the number is its exit code.
///
/// # Errors
/// When something cannot be built, taken or started.
pub fn test_wpt(root: &Path, profile: Profile, arguments: &[OsString]) -> Result<u8> {
    build::build(root, &[], profile)?;
    run_wpt(root, profile, arguments)
}

fn run_wpt(root: &Path, profile: Profile, arguments: &[OsString]) -> Result<u8> {
    // The runner itself is never worth optimising.
    build::compile(root, &[WPT_RUN.to_owned()], Profile::Debug)?;
    let tools = wpt_tools::ensure(root)?;
    let status = Command::new(build::program(root, WPT_RUN, Profile::Debug))
        .arg("--binary")
        .arg(build::program(root, SHELL, profile))
        .arg("--tools")
        .arg(tools)
        .args(arguments)
        .status()
        .with_context(|| format!("starting {WPT_RUN}"))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(words: &str) -> (String, String) {
        let words = words
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let (steps, filters) = plan(&words);
        let names = steps.iter().map(|step| step.name()).collect::<Vec<_>>();
        (names.join(" "), filters.join(" "))
    }

    fn check(words: &str, steps: &str, filters: &str) {
        assert_eq!(planned(words), (steps.to_owned(), filters.to_owned()));
    }

    #[test]
    fn without_a_word_everything_runs() {
        check(
            "",
            "bootstrap graft fmt mach build lint unit integration attacks wpt wpt-multiprocess",
            "",
        );
    }

    #[test]
    fn a_named_step_brings_what_it_needs_and_nothing_else() {
        check("fmt", "fmt", "");
        check("wpt", "bootstrap graft build wpt wpt-multiprocess", "");
        check(
            "integration fmt",
            "bootstrap graft fmt build integration",
            "",
        );
        check("attacks cover", "bootstrap graft build attacks", "cover");
    }

    #[test]
    fn other_words_choose_tests_by_name() {
        check(
            "unplugging monitor",
            "bootstrap graft mach build unit integration",
            "unplugging monitor",
        );
        check("unit unplugging", "bootstrap graft unit", "unplugging");
    }

    #[test]
    fn the_report_tells_what_failed_and_counts_a_step_that_did_not_run_as_failed() {
        let second = Duration::from_secs(1);
        let outcomes = [
            (Step::Graft, Outcome::Passed(second)),
            (
                Step::Build,
                Outcome::Failed(second, "broken\nlong".to_owned()),
            ),
            (Step::Wpt, Outcome::NotRun(Step::Build)),
        ];
        let text = Report(&outcomes).to_string();
        let table = text.strip_prefix("failed in build:\nlong\n\n").unwrap();
        let lines = table.lines().collect::<Vec<_>>();
        assert_eq!(lines[3], "wpt               not run            needs build");
        assert!(lines[2].ends_with("FAILED        1.0  broken"), "{text}");
        assert_eq!(lines[4..], ["1 passed, 2 failed"]);
    }
}
