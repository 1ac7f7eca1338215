/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A static HTTP server for the demo, on the loopback address only.

use std::fs::File;
use std::io::{self, Cursor, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, bail};
use tiny_http::{HTTPVersion, Header, Method, Request, Response, Server};

/// The first port tried.
pub const PORT: u16 = 8123;
/// How many ports are tried, counted from [`PORT`].
const PORTS: u16 = 32;
/// Requests served at a time; a page of the demo asks for few files.
const WORKERS: usize = 4;

/// The running server; it ends when this is dropped.
pub struct DemoServer {
    server: Arc<Server>,
    workers: Vec<JoinHandle<()>>,
    port: u16,
}

impl DemoServer {
    /// Serves the files below `directory` on the first free port from `first`.
    ///
    /// # Errors
    /// When the directory cannot be read or none of the ports is free.
    pub fn start(directory: &Path, first: u16) -> Result<DemoServer> {
        let directory = directory
            .canonicalize()
            .with_context(|| format!("reading {}", directory.display()))?;
        let (server, port) = listen(first)?;
        let server = Arc::new(server);
        let workers = (0..WORKERS)
            .map(|_| {
                let (server, directory) = (server.clone(), directory.clone());
                thread::spawn(move || {
                    // `recv` fails when the server is told to end.
                    while let Ok(request) = server.recv() {
                        respond(&directory, request);
                    }
                })
            })
            .collect();
        Ok(DemoServer {
            server,
            workers,
            port,
        })
    }

    /// The origin of the pages, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        // One call wakes one worker.
        for _ in &self.workers {
            self.server.unblock();
        }
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so already.
            let _ = worker.join();
        }
    }
}

fn listen(first: u16) -> Result<(Server, u16)> {
    let mut last = anyhow!("there is no port {first}");
    for port in first..=first.saturating_add(PORTS - 1) {
        match Server::http(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Ok(server) => return Ok((server, port)),
            Err(error) => last = anyhow!("{error}"),
        }
    }
    Err(last.context(format!("no port from {first} on is free on 127.0.0.1")))
}

fn respond(directory: &Path, request: Request) {
    // The browser going away in the middle of an answer is its own business.
    let _ = match request.method() {
        Method::Get | Method::Head => match find(directory, request.url()) {
            Ok((path, file)) => {
                let mut response = Response::from_file(file);
                for (name, value) in [
                    ("Content-Type", mime_type(&path)),
                    ("Cache-Control", "no-store"),
                    ("X-Content-Type-Options", "nosniff"),
                ] {
                    if let Ok(header) = Header::from_bytes(name, value) {
                        response.add_header(header);
                    }
                }
                answer(request, response)
            }
            Err(_) => answer(request, plain(404, "not found\n")),
        },
        _ => answer(request, plain(405, "only GET and HEAD\n")),
    };
}

/// Answers with HTTP/1.0, after which no connection is kept. tiny_http has a thread for
/// each connection, but at times queues a new one behind those that are kept: of six
/// that a browser opens at once, some were never answered.
fn answer<R: Read>(request: Request, response: Response<R>) -> io::Result<()> {
    let is_head = *request.method() == Method::Head;
    let headers = request.headers().to_vec();
    let mut writer = request.into_writer();
    response.raw_print(&mut writer, HTTPVersion(1, 0), &headers, is_head, None)?;
    writer.flush()
}

fn plain(status: u16, text: &str) -> Response<Cursor<Vec<u8>>> {
    Response::from_string(text).with_status_code(status)
}

/// The file that a request means: one below `directory`, whatever `..`, escapes
/// and links say; `index.html` for a directory.
fn find(directory: &Path, url: &str) -> Result<(PathBuf, File)> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decoded(path).context("bad escape")?;
    let relative = path.strip_prefix('/').context("no absolute path")?;
    let mut found = directory.to_owned();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => bail!("`..` in {path}"),
            _ if part.contains(['\\', '\0']) => bail!("odd character in {path}"),
            _ => found.push(part),
        }
    }
    if found.is_dir() {
        found.push("index.html");
    }
    let found = found.canonicalize()?;
    if !found.starts_with(directory) || !found.is_file() {
        bail!("{path} is not a file of the demo");
    }
    let file = File::open(&found)?;
    Ok((found, file))
}

/// Undoes `%20` and the like; `None` for a broken escape or what is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok()
}

fn mime_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webm") => "video/webm",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use super::*;

    /// A port range of its own per test, away from the default one.
    fn serve(first: u16) -> (tempfile::TempDir, DemoServer) {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("secret.txt"), "secret").unwrap();
        let demo = root.path().join("demo");
        fs::create_dir(&demo).unwrap();
        fs::write(demo.join("index.html"), "<p>hello").unwrap();
        fs::write(demo.join("a b.js"), "1").unwrap();
        let server = DemoServer::start(&demo, first).unwrap();
        (root, server)
    }

    fn ask(server: &DemoServer, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn files_come_with_their_type() {
        let (_root, server) = serve(28_100);
        let answer = ask(&server, "GET", "/?query");
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        assert!(answer.contains("Content-Type: text/html; charset=utf-8"));
        assert!(answer.ends_with("<p>hello"));
        let answer = ask(&server, "GET", "/a%20b.js");
        assert!(answer.contains("Content-Type: text/javascript"), "{answer}");
    }

    #[test]
    fn nothing_outside_the_directory_is_served() {
        let (root, server) = serve(28_200);
        std::os::unix::fs::symlink(
            root.path().join("secret.txt"),
            root.path().join("demo/link.txt"),
        )
        .unwrap();
        for path in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/x/..%2f..%2fsecret.txt",
            "/link.txt",
            "//etc/passwd",
            "/none.html",
            "/%zz",
        ] {
            let answer = ask(&server, "GET", path);
            assert!(answer.starts_with("HTTP/1.0 404"), "{path}: {answer}");
        }
    }

    #[test]
    fn only_reading_is_allowed() {
        let (_root, server) = serve(28_300);
        assert!(ask(&server, "POST", "/").starts_with("HTTP/1.0 405"));
        let answer = ask(&server, "HEAD", "/");
        assert!(answer.starts_with("HTTP/1.0 200") && !answer.contains("hello"));
    }

    /// What a browser does: it keeps a connection unless the answer forbids it.
    fn browse(port: u16) -> io::Result<Option<TcpStream>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"<p>hello") {
            stream.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        Ok(answer.starts_with(b"HTTP/1.1").then_some(stream))
    }

    #[test]
    fn connections_that_come_at_once_are_all_answered() {
        let (_root, server) = serve(28_600);
        let port = server.port;
        let clients: Vec<_> = (0..24)
            .map(|_| thread::spawn(move || browse(port)))
            .collect();
        let kept: Vec<_> = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect();
        let failed = kept.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(failed, 0, "of {}", kept.len());
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let (_root, first) = serve(28_400);
        let (_other, second) = serve(first.port);
        assert_eq!(second.port, first.port + 1);
        assert_eq!(second.origin(), format!("http://127.0.0.1:{}", second.port));
    }

    #[test]
    fn dropping_the_server_ends_it() {
        let (_root, server) = serve(28_500);
        let port = server.port;
        drop(server);
        // Its listening thread closes the socket a moment later.
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            assert!(Instant::now() < deadline, "port {port} still answers");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
