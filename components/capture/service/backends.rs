/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The grabber and the indicator that a backend choice means here.

use crossbeam_channel::Sender;

use crate::core::CaptureNotice;
use crate::grabber::auto::{Environment, IndicatorKind};
use crate::grabber::synthetic::SyntheticLayout;
use crate::grabber::{BackendChoice, GrabberFactory, auto};
use crate::indicator::painted::PaintedIndicator;
use crate::indicator::synthetic::NoIndicator;
#[cfg(target_os = "linux")]
use crate::indicator::x11::XIndicator;
use crate::indicator::{Indicator, IndicatorError, IndicatorFactory, Marks};

/// Connects by `choice`, and tells people the first time and whenever the
/// answer changes.
pub(super) fn grabber_factory(
    choice: BackendChoice,
    notices: Sender<CaptureNotice>,
) -> GrabberFactory {
    let mut told = None;
    Box::new(move |observer| {
        let chosen = auto::connect(choice, observer)?;
        if told.as_ref() != Some(&chosen.explanation) {
            // Full: the shell has not read the last ones; this only informs.
            let _ = notices.try_send(CaptureNotice::Backend {
                explanation: chosen.explanation.clone(),
            });
            told = Some(chosen.explanation);
        }
        Ok(chosen.grabber)
    })
}

/// The indicator that people can see on the monitors which `choice` captures.
/// They tell `marks` what must be seen there.
pub(super) fn indicator_factory(choice: BackendChoice, marks: Marks) -> IndicatorFactory {
    Box::new(move || {
        Ok(match auto::effective(choice, &Environment::current()) {
            IndicatorKind::X11 => x11_indicator(marks.clone())?,
            IndicatorKind::Synthetic => {
                let layout = SyntheticLayout::of_this_process();
                Box::new(PaintedIndicator::new(layout, marks.clone()))
            }
            IndicatorKind::Unavailable => Box::new(NoIndicator::new(
                "there is no place to draw it above other windows here",
            )),
        })
    })
}

#[cfg(target_os = "linux")]
fn x11_indicator(marks: Marks) -> Result<Box<dyn Indicator>, IndicatorError> {
    Ok(Box::new(XIndicator::connect(marks)?))
}

#[cfg(not(target_os = "linux"))]
fn x11_indicator(_: Marks) -> Result<Box<dyn Indicator>, IndicatorError> {
    Err(IndicatorError::CannotShow(
        "this build has no X11 indicator".to_owned(),
    ))
}
