/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the capture service and the browser's main thread have to say to each other about the
//! screens: whether a page may know them, and where the window is.

use std::sync::{Mutex, OnceLock, PoisonError};

use servo::{DeviceIntRect, EventLoopWaker};
use servo_capture::{ScreensQuestion, ServiceLink};

/// Where one leaves what the other comes for.
#[derive(Default)]
pub struct ScreensDesk {
    link: OnceLock<ServiceLink>,
    waker: OnceLock<Box<dyn EventLoopWaker>>,
    /// For the person in front of the browser; the service has a limit to them.
    questions: Mutex<Vec<ScreensQuestion>>,
}

impl ScreensDesk {
    /// The service is about to run.
    pub fn connect(&self, link: ServiceLink) {
        // There is one service.
        let _ = self.link.set(link);
    }

    /// From now on questions wake the main thread.
    pub fn wake_by(&self, waker: Box<dyn EventLoopWaker>) {
        let _ = self.waker.set(waker);
    }

    /// Leaves a question. Called on the service's thread.
    pub fn ask(&self, question: ScreensQuestion) {
        let mut questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        questions.push(question);
        drop(questions);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    /// Takes the questions that came since the last call.
    pub fn take_questions(&self) -> Vec<ScreensQuestion> {
        let mut questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut questions)
    }

    /// The window is there, on the desktop and in device pixels; or it is not known where.
    pub fn window_is_at(&self, place: Option<DeviceIntRect>) {
        if let Some(link) = self.link.get() {
            link.window_moved(place.map(|place| place.cast_unit()));
        }
    }
}
