/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Runs testharness.js tests in captureshell through WebDriver, and compares
//! what they say with what the metadata expect of them.
//!
//! `.https.` tests are served from a loopback address over plain HTTP: that
//! is a secure context, and no certificate is needed.

mod actions;
mod browser;
mod condition;
mod discovery;
mod execute;
mod expectations;
mod ini;
mod preferences;
mod report;
mod server;
mod table;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::browser::{Browser, Launcher};
use crate::condition::{Fact, RunInfo};
use crate::discovery::Test;
use crate::expectations::{Metadata, TestMetadata};
use crate::preferences::{Preferences, group};
use crate::report::{Counts, Difference, ReportedTest, TestResult, WptReport, differences};
use crate::server::{Files, Server};
use crate::table::Table;

const SHORT_LIMIT: Duration = Duration::from_secs(10);
const LONG_LIMIT: Duration = Duration::from_secs(60);

/// Runs web-platform-tests in captureshell.
///
/// Exits with 0 when every result was expected, with 1 when one was not, and
/// with 2 when the tests could not be run.
#[derive(Debug, Parser)]
#[command(name = "wpt-run")]
struct Options {
    /// The captureshell to test
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,

    /// A directory with the npm package wpt-runner in npm/, and in venv/ a
    /// Python environment with wptserve
    #[arg(long, value_name = "DIR")]
    tools: PathBuf,

    /// Give pages processes of their own
    #[arg(long)]
    multiprocess: bool,

    /// Run the tests of a full web-platform-tests checkout instead of ours
    #[arg(long, value_name = "DIR")]
    wpt_root: Option<PathBuf>,

    /// Where expectations are [default: tests/wpt/meta, and with --wpt-root
    /// tests/wpt/meta-wpt]
    #[arg(long, value_name = "DIR")]
    metadata: Option<PathBuf>,

    /// Write the results as a wptreport.json
    #[arg(long, value_name = "FILE")]
    log_wptreport: Option<PathBuf>,

    /// Make the results of this run the expected ones
    #[arg(long)]
    update_expectations: bool,

    /// Factor for all time limits
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = multiplier)]
    timeout_multiplier: f64,

    /// Print every subtest
    #[arg(long)]
    verbose: bool,

    /// Print a table of the pages at the end, with what did not pass
    #[arg(long)]
    table: bool,

    /// What to run: files and directories from the root of the tests, URLs, or
    /// the beginning of files' names, as in `idlharness` [default: all]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

fn multiplier(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 1000.0 => Ok(factor),
        _ => Err("a factor is a number above 0, at most 1000".to_owned()),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(run_unless_interrupted(&options)));
    match result {
        Ok(counts) if counts.unexpected == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wpt-run: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// A signal ends the run in order, so that browser and server go too.
async fn run_unless_interrupted(options: &Options) -> Result<Counts> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = run(options) => result,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

async fn run(options: &Options) -> Result<Counts> {
    let suite = suite_directory()?;
    let harness = suite.join("harness");
    let own_tests = suite.join("tests");
    let root = options.wpt_root.as_ref().unwrap_or(&own_tests);
    let root = root
        .canonicalize()
        .with_context(|| format!("the tests' directory {}", root.display()))?;
    let binary = options
        .binary
        .canonicalize()
        .with_context(|| format!("the browser {}", options.binary.display()))?;
    let tests = discovery::collect(&root, &options.paths)?;

    let files = Files {
        python: &options.tools.join("venv/bin/python"),
        harness: &harness,
        npm: &options.tools.join("npm"),
        idl: &options.tools.join("idl"),
        root: &root,
        is_checkout: options.wpt_root.is_some(),
    };
    let server = Server::start(&files, options.timeout_multiplier).await?;
    let default_metadata = suite.join(if files.is_checkout {
        "meta-wpt"
    } else {
        "meta"
    });
    let metadata = Metadata::new(
        options.metadata.as_ref().unwrap_or(&default_metadata),
        facts(options),
        vec![
            ("origin".to_owned(), server.origin()),
            ("cross_origin".to_owned(), server.cross_origin()),
        ],
    );
    let base = fs::read_to_string(harness.join("prefs.json")).context("reading prefs.json")?;
    let base = Preferences::from_json(&metadata.substitute(&base)).context("in prefs.json")?;

    let mut session = Session {
        options,
        server: &server,
        metadata: &metadata,
        launcher: Launcher {
            binary,
            is_multiprocess: options.multiprocess,
        },
        counts: Counts::default(),
        table: Table::default(),
        surprises: String::new(),
        results: Vec::new(),
        browser_version: None,
    };
    let start = SystemTime::now();
    session.run_all(tests, &base).await?;
    session.finish(start)
}

/// `tests/wpt`, found from the working directory or from this program.
fn suite_directory() -> Result<PathBuf> {
    let starts = [env::current_dir(), env::current_exe()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|directory| directory.join("tests/wpt"))
        .find(|suite| suite.join("harness/serve.py").is_file())
        .context("tests/wpt/harness is in no directory above this one; run from the source tree")
}

/// What conditions in expectation files can ask.
fn facts(options: &Options) -> RunInfo {
    let text = |text: &str| Fact::Text(text.to_owned());
    BTreeMap::from([
        ("multiprocess".to_owned(), Fact::Bool(options.multiprocess)),
        ("os".to_owned(), text(env::consts::OS)),
        ("processor".to_owned(), text(env::consts::ARCH)),
        ("product".to_owned(), text("captureshell")),
    ])
}

/// A run over some tests.
struct Session<'a> {
    options: &'a Options,
    server: &'a Server,
    metadata: &'a Metadata,
    launcher: Launcher,
    counts: Counts,
    table: Table,
    /// What was printed of pages that did not end as expected, to be read again
    /// at the end.
    surprises: String,
    results: Vec<ReportedTest>,
    browser_version: Option<Value>,
}

