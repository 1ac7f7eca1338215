/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The build tool of servo-screen-capture. `./mach` builds and starts it.
//!
//! It prepares the machine, lays our code over Servo's crates, calls Cargo, and
//! starts what was built. Everything it makes stands in `target/`.

mod attacks;
mod bench;
mod bootstrap;
mod build;
mod cargo;
mod check;
mod failures;
mod fmt;
mod fuzz;
mod graft;
mod run;
mod server;
mod sources;
mod test;
mod threats;
mod tidy;
mod workspace;
mod wpt_tools;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use build::Profile;

/// Builds, runs and tests servo-screen-capture.
#[derive(Parser)]
#[command(name = "mach", bin_name = "./mach", version, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install the system packages and test tools that are missing (Debian 12)
    Bootstrap {
        /// Also install what the benches measure against
        #[arg(long)]
        bench: bool,
        /// Do not ask before installing
        #[arg(short, long)]
        yes: bool,
        /// Only say what would be installed
        #[arg(long)]
        dry_run: bool,
    },
    /// Graft and build: the browser, or the packages named
    Build {
        #[command(flatten)]
        profile: ProfileArgs,
        /// Build this package instead of the browser (may be repeated)
        #[arg(short, long = "package", value_name = "CRATE")]
        packages: Vec<String>,
    },
    /// Build and start the browser, on the demo page when no URL is given
    #[command(disable_help_flag = true)]
    Run {
        #[command(flatten)]
        profile: ProfileArgs,
        /// Options and URL for captureshell, handed on as they are
        #[arg(
            value_name = "ARGS",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        arguments: Vec<OsString>,
    },
    /// Run all checks and tests, or the steps or tests named
    ///
    /// Steps: bootstrap, graft, fmt, mach, build, lint, unit, integration,
    /// attacks, wpt, wpt-multiprocess. Any other word runs the tests with it in their name.
    Test {
        /// A step, or a part of a test's name
        #[arg(value_name = "STEP|NAME")]
        words: Vec<String>,
    },
    /// Run web-platform-tests in the browser
    #[command(disable_help_flag = true)]
    TestWpt {
        #[command(flatten)]
        profile: ProfileArgs,
        /// Paths and options for wpt-run, handed on as they are
        #[arg(
            value_name = "ARGS",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        arguments: Vec<OsString>,
    },
    /// Lay our code over Servo's crates, in target/grafted
    Graft {
        /// Verify that every graft applies; write nothing
        #[arg(long, conflicts_with = "diff")]
        check: bool,
        /// Print the changes against upstream as a unified diff; write nothing
        #[arg(long)]
        diff: bool,
    },
    /// Format our Rust files with rustfmt
    Fmt {
        /// Only show what would change
        #[arg(long)]
        check: bool,
    },
    /// Check the rules of the house and run clippy, warnings being errors
    Lint,
    /// Compare the capture engine with its peers, in the same run
    ///
    /// `./mach bench --quick` takes some minutes; without it, hours. All other
    /// options are listed by `./mach bench --help`, those of mach itself are
    /// --functions [NAME...] (the benches of single functions instead) and
    /// --browser (build the optimised browser first, for the way to a page).
    #[command(disable_help_flag = true)]
    Bench {
        /// Run the benches of single functions instead, those with a NAME in theirs
        #[arg(long, conflicts_with = "browser")]
        functions: bool,
        /// Build the optimised browser first, for the way to a page
        #[arg(long)]
        browser: bool,
        /// Options for capture-bench, handed on as they are
        #[arg(
            value_name = "ARGS",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        arguments: Vec<OsString>,
    },
    /// Run what takes others' bytes under libFuzzer
    ///
    /// What is found stands in target/fuzz.
    Fuzz {
        /// The target, all of them one after the other if none is named
        #[arg(value_name = "TARGET")]
        target: Option<String>,
        /// How long each target runs
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u32,
    },
    /// Build our packages' documentation in target/doc
    Doc,
    /// Print the absolute path of a program that `mach build` makes
    Path {
        /// The program
        #[arg(value_name = "PROGRAM", default_value = build::SHELL)]
        program: String,
        #[command(flatten)]
        profile: ProfileArgs,
    },
}

#[derive(Args)]
struct ProfileArgs {
    /// Use the optimised profile
    #[arg(long)]
    release: bool,
}

impl ProfileArgs {
    fn profile(&self) -> Profile {
        Profile::new(self.release)
    }
}

fn main() -> ExitCode {
    let task = CommandLine::parse().task;
    match repository_root().and_then(|root| perform(&root, task)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("mach: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Performs a task; the number is the code to exit with.
fn perform(root: &Path, task: Task) -> Result<u8> {
    match task {
        Task::Bootstrap {
            bench,
            yes,
            dry_run,
        } => {
            bootstrap::ensure(bootstrap::Options {
                bench,
                yes,
                dry_run,
            })?;
            if !dry_run {
                wpt_tools::ensure(root)?;
            }
        }
        Task::Build { profile, packages } => build::build(root, &packages, profile.profile())?,
        Task::Run { profile, arguments } => return run::run(root, &arguments, profile.profile()),
        Task::Test { words } => return Ok(u8::from(!test::test(root, &words))),
        Task::TestWpt { profile, arguments } => {
            return test::test_wpt(root, profile.profile(), &arguments);
        }
        Task::Fmt { check } => fmt::fmt(root, check)?,
        Task::Lint => {
            build::prepare(root)?;
            check::lint(root)?;
        }
        Task::Bench {
            functions,
            browser,
            arguments,
        } => {
            let options = bench::Options {
                functions,
                browser,
                arguments,
            };
            return bench::bench(root, &options);
        }
        Task::Fuzz { target, seconds } => fuzz::fuzz(root, target.as_deref(), seconds)?,
        Task::Doc => check::doc(root)?,
        Task::Graft { check: true, .. } => graft::check(root)?,
        Task::Graft { diff: true, .. } => graft::print_diff(root)?,
        Task::Graft { .. } => graft::write(root)?,
        Task::Path { program, profile } => {
            println!(
                "{}",
                build::program(root, &program, profile.profile()).display()
            );
        }
    }
    Ok(0)
}

/// The repository that this program was built in: it stands in the
/// repository's `target/mach`.
fn repository_root() -> Result<PathBuf> {
    let program = env::current_exe().context("finding my own program file")?;
    program
        .ancestors()
        .find(|directory| directory.join("tools/mach/Cargo.toml").is_file())
        .map(Path::to_owned)
        .context("mach must stand in the repository's target directory: start it with ./mach")
}
