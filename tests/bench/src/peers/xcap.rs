/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The crate `xcap` as it is meant to be used: a screenshot in a loop, or its video recorder; one
//! thread for each monitor.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use xcap::{Frame, Monitor};

use crate::peer::{Cell, MonitorArea};
use crate::sample::SampleWriter;
use crate::stop::Stop;

/// The longest wait for a frame before the end of the run is looked for.
const POLL: Duration = Duration::from_millis(100);
/// The recorder's queue has no bound. A run ends with an error before it takes the machine down.
const MEMORY_LIMIT_BYTES: u64 = 3 << 30;
/// How long the slow reader looks at a frame.
const SLOW: Duration = Duration::from_millis(100);

/// Whether what is measured would be xcap.
///
/// # Errors
/// This is a debug build: xcap converts each pixel by a call, which is many times slower then.
pub(super) fn can_run(_cell: &Cell) -> Result<(), String> {
    if cfg!(debug_assertions) {
        return Err("this is a debug build, in which xcap is many times slower".to_owned());
    }
    Ok(())
}

/// `capture_image` at the cell's rate.
pub(super) fn run_images(cell: &Cell, samples: &Path) -> Result<()> {
    run(cell, samples, |area, take, stop| {
        let monitor = monitor_of(area)?;
        let interval = Duration::from_secs(1) / cell.fps.max(1);
        let mut next = Instant::now();
        while !stop.reached() {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            // A loop that is too slow goes on without a pause.
            next = (next + interval).max(Instant::now());
            let image = monitor.capture_image().context("capture_image")?;
            take(image.width(), image.height(), image.as_raw())?;
        }
        Ok(())
    })
}

/// The recorder. It knows no rate: it takes pictures as fast as it can.
pub(super) fn run_recorder(cell: &Cell, samples: &Path) -> Result<()> {
    run(cell, samples, |area, take, stop| {
        record(area, take, stop, Duration::ZERO)
    })
}

/// The recorder before a reader that takes a tenth of a second for each frame.
pub(super) fn run_slow_recorder(cell: &Cell, samples: &Path) -> Result<()> {
    run(cell, samples, |area, take, stop| {
        record(area, take, stop, SLOW)
    })
}

/// Takes a frame's width, height and pixels.
type Take<'t> = dyn Fn(u32, u32, &[u8]) -> Result<()> + 't;

/// Runs `capture` on a thread for each monitor.
fn run(
    cell: &Cell,
    samples: &Path,
    capture: impl Fn(&MonitorArea, &Take, &Stop) -> Result<()> + Sync,
) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let writer = Mutex::new(SampleWriter::create(samples, cell)?);
    let capture_monitor = |index: usize| {
        let area = &cell.monitors[index];
        let take = |width: u32, height: u32, pixels: &[u8]| {
            ensure!(
                (width, height) == (area.width, area.height),
                "a picture of {width}×{height} of a monitor of {}×{}",
                area.width,
                area.height
            );
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.frame(index, pixels, width as usize * 4, None)
        };
        capture(area, &take, &stop).with_context(|| format!("capturing {}", area.name))
    };
    let capture_monitor = &capture_monitor;
    let result = thread::scope(|scope| {
        let threads: Vec<_> = (0..cell.monitors.len())
            .map(|index| scope.spawn(move || capture_monitor(index)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("xcap panicked"))?)
            .fold(Ok(()), Result::and)
    });
    writer
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish()?;
    result
}

fn record(area: &MonitorArea, take: &Take, stop: &Stop, pause: Duration) -> Result<()> {
    let (recorder, frames) = monitor_of(area)?
        .video_recorder()
        .context("video_recorder")?;
    recorder.start().context("starting the recorder")?;
    let result = read_frames(&frames, take, stop, pause);
    recorder.stop().context("stopping the recorder")?;
    result
}

fn read_frames(frames: &Receiver<Frame>, take: &Take, stop: &Stop, pause: Duration) -> Result<()> {
    while !stop.reached() {
        let frame = match frames.recv_timeout(POLL) {
            Ok(frame) => frame,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Err(anyhow!("the recorder has ended")),
        };
        take(frame.width, frame.height, &frame.raw)?;
        thread::sleep(pause);
        let memory = resident_bytes()?;
        ensure!(
            memory < MEMORY_LIMIT_BYTES,
            "its queue of frames has grown until the process had {memory} bytes"
        );
    }
    Ok(())
}

/// The monitor of that name as xcap sees it.
fn monitor_of(area: &MonitorArea) -> Result<Monitor> {
    Monitor::all()
        .context("listing the monitors")?
        .into_iter()
        .find(|monitor| monitor.name().is_ok_and(|name| name == area.name))
        .with_context(|| format!("xcap sees no monitor {}", area.name))
}

/// The memory that this process has, as the kernel counts it.
fn resident_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/statm").context("reading /proc/self/statm")?;
    let pages: u64 = text
        .split(' ')
        .nth(1)
        .context("/proc/self/statm has one number")?
        .parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_some_memory_but_not_the_limit() {
        let bytes = resident_bytes().unwrap();
        assert!(bytes > 64 * 1024 && bytes < MEMORY_LIMIT_BYTES, "{bytes}");
    }
}
