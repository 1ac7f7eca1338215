/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! End to end: a page in the browser reads the codes from its videos.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use capture_test_rig::process::Process;
use rustix::process::Signal;

use crate::page::PageServer;
use crate::peer::{Cell, Peer, Reach, own_command};
use crate::stop::Stop;

/// Tells the peer's process where the browser is.
const PROGRAM_VARIABLE: &str = "CAPTURE_BENCH_SHELL";
const SINGLE_PROCESS: &str = "captureshell";
const MULTI_PROCESS: &str = "captureshell-multi";
/// How long the browser may take to end.
const STOP: Duration = Duration::from_secs(3);
/// How often it is looked whether to end.
const POLL: Duration = Duration::from_secs(2);

/// The browser with pages in its own process and in others.
pub fn all(program: Option<&Path>) -> Vec<Box<dyn Peer>> {
    [SINGLE_PROCESS, MULTI_PROCESS]
        .into_iter()
        .map(|name| -> Box<dyn Peer> {
            Box::new(Browser {
                name,
                program: program.map(Path::to_owned),
            })
        })
        .collect()
}

/// Whether this is one of the browser's peers.
pub fn is_own(name: &str) -> bool {
    [SINGLE_PROCESS, MULTI_PROCESS].contains(&name)
}

struct Browser {
    name: &'static str,
    program: Option<PathBuf>,
}

impl Peer for Browser {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reach(&self) -> Reach {
        Reach::Page
    }

    fn can_run(&self, _: &Cell) -> Result<(), String> {
        match &self.program {
            Some(program) if program.is_file() => Ok(()),
            Some(program) => Err(format!("{} does not exist", program.display())),
            None => {
                Err("no browser was named: ./mach bench --browser, or --captureshell".to_owned())
            }
        }
    }

    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command> {
        let program = self.program.as_ref().context("no browser was named")?;
        let mut command = own_command(self.name, cell, samples)?;
        command.env(PROGRAM_VARIABLE, program);
        Ok(command)
    }
}

/// Serves the page and keeps the browser running on it. The browser draws its window off screen: the
/// page's own compositing is part of what is measured, a window manager's is not.
///
/// # Errors
/// The browser does not start or ends by itself, or the page reports an error.
pub fn run(name: &str, cell: &Cell, samples: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let program = env::var_os(PROGRAM_VARIABLE)
        .with_context(|| format!("{PROGRAM_VARIABLE} does not name the browser"))?;
    let server = PageServer::start(cell, samples)?;
    let allowed = serde_json::to_string(&[server.origin()])?;
    let mut command = Command::new(program);
    command
        .args([
            "--headless",
            "--window-size",
            "1280x800",
            "--capture-backend",
            "x11",
        ])
        .arg("--pref")
        .arg("dom_screen_capture_all_screens_enabled=true")
        .arg("--pref")
        .arg(format!(
            "dom_screen_capture_all_screens_allowed_origins={allowed}"
        ));
    if name == MULTI_PROCESS {
        command.arg("--multiprocess");
    }
    command.arg(server.url());
    let mut browser = Process::spawn(command)?;
    while !stop.reached() {
        if let Some(status) = browser.try_wait()? {
            bail!("the browser ended ({status})\n{}", browser.log_tail());
        }
        if let Some(error) = server.error() {
            bail!("the page reported: {error}\n{}", browser.log_tail());
        }
        stop.pause(POLL);
    }
    browser.signal(Signal::TERM)?;
    if browser.wait(STOP).is_err() {
        browser.kill_tree()?;
    }
    server.finish()
}
