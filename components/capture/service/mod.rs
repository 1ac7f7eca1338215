/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The threads of the service, and how the browser starts it.
//!
//! Four threads: the service itself (`runner`), which alone decides; the
//! engine, which alone talks to the display server about pixels; the
//! indicator's; and the desktop's. They talk through bounded channels, and the
//! service waits for none of the others.

mod backends;
mod control;
#[cfg(test)]
#[expect(dead_code, reason = "tests of the engine use a part of it")]
mod direct;
mod engine;
mod inbox;
mod indicator_thread;
mod obituary;
mod outbox;
mod runner;
mod screens;
mod sinks;
#[cfg(test)]
mod tests;
mod thread_handle;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::bounded;
use parking_lot::Mutex;
use servo_capture_traits::CaptureServiceHandle;

pub use self::control::{CaptureControl, CaptureStatus, ControlError};
use self::control::{Desk, control};
pub use self::engine::EngineCounts;
use self::engine::{EngineCounters, IndicatorWatch};
use self::outbox::{Bundle, Outboxes, Posting};
use self::runner::Runner;
use self::screens::ScreensDesk;
pub use self::screens::{ScreensQuestion, ServiceLink};
use self::sinks::Sinks;
use crate::core::{CaptureNotice, Core};
use crate::desktop::{self, DesktopFactory, LiveCaptures};
use crate::grabber::{BackendChoice, GrabberFactory};
use crate::indicator::{IndicatorFactory, Marks};
use crate::policy::CapturePolicy;
use crate::record::{RecordKeeper, RecordSettings};
use crate::transport::Transport;

/// Commands and events that may wait between two of the service's threads.
const MAX_WAITING: usize = 1024;
/// Notices that may wait for the shell; more are dropped, they only inform.
const MAX_WAITING_NOTICES: usize = 64;

/// What the shell decides about the service, once, before Servo starts.
#[derive(Clone, Debug, Default)]
pub struct CaptureConfig {
    /// Where pixels come from.
    pub backend: BackendChoice,
    /// Who may capture what.
    pub policy: CapturePolicy,
    /// What is kept of it.
    pub record: RecordSettings,
    /// What is wrong with the preferences, for the record.
    pub policy_problems: Vec<String>,
    /// Whether WebDriver drives the browser, and may set permissions.
    pub is_automated: bool,
}

/// The shell's side of the service: it is told what people should know.
pub trait CaptureEmbedder: Send + Sync {
    /// Called on the service's thread: must not block.
    fn notify(&self, notice: CaptureNotice);

    /// The service is about to run, and this is the way to it.
    fn started(&self, _service: ServiceLink) {}

    /// The user is to be asked. Called on the service's thread: must not block.
    /// Without anybody to ask, the question is dropped.
    fn ask_about_screens(&self, _question: ScreensQuestion) {}

    /// [`CaptureControl::status`] or the record has changed. Called on the
    /// service's thread: must not block.
    fn changed(&self) {}
}

/// A second configuration came.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the capture service is configured once, before Servo is built")]
pub struct ConfigureError;

struct Configuration {
    config: CaptureConfig,
    embedder: Arc<dyn CaptureEmbedder>,
    desk: Desk,
}

static CONFIGURATION: OnceLock<Configuration> = OnceLock::new();
/// Of the engine that was started last in this process.
static COUNTERS: Mutex<Option<Arc<EngineCounters>>> = Mutex::new(None);

/// What the capture engine of this process has done so far, for whoever measures;
/// none before [`start`].
pub fn engine_counts() -> Option<EngineCounts> {
    COUNTERS.lock().as_ref().map(|counters| counters.counts())
}

/// Configures the service of this process. Makes no channel, so that it may be
/// called before Servo is built.
///
/// # Errors
/// On the second call.
pub fn configure(
    config: CaptureConfig,
    embedder: Arc<dyn CaptureEmbedder>,
) -> Result<CaptureControl, ConfigureError> {
    let (control, desk) = control(config.policy.clone());
    CONFIGURATION
        .set(Configuration {
            config,
            embedder,
            desk,
        })
        .map_err(|_| ConfigureError)?;
    Ok(control)
}

/// Logs what the shell would be told, where no shell has configured anything.
struct LogEmbedder;

impl CaptureEmbedder for LogEmbedder {
    fn notify(&self, notice: CaptureNotice) {
        log::info!("{notice}");
    }
}

