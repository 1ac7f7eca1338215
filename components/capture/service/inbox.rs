/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where requests and notices arrive from other threads: bounded, and with
//! nothing lost in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, SendError, Sender, bounded, unbounded};
use euclid::Box2D;
use parking_lot::Mutex;
use servo_capture_traits::{
    AllScreensReply, CaptureError, CaptureRequest, ClientId, ConfigureReply, DesktopPixel,
    EndReason, ScreensRequest, ServiceNotice, SourceEvent, Submission,
};

use super::outbox::{Letter, Outboxes};
use super::screens::ScreensAnswer;
use crate::core::{MAX_ORIGIN_BYTES, ScreensInput};

/// Requests of one client that may wait for the service. A client that sends more
/// harms nobody but itself.
pub(super) const MAX_WAITING_OF_ONE: usize = 1024;
/// Requests that may wait, of all clients together.
const MAX_WAITING_REQUESTS: usize = 64 * MAX_WAITING_OF_ONE;
/// Notices that may wait. The constellation sends a few for every document.
const MAX_WAITING_NOTICES: usize = 4096;
/// Answers of the user that may wait: more than there are questions at once.
const MAX_WAITING_ANSWERS: usize = 64;

/// The sending side.
pub(super) struct Inbox {
    /// Bounded by `waiting`: a channel with a bound of its own would have room for
    /// the worst case from the start.
    requests: Sender<(ClientId, CaptureRequest)>,
    notices: Sender<ServiceNotice>,
    exit: Sender<Sender<()>>,
    waiting: Mutex<Waiting>,
    /// Whoever sent more than fits, until the service has dealt with it.
    flooded: Mutex<BTreeSet<ClientId>>,
    flood: Sender<()>,
    answers: Sender<ScreensInput>,
    /// Where the browser's window is; the newest wins.
    window: Mutex<Option<Box2D<i32, DesktopPixel>>>,
    moved: Sender<()>,
    /// For refusals.
    outboxes: Arc<Outboxes>,
}

/// How many requests wait.
#[derive(Default)]
struct Waiting {
    /// Of all clients together.
    all: usize,
    /// Of each client; without those of whom none do.
    of: BTreeMap<ClientId, usize>,
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
pub(super) fn inbox(outboxes: Arc<Outboxes>) -> (Inbox, Mail) {
    let (requests, requests_receiver) = unbounded();
    let (notices, notices_receiver) = bounded(MAX_WAITING_NOTICES);
    let (exit, exit_receiver) = bounded(1);
    let (flood, flood_receiver) = bounded(1);
    let (answers, answers_receiver) = bounded(MAX_WAITING_ANSWERS);
    let (moved, moved_receiver) = bounded(1);
    let inbox = Inbox {
        requests,
        notices,
        exit,
        waiting: Mutex::default(),
        flooded: Mutex::default(),
        flood,
        answers,
        window: Mutex::default(),
        moved,
        outboxes,
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

    /// The service has taken one of the client's requests.
    pub(super) fn taken(&self, client: ClientId) {
        let mut waiting = self.waiting.lock();
        if let Some(count) = waiting.of.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                waiting.of.remove(&client);
            }
            waiting.all -= 1;
        }
    }

    /// Whether one more request of the client may wait; counts it then.
    fn may_wait(&self, client: ClientId) -> bool {
        let waiting = &mut *self.waiting.lock();
        if waiting.all >= MAX_WAITING_REQUESTS {
            return false;
        }
        let count = waiting.of.entry(client).or_default();
        let may_wait = *count < MAX_WAITING_OF_ONE;
        *count += usize::from(may_wait);
        waiting.all += usize::from(may_wait);
        may_wait
    }

    /// Answers a request that nobody will look at.
    fn refuse(&self, client: ClientId, request: CaptureRequest, error: CaptureError) {
        let letter = match request {
            CaptureRequest::AllScreens { reply, .. } => {
                Letter::AllScreens(reply, AllScreensReply(Err(error)))
            }
            CaptureRequest::Attach { source, sink }
            | CaptureRequest::Clone {
                clone: source,
                sink,
                ..
            } => {
                let reason = EndReason::Refused(error.to_string());
                Letter::Source(source, sink, SourceEvent::Ended(reason))
            }
            CaptureRequest::Configure { reply, .. } => {
                Letter::Configured(reply, ConfigureReply(Err(error)))
            }
            CaptureRequest::Screens(request) => {
                let answer = ScreensAnswer::Refused(request, error.to_string());
                Letter::Screens(Box::new(answer))
            }
            CaptureRequest::Stop { .. }
            | CaptureRequest::Release { .. }
            | CaptureRequest::CopyFrames => return,
        };
        if let Err(error) = self.outboxes.post(client, letter) {
            log::debug!("a refused page could not be told: {error}");
        }
    }

