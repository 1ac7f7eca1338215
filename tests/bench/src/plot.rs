/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The report as a picture: costs by scene, costs by number of monitors, latencies.

use std::path::Path;

use anyhow::{Error, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::compare::Report;
use crate::pattern::Pattern;
use crate::plan::{Scene, Size};
use crate::summary::{SceneReport, Summary};
use crate::table::cost;

const WIDTH: u32 = 1400;
const PANEL_HEIGHT: u32 = 430;
const LEGEND_HEIGHT: u32 = 70;
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the picture.
///
/// # Errors
/// The file cannot be written.
pub fn write(report: &Report, path: &Path) -> Result<()> {
    let scenes: Vec<&SceneReport> = report.scenes.iter().filter(|scene| !scene.soak).collect();
    let peers = peers(&scenes);
    let height = LEGEND_HEIGHT + 3 * PANEL_HEIGHT;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE).map_err(drawing)?;
    let (legend, panels) = root.split_vertically(LEGEND_HEIGHT);
    draw_legend(&legend, &peers)?;
    let panels = panels.split_evenly((3, 1));
    draw_costs(&panels[0], &scenes, &peers)?;
    draw_growth(&panels[1], &scenes, &peers)?;
    draw_latencies(&panels[2], &scenes, &peers)?;
    root.present().map_err(drawing)
}

/// The error of the drawing library lives no longer than the picture.
fn drawing(error: impl std::fmt::Display) -> Error {
    anyhow!("drawing the plot: {error}")
}

/// Everybody's name, in the order of the first scene that has it.
fn peers(scenes: &[&SceneReport]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for summary in scenes.iter().flat_map(|scene| &scene.summaries) {
        if !names.contains(&summary.peer) {
            names.push(summary.peer.clone());
        }
    }
    names
}

/// Paul Tol's bright and muted colors, which readers with defective color vision tell apart.
fn color(index: usize) -> RGBColor {
    const COLORS: [RGBColor; 14] = [
        RGBColor(187, 187, 187),
        RGBColor(68, 119, 170),
        RGBColor(238, 102, 119),
        RGBColor(34, 136, 51),
        RGBColor(204, 187, 68),
        RGBColor(102, 204, 238),
        RGBColor(170, 51, 119),
        RGBColor(51, 34, 136),
        RGBColor(136, 34, 85),
        RGBColor(153, 153, 51),
        RGBColor(17, 119, 51),
        RGBColor(68, 170, 153),
        RGBColor(204, 102, 119),
        RGBColor(0, 0, 0),
    ];
    COLORS[index % COLORS.len()]
}

fn draw_legend(area: &Area<'_>, peers: &[String]) -> Result<()> {
    const COLUMNS: usize = 7;
    let step = WIDTH as usize / COLUMNS;
    for (index, peer) in peers.iter().enumerate() {
        let x = (20 + index % COLUMNS * step) as i32;
        let y = (14 + index / COLUMNS * 24) as i32;
        let swatch = Rectangle::new([(x, y), (x + 14, y + 14)], color(index).filled());
        area.draw(&swatch).map_err(drawing)?;
        let label = Text::new(peer.clone(), (x + 20, y), (FONT, 15));
        area.draw(&label).map_err(drawing)?;
    }
    Ok(())
}

/// The range of positive values with some room, for an axis with logarithms.
fn decades(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let positive = values.filter(|value| *value > 0.0 && value.is_finite());
    let min = positive.clone().fold(f64::INFINITY, f64::min);
    let max = positive.fold(0.0, f64::max);
    (max > 0.0).then(|| (min / 2.0, max * 1.6))
}

/// A bar for each peer in each scene; the height is what an update that arrived costs.
fn draw_costs(area: &Area<'_>, scenes: &[&SceneReport], peers: &[String]) -> Result<()> {
    let moving: Vec<&&SceneReport> = scenes
        .iter()
        .filter(|scene| {
            scene
                .summaries
                .iter()
                .any(|summary| summary.share.is_some())
        })
        .collect();
    let values = moving
        .iter()
        .flat_map(|scene| scene.summaries.iter().filter_map(cost));
    let title = "Processor time for an update that arrived: peer and X server, milliseconds";
    let Some((low, high)) = decades(values) else {
        return Ok(());
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..moving.len() as f64, (low..high).log_scale())
        .map_err(drawing)?;
    draw_grid(&mut chart)?;
    let width = 0.86 / peers.len().max(1) as f64;
    for (group, scene) in moving.iter().enumerate() {
        for (index, peer) in peers.iter().enumerate() {
            let Some(value) = scene.summary(peer).and_then(cost) else {
                continue;
            };
            let left = group as f64 + 0.07 + width * index as f64;
            let bar = Rectangle::new(
                [(left, low), (left + width * 0.9, value.max(low))],
                color(index).filled(),
            );
            chart.draw_series([bar]).map_err(drawing)?;
        }
    }
    let names: Vec<String> = moving.iter().map(|scene| scene.scene.to_string()).collect();
    draw_names(area, &names)
}

