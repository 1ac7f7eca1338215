/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The process that serves the tests.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

/// How long the server may take to bind its ports.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Where the server's files are and what it serves.
#[derive(Debug)]
pub struct Files<'a> {
    /// The Python interpreter that has `wptserve`.
    pub python: &'a Path,
    /// The directory of `serve.py` and of the shims.
    pub harness: &'a Path,
    /// The unpacked npm package with testharness.js.
    pub npm: &'a Path,
    /// The unpacked npm package with the interfaces of all specs.
    pub idl: &'a Path,
    /// The directory of the tests.
    pub root: &'a Path,
    /// Whether that is a full web-platform-tests checkout.
    pub is_checkout: bool,
}

/// A running server. It ends with this value, or with this process, because
/// its standard input closes then.
#[derive(Debug)]
pub struct Server {
    _process: Child,
    address: Address,
}

/// What `serve.py` prints once it is listening.
#[derive(Debug, Deserialize)]
struct Address {
    host: String,
    alternate_host: String,
    ports: Vec<u16>,
}

impl Server {
    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot start; its own words are on standard error.
    pub async fn start(files: &Files<'_>, timeout_multiplier: f64) -> Result<Server> {
        let mut command = Command::new(files.python);
        command
            .arg(files.harness.join("serve.py"))
            .arg("--root")
            .arg(files.root)
            .arg("--npm")
            .arg(files.npm)
            .arg("--idl")
            .arg(files.idl)
            .arg("--harness")
            .arg(files.harness)
            .arg("--timeout-multiplier")
            .arg(timeout_multiplier.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if files.is_checkout {
            command.arg("--checkout");
        }
        let mut process = command
            .spawn()
            .with_context(|| format!("starting {}", files.python.display()))?;
        let output = process.stdout.take().context("the server's output")?;
        let mut line = String::new();
        timeout(START_LIMIT, BufReader::new(output).read_line(&mut line))
            .await
            .context("the server did not say its ports in time")??;
        if line.is_empty() {
            bail!("the server ended before it was listening");
        }
        let address: Address = serde_json::from_str(&line)
            .with_context(|| format!("the server said {line:?} instead of its ports"))?;
        if address.ports.len() < 2 {
            bail!(
                "the server has to listen on two ports, found {:?}",
                address.ports
            );
        }
        Ok(Server {
            _process: process,
            address,
        })
    }

    /// The origin that tests are loaded from.
    pub fn origin(&self) -> String {
        format!("http://{}:{}", self.address.host, self.address.ports[0])
    }

    /// An origin of another host and port.
    pub fn cross_origin(&self) -> String {
        let Address {
            alternate_host,
            ports,
            ..
        } = &self.address;
        format!("http://{alternate_host}:{}", ports[1])
    }

    /// The address of a test.
    ///
    /// # Errors
    ///
    /// When the path is no part of a URL.
    pub fn url(&self, path: &str) -> Result<Url> {
        let url = format!("{}{path}", self.origin());
        Url::parse(&url).with_context(|| format!("{url} is no URL"))
    }
}
