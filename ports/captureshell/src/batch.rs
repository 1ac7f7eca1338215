/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A run with an end: `--screenshot`, `--output` and `--exit-after`.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use servo::{JSValue, WebView};

use crate::cli::Arguments;
use crate::output::{self, Stream};
use crate::shell::{EXIT_CANNOT_WRITE, EXIT_PAGE_FAILED, EXIT_SUCCESS, Shell};

/// How long a page may take to load when its picture is all that is wanted.
const LOAD_LIMIT: Duration = Duration::from_secs(60);
/// How long streams may run before their picture is taken, without `--exit-after`.
const STREAMS_SETTLE: Duration = Duration::from_secs(3);
/// How long before the end pictures are begun with `--exit-after`.
const HEAD_START: Duration = Duration::from_secs(1);
/// How long a page may take to give its pictures.
const PICTURES_LIMIT: Duration = Duration::from_secs(30);

/// What is to be done before the end, and when the end is.
pub struct Batch {
    screenshot: Option<PathBuf>,
    output: Option<PathBuf>,
    exit_after: Option<Duration>,
    /// Whether the run is over with its pictures.
    ends_with_pictures: bool,
    state: State,
}

enum State {
    /// Waits for the page to load, or for the time to come.
    Waiting,
    /// Pictures are being taken; given up at `deadline`.
    Taking {
        pictures: Pictures,
        deadline: Instant,
    },
    /// All pictures were taken, or failed, with this exit code.
    Taken(u8),
}

impl Batch {
    /// What the command line asks for.
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            screenshot: arguments.screenshot.clone(),
            output: arguments.output.clone(),
            exit_after: arguments.exit_after,
            ends_with_pictures: arguments.headless && arguments.webdriver.is_none(),
            state: State::Waiting,
        }
    }

    fn wants_pictures(&self) -> bool {
        self.screenshot.is_some() || self.output.is_some()
    }

    /// When the pictures are to be begun, as far as that is known, and whether the page has
    /// failed to load if it comes to that.
    fn pictures_due(&self, started: Instant, loaded: Option<Instant>) -> (Instant, bool) {
        match (self.exit_after, loaded) {
            (Some(after), _) => (started + after - HEAD_START.min(after / 2), false),
            (None, Some(loaded)) if self.output.is_some() => (loaded + STREAMS_SETTLE, false),
            (None, Some(loaded)) => (loaded, false),
            (None, None) => (started + LOAD_LIMIT, true),
        }
    }

    /// When [`Self::turn`] has to be called next, whatever happens.
    pub fn deadline(&self, shell: &Shell) -> Option<Instant> {
        let started = shell.started.get()?;
        match &self.state {
            State::Waiting if self.wants_pictures() => {
                Some(self.pictures_due(started, shell.loaded.get()).0)
            }
            State::Taking { deadline, .. } => Some(*deadline),
            State::Waiting | State::Taken(_) => self.exit_after.map(|after| started + after),
        }
    }

    /// Does what is due; asks the shell to end when the end has come.
    pub fn turn(&mut self, shell: &Rc<Shell>, now: Instant) {
        let Some(started) = shell.started.get() else {
            return;
        };
        if self.wants_pictures() {
            self.take_pictures(shell, started, now);
        }
        let is_over = self.exit_after.is_some_and(|after| now >= started + after);
        match self.state {
            State::Waiting if is_over && !self.wants_pictures() => shell.request_exit(EXIT_SUCCESS),
            State::Taken(code) if is_over => shell.request_exit(code),
            State::Taken(code) if self.exit_after.is_none() && self.ends_with_pictures => {
                shell.request_exit(code);
            }
            _ => {}
        }
    }

    fn take_pictures(&mut self, shell: &Rc<Shell>, started: Instant, now: Instant) {
        match &mut self.state {
            State::Waiting => {
                let (due, is_failed) = self.pictures_due(started, shell.loaded.get());
                if now < due {
                    return;
                }
                if is_failed {
                    output::complain(format_args!(
                        "the page did not load within {} seconds",
                        LOAD_LIMIT.as_secs()
                    ));
                    self.state = State::Taken(EXIT_PAGE_FAILED);
                    return;
                }
                let Some(page) = shell.active() else {
                    output::complain(format_args!("there is no page to take a picture of"));
                    self.state = State::Taken(EXIT_PAGE_FAILED);
                    return;
                };
                self.state = State::Taking {
                    pictures: Pictures::new(page, self.screenshot.clone(), self.output.clone()),
                    deadline: now + PICTURES_LIMIT,
                };
                self.take_pictures(shell, started, now);
            }
            State::Taking { pictures, deadline } => {
                let code = match pictures.turn() {
                    Ok(true) => EXIT_SUCCESS,
                    Ok(false) if now < *deadline => return,
                    Ok(false) => {
                        output::complain(format_args!(
                            "the page gave no picture within {} seconds",
                            PICTURES_LIMIT.as_secs()
                        ));
                        EXIT_PAGE_FAILED
                    }
                    Err(error) => {
                        output::complain(format_args!("{error:#}"));
                        if error.is::<CannotWrite>() {
                            EXIT_CANNOT_WRITE
                        } else {
                            EXIT_PAGE_FAILED
                        }
                    }
                };
                self.state = State::Taken(code);
            }
            State::Taken(_) => {}
        }
    }
}

