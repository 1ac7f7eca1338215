/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A browser on Servo with the web's screen capture APIs.

mod batch;
mod cli;
mod config;
mod delegate;
mod embedder;
mod headless;
mod information;
mod notice;
mod output;
mod prompts;
mod record;
mod screens;
mod shell;
mod tabs;
mod watch;
mod webdriver;
mod window;

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use servo::protocol_handler::ProtocolRegistry;
use servo::{EventLoopWaker, Opts, Preferences, Servo, ServoBuilder};
use servo_capture::{CaptureConfig, CaptureControl};
use servo_media::BackendInit as _;
use servo_media_gstreamer::GStreamerBackend;
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::batch::Batch;
use crate::cli::{Arguments, Command};
use crate::embedder::ShellEmbedder;
use crate::headless::Headless;
use crate::information::{Facts, Information, InformationProtocol, Link, SCHEME};
use crate::notice::CaptureWarning;
use crate::screens::ScreensDesk;
use crate::shell::{EXIT_CONFIGURATION, EXIT_SUCCESS, EXIT_UNAVAILABLE, Frontend, Shell};
use crate::webdriver::WebDriver;

/// How Servo starts this program again for the pages of one site.
const CONTENT_PROCESS: &str = "--content-process";
/// How long Servo may take to end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    // A page's process is told what it is by Servo and reads no other option.
    let mut arguments = std::env::args().skip_while(|argument| argument != CONTENT_PROCESS);
    if arguments.next().is_some()
        && let Some(token) = arguments.next()
    {
        obey_parent();
        install_libraries();
        servo::run_content_process(token);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    if let Some(shell) = arguments.completions {
        let mut script = Vec::new();
        let mut command = Arguments::command();
        clap_complete::generate(shell, &mut command, "captureshell", &mut script);
        // Whoever reads it may stop early.
        let _ = output::print_line(String::from_utf8_lossy(&script).trim_end());
        return ExitCode::SUCCESS;
    }
    if let Some(Command::Record(record)) = &arguments.command {
        return ExitCode::from(record::run(&arguments, record));
    }
    match run(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::complain(format_args!("{:#}", failure.error));
            ExitCode::from(failure.code)
        }
    }
}

/// Lets the browser decide when this process of a page ends: a signal to the whole group (Ctrl+C)
/// would end it before Servo is ready, and Servo then waits for it; and it must not outlive the
/// browser, however that ends.
fn obey_parent() {
    use signal_hook::consts::{SIGINT, SIGTERM};

    for signal in [SIGINT, SIGTERM] {
        // Without it the page merely crashes at the signal.
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

/// Why the browser did not run, and how it says so to whoever started it.
struct Failure {
    code: u8,
    error: anyhow::Error,
}

trait OrExit<T> {
    /// On an error the program ends with `code`.
    fn or_exit(self, code: u8) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: u8) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            code,
            error: error.into(),
        })
    }
}

/// Everything that is settled before Servo starts.
struct Start {
    url: Url,
    preferences: Preferences,
    webdriver_port: Option<u16>,
    multiprocess: bool,
    print_console: bool,
    screens: Arc<ScreensDesk>,
    /// What people are told first.
    warning: Option<CaptureWarning>,
    control: CaptureControl,
    link: Arc<Link>,
    facts: Arc<Facts>,
}

fn run(arguments: &Arguments) -> Result<u8, Failure> {
    // Bad luck with the log is no reason not to run.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into()))
        .with_writer(std::io::stderr)
        .try_init();
    let configuration = match config::load(arguments) {
        Ok(configuration) => configuration,
        Err(errors) => {
            for error in errors {
                output::complain(format_args!("{error}"));
            }
            return Ok(EXIT_CONFIGURATION);
        }
    };
    for warning in &configuration.warnings {
        output::complain(format_args!("{warning}"));
    }
    let url = start_page(arguments).or_exit(2)?;
    let webdriver_port = arguments.webdriver.map(webdriver_port).transpose()?;

    install_libraries();
    let screens = Arc::<ScreensDesk>::default();
    let link = Arc::<Link>::default();
    let facts = Arc::new(Facts::new(&configuration));
    let warning = CaptureWarning::new(&configuration);
    let control = servo_capture::configure(
        CaptureConfig {
            backend: arguments.capture_backend,
            policy: configuration.policy,
            record: configuration.record,
            policy_problems: configuration
                .warnings
                .iter()
                .map(ToString::to_string)
                .collect(),
            is_automated: webdriver_port.is_some(),
        },
        Arc::new(ShellEmbedder {
            link: link.clone(),
            screens: screens.clone(),
        }),
    )
    .or_exit(EXIT_UNAVAILABLE)?;
    watch::start(arguments, control.clone(), facts.clone(), link.clone());
    let start = Start {
        url,
        preferences: configuration.engine,
        webdriver_port,
        multiprocess: arguments.multiprocess,
        print_console: arguments.print_console,
        screens,
        warning,
        control,
        link,
        facts,
    };
    let mut batch = Batch::new(arguments);
    if arguments.headless {
        run_headless(arguments, &start, &mut batch)
    } else {
        window::run(arguments, start, batch)
    }
}

/// What Servo needs of other libraries; in each of its processes, before Servo.
fn install_libraries() {
    // Fails only if there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    servo_media_capture::install(GStreamerBackend::init);
}

