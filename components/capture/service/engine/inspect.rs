/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Rows that are read for nobody but the engine: where the indicator is, and
//! where it is found out whether the display server tells truly what was drawn.

use std::ops::Range;
use std::time::Duration;

use super::Engine;
use super::counters::EngineCounters;
use super::monitor::OpenMonitor;
use crate::grabber::{GrabError, RowsRead};
use crate::monitor::MonitorId;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    /// The monitors whose indicator's rows were to be read.
    pub(super) looks: Vec<(MonitorId, Look)>,
    /// The monitors of which a strip was read, and its first row.
    pub(super) strips: Vec<(MonitorId, u32)>,
}

/// What came of reading the indicator's rows.
#[derive(Debug)]
pub(super) enum Look {
    /// There is none to be seen anywhere.
    NothingExpected,
    /// There is no place for it on this monitor.
    NoPlace,
    /// These rows, in [`OpenMonitor::indicator_rows`].
    Rows(Range<u32>),
    /// Whoever cannot look has not seen it.
    Failed(GrabError),
}

#[derive(Clone, Copy)]
enum Purpose {
    Look,
    Strip,
}

impl Engine {
    /// Reads the indicator's rows of some monitors and a strip of others (or of
    /// the same), in one go: there is one wait for all. See
    /// [`crate::grabber::Grabber::read_many_rows`] for the `nap`.
    pub(super) fn inspect(
        &mut self,
        looks: &[MonitorId],
        strips: &[MonitorId],
        nap: Duration,
    ) -> Result<Inspection, GrabError> {
        let mut inspection = Inspection::default();
        let Some(grabber) = &mut self.grabber else {
            return Ok(inspection);
        };
        let mut reads = Vec::new();
        let mut purposes = Vec::new();
        for (&id, monitor) in &mut self.monitors {
            let strip = strips.contains(&id).then(|| monitor.next_strip());
            let OpenMonitor {
                bounds,
                rows: strip_rows,
                indicator_rows,
                ..
            } = monitor;
            if looks.contains(&id) {
                let look = match self.expected.rows(*bounds) {
                    _ if self.expected.is_empty() => Look::NothingExpected,
                    None => Look::NoPlace,
                    Some(rows) => Look::Rows(rows),
                };
                if let Look::Rows(rows) = &look {
                    reads.push(RowsRead {
                        monitor: id,
                        rows: rows.clone(),
                        into: indicator_rows,
                    });
                    purposes.push(Purpose::Look);
                }
                inspection.looks.push((id, look));
            }
            if let Some(rows) = strip {
                inspection.strips.push((id, rows.start));
                reads.push(RowsRead {
                    monitor: id,
                    rows,
                    into: strip_rows,
                });
                purposes.push(Purpose::Strip);
            }
        }
        if reads.is_empty() {
            return Ok(inspection);
        }
        let results = grabber.read_many_rows(&mut reads, nap)?;
        for ((purpose, read), result) in purposes.into_iter().zip(&reads).zip(results) {
            let id = read.monitor;
            match (purpose, result) {
                (_, Ok(())) => {
                    let bytes = read.into.len() as u64;
                    EngineCounters::add(&self.counters.bytes_verified, bytes);
                }
                (Purpose::Look, Err(error)) => {
                    let mut looks = inspection.looks.iter_mut();
                    if let Some((_, look)) = looks.find(|(of, _)| *of == id) {
                        *look = Look::Failed(error);
                    }
                }
                // The next frame finds out what is wrong with it.
                (Purpose::Strip, Err(error)) => {
                    log::debug!("{id} was not verified: {error}");
                    inspection.strips.retain(|(of, _)| *of != id);
                }
            }
        }
        Ok(inspection)
    }
}