impl Session<'_> {
    async fn run_all(&mut self, tests: Vec<Test>, base: &Preferences) -> Result<()> {
        let mut with_preferences = Vec::new();
        for test in tests {
            let metadata = self.metadata.of(&test)?;
            if let Some(reason) = &metadata.disabled {
                println!("SKIP {}: {reason}", test.url);
                continue;
            }
            let mut preferences = base.clone();
            for pair in &metadata.preferences {
                preferences.set(pair)?;
            }
            with_preferences.push((test, preferences));
        }
        if with_preferences.is_empty() {
            bail!("every selected test is disabled");
        }
        for (preferences, tests) in group(with_preferences) {
            let mut browser = None;
            for test in tests {
                browser = self.run_one(&test, &preferences, browser).await?;
            }
        }
        Ok(())
    }

    /// Runs a test in `browser`, or in a new one; returns the browser if
    /// another test can use it.
    async fn run_one(
        &mut self,
        test: &Test,
        preferences: &Preferences,
        browser: Option<Browser>,
    ) -> Result<Option<Browser>> {
        let mut browser = match browser {
            Some(browser) => browser,
            None => self.launcher.start(preferences).await?,
        };
        if self.browser_version.is_none() {
            self.browser_version = browser
                .client()
                .capabilities()
                .and_then(|capabilities| capabilities.get("browserVersion"))
                .cloned();
        }
        let url = self.server.url(&test.url)?;
        let limit = if test.is_long {
            LONG_LIMIT
        } else {
            SHORT_LIMIT
        };
        let limit = limit.mul_f64(self.options.timeout_multiplier);
        let run = execute::run(&mut browser, &url, limit).await;
        let metadata = self.metadata.of(test)?;
        let differences = differences(&run.result, &metadata);
        self.counts.add(&run.result, &differences);
        self.table.add(&test.url, &run.result);
        self.print(test, &run.result, &metadata, &differences);
        self.results
            .push(ReportedTest::new(&test.url, &run.result, &metadata));
        if self.options.update_expectations {
            self.metadata.update(test, &run.result)?;
        }
        Ok((!run.is_browser_spent).then_some(browser))
    }

    fn print(
        &mut self,
        test: &Test,
        result: &TestResult,
        metadata: &TestMetadata,
        differences: &[Difference],
    ) {
        let verdict = if differences.is_empty() {
            "ok  "
        } else {
            "DIFF"
        };
        let mut text = format!(
            "{verdict} {} {} ({} subtests, {} ms)\n",
            test.url,
            result.outcome.status,
            result.subtests.len(),
            result.duration_ms
        );
        text.extend(differences.iter().map(Difference::to_string));
        print!("{text}");
        if !differences.is_empty() {
            self.surprises.push_str(&text);
        }
        if self.options.verbose {
            for subtest in &result.subtests {
                let is_known = metadata.subtest_statuses(&subtest.name).is_some();
                let note = if is_known { " (in the metadata)" } else { "" };
                println!("     {} {}{note}", subtest.outcome.status, subtest.name);
            }
        }
    }

    /// Writes the report and prints the sums.
    fn finish(self, start: SystemTime) -> Result<Counts> {
        let end = SystemTime::now();
        let pages = self.results.len();
        if let Some(path) = &self.options.log_wptreport {
            let report = WptReport {
                run_info: self.run_info(),
                time_start: milliseconds(start),
                time_end: milliseconds(end),
                results: self.results,
            };
            write_report(path, &report)?;
        }
        let Counts {
            passed,
            expected_failures,
            unexpected,
        } = self.counts;
        if self.options.table {
            print!("{}", self.table.text());
        }
        if !self.surprises.is_empty() {
            print!("Not as expected:\n{}", self.surprises);
        }
        let seconds = end.duration_since(start).unwrap_or_default().as_secs_f64();
        println!("{pages} pages in {seconds:.1} s, {expected_failures} failures as expected");
        println!("{passed} passed, {unexpected} failed");
        Ok(self.counts)
    }

    fn run_info(&self) -> BTreeMap<String, Value> {
        let mut info: BTreeMap<String, Value> = facts(self.options)
            .into_iter()
            .map(|(name, fact)| match fact {
                Fact::Bool(answer) => (name, json!(answer)),
                Fact::Text(text) => (name, json!(text)),
            })
            .collect();
        if let Some(version) = &self.browser_version {
            info.insert("browser_version".to_owned(), version.clone());
        }
        info.insert(
            "https_tests".to_owned(),
            json!("served over http from a loopback address, a secure context without TLS"),
        );
        info
    }
}

fn write_report(path: &Path, report: &WptReport) -> Result<()> {
    let text = serde_json::to_string_pretty(report).context("writing the report")?;
    fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
