/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One turn of a peer: a pattern, a capturer, and what both cost.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use capture_test_rig::process::{Process, Stream};
use capture_test_rig::{MessageBus, MonitorSpec, XServer, XorgDummy, Xvfb};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::analysis::{Delivery, Window, updates_in};
use crate::house::counts;
use crate::log::PatternLog;
use crate::painting::READY;
use crate::peer::{Cell, Peer};
use crate::plan::{Pace, Scene};
use crate::sample::{self, now_us};
use crate::usage::{Counters, Machine, Usage, memory_of_tree};

/// Frames a second that every peer is asked for.
const FPS: u32 = 60;
/// How long the pattern may take until it is on the screen.
const PATTERN_START: Duration = Duration::from_secs(20);
/// How long a peer may take until its first frame.
const PEER_START: Duration = Duration::from_secs(20);
/// How long either may take to end when asked.
const STOP: Duration = Duration::from_secs(5);
/// How often it is looked whether a peer has started.
const START_POLL: Duration = Duration::from_millis(20);
/// How often memory is read.
const MEMORY_INTERVAL: Duration = Duration::from_secs(2);

/// Which X server the monitors belong to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// Xorg with its dummy driver: real outputs, which every peer finds.
    XorgDummy,
    /// Xvfb with virtual monitors: peers that look for outputs find one.
    Xvfb,
}

/// Starts a server with the scene's monitors.
///
/// # Errors
/// It does not start; the message says what to install.
pub fn start_server(kind: ServerKind, scene: &Scene) -> Result<XServer> {
    let monitors: Vec<MonitorSpec> = scene
        .areas()
        .iter()
        .map(|area| {
            let (x, y) = (area.x.cast_signed(), area.y.cast_signed());
            MonitorSpec::new(area.name.clone(), x, y, area.width, area.height)
        })
        .collect();
    match kind {
        ServerKind::XorgDummy => {
            let kib = scene.size.frame_bytes() * scene.monitors as u64 / 1024;
            // Something beside the pixels, and not less than the driver's own default.
            let kib = u32::try_from(kib + 16 * 1024)?.max(64 * 1024);
            XorgDummy::builder()
                .monitors(monitors)
                .video_ram_kib(kib)
                .start()
        }
        ServerKind::Xvfb => {
            let width = scene.size.width * u32::try_from(scene.monitors)?;
            Xvfb::builder()
                .size(width, scene.size.height)
                .monitors(monitors)
                .start()
        }
    }
}

/// A desktop's message bus. Without one the service would look for it again and again for a minute,
/// which no desktop sees.
pub struct DesktopBus {
    address: String,
    _bus: MessageBus,
    _folder: TempDir,
}

impl DesktopBus {
    /// Starts it; says why not when it cannot be had.
    pub fn start() -> Option<Self> {
        let start = || -> Result<Self> {
            let folder = tempfile::tempdir().context("making a folder")?;
            let socket = folder.path().join("bus");
            Ok(Self {
                address: MessageBus::address(&socket),
                _bus: MessageBus::start(&socket)?,
                _folder: folder,
            })
        };
        start()
            .inspect_err(|error| eprintln!("  without a message bus: {}", error.root_cause()))
            .ok()
    }
}

/// What a turn gave.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Turn {
    /// The peer's name; none: nobody captured.
    pub peer: Option<String>,
    /// Counted from 0.
    pub round: usize,
    /// What was measured of it.
    pub window: Window,
    /// The peer's processes.
    pub peer_usage: Usage,
    /// The X server, the pattern's share included.
    pub server_usage: Usage,
    /// The processor time of everything that is not part of the turn, as a share of one processor.
    pub other_load: f64,
    /// Seconds since the window's start, and bytes: the peer's proportional share and what the X
    /// server has grown by since the peer was started.
    pub memory: Vec<(f64, f64)>,
    /// From starting the peer until its first frame, in milliseconds.
    pub first_frame_ms: Option<f64>,
    /// Updates that the pattern drew in the window.
    pub updates: usize,
    /// What arrived.
    pub delivery: Delivery,
    /// What went wrong; the figures are of no worth then.
    pub error: Option<String>,
}

