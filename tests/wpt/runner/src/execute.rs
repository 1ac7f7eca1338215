/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Runs one test in a browser: loads it, does what it asks for, and waits for
//! its results.

use std::time::{Duration, Instant};

use fantoccini::error::CmdError;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::actions::{self, Request};
use crate::browser::{Browser, SessionCommand, last_lines};
use crate::report::{Outcome, SubtestResult, TestResult};

const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long a browser may take to answer when nothing else limits it.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long the harness may take to report after its time is up.
const REPORT_LIMIT: Duration = Duration::from_secs(3);

const MARK_STALE: &str = "window.__wptrun_stale = true;";
const POLL: &str = "return JSON.stringify(window.__wptrun_stale ? null : {
    result: window.__wptrun || null,
    actions: (window.__wptrun_actions || []).splice(0),
});";
const SETTLE: &str = "window.__wptrun_settle(arguments[0], arguments[1], arguments[2]);";
const TIME_IS_UP: &str = "if (typeof window.timeout === 'function') { window.timeout(); }";

/// A test's result, and whether the browser can run another test.
#[derive(Debug)]
pub struct Run {
    /// What came of it.
    pub result: TestResult,
    /// The browser crashed, or hangs, or is in a state nobody knows.
    pub is_browser_spent: bool,
}

/// The answer to `POLL`.
#[derive(Debug, Deserialize)]
struct State {
    /// JSON from the report script, once the page has finished.
    result: Option<String>,
    actions: Vec<Request>,
}

#[derive(Debug, Deserialize)]
struct PageReport {
    #[serde(flatten)]
    outcome: Outcome,
    subtests: Vec<SubtestResult>,
}

/// Why a page's results did not come.
#[derive(Debug)]
enum Failure {
    /// Its time was up.
    Timeout(String),
    /// The browser or the page's process went away.
    Crash(String),
    /// The harness said something that is no report.
    Error(String),
}

/// Runs a test for at most `limit`.
pub async fn run(browser: &mut Browser, url: &Url, limit: Duration) -> Run {
    browser.start_of_test();
    let start = Instant::now();
    let outcome = finished_report(browser, url, start + limit).await;
    let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let failure = match outcome {
        Ok((report, is_in_time)) => {
            return Run {
                result: TestResult {
                    outcome: report.outcome,
                    subtests: report.subtests,
                    duration_ms,
                },
                is_browser_spent: !is_in_time,
            };
        }
        Err(failure) => failure,
    };
    let (status, message) = match failure {
        Failure::Timeout(message) => ("TIMEOUT", message),
        Failure::Crash(message) => ("CRASH", message),
        Failure::Error(message) => ("ERROR", message),
    };
    let output = browser.output();
    // A page's thread may die without the browser.
    let is_panic = output.contains("panicked at");
    let status = if is_panic { "CRASH" } else { status };
    let message = match last_lines(&output) {
        tail if tail.is_empty() => message,
        tail => format!("{message}\n{tail}"),
    };
    Run {
        result: TestResult::without_subtests(status, message, duration_ms),
        is_browser_spent: true,
    }
}

/// The page's report, and whether it finished by itself.
async fn finished_report(
    browser: &mut Browser,
    url: &Url,
    deadline: Instant,
) -> Result<(PageReport, bool), Failure> {
    // The page before, which may even be the same one, must not answer.
    retried(browser, deadline, MARK_STALE).await?;
    let navigation = SessionCommand {
        method: Method::POST,
        path: "url",
        body: Some(json!({"url": url.as_str()})),
    };
    let client = browser.client().clone();
    match timeout(ANSWER_LIMIT, client.issue_cmd(navigation)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(lost(browser, &error).await),
        Err(_) => return Err(Failure::Timeout("the browser did not navigate".to_owned())),
    }
    match poll(browser, deadline).await {
        Err(Failure::Timeout(_)) => {}
        Err(failure) => return Err(failure),
        Ok(report) => return Ok((report, true)),
    }
    let report_deadline = Instant::now() + REPORT_LIMIT;
    retried(browser, report_deadline, TIME_IS_UP).await?;
    let mut report = poll(browser, report_deadline).await?;
    if report.outcome.status == "OK" {
        report.outcome.status = "TIMEOUT".to_owned();
    }
    Ok((report, false))
}

