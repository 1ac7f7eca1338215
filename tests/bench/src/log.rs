/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the pattern program wrote: every update that it drew, and those it had no time for.
//!
//! ```text
//! u MONITOR SEQ DUE_US DRAWN_US DONE_US   an update, and when the X server had carried it out
//! l COUNT DUE_US                          updates that were never made, up to the tick of that time
//! ```

use std::path::Path;

use anyhow::{Context, Result, bail};

/// One update of one monitor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Update {
    /// The monitor's index.
    pub monitor: usize,
    /// Its number on that monitor.
    pub seq: u32,
    /// When it should have been drawn.
    pub due_us: u64,
    /// When drawing began; the code says the same.
    pub drawn_us: u64,
    /// When the X server had carried out all updates of the tick.
    pub done_us: u64,
}

/// All of it, in the order of time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PatternLog {
    /// What was drawn.
    pub updates: Vec<Update>,
    /// How many updates were not made, and the time of the last of their ticks.
    pub lost: Vec<(usize, u64)>,
}

impl PatternLog {
    /// Reads the program's file. A last line that was cut short is left out.
    ///
    /// # Errors
    /// The file cannot be read, or a whole line is not as above.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("reading the pattern's log {}", path.display()))?;
        Self::parse(text.rfind('\n').map_or("", |end| &text[..end]))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut log = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["u", monitor, seq, due, drawn, done] => log.updates.push(Update {
                    monitor: monitor.parse()?,
                    seq: seq.parse()?,
                    due_us: due.parse()?,
                    drawn_us: drawn.parse()?,
                    done_us: done.parse()?,
                }),
                ["l", count, due] => log.lost.push((count.parse()?, due.parse()?)),
                _ => bail!("not a line of a pattern's log: {line:?}"),
            }
        }
        Ok(log)
    }

    /// How many updates were lost from `start_us` until `end_us`.
    pub fn lost_between(&self, start_us: u64, end_us: u64) -> usize {
        self.lost
            .iter()
            .filter(|(_, time)| (start_us..end_us).contains(time))
            .map(|(count, _)| count)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_and_losses_are_read() {
        let log = PatternLog::parse("u 0 1 5 6 7\nl 3 40\nl 2 80\nu 1 2 90 91 95").unwrap();
        assert_eq!(log.updates.len(), 2);
        assert_eq!((log.updates[1].monitor, log.updates[1].done_us), (1, 95));
        assert_eq!(log.lost_between(0, 80), 3);
        assert_eq!(log.lost_between(0, 81), 5);
        assert!(PatternLog::parse("u 1 2").is_err());
    }
}
