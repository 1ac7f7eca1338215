/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is compared: who captures, and what is on the monitors meanwhile.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::pattern::{Layout, Pattern};
use crate::plan::Scene;

/// A monitor of the cell's desktop, in desktop pixels.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MonitorArea {
    /// RandR's name of it, `DUMMY0`.
    pub name: String,
    /// The left edge.
    pub x: u32,
    /// The upper edge.
    pub y: u32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// What every peer is measured with: a desktop and what happens on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Cell {
    /// What is drawn.
    pub pattern: Pattern,
    /// All monitors of the desktop, all to be captured; a sample's monitor is an index into this.
    pub monitors: Vec<MonitorArea>,
    /// The frames a second that the peer is to ask for.
    pub fps: u32,
    /// How long the peer is to run, in seconds, start and warm-up included.
    pub seconds: f64,
}

impl Cell {
    /// Where the codes are on one of the monitors.
    pub fn layout(&self, monitor: usize) -> Layout {
        let area = &self.monitors[monitor];
        self.pattern.layout(area.width, area.height)
    }

    /// The cell as one argument of a command line.
    ///
    /// # Errors
    /// A time that JSON cannot express.
    pub fn to_argument(&self) -> Result<String> {
        serde_json::to_string(self).context("writing a cell")
    }
}

/// Where a peer's samples are taken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// In the process that captures.
    Captured,
    /// In another process, which maps or receives the pixels.
    OtherProcess,
    /// By script in a page of a browser, in an animation frame.
    Page,
}

/// Somebody who captures all monitors of a display and reads the codes from every frame.
pub trait Peer {
    /// A short name, unique, of letters, digits and `-`.
    fn name(&self) -> &'static str;

    /// Where its samples are taken.
    fn reach(&self) -> Reach;

    /// Whether it runs in this scene without being asked for by name.
    fn suits(&self, scene: &Scene) -> bool {
        scene.suits(self.reach())
    }

    /// Whether it can run this cell on this machine.
    ///
    /// # Errors
    /// What is missing or why not, for the report.
    fn can_run(&self, cell: &Cell) -> Result<(), String>;

    /// The program to run. It is started with `DISPLAY` set and without Wayland's variables,
    /// captures every monitor of the cell at its frame rate, writes [records](crate::sample) to
    /// `samples`, and ends with 0 after the cell's time or soon after SIGTERM. Its whole process tree
    /// is measured.
    ///
    /// # Errors
    /// The command cannot be made.
    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command>;

    /// The file to which its process adds a line of its own counts whenever it gets SIGUSR1, see
    /// [`crate::house::counts`]; `None`: it does not.
    fn counts(&self, _samples: &Path) -> Option<PathBuf> {
        None
    }
}

/// Whether a cell is for a peer that captures the first monitor alone.
///
/// # Errors
/// The other monitors change as well.
pub fn is_for_first_alone(cell: &Cell) -> Result<(), String> {
    match cell.pattern {
        Pattern::OneOfN => Ok(()),
        _ => Err("it captures the first monitor alone, and the others change too".to_owned()),
    }
}

/// The command for a peer that this program contains: `capture-bench peer NAME CELL SAMPLES`.
///
/// # Errors
/// This program's own path is not known.
pub fn own_command(name: &str, cell: &Cell, samples: &Path) -> Result<Command> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    command
        .arg("peer")
        .arg(name)
        .arg(cell.to_argument()?)
        .arg(samples);
    Ok(command)
}
