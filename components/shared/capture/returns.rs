/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way of frames back to the service, several in one message.
//!
//! What nobody looks at any more waits until nobody looks at more than the newest
//! frame of any source, and what has gathered by then from all sources of the event
//! loop is given back at once: in time for the service to make the next frames in
//! the same few pictures, which the processor still has in its cache. It does not
//! wait longer than until the next frame of its source comes. Of a source that has
//! no other picture, as the service says with each frame, every frame is given back
//! at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{CaptureClient, CaptureRequest, FrameLease, FrameMessage, SourceId};

/// The frames of an event loop that are to be given back.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Nobody looks at these any more.
    frames: Vec<(SourceId, u64)>,
    /// Which sources have frames that somebody looks at, and how it is with them.
    sources: HashMap<SourceId, Held>,
    /// Frames that were made together with the newest one are under way.
    more_follow: bool,
}

#[derive(Debug, Default)]
struct Held {
    frames: usize,
    /// The source has no other picture.
    is_awaited: bool,
}

impl State {
    /// A frame has come. Those that go back now: some that waited for it.
    fn come(&mut self, source: SourceId, frame: &FrameMessage) -> Vec<(SourceId, u64)> {
        self.more_follow = frame.more_follow;
        let held = self.sources.entry(source).or_default();
        held.frames += 1;
        held.is_awaited = frame.is_last_picture;
        let mut waiting = self.frames.iter();
        if held.is_awaited || waiting.any(|(other, _)| *other == source) {
            return std::mem::take(&mut self.frames);
        }
        Vec::new()
    }

    /// Nobody looks at this frame any more. Those that go back now.
    fn done(&mut self, source: SourceId, sequence: u64) -> Vec<(SourceId, u64)> {
        self.frames.push((source, sequence));
        let mut is_awaited = false;
        if let Entry::Occupied(mut entry) = self.sources.entry(source) {
            let held = entry.get_mut();
            held.frames -= 1;
            is_awaited = held.is_awaited;
            if held.frames == 0 {
                entry.remove();
            }
        }
        let is_up_to_date = !self.more_follow && self.sources.values().all(|held| held.frames <= 1);
        if is_awaited || is_up_to_date || self.frames.len() >= CaptureRequest::MAX_RELEASED {
            return std::mem::take(&mut self.frames);
        }
        Vec::new()
    }
}

/// Gives the frames of one source back.
pub struct FrameReturns {
    shared: Arc<Shared>,
}

struct Shared {
    client: CaptureClient,
    source: SourceId,
}

impl FrameReturns {
    /// For the frames of `source`, which is the client's.
    pub fn new(client: CaptureClient, source: SourceId) -> Self {
        Self {
            shared: Arc::new(Shared { client, source }),
        }
    }

    /// The lease of a frame that has come.
    pub fn lease(&self, frame: &FrameMessage) -> FrameLease {
        let shared = self.shared.clone();
        let frames = shared.client.gathered().0.lock().come(shared.source, frame);
        shared.send(frames);
        let sequence = frame.sequence;
        FrameLease::new(move || shared.give_back(sequence))
    }
}

impl Shared {
    /// Nobody looks at this frame any more.
    fn give_back(&self, sequence: u64) {
        let frames = self.client.gathered().0.lock().done(self.source, sequence);
        self.send(frames);
    }