/// A file could not be written, as opposed to a page that gave nothing to write.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the pictures")]
pub struct CannotWrite;

/// A value that a callback of Servo will leave here.
type Answer<T> = Rc<RefCell<Option<T>>>;

/// The pictures of one page, taken one after the other.
struct Pictures {
    page: WebView,
    screenshot: Option<PathBuf>,
    output: Option<PathBuf>,
    step: Step,
}

enum Step {
    Start,
    /// The page is looking for its streams.
    Finding(Answer<Result<String, String>>),
    /// The page is drawing one of its streams.
    Drawing {
        streams: Vec<Stream>,
        index: usize,
        answer: Answer<Result<String, String>>,
    },
    /// The page itself is being drawn.
    Page {
        streams: Option<Vec<Stream>>,
        answer: Answer<Result<servo::RgbaImage, String>>,
    },
    Done,
}

impl Pictures {
    fn new(page: WebView, screenshot: Option<PathBuf>, output: Option<PathBuf>) -> Self {
        Self {
            page,
            screenshot,
            output,
            step: Step::Start,
        }
    }

    /// Goes as far as it can without waiting. Returns whether that was all.
    fn turn(&mut self) -> anyhow::Result<bool> {
        loop {
            self.step = match std::mem::replace(&mut self.step, Step::Done) {
                Step::Start => match &self.output {
                    Some(directory) => {
                        std::fs::create_dir_all(directory)
                            .with_context(|| format!("cannot create {}", directory.display()))
                            .context(CannotWrite)?;
                        Step::Finding(self.evaluate(output::FIND_STREAMS.to_owned()))
                    }
                    None => self.draw_page(None),
                },
                Step::Finding(answer) => match answer.take() {
                    None => {
                        self.step = Step::Finding(answer);
                        return Ok(false);
                    }
                    Some(found) => {
                        let found = found.map_err(|error| anyhow!("no streams found: {error}"))?;
                        let streams = serde_json::from_str(&found)
                            .context("what the page says of its streams cannot be read")?;
                        self.draw_stream(streams, 0)
                    }
                },
                Step::Drawing {
                    streams,
                    index,
                    answer,
                } => match answer.take() {
                    None => {
                        self.step = Step::Drawing {
                            streams,
                            index,
                            answer,
                        };
                        return Ok(false);
                    }
                    Some(drawn) => {
                        self.write_stream(&streams, index, drawn)?;
                        self.draw_stream(streams, index + 1)
                    }
                },
                Step::Page { streams, answer } => match answer.take() {
                    None => {
                        self.step = Step::Page { streams, answer };
                        return Ok(false);
                    }
                    Some(image) => {
                        self.finish(streams, image)?;
                        Step::Done
                    }
                },
                Step::Done => return Ok(true),
            };
        }
    }

