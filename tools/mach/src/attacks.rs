/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The attack suite: what hostile processes, pages, X clients and files can try
//! against the capture service, from inside it and from outside the browser.
//!
//! Two programs make the attacks, each with a line for every attack and the sums
//! in its last line. Here the sums are added up.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::build::{self, Profile, SHELL};
use crate::cargo::Cargo;
use crate::workspace::{self, BROWSER, INTEGRATION_TESTS};

/// The tests of the service that are attacks.
const INSIDE: &str = "service::tests::attacks::hostile";
/// The program that attacks from outside.
const OUTSIDE: &str = "capture-attacks";

/// What a program counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sums {
    tried: u64,
    succeeded: u64,
}

impl Sums {
    /// The sums of a line `tried N, succeeded M`, whatever follows.
    fn parse(line: &str) -> Option<Self> {
        let (tried, rest) = line.strip_prefix("tried ")?.split_once(", succeeded ")?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        Some(Self {
            tried: tried.parse().ok()?,
            succeeded: rest[..end].parse().ok()?,
        })
    }
}

/// Makes every attack, or those with a word in their names, from outside.
///
/// # Errors
/// When an attack succeeds or cannot be tried, or nothing was tried.
pub fn attacks(root: &Path, filters: &[String]) -> Result<()> {
    let mut sums = Sums::default();
    let mut failures = Vec::new();
    let mut calls = vec![(
        "from outside",
        workspace::select(Cargo::new(root, "run"), &[INTEGRATION_TESTS])
            .args(["--bin", OUTSIDE, "--"])
            .args(filters)
            .env("CAPTURESHELL", build::program(root, SHELL, Profile::Debug)),
    )];
    // The attacks from inside are one test: words choose among the others only.
    if filters.is_empty() {
        let inside = workspace::select(Cargo::new(root, "test"), BROWSER);
        calls.insert(
            0,
            ("from inside", inside.args(["--", INSIDE, "--nocapture"])),
        );
    }
    for (name, cargo) in calls {
        let mut counted = None;
        let result = cargo.run_reading(|line| counted = Sums::parse(line).or(counted));
        match counted {
            Some(Sums { tried, succeeded }) => {
                sums.tried += tried;
                sums.succeeded += succeeded;
            }
            None => failures.push(format!("{name}: no sums")),
        }
        if let Err(error) = result.with_context(|| name.to_owned()) {
            failures.push(format!("{error:#}"));
        }
    }
    println!("tried {}, succeeded {}", sums.tried, sums.succeeded);
    if sums.succeeded > 0 || sums.tried == 0 || !failures.is_empty() {
        bail!(
            "tried {}, succeeded {}; {}",
            sums.tried,
            sums.succeeded,
            failures.join("; ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_from_their_line_and_no_other() {
        for (line, expected) in [
            ("tried 12, succeeded 0", Some((12, 0))),
            ("tried 3, succeeded 2, could not be tried 1", Some((3, 2))),
            ("held  cover: tried 12, succeeded 0", None),
            ("tried many, succeeded 0", None),
            ("tried 1, succeeded ", None),
        ] {
            let sums = Sums::parse(line).map(|sums| (sums.tried, sums.succeeded));
            assert_eq!(sums, expected, "{line}");
        }
    }
}
