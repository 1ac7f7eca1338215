/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way of frames back to the service, several in one message.
//!
//! Nobody waits for a frame while its source has another picture, and the service
//! says with each frame whether it has. So what nobody looks at any more waits
//! until the next frame of its source comes, and what has gathered by then from
//! all sources of the event loop is given back at once. Of a source that has no
//! other picture every frame is given back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::{CaptureClient, CaptureRequest, FrameLease, FrameMessage, SourceId};

/// Frames that an event loop is done with and has not given back.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Mutex<Vec<(SourceId, u64)>>);

/// Gives the frames of one source back.
pub struct FrameReturns {
    shared: Arc<Shared>,
}

struct Shared {
    client: CaptureClient,
    source: SourceId,
    /// The source has no other picture. Changes with `Gathered` locked.
    is_awaited: AtomicBool,
}

impl FrameReturns {
    /// For the frames of `source`, which is the client's.
    pub fn new(client: CaptureClient, source: SourceId) -> Self {
        Self {
            shared: Arc::new(Shared {
                client,
                source,
                is_awaited: AtomicBool::new(false),
            }),
        }
    }

    /// The lease of a frame that has come.
    pub fn lease(&self, frame: &FrameMessage) -> FrameLease {
        let shared = self.shared.clone();
        shared.go_on(frame.is_last_picture);
        let sequence = frame.sequence;
        FrameLease::new(move || shared.give_back(sequence))
    }
}

impl Shared {
    /// A frame has come: those before it go back.
    fn go_on(&self, is_awaited: bool) {
        let frames = {
            let mut gathered = self.client.gathered().0.lock();
            self.is_awaited.store(is_awaited, Ordering::Relaxed);
            let mut frames = gathered.iter();
            if !is_awaited && !frames.any(|(source, _)| *source == self.source) {
                return;
            }
            std::mem::take(&mut *gathered)
        };
        self.send(frames);
    }

    /// Nobody looks at this frame any more.
    fn give_back(&self, sequence: u64) {
        let frames = {
            let mut gathered = self.client.gathered().0.lock();
            gathered.push((self.source, sequence));
            let is_awaited = self.is_awaited.load(Ordering::Relaxed);
            if !is_awaited && gathered.len() < CaptureRequest::MAX_RELEASED {
                return;
            }
            std::mem::take(&mut *gathered)
        };
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

        fn frame(&self, sequence: u64, is_last_picture: bool) -> FrameMessage {
            FrameMessage {
                sequence,
                captured_at: CrossProcessInstant::now(),
                size: Size2D::new(1, 1),
                damage: Damage::Whole,
                is_last_picture,
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
    fn frames_of_several_sources_go_back_together_when_the_next_one_comes() {
        let page = Page::new();
        let ((one, of_one), (two, of_two)) = (page.source(), page.source());
        drop(of_one.lease(&page.frame(1, false)));
        drop(of_two.lease(&page.frame(1, false)));
        assert!(page.given_back().is_empty());
        let second = of_one.lease(&page.frame(2, false));
        assert_eq!(page.given_back(), [[(one, 1), (two, 1)]]);
        drop(second);
        drop(of_two.lease(&page.frame(2, false)));
        assert!(page.given_back().is_empty(), "nothing of its own waits");
    }

    #[test]
    fn of_a_source_without_another_picture_each_frame_goes_back_at_once() {
        let page = Page::new();
        let (source, returns) = page.source();
        let first = returns.lease(&page.frame(1, false));
        let second = returns.lease(&page.frame(2, true));
        drop(first);
        assert_eq!(page.given_back(), [[(source, 1)]]);
        drop(second);
        assert_eq!(page.given_back(), [[(source, 2)]]);
        let third = returns.lease(&page.frame(3, false));
        drop(third);
        assert!(page.given_back().is_empty());
        // What waits goes back as soon as it is awaited.
        let _fourth = returns.lease(&page.frame(4, true));
        assert_eq!(page.given_back(), [[(source, 3)]]);
    }

    #[test]
    fn no_more_wait_than_a_message_may_have() {
        let page = Page::new();
        let most = CaptureRequest::MAX_RELEASED as u64;
        let (_, returns) = page.source();
        let leases: Vec<_> = (1..=most)
            .map(|sequence| returns.lease(&page.frame(sequence, false)))
            .collect();
        drop(leases);
        let given_back = page.given_back();
        assert_eq!(given_back.len(), 1);
        assert_eq!(given_back[0].len() as u64, most);
    }
}
