/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The report as text.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::compare::{Report, first_line};
use crate::peer::Reach;
use crate::summary::{Range, SceneReport, Summary};
use crate::targets::{FLOOR, HOUSE, Verdict};
use crate::turn::ServerKind;

/// All of it.
pub fn text(report: &Report) -> String {
    let mut text = machine(report);
    for scene in &report.scenes {
        text.push_str(&scene_text(scene));
    }
    text.push_str(&counts(report));
    text.push_str(&ratios(report));
    text.push_str(&missing(report));
    text.push_str(&targets(report));
    text
}

fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let server = match report.server {
        ServerKind::XorgDummy => "Xorg with its dummy driver",
        ServerKind::Xvfb => "Xvfb: peers that look for real outputs find only one",
    };
    let build = if machine.optimized {
        "optimized"
    } else {
        "NOT OPTIMIZED"
    };
    let loads: Vec<f64> = report
        .scenes
        .iter()
        .flat_map(|scene| &scene.turns)
        .map(|turn| turn.other_load * 100.0)
        .collect();
    let over = loads
        .iter()
        .filter(|load| **load > report.load_limit * 100.0)
        .count();
    let noise = Range::of(&loads).map_or_else(String::new, |range| {
        format!(
            "Other load on the machine, of one processor: median {:.1} %, at most {:.1} %; above {:.0} % in {over} of \
             {} turns.\n",
            range.median,
            range.max,
            report.load_limit * 100.0,
            loads.len()
        )
    });
    format!(
        "\n{} x {}, Linux {}; {server}; bench {build}.\n\
         {} rounds of {} s by turns after {} s of warm-up; medians of the undisturbed rounds.\n{noise}",
        machine.processors,
        machine.processor,
        machine.kernel,
        report.pace.rounds,
        report.pace.seconds,
        report.pace.warm_up
    )
}

fn scene_text(report: &SceneReport) -> String {
    let baseline = &report.baseline;
    let mut text = format!(
        "\n== {}{}",
        report.scene,
        if report.soak { ", long run" } else { "" }
    );
    if !report.soak {
        let _ = write!(
            text,
            "   (nobody captures: X server {:.3} ms an update, pattern loses {:.2} %)",
            baseline.cpu_per_update * 1e3,
            baseline.pattern_loss * 100.0
        );
    }
    text.push('\n');
    if report.summaries.is_empty() {
        text.push_str("nothing was measured\n");
        return text;
    }
    let floor = report.summary(FLOOR).and_then(cost);
    let mut table = Table::new();
    table
        .load_preset(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "peer", "reads in", "new/s", "share", "dup/s", "torn", "cpu %", "own+X", "ms/frame",
            "x floor", "p50", "p95", "p99 ms", "wakes/s", "X wakes", "MB", "MB/min", "lost",
            "start ms", "",
        ]);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_padding((1, 0));
    }
    for summary in &report.summaries {
        table.add_row(row(summary, floor));
    }
    let _ = writeln!(text, "{table}");
    text
}

fn row(summary: &Summary, floor: Option<f64>) -> Vec<String> {
    let reach = match summary.reach {
        Reach::Captured => "itself",
        Reach::OtherProcess => "other process",
        Reach::Page => "page",
    };
    let dash = || "-".to_owned();
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let latency = |value: fn(&crate::analysis::Latency) -> f64| {
        summary
            .readable
            .as_ref()
            .map_or_else(dash, |latency| format!("{:.1}", value(latency)))
    };
    let torn = summary.torn + summary.unreadable;
    vec![
        summary.peer.clone(),
        reach.to_owned(),
        format!("{:.1}", summary.frames_per_second),
        summary
            .share
            .map_or_else(dash, |share| format!("{:.1} %", share * 100.0)),
        format!("{:.0}", summary.duplicates_per_second),
        torn.to_string(),
        format!("{:.2}", summary.cpu.median * 100.0),
        format!(
            "{}+{}",
            percent(summary.peer_cpu),
            percent(summary.server_cpu)
        ),
        summary.cpu_per_frame_ms.map_or_else(dash, |cost| {
            format!("{:.3} ±{:.0}%", cost.median, cost.spread() * 50.0)
        }),
        ratio(cost(summary), floor),
        latency(|latency| latency.p50),
        latency(|latency| latency.p95),
        latency(|latency| latency.p99),
        format!("{:.1}", summary.wake_ups),
        format!("{:.1}", summary.server_wake_ups),
        format!("{:.0}", summary.memory / 1e6),
        summary
            .memory_slope
            .map_or_else(dash, |slope| format!("{:+.1}", slope * 60.0 / 1e6)),
        format!("{:.1} %", summary.pattern_loss * 100.0),
        format!("{:.0}", summary.first_frame_ms),
        if summary.noisy {
            "disturbed".to_owned()
        } else {
            String::new()
        },
    ]
}

