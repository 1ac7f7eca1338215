/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the capture service tells the person in front of the browser.

use std::io::Write;
use std::sync::Arc;

use servo_capture::{CaptureEmbedder, CaptureNotice, ScreensQuestion, ServiceLink};

use crate::screens::ScreensDesk;

/// Writes each notice as one line to standard error, and passes questions on.
pub struct StandardErrorEmbedder {
    /// Takes what is about the screens.
    pub screens: Arc<ScreensDesk>,
}

impl CaptureEmbedder for StandardErrorEmbedder {
    fn notify(&self, notice: CaptureNotice) {
        // Called on the service's threads. That nobody reads standard error is no reason to stop.
        let _ = writeln!(std::io::stderr(), "captureshell: {notice}");
    }

    fn started(&self, service: ServiceLink) {
        self.screens.connect(service);
    }

    fn ask_about_screens(&self, question: ScreensQuestion) {
        self.screens.ask(question);
    }
}
