/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueHint};
use servo_capture::BackendChoice;
use thiserror::Error;
use url::Url;

use crate::record::RecordArguments;

/// Where administrators put policy files.
pub const MANAGED_PREFERENCES: &str = "/etc/captureshell/policies/managed";

/// A browser on Servo with the web's screen capture APIs.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "captureshell",
    version,
    disable_help_subcommand = true,
    after_help = "Exit status: 0 on success, 2 for a wrong command line, 66 when a record cannot \
                  be read, 69 when something the browser needs is missing, 70 when the page crashed or never loaded, 73 when a \
                  file could not be written, 78 for a wrong configuration."
)]
pub struct Arguments {
    /// Run without a window; needs no display
    #[arg(long)]
    pub headless: bool,

    /// Size of the window, or of the page without one, in device pixels [default: 1280x800, with
    /// --headless 1024x768]
    #[arg(long, value_name = "WxH")]
    pub window_size: Option<WindowSize>,

    /// Read preferences from a JSON file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub prefs_file: Option<PathBuf>,

    /// Set one preference; wins over --prefs-file
    #[arg(long = "pref", value_name = "NAME=JSON")]
    pub prefs: Vec<String>,

    /// Read further administrator's preferences, which win over the user's, from here
    ///
    /// Those in /etc/captureshell/policies/managed are read in any case and win over these.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub managed_prefs_dir: Option<PathBuf>,

    /// What reads the screen: auto, x11, xcap or synthetic
    #[arg(long, value_name = "BACKEND", default_value_t)]
    pub capture_backend: BackendChoice,

    /// Run pages in processes of their own
    #[arg(long)]
    pub multiprocess: bool,

    /// Serve WebDriver on this port of the loopback interface; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub webdriver: Option<u16>,

    /// Write each console message of a page as one line to standard output
    #[arg(long)]
    pub print_console: bool,

    /// Write a PNG of the page to FILE at the end, or once it has loaded
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub screenshot: Option<PathBuf>,

    /// Write a PNG of the page and of each captured stream to DIR, and a table of the streams to
    /// standard output
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,

    /// End this long after the page began to load
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub exit_after: Option<Duration>,

    /// Print a completion script for this shell and end
    #[arg(long, value_name = "SHELL", hide = true)]
    pub completions: Option<clap_complete::Shell>,

    /// The page to open: an address, or the path of a file
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// What to do instead of browsing
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does besides browsing.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print the record of captures: who was allowed, refused, started and stopped
    ///
    /// Without FILE it is the record of the current user, in the place that the preferences say.
    /// Lines that are no entries are told on standard error and passed over. (The address of a
    /// host with this name is http://record.)
    Record(RecordArguments),
}

impl Arguments {
    /// The size of the window, or of the page without one, in device pixels.
    pub fn window_size(&self) -> WindowSize {
        self.window_size.unwrap_or(if self.headless {
            WindowSize::HEADLESS
        } else {
            WindowSize::WINDOWED
        })
    }
}

/// The size of a window or of a page, in device pixels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WindowSize {
    /// Pixels from left to right, 1 to [`WindowSize::LIMIT`].
    pub width: u32,
    /// Pixels from top to bottom, 1 to [`WindowSize::LIMIT`].
    pub height: u32,
}

impl WindowSize {
    /// The size of a page without a window.
    pub const HEADLESS: Self = Self {
        width: 1024,
        height: 768,
    };
    /// The size of a new window.
    pub const WINDOWED: Self = Self {
        width: 1280,
        height: 800,
    };
    /// What every OpenGL implementation that Servo runs on can still allocate.
    pub const LIMIT: u32 = 8192;
}

/// What is wrong with a `--window-size`.
#[derive(Debug, Error, PartialEq)]
#[error("a size is WIDTHxHEIGHT, each from 1 to {limit}", limit = WindowSize::LIMIT)]
pub struct WindowSizeError;

impl FromStr for WindowSize {
    type Err = WindowSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| {
            text.parse()
                .ok()
                .filter(|side| (1..=Self::LIMIT).contains(side))
                .ok_or(WindowSizeError)
        };
        let (width, height) = text.split_once(['x', 'X']).ok_or(WindowSizeError)?;
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds, not below 0".to_owned())
}

