/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the engine promises, checked against what was measured. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::house::counts::BYTES_COPIED;
use crate::pattern::Pattern;
use crate::plan::{Scene, Size};
use crate::summary::{SceneReport, Summary};

/// The engine's own path to a consumer in another process.
pub const HOUSE: &str = "servo-capture";
/// The same, of the first monitor alone.
pub const HOUSE_FIRST: &str = "servo-capture-first";
/// The bound that everything is divided by.
pub const FLOOR: &str = "floor";
/// Buffers that a monitor may have, and what the process may need beside them, in bytes.
const POOL: f64 = 4.0;
const BESIDE_POOL: f64 = 20e6;
/// What a run of ten minutes may grow by and still be called level, in bytes: noise of the
/// measurement.
const LEVEL: f64 = 1e6;

/// Whether a promise is kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Yes.
    Reached,
    /// No.
    NotReached,
    /// What it takes was not run.
    NotMeasured,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reached => "reached",
            Self::NotReached => "NOT REACHED",
            Self::NotMeasured => "not measured",
        })
    }
}

/// A promise and what was found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Target {
    /// What is promised, with the scene.
    pub promise: String,
    /// What was found, or what is missing.
    pub found: String,
    /// The comparison of both.
    pub verdict: Verdict,
}

/// Checks all promises.
pub fn check(reports: &[SceneReport]) -> Vec<Target> {
    let checker = Checker { reports };
    let mut targets = Vec::new();
    checker.full_motion(&mut targets);
    checker.compared(&mut targets);
    checker.little_change(&mut targets);
    checker.beside_still_ones(&mut targets);
    checker.growth(&mut targets);
    checker.memory(&mut targets);
    checker.disturbance(&mut targets);
    targets
}

struct Checker<'a> {
    reports: &'a [SceneReport],
}