/// What a peer costs, to be compared in one scene: for each update that arrived, or a second where
/// nothing changes.
pub fn cost(summary: &Summary) -> Option<f64> {
    match summary.share {
        Some(_) => summary.cpu_per_frame_ms.map(|range| range.median),
        None => Some(summary.cpu.median),
    }
}

fn ratio(value: Option<f64>, other: Option<f64>) -> String {
    match (value, other) {
        (Some(value), Some(other)) if other > 0.0 => format!("{:.2}", value / other),
        _ => "-".to_owned(),
    }
}

/// The engine's cost divided by each peer's.
fn ratios(report: &Report) -> String {
    let mut lines = String::new();
    for scene in report.scenes.iter().filter(|scene| !scene.soak) {
        let Some(house) = scene.summary(HOUSE).and_then(cost) else {
            continue;
        };
        let others: Vec<String> = scene
            .summaries
            .iter()
            .filter(|summary| summary.peer != HOUSE)
            .map(|summary| format!("{} {}", summary.peer, ratio(Some(house), cost(summary))))
            .collect();
        let _ = writeln!(
            lines,
            "  {:22} {}",
            scene.scene.to_string(),
            others.join("  ")
        );
    }
    if lines.is_empty() {
        return lines;
    }
    format!(
        "\n{HOUSE}'s processor time divided by each peer's (below 1: {HOUSE} needs less)\n{lines}"
    )
}

/// What the engine says of itself in each scene.
fn counts(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_preset(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "scene",
            "frames/s",
            "reads/s",
            "wakes/s",
            "looks/s",
            "dropped",
            "same",
            "read MB/s",
            "made MB/s",
            "verified MB/s",
        ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_padding((1, 0));
    }
    let mut is_empty = true;
    for scene in &report.scenes {
        let Some(summary) = scene.summary(HOUSE) else {
            continue;
        };
        let of = |name: &str| summary.notes.get(&format!("engine_{name}")).copied();
        if of("frames").is_none() {
            continue;
        }
        is_empty = false;
        let windows = scene.turns.iter().map(|turn| turn.window.seconds());
        let seconds = windows.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let total = |name| of(name).unwrap_or_default();
        let rate = |name| format!("{:.1}", total(name) / seconds);
        let megabytes = |bytes: f64| format!("{:.1}", bytes / seconds / 1e6);
        table.add_row([
            scene.scene.to_string(),
            rate("frames"),
            rate("reads"),
            rate("wakeups"),
            rate("indicator_checks"),
            format!("{:.0}", total("dropped")),
            format!("{:.0}", total("duplicates")),
            megabytes(total("pixels_read") * 4.0),
            megabytes(total("pixels_made") * 4.0),
            megabytes(total("bytes_verified")),
        ]);
    }
    if is_empty {
        return String::new();
    }
    format!("\nThe engine's own counts while it was measured (medians of the rounds)\n{table}\n")
}

fn missing(report: &Report) -> String {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for scene in &report.scenes {
        for (peer, reason) in &scene.missing {
            let line = format!("{peer}: {}", first_line(reason));
            let name = scene.scene.to_string();
            match reasons.iter_mut().find(|(known, _)| *known == line) {
                Some((_, scenes)) => scenes.push(name),
                None => reasons.push((line, vec![name])),
            }
        }
    }
    if reasons.is_empty() {
        return "\nNothing was left out.\n".to_owned();
    }
    let mut text = "\nCould not be run:\n".to_owned();
    for (line, scenes) in reasons {
        let _ = writeln!(text, "  {line}\n      in {}", scenes.join(", "));
    }
    text
}

fn targets(report: &Report) -> String {
    let mut text = "\nTargets\n".to_owned();
    for target in &report.targets {
        let _ = writeln!(
            text,
            "  {:12}  {}: {}",
            target.verdict, target.promise, target.found
        );
    }
    let count = |verdict: Verdict| {
        report
            .targets
            .iter()
            .filter(|target| target.verdict == verdict)
            .count()
    };
    let _ = writeln!(
        text,
        "  {} reached, {} not reached, {} not measured",
        count(Verdict::Reached),
        count(Verdict::NotReached),
        count(Verdict::NotMeasured)
    );
    text
}
