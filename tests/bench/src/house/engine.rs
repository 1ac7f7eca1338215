/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The capture service as the browser has it, policy and indicator included, in a process of its
//! own; the consumer in another one, as a page is with `--multiprocess`, or in the same.

use std::env;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use capture_test_rig::process::Process;
use ipc_channel::ipc::{self, IpcOneShotServer, IpcSender};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use servo_base::id::{PipelineId, PipelineNamespace, PipelineNamespaceId, ScriptEventLoopId};
use servo_capture::policy::CapturePolicy;
use servo_capture::{BackendChoice, CaptureConfig, CaptureEmbedder, CaptureNotice, RecordSettings};
use servo_capture_traits::{CaptureClient, CaptureServiceHandle};
use servo_config::opts::{Opts, initialize_options};
use url::Url;

use super::consumer::{self, ORIGIN};
use super::counts::{self, Counts};
use crate::pattern::Pattern;
use crate::peer::{Cell, Peer, Reach, is_for_first_alone, own_command};
use crate::plan::Scene;
use crate::sample::SampleWriter;
use crate::stop::Stop;
use crate::targets::{HOUSE, HOUSE_FIRST};

const LOCAL: &str = "servo-capture-local";
const CONSUMER: &str = "servo-capture-consumer";
/// Keeps the source of the first monitor alone.
const CONSUMER_OF_FIRST: &str = "servo-capture-consumer-first";
/// Tells the consumer how to reach the service.
const SERVER_VARIABLE: &str = "CAPTURE_BENCH_SERVICE";
/// How long the consumer's process may take until it has asked for the service.
const CONSUMER_START: Duration = Duration::from_secs(10);
/// How long it may take to end.
const CONSUMER_STOP: Duration = Duration::from_secs(3);

/// The service with its consumer in another process, and in the same.
pub fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(Engine {
            name: HOUSE,
            reach: Reach::OtherProcess,
        }),
        Box::new(Engine {
            name: HOUSE_FIRST,
            reach: Reach::OtherProcess,
        }),
        Box::new(Engine {
            name: LOCAL,
            reach: Reach::Captured,
        }),
    ]
}

/// Whether this is one of the engine's programs.
pub fn is_own(name: &str) -> bool {
    [HOUSE, HOUSE_FIRST, LOCAL, CONSUMER, CONSUMER_OF_FIRST].contains(&name)
}

struct Engine {
    name: &'static str,
    reach: Reach,
}

impl Peer for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn suits(&self, scene: &Scene) -> bool {
        self.name != HOUSE_FIRST || scene.pattern == Pattern::OneOfN
    }

    fn can_run(&self, cell: &Cell) -> Result<(), String> {
        if self.name == HOUSE_FIRST {
            is_for_first_alone(cell)
        } else {
            Ok(())
        }
    }

    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command> {
        own_command(self.name, cell, samples)
    }

    fn counts(&self, samples: &Path) -> Option<PathBuf> {
        Some(counts::path(samples))
    }
}

/// What the consumer's process is given, as an event loop's is.
#[derive(Deserialize, Serialize)]
struct Introduction {
    client: CaptureClient,
    pipeline: PipelineId,
}

/// Runs the service or its consumer.
///
/// # Errors
/// Either cannot start, or the service refuses or ends the capture.
pub fn run(name: &str, cell: &Cell, samples: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    initialize_options(Opts {
        multiprocess: name != LOCAL,
        ..Opts::default()
    });
    match name {
        CONSUMER | CONSUMER_OF_FIRST => {
            let introduction = ask_for_service()?;
            let kept = if name == CONSUMER { usize::MAX } else { 1 };
            consume(&introduction, cell, kept, samples, &stop, None)
        }
        LOCAL => {
            let counts = Counts::tell_beside(samples)?;
            let (service, introduction) = start_service()?;
            let done = consume(
                &introduction,
                cell,
                usize::MAX,
                samples,
                &stop,
                Some(counts),
            );
            service.exit();
            done
        }
        _ => {
            let counts = Counts::tell_beside(samples)?;
            let (service, introduction) = start_service()?;
            let consumer = if name == HOUSE_FIRST {
                CONSUMER_OF_FIRST
            } else {
                CONSUMER
            };
            let done = serve(introduction, consumer, cell, samples, &stop, counts);
            service.exit();
            done
        }
    }
}