impl Checker<'_> {
    fn find(&self, scene: Scene, peer: &str) -> Result<&Summary, String> {
        self.reports
            .iter()
            .find(|report| report.scene == scene && !report.soak)
            .ok_or_else(|| format!("{scene} was not run"))?
            .summary(peer)
            .ok_or_else(|| format!("{peer} did not run in {scene}"))
    }

    fn house(&self, scene: Scene) -> Result<&Summary, String> {
        self.find(scene, HOUSE)
    }

    fn full_motion(&self, targets: &mut Vec<Target>) {
        let scene = Scene::full_hd(Pattern::Full, 3);
        let house = self.house(scene);
        targets.push(target(
            format!("{scene}: at least 99 % of all updates arrive"),
            house.clone().and_then(|house| {
                let share = house.share.ok_or("nothing was drawn")?;
                Ok((format!("{:.2} %", share * 100.0), share >= 0.99))
            }),
        ));
        targets.push(target(
            format!("{scene}: no torn frame"),
            house.clone().map(|house| {
                let torn = house.torn + house.unreadable;
                (format!("{torn}"), torn == 0)
            }),
        ));
        targets.push(target(
            format!("{scene}: p99 at the consumer at most 25 ms"),
            house.and_then(|house| {
                let p99 = house.readable.ok_or("no update arrived")?.p99;
                Ok((format!("{p99:.1} ms"), p99 <= 25.0))
            }),
        ));
        let scene = Scene::four_k(Pattern::Full, 3);
        targets.push(target(
            format!("{scene}: at least 30 frames a second of each monitor"),
            self.house(scene).map(|house| {
                let rate = house.slowest_frames_per_second;
                (format!("{rate:.1}"), rate >= 30.0)
            }),
        ));
    }

    /// Processor time for each update that arrived, against the others.
    fn compared(&self, targets: &mut Vec<Target>) {
        let scene = Scene::full_hd(Pattern::Full, 3);
        for (peer, limit, words) in [
            (FLOOR, 1.15, "at most 1.15 times the floor's"),
            ("ffmpeg", 1.0, "at most ffmpeg's"),
            ("xcap", 0.2, "at most a fifth of xcap's"),
        ] {
            let ratio = self.house(scene).and_then(|house| {
                let other = self.find(scene, peer)?;
                let cost = |summary: &Summary| {
                    let cost = summary.cpu_per_frame_ms.map(|range| range.median);
                    cost.ok_or_else(|| format!("no update arrived at {}", summary.peer))
                };
                let ratio = cost(house)? / cost(other)?;
                Ok((format!("{ratio:.2} times"), ratio <= limit))
            });
            targets.push(target(
                format!("{scene}: processor time a frame {words}"),
                ratio,
            ));
        }
    }

    fn little_change(&self, targets: &mut Vec<Target>) {
        let scene = Scene::full_hd(Pattern::Static, 4);
        let house = self.house(scene);
        targets.push(target(
            format!("{scene}: at most 0.2 % of a processor, X server included"),
            house.clone().map(|house| {
                let cpu = house.cpu.median;
                (format!("{:.3} %", cpu * 100.0), cpu <= 0.002)
            }),
        ));
        targets.push(target(
            format!("{scene}: no pixel copied"),
            house.clone().and_then(|house| {
                let bytes = house.notes.get(BYTES_COPIED);
                let bytes = bytes.ok_or("the engine did not say")?;
                Ok((format!("{bytes} bytes"), *bytes == 0.0))
            }),
        ));
        targets.push(target(
            format!("{scene}: at most 2 wake-ups a second"),
            house.map(|house| (format!("{:.1}", house.wake_ups), house.wake_ups <= 2.0)),
        ));
        let pairs = [
            (
                Scene::full_hd(Pattern::Caret, 3),
                Scene::full_hd(Pattern::Full, 3),
                0.05,
            ),
            (
                Scene::full_hd(Pattern::OneOfN, 4),
                Scene::full_hd(Pattern::Full, 1),
                1.1,
            ),
        ];
        for (scene, other, limit) in pairs {
            let ratio = self.house(scene).and_then(|small| {
                let ratio = small.cpu.median / self.house(other)?.cpu.median;
                Ok((format!("{ratio:.3} times"), ratio <= limit))
            });
            targets.push(target(
                format!("{scene}: at most {limit} times the cost of {other}"),
                ratio,
            ));
        }
    }

    /// What more it costs to watch three monitors that stand still, on the same desktop: a desktop
    /// of one monitor has shorter rows, which the X server copies faster for anybody.
    fn beside_still_ones(&self, targets: &mut Vec<Target>) {
        let scene = Scene::full_hd(Pattern::OneOfN, 4);
        let ratio = self.house(scene).and_then(|all| {
            let ratio = all.cpu.median / self.find(scene, HOUSE_FIRST)?.cpu.median;
            Ok((format!("{ratio:.3} times"), ratio <= 1.1))
        });
        targets.push(target(
            format!("{scene}: at most 1.1 times the cost of the moving one captured alone there"),
            ratio,
        ));
    }

    fn growth(&self, targets: &mut Vec<Target>) {
        let costs: Result<Vec<f64>, String> = (1..=4)
            .map(|count| Ok(self.house(Scene::full_hd(Pattern::Full, count))?.cpu.median))
            .collect();
        let found = costs.map(|costs| {
            let each: Vec<f64> = (1_u32..)
                .zip(&costs)
                .map(|(n, cost)| cost / f64::from(n))
                .collect();
            let mean = each.iter().sum::<f64>() / each.len() as f64;
            let worst = each
                .iter()
                .map(|cost| (cost / mean - 1.0).abs())
                .fold(0.0, f64::max);
            let list: Vec<String> = each
                .iter()
                .map(|cost| format!("{:.2}", cost / mean))
                .collect();
            let words = format!(
                "a monitor's cost against the mean, 1 to 4: {}",
                list.join(", ")
            );
            (words, worst <= 0.05)
        });
        let promise = "full, 1 to 4 of 1080p: cost linear in the monitors, within 5 %".to_owned();
        targets.push(target(promise, found));
    }

    fn memory(&self, targets: &mut Vec<Target>) {
        for scene in [
            Scene::full_hd(Pattern::Full, 3),
            Scene::four_k(Pattern::Full, 3),
        ] {
            let limit =
                POOL * scene.size.frame_bytes() as f64 * scene.monitors as f64 + BESIDE_POOL;
            targets.push(target(
                format!(
                    "{scene}: at most {POOL} frames a monitor and 20 MB, {:.0} MB",
                    limit / 1e6
                ),
                self.house(scene).map(|house| {
                    (
                        format!("{:.0} MB", house.memory / 1e6),
                        house.memory <= limit,
                    )
                }),
            ));
        }
        let scene = Scene {
            pattern: Pattern::Full,
            monitors: 3,
            size: Size::FULL_HD,
        };
        let grown = self
            .reports
            .iter()
            .find(|report| report.soak)
            .ok_or_else(|| "the long run was not run".to_owned())
            .and_then(|report| {
                let house = report
                    .summary(HOUSE)
                    .ok_or("the engine did not run in the long run")?;
                let slope = house.memory_slope.ok_or("too few points")?;
                let seconds = report
                    .turns
                    .iter()
                    .map(|turn| turn.window.seconds())
                    .fold(0.0, f64::max);
                if seconds < 599.0 {
                    return Err(format!("the long run lasted {seconds:.0} s only"));
                }
                let grown = slope * 600.0;
                // What is given back is nothing lost.
                Ok((format!("{:+.2} MB", grown / 1e6), grown <= LEVEL))
            });
        targets.push(target(
            format!("{scene}: no memory lost over 10 minutes"),
            grown,
        ));
    }

    fn disturbance(&self, targets: &mut Vec<Target>) {
        for scene in [
            Scene::full_hd(Pattern::Full, 3),
            Scene::four_k(Pattern::Full, 3),
        ] {
            targets.push(target(
                format!("{scene}: other programs lose at most 1 % of their frames"),
                self.house(scene).map(|house| {
                    let loss = house.pattern_loss;
                    (format!("{:.2} %", loss * 100.0), loss <= 0.01)
                }),
            ));
        }
    }
}