/// What is wrong with an address.
#[derive(Debug, Error, PartialEq)]
#[error("{0:?} is neither an address nor the path of a file")]
pub struct AddressError(String);

/// Makes an address of what somebody typed: an address with its scheme, the path of a file that
/// exists (only with a `working_directory`, which it may be relative to), or the name of a host
/// (then `http:` for this machine and for IP addresses, else `https:`).
///
/// # Errors
/// When it is nothing of that kind.
pub fn address(text: &str, working_directory: Option<&Path>) -> Result<Url, AddressError> {
    let text = text.trim();
    let error = || AddressError(text.to_owned());
    if let Ok(url) = Url::parse(text)
        && is_known_scheme(url.scheme())
    {
        return Ok(url);
    }
    let path = working_directory.map(|directory| directory.join(text));
    if let Some(path) = path
        && !text.is_empty()
        && let Ok(path) = path.canonicalize()
    {
        return Url::from_file_path(path).map_err(|()| error());
    }
    if text.is_empty() || text.contains(char::is_whitespace) || text.starts_with(['/', '.']) {
        return Err(error());
    }
    let url = Url::parse(&format!("https://{text}")).map_err(|_| error())?;
    let is_near = match url.host() {
        None => return Err(error()),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(_) => true,
    };
    if is_near {
        return Url::parse(&format!("http://{text}")).map_err(|_| error());
    }
    Ok(url)
}

fn is_known_scheme(scheme: &str) -> bool {
    matches!(
        scheme,
        "about" | "blob" | "data" | "file" | "http" | "https" | "resource" | "servo"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from([&["captureshell"], arguments].concat())
    }

    #[test]
    fn the_page_is_smaller_without_a_window() {
        assert_eq!(
            parse(&["--headless"]).unwrap().window_size(),
            WindowSize::HEADLESS
        );
        assert_eq!(parse(&[]).unwrap().window_size(), WindowSize::WINDOWED);
    }

    #[test]
    fn every_option_of_the_contract_is_understood() {
        let arguments = parse(&[
            "--headless",
            "--window-size",
            "800x600",
            "--prefs-file",
            "p.json",
            "--pref",
            "a=true",
            "--pref",
            "b=1",
            "--managed-prefs-dir",
            "policies",
            "--capture-backend",
            "synthetic",
            "--multiprocess",
            "--webdriver",
            "4444",
            "--print-console",
            "--screenshot",
            "page.png",
            "--output",
            "out",
            "--exit-after",
            "2.5",
            "about:blank",
        ])
        .unwrap();
        assert_eq!(
            arguments.window_size(),
            WindowSize {
                width: 800,
                height: 600
            }
        );
        assert_eq!(arguments.prefs, ["a=true", "b=1"]);
        assert_eq!(arguments.webdriver, Some(4444));
        assert_eq!(arguments.exit_after, Some(Duration::from_millis(2500)));
        assert_eq!(arguments.url.as_deref(), Some("about:blank"));
        assert!(matches!(
            arguments.capture_backend,
            BackendChoice::Synthetic
        ));
    }

    #[test]
    fn wrong_values_are_usage_errors() {
        for arguments in [
            ["--window-size", "800"],
            ["--window-size", "0x600"],
            ["--window-size", "800x99999"],
            ["--exit-after", "-1"],
            ["--exit-after", "soon"],
            ["--webdriver", "70000"],
            ["--capture-backend", "quartz"],
        ] {
            let error = parse(&arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }

    #[test]
    fn an_address_is_made_of_what_was_typed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("page.html"), "").unwrap();
        let check = |text: &str, expected: &str| {
            assert_eq!(
                address(text, Some(directory.path())).unwrap().as_str(),
                expected,
                "{text}"
            );
        };
        check("about:blank", "about:blank");
        check("servo.org", "https://servo.org/");
        check("localhost:8000/x", "http://localhost:8000/x");
        check("127.0.0.1", "http://127.0.0.1/");
        check("[::1]:80", "http://[::1]/");
        let file = Url::from_file_path(directory.path().canonicalize().unwrap().join("page.html"))
            .unwrap();
        check("page.html", file.as_str());
        for text in ["", "two words", "/no/such/file", "./missing.html"] {
            assert!(address(text, Some(directory.path())).is_err(), "{text}");
        }
        assert_eq!(
            address("page.html", None).unwrap().as_str(),
            "https://page.html/"
        );
    }
}
