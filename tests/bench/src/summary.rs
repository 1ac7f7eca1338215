/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The turns of each peer in a scene put together: medians over the rounds. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::analysis::{Latency, median, slope};
use crate::peer::Reach;
use crate::plan::Scene;
use crate::turn::Turn;

/// A median and what it lies between.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Range {
    /// The middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Range {
    /// `None` of no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(values.iter().copied())?,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// How far the values are apart, as a share of the median.
    pub fn spread(self) -> f64 {
        (self.max - self.min) / self.median.abs().max(f64::MIN_POSITIVE)
    }
}

/// What the X server and the pattern do when nobody captures.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Baseline {
    /// The X server's processor time for an update, in seconds.
    pub cpu_per_update: f64,
    /// The same for each second, of a picture that does not change.
    pub cpu_per_second: f64,
    /// The X server's wake-ups in a second.
    pub wake_ups_per_second: f64,
    /// The share of its updates that the pattern loses.
    pub pattern_loss: f64,
}

impl Baseline {
    /// From the turns in which nobody captured; those with other load above the limit count only
    /// when there is no other.
    pub fn of(turns: &[&Turn], load_limit: f64) -> Self {
        let (turns, _) = undisturbed(turns, load_limit);
        let middle = |value: fn(&Turn) -> f64| {
            median(turns.iter().map(|turn| value(turn))).unwrap_or_default()
        };
        Self {
            cpu_per_update: middle(|turn| {
                turn.server_usage.cpu_seconds / turn.updates.max(1) as f64
            }),
            cpu_per_second: middle(|turn| turn.server_usage.cpu_seconds / turn.window.seconds()),
            wake_ups_per_second: middle(|turn| {
                turn.server_usage.wake_ups as f64 / turn.window.seconds()
            }),
            pattern_loss: middle(|turn| turn.delivery.pattern_loss),
        }
    }

    /// What the X server would have used in a turn without the peer, in seconds.
    fn cpu_in(&self, turn: &Turn) -> f64 {
        if turn.updates > 0 {
            self.cpu_per_update * turn.updates as f64
        } else {
            self.cpu_per_second * turn.window.seconds()
        }
    }
}

/// A peer in a scene.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Summary {
    /// Its name.
    pub peer: String,
    /// Where it reads.
    pub reach: Reach,
    /// How many turns the medians are of.
    pub turns: usize,
    /// Whether other work on the machine was above the limit in all of them.
    pub noisy: bool,
    /// Different updates a second, all monitors together.
    pub frames_per_second: f64,
    /// The same of the slowest monitor that changes.
    pub slowest_frames_per_second: f64,
    /// The share of what was drawn; the lowest of the rounds. `None` when nothing changes.
    pub share: Option<f64>,
    /// Frames a second that showed nothing new.
    pub duplicates_per_second: f64,
    /// In all rounds: frames whose codes differ.
    pub torn: usize,
    /// In all rounds: frames with a code that cannot be read.
    pub unreadable: usize,
    /// In all rounds: frames older than the one before.
    pub stale: usize,
    /// Processor time a second, the peer's processes and what the X server needs more than without
    /// it: a share of one processor.
    pub cpu: Range,
    /// The part of the peer's processes.
    pub peer_cpu: f64,
    /// The part of the X server.
    pub server_cpu: f64,
    /// Processor time in milliseconds for each different update that arrived.
    pub cpu_per_frame_ms: Option<Range>,
    /// Until the reader has the pixels.
    pub readable: Option<Latency>,
    /// Until the capturing call returned.
    pub captured: Option<Latency>,
    /// Wake-ups a second of the peer's processes.
    pub wake_ups: f64,
    /// Wake-ups a second of the X server, more than without the peer.
    pub server_wake_ups: f64,
    /// The largest memory seen, in bytes.
    pub memory: f64,
    /// What it grows by, in bytes a second; `None` of turns that were too short to tell.
    pub memory_slope: Option<f64>,
    /// The share of its updates that the pattern lost; the highest of the rounds.
    pub pattern_loss: f64,
    /// From its start until its first frame.
    pub first_frame_ms: f64,
    /// What it says of itself: medians.
    pub notes: HashMap<String, f64>,
}

/// The turns that went well with other load up to the limit; all that went well, and true, when
/// there is none such.
fn undisturbed<'a>(turns: &[&'a Turn], load_limit: f64) -> (Vec<&'a Turn>, bool) {
    let good: Vec<&Turn> = turns
        .iter()
        .copied()
        .filter(|turn| turn.error.is_none())
        .collect();
    let quiet: Vec<&Turn> = good
        .iter()
        .copied()
        .filter(|turn| turn.other_load <= load_limit)
        .collect();
    if quiet.is_empty() {
        (good, true)
    } else {
        (quiet, false)
    }
}

