/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The browser under test: its process and its WebDriver session.

use std::fs;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use url::{ParseError, Url};

use crate::preferences::Preferences;

/// How long the browser may take until its WebDriver server listens.
const START_LIMIT: Duration = Duration::from_secs(60);
const SESSION_LIMIT: Duration = Duration::from_secs(30);
/// How many times a start is tried: the port was free when it was chosen, but
/// somebody else may have taken it since.
const START_ATTEMPTS: usize = 3;
/// The other host that tests load from (`harness/serve.py`), whatever the machine calls it.
const HOSTS: &str = "127.0.0.1 localhost\n";
/// How much of the browser's output a report repeats.
const TAIL_LINES: usize = 12;

/// How to start browsers.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The shell.
    pub binary: PathBuf,
    /// Whether pages get processes of their own.
    pub is_multiprocess: bool,
}

/// A running browser with one session. The browser is killed with this value.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    group: Option<Pid>,
    log: NamedTempFile,
    /// Where the output of the current test starts in `log`.
    log_start: u64,
    client: Client,
    /// Where the browser keeps what it would keep for its user.
    _state: TempDir,
}

impl Launcher {
    /// Starts a browser with these preferences.
    ///
    /// # Errors
    ///
    /// When no browser with a WebDriver session comes up; the message has the
    /// end of its output.
    pub async fn start(&self, preferences: &Preferences) -> Result<Browser> {
        let mut attempt = 1;
        loop {
            match self.try_start(preferences).await {
                Err(_) if attempt < START_ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn try_start(&self, preferences: &Preferences) -> Result<Browser> {
        let port = free_port().context("finding a free port for WebDriver")?;
        let log = NamedTempFile::new().context("making a file for the browser's output")?;
        let state = TempDir::new().context("making a folder for the browser's state")?;
        let hosts = state.path().join("hosts");
        fs::write(&hosts, HOSTS).context("writing the browser's list of hosts")?;
        let mut command = Command::new(&self.binary);
        command
            .env("XDG_STATE_HOME", state.path())
            .env("HOST_FILE", hosts)
            .args(["--headless", "--capture-backend", "synthetic"])
            .args(["--window-size", "800x600"])
            .args(["--webdriver", &port.to_string()])
            .args(preferences.arguments());
        if self.is_multiprocess {
            command.arg("--multiprocess");
        }
        command
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(log.reopen()?)
            .process_group(0)
            .kill_on_drop(true);
        let mut process = command
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        let group = process
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let client = match connect(&mut process, port).await {
            Ok(client) => client,
            Err(error) => {
                kill(group);
                let output = last_lines(&read_from(log.as_file(), 0));
                return Err(error).with_context(|| format!("the browser's output ends:\n{output}"));
            }
        };
        Ok(Browser {
            process,
            group,
            log,
            log_start: 0,
            client,
            _state: state,
        })
    }
}

async fn connect(process: &mut Child, port: u16) -> Result<Client> {
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Some(status) = process.try_wait()? {
            bail!("the browser ended with {status} before WebDriver was listening");
        }
        if Instant::now() > deadline {
            bail!("WebDriver was not listening after {START_LIMIT:?}");
        }
        sleep(Duration::from_millis(50)).await;
    }
    // The runner waits for results, not for load events.
    let mut capabilities = Capabilities::new();
    capabilities.insert("pageLoadStrategy".to_owned(), "none".into());
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities);
    let address = format!("http://127.0.0.1:{port}");
    timeout(SESSION_LIMIT, builder.connect(&address))
        .await
        .context("no WebDriver session in time")?
        .context("no WebDriver session")
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

impl Browser {
    /// The session.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How the browser ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// What is printed from now on belongs to a new test.
    pub fn start_of_test(&mut self) {
        self.log_start = self.log.as_file().metadata().map_or(0, |file| file.len());
    }

    /// What the browser printed since the test began.
    pub fn output(&self) -> String {
        read_from(self.log.as_file(), self.log_start)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The group, because pages may have processes of their own.
        kill(self.group);
    }
}

fn kill(group: Option<Pid>) {
    if let Some(group) = group {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn read_from(mut file: &File, start: u64) -> String {
    let mut bytes = Vec::new();
    // An unreadable log leaves a report without its tail.
    let _ = file
        .seek(SeekFrom::Start(start))
        .and_then(|_| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The end of some output, as long as a report can bear.
pub fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// A WebDriver command that fantoccini has no method for.
#[derive(Debug)]
pub struct SessionCommand {
    /// The HTTP method.
    pub method: Method,
    /// What follows the session in the path.
    pub path: &'static str,
    /// The parameters.
    pub body: Option<Value>,
}

impl WebDriverCompatibleCommand for SessionCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (
            self.method.clone(),
            self.body.as_ref().map(Value::to_string),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_addressed_to_its_session() {
        let command = SessionCommand {
            method: Method::POST,
            path: "permissions",
            body: Some(serde_json::json!({"state": "granted"})),
        };
        let base = Url::parse("http://127.0.0.1:4444/").unwrap();
        let endpoint = command.endpoint(&base, Some("abc")).unwrap();
        assert_eq!(
            endpoint.as_str(),
            "http://127.0.0.1:4444/session/abc/permissions"
        );
        let (method, body) = command.method_and_body(&endpoint);
        assert_eq!(method, Method::POST);
        assert_eq!(body.as_deref(), Some("{\"state\":\"granted\"}"));
    }

    #[test]
    fn only_the_end_of_long_output_is_repeated() {
        let output: Vec<String> = (0..50).map(|line| line.to_string()).collect();
        let tail = last_lines(&output.join("\n"));
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("49"));
        assert_eq!(last_lines("one"), "one");
    }
}
