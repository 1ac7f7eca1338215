/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The thread that owns the indicator.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::core::Event;
use crate::indicator::{Indicator, IndicatorContent, IndicatorError, IndicatorFactory};
use crate::monitor::Monitor;

/// How often a shown indicator is looked after.
const KEEP_PERIOD: Duration = Duration::from_millis(100);

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
    /// Take it down.
    Hide,
}

/// Shows, keeps and hides until the commands' sender is dropped; hides at the
/// end in any case.
pub(super) fn run(
    mut factory: IndicatorFactory,
    commands: &Receiver<IndicatorCommand>,
    events: &Sender<Event>,
) {
    let mut shown: Option<Box<dyn Indicator>> = None;
    loop {
        let received = match shown {
            Some(_) => commands.recv_timeout(KEEP_PERIOD),
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let event = match received {
            Ok(IndicatorCommand::Show {
                generation,
                content,
                monitors,
            }) => Some(match show(&mut factory, &mut shown, &content, &monitors) {
                Ok(()) => Event::IndicatorShown { generation },
                Err(error) => Event::IndicatorFailed { generation, error },
            }),
            Ok(IndicatorCommand::Hide) => {
                hide(&mut shown);
                None
            }
            Err(RecvTimeoutError::Timeout) => {
                let kept = shown.as_mut().map_or(Ok(()), |indicator| indicator.keep());
                kept.err().map(|error| {
                    hide(&mut shown);
                    Event::IndicatorLost { error }
                })
            }
            Err(RecvTimeoutError::Disconnected) => {
                hide(&mut shown);
                return;
            }
        };
        if let Some(event) = event {
            // An error means that the service has ended: so does this thread,
            // when it finds its commands' sender dropped.
            if events.send(event).is_err() {
                log::debug!("the capture service ended before its indicator");
            }
        }
    }
}

fn show(
    factory: &mut IndicatorFactory,
    shown: &mut Option<Box<dyn Indicator>>,
    content: &IndicatorContent,
    monitors: &[Monitor],
) -> Result<(), IndicatorError> {
    let mut indicator = match shown.take() {
        Some(indicator) => indicator,
        None => factory()?,
    };
    let result = indicator.show(content, monitors);
    match result {
        Ok(()) => *shown = Some(indicator),
        Err(_) => indicator.hide(),
    }
    result
}

fn hide(shown: &mut Option<Box<dyn Indicator>>) {
    if let Some(mut indicator) = shown.take() {
        indicator.hide();
    }
}