fn target(promise: String, found: Result<(String, bool), String>) -> Target {
    let (found, verdict) = match found {
        Ok((found, true)) => (found, Verdict::Reached),
        Ok((found, false)) => (found, Verdict::NotReached),
        Err(missing) => (missing, Verdict::NotMeasured),
    };
    Target {
        promise,
        found,
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Reach;
    use crate::summary::tests::turn;
    use crate::summary::{Baseline, summarize};

    fn report(scene: Scene, costs: &[(&str, f64)]) -> SceneReport {
        let summaries = costs.iter().map(|(peer, cost)| {
            let turn = turn(Some(peer), *cost, 0.0, 0.0);
            summarize(Reach::OtherProcess, &[&turn], &Baseline::default(), 0.05).unwrap()
        });
        SceneReport {
            scene,
            soak: false,
            baseline: Baseline::default(),
            summaries: summaries.collect(),
            turns: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn verdict(targets: &[Target], part: &str) -> Verdict {
        let found = targets.iter().find(|target| target.promise.contains(part));
        found
            .unwrap_or_else(|| panic!("{part} in {targets:?}"))
            .verdict
    }

    #[test]
    fn what_was_not_run_is_not_reached_either() {
        for target in check(&[]) {
            assert_eq!(target.verdict, Verdict::NotMeasured, "{target:?}");
        }
    }

    #[test]
    fn costs_are_compared_with_the_peers() {
        let scene = Scene::full_hd(Pattern::Full, 3);
        let targets = check(&[report(
            scene,
            &[(HOUSE, 1.2), (FLOOR, 1.0), ("ffmpeg", 1.3)],
        )]);
        assert_eq!(verdict(&targets, "1.15 times"), Verdict::NotReached);
        assert_eq!(verdict(&targets, "ffmpeg's"), Verdict::Reached);
        assert_eq!(verdict(&targets, "xcap's"), Verdict::NotMeasured);
        assert_eq!(verdict(&targets, "99 %"), Verdict::NotReached);
        assert_eq!(verdict(&targets, "torn"), Verdict::Reached);
    }

    #[test]
    fn a_copied_byte_of_a_still_screen_is_a_broken_promise() {
        let scene = Scene::full_hd(Pattern::Static, 4);
        let verdict_of = |bytes: Option<f64>| {
            let mut report = report(scene, &[(HOUSE, 0.01)]);
            let notes = &mut report.summaries[0].notes;
            notes.extend(bytes.map(|bytes| (BYTES_COPIED.to_owned(), bytes)));
            verdict(&check(&[report]), "no pixel copied")
        };
        assert_eq!(verdict_of(Some(0.0)), Verdict::Reached);
        assert_eq!(verdict_of(Some(4.0)), Verdict::NotReached);
        assert_eq!(verdict_of(None), Verdict::NotMeasured);
    }

    #[test]
    fn growth_is_linear_or_not() {
        let grow = |costs: [f64; 4]| {
            let reports: Vec<SceneReport> = (1..)
                .zip(costs)
                .map(|(count, cost)| report(Scene::full_hd(Pattern::Full, count), &[(HOUSE, cost)]))
                .collect();
            verdict(&check(&reports), "linear")
        };
        assert_eq!(grow([1.0, 2.0, 3.0, 4.1]), Verdict::Reached);
        assert_eq!(grow([1.0, 2.0, 3.0, 5.0]), Verdict::NotReached);
    }
}