/// Serves the page's queue until it reports.
async fn poll(browser: &mut Browser, deadline: Instant) -> Result<PageReport, Failure> {
    loop {
        let answer = retried(browser, deadline, POLL).await?;
        let state: Option<State> = answer
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| Failure::Error(format!("the page's state is no state: {answer}")))?;
        if let Some(state) = state {
            for request in &state.actions {
                settle(browser, request, deadline).await?;
            }
            if let Some(report) = state.result {
                return page_report(&report);
            }
        }
        if Instant::now() > deadline {
            return Err(Failure::Timeout("no result in time".to_owned()));
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Carries out one action and settles its promise in the page.
async fn settle(
    browser: &mut Browser,
    request: &Request,
    deadline: Instant,
) -> Result<(), Failure> {
    let client = browser.client().clone();
    let result = timeout(remaining(deadline), actions::perform(&client, request))
        .await
        .map_err(|_| {
            Failure::Timeout(format!("the browser did not finish {:?}", request.action))
        })?;
    let arguments = match result {
        Ok(value) => vec![json!(request.id), Value::Null, value],
        Err(message) => vec![json!(request.id), json!(message), Value::Null],
    };
    match timeout(remaining(deadline), client.execute(SETTLE, arguments)).await {
        // An action may have made the page go away; polling will tell.
        Ok(Ok(_) | Err(CmdError::Standard(_))) => Ok(()),
        Ok(Err(error)) => Err(lost(browser, &error).await),
        Err(_) => Err(Failure::Timeout("the page does not answer".to_owned())),
    }
}

/// Executes a script. While a page is being replaced, WebDriver may refuse;
/// that is tried again until the deadline.
async fn retried(browser: &mut Browser, deadline: Instant, script: &str) -> Result<Value, Failure> {
    let client = browser.client().clone();
    loop {
        if let Some(status) = browser.exit_status() {
            return Err(Failure::Crash(format!("the browser ended with {status}")));
        }
        let error = match timeout(remaining(deadline), client.execute(script, Vec::new())).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => return Err(Failure::Timeout("the page does not answer".to_owned())),
        };
        if !is_transient(&error) {
            return Err(lost(browser, &error).await);
        }
        if Instant::now() > deadline {
            return Err(Failure::Timeout(format!(
                "no result in time; WebDriver says {error}"
            )));
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// What is left until a deadline; enough for one answer in any case.
fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()) + REPORT_LIMIT
}

fn is_transient(error: &CmdError) -> bool {
    matches!(error, CmdError::Standard(_))
        && !error.is_no_such_window()
        && !error.is_invalid_session_id()
}

/// After the connection broke: whether the browser did too.
async fn lost(browser: &mut Browser, error: &CmdError) -> Failure {
    for _ in 0..50 {
        if let Some(status) = browser.exit_status() {
            return Failure::Crash(format!("the browser ended with {status}"));
        }
        sleep(POLL_INTERVAL).await;
    }
    Failure::Crash(format!(
        "the page or its WebDriver connection is gone: {error}"
    ))
}

fn page_report(text: &str) -> Result<PageReport, Failure> {
    let mut report: PageReport = serde_json::from_str(text)
        .map_err(|error| Failure::Error(format!("the page's report is no report: {error}")))?;
    // A page that tests nothing has not passed.
    if report.outcome.status == "OK" && report.subtests.is_empty() {
        report.outcome = Outcome {
            status: "ERROR".to_owned(),
            message: Some("the page has no subtests".to_owned()),
        };
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_with_its_subtests() {
        let text = r#"{"status": "ERROR", "message": "thrown", "subtests":
            [{"name": "a", "status": "FAIL", "message": "no"}]}"#;
        let report = page_report(text).unwrap();
        assert_eq!(report.outcome.status, "ERROR");
        assert_eq!(report.outcome.message.as_deref(), Some("thrown"));
        assert_eq!(report.subtests[0].name, "a");
        assert_eq!(report.subtests[0].outcome.message.as_deref(), Some("no"));
    }

    #[test]
    fn a_page_without_subtests_does_not_pass() {
        let text = r#"{"status": "OK", "message": null, "subtests": []}"#;
        assert_eq!(page_report(text).unwrap().outcome.status, "ERROR");
        assert!(matches!(page_report("{}"), Err(Failure::Error(_))));
    }
}
