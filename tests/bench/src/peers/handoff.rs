/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Frames for another process: buffers in memfds that the reader maps once, and after that one
//! short message a frame.
//!
//! The two ends of a `SOCK_SEQPACKET` pair. The capturing program has its end as standard input and
//! may be in C (`peers/handoff.c`). The reader is the process that the runner starts; the capturing
//! program is its child.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Stdin};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use memmap2::Mmap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg,
    socketpair,
};

use crate::peer::Cell;
use crate::sample::SampleWriter;
use crate::stop::Stop;

/// Buffers of one monitor, as in `peers/handoff.c`.
pub(super) const BUFFERS: usize = 4;
/// The longest wait for a frame before the reader looks whether it is to end.
const POLL: Duration = Duration::from_millis(200);
/// How long the capturing program may take to end when its reader has.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// A [`Message`] on the socket.
const MESSAGE_BYTES: usize = 24;
/// A [`Release`] on the socket.
const RELEASE_BYTES: usize = 8;

/// A frame that can be read, or with a memfd beside it a new buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Message {
    monitor: u32,
    buffer: u32,
    /// When the capturing call returned, in microseconds of `CLOCK_MONOTONIC`.
    captured_us: u64,
    /// Frames of this monitor that were dropped so far, for want of a free buffer.
    dropped: u64,
}

impl Message {
    fn to_bytes(self) -> [u8; MESSAGE_BYTES] {
        let mut bytes = [0; MESSAGE_BYTES];
        bytes[..4].copy_from_slice(&self.monitor.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.buffer.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.captured_us.to_ne_bytes());
        bytes[16..].copy_from_slice(&self.dropped.to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; MESSAGE_BYTES]) -> Self {
        Self {
            monitor: u32_at(&bytes, 0),
            buffer: u32_at(&bytes, 4),
            captured_us: u64_at(&bytes, 8),
            dropped: u64_at(&bytes, 16),
        }
    }
}

/// The reader has done with a buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Release {
    pub(super) monitor: usize,
    pub(super) buffer: usize,
}

fn u32_at(bytes: &[u8], start: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[start..start + 4]);
    u32::from_ne_bytes(value)
}

fn u64_at(bytes: &[u8], start: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[start..start + 8]);
    u64::from_ne_bytes(value)
}

/// The capturing end.
pub(super) struct Outlet<Socket> {
    socket: Socket,
}

impl Outlet<Stdin> {
    /// The socket that this program was started with.
    pub(super) fn of_this_program() -> Self {
        Self {
            socket: std::io::stdin(),
        }
    }
}

impl<Socket: AsFd> Outlet<Socket> {
    /// Shows the reader a buffer: a memfd sealed against any change of its size.
    pub(super) fn announce(&self, monitor: usize, buffer: usize, memory: BorrowedFd) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [memory];
        ensure!(
            control.push(SendAncillaryMessage::ScmRights(&descriptors)),
            "no room for a descriptor"
        );
        let message = message(monitor, buffer, 0, 0)?.to_bytes();
        sendmsg(
            &self.socket,
            &[IoSlice::new(&message)],
            &mut control,
            SendFlags::NOSIGNAL,
        )
        .context("sending a buffer to the reader")?;
        Ok(())
    }

    /// Tells the reader of a frame. `false`: the reader has gone.
    pub(super) fn frame(
        &self,
        monitor: usize,
        buffer: usize,
        captured_us: u64,
        dropped: u64,
    ) -> Result<bool> {
        let message = message(monitor, buffer, captured_us, dropped)?.to_bytes();
        match send(&self.socket, &message, SendFlags::NOSIGNAL) {
            Ok(_) => Ok(true),
            Err(Errno::PIPE | Errno::CONNRESET) => Ok(false),
            Err(error) => Err(error).context("telling the reader of a frame"),
        }
    }

    /// What the reader has done with since the last time.
    pub(super) fn releases(&self) -> impl Iterator<Item = Release> {
        std::iter::from_fn(|| {
            let mut bytes = [0; RELEASE_BYTES];
            let (read, _) = recv(&self.socket, &mut bytes, RecvFlags::DONTWAIT).ok()?;
            (read == RELEASE_BYTES).then(|| Release {
                monitor: u32_at(&bytes, 0) as usize,
                buffer: u32_at(&bytes, 4) as usize,
            })
        })
    }
}

fn message(monitor: usize, buffer: usize, captured_us: u64, dropped: u64) -> Result<Message> {
    Ok(Message {
        monitor: u32::try_from(monitor)?,
        buffer: u32::try_from(buffer)?,
        captured_us,
        dropped,
    })
}

