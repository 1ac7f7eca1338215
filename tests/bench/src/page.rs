/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The page that captures, and the server that it comes from and reports to.
//!
//! The page reads the codes' cells out of each `<video>` in an animation frame and posts their bits
//! with the time of its own clock. The time is turned into `CLOCK_MONOTONIC` here: the page asks for
//! the monotonic clock many times and keeps the answer that came back fastest; it is off by at most
//! half that round trip, which is noted as `clock_error_us`.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::code::Code;
use crate::peer::Cell;
use crate::sample::{SampleWriter, now_us};

const PAGE: &str = include_str!("../pages/reader.html");
/// How every page finds out the time that the pattern writes; stands for `@CLOCK@`.
const CLOCK: &str = include_str!("../pages/clock.js");
/// The longest report that is read, in bytes; a second of four monitors is 40 kB.
const LONGEST_REPORT: u64 = 1 << 20;
/// How often the server's thread looks whether it is to end.
const POLL: Duration = Duration::from_millis(100);

/// Serves the page and writes what it reports. Ends with [`finish`](Self::finish).
pub struct PageServer {
    url: String,
    shared: Arc<Shared>,
    server: Arc<Server>,
    thread: JoinHandle<()>,
}

struct Shared {
    page: String,
    monitors: usize,
    state: Mutex<State>,
}

struct State {
    samples: Option<SampleWriter>,
    ended: bool,
    error: Option<String>,
}

impl PageServer {
    /// Serves the page that reads all monitors, on a free loopback port.
    ///
    /// # Errors
    /// No port, or the samples' file cannot be created.
    pub fn start(cell: &Cell, samples: &Path) -> Result<Self> {
        Self::start_page(cell, samples, PAGE)
    }

