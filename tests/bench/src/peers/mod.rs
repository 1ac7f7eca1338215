/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The programs that the engine is compared with.

mod chromium;
mod floor;
mod handoff;
mod native;
mod xcap;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::peer::{Cell, Peer, Reach, own_command};

/// All of them, in the report's order.
pub fn all() -> Vec<Box<dyn Peer>> {
    vec![
        own("floor", Reach::Captured, anywhere),
        Box::new(floor::First),
        own("floor-handoff", Reach::OtherProcess, anywhere),
        Box::new(native::Native {
            name: "ffmpeg",
            program: &native::FFMPEG,
            mode: "capture",
        }),
        Box::new(native::FfmpegHandoff),
        Box::new(native::Native {
            name: "gst",
            program: &native::GSTREAMER,
            mode: "capture",
        }),
        Box::new(native::Native {
            name: "gst-damage",
            program: &native::GSTREAMER,
            mode: "damage",
        }),
        own("xcap", Reach::Captured, xcap::can_run),
        own("xcap-recorder", Reach::Captured, xcap::can_run),
        own("xcap-recorder-slow", Reach::Captured, xcap::can_run),
        own("chromium", Reach::Page, chromium::can_run_streams),
        own("chromium-page", Reach::Page, chromium::can_run_page),
    ]
}

/// Runs a peer that this program contains, in this process, until its time is over or SIGTERM.
///
/// # Errors
/// There is none of that name, or it cannot capture.
pub fn run(name: &str, cell: &Cell, samples: &Path) -> Result<()> {
    match name {
        "floor" => floor::run(cell, cell.monitors.len(), samples),
        floor::First::NAME => floor::run(cell, 1, samples),
        "floor-handoff" => floor::run_handoff(cell, samples),
        floor::SOURCE => floor::run_source(cell),
        native::FfmpegHandoff::NAME => native::run_ffmpeg_handoff(cell, samples),
        "xcap" => xcap::run_images(cell, samples),
        "xcap-recorder" => xcap::run_recorder(cell, samples),
        "xcap-recorder-slow" => xcap::run_slow_recorder(cell, samples),
        "chromium" => chromium::run_streams(cell, samples),
        "chromium-page" => chromium::run_page(cell, samples),
        _ => bail!("this program contains no peer called {name}"),
    }
}

/// Whether a peer can run a cell here.
type CanRun = fn(&Cell) -> Result<(), String>;

/// A peer that is started by [`run`].
struct Own {
    name: &'static str,
    reach: Reach,
    can_run: CanRun,
}

fn own(name: &'static str, reach: Reach, can_run: CanRun) -> Box<dyn Peer> {
    Box::new(Own {
        name,
        reach,
        can_run,
    })
}

/// It needs nothing but the display.
fn anywhere(_cell: &Cell) -> Result<(), String> {
    Ok(())
}

impl Peer for Own {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn can_run(&self, cell: &Cell) -> Result<(), String> {
        (self.can_run)(cell)
    }

    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command> {
        own_command(self.name, cell, samples)
    }
}
