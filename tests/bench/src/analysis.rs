/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What one run of a peer amounts to, from its samples and the pattern's log. Pure.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::log::PatternLog;
use crate::sample::{Record, Sample};

/// Updates that are drawn so shortly before the end of the measured time may arrive after it; they
/// are not asked for. In microseconds.
const SETTLE_US: u64 = 250_000;

/// The time that is measured, in microseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Window {
    /// After the warm-up.
    pub start_us: u64,
    /// Before the peer is stopped.
    pub end_us: u64,
}

impl Window {
    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        self.end_us.saturating_sub(self.start_us) as f64 / 1e6
    }

    fn contains(self, time_us: u64) -> bool {
        (self.start_us..self.end_us).contains(&time_us)
    }
}

/// The distribution of a latency, in milliseconds from the moment at which the pattern began to
/// draw an update. Over all monitors.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// 95 of 100 are faster.
    pub p95: f64,
    /// 99 of 100 are faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Latency {
    /// Of times in microseconds; `None` of none.
    pub fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        // The nearest rank.
        let at = |share: f64| {
            times[((share * times.len() as f64).ceil() as usize).clamp(1, last + 1) - 1] as f64
                / 1e3
        };
        Some(Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: times[last] as f64 / 1e3,
        })
    }
}

/// What arrived at a peer's reader while it was measured.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Delivery {
    /// Updates that the pattern drew, all monitors together, but for the last moment.
    pub drawn: usize,
    /// How many of these arrived whole.
    pub distinct: usize,
    /// The same for each monitor: drawn and arrived.
    pub monitors: Vec<(usize, usize)>,
    /// Frames of all kinds.
    pub frames: usize,
    /// Frames that show an update which was shown before.
    pub duplicates: usize,
    /// Frames that show an update older than the one before.
    pub stale: usize,
    /// Frames whose two codes differ.
    pub torn: usize,
    /// Frames in which a code could not be read.
    pub unreadable: usize,
    /// From drawing until the reader has the pixels, for the first frame of each update.
    pub readable: Option<Latency>,
    /// From drawing until the capturing call returned, where the peer tells.
    pub captured: Option<Latency>,
    /// Updates that the pattern had no time to draw, as a share of all that were due.
    pub pattern_loss: f64,
    /// What the peer says of itself: the last of each.
    pub notes: HashMap<String, f64>,
}

impl Delivery {
    /// Counts what is in the window.
    pub fn of(records: &[Record], log: &PatternLog, monitors: usize, window: Window) -> Self {
        let asked = Window {
            end_us: window.end_us.saturating_sub(SETTLE_US).max(window.start_us),
            ..window
        };
        let mut delivery = Self {
            monitors: vec![(0, 0); monitors],
            ..Self::default()
        };
        for update in log
            .updates
            .iter()
            .filter(|update| asked.contains(update.drawn_us))
        {
            if let Some(counts) = delivery.monitors.get_mut(update.monitor) {
                counts.0 += 1;
            }
        }
        let mut seen: Vec<HashSet<u32>> = vec![HashSet::new(); monitors];
        let mut last = vec![0; monitors];
        let mut readable = Vec::new();
        let mut captured = Vec::new();
        for record in records {
            let sample = match record {
                Record::Frame(sample) => sample,
                Record::Unreadable { readable_us, .. } => {
                    if window.contains(*readable_us) {
                        delivery.frames += 1;
                        delivery.unreadable += 1;
                    }
                    continue;
                }
                Record::Note { key, value } => {
                    delivery.notes.insert(key.clone(), *value);
                    continue;
                }
            };
            let Sample {
                monitor, top_seq, ..
            } = *sample;
            if monitor >= monitors {
                continue;
            }
            let counts = window.contains(sample.readable_us);
            if counts {
                delivery.frames += 1;
                delivery.stale += usize::from(top_seq < last[monitor]);
            }
            last[monitor] = top_seq;
            if top_seq != sample.bottom_seq {
                delivery.torn += usize::from(counts);
                continue;
            }
            if !seen[monitor].insert(top_seq) {
                delivery.duplicates += usize::from(counts);
                continue;
            }
            if counts && asked.contains(sample.drawn_us) {
                delivery.monitors[monitor].1 += 1;
                readable.push(sample.readable_us.saturating_sub(sample.drawn_us));
                captured.extend(
                    sample
                        .captured_us
                        .map(|time| time.saturating_sub(sample.drawn_us)),
                );
            }
        }
        delivery.drawn = delivery.monitors.iter().map(|counts| counts.0).sum();
        delivery.distinct = delivery.monitors.iter().map(|counts| counts.1).sum();
        delivery.readable = Latency::of(readable);
        delivery.captured = Latency::of(captured);
        delivery.pattern_loss = pattern_loss(log, window);
        delivery
    }

