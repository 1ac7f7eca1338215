/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use capture_test_rig::MessageBus;
use capture_test_rig::process::{self, Footprint, Process, Stream};
use capture_test_rig::services::SESSION_ID;
use serde_json::Value;
use tempfile::TempDir;

use crate::buses::Buses;

/// The browser ends by itself after this time, should a test forget it.
const LIFETIME: Duration = Duration::from_secs(180);

/// How long printing the record may take, in a debug build.
const PRINT_TIMEOUT: Duration = Duration::from_secs(60);

/// Held by the browser that runs.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How to start the browser: headless, its console on standard output, with a home directory and a
/// policy directory that are empty.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    display: Option<String>,
    backend: Option<String>,
    multiprocess: bool,
    windowed: bool,
    allowed_origins: Vec<String>,
    arguments: Vec<String>,
    home: Option<PathBuf>,
    buses: Option<[String; 2]>,
    lifetime: Option<Duration>,
    hosts: Vec<String>,
    managed: Option<PathBuf>,
    environment: Vec<(&'static str, &'static str)>,
}

impl Launch {
    /// Without a display or a message bus, in one process, nobody allowed to capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `DISPLAY` set to this.
    #[must_use]
    pub fn display(mut self, display: &str) -> Self {
        self.display = Some(display.to_owned());
        self
    }

    /// With `--capture-backend`.
    #[must_use]
    pub fn backend(mut self, backend: &str) -> Self {
        self.backend = Some(backend.to_owned());
        self
    }

    /// With `--multiprocess`, or without.
    #[must_use]
    pub fn multiprocess(mut self, multiprocess: bool) -> Self {
        self.multiprocess = multiprocess;
        self
    }

    /// With a window on the display.
    #[must_use]
    pub fn windowed(mut self) -> Self {
        self.windowed = true;
        self
    }

    /// With this origin among those that may capture all screens.
    #[must_use]
    pub fn allow(mut self, origin: &str) -> Self {
        self.allowed_origins.push(origin.to_owned());
        self
    }

    /// With these message buses.
    #[must_use]
    pub fn buses(mut self, buses: &Buses) -> Self {
        self.buses = Some([buses.system_address(), buses.session_address()]);
        self
    }

    /// With this home directory, which outlives the browser.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// With a preference.
    #[must_use]
    pub fn preference(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.argument("--pref").argument(format!("{name}={value}"))
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Ending by itself after this time.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// With these names for the loopback interface.
    #[must_use]
    pub fn hosts(mut self, hosts: &[&str]) -> Self {
        self.hosts.extend(hosts.iter().map(ToString::to_string));
        self
    }

    /// With this variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// With this directory for the administrator's files.
    #[must_use]
    pub fn managed(mut self, directory: &Path) -> Self {
        self.managed = Some(directory.to_owned());
        self
    }

    /// Waits until no other browser runs and starts this one on a page.
    ///
    /// # Errors
    /// There is no such program.
    pub fn open(self, url: &str) -> Result<Browser> {
        self.open_with(url, |_| Ok(()))
    }

    /// As [`open`](Self::open), with a policy directory that `manage` has filled.
    ///
    /// # Errors
    /// There is no such program, or `manage` fails.
    pub fn open_with(self, url: &str, manage: impl FnOnce(&Path) -> Result<()>) -> Result<Browser> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir()?;
        manage(folder.path())?;
        let home = self.home.as_deref().unwrap_or(folder.path());
        let lifetime = self.lifetime.unwrap_or(LIFETIME);
        let mut command = in_home(home)?;
        let [system, session] = self.buses.unwrap_or_else(|| {
            // Not those of whoever runs the tests.
            let nowhere = MessageBus::address(&folder.path().join("no-bus"));
            [nowhere.clone(), nowhere]
        });
        command
            .env("DBUS_SYSTEM_BUS_ADDRESS", system)
            .env("DBUS_SESSION_BUS_ADDRESS", session)
            .env("XDG_SESSION_ID", SESSION_ID)
            .envs(self.environment)
            .arg("--print-console")
            .args(["--exit-after", &lifetime.as_secs().to_string()])
            .arg("--managed-prefs-dir")
            .arg(self.managed.as_deref().unwrap_or(folder.path()));
        if !self.windowed {
            command.arg("--headless");
        }
        if !self.hosts.is_empty() {
            let file = folder.path().join("hosts");
            std::fs::write(&file, format!("127.0.0.1 {}\n", self.hosts.join(" ")))?;
            command.env("HOST_FILE", file);
        }
        if let Some(display) = self.display {
            command.env("DISPLAY", display);
        }
        if let Some(backend) = self.backend {
            command.args(["--capture-backend", &backend]);
        }
        if self.multiprocess {
            command.arg("--multiprocess");
        }
        if !self.allowed_origins.is_empty() {
            let list = serde_json::to_string(&self.allowed_origins)?;
            command.arg("--pref");
            command.arg(format!(
                "dom_screen_capture_all_screens_allowed_origins={list}"
            ));
        }
        command.args(self.arguments).arg(url);
        Ok(Browser {
            process: Process::spawn(command)?,
            folder,
            _turn: turn,
        })
    }
}

