/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the engine says of itself. It is asked by a signal at the beginning and at the end of the
//! measured time, outside of it, and its process then adds a line to a file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use signal_hook::consts::SIGUSR1;

/// Where the lines are, beside a peer's samples.
pub fn path(samples: &Path) -> PathBuf {
    samples.with_extension("counts")
}

/// Answers in the process of the engine.
pub struct Counts {
    asked: UnixStream,
    file: File,
}

impl Counts {
    /// From now on the signal is an order to tell.
    ///
    /// # Errors
    /// The signal cannot be watched, or the file not be made.
    pub fn tell_beside(samples: &Path) -> Result<Self> {
        let path = path(samples);
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        let (asked, writer) = UnixStream::pair().context("making a pipe for signals")?;
        asked.set_nonblocking(true).context("making a pipe")?;
        signal_hook::low_level::pipe::register(SIGUSR1, writer).context("watching for signals")?;
        Ok(Self { asked, file })
    }

    /// Tells as often as it was asked to.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tell(&mut self) -> Result<()> {
        let mut asked = [0; 16];
        let count = match self.asked.read(&mut asked) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error).context("looking for signals"),
        };
        let counts = servo_capture::engine_counts().unwrap_or_default();
        let words = counts
            .named()
            .map(|(name, count)| format!("{name} {count}"));
        let line = format!("{}\n", words.join(" "));
        for _ in 0..count {
            // In one piece: the reader counts lines.
            self.file
                .write_all(line.as_bytes())
                .context("writing counts")?;
        }
        Ok(())
    }
}

impl AsFd for Counts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.asked.as_fd()
    }
}

/// How many lines a file of counts has; none yet where there is no file.
pub fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.matches('\n').count())
}

/// What was counted between the first line and the last one, as notes.
///
/// # Errors
/// The file cannot be read or holds something else.
pub fn notes(path: &Path) -> Result<HashMap<String, f64>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let counts: Vec<HashMap<&str, f64>> = text
        .lines()
        .map(parse)
        .collect::<Option<_>>()
        .with_context(|| format!("{} does not hold counts", path.display()))?;
    let (Some(first), Some(last)) = (counts.first(), counts.last()) else {
        return Ok(HashMap::new());
    };
    let since = |name: &str| {
        let of = |counts: &HashMap<&str, f64>| counts.get(name).copied().unwrap_or_default();
        of(last) - of(first)
    };
    let mut notes: HashMap<String, f64> = last
        .keys()
        .map(|name| (format!("engine_{name}"), since(name)))
        .collect();
    let bytes = 4.0 * (since("pixels_read") + since("pixels_made"));
    notes.insert(BYTES_COPIED.to_owned(), bytes);
    Ok(notes)
}

/// The note of how much was copied, by the X server or by the engine.
pub const BYTES_COPIED: &str = "bytes_copied_while_measured";

fn parse(line: &str) -> Option<HashMap<&str, f64>> {
    let words: Vec<&str> = line.split(' ').collect();
    let (pairs, rest) = words.as_chunks::<2>();
    let pairs = pairs
        .iter()
        .map(|[name, count]| Some((*name, count.parse().ok()?)));
    rest.is_empty().then(|| pairs.collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_is_what_was_read_and_made_between_the_first_and_the_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder.path().join("servo-capture-0.samples"));
        assert_eq!(path.extension().unwrap(), "counts");
        assert_eq!(lines(&path), 0);
        let text =
            "frames 5 pixels_read 100 pixels_made 7\nframes 8 pixels_read 130 pixels_made 9\n";
        fs::write(&path, text).unwrap();
        assert_eq!(lines(&path), 2);
        let notes = notes(&path).unwrap();
        assert_eq!(notes["engine_frames"], 3.0);
        assert_eq!(notes[BYTES_COPIED], 128.0);
        fs::write(&path, "frames\n").unwrap();
        assert!(super::notes(&path).is_err());
    }
}
