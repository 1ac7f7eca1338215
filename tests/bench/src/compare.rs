/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The whole comparison: scenes, rounds, peers by turns.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::peer::Peer;
use crate::plan::{Pace, Scene, order};
use crate::summary::{Baseline, SceneReport, summarize};
use crate::targets::{HOUSE, Target, check};
use crate::turn::{DesktopBus, ServerKind, Stage, Turn, scene_folder, start_server};

/// Turns that a peer gets again because something else was at work.
const MAX_REPEATS: usize = 1;

/// What to do.
pub struct Comparison {
    /// The scenes.
    pub scenes: Vec<Scene>,
    /// How long and how often.
    pub pace: Pace,
    /// The X server.
    pub server: ServerKind,
    /// Everybody who may take part.
    pub peers: Vec<Box<dyn Peer>>,
    /// Names of those who do; empty: all, those that read in a page only where that is measured.
    pub wanted: Vec<String>,
    /// The share of a processor that may be used beside the bench.
    pub load_limit: f64,
    /// The length of the long run of the engine in seconds; 0: none.
    pub soak_seconds: f64,
    /// Where everything is written; it exists.
    pub output: PathBuf,
}

/// Everything that was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The machine.
    pub machine: MachineInfo,
    /// How long and how often.
    pub pace: Pace,
    /// The X server.
    pub server: ServerKind,
    /// The share of a processor that could be used beside the bench unremarked.
    pub load_limit: f64,
    /// What was measured.
    pub scenes: Vec<SceneReport>,
    /// What was promised.
    pub targets: Vec<Target>,
}

/// Where it was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MachineInfo {
    /// The processor's name.
    pub processor: String,
    /// How many of them.
    pub processors: usize,
    /// The kernel's version.
    pub kernel: String,
    /// Whether this program is optimized.
    pub optimized: bool,
}

impl MachineInfo {
    /// This machine.
    pub fn now() -> Self {
        let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpu_info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            optimized: !cfg!(debug_assertions),
        }
    }
}

impl Comparison {
    /// How long it takes, roughly, in seconds.
    pub fn estimate(&self) -> f64 {
        // Starting and ending the pattern and a peer.
        const BETWEEN: f64 = 2.0;
        let turn = self.pace.warm_up + self.pace.seconds + BETWEEN;
        let turns = self.scenes.iter().map(|scene| {
            let cell = self.stage_cell(scene);
            let takes_part =
                |peer: &&dyn Peer| self.is_wanted(*peer, scene) && peer.can_run(&cell).is_ok();
            let peers = self.peers.iter().map(AsRef::as_ref);
            1 + peers.filter(takes_part).count()
        });
        let turns = turns.sum::<usize>() * self.pace.rounds;
        turn * turns as f64 + self.soak_seconds
    }

    /// Measures everything.
    ///
    /// # Errors
    /// A server or the pattern fails. Peers that fail are in the report.
    pub fn run(&self) -> Result<Report> {
        let mut scenes = Vec::new();
        for (number, scene) in self.scenes.iter().enumerate() {
            eprintln!("[{}/{}] {scene}", number + 1, self.scenes.len());
            let report = self
                .run_scene(scene)
                .with_context(|| format!("measuring {scene}"))?;
            scenes.push(report);
        }
        scenes.extend(self.soak()?);
        Ok(Report {
            machine: MachineInfo::now(),
            pace: self.pace,
            server: self.server,
            load_limit: self.load_limit,
            targets: check(&scenes),
            scenes,
        })
    }

    fn is_wanted(&self, peer: &dyn Peer, scene: &Scene) -> bool {
        if self.wanted.is_empty() {
            peer.suits(scene)
        } else {
            self.wanted.iter().any(|name| name == peer.name())
        }
    }

    /// Splits the peers into those that run in a scene and those that cannot.
    fn partition(&self, scene: &Scene) -> (Vec<&dyn Peer>, Vec<(String, String)>) {
        let cell = self.stage_cell(scene);
        let mut able: Vec<&dyn Peer> = Vec::new();
        let mut missing = Vec::new();
        for peer in self.peers.iter().map(AsRef::as_ref) {
            if !self.is_wanted(peer, scene) {
                continue;
            }
            match peer.can_run(&cell) {
                Ok(()) => able.push(peer),
                Err(reason) => missing.push((peer.name().to_owned(), reason)),
            }
        }
        (able, missing)
    }

    fn stage_cell(&self, scene: &Scene) -> crate::peer::Cell {
        Stage::cell_of(scene, &self.pace)
    }

