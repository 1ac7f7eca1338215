/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The thin reader at the service's other end: the product's own path up to the `FrameBus`, and
//! there, in place of a `<video>`, somebody who looks at the codes.

use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use euclid::{Box2D, Point2D};
use parking_lot::Mutex as FastMutex;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::PipelineId;
use servo_capture_traits::{
    AllScreensReply, BusUpdate, CaptureClient, CaptureRequest, CapturedFrame, ConfigureReply,
    Damage, FrameBus, FrameFormat, FrameReceiver, FrameReturns, GrantedSource, MonitorPixel,
    PoolReader, SourceEvent, SourceId,
};
use uuid::Uuid;

use super::counts::Counts;
use crate::code::{Code, CodePlace, ROWS};
use crate::peer::{Cell, MonitorArea};
use crate::sample::{SampleWriter, now_us};
use crate::stop::Stop;

/// Who captures.
pub const ORIGIN: &str = "http://127.0.0.1:1";
/// How long the service may take to answer: it shows the indicator first.
const ANSWER: Duration = Duration::from_secs(15);

/// Captures all monitors and records each frame until `stop`. The sources of all but the first
/// `kept` monitors are stopped at once. `counts` are told when they are asked for, where the engine
/// is in this process.
///
/// # Errors
/// The service refuses, ends a source, or has other monitors than the cell.
pub fn consume(
    client: &CaptureClient,
    pipeline: PipelineId,
    cell: &Cell,
    kept: usize,
    writer: &Arc<Mutex<SampleWriter>>,
    stop: &Stop,
    mut counts: Option<Counts>,
) -> Result<()> {
    let sources = ask(client, |reply| CaptureRequest::AllScreens {
        pipeline,
        origin: ORIGIN.to_owned(),
        reply,
    })?;
    let AllScreensReply(sources) = sources;
    let sources = sources.map_err(|error| anyhow!("the service refuses: {error}"))?;
    if sources.len() != cell.monitors.len() {
        bail!(
            "{} monitors were granted of {}",
            sources.len(),
            cell.monitors.len()
        );
    }
    // A source that ends says why.
    let problems = Problems::new()?;
    let mut readers = Vec::new();
    for granted in &sources {
        let index = monitor_of(granted, cell)?;
        if index >= kept {
            let source = granted.source;
            client
                .send(CaptureRequest::Stop { source })
                .map_err(|error| anyhow!("stopping a source: {error:?}"))?;
            continue;
        }
        readers.push(Reader::start(
            client, granted, index, cell, writer, &problems,
        )?);
    }
    let ended = loop {
        if let Some(reason) = problems.first() {
            break Some(reason);
        }
        if stop.reached() {
            break None;
        }
        if let Some(counts) = &mut counts {
            counts.tell()?;
        }
        let counts = counts.as_ref().map(Counts::as_fd);
        let others: Vec<BorrowedFd<'_>> = counts.into_iter().chain([problems.as_fd()]).collect();
        stop.wait(&others);
    };
    for reader in readers {
        reader.end(client)?;
    }
    match ended {
        Some(reason) => bail!("{reason}"),
        None => Ok(()),
    }
}

/// What goes wrong on other threads, and how this one learns of it.
#[derive(Clone)]
struct Problems {
    first: Arc<FastMutex<Option<String>>>,
    told: Arc<(UnixStream, UnixStream)>,
}

impl Problems {
    fn new() -> Result<Self> {
        let (reader, writer) = UnixStream::pair().context("making a pipe")?;
        Ok(Self {
            first: Arc::default(),
            told: Arc::new((reader, writer)),
        })
    }

    /// Tells the first of all; one is enough.
    fn tell(&self, problem: String) {
        let mut first = self.first.lock();
        if first.is_none() {
            *first = Some(problem);
            // One byte has room; without it the problem is found at the end.
            let _ = (&self.told.1).write_all(&[1]);
        }
    }

    fn first(&self) -> Option<String> {
        self.first.lock().clone()
    }

    /// Readable from the first one on.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.0.as_fd()
    }
}

/// Sends a request that has an answer, and waits for it.
fn ask<T>(
    client: &CaptureClient,
    request: impl FnOnce(GenericCallback<T>) -> CaptureRequest,
) -> Result<T>
where
    T: serde::Serialize + for<'de> serde::Deserialize<'de> + Send + 'static,
{
    let (answers, answer) = sync_channel(1);
    let reply = GenericCallback::new(move |message| {
        if let Ok(message) = message {
            // Nobody waits any more after the deadline.
            let _ = answers.try_send(message);
        }
    })
    .map_err(|error| anyhow!("making a way for the answer: {error:?}"))?;
    client
        .send(request(reply))
        .map_err(|error| anyhow!("asking the service: {error:?}"))?;
    answer
        .recv_timeout(ANSWER)
        .context("waiting for the service's answer")
}

/// Which monitor of the cell a source shows.
fn monitor_of(granted: &GrantedSource, cell: &Cell) -> Result<usize> {
    let bounds = granted.screen.bounds;
    let is_it = |area: &MonitorArea| {
        (i64::from(area.x), i64::from(area.y)) == (bounds.origin.x.into(), bounds.origin.y.into())
    };
    cell.monitors
        .iter()
        .position(is_it)
        .with_context(|| format!("no monitor of the cell is at {:?}", bounds.origin))
}

