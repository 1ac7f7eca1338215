/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::collections::{HashMap, VecDeque};
use std::io::{self, Cursor, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tiny_http::{HTTPVersion, Header, Method, Request, Response, Server};

/// How long a page's question for its next command is held.
const HOLD: Duration = Duration::from_secs(2);
/// Requests that are answered at the same time.
const WORKERS: usize = 8;

/// A web site on the loopback interface: an origin of its own that serves `pages/`, and hands
/// commands to the pages that a test controls.
#[derive(Debug)]
pub struct Site {
    origin: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    folder: PathBuf,
    /// What each page, by its channel's name, is to do next.
    commands: Mutex<HashMap<String, VecDeque<String>>>,
    added: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shared")
    }
}

impl Site {
    /// Serves on a free port.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start() -> Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!("{error}"))?;
        let address = server.server_addr().to_ip().context("not an IP address")?;
        let shared = Arc::new(Shared {
            server,
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("pages"),
            commands: Mutex::default(),
            added: Condvar::new(),
        });
        for number in 0..WORKERS {
            let shared = shared.clone();
            thread::Builder::new()
                .name(format!("site worker {number}"))
                .spawn(move || {
                    while let Ok(request) = shared.server.recv() {
                        // A page that has gone does not hear the answer.
                        let _ = shared.answer(request);
                    }
                })?;
        }
        Ok(Self {
            origin: format!("http://{address}"),
            shared,
        })
    }

    /// `http://127.0.0.1:` and the port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address of a file of `pages/`.
    pub fn url(&self, file: &str) -> String {
        format!("{}/{file}", self.origin)
    }

    /// The address of a page that takes its commands from the channel of that name. Each page that
    /// is loaded needs a channel of its own.
    pub fn remote_url(&self, channel: &str) -> String {
        self.url(&format!("remote.html?{channel}"))
    }

    /// An address that sends whoever asks on to `target`.
    pub fn redirect_url(&self, target: &str) -> String {
        self.url(&format!("redirect?{target}"))
    }

    /// The same page by another name of the loopback interface.
    pub fn remote_url_at(&self, host: &str, channel: &str) -> String {
        let port = self.origin.rsplit(':').next().unwrap_or_default();
        format!("http://{host}:{port}/remote.html?{channel}")
    }

    pub(crate) fn send(&self, channel: &str, command: String) {
        let mut commands = self
            .shared
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        commands
            .entry(channel.to_owned())
            .or_default()
            .push_back(command);
        self.shared.added.notify_all();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for _ in 0..WORKERS {
            self.shared.server.unblock();
        }
    }
}

impl Shared {
    fn answer(&self, request: Request) -> Result<()> {
        let url = request.url().to_owned();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let response = match path {
            "/command" => self.next_command(query),
            "/redirect" => Response::from_data(Vec::new())
                .with_status_code(302)
                .with_header(header("Location", query)?),
            // The same files, of documents that may capture nothing.
            _ => match path.strip_prefix("/shut/") {
                Some(path) => self
                    .file(path)
                    .with_header(header("Permissions-Policy", "all-screens-capture=()")?),
                None => self.file(path),
            },
        };
        // Also for documents in a sandbox, whose origin is nobody's.
        let response = response
            .with_header(header("Cache-Control", "no-store")?)
            .with_header(header("Access-Control-Allow-Origin", "*")?);
        answer(request, response)?;
        Ok(())
    }

    /// The next command of a channel, or an empty answer when there is none for a while.
    fn next_command(&self, channel: &str) -> Response<Cursor<Vec<u8>>> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let is_empty = |commands: &mut HashMap<String, VecDeque<String>>| {
            commands.get(channel).is_none_or(VecDeque::is_empty)
        };
        let (mut commands, _) = self
            .added
            .wait_timeout_while(commands, HOLD, is_empty)
            .unwrap_or_else(PoisonError::into_inner);
        let command = commands.get_mut(channel).and_then(VecDeque::pop_front);
        Response::from_data(command.unwrap_or_default())
    }

    fn file(&self, path: &str) -> Response<Cursor<Vec<u8>>> {
        let name = Path::new(path.trim_start_matches('/'));
        let is_plain = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let found = is_plain
            .then(|| std::fs::read(self.folder.join(name)).ok())
            .flatten();
        let media_type = match name.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            _ => "application/octet-stream",
        };
        match (found, header("Content-Type", media_type)) {
            (Some(bytes), Ok(media_type)) => Response::from_data(bytes).with_header(media_type),
            _ => Response::from_data(Vec::new()).with_status_code(404),
        }
    }
}

/// Answers with HTTP/1.0, after which no connection is kept. tiny_http has a thread for each
/// connection, but at times queues a new one behind those that are kept, and never answers it.
fn answer(request: Request, response: Response<Cursor<Vec<u8>>>) -> io::Result<()> {
    let is_head = *request.method() == Method::Head;
    let headers = request.headers().to_vec();
    let mut writer = request.into_writer();
    response.raw_print(&mut writer, HTTPVersion(1, 0), &headers, is_head, None)?;
    writer.flush()
}

fn header(name: &str, value: &str) -> Result<Header> {
    Header::from_bytes(name, value).map_err(|()| anyhow!("{name}: {value} is no header"))
}
