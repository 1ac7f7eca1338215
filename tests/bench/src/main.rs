/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Compares the capture engine with its peers, side by side in one run.
//!
//! [`compare`] sets up each scene of [`plan`]: an X server, the pattern program ([`painting`]), and
//! the peers by turns ([`turn`]). A peer is a process that writes a record for each frame that its
//! reader sees ([`sample`], [`code`]). [`analysis`], [`summary`] and [`targets`] make figures of
//! that, [`table`] and [`plot`] show them. What stands in [`peers`] knows only [`peer`], [`sample`],
//! [`page`] and [`stop`].

mod analysis;
mod code;
mod compare;
mod house;
mod log;
mod page;
mod painting;
mod pattern;
mod peer;
mod peers;
mod plan;
mod plot;
mod sample;
mod stop;
mod summary;
mod table;
mod targets;
mod turn;
mod usage;

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};

use compare::{Comparison, Report};
use pattern::Pattern;
use peer::{Cell, Peer};
use plan::{Pace, Scene, Size, full_scenes, quick_scenes};
use turn::ServerKind;

/// Compares the capture engine with its peers, side by side in one run.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Task {
    /// Show a report that was written before, with a new plot
    Show {
        /// The file `report.json` of a run
        report: PathBuf,
    },
    /// List the peers
    Peers,
    /// Draw a pattern (used by the bench itself)
    #[command(hide = true)]
    Pattern { cell: String, log: PathBuf },
    /// Run a peer (used by the bench itself)
    #[command(hide = true)]
    Peer {
        name: String,
        cell: String,
        samples: PathBuf,
    },
}

