/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The records that a peer's reader writes, one line each.
//!
//! ```text
//! s MONITOR TOP_SEQ BOTTOM_SEQ DRAWN_US CAPTURED_US READABLE_US   a frame; `-` is "not known"
//! x MONITOR READABLE_US                                           a frame without readable codes
//! n KEY VALUE                                                     a figure of the peer's own
//! ```
//!
//! Times are microseconds of `CLOCK_MONOTONIC`.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use rustix::time::{ClockId, clock_gettime};

use crate::code::Code;
use crate::pattern::Layout;
use crate::peer::Cell;

/// How long a record may wait to be written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);

/// Now, in microseconds of `CLOCK_MONOTONIC`.
pub fn now_us() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // It counts from the machine's start: neither part is negative.
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1000
}

/// A frame that a reader could read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sample {
    /// The monitor's index.
    pub monitor: usize,
    /// The update that the upper code names.
    pub top_seq: u32,
    /// The update that the lower code names.
    pub bottom_seq: u32,
    /// When the older of the two was drawn.
    pub drawn_us: u64,
    /// When the capturing call returned, where a peer knows it.
    pub captured_us: Option<u64>,
    /// When the consumer had the pixels before it.
    pub readable_us: u64,
}

/// A line of a peer's file.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A frame with two codes.
    Frame(Sample),
    /// A frame in which a code could not be read: from before the pattern, or torn within a code.
    Unreadable {
        /// The monitor's index.
        monitor: usize,
        /// When the consumer had the pixels before it.
        readable_us: u64,
    },
    /// A figure of the peer's own, as `bytes_copied` or `dropped`.
    Note {
        /// What it is: one word.
        key: String,
        /// How much.
        value: f64,
    },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(sample) => {
                let Sample {
                    monitor,
                    top_seq,
                    bottom_seq,
                    drawn_us,
                    readable_us,
                    ..
                } = sample;
                write!(f, "s {monitor} {top_seq} {bottom_seq} {drawn_us} ")?;
                match sample.captured_us {
                    Some(time) => write!(f, "{time}")?,
                    None => write!(f, "-")?,
                }
                write!(f, " {readable_us}")
            }
            Self::Unreadable {
                monitor,
                readable_us,
            } => write!(f, "x {monitor} {readable_us}"),
            Self::Note { key, value } => write!(f, "n {key} {value}"),
        }
    }
}

impl FromStr for Record {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let record = match words.as_slice() {
            ["s", monitor, top, bottom, drawn, captured, readable] => Self::Frame(Sample {
                monitor: monitor.parse()?,
                top_seq: top.parse()?,
                bottom_seq: bottom.parse()?,
                drawn_us: drawn.parse()?,
                captured_us: match *captured {
                    "-" => None,
                    time => Some(time.parse()?),
                },
                readable_us: readable.parse()?,
            }),
            ["x", monitor, readable] => Self::Unreadable {
                monitor: monitor.parse()?,
                readable_us: readable.parse()?,
            },
            ["n", key, value] => Self::Note {
                key: (*key).to_owned(),
                value: value.parse()?,
            },
            _ => bail!("not a record: {line:?}"),
        };
        Ok(record)
    }
}

/// Reads a peer's file. A last line that was cut short by the peer's end is left out.
///
/// # Errors
/// The file cannot be read, or a whole line is not a record.
pub fn read(path: &Path) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the samples {}", path.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| {
            line.parse()
                .with_context(|| format!("in {}", path.display()))
        })
        .collect()
}

/// Writes a peer's records. Threads share it in a mutex.
pub struct SampleWriter {
    file: BufWriter<File>,
    layouts: Vec<Layout>,
    flushed: Option<Instant>,
}

impl SampleWriter {
    /// Starts the file.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(path: &Path, cell: &Cell) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            file: BufWriter::new(file),
            layouts: (0..cell.monitors.len())
                .map(|index| cell.layout(index))
                .collect(),
            flushed: None,
        })
    }

    /// Records a frame that the consumer has before it now: takes the time, then reads the codes
    /// from the pixels, as [`Code::read`] has them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn frame(
        &mut self,
        monitor: usize,
        pixels: &[u8],
        stride: usize,
        captured_us: Option<u64>,
    ) -> Result<()> {
        let readable_us = now_us();
        let layout = self.layouts.get(monitor).context("no such monitor")?;
        let top = Code::read(pixels, stride, layout.top, monitor);
        let bottom = Code::read(pixels, stride, layout.bottom, monitor);
        self.codes(monitor, top, bottom, captured_us, readable_us)
    }

    /// Records a frame whose codes were read elsewhere.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn codes(
        &mut self,
        monitor: usize,
        top: Option<Code>,
        bottom: Option<Code>,
        captured_us: Option<u64>,
        readable_us: u64,
    ) -> Result<()> {
        let record = match (top, bottom) {
            (Some(top), Some(bottom)) => Record::Frame(Sample {
                monitor,
                top_seq: top.seq,
                bottom_seq: bottom.seq,
                drawn_us: top.drawn_us.min(bottom.drawn_us),
                captured_us,
                readable_us,
            }),
            _ => Record::Unreadable {
                monitor,
                readable_us,
            },
        };
        self.write(&record)
    }

    /// Records a figure of the peer's own. The last one of a key counts.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&mut self, key: &str, value: f64) -> Result<()> {
        self.write(&Record::Note {
            key: key.to_owned(),
            value,
        })
    }

    /// Writes a record, and the file when it is the first or the last time was a while ago: the
    /// runner sees from the file that a peer works.
    fn write(&mut self, record: &Record) -> Result<()> {
        writeln!(self.file, "{record}").context("writing a sample")?;
        let now = Instant::now();
        if self
            .flushed
            .is_none_or(|time| now.duration_since(time) > FLUSH_INTERVAL)
        {
            self.file.flush().context("writing the samples")?;
            self.flushed = Some(now);
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().context("writing the samples")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_being_written() {
        let sample = Sample {
            monitor: 1,
            top_seq: 7,
            bottom_seq: 8,
            drawn_us: 100,
            captured_us: None,
            readable_us: 300,
        };
        for record in [
            Record::Frame(sample),
            Record::Frame(Sample {
                captured_us: Some(200),
                ..sample
            }),
            Record::Unreadable {
                monitor: 3,
                readable_us: 9,
            },
            Record::Note {
                key: "dropped".to_owned(),
                value: 2.5,
            },
        ] {
            assert_eq!(record.to_string().parse::<Record>().unwrap(), record);
        }
    }

    #[test]
    fn a_line_that_is_no_record_is_refused() {
        for line in ["", "s 1 2", "s 1 2 3 4 5 x", "y 1 2"] {
            assert!(line.parse::<Record>().is_err(), "{line}");
        }
    }

    #[test]
    fn a_line_cut_short_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples");
        std::fs::write(&path, "x 0 5\ns 1 2").unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        std::fs::write(&path, "x 0").unwrap();
        assert!(read(&path).unwrap().is_empty());
    }
}