/// A running browser; killed with its content processes when dropped.
#[derive(Debug)]
pub struct Browser {
    process: Process,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// The process id of the parent process, in which the capture service runs.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The processes that run pages; none unless started with `--multiprocess`.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn content_processes(&self) -> Result<Vec<u32>> {
        process::descendants(self.process.id())
    }

    /// The regions of shared memory that the parent process has mapped: what the display server
    /// writes pixels into.
    ///
    /// # Errors
    /// The browser has ended.
    pub fn shared_memory_count(&self) -> Result<usize> {
        process::shared_memory_count(self.process.id())
    }

    /// Every file descriptor of the parent process.
    ///
    /// # Errors
    /// The browser has ended.
    pub fn descriptor_count(&self) -> Result<usize> {
        process::descriptor_count(self.process.id())
    }

    /// What the browser and the processes of its pages hold.
    ///
    /// # Errors
    /// The browser has ended.
    pub fn footprint(&self) -> Result<Footprint> {
        let mut footprint = Footprint::of(self.process.id())?;
        for process in self.content_processes()? {
            footprint += Footprint::of(process)?;
        }
        Ok(footprint)
    }

    /// Waits for a line of JSON with this `channel` on a page's console.
    ///
    /// # Errors
    /// There is none in time.
    pub fn answer_of(&self, channel: &str, timeout: Duration) -> Result<Value> {
        let find = |line: &str| {
            let answer: Value = serde_json::from_str(line).ok()?;
            (answer["channel"] == channel).then_some(answer)
        };
        let (answer, _) = self
            .process
            .wait_for_line(Stream::Stdout, 0, timeout, find)?;
        Ok(answer)
    }

    /// Waits for the browser to end by itself.
    ///
    /// # Errors
    /// It does not.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        self.process.wait(timeout)
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// The system call's.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Its policy directory, and its user's home unless there is another.
    pub fn managed_directory(&self) -> &Path {
        self.folder.path()
    }

    /// What the browser wrote to standard error.
    pub fn errors(&self) -> String {
        self.process.lines(Stream::Stderr, 0).join("\n")
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }
}

impl Drop for Browser {
    /// Shown with a test that fails.
    fn drop(&mut self) {
        eprintln!("{}", self.process.log_tail());
    }
}

/// The browser's program with nothing of the desktop that the tests run on, and this home directory.
fn in_home(home: &Path) -> Result<Command> {
    let mut command = Command::new(browser_program()?);
    command
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_SESSION_TYPE")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .env("HOME", home);
    Ok(command)
}

/// What `captureshell record` prints, with these options, of the record in a home directory.
///
/// # Errors
/// It fails, or complains of anything.
pub fn print_record(home: &Path, options: &[&str]) -> Result<Vec<String>> {
    let mut command = in_home(home)?;
    command
        .arg("--managed-prefs-dir")
        .arg(home)
        .arg("record")
        .args(options);
    let mut process = Process::spawn(command)?;
    let status = process.wait(PRINT_TIMEOUT)?;
    let complaints = process.lines(Stream::Stderr, 0);
    if !status.success() || !complaints.is_empty() {
        bail!("captureshell record: {status}: {complaints:?}");
    }
    Ok(process.lines(Stream::Stdout, 0))
}

/// The entries of the record in a home directory.
///
/// # Errors
/// As [`print_record`], or a line that is no JSON.
pub fn record_entries(home: &Path, options: &[&str]) -> Result<Vec<Value>> {
    let lines = print_record(home, &[&["--json"], options].concat())?;
    let parse = |line: &String| serde_json::from_str(line).with_context(|| line.clone());
    lines.iter().map(parse).collect()
}

/// The browser's program: `CAPTURESHELL`, or the one in the folder of this test's build.
///
/// # Errors
/// There is none.
pub fn browser_program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CAPTURESHELL") {
        return Ok(PathBuf::from(path));
    }
    let test_program = env::current_exe()?;
    let profile_folder = test_program
        .parent()
        .and_then(|deps| deps.parent())
        .context("the test program is not in a target folder")?;
    let program = profile_folder.join("captureshell");
    if !program.exists() {
        bail!(
            "{} is missing: build the browser first (./mach build), or name one in CAPTURESHELL",
            program.display()
        );
    }
    Ok(program)
}