#[derive(Args)]
struct Options {
    /// A look in some minutes: fewer scenes, two short rounds
    #[arg(long)]
    quick: bool,
    /// Patterns instead of the usual scenes; every one with every number and size of monitors
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    patterns: Vec<Pattern>,
    /// Numbers of monitors, 1 to 4
    #[arg(long, value_delimiter = ',', value_name = "N,...", value_parser = clap::value_parser!(u8).range(1..=4))]
    monitors: Vec<u8>,
    /// Sizes of a monitor: 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, value_delimiter = ',', value_name = "SIZE,...")]
    sizes: Vec<Size>,
    /// Only these peers
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    peers: Vec<String>,
    /// How many turns each peer has
    #[arg(long)]
    rounds: Option<usize>,
    /// How long a turn is measured
    #[arg(long)]
    seconds: Option<f64>,
    /// What a turn begins with and does not measure, in seconds
    #[arg(long, value_name = "SECONDS")]
    warm_up: Option<f64>,
    /// The engine's long run for the slope of its memory; 0 for none [default: 600, with --quick 0]
    #[arg(long, value_name = "SECONDS")]
    soak: Option<f64>,
    /// The share of one processor that other programs may use, in percent
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    max_load: f64,
    /// Xvfb instead of Xorg with its dummy driver
    #[arg(long)]
    xvfb: bool,
    /// The browser, for the way to a page
    #[arg(long, value_name = "PROGRAM")]
    captureshell: Option<PathBuf>,
    /// Where the report, the plot and all samples go
    #[arg(long, default_value = "target/bench", value_name = "FOLDER")]
    output: PathBuf,
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let done = match command_line.task {
        None => compare(&command_line.options),
        Some(Task::Show { report }) => show(&report),
        Some(Task::Peers) => list_peers(),
        Some(Task::Pattern { cell, log }) => {
            read_cell(&cell).and_then(|cell| painting::run(&cell, &log))
        }
        Some(Task::Peer {
            name,
            cell,
            samples,
        }) => read_cell(&cell).and_then(|cell| run_peer(&name, &cell, &samples)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("capture-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn read_cell(text: &str) -> Result<Cell> {
    serde_json::from_str(text).context("reading the cell")
}

fn run_peer(name: &str, cell: &Cell, samples: &Path) -> Result<()> {
    if house::is_own(name) {
        house::run(name, cell, samples)
    } else {
        peers::run(name, cell, samples)
    }
}

fn all_peers(captureshell: Option<&Path>) -> Vec<Box<dyn Peer>> {
    let mut all = house::all(captureshell);
    all.extend(peers::all());
    all
}

fn list_peers() -> Result<()> {
    let mut output = std::io::stdout().lock();
    for peer in all_peers(None) {
        writeln!(output, "{:22} {:?}", peer.name(), peer.reach())?;
    }
    Ok(())
}

fn compare(options: &Options) -> Result<()> {
    fs::create_dir_all(&options.output)
        .with_context(|| format!("creating {}", options.output.display()))?;
    let output = options
        .output
        .canonicalize()
        .context("the output's folder")?;
    let captureshell = match &options.captureshell {
        Some(path) => Some(
            path.canonicalize()
                .with_context(|| format!("finding {}", path.display()))?,
        ),
        None => None,
    };
    let usual = if options.quick {
        Pace::QUICK
    } else {
        Pace::FULL
    };
    let pace = Pace {
        rounds: options.rounds.unwrap_or(usual.rounds),
        seconds: options.seconds.unwrap_or(usual.seconds),
        warm_up: options.warm_up.unwrap_or(usual.warm_up),
    };
    if pace.rounds == 0
        || !(1.0..=3600.0).contains(&pace.seconds)
        || !(0.0..=60.0).contains(&pace.warm_up)
    {
        bail!("at least one round of 1 to 3600 seconds after 0 to 60 is wanted, not {pace:?}");
    }
    let soak_seconds = options
        .soak
        .unwrap_or(if options.quick { 0.0 } else { 600.0 });
    if !(0.0..=86_400.0).contains(&soak_seconds) {
        bail!("the long run may take up to a day, not {soak_seconds} seconds");
    }
    let comparison = Comparison {
        scenes: scenes(options),
        pace,
        server: if options.xvfb {
            ServerKind::Xvfb
        } else {
            ServerKind::XorgDummy
        },
        peers: all_peers(captureshell.as_deref()),
        wanted: options.peers.clone(),
        load_limit: options.max_load / 100.0,
        soak_seconds,
        output: output.clone(),
    };
    comparison.check_names()?;
    eprintln!(
        "This takes about {:.0} minutes.",
        (comparison.estimate() / 60.0).ceil()
    );
    let report = comparison.run()?;
    let path = output.join("report.json");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let mut file = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut file, &report).context("writing the report")?;
    file.flush().context("writing the report")?;
    show(&path)
}

fn scenes(options: &Options) -> Vec<Scene> {
    if options.patterns.is_empty() && options.monitors.is_empty() && options.sizes.is_empty() {
        return if options.quick {
            quick_scenes()
        } else {
            full_scenes()
        };
    }
    let or = |given: &[Pattern]| {
        if given.is_empty() {
            vec![Pattern::Full]
        } else {
            given.to_vec()
        }
    };
    let sizes = if options.sizes.is_empty() {
        vec![Size::FULL_HD]
    } else {
        options.sizes.clone()
    };
    let counts = if options.monitors.is_empty() {
        vec![3]
    } else {
        options.monitors.clone()
    };
    let mut scenes = Vec::new();
    for size in sizes {
        for pattern in or(&options.patterns) {
            scenes.extend(counts.iter().map(|count| Scene {
                pattern,
                monitors: usize::from(*count),
                size,
            }));
        }
    }
    scenes
}

/// Prints a report and draws its plot beside it.
fn show(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let report: Report =
        serde_json::from_reader(BufReader::new(file)).context("reading the report")?;
    let plot = path.with_file_name("report.svg");
    plot::write(&report, &plot)?;
    let text = table::text(&report);
    let text_path = path.with_file_name("report.txt");
    fs::write(&text_path, &text).with_context(|| format!("writing {}", text_path.display()))?;
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .context("printing the report")?;
    writeln!(
        output,
        "\n{}\n{}\n{}",
        path.display(),
        text_path.display(),
        plot.display()
    )
    .context("printing the report")
}
