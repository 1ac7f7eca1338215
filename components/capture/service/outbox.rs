/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How answers, frames and events reach pages' processes: a process that takes
//! nothing must keep nobody waiting but itself.
//!
//! A channel between processes blocks its sender when it is full, and a hostile
//! process need not read. So each client has a thread that sends, with a bounded
//! queue before it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, unbounded};
use parking_lot::Mutex;
use servo_base::generic_channel::{GenericCallback, SendError};
use servo_base::id::PipelineId;
use servo_capture_traits::{
    AllScreensReply, ClientId, ConfigureReply, FramePixels, ScreensEvent, SourceEvent, SourceId,
};

use super::screens::ScreensAnswer;
use crate::core::{Event, ScreensInput};

/// What may wait for one client. A page that calls thousands of times at once gets
/// as many answers.
const MAX_WAITING: usize = 8192;
/// Bytes of copied frames that may wait for one client; one frame may be larger.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;
/// See [`Outboxes::idle`].
const IDLE: Duration = Duration::from_secs(30);

/// Something for a page.
pub(super) enum Letter {
    /// The answer to a call.
    AllScreens(GenericCallback<AllScreensReply>, AllScreensReply),
    /// The answer to a request for other frames.
    Configured(GenericCallback<ConfigureReply>, ConfigureReply),
    /// The answer to a question about the screens.
    Screens(Box<ScreensAnswer>),
    /// The screens have changed.
    ScreensEvent(PipelineId, GenericCallback<ScreensEvent>, Box<ScreensEvent>),
    /// A frame or an event of a source.
    Source(SourceId, GenericCallback<SourceEvent>, SourceEvent),
}

impl Letter {
    fn send(self) -> Result<(), SendError> {
        match self {
            Self::AllScreens(reply, answer) => reply.send(answer),
            Self::Configured(reply, answer) => reply.send(answer),
            Self::Screens(answer) => answer.send(),
            Self::ScreensEvent(_, sink, event) => sink.send(*event),
            Self::Source(_, sink, event) => sink.send(event),
        }
    }

    /// What the service is to hear if nobody gets it.
    fn loss(&self) -> Option<Event> {
        match self {
            Self::Source(source, ..) => Some(Event::SinkLost { source: *source }),
            Self::ScreensEvent(pipeline, ..) => Some(Event::Screens(ScreensInput::SinkLost {
                pipeline: *pipeline,
            })),
            _ => None,
        }
    }

    /// What it holds of copied pixels.
    fn bytes(&self) -> usize {
        match self {
            Self::Source(_, _, SourceEvent::Frame(frame)) => match &frame.pixels {
                FramePixels::Copied(pixels) => pixels.len(),
                FramePixels::Pooled { .. } => 0,
            },
            _ => 0,
        }
    }
}

/// Letters that leave together, in their order.
#[derive(Default)]
pub(super) struct Bundle {
    letters: Vec<(ClientId, Letter)>,
    /// What the service is to hear when they have left.
    losses: Vec<Event>,
}

impl Bundle {
    pub(super) fn add(&mut self, client: ClientId, letter: Letter) {
        self.letters.push((client, letter));
    }

    /// What the source has to say cannot be put into a letter.
    pub(super) fn lose(&mut self, source: SourceId) {
        self.losses.push(Event::SinkLost { source });
    }

    /// Takes the letters, and says with each frame whether others of its client
    /// follow.
    fn take_letters(&mut self) -> Vec<(ClientId, Letter)> {
        let mut letters = std::mem::take(&mut self.letters);
        let mut followed: Vec<ClientId> = Vec::new();
        for (client, letter) in letters.iter_mut().rev() {
            if let Letter::Source(_, _, SourceEvent::Frame(frame)) = letter {
                frame.more_follow = followed.contains(client);
                if !frame.more_follow {
                    followed.push(*client);
                }
            }
        }
        letters
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Posting {
    /// Whoever has something to send: within one process sending is a call of a
    /// function that does not block.
    Directly,
    /// A thread for each client.
    OnThreads,
}

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// Nobody is at the other end.
    #[error("nobody is at the other end: {0:?}")]
    Gone(SendError),
    /// The client has not taken what was sent before.
    #[error("the page's process takes nothing")]
    Stuck,
    /// The system has no thread for the client.
    #[error("there is no thread for it")]
    NoThread,
}

/// One client's queue.
struct Outbox {
    /// Bounded by [`Outbox::put`]: a channel with a bound of its own would have
    /// room for the worst case from the start.
    letters: Sender<Letter>,
    bytes: Arc<AtomicUsize>,
}

/// All clients' queues.
pub(super) struct Outboxes {
    posting: Posting,
    /// Hears of sinks that cannot be reached.
    events: Sender<Event>,
    /// How long a client's thread waits for something to send before it ends.
    idle: Duration,
    boxes: Arc<Boxes>,
}

type Boxes = Mutex<HashMap<ClientId, Outbox>>;

impl Outboxes {
    pub(super) fn new(posting: Posting, events: Sender<Event>) -> Self {
        Self {
            posting,
            events,
            idle: IDLE,
            boxes: Arc::default(),
        }
    }

