/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The engine itself, and the browser that it is part of.

mod browser;
mod consumer;
pub mod counts;
mod engine;

use std::path::Path;

use anyhow::Result;

use crate::peer::{Cell, Peer};

/// What this project brings, in the report's order.
pub fn all(captureshell: Option<&Path>) -> Vec<Box<dyn Peer>> {
    let mut all = engine::all();
    all.extend(browser::all(captureshell));
    all
}

/// Whether a peer of this name is run by [`run`].
pub fn is_own(name: &str) -> bool {
    engine::is_own(name) || browser::is_own(name)
}

/// Runs one of them in this process, until its time is over or SIGTERM.
///
/// # Errors
/// It cannot capture.
pub fn run(name: &str, cell: &Cell, samples: &Path) -> Result<()> {
    if engine::is_own(name) {
        engine::run(name, cell, samples)
    } else {
        browser::run(name, cell, samples)
    }
}