/// Makes turns on one server.
pub struct Stage<'a> {
    /// The server, with the scene's monitors.
    pub server: &'a XServer,
    /// The scene.
    pub scene: Scene,
    /// How long.
    pub pace: Pace,
    /// Where samples and logs stay.
    pub folder: &'a Path,
    /// The session's and the system's.
    pub bus: Option<&'a DesktopBus>,
}

impl Stage<'_> {
    /// A scene as the pattern and the peers are told it.
    pub fn cell_of(scene: &Scene, pace: &Pace) -> Cell {
        Cell {
            pattern: scene.pattern,
            monitors: scene.areas(),
            fps: FPS,
            // The runner ends them; this is for the case that it cannot.
            seconds: pace.seconds + pace.warm_up + 2.0 * PEER_START.as_secs_f64(),
        }
    }

    /// Runs a peer, or nobody, and measures.
    ///
    /// # Errors
    /// The pattern or the server failed. What a peer does wrong is in [`Turn::error`].
    pub fn turn(&self, peer: Option<&dyn Peer>, round: usize) -> Result<Turn> {
        let cell = Self::cell_of(&self.scene, &self.pace);
        let name = peer.map_or("nobody", |peer| peer.name());
        let path = |ending: &str| self.folder.join(format!("{name}-{round}.{ending}"));
        let (log, samples) = (path("pattern"), path("samples"));
        // A file of an earlier run would look like a peer that has started.
        for old in [&log, &samples, &counts::path(&samples)] {
            match fs::remove_file(old) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {}", old.display()));
                }
                _ => {}
            }
        }
        let mut pattern = self.start_pattern(&cell, &log)?;
        let server_before = memory_of_tree(self.server.process_id())?;

        let mut turn = Turn {
            peer: peer.map(|peer| peer.name().to_owned()),
            round,
            window: Window {
                start_us: 0,
                end_us: 0,
            },
            peer_usage: Usage::default(),
            server_usage: Usage::default(),
            other_load: 0.0,
            memory: Vec::new(),
            first_frame_ms: None,
            updates: 0,
            delivery: Delivery::default(),
            error: None,
        };
        let counts = peer.and_then(|peer| peer.counts(&samples));
        let outcome = match peer {
            Some(peer) => self.run_peer(peer, &cell, &samples, &pattern, server_before, &mut turn),
            None => self.measure(None, &pattern, server_before, &mut turn),
        };
        if let Err(error) = outcome {
            turn.error = Some(format!("{error:#}"));
        }
        stop(&mut pattern).context("stopping the pattern")?;
        let log = PatternLog::read(&log)?;
        turn.updates = updates_in(&log, turn.window);
        let records = if samples.exists() {
            sample::read(&samples)?
        } else {
            Vec::new()
        };
        turn.delivery = Delivery::of(&records, &log, self.scene.monitors, turn.window);
        if let Some(path) = counts.filter(|_| turn.error.is_none()) {
            turn.delivery.notes.extend(counts::notes(&path)?);
        }
        Ok(turn)
    }

    fn start_pattern(&self, cell: &Cell, log: &Path) -> Result<Process> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(program);
        command.arg("pattern").arg(cell.to_argument()?).arg(log);
        self.on_display(&mut command);
        let pattern = Process::spawn(command)?;
        pattern
            .wait_for_line(Stream::Stdout, 0, PATTERN_START, |line| {
                (line == READY).then_some(())
            })
            .context("starting the pattern")?;
        Ok(pattern)
    }

    fn run_peer(
        &self,
        peer: &dyn Peer,
        cell: &Cell,
        samples: &Path,
        pattern: &Process,
        server_before: u64,
        turn: &mut Turn,
    ) -> Result<()> {
        let mut command = peer.command(cell, samples)?;
        self.on_display(&mut command);
        let start = Instant::now();
        let mut process = Process::spawn(command)?;
        while fs::metadata(samples).map_or(0, |file| file.len()) == 0 {
            if let Some(status) = process.try_wait()? {
                bail!(
                    "it ended before its first frame ({status}): {}",
                    last_words(&process)
                );
            }
            if start.elapsed() > PEER_START {
                bail!("no frame in {PEER_START:?}: {}", last_words(&process));
            }
            sleep(START_POLL);
        }
        turn.first_frame_ms = Some(start.elapsed().as_secs_f64() * 1e3);
        let counts = peer.counts(samples);
        let measured = self.measure(
            Some((&process, counts.as_deref())),
            pattern,
            server_before,
            turn,
        );
        if let Some(status) = process.try_wait()? {
            bail!(
                "it ended while it was measured ({status}): {}",
                last_words(&process)
            );
        }
        let status = stop(&mut process)?;
        measured?;
        if !status {
            bail!("it ended badly: {}", last_words(&process));
        }
        Ok(())
    }

    fn measure(
        &self,
        peer: Option<(&Process, Option<&Path>)>,
        pattern: &Process,
        server_before: u64,
        turn: &mut Turn,
    ) -> Result<()> {
        sleep(Duration::from_secs_f64(self.pace.warm_up));
        let counts = peer.and_then(|(process, path)| Some((process, path?)));
        let peer = peer.map(|(process, _)| process);
        let ask = |lines| counts.map_or(Ok(()), |(peer, path)| ask_for_counts(peer, path, lines));
        ask(1)?;
        let count = || -> Result<[Counters; 4]> {
            Ok([
                peer.map_or(Ok(Counters::default()), |peer| Counters::of_tree(peer.id()))?,
                Counters::of_tree(self.server.process_id())?,
                Counters::of_tree(pattern.id())?,
                Counters::of_process(std::process::id())?,
            ])
        };
        let machine_before = Machine::now()?;
        let before = count()?;
        let start = Instant::now();
        turn.window.start_us = now_us();
        let end = start + Duration::from_secs_f64(self.pace.seconds);
        loop {
            if let Some(peer) = peer {
                let grown = memory_of_tree(self.server.process_id())?.saturating_sub(server_before);
                let bytes = memory_of_tree(peer.id())? + grown;
                turn.memory
                    .push((start.elapsed().as_secs_f64(), bytes as f64));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleep(left.min(MEMORY_INTERVAL));
        }
        turn.window.end_us = now_us();
        let after = count()?;
        let machine = Machine::now()?.since(machine_before);
        ask(2)?;
        let mut used = after
            .iter()
            .zip(&before)
            .map(|(after, before)| after.since(before));
        let [peer, server, pattern, runner] = [(); 4].map(|()| used.next().unwrap_or_default());
        let own: f64 = [peer, server, pattern, runner]
            .iter()
            .map(|usage| usage.cpu_seconds)
            .sum();
        turn.peer_usage = peer;
        turn.server_usage = server;
        turn.other_load = ((machine - own) / turn.window.seconds()).max(0.0);
        Ok(())
    }

    fn on_display(&self, command: &mut Command) {
        command
            .env("DISPLAY", self.server.display())
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("XDG_SESSION_TYPE");
        if let Some(bus) = self.bus {
            command
                .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
                .env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
        }
    }
}