    fn run_scene(&self, scene: &Scene) -> Result<SceneReport> {
        let (able, mut missing) = self.partition(scene);
        let server = start_server(self.server, scene)?;
        let bus = DesktopBus::start();
        let stage = Stage {
            bus: bus.as_ref(),
            server: &server,
            scene: *scene,
            pace: self.pace,
            folder: &scene_folder(&self.output, scene)?,
        };
        let mut turns = Vec::new();
        let mut failed = vec![false; able.len()];
        for round in 0..self.pace.rounds {
            // Nobody is one of those who have their turns.
            for index in order(able.len() + 1, round) {
                let peer = able.get(index).copied();
                if failed.get(index) == Some(&true) {
                    continue;
                }
                let turn = self.quiet_turn(&stage, peer, round)?;
                // One that cannot is not asked again.
                if let Some(error) = &turn.error {
                    failed[index] = true;
                    let name = turn.peer.clone().unwrap_or_default();
                    missing.push((name, format!("it failed: {error}")));
                }
                turns.push(turn);
            }
        }
        Ok(self.put_together(*scene, false, turns, missing, &able))
    }

    /// A turn, made again when something else was at work.
    fn quiet_turn(&self, stage: &Stage<'_>, peer: Option<&dyn Peer>, round: usize) -> Result<Turn> {
        let mut best = stage.turn(peer, round)?;
        for _ in 0..MAX_REPEATS {
            if best.error.is_some() || best.other_load <= self.load_limit {
                break;
            }
            let again = stage.turn(peer, round)?;
            if again.error.is_none() && again.other_load < best.other_load {
                best = again;
            }
        }
        let name = peer.map_or("(nobody)", |peer| peer.name());
        let noise = if best.other_load > self.load_limit {
            "  disturbed"
        } else {
            ""
        };
        match &best.error {
            Some(error) => eprintln!("  {:2} {name:22} failed: {}", round + 1, first_line(error)),
            None => eprintln!(
                "  {:2} {name:22} {:5} updates of {:5}, {:5.1} % cpu, other load {:4.1} %{noise}",
                round + 1,
                best.delivery.distinct,
                best.delivery.drawn,
                (best.peer_usage.cpu_seconds + best.server_usage.cpu_seconds)
                    / best.window.seconds()
                    * 100.0,
                best.other_load * 100.0,
            ),
        }
        Ok(best)
    }

    /// The long run: the engine alone, once, for the slope of its memory.
    fn soak(&self) -> Result<Option<SceneReport>> {
        if self.soak_seconds == 0.0 {
            return Ok(None);
        }
        let scene = Scene::full_hd(crate::pattern::Pattern::Full, 3);
        let pace = Pace {
            rounds: 1,
            seconds: self.soak_seconds,
            warm_up: 10.0,
        };
        eprintln!("[long run] {scene}, {:.0} s", self.soak_seconds);
        let cell = Stage::cell_of(&scene, &pace);
        let house: Vec<&dyn Peer> = self
            .peers
            .iter()
            .map(AsRef::as_ref)
            .filter(|peer| peer.name() == HOUSE && peer.can_run(&cell).is_ok())
            .collect();
        let Some(peer) = house.first() else {
            return Ok(None);
        };
        let server = start_server(self.server, &scene)?;
        let bus = DesktopBus::start();
        let stage = Stage {
            bus: bus.as_ref(),
            server: &server,
            scene,
            pace,
            folder: &scene_folder(&self.output.join("soak"), &scene)?,
        };
        let turn = stage.turn(Some(*peer), 0)?;
        let missing = turn
            .error
            .iter()
            .map(|error| (HOUSE.to_owned(), error.clone()))
            .collect();
        Ok(Some(self.put_together(
            scene,
            true,
            vec![turn],
            missing,
            &house,
        )))
    }

    fn put_together(
        &self,
        scene: Scene,
        soak: bool,
        turns: Vec<Turn>,
        missing: Vec<(String, String)>,
        able: &[&dyn Peer],
    ) -> SceneReport {
        let of = |name: Option<&str>| -> Vec<&Turn> {
            turns
                .iter()
                .filter(|turn| turn.peer.as_deref() == name)
                .collect()
        };
        let baseline = Baseline::of(&of(None), self.load_limit);
        let summaries = able
            .iter()
            .filter_map(|peer| {
                summarize(
                    peer.reach(),
                    &of(Some(peer.name())),
                    &baseline,
                    self.load_limit,
                )
            })
            .collect();
        SceneReport {
            scene,
            soak,
            baseline,
            summaries,
            turns,
            missing,
        }
    }

    /// Checks the names that were asked for.
    ///
    /// # Errors
    /// A name that no peer has.
    pub fn check_names(&self) -> Result<()> {
        for name in &self.wanted {
            if !self.peers.iter().any(|peer| peer.name() == name) {
                let known: Vec<&str> = self.peers.iter().map(|peer| peer.name()).collect();
                bail!("no peer is called {name}; there are: {}", known.join(", "));
            }
        }
        Ok(())
    }
}

/// The first line of a text that may hold logs.
pub fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