fn start_page(arguments: &Arguments) -> anyhow::Result<Url> {
    let text = arguments.url.as_deref().unwrap_or("about:blank");
    let directory = std::env::current_dir().ok();
    Ok(cli::address(text, directory.as_deref())?)
}

fn webdriver_port(port: u16) -> Result<u16, Failure> {
    let free = webdriver::free_port(port).map_err(|error| Failure {
        code: EXIT_UNAVAILABLE,
        error: anyhow::anyhow!("WebDriver cannot listen on 127.0.0.1:{port}: {error}"),
    })?;
    if port == 0 {
        output::complain(format_args!("WebDriver listens on 127.0.0.1:{free}"));
    }
    Ok(free)
}

impl Start {
    /// Starts Servo and whatever commands it. From here on channels may be made.
    fn servo(&self, waker: Box<dyn EventLoopWaker>) -> (Servo, Option<WebDriver>) {
        let mut protocols = ProtocolRegistry::default();
        if let Err(error) = protocols.register(SCHEME, InformationProtocol) {
            // Only for the schemes of the web.
            log::error!("{SCHEME}: {error:?}");
        }
        let servo = ServoBuilder::default()
            .protocol_registry(protocols)
            .opts(Opts {
                multiprocess: self.multiprocess,
                // A page that crashes must not take the browser with it.
                hard_fail: false,
                ..Opts::default()
            })
            .preferences(self.preferences.clone())
            .event_loop_waker(waker.clone())
            .build();
        let webdriver = self
            .webdriver_port
            .map(|port| WebDriver::start(port, waker, self.preferences.clone()));
        (servo, webdriver)
    }

    /// Starts the browser. Its first page waits for [`Shell::open_first`].
    fn shell(&self, frontend: Rc<dyn Frontend>, waker: Box<dyn EventLoopWaker>) -> Rc<Shell> {
        let (servo, webdriver) = self.servo(waker.clone());
        self.screens.wake_by(waker.clone());
        self.link.set_waker(waker);
        let information =
            Information::new(self.control.clone(), self.link.clone(), self.facts.clone());
        let first = self.url.clone();
        let shell = Shell::new(
            servo,
            frontend,
            webdriver,
            information,
            self.screens.clone(),
            self.print_console,
            first,
        );
        shell.listen();
        shell
    }
}

fn run_headless(arguments: &Arguments, start: &Start, batch: &mut Batch) -> Result<u8, Failure> {
    let (waker, sleeper) = headless::waker();
    let signals = Signals::watch(Box::new(waker.clone())).or_exit(EXIT_UNAVAILABLE)?;
    let frontend = Rc::new(Headless::new(arguments.window_size()));
    // Says early, and without Servo's panics, that there is no OpenGL.
    drop(frontend.rendering_context().or_exit(EXIT_UNAVAILABLE)?);
    let shell = start.shell(frontend.clone(), Box::new(waker));
    // Told before any page can capture.
    if let Some(warning) = &start.warning {
        output::complain(format_args!("{}", warning.line()));
    }
    shell.open_first().or_exit(EXIT_UNAVAILABLE)?;
    let code = frontend.run(&shell, &sleeper, &signals, batch);
    limit_shutdown(code);
    shell.shut_down();
    Ok(code)
}

/// Ends the program with `code` when Servo has not ended by itself within [`SHUTDOWN_LIMIT`]: it
/// waits for all of its processes and threads, one of which may hang.
fn limit_shutdown(code: u8) {
    let _ = std::thread::Builder::new()
        .name("Shutdown".to_owned())
        .spawn(move || {
            std::thread::sleep(SHUTDOWN_LIMIT);
            output::complain(format_args!("a page did not end in time"));
            signal_hook::low_level::exit(code.into());
        });
}

/// Watches for the signals that ask the browser to end, and for the end of its processes.
pub struct Signals {
    is_end_asked: Arc<AtomicBool>,
    has_process_ended: Arc<AtomicBool>,
    handle: signal_hook::iterator::Handle,
}

impl Signals {
    /// From now on the first SIGINT or SIGTERM wakes the loop; another one ends the program there
    /// and then.
    fn watch(waker: Box<dyn EventLoopWaker>) -> std::io::Result<Self> {
        use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};

        let mut signals = signal_hook::iterator::Signals::new([SIGCHLD, SIGINT, SIGTERM])?;
        let this = Self {
            is_end_asked: Arc::default(),
            has_process_ended: Arc::default(),
            handle: signals.handle(),
        };
        let (ask, end) = (this.is_end_asked.clone(), this.has_process_ended.clone());
        std::thread::Builder::new()
            .name("Signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if signal == SIGCHLD {
                        end.store(true, Ordering::SeqCst);
                    } else if ask.swap(true, Ordering::SeqCst) {
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                    waker.wake();
                }
            })?;
        Ok(this)
    }

    /// Tells the shell what came since the last call.
    pub fn pass_on(&self, shell: &Rc<Shell>) {
        if self.is_end_asked.load(Ordering::SeqCst) {
            shell.request_exit(EXIT_SUCCESS);
        }
        if self.has_process_ended.swap(false, Ordering::SeqCst) {
            shell.find_crashed();
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
    }
}
