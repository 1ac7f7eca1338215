/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The thread that owns the indicator, and how to reach it.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use polling::{Events, Poller};

use super::obituary::Obituary;
use super::thread_handle::ThreadHandle;
use crate::core::Event;
use crate::grabber::WakeBy;
use crate::indicator::{Indicator, IndicatorContent, IndicatorError, IndicatorFactory};
use crate::monitor::Monitor;

/// How long the thread sleeps when the system cannot wait for it.
const POLL_FALLBACK: Duration = Duration::from_millis(100);

/// What the indicator's thread is to do.
#[derive(Debug)]
pub(super) enum IndicatorCommand {
    /// Show this, or change what is shown.
    Show {
        /// Comes back in the answer.
        generation: u64,
        /// What it says.
        content: IndicatorContent,
        /// Where.
        monitors: Vec<Monitor>,
    },
    /// It is not seen: back to the top.
    Restore,
    /// Take it down.
    Hide,
}

/// The way to the indicator's thread. Dropping it ends the thread.
pub(super) type IndicatorHandle = ThreadHandle<IndicatorCommand>;

/// Starts the indicator's thread, with room for so many commands. Without a
/// thread every command is refused as if the indicator had ended.
pub(super) fn spawn(
    factory: IndicatorFactory,
    events: Sender<Event>,
    max_waiting: usize,
) -> (IndicatorHandle, Option<JoinHandle<()>>) {
    let keeper = Keeper {
        factory,
        shown: None,
        events,
    };
    ThreadHandle::spawn("CaptureIndicator", max_waiting, move |commands, poller| {
        let error = IndicatorError::Lost {
            label: "every monitor".to_owned(),
            reason: "the indicator's thread has crashed".to_owned(),
        };
        let _obituary = Obituary::new(keeper.events.clone(), Event::IndicatorLost { error });
        keeper.run(commands, poller);
    })
}

/// What the thread owns.
struct Keeper {
    factory: IndicatorFactory,
    shown: Option<Box<dyn Indicator>>,
    events: Sender<Event>,
}

impl Keeper {
    /// Shows, keeps and hides until the commands' sender is dropped; hides at
    /// the end in any case.
    fn run(mut self, commands: &Receiver<IndicatorCommand>, poller: &Poller) {
        let mut ready = Events::new();
        loop {
            loop {
                match commands.try_recv() {
                    Ok(command) => self.carry_out(command),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.hide(),
                }
            }
            self.keep();
            ready.clear();
            if let Err(error) = wait(self.shown.as_deref(), poller, &mut ready) {
                log::warn!("the indicator's thread cannot wait: {error}");
                thread::sleep(POLL_FALLBACK);
            }
        }
    }

    fn carry_out(&mut self, command: IndicatorCommand) {
        match command {
            IndicatorCommand::Show {
                generation,
                content,
                monitors,
            } => {
                let event = match self.show(&content, &monitors) {
                    Ok(()) => Event::IndicatorShown { generation },
                    Err(error) => Event::IndicatorFailed { generation, error },
                };
                self.tell(event);
            }
            IndicatorCommand::Restore => {
                if let Some(indicator) = &mut self.shown {
                    indicator.restore();
                }
            }
            IndicatorCommand::Hide => self.hide(),
        }
    }

    fn show(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError> {
        let mut indicator = match self.shown.take() {
            Some(indicator) => indicator,
            None => (self.factory)()?,
        };
        // One that fails goes, but what must be seen stays to be seen: nothing
        // leaves until the core has heard of it.
        indicator.show(content, monitors)?;
        self.shown = Some(indicator);
        Ok(())
    }

    fn keep(&mut self) {
        let Some(indicator) = &mut self.shown else {
            return;
        };
        let mut actions = Vec::new();
        let kept = indicator.keep(&mut |action| actions.push(action));
        for action in actions {
            self.tell(Event::UserActed { action });
        }
        if let Err(error) = kept {
            // See `show`.
            self.shown = None;
            self.tell(Event::IndicatorLost { error });
        }
    }

    fn hide(&mut self) {
        if let Some(mut indicator) = self.shown.take() {
            indicator.hide();
        }
    }

    fn tell(&self, event: Event) {
        // An error means that the service has ended: so does this thread, when
        // it finds its commands' sender dropped.
        if self.events.send(event).is_err() {
            log::debug!("the capture service ended before its indicator");
        }
    }
}

/// Waits for a command and, while an indicator is shown, for what it waits for.
fn wait(shown: Option<&dyn Indicator>, poller: &Poller, ready: &mut Events) -> std::io::Result<()> {
    let Some(indicator) = shown else {
        return poller.wait(ready, None).map(drop);
    };
    let until = |time: Instant| time.saturating_duration_since(Instant::now());
    let timeout = indicator.deadline().map(until);
    match indicator.wakes_by() {
        WakeBy::Period(period) => {
            let timeout = timeout.map_or(period, |timeout| timeout.min(period));
            poller.wait(ready, Some(timeout)).map(drop)
        }
        WakeBy::Descriptor(descriptor) => {
            // SAFETY: `descriptor` borrows the indicator, which lives unchanged until after
            // `delete`; nothing in between returns early.
            #[expect(unsafe_code)]
            unsafe {
                poller.add(&descriptor, polling::Event::readable(0))?;
            }
            let waited = poller.wait(ready, timeout);
            poller.delete(descriptor)?;
            waited.map(drop)
        }
    }
}