/// Starts the capturing program and records every frame that it hands over, until the time is over
/// or SIGTERM.
///
/// # Errors
/// The program does not start or ends early, or says something that is not the protocol.
pub(super) fn read_from(mut command: Command, cell: &Cell, samples: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .context("making a pair of sockets")?;
    // The command holds their end until it is dropped, which hides that the program has gone.
    let child = command
        .stdin(Stdio::from(theirs))
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().display()));
    drop(command);
    let mut source = Source { child: child? };
    let mut inlet = Inlet::new(ours, cell, SampleWriter::create(samples, cell)?);
    let ended = inlet.run(&stop);
    inlet.finish()?;
    match ended? {
        Ended::ByUs => Ok(()),
        Ended::BySource => {
            let status = source.wait()?;
            bail!("the program that captures ended early: {status}");
        }
    }
}

/// The capturing program; it ends with this value.
struct Source {
    child: Child,
}

impl Source {
    /// Waits for a program whose end is due: it has closed its socket or we have closed ours.
    fn wait(&mut self) -> Result<std::process::ExitStatus> {
        let deadline = Instant::now() + END_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.child.kill()?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // It cannot be waited for only if it was already.
        let _ = self.wait();
    }
}

enum Ended {
    ByUs,
    BySource,
}

/// The reading end.
struct Inlet {
    socket: OwnedFd,
    /// The length of a row of each monitor, in bytes.
    strides: Vec<usize>,
    /// The least size of a buffer of each monitor.
    sizes: Vec<usize>,
    buffers: Vec<[Option<Mmap>; BUFFERS]>,
    dropped: Vec<u64>,
    samples: SampleWriter,
}

impl Inlet {
    fn new(socket: OwnedFd, cell: &Cell, samples: SampleWriter) -> Self {
        let strides = cell
            .monitors
            .iter()
            .map(|monitor| monitor.width as usize * 4);
        let sizes = cell
            .monitors
            .iter()
            .map(|monitor| monitor.width as usize * 4 * monitor.height as usize);
        Self {
            socket,
            strides: strides.collect(),
            sizes: sizes.collect(),
            buffers: cell.monitors.iter().map(|_| Default::default()).collect(),
            dropped: vec![0; cell.monitors.len()],
            samples,
        }
    }

    fn run(&mut self, stop: &Stop) -> Result<Ended> {
        while !stop.reached() {
            let timeout = Timespec::try_from(stop.remaining().min(POLL))?;
            let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut polled, Some(&timeout)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error).context("waiting for a frame"),
            }
            if !self.receive()? {
                return Ok(Ended::BySource);
            }
        }
        Ok(Ended::ByUs)
    }

    /// Takes one message. `false`: the capturing program has gone.
    fn receive(&mut self) -> Result<bool> {
        let mut bytes = [0; MESSAGE_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        match received {
            Ok(message) if message.bytes == 0 => return Ok(false),
            Ok(message) => ensure!(message.bytes == MESSAGE_BYTES, "a message was cut short"),
            Err(Errno::CONNRESET) => return Ok(false),
            Err(error) => return Err(error).context("taking a frame"),
        }
        let memory = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let message = Message::from_bytes(bytes);
        let (monitor, buffer) = (message.monitor as usize, message.buffer as usize);
        ensure!(
            monitor < self.sizes.len() && buffer < BUFFERS,
            "there is no buffer {buffer} of monitor {monitor}"
        );
        match memory {
            Some(memory) => {
                let map = map_sealed(memory, self.sizes[monitor])?;
                self.buffers[monitor][buffer] = Some(map);
            }
            None => self.frame(message)?,
        }
        Ok(true)
    }

    fn frame(&mut self, message: Message) -> Result<()> {
        let monitor = message.monitor as usize;
        let pixels = self.buffers[monitor][message.buffer as usize]
            .as_ref()
            .context("a frame in a buffer that was not shown")?;
        self.samples.frame(
            monitor,
            pixels,
            self.strides[monitor],
            Some(message.captured_us),
        )?;
        self.dropped[monitor] = message.dropped;
        let release = &message.to_bytes()[..RELEASE_BYTES];
        match send(&self.socket, release, SendFlags::NOSIGNAL) {
            // That it has gone is found by the next wait.
            Ok(_) | Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
            Err(error) => Err(error).context("giving a buffer back"),
        }
    }

    fn finish(mut self) -> Result<()> {
        let dropped: u64 = self.dropped.iter().sum();
        self.samples.note("dropped", dropped as f64)?;
        self.samples.finish()
    }
}

/// Maps a memfd for reading, of at least `bytes` bytes.
fn map_sealed(memory: OwnedFd, bytes: usize) -> Result<Mmap> {
    let seals = fcntl_get_seals(&memory).context("a buffer that is no memfd")?;
    let size = fstat(&memory)?.st_size;
    ensure!(
        seals.contains(SealFlags::SHRINK) && usize::try_from(size)? >= bytes,
        "a buffer of {size} bytes that can shrink or is too small"
    );
    map(&File::from(memory))
}

