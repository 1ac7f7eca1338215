/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the capture service tells the person in front of the browser.

use std::io::Write;
use std::sync::Arc;

use servo_capture::{CaptureEmbedder, CaptureNotice, ScreensQuestion, ServiceLink};

use crate::information::Link;
use crate::screens::ScreensDesk;

/// Writes each notice as one line to standard error, and leaves for the shell what it is to show.
/// Called on the service's threads.
pub struct ShellEmbedder {
    /// Takes what is about captures.
    pub link: Arc<Link>,
    /// Takes what is about the screens.
    pub screens: Arc<ScreensDesk>,
}

impl CaptureEmbedder for ShellEmbedder {
    fn notify(&self, notice: CaptureNotice) {
        // That nobody reads standard error is no reason to stop.
        let _ = writeln!(std::io::stderr(), "captureshell: {notice}");
        if notice == CaptureNotice::ShowInformation {
            self.link.want_information();
        }
    }

    fn changed(&self) {
        self.link.change();
    }

    fn started(&self, service: ServiceLink) {
        self.screens.connect(service);
    }

    fn ask_about_screens(&self, question: ScreensQuestion) {
        self.screens.ask(question);
    }
}
