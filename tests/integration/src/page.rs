/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use capture_test_rig::process::Stream;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::site::Site;

/// How long a page may take to be loaded and to do what it is told, in a debug build.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A page that does what the test says: `pages/remote.html` on a channel of its site.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a Browser,
    site: &'a Site,
    channel: String,
    commands: Cell<u64>,
}

/// What a script of a page threw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageError {
    /// The exception's name, `NotAllowedError`.
    pub name: String,
    /// Its message.
    pub message: String,
}

impl fmt::Display for PageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.message)
    }
}

impl<'a> Page<'a> {
    /// The page of this channel, which the browser has opened or is about to open.
    pub fn new(browser: &'a Browser, site: &'a Site, channel: &str) -> Self {
        Self {
            browser,
            site,
            channel: channel.to_owned(),
            commands: Cell::new(0),
        }
    }

    /// Lets the page run the body of an asynchronous function and gives its value.
    ///
    /// # Errors
    /// The script threw, or the page did not answer in time.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.outcome(script)?
            .map_err(|error| anyhow!("the page threw {error} in: {script}"))
    }

    /// As [`run`](Self::run), for a script that is expected to throw.
    ///
    /// # Errors
    /// It did not, or the page did not answer in time.
    pub fn run_and_fail(&self, script: &str) -> Result<PageError> {
        match self.outcome(script)? {
            Ok(value) => Err(anyhow!("{script} threw nothing and gave {value}")),
            Err(error) => Ok(error),
        }
    }

    /// As [`run`](Self::run), for a page that may be replaced before it answers: gives up after
    /// `timeout`, and the script may then never have run.
    ///
    /// # Errors
    /// The script threw, or the page did not answer in time.
    pub fn run_within(&self, script: &str, timeout: Duration) -> Result<Value> {
        self.outcome_within(script, timeout)?
            .map_err(|error| anyhow!("the page threw {error} in: {script}"))
    }

    /// Lets the page begin something of which it cannot report the end, such as leaving itself.
    pub fn begin(&self, script: &str) {
        self.send(script);
    }

    fn outcome(&self, script: &str) -> Result<Result<Value, PageError>> {
        self.outcome_within(script, ANSWER_TIMEOUT)
    }

    fn outcome_within(&self, script: &str, timeout: Duration) -> Result<Result<Value, PageError>> {
        let console = self.browser.process();
        let from = console.position(Stream::Stdout);
        let id = self.send(script);
        let answer = |line: &str| {
            let answer: Value = serde_json::from_str(line).ok()?;
            (answer["channel"] == self.channel.as_str() && answer["id"] == id).then_some(answer)
        };
        let (answer, _) = console
            .wait_for_line(Stream::Stdout, from, timeout, answer)
            .with_context(|| format!("the page was to run: {script}"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(match answer.get("error") {
            Some(error) => Err(PageError {
                name: text(&error["name"]),
                message: text(&error["message"]),
            }),
            None => Ok(answer["value"].clone()),
        })
    }

    fn send(&self, script: &str) -> u64 {
        let id = self.commands.get() + 1;
        self.commands.set(id);
        self.site.send(
            &self.channel,
            json!({ "id": id, "script": script }).to_string(),
        );
        id
    }
}
