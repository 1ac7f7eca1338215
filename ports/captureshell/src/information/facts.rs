/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the shell knows of the preferences, beside what the service does with them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use servo_capture::RecordSettings;
use servo_capture::policy::ListedOrigin;

use crate::config::Configuration;

/// How many problems are shown; the others are counted.
const MAX_PROBLEMS: usize = 100;

/// Shared with the thread that reads preferences again.
#[derive(Debug)]
pub struct Facts(Mutex<Preferences>);

/// The preferences, as far as people are told of them.
#[derive(Clone, Debug)]
pub struct Preferences {
    /// The allowlist that the browser was started with.
    pub at_start: Vec<ListedOrigin>,
    /// The allowlist as it was read last.
    pub latest: Vec<ListedOrigin>,
    /// What is wrong with the preferences, as they were read last.
    pub problems: Vec<String>,
    /// Where the record is.
    pub record: RecordSettings,
}

impl Facts {
    /// What is known at the start.
    pub fn new(configuration: &Configuration) -> Self {
        Self(Mutex::new(Preferences {
            at_start: configuration.listed.clone(),
            latest: configuration.listed.clone(),
            problems: problems(configuration),
            record: configuration.record.clone(),
        }))
    }

    /// They were read again.
    pub fn update(&self, configuration: &Configuration) {
        let mut preferences = self.lock();
        preferences.latest.clone_from(&configuration.listed);
        preferences.problems = problems(configuration);
    }

    /// As they are now.
    pub fn preferences(&self) -> Preferences {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Preferences> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn problems(configuration: &Configuration) -> Vec<String> {
    let warnings = configuration.warnings.iter();
    let mut problems: Vec<String> = warnings
        .map(ToString::to_string)
        .take(MAX_PROBLEMS)
        .collect();
    let more = configuration.warnings.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        problems.push(format!("{more} more problems"));
    }
    problems
}