/// Puts together a peer's turns that went well. `None` when none did.
///
/// Turns with other load above `load_limit` are left out, unless all are.
pub fn summarize(
    reach: Reach,
    turns: &[&Turn],
    baseline: &Baseline,
    load_limit: f64,
) -> Option<Summary> {
    let (used, noisy) = undisturbed(turns, load_limit);
    let peer = used.first()?.peer.clone()?;

    let each = |value: &dyn Fn(&Turn) -> f64| -> Vec<f64> {
        used.iter().map(|turn| value(turn)).collect()
    };
    let middle = |value: &dyn Fn(&Turn) -> f64| median(each(value)).unwrap_or_default();
    let total = |value: &dyn Fn(&Turn) -> usize| used.iter().map(|turn| value(turn)).sum();
    let server = |turn: &Turn| turn.server_usage.cpu_seconds - baseline.cpu_in(turn);
    let cost = |turn: &Turn| turn.peer_usage.cpu_seconds + server(turn);
    // Updates are asked for in a part of the window only, see `Delivery`.
    let arrived = |turn: &Turn, (drawn, distinct): (usize, usize)| {
        turn.updates as f64 * distinct as f64 / (drawn.max(1) as f64)
    };
    let all = |turn: &Turn| arrived(turn, (turn.delivery.drawn, turn.delivery.distinct));
    let slowest = |turn: &Turn| {
        let share = turn.delivery.monitors.iter().filter(|counts| counts.0 > 0);
        let share = share.map(|counts| counts.1 as f64 / counts.0 as f64);
        let moving = turn
            .delivery
            .monitors
            .iter()
            .filter(|counts| counts.0 > 0)
            .count();
        share.fold(f64::INFINITY, f64::min).min(1.0) * turn.updates as f64 / moving.max(1) as f64
    };
    let per_frame: Vec<f64> = used
        .iter()
        .filter(|turn| turn.delivery.distinct > 0)
        .map(|turn| cost(turn) * 1e3 / all(turn))
        .collect();
    let shares: Vec<f64> = used
        .iter()
        .filter_map(|turn| turn.delivery.share())
        .collect();
    Some(Summary {
        peer,
        reach,
        turns: used.len(),
        noisy,
        frames_per_second: middle(&|turn| all(turn) / turn.window.seconds()),
        slowest_frames_per_second: middle(&|turn| slowest(turn) / turn.window.seconds()),
        share: Range::of(&shares).map(|range| range.min),
        duplicates_per_second: middle(&|turn| {
            turn.delivery.duplicates as f64 / turn.window.seconds()
        }),
        torn: total(&|turn| turn.delivery.torn),
        unreadable: total(&|turn| turn.delivery.unreadable),
        stale: total(&|turn| turn.delivery.stale),
        cpu: Range::of(&each(&|turn| cost(turn) / turn.window.seconds()))?,
        peer_cpu: middle(&|turn| turn.peer_usage.cpu_seconds / turn.window.seconds()),
        server_cpu: middle(&|turn| server(turn) / turn.window.seconds()),
        cpu_per_frame_ms: Range::of(&per_frame),
        readable: latency(&used, |turn| turn.delivery.readable),
        captured: latency(&used, |turn| turn.delivery.captured),
        wake_ups: middle(&|turn| turn.peer_usage.wake_ups as f64 / turn.window.seconds()),
        server_wake_ups: middle(&|turn| {
            turn.server_usage.wake_ups as f64 / turn.window.seconds() - baseline.wake_ups_per_second
        }),
        memory: each(&|turn| turn.memory.iter().map(|point| point.1).fold(0.0, f64::max))
            .into_iter()
            .fold(0.0, f64::max),
        memory_slope: median(used.iter().filter_map(|turn| memory_slope(turn))),
        pattern_loss: each(&|turn| turn.delivery.pattern_loss)
            .into_iter()
            .fold(0.0, f64::max),
        first_frame_ms: middle(&|turn| turn.first_frame_ms.unwrap_or_default()),
        notes: notes(&used),
    })
}

/// A peer that has just started still grows: nothing is said of a short time.
fn memory_slope(turn: &Turn) -> Option<f64> {
    const SHORTEST_SECONDS: f64 = 10.0;
    (turn.window.seconds() >= SHORTEST_SECONDS)
        .then(|| slope(&turn.memory))
        .flatten()
}