    fn evaluate(&self, script: String) -> Answer<Result<String, String>> {
        let answer = Answer::default();
        let sender = answer.clone();
        self.page.evaluate_javascript(script, move |result| {
            sender.replace(Some(match result {
                Ok(JSValue::String(text)) => Ok(text),
                Ok(_) => Err("the page gave no text".to_owned()),
                Err(error) => Err(format!("{error:?}")),
            }));
        });
        answer
    }

    fn draw_stream(&self, streams: Vec<Stream>, index: usize) -> Step {
        match streams.get(index) {
            Some(stream) => Step::Drawing {
                answer: self.evaluate(output::draw_stream(stream)),
                streams,
                index,
            },
            None => self.draw_page(Some(streams)),
        }
    }

    fn draw_page(&self, streams: Option<Vec<Stream>>) -> Step {
        let answer = Answer::default();
        let sender = answer.clone();
        self.page.take_screenshot(None, move |image| {
            sender.replace(Some(image.map_err(|error| format!("{error:?}"))));
        });
        Step::Page { streams, answer }
    }

    fn write_stream(
        &self,
        streams: &[Stream],
        index: usize,
        drawn: Result<String, String>,
    ) -> anyhow::Result<()> {
        let (Some(directory), Some(stream)) = (&self.output, streams.get(index)) else {
            bail!("no stream {index}");
        };
        let number = index + 1;
        let drawn = drawn.map_err(|error| anyhow!("no picture of stream {number}: {error}"))?;
        output::write_data_url(&drawn, &directory.join(stream.file_name(number)))
            .with_context(|| format!("no picture of stream {number}"))
    }

    fn finish(
        &self,
        streams: Option<Vec<Stream>>,
        image: Result<servo::RgbaImage, String>,
    ) -> anyhow::Result<()> {
        let image = image.map_err(|error| anyhow!("no picture of the page: {error}"))?;
        let page = self
            .output
            .as_ref()
            .map(|directory| directory.join("page.png"));
        for path in self.screenshot.iter().chain(&page) {
            output::write_page(&image, path).context(CannotWrite)?;
        }
        if let Some(streams) = streams {
            output::print_line(output::table(&streams).trim_end()).context(CannotWrite)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn batch(arguments: &[&str]) -> Batch {
        Batch::new(&Arguments::parse_from(
            [&["captureshell"], arguments].concat(),
        ))
    }

    #[test]
    fn pictures_are_begun_before_the_end_that_was_asked_for() {
        let started = Instant::now();
        let due = |arguments: &[&str], loaded: Option<Instant>| {
            let (due, is_failed) = batch(arguments).pictures_due(started, loaded);
            ((due - started).as_millis(), is_failed)
        };
        let screenshot = ["--screenshot", "x.png"];
        assert_eq!(
            due(&[&screenshot[..], &["--exit-after", "10"]].concat(), None),
            (9000, false)
        );
        assert_eq!(
            due(&[&screenshot[..], &["--exit-after", "0.5"]].concat(), None),
            (250, false)
        );
        let loaded = Some(started + Duration::from_secs(2));
        assert_eq!(due(&screenshot, loaded), (2000, false));
        assert_eq!(due(&["--output", "x"], loaded), (5000, false));
        assert_eq!(due(&screenshot, None), (60_000, true));
    }

    #[test]
    fn only_a_run_without_a_window_ends_with_its_pictures() {
        assert!(batch(&["--headless", "--output", "x"]).ends_with_pictures);
        assert!(!batch(&["--output", "x"]).ends_with_pictures);
        assert!(!batch(&["--headless", "--webdriver", "0"]).ends_with_pictures);
    }
}
