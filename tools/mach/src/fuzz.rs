/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `mach fuzz`: the targets of `tests/fuzz` under libFuzzer.
//!
//! The stable compiler instruments as libFuzzer wants it when LLVM is told to.
//! What libFuzzer finds stands in `target/fuzz`: inputs that reached new code, and
//! those that broke something. Whoever fixes such a thing adds the input to
//! `tests/fuzz/corpus`, where every test run replays it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::build;
use crate::cargo::{self, Cargo};

/// Where the programs' workspace and the corpora are.
const PROGRAMS: &str = "tests/fuzz/libfuzzer";
const CORPUS: &str = "tests/fuzz/corpus";
/// Coverage by counters, and values that are compared, for libFuzzer.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// The longest input, in bytes.
const MAX_BYTES: &str = "-max_len=8192";
/// An input that takes longer, in seconds, or more memory, in MiB, is a finding.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=2048"];
const EXECUTIONS: &str = "stat::number_of_executed_units:";

/// Runs one target or all of them, each for so many seconds.
///
/// # Errors
/// When something cannot be built or started, or a target found something.
pub fn fuzz(root: &Path, target: Option<&str>, seconds: u32) -> Result<()> {
    build::prepare(root)?;
    let known = targets(root)?;
    let chosen = match target {
        None => known,
        Some(name) if known.iter().any(|target| target == name) => vec![name.to_owned()],
        Some(name) => bail!("there is no target {name}; there are {}", known.join(", ")),
    };
    let host = cargo::host(root)?;
    // With a target triple, the flags are not for build scripts and macros.
    let mut call = Cargo::new(root, "build")
        .args(["--manifest-path", &format!("{PROGRAMS}/Cargo.toml")])
        .args(["--target-dir", "target/fuzz", "--release"])
        .args(["--target", &host])
        .env("RUSTFLAGS", FLAGS);
    for target in &chosen {
        call = call.args(["--bin", target]);
    }
    call.run()?;
    let programs = root.join("target/fuzz").join(host).join("release");
    let mut findings = Vec::new();
    let mut results = Vec::new();
    for target in &chosen {
        let executions = run(root, &programs.join(target), target, seconds);
        match executions {
            Ok(executions) => results.push(format!("{target:<28}{executions:>12}")),
            Err(error) => findings.push(format!("{error:#}")),
        }
    }
    println!("{:<28}{:>12}", "target", "executions");
    for result in results {
        println!("{result}");
    }
    if !findings.is_empty() {
        bail!("{}", findings.join("; "));
    }
    Ok(())
}

/// Runs a program and gives how many inputs it was fed with.
fn run(root: &Path, program: &Path, target: &str, seconds: u32) -> Result<u64> {
    let found = root.join("target/fuzz/corpus").join(target);
    let broken = root.join("target/fuzz/artifacts").join(target);
    for directory in [&found, &broken] {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    // New inputs go to the first directory.
    let mut child = Command::new(program)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .args([MAX_BYTES, "-print_final_stats=1"])
        .args(LIMITS)
        .arg(&found)
        .arg(root.join(CORPUS).join(target))
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let mut executions = None;
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).lines() {
            let line = line.context("reading what libFuzzer says")?;
            executions = parse_executions(&line).or(executions);
            eprintln!("{line}");
        }
    }
    let status = child.wait().context("waiting for libFuzzer")?;
    if !status.success() {
        bail!("{target} found something, see {}", broken.display());
    }
    executions.with_context(|| format!("{target} does not say how much it did"))
}

fn parse_executions(line: &str) -> Option<u64> {
    line.strip_prefix(EXECUTIONS)?.trim().parse().ok()
}

/// The targets' names, sorted: each has a program.
fn targets(root: &Path) -> Result<Vec<String>> {
    let directory = root.join(PROGRAMS).join("fuzz_targets");
    let reading = || format!("reading {}", directory.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_their_line_and_no_other() {
        for (line, expected) in [
            ("stat::number_of_executed_units: 1234", Some(1234)),
            ("stat::average_exec_per_sec:     12", None),
            ("#1234  DONE   cov: 1", None),
        ] {
            assert_eq!(parse_executions(line), expected, "{line}");
        }
    }

    #[test]
    fn each_target_has_a_corpus() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let targets = targets(&root).unwrap();
        assert!(targets.len() >= 10, "{targets:?}");
        for target in targets {
            let corpus = root.join(CORPUS).join(&target);
            assert!(corpus.read_dir().unwrap().next().is_some(), "{target}");
        }
    }
}