/// The medians of each percentile over the rounds.
fn latency(turns: &[&Turn], of: fn(&Turn) -> Option<Latency>) -> Option<Latency> {
    let all: Vec<Latency> = turns.iter().filter_map(|turn| of(turn)).collect();
    let middle = |value: fn(&Latency) -> f64| median(all.iter().map(value));
    Some(Latency {
        p50: middle(|latency| latency.p50)?,
        p95: middle(|latency| latency.p95)?,
        p99: middle(|latency| latency.p99)?,
        max: middle(|latency| latency.max)?,
    })
}

fn notes(turns: &[&Turn]) -> HashMap<String, f64> {
    let mut values: HashMap<String, Vec<f64>> = HashMap::new();
    for (key, value) in turns.iter().flat_map(|turn| &turn.delivery.notes) {
        values.entry(key.clone()).or_default().push(*value);
    }
    let middle = |(key, values): (String, Vec<f64>)| Some((key, median(values)?));
    values.into_iter().filter_map(middle).collect()
}

/// A scene with everything that was measured in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SceneReport {
    /// The scene.
    pub scene: Scene,
    /// Whether this is the long run that looks at memory.
    pub soak: bool,
    /// Without a capturer.
    pub baseline: Baseline,
    /// The peers.
    pub summaries: Vec<Summary>,
    /// Every turn.
    pub turns: Vec<Turn>,
    /// Who could not run, and why.
    pub missing: Vec<(String, String)>,
}

impl SceneReport {
    /// A peer's summary.
    pub fn summary(&self, peer: &str) -> Option<&Summary> {
        self.summaries.iter().find(|summary| summary.peer == peer)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::{Delivery, Window};
    use crate::usage::Usage;

    /// A turn of 20 seconds with 120 updates, half of which arrived.
    pub fn turn(peer: Option<&str>, peer_cpu: f64, server_cpu: f64, other_load: f64) -> Turn {
        Turn {
            peer: peer.map(str::to_owned),
            round: 0,
            window: Window {
                start_us: 0,
                end_us: 20_000_000,
            },
            peer_usage: Usage {
                cpu_seconds: peer_cpu,
                wake_ups: 20,
                preemptions: 0,
            },
            server_usage: Usage {
                cpu_seconds: server_cpu,
                ..Usage::default()
            },
            other_load,
            memory: vec![(0.0, 100.0), (1.0, 300.0)],
            first_frame_ms: Some(5.0),
            updates: 120,
            delivery: Delivery {
                drawn: 100,
                distinct: 50,
                monitors: vec![(50, 40), (50, 10)],
                ..Delivery::default()
            },
            error: None,
        }
    }

    fn baseline() -> Baseline {
        Baseline::of(&[&turn(None, 0.0, 0.12, 0.0)], 0.05)
    }

    #[test]
    fn the_patterns_share_of_the_server_is_taken_off() {
        let turns = [turn(Some("a"), 0.3, 0.22, 0.0)];
        let summary = summarize(Reach::Captured, &[&turns[0]], &baseline(), 0.05).unwrap();
        assert!((summary.cpu.median - 0.02).abs() < 1e-9, "{summary:?}");
        assert!((summary.server_cpu - 0.005).abs() < 1e-9);
        assert!((summary.frames_per_second - 3.0).abs() < 1e-9);
        assert!((summary.slowest_frames_per_second - 0.6).abs() < 1e-9);
        assert!((summary.cpu_per_frame_ms.unwrap().median - 0.4 * 1e3 / 60.0).abs() < 1e-9);
        assert_eq!((summary.wake_ups, summary.memory), (1.0, 300.0));
        assert_eq!(summary.memory_slope, Some(200.0));
    }

    #[test]
    fn disturbed_turns_count_only_when_there_is_no_other() {
        let quiet = turn(Some("a"), 0.2, 0.12, 0.01);
        let loud = turn(Some("a"), 2.0, 0.12, 0.5);
        let summary = summarize(Reach::Captured, &[&quiet, &loud], &baseline(), 0.05).unwrap();
        assert_eq!((summary.turns, summary.noisy), (1, false));
        let summary = summarize(Reach::Captured, &[&loud, &loud], &baseline(), 0.05).unwrap();
        assert_eq!((summary.turns, summary.noisy), (2, true));
    }

    #[test]
    fn turns_that_failed_do_not_count() {
        let mut failed = turn(Some("a"), 0.2, 0.12, 0.01);
        failed.error = Some("no display".to_owned());
        assert!(summarize(Reach::Captured, &[&failed], &baseline(), 0.05).is_none());
    }
}
