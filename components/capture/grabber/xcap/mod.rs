/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reads monitors through the portable `xcap` library, on every system that
//! it knows. Slower than the display server's own ways: each picture is made
//! anew and converted, and nothing tells what changed.

mod geometry;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod worker;

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use euclid::Size2D;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::picture::picture_bytes;
use servo_capture_traits::{Damage, MonitorPixel, PictureWriter};
use xcap::image::RgbaImage;
use xcap::{Monitor as XcapMonitor, XCapResult};

use self::geometry::{Told, monitors_of};
use self::worker::{CallError, Worker};
use crate::grabber::{GrabError, Grabber, Picture, Pointer, Read, WakeBy};
use crate::monitor::{Monitor, MonitorId};

/// How often the list of monitors is compared; each listing makes several
/// connections to the display server.
const LIST_INTERVAL: Duration = Duration::from_millis(500);

/// A [`Grabber`] through `xcap`.
pub struct XcapGrabber {
    worker: Worker,
    /// What `xcap` told last, and the monitors that were made of it.
    told: Vec<Told>,
    known: Vec<Monitor>,
    listed_at: Instant,
    /// The list changed since [`Grabber::monitors`] gave it out.
    is_stale: bool,
    /// The open monitors and the sizes that they were opened with.
    open: HashMap<MonitorId, Size2D<u32, MonitorPixel>>,
}

impl XcapGrabber {
    /// Finds out whether `xcap` reaches a display server.
    ///
    /// # Errors
    /// [`GrabError::NoDisplayServer`] if not.
    pub fn connect() -> Result<Self, GrabError> {
        let mut worker = Worker::start().map_err(lost)?;
        list(&mut worker).map_err(|error| match error {
            GrabError::Disconnected(reason) => GrabError::NoDisplayServer(format!(
                "the portable capture library finds no display server: {reason}"
            )),
            error => error,
        })?;
        Ok(Self {
            worker,
            told: Vec::new(),
            known: Vec::new(),
            listed_at: Instant::now(),
            is_stale: true,
            open: HashMap::new(),
        })
    }

    /// Lists the monitors again and notes whether anything differs.
    fn refresh(&mut self) -> Result<(), GrabError> {
        let told = list(&mut self.worker)?;
        self.listed_at = Instant::now();
        if told != self.told {
            let worker = &mut self.worker;
            let known = monitors_of(&told, |id| {
                let image = capture(worker, id)?;
                Ok(Size2D::new(image.width(), image.height()))
            })?;
            self.known = known;
            self.told = told;
            self.is_stale = true;
        }
        Ok(())
    }

    fn find(&self, monitor: MonitorId) -> Result<&Monitor, GrabError> {
        let found = self.known.iter().find(|known| known.id == monitor);
        found.ok_or(GrabError::UnknownMonitor(monitor))
    }

    /// The size that an open monitor was opened with.
    fn opened(&self, monitor: MonitorId) -> Result<Size2D<u32, MonitorPixel>, GrabError> {
        let size = self.open.get(&monitor).copied();
        size.ok_or(GrabError::UnknownMonitor(monitor))
    }

    /// The picture of an open monitor that has not changed its size.
    fn capture_open(&mut self, monitor: MonitorId) -> Result<RgbaImage, GrabError> {
        let size = self.opened(monitor)?;
        let image = capture(&mut self.worker, monitor)?;
        if (image.width(), image.height()) != (size.width, size.height) {
            return Err(GrabError::MonitorChanged(monitor));
        }
        Ok(image)
    }
}

/// What `xcap` tells of the monitors.
fn list(worker: &mut Worker) -> Result<Vec<Told>, GrabError> {
    let listed = worker
        .call(|| -> XCapResult<Vec<Told>> { XcapMonitor::all()?.iter().map(Told::by).collect() });
    match listed {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(error)) => Err(GrabError::Disconnected(error.to_string())),
        Err(CallError::Panicked(reason)) => Err(GrabError::Disconnected(format!(
            "the portable capture library failed: {reason}"
        ))),
        Err(error) => Err(lost(error)),
    }
}

