/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `captureshell record`: prints the record of captures, as a table or as it stands.

mod filter;
mod table;
pub mod tail;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::error::ErrorKind as UsageError;
use clap::{CommandFactory as _, ValueHint};
use jiff::Timestamp;
use servo_capture::record::{ReadLine, RecordReader, record_files};

use self::filter::{Filter, OriginFilter, point_in_time};
use crate::cli::Arguments;
use crate::shell::{EXIT_CONFIGURATION, EXIT_SUCCESS};
use crate::{config, output};

/// A record cannot be read (`EX_NOINPUT` of sysexits.h).
const EXIT_NO_INPUT: u8 = 66;
/// Lines that are no entries are told one by one up to this many.
const MAX_TOLD_LINES: u64 = 10;
/// How often the files are listed anew because a browser has rotated them meanwhile.
const MAX_LISTINGS: usize = 5;

/// What to print.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RecordArguments {
    /// Only what was recorded at TIME or later: a date, a date with a time (2026-11-20T08:30,
    /// in this machine's time zone unless it has its own), or how long ago (90min, 2h, 3 days)
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    since: Option<Timestamp>,

    /// Only what was recorded before TIME
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    until: Option<Timestamp>,

    /// Only what concerns such an origin: a pattern as in the preferences, or null for opaque ones
    #[arg(long, value_name = "PATTERN")]
    origin: Vec<OriginFilter>,

    /// Print the entries as they stand in the record, one JSON object a line
    #[arg(long)]
    json: bool,

    /// Read these files, in this order, in place of the record; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
}

/// Prints, and answers the exit status.
pub fn run(arguments: &Arguments, record: &RecordArguments) -> u8 {
    if arguments.url.is_some() {
        let message = "a page cannot be opened and the record printed at once";
        let mut command = Arguments::command();
        command.error(UsageError::ArgumentConflict, message).exit();
    }
    let sources = if record.files.is_empty() {
        match own_record(arguments) {
            Ok(sources) => sources,
            Err(code) => return code,
        }
    } else {
        record
            .files
            .iter()
            .map(|path| Source::named(path))
            .collect()
    };
    let mut printer = Printer::new(record, BufWriter::new(io::stdout().lock()));
    let result = sources
        .into_iter()
        .try_for_each(|source| printer.print(source));
    match result.and_then(|()| printer.finish()) {
        Ok(()) => EXIT_SUCCESS,
        // Whoever reads has seen enough.
        Err(error) if is_broken_pipe(&error) => EXIT_SUCCESS,
        Err(error) => {
            output::complain(format_args!("{error:#}"));
            EXIT_NO_INPUT
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// The files of the current user's record.
fn own_record(arguments: &Arguments) -> Result<Vec<Source>, u8> {
    let configuration = config::load(arguments).map_err(|errors| {
        for error in errors {
            output::complain(format_args!("{error}"));
        }
        EXIT_CONFIGURATION
    })?;
    let complain = |error: anyhow::Error| {
        output::complain(format_args!("{error:#}"));
        EXIT_NO_INPUT
    };
    let directory = configuration
        .record
        .place()
        .map_err(|error| complain(error.into()))?;
    let sources = open_all(&directory)
        .with_context(|| format!("the record in {} cannot be read", directory.display()))
        .map_err(complain)?;
    if sources.is_empty() {
        let place = directory.display();
        output::complain(format_args!("nothing is recorded in {place}"));
    }
    Ok(sources)
}

/// Opens all files of a record, so that what is rotated from now on is still read whole.
fn open_all(directory: &Path) -> io::Result<Vec<Source>> {
    let mut names = record_files(directory)?;
    for _ in 0..MAX_LISTINGS {
        let sources: Vec<Source> = names
            .iter()
            .filter_map(|path| match File::open(path) {
                // Rotated away: the next listing shows it.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                opened => Some(Source {
                    name: path.clone(),
                    opened: opened.map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead>),
                }),
            })
            .collect();
        let now = record_files(directory)?;
        if now == names {
            return Ok(sources);
        }
        names = now;
    }
    Err(io::Error::other("it is rotated too often"))
}

/// One file to read.
struct Source {
    name: PathBuf,
    opened: io::Result<Box<dyn BufRead>>,
}

impl Source {
    fn named(path: &Path) -> Self {
        if path == Path::new("-") {
            return Self {
                name: PathBuf::from("standard input"),
                opened: Ok(Box::new(io::stdin().lock())),
            };
        }
        Self {
            name: path.to_owned(),
            opened: File::open(path).map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead>),
        }
    }
}

/// Prints lines as they come: nothing is kept of them.
struct Printer<'a, W> {
    filter: Filter<'a>,
    as_json: bool,
    output: W,
    has_header: bool,
    unreadable: u64,
}

impl<'a, W: Write> Printer<'a, W> {
    fn new(arguments: &'a RecordArguments, output: W) -> Self {
        Self {
            filter: Filter {
                since: arguments.since,
                until: arguments.until,
                origins: &arguments.origin,
            },
            as_json: arguments.json,
            output,
            has_header: false,
            unreadable: 0,
        }
    }

    fn print(&mut self, source: Source) -> anyhow::Result<()> {
        let name = source.name.display();
        let input = source
            .opened
            .with_context(|| format!("{name} cannot be opened"))?;
        for line in RecordReader::new(input) {
            match line.with_context(|| format!("{name} cannot be read"))? {
                ReadLine::Entry { line, text } => {
                    if !self.filter.takes(&line) {
                        continue;
                    }
                    if self.as_json {
                        writeln!(self.output, "{text}")?;
                    } else {
                        if !self.has_header {
                            writeln!(self.output, "{}", table::HEADER)?;
                            self.has_header = true;
                        }
                        writeln!(self.output, "{}", table::row(&line))?;
                    }
                }
                ReadLine::Unreadable(line) => {
                    self.unreadable += 1;
                    if self.unreadable <= MAX_TOLD_LINES {
                        output::complain(format_args!("{name}:{line}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.output.flush()?;
        match self.unreadable {
            0 => {}
            1 => output::complain(format_args!("1 line is no entry of a record")),
            count => output::complain(format_args!("{count} lines are no entries of a record")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
