/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The bound that everything is divided by: a bare loop on one connection that asks for every
//! monitor with `ShmGetImage` at each tick, all requests at once, into memory that stays attached.
//! No damage, no conversion, no copy of ours.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use memmap2::Mmap;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use x11rb::connection::Connection;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{ImageFormat, Window};
use x11rb::rust_connection::RustConnection;

use super::handoff::{self, BUFFERS, Outlet};
use crate::pattern::Pattern;
use crate::peer::{Cell, MonitorArea, Peer, Reach, is_for_first_alone, own_command};
use crate::plan::Scene;
use crate::sample::{SampleWriter, now_us};
use crate::stop::Stop;

/// The name under which [`run_source`] is started.
pub(super) const SOURCE: &str = "floor-source";

/// The same for the first monitor alone, where no other changes: what it costs on a desktop of this
/// width.
pub(super) struct First;

impl First {
    pub(super) const NAME: &str = "floor-first";
}

impl Peer for First {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn reach(&self) -> Reach {
        Reach::Captured
    }

    fn suits(&self, scene: &Scene) -> bool {
        scene.pattern == Pattern::OneOfN
    }

    fn can_run(&self, cell: &Cell) -> Result<(), String> {
        is_for_first_alone(cell)
    }

    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command> {
        own_command(Self::NAME, cell, samples)
    }
}

/// Captures the first `count` monitors, and reads in this process.
pub(super) fn run(cell: &Cell, count: usize, samples: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let mut writer = SampleWriter::create(samples, cell)?;
    let server = Server::connect()?;
    let mut monitors = server.attach(cell, 1)?;
    monitors.truncate(count);
    let mut pace = Pace::new(cell.fps)?;
    while !stop.reached() {
        pace.wait();
        let mut replies = Vec::with_capacity(monitors.len());
        for monitor in &monitors {
            replies.push(server.ask(monitor, &monitor.buffers[0])?);
        }
        for (index, (reply, monitor)) in replies.into_iter().zip(&monitors).enumerate() {
            reply.reply().context("the X server's answer")?;
            writer.frame(index, &monitor.buffers[0].map, monitor.stride(), None)?;
        }
    }
    writer.note("late_ticks", pace.late as f64)?;
    writer.finish()
}

/// Captures in a child process and reads in this one.
pub(super) fn run_handoff(cell: &Cell, samples: &Path) -> Result<()> {
    let source: Command = own_command(SOURCE, cell, Path::new("/dev/null"))?;
    handoff::read_from(source, cell, samples)
}