/// A source and the thread that looks at its frames.
struct Reader {
    source: SourceId,
    track: Uuid,
    bus: Arc<FrameBus>,
    interrupt: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<()>>,
}

impl Reader {
    fn start(
        client: &CaptureClient,
        granted: &GrantedSource,
        index: usize,
        cell: &Cell,
        writer: &Arc<Mutex<SampleWriter>>,
        problems: &Problems,
    ) -> Result<Self> {
        let source = granted.source;
        let track = Uuid::new_v4();
        let bus = FrameBus::register(track);
        let sink = sink(client, source, &bus, problems)?;
        let attach = CaptureRequest::Attach { source, sink };
        client
            .send(attach)
            .map_err(|error| anyhow!("attaching to a source: {error:?}"))?;
        let format = FrameFormat {
            frame_rate: cell.fps.into(),
            ..FrameFormat::native(granted.settings.size)
        };
        let ConfigureReply(settings) = ask(client, |reply| CaptureRequest::Configure {
            source,
            format,
            reply,
        })?;
        settings.map_err(|error| anyhow!("asking for {} frames a second: {error}", cell.fps))?;
        let layout = cell.layout(index);
        let size = granted.settings.size;
        let mut look = Look {
            pixels: vec![0; size.area() as usize * 4],
            stride: size.width as usize * 4,
            index,
            places: [layout.top, layout.bottom],
        };
        let interrupt = Arc::new(AtomicBool::new(false));
        let thread = {
            let (bus, interrupt, writer) = (bus.clone(), interrupt.clone(), writer.clone());
            thread::Builder::new()
                .name(format!("Reader{index}"))
                .spawn(move || look.run(&bus, &interrupt, &writer))
                .context("starting a reader")?
        };
        Ok(Self {
            source,
            track,
            bus,
            interrupt,
            thread,
        })
    }

    fn end(self, client: &CaptureClient) -> Result<()> {
        // Err: the service is gone, and with it the source.
        let _ = client.send(CaptureRequest::Stop {
            source: self.source,
        });
        self.interrupt.store(true, Ordering::Release);
        self.bus.wake();
        FrameBus::unregister(self.track);
        let result = self.thread.join();
        self.bus.end();
        result.map_err(|_| anyhow!("a reader panicked"))?
    }
}

/// What a track does with a source's events.
fn sink(
    client: &CaptureClient,
    source: SourceId,
    bus: &Arc<FrameBus>,
    problems: &Problems,
) -> Result<GenericCallback<SourceEvent>> {
    let reader = PoolReader::new(client.pool_access());
    let mut receiver = FrameReceiver::new(reader, bus.clone());
    let returns = FrameReturns::new(client.clone(), source);
    let problems = problems.clone();
    GenericCallback::new(move |event| {
        let problem = match event {
            Ok(SourceEvent::Frame(frame)) => {
                let lease = returns.lease(&frame);
                match receiver.receive(frame, lease) {
                    Ok(()) => return,
                    Err(error) => format!("a frame cannot be shown: {error}"),
                }
            }
            Ok(SourceEvent::Ended(reason)) => format!("a source ended: {reason}"),
            Ok(SourceEvent::Changed { .. } | SourceEvent::Muted(_)) => return,
            Err(error) => format!("an event cannot be read: {error:?}"),
        };
        problems.tell(problem);
    })
    .map_err(|error| anyhow!("making a way for frames: {error:?}"))
}

/// Looks at the codes of one monitor's frames.
struct Look {
    /// Where the rows in question are copied to; nothing else in it is touched.
    pixels: Vec<u8>,
    stride: usize,
    index: usize,
    places: [CodePlace; 2],
}

impl Look {
    fn run(
        &mut self,
        bus: &FrameBus,
        interrupt: &AtomicBool,
        writer: &Mutex<SampleWriter>,
    ) -> Result<()> {
        let mut seen = 0;
        loop {
            match bus.wait(seen, interrupt, None) {
                BusUpdate::Frame { frame, version } => {
                    seen = version;
                    let readable_us = now_us();
                    let [top, bottom] = self.codes(&frame)?;
                    let captured = frame.captured_at - CrossProcessInstant::epoch();
                    let captured_us = u64::try_from(captured.whole_microseconds()).ok();
                    drop(frame);
                    writer
                        .lock()
                        .map_err(|_| anyhow!("another reader panicked"))?
                        .codes(self.index, top, bottom, captured_us, readable_us)?;
                }
                BusUpdate::TimedOut => {}
                BusUpdate::Interrupted | BusUpdate::Ended => return Ok(()),
            }
        }
    }

    /// Copies the middle row of each row of cells out of the picture, and reads the codes there.
    fn codes(&mut self, frame: &CapturedFrame) -> Result<[Option<Code>; 2]> {
        for place in self.places {
            for row in 0..ROWS {
                let corner = Point2D::new(place.x, place.y + row * place.cell + place.cell / 2);
                let end = Point2D::new(corner.x + place.width(), corner.y + 1);
                let part: Box2D<u32, MonitorPixel> = Box2D::new(corner, end);
                frame
                    .picture
                    .copy_opaque(frame.size, &Damage::from(part), &mut self.pixels)
                    .context("looking at a picture")?;
            }
        }
        Ok(self
            .places
            .map(|place| Code::read(&self.pixels, self.stride, place, self.index)))
    }
}