    /// Sends a letter, or lets the client's thread do so. Does not block.
    ///
    /// # Errors
    /// The letter is lost.
    pub(super) fn post(&self, client: ClientId, letter: Letter) -> Result<(), PostError> {
        if self.posting == Posting::Directly {
            return letter.send().map_err(PostError::Gone);
        }
        let mut boxes = self.boxes.lock();
        let Some(outbox) = boxes.get(&client) else {
            return self.open(&mut boxes, client, letter);
        };
        match outbox.put(letter).map_err(|error| *error) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(PostError::Stuck),
            // Its thread has panicked.
            Err(TrySendError::Disconnected(letter)) => self.open(&mut boxes, client, letter),
        }
    }

    /// The same with all letters of a bundle. What the service is to hear of
    /// the lost.
    pub(super) fn post_all(&self, bundle: &mut Bundle) -> Vec<Event> {
        let mut losses = std::mem::take(&mut bundle.losses);
        for (client, letter) in bundle.take_letters() {
            let loss = letter.loss();
            if let Err(error) = self.post(client, letter) {
                // The page's process is gone, and its pipelines soon too; or it does not want
                // to know.
                log::debug!("{client} could not be told: {error}");
                losses.extend(loss);
            }
        }
        losses
    }

    /// The client is gone. What is posted to it all the same opens a queue until its thread
    /// has waited in vain.
    pub(super) fn forget(&self, client: ClientId) {
        self.boxes.lock().remove(&client);
    }

    fn open(
        &self,
        boxes: &mut HashMap<ClientId, Outbox>,
        client: ClientId,
        letter: Letter,
    ) -> Result<(), PostError> {
        let (letters, receiver) = unbounded();
        let bytes = Arc::new(AtomicUsize::new(0));
        let sender = OutboxThread {
            client,
            letters: receiver,
            bytes: bytes.clone(),
            idle: self.idle,
            boxes: Arc::downgrade(&self.boxes),
            events: self.events.clone(),
        };
        // Detached: a thread that is stuck goes with the process it sends to, or
        // with ours.
        thread::Builder::new()
            .name("CaptureOutbox".to_owned())
            .spawn(move || sender.run())
            .map_err(|error| {
                log::error!("{client} gets nothing: {error}");
                PostError::NoThread
            })?;
        let outbox = Outbox { letters, bytes };
        let put = outbox.put(letter);
        boxes.insert(client, outbox);
        put.map_err(|_| PostError::Stuck)
    }
}

