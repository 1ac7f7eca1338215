/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where requests and notices arrive from other threads: bounded, and with
//! nothing lost in silence.

use std::collections::BTreeSet;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use euclid::Box2D;
use parking_lot::Mutex;
use servo_capture_traits::{
    AllScreensReply, CaptureError, CaptureRequest, ClientId, ConfigureReply, DesktopPixel,
    EndReason, ServiceNotice, SourceEvent, Submission,
};

use crate::core::ScreensInput;

/// Requests that may wait for the service, of all clients together.
const MAX_WAITING_REQUESTS: usize = 4096;
/// Notices that may wait. The constellation sends a few for every document.
const MAX_WAITING_NOTICES: usize = 65536;
/// Answers of the user that may wait: more than there are questions at once.
const MAX_WAITING_ANSWERS: usize = 64;

/// The sending side.
pub(super) struct Inbox {
    requests: Sender<(ClientId, CaptureRequest)>,
    notices: Sender<ServiceNotice>,
    exit: Sender<Sender<()>>,
    /// Whoever sent more than fits, until the service has dealt with it.
    flooded: Mutex<BTreeSet<ClientId>>,
    flood: Sender<()>,
    answers: Sender<ScreensInput>,
    /// Where the browser's window is; the newest wins.
    window: Mutex<Option<Box2D<i32, DesktopPixel>>>,
    moved: Sender<()>,
}

/// The service's side.
pub(super) struct Mail {
    pub(super) requests: Receiver<(ClientId, CaptureRequest)>,
    pub(super) notices: Receiver<ServiceNotice>,
    pub(super) exit: Receiver<Sender<()>>,
    pub(super) flood: Receiver<()>,
    pub(super) answers: Receiver<ScreensInput>,
    pub(super) moved: Receiver<()>,
}

/// An inbox and what reads it.
pub(super) fn inbox() -> (Inbox, Mail) {
    let (requests, requests_receiver) = bounded(MAX_WAITING_REQUESTS);
    let (notices, notices_receiver) = bounded(MAX_WAITING_NOTICES);
    let (exit, exit_receiver) = bounded(1);
    let (flood, flood_receiver) = bounded(1);
    let (answers, answers_receiver) = bounded(MAX_WAITING_ANSWERS);
    let (moved, moved_receiver) = bounded(1);
    let inbox = Inbox {
        requests,
        notices,
        exit,
        flooded: Mutex::default(),
        flood,
        answers,
        window: Mutex::default(),
        moved,
    };
    let mail = Mail {
        requests: requests_receiver,
        notices: notices_receiver,
        exit: exit_receiver,
        flood: flood_receiver,
        answers: answers_receiver,
        moved: moved_receiver,
    };
    (inbox, mail)
}

impl Inbox {
    /// Takes the clients of which requests were lost.
    pub(super) fn take_flooded(&self) -> BTreeSet<ClientId> {
        std::mem::take(&mut self.flooded.lock())
    }

    /// The user's answer to a question, of which there are only a few at once.
    pub(super) fn answer(&self, input: ScreensInput) {
        if let Err(error) = self.answers.try_send(input) {
            log::debug!("an answer came too late: {error}");
        }
    }

    pub(super) fn window_moved(&self, window: Option<Box2D<i32, DesktopPixel>>) {
        let before = std::mem::replace(&mut *self.window.lock(), window);
        if before != window {
            // Full: the service has been told and has not come to it yet.
            let _ = self.moved.try_send(());
        }
    }

    /// Where the browser's window is now.
    pub(super) fn window(&self) -> Option<Box2D<i32, DesktopPixel>> {
        *self.window.lock()
    }

    fn note_flood(&self, client: ClientId) {
        self.flooded.lock().insert(client);
        // Full: the service has been told and has not come to it yet.
        let _ = self.flood.try_send(());
    }
}

impl Submission for Inbox {
    fn request(&self, client: ClientId, request: CaptureRequest) {
        match self.requests.try_send((client, request)) {
            Ok(()) => {}
            Err(TrySendError::Full((_, request))) => {
                self.note_flood(client);
                let error = CaptureError::TooMany {
                    limit: MAX_WAITING_REQUESTS,
                    what: "waiting requests".to_owned(),
                };
                refuse(request, error);
            }
            Err(TrySendError::Disconnected((_, request))) => {
                let error = CaptureError::Aborted("the browser is shutting down".to_owned());
                refuse(request, error);
            }
        }
    }

    fn notice(&self, notice: ServiceNotice) {
        // A notice must not get lost: without it a capture outlives its page.
        // The service takes notices before requests and never waits for the
        // constellation, so this does not block for long.
        if let Err(error) = self.notices.send(notice) {
            log::debug!("the capture service has ended: {:?}", error.0);
        }
    }

    fn exit(&self, timeout: Duration) {
        let (done, wait) = bounded(1);
        if self.exit.try_send(done).is_ok() {
            // Err: it took too long, or had ended before.
            let _ = wait.recv_timeout(timeout);
        }
    }
}

/// Answers a request that nobody will look at.
fn refuse(request: CaptureRequest, error: CaptureError) {
    let sent = match request {
        CaptureRequest::AllScreens { reply, .. } => reply.send(AllScreensReply(Err(error))),
        CaptureRequest::Attach { sink, .. } | CaptureRequest::Clone { sink, .. } => {
            sink.send(SourceEvent::Ended(EndReason::Refused(error.to_string())))
        }
        CaptureRequest::Configure { reply, .. } => reply.send(ConfigureReply(Err(error))),
        CaptureRequest::Stop { .. }
        | CaptureRequest::Release { .. }
        | CaptureRequest::CopyFrames => Ok(()),
        CaptureRequest::Screens(request) => request.refuse(error.to_string()),
    };
    if let Err(error) = sent {
        log::debug!("a refused page could not be told: {error:?}");
    }
}
