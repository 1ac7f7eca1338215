/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The record as the service has it: whatever goes wrong is counted, told once,
//! and handed to the core, which decides what it means.

use std::time::Duration;

use uuid::Uuid;

use super::disk::RealDisk;
use super::entry::{Stamp, microseconds, shortened};
use super::writer::RecordWriter;
use super::{RecordEntry, RecordError, RecordSettings};
use crate::core::{Event, SessionId, Timestamp};

/// How long the service waits for another browser to release the lock. An entry
/// takes a browser some milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_millis(250);

/// Keeps the record. Owned by the service's thread, which waits for the disk.
pub(crate) struct RecordKeeper {
    /// None: there is no record.
    writer: Option<Result<RecordWriter, RecordError>>,
    settings: RecordSettings,
    run: Uuid,
    /// Entries that could not be written, until one can be.
    lost: Option<Lost>,
    /// For the core, after what it has decided last is carried out.
    events: Vec<Event>,
}

#[derive(Debug)]
struct Lost {
    count: u64,
    since: Timestamp,
    reason: String,
}

impl RecordKeeper {
    /// `required` turns the record on.
    pub(crate) fn new(settings: &RecordSettings, required: bool) -> Self {
        let mut keeper = Self {
            writer: None,
            settings: settings.clone(),
            run: Uuid::new_v4(),
            lost: None,
            events: Vec::new(),
        };
        if settings.enabled || required {
            keeper.require();
        }
        keeper
    }

    /// From now on there is a record, whatever the settings say.
    pub(crate) fn require(&mut self) {
        let settings = &self.settings;
        self.writer.get_or_insert_with(|| {
            let directory = settings.place()?;
            Ok(RecordWriter::new(
                RealDisk,
                directory,
                settings.max_bytes,
                settings.max_files,
            ))
        });
    }

    /// Writes one entry and waits until it is on the disk. The first failure is
    /// told to the core, and whether a grant is recorded always.
    pub(crate) fn write(&mut self, entry: &RecordEntry, now: Timestamp) {
        let result = self.append(entry, now);
        if let Err(error) = &result {
            let is_first = self.lost.is_none();
            let lost = self.lost.get_or_insert_with(|| Lost {
                count: 0,
                since: now,
                reason: shortened(&error.to_string()),
            });
            lost.count += 1;
            if is_first {
                let error = error.clone();
                self.events.push(Event::RecordFailed { error });
            }
        }
        if let RecordEntry::Grant { session, .. } = entry {
            let session = SessionId(*session);
            self.events.push(Event::GrantRecorded { session, result });
        }
    }

    /// What the core is to hear of the entries written since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn append(&mut self, entry: &RecordEntry, now: Timestamp) -> Result<(), RecordError> {
        let writer = match &mut self.writer {
            None => return Ok(()),
            Some(Err(error)) => return Err(error.clone()),
            Some(Ok(writer)) => writer,
        };
        let stamp = Stamp {
            time: jiff::Timestamp::now(),
            run: self.run,
            uptime: now.since(Timestamp::default()),
        };
        if let Some(lost) = &self.lost {
            let gap = RecordEntry::Gap {
                lost: lost.count,
                since_us: microseconds(lost.since.since(Timestamp::default())),
                reason: lost.reason.clone(),
            };
            // A record that has just failed is not waited for again.
            writer.append(&gap, stamp, Duration::ZERO)?;
            self.lost = None;
        }
        writer.append(entry, stamp, LOCK_PATIENCE)
    }
}
