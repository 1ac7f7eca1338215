/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `mach bench`: the comparison with the peers, and the benches of single
//! functions.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bootstrap;
use crate::build::{self, Profile, SHELL};
use crate::check;

/// The package and program of the comparison.
const BENCH: &str = "capture-bench";
/// How the program is told where the browser is.
const SHELL_OPTION: &str = "--captureshell";

/// What to run.
#[derive(Debug)]
pub struct Options {
    /// The benches of single functions instead of the comparison.
    pub functions: bool,
    /// Build the optimised browser first, for the way to a page.
    pub browser: bool,
    /// For the program: names of benches with `functions`, else options of the
    /// comparison.
    pub arguments: Vec<OsString>,
}

/// Builds what is measured, optimised, and measures; the number is the code to
/// exit with.
///
/// # Errors
/// When a preparation or a build fails.
pub fn bench(root: &Path, options: &Options) -> Result<u8> {
    if options.functions {
        return check::bench(root, &options.arguments);
    }
    build::build(root, &[BENCH.to_owned()], Profile::Release)?;
    let shell = build::program(root, SHELL, Profile::Release);
    if options.browser {
        build::compile(root, &[], Profile::Release)?;
    } else if shell.is_file() {
        eprintln!("mach: measuring target/release/{SHELL} as it is; --browser builds it again");
    } else {
        eprintln!("mach: the way to a page is not measured without --browser, which builds it");
    }
    bootstrap::report_missing_peers()?;
    let status = Command::new(build::program(root, BENCH, Profile::Release))
        .current_dir(root)
        .args(arguments(options, &shell, shell.is_file()))
        .status()
        .with_context(|| format!("starting {BENCH}"))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(2))
}

/// The caller's arguments, and the browser where there is one, the caller named
/// none, and a comparison is what is asked for.
fn arguments(options: &Options, shell: &Path, shell_exists: bool) -> Vec<OsString> {
    let given = &options.arguments;
    let names_shell = given.iter().any(|argument| {
        let argument = argument.to_string_lossy();
        argument.split('=').next() == Some(SHELL_OPTION)
    });
    let compares = given
        .first()
        .is_none_or(|first| first.to_string_lossy().starts_with('-'));
    let mut arguments = Vec::new();
    if shell_exists && compares && !names_shell {
        arguments.extend([SHELL_OPTION.into(), shell.into()]);
    }
    arguments.extend(given.iter().cloned());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, shell_exists: bool, expected: &str) {
        let words =
            |text: &str| -> Vec<OsString> { text.split_whitespace().map(Into::into).collect() };
        let options = Options {
            functions: false,
            browser: false,
            arguments: words(given),
        };
        let arguments = arguments(&options, Path::new("/shell"), shell_exists);
        assert_eq!(arguments, words(expected));
    }

    #[test]
    fn the_browser_that_is_there_takes_part() {
        check("--quick", true, "--captureshell /shell --quick");
        check("", true, "--captureshell /shell");
        check("--quick", false, "--quick");
        check("--captureshell=mine", true, "--captureshell=mine");
        check("--captureshell mine", true, "--captureshell mine");
        check("show report.json", true, "show report.json");
    }
}
