/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The attack suite from outside: the browser, X servers, hostile pages and hostile X clients.
//!
//! Each attack prints one line: what was tried, how a success would have shown, and what was seen.
//! The last line is the sum. The program fails when one attack succeeds, or cannot be tried. Words
//! among the arguments choose attacks by their names.
//!
//! `--open-policy` and `--blind` are the suite's own test: with the first everybody may capture, and
//! with the second nobody covers what is covered; both must be counted as successes.

mod documents;
mod indicator;
mod origins;
mod policies;
mod processes;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};
use capture_test_rig::{Attack, Tally, Verdict};

/// What is tried, and with which defenses.
struct Suite {
    tally: Tally,
    /// Parts of names; empty: every attack.
    wanted: Vec<String>,
    /// Everybody may capture.
    open_policy: bool,
    /// The indicator's attacks do nothing, and what is looked at is not the indicator.
    blind: bool,
}

impl Suite {
    fn from_arguments() -> Result<Self> {
        let mut suite = Self {
            tally: Tally::default(),
            wanted: Vec::new(),
            open_policy: false,
            blind: false,
        };
        for argument in env::args().skip(1) {
            match &*argument {
                "--open-policy" => suite.open_policy = true,
                "--blind" => suite.blind = true,
                option if option.starts_with('-') => bail!("there is no option {option}"),
                _ => suite.wanted.push(argument),
            }
        }
        Ok(suite)
    }

    /// Whether one of these attacks is to be made.
    fn wants(&self, attacks: &[Attack]) -> bool {
        attacks.iter().any(|attack| self.wants_one(*attack))
    }

    fn wants_one(&self, attack: Attack) -> bool {
        let is_in_name = |word: &String| attack.name.contains(word.as_str());
        self.wanted.is_empty() || self.wanted.iter().any(is_in_name)
    }

    fn make(&mut self, attack: Attack, make: impl FnOnce() -> Result<Verdict>) {
        if self.wants_one(attack) {
            self.tally.make(attack, make);
        }
    }

    /// What could not be prepared keeps all of a group from being tried.
    fn give_up(&mut self, attacks: &[Attack], error: &anyhow::Error) {
        for &attack in attacks {
            self.make(attack, || bail!("{error:#}"));
        }
    }
}

fn run() -> Result<()> {
    let mut suite = Suite::from_arguments()?;
    origins::attack(&mut suite);
    documents::attack(&mut suite);
    policies::attack(&mut suite);
    indicator::attack(&mut suite);
    processes::attack(&mut suite);
    suite.tally.finish()
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("capture-attacks: {error:#}");
            ExitCode::FAILURE
        }
    }
}