    /// The same with another page, in which `@SETTINGS@` stands for what it is told, as JSON, and
    /// `@CLOCK@` for the script that finds out the time.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_page(cell: &Cell, samples: &Path, page: &'static str) -> Result<Self> {
        let server =
            Server::http("127.0.0.1:0").map_err(|error| anyhow!("serving the page: {error}"))?;
        let address = server
            .server_addr()
            .to_ip()
            .context("the server has no address")?;
        let shared = Arc::new(Shared {
            page: page
                .replace("@CLOCK@", CLOCK)
                .replace("@SETTINGS@", &settings(cell)),
            monitors: cell.monitors.len(),
            state: Mutex::new(State {
                samples: Some(SampleWriter::create(samples, cell)?),
                ended: false,
                error: None,
            }),
        });
        let server = Arc::new(server);
        let thread = {
            let (server, shared) = (Arc::clone(&server), Arc::clone(&shared));
            thread::Builder::new()
                .name("PageServer".to_owned())
                .spawn(move || serve(&server, &shared))
                .context("starting the page's server")?
        };
        Ok(Self {
            url: format!("http://{address}/reader.html"),
            shared,
            server,
            thread,
        })
    }

    /// The page's address. With `?auto` after it the page captures as soon as it is loaded, else
    /// with the first click or key press, unless it has `getAllScreensMedia`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The page's origin.
    pub fn origin(&self) -> &str {
        self.url.trim_end_matches("/reader.html")
    }

    /// What the page said is wrong, if it did.
    pub fn error(&self) -> Option<String> {
        self.shared.state().error.clone()
    }

    /// Stops serving and writes what is left of the samples.
    ///
    /// # Errors
    /// The page reported an error, or the samples cannot be written.
    pub fn finish(self) -> Result<()> {
        self.shared.state().ended = true;
        self.server.unblock();
        if self.thread.join().is_err() {
            bail!("the page's server panicked");
        }
        let mut state = self.shared.state();
        if let Some(samples) = state.samples.take() {
            samples.finish()?;
        }
        match state.error.take() {
            Some(error) => bail!("the page reported: {error}"),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No half-made state can be left behind by a panic: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the page is told: the monitors, the places of the codes on them, and the rate.
fn settings(cell: &Cell) -> String {
    let monitors: Vec<_> = (0..cell.monitors.len())
        .map(|index| {
            let (layout, area) = (cell.layout(index), &cell.monitors[index]);
            let place = |code: crate::code::CodePlace| {
                json!({"x": code.x, "y": code.y, "width": code.width(), "height": code.height(), "cell": code.cell})
            };
            json!({
                "left": area.x,
                "top": area.y,
                "width": area.width,
                "height": area.height,
                "codes": [place(layout.top), place(layout.bottom)],
            })
        })
        .collect();
    json!({"monitors": monitors, "fps": cell.fps}).to_string()
}

fn serve(server: &Server, shared: &Shared) {
    while !shared.state().ended {
        match server.recv_timeout(POLL) {
            Ok(Some(request)) => answer(request, shared),
            Ok(None) => {}
            Err(error) => {
                shared.state().error = Some(format!("the page's server: {error}"));
                return;
            }
        }
    }
}

/// Answers one request. What fails while it is sent is the browser's loss: it has gone.
fn answer(mut request: Request, shared: &Shared) {
    let path = request
        .url()
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let respond = |request: Request, kind: &str, body: String| {
        let mut response = Response::from_string(body);
        for (name, value) in [
            ("Content-Type", kind),
            ("Cache-Control", "no-store"),
            // Isolated pages have the finer clock.
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Embedder-Policy", "require-corp"),
        ] {
            if let Ok(header) = Header::from_bytes(name, value) {
                response.add_header(header);
            }
        }
        let _ = request.respond(response);
    };
    match (request.method(), path.as_str()) {
        (Method::Get, "/reader.html") => {
            respond(request, "text/html; charset=utf-8", shared.page.clone());
        }
        (Method::Get, "/clock") => respond(request, "text/plain", now_us().to_string()),
        (Method::Post, "/samples") => {
            let mut text = String::new();
            let read = request
                .as_reader()
                .take(LONGEST_REPORT)
                .read_to_string(&mut text);
            let result = read
                .context("reading the page's report")
                .and_then(|_| take_report(&text, shared));
            if let Err(error) = result {
                shared.state().error = Some(format!("{error:#}"));
            }
            respond(request, "text/plain", String::new());
        }
        (Method::Post, "/error") => {
            let mut text = String::new();
            let _ = request.as_reader().take(4096).read_to_string(&mut text);
            shared.state().error = Some(text);
            respond(request, "text/plain", String::new());
        }
        _ => {
            let _ = request.respond(Response::empty(404));
        }
    }
}

/// Writes a report: lines `MONITOR TIME_US TOP BOTTOM`, where the codes are 32 hexadecimal digits
/// and the time is the page's estimate of the monotonic clock, and lines `n KEY VALUE`.
fn take_report(text: &str, shared: &Shared) -> Result<()> {
    let mut state = shared.state();
    let Some(samples) = state.samples.as_mut() else {
        return Ok(());
    };
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["n", key, value] => samples.note(key, value.parse()?)?,
            [monitor, time, top, bottom] => {
                let monitor: usize = monitor.parse()?;
                if monitor >= shared.monitors {
                    bail!("the page speaks of monitor {monitor}");
                }
                let code = |digits: &str| -> Result<Option<Code>> {
                    let bits = u128::from_str_radix(digits, 16).context("a code's digits")?;
                    Ok(Code::from_bits(bits.to_be_bytes(), monitor))
                };
                samples.codes(monitor, code(top)?, code(bottom)?, None, time.parse()?)?;
            }
            _ => bail!("not a line of a report: {line:?}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::pattern::Pattern;
    use crate::peer::MonitorArea;
    use crate::sample::{Record, read};

    fn cell() -> Cell {
        Cell {
            pattern: Pattern::Full,
            monitors: vec![MonitorArea {
                name: "DUMMY0".to_owned(),
                x: 0,
                y: 0,
                width: 1280,
                height: 720,
            }],
            fps: 60,
            seconds: 1.0,
        }
    }

    #[test]
    fn a_page_s_codes_become_samples() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples");
        let server = PageServer::start(&cell(), &path).unwrap();
        let code = Code {
            drawn_us: 5,
            seq: 9,
        };
        let digits = format!("{:032x}", u128::from_be_bytes(code.to_bits(0)));
        let report = format!("n clock_error_us 12.5\n0 77 {digits} {digits}\n0 78 {digits} 00\n");
        take_report(&report, &server.shared).unwrap();
        assert!(take_report(&format!("1 77 {digits} {digits}"), &server.shared).is_err());
        server.finish().unwrap();
        let records = read(&path).unwrap();
        assert_eq!(records.len(), 3);
        let Record::Frame(sample) = &records[1] else {
            panic!("{records:?}");
        };
        assert_eq!(
            (sample.top_seq, sample.drawn_us, sample.readable_us),
            (9, 5, 77)
        );
        assert!(matches!(records[2], Record::Unreadable { .. }));
        assert!(fs::read_to_string(&path).unwrap().ends_with('\n'));
    }

    #[test]
    fn the_page_is_told_where_the_codes_are() {
        let cell = cell();
        let told: serde_json::Value = serde_json::from_str(&settings(&cell)).unwrap();
        let codes = &told["monitors"][0]["codes"];
        let layout = cell.layout(0);
        assert_eq!(
            (&codes[0]["x"], &codes[0]["y"]),
            (&json!(layout.top.x), &json!(layout.top.y))
        );
        assert_eq!(codes[1]["x"], layout.bottom.x);
        assert_eq!(codes[1]["cell"], layout.bottom.cell);
        assert!(PAGE.contains("@SETTINGS@") && PAGE.contains("@CLOCK@"));
    }
}