/// Makes a peer tell its own counts, and waits until its file has so many lines.
fn ask_for_counts(peer: &Process, path: &Path, lines: usize) -> Result<()> {
    peer.signal(Signal::USR1)?;
    let start = Instant::now();
    while counts::lines(path) < lines {
        if start.elapsed() > STOP {
            bail!("it did not tell its counts in {STOP:?}");
        }
        sleep(START_POLL);
    }
    Ok(())
}

/// What a process said last on standard error, and everything before it.
fn last_words(process: &Process) -> String {
    let lines = process.lines(Stream::Stderr, 0);
    let last = lines
        .iter()
        .rev()
        .find(|line| line.contains("capture-bench: "));
    let last = last.or(lines.last()).map_or("", String::as_str);
    format!("{last}\n{}", process.log_tail())
}

/// Asks a process to end, and makes it. Whether it ended well.
fn stop(process: &mut Process) -> Result<bool> {
    if process.try_wait()?.is_none() {
        process.signal(Signal::TERM)?;
    }
    match process.wait(STOP) {
        Ok(status) => Ok(status.success()),
        Err(_) => {
            process.kill_tree()?;
            Ok(false)
        }
    }
}

/// The folder of a scene's samples.
///
/// # Errors
/// It cannot be made.
pub fn scene_folder(output: &Path, scene: &Scene) -> Result<PathBuf> {
    let folder = output
        .join("samples")
        .join(scene.to_string().replace(' ', "-"));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}