/// The names of groups of equal width under a chart with the margins used here.
fn draw_names(area: &Area<'_>, names: &[String]) -> Result<()> {
    let (width, height) = area.dim_in_pixel();
    let room = f64::from(width) - 2.0 * 12.0 - 60.0;
    for (group, name) in names.iter().enumerate() {
        let middle = 12.0 + 60.0 + room * (group as f64 + 0.5) / names.len() as f64;
        let style = (FONT, 13)
            .into_text_style(area)
            .pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Center,
                plotters::style::text_anchor::VPos::Top,
            ));
        let place = (middle as i32, height.cast_signed() - 40);
        area.draw_text(name, &style, place).map_err(drawing)?;
    }
    Ok(())
}

type LogChart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, LogCoord<f64>>,
>;

fn draw_grid(chart: &mut LogChart<'_, '_>) -> Result<()> {
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_labels(8)
        .y_label_formatter(&|value| short(*value))
        .label_style((FONT, 13))
        .draw()
        .map_err(drawing)
}

/// Two figures that count.
fn short(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// A line for each peer: what a second of full motion costs with one to four monitors.
fn draw_growth(area: &Area<'_>, scenes: &[&SceneReport], peers: &[String]) -> Result<()> {
    let full: Vec<&&SceneReport> = scenes
        .iter()
        .filter(|report| {
            let Scene { pattern, size, .. } = report.scene;
            pattern == Pattern::Full && size == Size::FULL_HD
        })
        .collect();
    let percent = |summary: &Summary| summary.cpu.median * 100.0;
    let highest = full
        .iter()
        .flat_map(|report| report.summaries.iter().map(percent))
        .fold(0.0, f64::max);
    if highest == 0.0 {
        return Ok(());
    }
    let title =
        "Full motion, 1080p, 60 a second: processor time against monitors, % of one processor";
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(60)
        .build_cartesian_2d(0.8..4.2, 0.0..highest * 1.1)
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .x_labels(4)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style((FONT, 13))
        .draw()
        .map_err(drawing)?;
    for (index, peer) in peers.iter().enumerate() {
        let mut points: Vec<(f64, f64)> = full
            .iter()
            .filter_map(|report| {
                Some((report.scene.monitors as f64, percent(report.summary(peer)?)))
            })
            .collect();
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
        let line = LineSeries::new(points.clone(), color(index).stroke_width(2));
        chart.draw_series(line).map_err(drawing)?;
        let dots = points
            .into_iter()
            .map(|point| Circle::new(point, 4, color(index).filled()));
        chart.draw_series(dots).map_err(drawing)?;
    }
    Ok(())
}

/// For each peer in the largest scene of full motion: from the median to 99 of 100.
fn draw_latencies(area: &Area<'_>, scenes: &[&SceneReport], peers: &[String]) -> Result<()> {
    let full: Vec<&&SceneReport> = scenes
        .iter()
        .filter(|report| report.scene.pattern == Pattern::Full)
        .collect();
    let values = full
        .iter()
        .flat_map(|report| &report.summaries)
        .filter_map(|summary| summary.readable)
        .flat_map(|latency| [latency.p50, latency.p99]);
    let Some((low, high)) = decades(values) else {
        return Ok(());
    };
    let title = "Latency from drawing to reading in full motion: median to p99, milliseconds";
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(34)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..full.len() as f64, (low..high).log_scale())
        .map_err(drawing)?;
    draw_grid(&mut chart)?;
    let width = 0.86 / peers.len().max(1) as f64;
    for (group, report) in full.iter().enumerate() {
        for (index, peer) in peers.iter().enumerate() {
            let Some(latency) = report.summary(peer).and_then(|summary| summary.readable) else {
                continue;
            };
            let left = group as f64 + 0.07 + width * index as f64;
            let right = left + width * 0.9;
            let bars = [
                Rectangle::new(
                    [(left, latency.p50), (right, latency.p99)],
                    color(index).mix(0.5).filled(),
                ),
                Rectangle::new(
                    [(left, latency.p50), (right, latency.p50 * 1.03)],
                    color(index).filled(),
                ),
            ];
            chart.draw_series(bars).map_err(drawing)?;
        }
    }
    let names: Vec<String> = full.iter().map(|report| report.scene.to_string()).collect();
    draw_names(area, &names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_of_logarithms_starts_above_zero() {
        assert_eq!(decades([0.0, 2.0, 10.0].into_iter()), Some((1.0, 16.0)));
        assert_eq!(decades([0.0].into_iter()), None);
    }

    #[test]
    fn labels_have_two_figures() {
        for (value, label) in [
            (120.0, "120"),
            (1.25, "1.2"),
            (0.333, "0.33"),
            (0.0123, "0.012"),
        ] {
            assert_eq!(short(value), label);
        }
    }
}
