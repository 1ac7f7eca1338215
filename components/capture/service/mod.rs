/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The threads of the service, and how the browser starts it.
//!
//! Three threads: the service itself (`runner`), which alone decides; the
//! engine, which alone talks to the display server about pixels; and the
//! indicator's. They talk through bounded channels, and the service waits for
//! neither of the others.

mod backends;
mod engine;
mod inbox;
mod indicator_thread;
mod pool;
mod runner;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::bounded;
use servo_capture_traits::CaptureServiceHandle;

use self::engine::Engine;
use self::runner::Runner;
use crate::core::{CaptureNotice, Core};
use crate::grabber::{BackendChoice, GrabberFactory};
use crate::indicator::IndicatorFactory;
use crate::policy::CapturePolicy;

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
}

/// The shell's side of the service: it is told what people should know.
pub trait CaptureEmbedder: Send + Sync {
    /// Called on the service's thread: must not block.
    fn notify(&self, notice: CaptureNotice);
}

/// A second configuration came.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the capture service is configured once, before Servo is built")]
pub struct ConfigureError;

struct Configuration {
    config: CaptureConfig,
    embedder: Arc<dyn CaptureEmbedder>,
}

static CONFIGURATION: OnceLock<Configuration> = OnceLock::new();

/// Configures the service of this process. Makes no channel, so that it may be
/// called before Servo is built.
///
/// # Errors
/// On the second call.
pub fn configure(
    config: CaptureConfig,
    embedder: Arc<dyn CaptureEmbedder>,
) -> Result<(), ConfigureError> {
    CONFIGURATION
        .set(Configuration { config, embedder })
        .map_err(|_| ConfigureError)
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
    });
    let (notices, embedder_notices) = bounded(MAX_WAITING_NOTICES);
    let backend = configuration.config.backend;
    let grabber = backends::grabber_factory(backend, notices);
    let indicator = backends::indicator_factory(backend);
    Service {
        policy: configuration.config.policy.clone(),
        embedder: configuration.embedder.clone(),
        grabber,
        indicator,
        embedder_notices,
    }
    .start()
}

/// The parts of a service, before it runs.
struct Service {
    policy: CapturePolicy,
    embedder: Arc<dyn CaptureEmbedder>,
    grabber: GrabberFactory,
    indicator: IndicatorFactory,
    embedder_notices: crossbeam_channel::Receiver<CaptureNotice>,
}

impl Service {
    fn start(self) -> CaptureServiceHandle {
        let exposed = self.policy.all_screens_enabled;
        let (inbox, mail) = inbox::inbox();
        let inbox = Arc::new(inbox);
        let (events, events_receiver) = bounded(MAX_WAITING);
        let (engine, engine_commands) = bounded(MAX_WAITING);
        let (indicator, indicator_commands) = bounded(MAX_WAITING);

        let engine_events = events.clone();
        let engine_logic = Engine::new(self.grabber);
        let engine_thread = spawn("CaptureEngine", move || {
            engine::run(engine_logic, &engine_commands, engine_events);
        });
        let factory = self.indicator;
        let indicator_thread = spawn("CaptureIndicator", move || {
            indicator_thread::run(factory, &indicator_commands, &events);
        });
        let runner = Runner {
            core: Core::new(self.policy),
            started: Instant::now(),
            inbox: inbox.clone(),
            embedder: self.embedder,
            engine,
            indicator,
            replies: HashMap::new(),
            sinks: HashMap::new(),
            last_request: 0,
            embedder_notices: self.embedder_notices,
        };
        let threads = [engine_thread, indicator_thread];
        let service = spawn("Capture", move || {
            // The runner drops the commands' senders, which ends the others.
            let done = runner.run(&mail, &events_receiver);
            drop(events_receiver);
            for thread in threads.into_iter().flatten() {
                if thread.join().is_err() {
                    log::error!("a thread of the capture service panicked");
                }
            }
            if let Some(done) = done {
                // Err: nobody waits any more.
                let _ = done.send(());
            }
        });
        if service.is_none() {
            log::error!("the capture service has no thread: nothing can be captured");
        }
        CaptureServiceHandle::new(inbox, exposed)
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