/// Maps a whole memfd for reading. It must be sealed against shrinking, and its writers must not
/// write while the bytes are looked at.
pub(super) fn map(memory: &File) -> Result<Mmap> {
    // SAFETY: the memfd cannot shrink, so no read can fault. Its writers are programs of this bench
    // and the X server on their behalf; they write to a buffer only before they say that it holds a
    // frame and after it was released, and the bytes are read between the two.
    unsafe { Mmap::map(memory) }.context("mapping a buffer")
}

#[cfg(test)]
mod tests {
    use rustix::fs::{MemfdFlags, fcntl_add_seals, ftruncate, memfd_create};

    use super::*;
    use crate::code::Code;
    use crate::pattern::Pattern;
    use crate::peer::MonitorArea;
    use crate::sample::{Record, read};

    fn cell() -> Cell {
        Cell {
            pattern: Pattern::Full,
            monitors: vec![MonitorArea {
                name: "DUMMY0".to_owned(),
                x: 0,
                y: 0,
                width: 1280,
                height: 720,
            }],
            fps: 60,
            seconds: 0.5,
        }
    }

    fn pair() -> (OwnedFd, Outlet<OwnedFd>) {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        (ours, Outlet { socket: theirs })
    }

    fn memory(bytes: u64, seals: SealFlags) -> OwnedFd {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = memfd_create("test", flags).unwrap();
        ftruncate(&memory, bytes).unwrap();
        fcntl_add_seals(&memory, seals).unwrap();
        memory
    }

    #[test]
    fn a_frame_is_read_from_the_shared_buffer_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples");
        let cell = cell();
        let (ours, outlet) = pair();
        let mut inlet = Inlet::new(ours, &cell, SampleWriter::create(&path, &cell).unwrap());
        let memory = memory(1280 * 720 * 4, SealFlags::SHRINK);
        outlet.announce(0, 2, memory.as_fd()).unwrap();
        let code = Code {
            drawn_us: 40,
            seq: 3,
        };
        let layout = cell.layout(0);
        for place in [layout.top, layout.bottom] {
            for area in code.white_rectangles(0, place) {
                for y in area.y as u64..area.y as u64 + u64::from(area.height) {
                    let white = vec![255; usize::from(area.width) * 4];
                    let start = (y * 1280 + area.x as u64) * 4;
                    rustix::io::pwrite(&memory, &white, start).unwrap();
                }
            }
        }
        assert!(outlet.frame(0, 2, 50, 7).unwrap());
        assert!(inlet.receive().unwrap() && inlet.receive().unwrap());
        let given_back: Vec<_> = outlet.releases().collect();
        assert_eq!(
            given_back,
            [Release {
                monitor: 0,
                buffer: 2
            }]
        );
        drop(outlet);
        assert!(!inlet.receive().unwrap());
        inlet.finish().unwrap();
        let records = read(&path).unwrap();
        let [Record::Frame(sample), Record::Note { key, value }] = records.as_slice() else {
            panic!("{records:?}");
        };
        assert_eq!((sample.top_seq, sample.captured_us), (3, Some(50)));
        assert_eq!((key.as_str(), *value), ("dropped", 7.0));
    }

    #[test]
    fn what_is_not_the_protocol_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cell = cell();
        let check = |act: &dyn Fn(&Outlet<OwnedFd>)| {
            let (ours, outlet) = pair();
            let samples = SampleWriter::create(&folder.path().join("samples"), &cell).unwrap();
            let mut inlet = Inlet::new(ours, &cell, samples);
            act(&outlet);
            assert!(inlet.receive().is_err());
        };
        check(&|outlet| assert!(outlet.frame(0, 0, 1, 0).unwrap()));
        check(&|outlet| assert!(outlet.frame(1, 0, 1, 0).unwrap()));
        check(&|outlet| assert!(outlet.frame(0, BUFFERS, 1, 0).unwrap()));
        check(&|outlet| assert_eq!(send(&outlet.socket, &[1], SendFlags::empty()).unwrap(), 1));
        let small = memory(4096, SealFlags::SHRINK);
        check(&|outlet| outlet.announce(0, 0, small.as_fd()).unwrap());
        let shrinks = memory(1280 * 720 * 4, SealFlags::GROW);
        check(&|outlet| outlet.announce(0, 0, shrinks.as_fd()).unwrap());
    }

    #[test]
    fn a_program_that_ends_early_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let cell = Cell {
            seconds: 20.0,
            ..cell()
        };
        let ended = read_from(Command::new("true"), &cell, &folder.path().join("samples"));
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("ended early"), "{error}");
    }
}