    /// The share of the drawn updates that arrived; `None` where nothing was drawn.
    pub fn share(&self) -> Option<f64> {
        (self.drawn > 0).then(|| self.distinct as f64 / self.drawn as f64)
    }
}

/// The share of due updates that the pattern did not draw in the window.
pub fn pattern_loss(log: &PatternLog, window: Window) -> f64 {
    let lost = log.lost_between(window.start_us, window.end_us);
    let drawn = updates_in(log, window);
    if lost + drawn == 0 {
        return 0.0;
    }
    lost as f64 / (lost + drawn) as f64
}

/// How many updates the pattern drew in the window.
pub fn updates_in(log: &PatternLog, window: Window) -> usize {
    log.updates
        .iter()
        .filter(|update| window.contains(update.drawn_us))
        .count()
}

/// The middle value; of an even number of values the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// How steeply the second number grows with the first: least squares. `None` of less than two
/// different points.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let common: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    (spread > 0.0).then(|| common / spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Update;

    const WINDOW: Window = Window {
        start_us: 1_000_000,
        end_us: 3_000_000,
    };

    fn update(monitor: usize, seq: u32, drawn_us: u64) -> Update {
        Update {
            monitor,
            seq,
            due_us: drawn_us,
            drawn_us,
            done_us: drawn_us + 100,
        }
    }

    fn frame(monitor: usize, seqs: (u32, u32), drawn_us: u64, readable_us: u64) -> Record {
        Record::Frame(Sample {
            monitor,
            top_seq: seqs.0,
            bottom_seq: seqs.1,
            drawn_us,
            captured_us: Some(readable_us - 1000),
            readable_us,
        })
    }

    fn delivery(records: &[Record]) -> Delivery {
        let log = PatternLog {
            updates: vec![
                update(0, 1, 900_000),
                update(0, 2, 1_000_000),
                update(0, 3, 1_500_000),
                update(1, 1, 1_500_000),
                update(0, 4, 2_900_000),
            ],
            lost: vec![(1, 1_200_000), (5, 3_200_000)],
        };
        Delivery::of(records, &log, 2, WINDOW)
    }

    #[test]
    fn frames_are_told_apart() {
        let counted = delivery(&[
            frame(0, (1, 1), 900_000, 950_000),
            frame(0, (1, 1), 900_000, 1_001_000),
            frame(0, (2, 2), 1_000_000, 1_002_000),
            frame(0, (3, 2), 1_000_000, 1_501_000),
            frame(0, (3, 3), 1_500_000, 1_504_000),
            frame(0, (2, 2), 1_000_000, 1_505_000),
            Record::Unreadable {
                monitor: 1,
                readable_us: 1_600_000,
            },
            frame(1, (1, 1), 1_500_000, 1_700_000),
            frame(0, (4, 4), 2_900_000, 2_901_000),
            frame(0, (5, 5), 2_950_000, 3_100_000),
        ]);
        assert_eq!((counted.drawn, counted.distinct), (3, 3));
        assert_eq!(counted.monitors, [(2, 2), (1, 1)]);
        assert_eq!(
            (counted.frames, counted.torn, counted.unreadable),
            (8, 1, 1)
        );
        assert_eq!((counted.duplicates, counted.stale), (2, 1));
        assert_eq!(counted.readable.unwrap().max, 200.0);
        assert_eq!(counted.captured.unwrap().p50, 3.0);
        assert!((counted.pattern_loss - 0.2).abs() < 1e-9);
    }

    #[test]
    fn what_did_not_arrive_lowers_the_share() {
        let counted = delivery(&[frame(0, (2, 2), 1_000_000, 1_002_000)]);
        assert_eq!(counted.share(), Some(1.0 / 3.0));
        assert_eq!(delivery(&[]).readable, None);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let latency = Latency::of((1..=100).map(|time| time * 1000).collect()).unwrap();
        assert_eq!(
            (latency.p50, latency.p95, latency.p99, latency.max),
            (50.0, 95.0, 99.0, 100.0)
        );
        assert_eq!(Latency::of(vec![7000]).unwrap().p50, 7.0);
    }

    #[test]
    fn medians_and_slopes() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), Some(2.0));
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 3.0)]), None);
    }
}