/// Writes the service's words for people to standard error, as the browser does.
struct Notices;

impl CaptureEmbedder for Notices {
    fn notify(&self, notice: CaptureNotice) {
        eprintln!("{notice}");
    }
}

fn start_service() -> Result<(CaptureServiceHandle, Introduction)> {
    let allowed = ORIGIN
        .parse()
        .map_err(|error| anyhow!("the origin's pattern: {error}"))?;
    let config = CaptureConfig {
        backend: BackendChoice::X11,
        policy: CapturePolicy {
            all_screens_enabled: true,
            all_screens_allowed_origins: vec![allowed],
            ..CapturePolicy::default()
        },
        record: RecordSettings {
            enabled: false,
            ..RecordSettings::default()
        },
        ..CaptureConfig::default()
    };
    servo_capture::configure(config, Arc::new(Notices))?;
    let service = servo_capture::start();
    PipelineNamespace::install(PipelineNamespaceId(1));
    let pipeline = PipelineId::new();
    // What the constellation says of a page in a window of its own.
    let event_loop = ScriptEventLoopId::new();
    let client = service.mint_client(event_loop);
    let url = Url::parse(ORIGIN).context("the origin's address")?;
    let host = url.host().map(|host| host.to_owned());
    service.event_loop_serves(event_loop, host.as_ref(), |_| false);
    service.pipeline_placed(pipeline, event_loop, true);
    service.pipeline_activity(pipeline, true);
    Ok((service, Introduction { client, pipeline }))
}

/// Starts the consumer's process, introduces it, and waits for the end.
fn serve(
    introduction: Introduction,
    consumer: &str,
    cell: &Cell,
    samples: &Path,
    stop: &Stop,
    mut counts: Counts,
) -> Result<()> {
    let (server, name) = IpcOneShotServer::<IpcSender<Introduction>>::new()
        .context("making a way to the consumer")?;
    let mut command = own_command(consumer, cell, samples)?;
    command.env(SERVER_VARIABLE, name);
    let mut consumer = Process::spawn(command)?;
    let (accepted, connections) = sync_channel(1);
    // A thread, because this wait has no deadline of its own; it ends with the process.
    thread::Builder::new()
        .name("Accept".to_owned())
        .spawn(move || accepted.send(server.accept()))
        .context("starting a thread")?;
    let (_, sender) = connections
        .recv_timeout(CONSUMER_START)
        .with_context(|| format!("waiting for the consumer: {}", consumer.log_tail()))?
        .context("meeting the consumer")?;
    sender
        .send(introduction)
        .context("introducing the consumer")?;
    while !stop.reached() {
        if let Some(status) = consumer.try_wait()? {
            bail!("the consumer ended ({status})\n{}", consumer.log_tail());
        }
        counts.tell()?;
        stop.wait(&[counts.as_fd(), consumer.as_fd()]);
    }
    consumer.signal(Signal::TERM)?;
    let status = consumer.wait(CONSUMER_STOP)?;
    if !status.success() {
        bail!("the consumer failed ({status})\n{}", consumer.log_tail());
    }
    Ok(())
}

fn ask_for_service() -> Result<Introduction> {
    let name =
        env::var(SERVER_VARIABLE).with_context(|| format!("{SERVER_VARIABLE} names no service"))?;
    let server =
        IpcSender::<IpcSender<Introduction>>::connect(name).context("finding the service")?;
    let (sender, receiver) = ipc::channel().context("making a channel")?;
    server.send(sender).context("asking the service")?;
    receiver
        .try_recv_timeout(CONSUMER_START)
        .map_err(|error| anyhow!("waiting for the service: {error}"))
}

fn consume(
    introduction: &Introduction,
    cell: &Cell,
    kept: usize,
    samples: &Path,
    stop: &Stop,
    counts: Option<Counts>,
) -> Result<()> {
    let writer = Arc::new(Mutex::new(SampleWriter::create(samples, cell)?));
    consumer::consume(
        &introduction.client,
        introduction.pipeline,
        cell,
        kept,
        &writer,
        stop,
        counts,
    )?;
    let writer = Arc::into_inner(writer).context("a reader still runs")?;
    let writer = writer
        .into_inner()
        .map_err(|_| anyhow!("a reader panicked"))?;
    writer.finish()
}