    fn note_flood(&self, client: ClientId) {
        self.flooded.lock().insert(client);
        // Full: the service has been told and has not come to it yet.
        let _ = self.flood.try_send(());
    }
}

impl Submission for Inbox {
    fn request(&self, client: ClientId, mut request: CaptureRequest) {
        bound(&mut request);
        if !self.may_wait(client) {
            self.note_flood(client);
            let error = CaptureError::TooMany {
                limit: MAX_WAITING_OF_ONE,
                what: "waiting requests".to_owned(),
            };
            return self.refuse(client, request, error);
        }
        if let Err(SendError((_, request))) = self.requests.send((client, request)) {
            self.taken(client);
            let error = CaptureError::Aborted("the browser is shutting down".to_owned());
            self.refuse(client, request, error);
        }
    }

    fn unreadable(&self, client: ClientId) {
        // It may have been a "stop".
        self.note_flood(client);
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

/// Cuts off what is too long to be looked at, so that what waits has a bound in
/// bytes too. What is cut off is still too long to be an origin.
fn bound(request: &mut CaptureRequest) {
    let (CaptureRequest::AllScreens { origin, .. }
    | CaptureRequest::Screens(
        ScreensRequest::Permission { origin, .. }
        | ScreensRequest::SetPermission { origin, .. }
        | ScreensRequest::Details { origin, .. },
    )) = request
    else {
        return;
    };
    if origin.len() > MAX_ORIGIN_BYTES {
        *origin = "-".repeat(MAX_ORIGIN_BYTES + 1);
    }
}

#[cfg(test)]
mod tests {
    use servo_capture_traits::SourceId;

    use super::*;
    use crate::service::outbox::Posting;

    fn inbox() -> (Inbox, Mail) {
        let (events, _) = bounded(1);
        super::inbox(Arc::new(Outboxes::new(Posting::Directly, events)))
    }

    fn stop() -> CaptureRequest {
        let source = SourceId::random();
        CaptureRequest::Stop { source }
    }

    #[test]
    fn a_flood_takes_nobody_elses_place() {
        let (inbox, mail) = inbox();
        let (hostile, other) = (ClientId::next(), ClientId::next());
        for _ in 0..2 * MAX_WAITING_OF_ONE {
            inbox.request(hostile, stop());
        }
        inbox.request(other, stop());
        assert_eq!(mail.requests.len(), MAX_WAITING_OF_ONE + 1);
        assert_eq!(inbox.take_flooded(), BTreeSet::from([hostile]));
        // There is room again for as many as were taken.
        for (client, _) in mail.requests.try_iter() {
            inbox.taken(client);
        }
        assert!(inbox.waiting.lock().of.is_empty() && inbox.waiting.lock().all == 0);
        inbox.request(hostile, stop());
        assert_eq!(mail.requests.len(), 1);
        assert!(inbox.take_flooded().is_empty());
    }

    #[test]
    fn all_clients_together_have_a_bound_too() {
        let (inbox, mail) = inbox();
        let clients = MAX_WAITING_REQUESTS / MAX_WAITING_OF_ONE;
        for client in (0..clients).map(|_| ClientId::next()) {
            for _ in 0..MAX_WAITING_OF_ONE {
                inbox.request(client, stop());
            }
        }
        let late = ClientId::next();
        inbox.request(late, stop());
        assert_eq!(mail.requests.len(), MAX_WAITING_REQUESTS);
        assert_eq!(inbox.take_flooded(), BTreeSet::from([late]));
        let (first, _) = mail.requests.try_recv().unwrap();
        inbox.taken(first);
        inbox.request(late, stop());
        assert_eq!(mail.requests.len(), MAX_WAITING_REQUESTS);
        assert!(inbox.take_flooded().is_empty());
    }

    #[test]
    fn what_cannot_be_read_counts_as_lost() {
        let (inbox, mail) = inbox();
        let client = ClientId::next();
        inbox.unreadable(client);
        assert_eq!(mail.flood.len(), 1);
        assert_eq!(inbox.take_flooded(), BTreeSet::from([client]));
    }

    #[test]
    fn an_endless_origin_is_not_kept_while_it_waits() {
        let (inbox, mail) = inbox();
        let reply = servo_base::generic_channel::GenericCallback::new(|_| {});
        let request = CaptureRequest::AllScreens {
            pipeline: servo_base::id::TEST_PIPELINE_ID,
            origin: "a".repeat(1 << 20),
            reply: reply.unwrap(),
        };
        inbox.request(ClientId::next(), request);
        let Ok((_, CaptureRequest::AllScreens { origin, .. })) = mail.requests.try_recv() else {
            panic!("lost");
        };
        assert_eq!(origin.len(), MAX_ORIGIN_BYTES + 1);
    }
}