/// The child of [`run_handoff`]: the X server writes into what the reader has mapped.
pub(super) fn run_source(cell: &Cell) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let outlet = Outlet::of_this_program();
    let server = Server::connect()?;
    let mut monitors = server.attach(cell, BUFFERS)?;
    for (index, monitor) in monitors.iter().enumerate() {
        for (number, buffer) in monitor.buffers.iter().enumerate() {
            outlet.announce(index, number, buffer.memory.as_fd())?;
        }
    }
    let mut pace = Pace::new(cell.fps)?;
    while !stop.reached() {
        pace.wait();
        for release in outlet.releases() {
            let buffer = monitors
                .get_mut(release.monitor)
                .and_then(|monitor| monitor.buffers.get_mut(release.buffer))
                .context("the reader gave back a buffer that does not exist")?;
            buffer.is_held = false;
        }
        let mut replies = Vec::with_capacity(monitors.len());
        for (index, monitor) in monitors.iter_mut().enumerate() {
            let Some(number) = monitor.buffers.iter().position(|buffer| !buffer.is_held) else {
                monitor.dropped += 1;
                continue;
            };
            let reply = server.ask(monitor, &monitor.buffers[number])?;
            monitor.buffers[number].is_held = true;
            replies.push((index, number, monitor.dropped, reply));
        }
        for (index, number, dropped, reply) in replies {
            reply.reply().context("the X server's answer")?;
            if !outlet.frame(index, number, now_us(), dropped)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The X server, over one connection.
struct Server {
    connection: RustConnection,
    root: Window,
}

/// A monitor and the memory that its pictures are written to.
struct Target {
    area: MonitorArea,
    buffers: Vec<Buffer>,
    /// Ticks without a free buffer.
    dropped: u64,
}

impl Target {
    /// The length of a row, in bytes.
    fn stride(&self) -> usize {
        self.area.width as usize * 4
    }
}

struct Buffer {
    segment: Seg,
    memory: File,
    map: Mmap,
    /// Asked for or with the reader.
    is_held: bool,
}

type Image<'c> = x11rb::cookie::Cookie<'c, RustConnection, x11rb::protocol::shm::GetImageReply>;

impl Server {
    fn connect() -> Result<Self> {
        let (connection, screen) =
            RustConnection::connect(None).context("connecting to $DISPLAY")?;
        let version = connection.shm_query_version()?.reply()?;
        ensure!(
            (version.major_version, version.minor_version) >= (1, 2),
            "MIT-SHM 1.2 is required, the server offers {}.{}",
            version.major_version,
            version.minor_version
        );
        let root = connection.setup().roots[screen].root;
        Ok(Self { connection, root })
    }

    /// Memory for each monitor of the cell, attached and mapped.
    fn attach(&self, cell: &Cell, buffers: usize) -> Result<Vec<Target>> {
        cell.monitors
            .iter()
            .map(|area| {
                let bytes = u64::from(area.width) * u64::from(area.height) * 4;
                Ok(Target {
                    area: area.clone(),
                    buffers: (0..buffers)
                        .map(|_| self.buffer(bytes))
                        .collect::<Result<_>>()?,
                    dropped: 0,
                })
            })
            .collect()
    }

    fn buffer(&self, bytes: u64) -> Result<Buffer> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = memfd_create("captured-monitor", flags).context("making a memfd")?;
        ftruncate(&memory, bytes).context("sizing a memfd")?;
        fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW).context("sealing a memfd")?;
        let segment = self.connection.generate_id()?;
        self.connection
            .shm_attach_fd(segment, memory.try_clone()?, false)?
            .check()
            .context("attaching a memfd")?;
        // The X server's map stays writable, later ones are not.
        fcntl_add_seals(&memory, SealFlags::FUTURE_WRITE | SealFlags::SEAL)
            .context("sealing a memfd")?;
        let memory = File::from(memory);
        Ok(Buffer {
            segment,
            map: handoff::map(&memory)?,
            memory,
            is_held: false,
        })
    }

    fn ask(&self, monitor: &Target, buffer: &Buffer) -> Result<Image<'_>> {
        let area = &monitor.area;
        let cookie = self.connection.shm_get_image(
            self.root,
            i16::try_from(area.x)?,
            i16::try_from(area.y)?,
            u16::try_from(area.width)?,
            u16::try_from(area.height)?,
            !0,
            ImageFormat::Z_PIXMAP.into(),
            buffer.segment,
            0,
        )?;
        Ok(cookie)
    }
}

/// Ticks at fixed distances from the first; those that are missed are left out.
struct Pace {
    interval: Duration,
    next: Instant,
    /// Ticks that were left out.
    late: u64,
}

impl Pace {
    fn new(fps: u32) -> Result<Self> {
        ensure!(fps > 0, "a rate of 0 frames a second");
        Ok(Self {
            interval: Duration::from_secs(1) / fps,
            next: Instant::now(),
            late: 0,
        })
    }

    /// Sleeps until the next tick.
    fn wait(&mut self) {
        let left = self.advance(Instant::now());
        thread::sleep(left);
    }

    /// How long after `now` the next tick is; the one after that becomes the next.
    fn advance(&mut self, now: Instant) -> Duration {
        while self.next + self.interval <= now {
            self.next += self.interval;
            self.late += 1;
        }
        let left = self.next.saturating_duration_since(now);
        self.next += self.interval;
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_left_out_and_the_grid_is_kept() {
        let mut pace = Pace::new(50).unwrap();
        let start = pace.next;
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(pace.advance(start), Duration::ZERO);
        assert_eq!(pace.advance(after(5)), Duration::from_millis(15));
        assert_eq!(
            pace.advance(after(45)),
            Duration::ZERO,
            "the tick at 40 is late but not missed"
        );
        assert_eq!(pace.late, 0);
        assert_eq!(pace.advance(after(125)), Duration::ZERO);
        assert_eq!(pace.late, 3, "those at 60, 80 and 100");
        assert_eq!(pace.advance(after(126)), Duration::from_millis(14));
        assert!(Pace::new(0).is_err());
    }
}