/// Starts the service. Called by Servo when it makes the constellation. An
/// embedder that has not called [`configure`] gets a service that allows nobody.
pub fn start() -> CaptureServiceHandle {
    let configuration = CONFIGURATION.get_or_init(|| Configuration {
        config: CaptureConfig::default(),
        embedder: Arc::new(LogEmbedder),
        desk: control(CapturePolicy::default()).1,
    });
    let (notices, embedder_notices) = bounded(MAX_WAITING_NOTICES);
    let backend = configuration.config.backend;
    let grabber = backends::grabber_factory(backend, notices);
    let marks = Marks::default();
    let indicator = backends::indicator_factory(backend, marks.clone());
    let user_may_stop = configuration.config.policy.user_may_stop;
    Service {
        policy: configuration.config.policy.clone(),
        record: configuration.config.record.clone(),
        policy_problems: configuration.config.policy_problems.clone(),
        is_automated: configuration.config.is_automated,
        embedder: configuration.embedder.clone(),
        desk: configuration.desk.clone(),
        grabber,
        indicator,
        marks,
        desktop: desktop::factory(user_may_stop),
        embedder_notices,
        posting: if servo_config::opts::get().multiprocess {
            Posting::OnThreads
        } else {
            Posting::Directly
        },
    }
    .start()
}

/// The parts of a service, before it runs.
struct Service {
    policy: CapturePolicy,
    record: RecordSettings,
    policy_problems: Vec<String>,
    is_automated: bool,
    embedder: Arc<dyn CaptureEmbedder>,
    desk: Desk,
    grabber: GrabberFactory,
    indicator: IndicatorFactory,
    /// What the indicators of that factory tell the engine.
    marks: Marks,
    desktop: DesktopFactory,
    embedder_notices: crossbeam_channel::Receiver<CaptureNotice>,
    posting: Posting,
}

impl Service {
    fn start(self) -> CaptureServiceHandle {
        let exposed = self.policy.all_screens_enabled;
        let policy = self.policy.clone();
        let (events, events_receiver) = bounded(MAX_WAITING);
        let outboxes = Arc::new(Outboxes::new(self.posting, events.clone()));
        let (inbox, mail) = inbox::inbox(outboxes.clone());
        let inbox = Arc::new(inbox);
        self.embedder.started(ServiceLink::new(inbox.clone()));

        let watch = IndicatorWatch {
            marks: self.marks,
            is_masked: self.policy.mask_indicator,
        };
        let (engine, engine_thread) =
            engine::spawn(self.grabber, watch, events.clone(), MAX_WAITING);
        *COUNTERS.lock() = Some(engine.counters().clone());
        let (desktop, desktop_thread) = (self.desktop)(events.clone());
        let (indicator, indicator_thread) =
            indicator_thread::spawn(self.indicator, events, MAX_WAITING);
        let record = RecordKeeper::new(&self.record, self.policy.record_required);
        let problems = self.policy_problems;
        let mut runner = Runner {
            core: Core::new(self.policy).automated(self.is_automated),
            started: Instant::now(),
            inbox: inbox.clone(),
            embedder: self.embedder,
            desk: self.desk,
            engine,
            indicator,
            replies: HashMap::new(),
            configure_replies: HashMap::new(),
            outboxes,
            bundle: Bundle::default(),
            sinks: Sinks::default(),
            last_request: 0,
            embedder_notices: self.embedder_notices,
            record,
            desktop,
            captures: LiveCaptures::default(),
            screens: ScreensDesk::default(),
        };
        let threads = [engine_thread, indicator_thread, desktop_thread];
        let transport = Transport::start(servo_config::opts::get().multiprocess);
        let pools = transport.access();
        let service = spawn("Capture", move || {
            runner.policy_problems(problems);
            // The runner drops the commands' senders, which ends the others.
            let done = runner.run(&mail, &events_receiver);
            drop(events_receiver);
            for thread in threads.into_iter().flatten() {
                if thread.join().is_err() {
                    log::error!("a thread of the capture service panicked");
                }
            }
            drop(transport);
            if let Some(done) = done {
                // Err: nobody waits any more.
                let _ = done.send(());
            }
        });
        if service.is_none() {
            log::error!("the capture service has no thread: nothing can be captured");
        }
        CaptureServiceHandle::new(inbox, exposed)
            .with_pools(pools)
            .with_candidates(move |origin| policy.check_all_screens(origin).is_ok())
    }
}

/// A named thread; none when the system has no more, which is logged.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .inspect_err(|error| log::error!("{name}: {error}"))
        .ok()
}