impl Outbox {
    /// One at a time, with all boxes locked.
    fn put(&self, letter: Letter) -> Result<(), Box<TrySendError<Letter>>> {
        let bytes = letter.bytes();
        let waiting = self.bytes.load(Ordering::Relaxed);
        let is_too_large = bytes > 0 && waiting > 0 && waiting + bytes > MAX_WAITING_BYTES;
        if is_too_large || self.letters.len() >= MAX_WAITING {
            return Err(Box::new(TrySendError::Full(letter)));
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.letters.try_send(letter).map_err(|error| {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            Box::new(error)
        })
    }
}

/// What sends a client's letters.
struct OutboxThread {
    client: ClientId,
    letters: Receiver<Letter>,
    bytes: Arc<AtomicUsize>,
    idle: Duration,
    boxes: Weak<Boxes>,
    events: Sender<Event>,
}

impl OutboxThread {
    /// Sends one letter after the other.
    fn run(self) {
        loop {
            let letter = match self.letters.recv_timeout(self.idle) {
                Ok(letter) => letter,
                Err(RecvTimeoutError::Timeout) if self.closes() => return,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let bytes = letter.bytes();
            let loss = letter.loss();
            let sent = letter.send();
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            if let Err(error) = sent {
                log::debug!("a page could not be told: {error:?}");
                // Err: the service has ended.
                if let Some(loss) = loss
                    && self.events.send(loss).is_err()
                {
                    return;
                }
            }
        }
    }

    /// Takes its queue away, unless a letter has come after all: nothing is put into
    /// one that nobody empties.
    fn closes(&self) -> bool {
        let Some(boxes) = self.boxes.upgrade() else {
            // The service has ended.
            return true;
        };
        let mut boxes = boxes.lock();
        if !self.letters.is_empty() {
            return false;
        }
        // The client may have another queue since it was forgotten.
        let is_its_own = |outbox: &Outbox| Arc::ptr_eq(&outbox.bytes, &self.bytes);
        if boxes.get(&self.client).is_some_and(is_its_own) {
            boxes.remove(&self.client);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Instant;

    use crossbeam_channel::bounded;
    use euclid::Size2D;
    use servo_base::cross_process_instant::CrossProcessInstant;
    use servo_capture_traits::{Damage, EndReason, FrameMessage, PoolRegistration};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn letter(sink: &GenericCallback<SourceEvent>) -> Letter {
        let event = SourceEvent::Ended(EndReason::Closed);
        Letter::Source(SourceId::from_u128(1), sink.clone(), event)
    }

    #[test]
    fn a_client_that_takes_nothing_keeps_nobody_waiting_and_has_a_bound() {
        let (events, _receiver) = bounded(8);
        let boxes = Outboxes::new(Posting::OnThreads, events);
        let (stuck, other) = (ClientId::next(), ClientId::next());
        let (open, closed) = bounded::<()>(0);
        let blocks = GenericCallback::new(move |_| {
            // Err: the test is over.
            let _ = closed.recv();
        })
        .unwrap();
        let mut posted = 0;
        while boxes.post(stuck, letter(&blocks)).is_ok() {
            posted += 1;
            assert!(posted <= MAX_WAITING + 1);
        }
        assert!(posted >= MAX_WAITING);
        let (sender, arrived) = channel();
        let sink = GenericCallback::new(move |_| sender.send(()).unwrap()).unwrap();
        boxes.post(other, letter(&sink)).unwrap();
        arrived.recv_timeout(PATIENCE).unwrap();
        drop(open);
    }

    #[test]
    fn letters_of_one_client_arrive_in_their_order() {
        let (events, _receiver) = bounded(8);
        let boxes = Outboxes::new(Posting::OnThreads, events);
        let client = ClientId::next();
        let (sender, arrived) = channel();
        let sink = GenericCallback::new(move |event| sender.send(event).unwrap()).unwrap();
        for number in 0..100 {
            let event = SourceEvent::Muted(number % 3 == 0);
            let letter = Letter::Source(SourceId::from_u128(1), sink.clone(), event);
            boxes.post(client, letter).unwrap();
        }
        for number in 0..100 {
            let event = arrived.recv_timeout(PATIENCE).unwrap().unwrap();
            assert!(matches!(event, SourceEvent::Muted(muted) if muted == (number % 3 == 0)));
        }
        boxes.forget(client);
        assert!(boxes.boxes.lock().is_empty());
    }

    #[test]
    fn what_is_said_to_a_client_that_is_gone_leaves_no_queue() {
        let (events, _receiver) = bounded(8);
        let boxes = Outboxes {
            idle: Duration::from_millis(1),
            ..Outboxes::new(Posting::OnThreads, events)
        };
        let (sender, arrived) = channel();
        let sink = GenericCallback::new(move |_| sender.send(()).unwrap()).unwrap();
        let gone = ClientId::next();
        boxes.forget(gone);
        boxes.post(gone, letter(&sink)).unwrap();
        arrived.recv_timeout(PATIENCE).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !boxes.boxes.lock().is_empty() {
            assert!(Instant::now() < deadline, "its queue stays");
            thread::yield_now();
        }
    }

    #[test]
    fn a_queue_closes_only_where_nothing_has_come() {
        let (events, _receiver) = bounded(8);
        let boxes = Outboxes::new(Posting::OnThreads, events.clone());
        let client = ClientId::next();
        let (queue, letters) = unbounded();
        let thread = OutboxThread {
            client,
            letters,
            bytes: Arc::default(),
            idle: Duration::ZERO,
            boxes: Arc::downgrade(&boxes.boxes),
            events,
        };
        let outbox = Outbox {
            letters: queue,
            bytes: thread.bytes.clone(),
        };
        boxes.boxes.lock().insert(client, outbox);
        let sink = GenericCallback::new(|_| {}).unwrap();
        // Its thread has waited in vain, and this comes before it says so.
        boxes.post(client, letter(&sink)).unwrap();
        assert!(!thread.closes());
        thread.letters.recv().unwrap();
        assert!(thread.closes());
        assert!(boxes.boxes.lock().is_empty());
    }

    #[test]
    fn the_last_frame_of_each_client_says_that_none_follows() {
        let (events, _receiver) = bounded(8);
        let boxes = Outboxes::new(Posting::Directly, events);
        let (sender, arrived) = channel();
        let sink = GenericCallback::new(move |event| {
            if let Ok(SourceEvent::Frame(frame)) = event {
                sender.send((frame.sequence, frame.more_follow)).unwrap();
            }
        })
        .unwrap();
        let pool = PoolRegistration::new();
        let frame = |sequence| FrameMessage {
            sequence,
            captured_at: CrossProcessInstant::now(),
            size: Size2D::new(1, 1),
            damage: Damage::Whole,
            is_last_picture: false,
            more_follow: false,
            pixels: FramePixels::Pooled {
                pool: pool.id(),
                index: 0,
            },
        };
        let (one, other) = (ClientId::next(), ClientId::next());
        let mut bundle = Bundle::default();
        for (sequence, client) in [(1, one), (2, one), (3, other), (4, one)] {
            let event = SourceEvent::Frame(frame(sequence));
            bundle.add(
                client,
                Letter::Source(SourceId::from_u128(1), sink.clone(), event),
            );
        }
        bundle.add(one, letter(&sink));
        assert!(boxes.post_all(&mut bundle).is_empty());
        let all = [1, 2, 3, 4].map(|_| arrived.recv_timeout(PATIENCE).unwrap());
        assert_eq!(all, [(1, true), (2, true), (3, false), (4, false)]);
        bundle.lose(SourceId::from_u128(2));
        assert_eq!(boxes.post_all(&mut bundle).len(), 1);
        assert!(boxes.post_all(&mut bundle).is_empty());
    }
}