/// The picture of a monitor: red, green, blue, alpha.
fn capture(worker: &mut Worker, monitor: MonitorId) -> Result<RgbaImage, GrabError> {
    let captured = worker.call(move || -> XCapResult<Option<RgbaImage>> {
        for candidate in XcapMonitor::all()? {
            if u64::from(candidate.id()?) == monitor.0 {
                return candidate.capture_image().map(Some);
            }
        }
        Ok(None)
    });
    match captured {
        Ok(Ok(Some(image))) => Ok(image),
        Ok(Ok(None)) => Err(GrabError::UnknownMonitor(monitor)),
        Ok(Err(error)) => {
            // Which of the two is broken, the monitor or the server?
            list(worker)?;
            Err(GrabError::Unreadable {
                monitor,
                reason: error.to_string(),
            })
        }
        Err(CallError::Panicked(reason)) => Err(GrabError::Unreadable {
            monitor,
            reason: format!("the portable capture library failed: {reason}"),
        }),
        Err(error) => Err(lost(error)),
    }
}

fn lost(error: CallError) -> GrabError {
    let (CallError::Lost(reason) | CallError::Panicked(reason)) = error;
    GrabError::Disconnected(reason)
}

/// Red, green, blue, alpha to blue, green, red, 255.
fn convert(pixels: &[u8], target: &mut [u8]) {
    let (pixels, _) = pixels.as_chunks::<4>();
    let (target, _) = target.as_chunks_mut::<4>();
    for ([red, green, blue, _], target) in pixels.iter().zip(target) {
        *target = [*blue, *green, *red, 255];
    }
}

impl Grabber for XcapGrabber {
    fn describe(&self) -> String {
        "the portable library xcap (slow: every picture is copied and converted several times)"
            .to_owned()
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
        self.refresh()?;
        self.is_stale = false;
        if self.known.is_empty() {
            return Err(GrabError::NoMonitor);
        }
        Ok(self.known.clone())
    }

    fn layout_changed(&mut self) -> Result<bool, GrabError> {
        if self.listed_at.elapsed() >= LIST_INTERVAL {
            self.refresh()?;
        }
        Ok(std::mem::take(&mut self.is_stale))
    }

    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        self.refresh()?;
        let size = self.find(monitor)?.size();
        let before = self.open.insert(monitor, size);
        let readable = self.capture_open(monitor);
        if readable.is_err() && before.is_none() {
            self.open.remove(&monitor);
        }
        readable.map(drop)
    }

    fn close(&mut self, monitor: MonitorId) {
        self.open.remove(&monitor);
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        WakeBy::Period(LIST_INTERVAL)
    }

    fn tells_damage(&self, _monitor: MonitorId) -> bool {
        false
    }

    fn take_damage(&mut self, _told: &mut dyn FnMut(MonitorId, Damage)) -> Result<(), GrabError> {
        Ok(())
    }

    fn new_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError> {
        let size = self.opened(monitor)?;
        let unreadable = |reason: String| GrabError::Unreadable { monitor, reason };
        let bytes = picture_bytes(size).map_err(|error| unreadable(error.to_string()))?;
        let writer = PictureWriter::new(bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(Picture::new(writer, monitor, size, None))
    }

    /// Whatever the parts, the library makes whole pictures.
    fn read(
        &mut self,
        reads: &mut [Read<'_>],
    ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError> {
        let mut captured = HashMap::new();
        let mut results = Vec::with_capacity(reads.len());
        for read in reads {
            let monitor = read.picture.monitor;
            let (captured_at, image) = captured.entry(monitor).or_insert_with(|| {
                let captured_at = CrossProcessInstant::now();
                (captured_at, self.capture_open(monitor))
            });
            results.push(match image {
                Err(error) if error.is_fatal() => return Err(error.clone()),
                Err(error) => Err(error.clone()),
                Ok(image)
                    if (image.width(), image.height())
                        != (read.picture.size.width, read.picture.size.height) =>
                {
                    Err(GrabError::MonitorChanged(monitor))
                }
                Ok(image) => {
                    convert(image.as_raw(), read.picture.writer.bytes_mut());
                    Ok(*captured_at)
                }
            });
        }
        Ok(results)
    }

    fn read_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError> {
        let image = self.capture_open(monitor)?;
        let stride = image.width() as usize * 4;
        let bytes = rows.start as usize * stride..rows.end as usize * stride;
        let pixels = image.as_raw().get(bytes);
        let pixels = pixels.ok_or(GrabError::MonitorChanged(monitor))?;
        into.resize(pixels.len(), 0);
        convert(pixels, into);
        Ok(())
    }

    fn pointer(&mut self) -> Result<Option<Pointer>, GrabError> {
        Ok(None)
    }

    fn watch_pointer(&mut self, _wanted: bool) -> Result<(), GrabError> {
        Ok(())
    }
}