    fn send(&self, frames: Vec<(SourceId, u64)>) {
        if frames.is_empty() {
            return;
        }
        // Err: the service is gone and its pictures with it.
        let _ = self.client.send(CaptureRequest::Release { frames });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use euclid::Size2D;
    use servo_base::cross_process_instant::CrossProcessInstant;
    use servo_base::id::ScriptEventLoopId;

    use super::*;
    use crate::{
        CaptureServiceHandle, ClientId, Damage, FramePixels, PoolRegistration, ServiceNotice,
        Submission,
    };

    #[derive(Default)]
    struct Service(Mutex<Vec<Vec<(SourceId, u64)>>>);

    impl Submission for Service {
        fn request(&self, _: ClientId, request: CaptureRequest) {
            if let CaptureRequest::Release { frames } = request {
                self.0.lock().push(frames);
            }
        }

        fn unreadable(&self, _: ClientId) {}

        fn notice(&self, _: ServiceNotice) {}

        fn exit(&self, _: Duration) {}
    }

    struct Page {
        service: Arc<Service>,
        client: CaptureClient,
        pool: PoolRegistration,
    }

    impl Page {
        fn new() -> Self {
            let service = Arc::new(Service::default());
            let handle = CaptureServiceHandle::new(service.clone(), true);
            Self {
                service,
                client: handle.mint_client(ScriptEventLoopId::new()),
                pool: PoolRegistration::new(),
            }
        }

        fn source(&self) -> (SourceId, FrameReturns) {
            let source = SourceId::random();
            (source, FrameReturns::new(self.client.clone(), source))
        }

        /// One of several that were made together: not the last of them.
        fn early(&self, sequence: u64) -> FrameMessage {
            FrameMessage {
                more_follow: true,
                ..self.frame(sequence)
            }
        }

        /// One whose source has no other picture.
        fn awaited(&self, sequence: u64) -> FrameMessage {
            FrameMessage {
                is_last_picture: true,
                ..self.frame(sequence)
            }
        }

        fn frame(&self, sequence: u64) -> FrameMessage {
            FrameMessage {
                sequence,
                captured_at: CrossProcessInstant::now(),
                size: Size2D::new(1, 1),
                damage: Damage::Whole,
                is_last_picture: false,
                more_follow: false,
                pixels: FramePixels::Pooled {
                    pool: self.pool.id(),
                    index: 0,
                },
            }
        }

        /// What was given back since asked last, a list for each message.
        fn given_back(&self) -> Vec<Vec<(SourceId, u64)>> {
            std::mem::take(&mut *self.service.0.lock())
        }
    }

    #[test]
    fn what_several_sources_replace_together_goes_back_together() {
        let page = Page::new();
        let ((one, of_one), (two, of_two)) = (page.source(), page.source());
        let first = [of_one.lease(&page.early(1)), of_two.lease(&page.frame(1))];
        let [first_of_one, first_of_two] = first;
        let _second_of_one = of_one.lease(&page.early(2));
        drop(first_of_one);
        assert!(page.given_back().is_empty(), "more follow");
        let _second_of_two = of_two.lease(&page.frame(2));
        assert!(page.given_back().is_empty());
        drop(first_of_two);
        assert_eq!(page.given_back(), [[(one, 1), (two, 1)]]);
    }

    #[test]
    fn who_is_slow_is_waited_for_until_the_next_frame_at_most() {
        let page = Page::new();
        let ((slow, of_slow), (two, of_two)) = (page.source(), page.source());
        let first_of_slow = of_slow.lease(&page.frame(1));
        let second_of_slow = of_slow.lease(&page.frame(2));
        let first = of_two.lease(&page.frame(1));
        let second = of_two.lease(&page.frame(2));
        drop(first);
        assert!(page.given_back().is_empty());
        drop(first_of_slow);
        assert_eq!(page.given_back(), [[(two, 1), (slow, 1)]]);
        let _third_of_slow = of_slow.lease(&page.frame(3));
        let third = of_two.lease(&page.frame(3));
        drop(second);
        assert!(page.given_back().is_empty());
        let _fourth = of_two.lease(&page.frame(4));
        assert_eq!(page.given_back(), [[(two, 2)]]);
        drop((second_of_slow, third));
        assert_eq!(page.given_back(), [[(slow, 2), (two, 3)]]);
    }

    #[test]
    fn of_a_source_without_another_picture_each_frame_goes_back_at_once() {
        let page = Page::new();
        let ((source, returns), (_, of_slow)) = (page.source(), page.source());
        let _slow = [1, 2].map(|sequence| of_slow.lease(&page.frame(sequence)));
        let first = returns.lease(&page.frame(1));
        let second = returns.lease(&page.awaited(2));
        drop(first);
        assert_eq!(page.given_back(), [[(source, 1)]]);
        drop(second);
        assert_eq!(page.given_back(), [[(source, 2)]]);
        let third = returns.lease(&page.frame(3));
        drop(third);
        assert!(page.given_back().is_empty());
        // What waits goes back as soon as it is awaited.
        let _fourth = returns.lease(&page.awaited(4));
        assert_eq!(page.given_back(), [[(source, 3)]]);
    }

    #[test]
    fn no_more_wait_than_a_message_may_have() {
        let page = Page::new();
        let most = CaptureRequest::MAX_RELEASED as u64;
        let (_, returns) = page.source();
        let mut leases: Vec<_> = (1..=most + 2)
            .map(|sequence| returns.lease(&page.frame(sequence)))
            .collect();
        let _newest = leases.split_off(CaptureRequest::MAX_RELEASED);
        drop(leases);
        let given_back = page.given_back();
        assert_eq!(given_back.len(), 1);
        assert_eq!(given_back[0].len() as u64, most);
    }
}
