/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What happens in this process to a source's frames and events.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use js::context::JSContext;
use script_bindings::weakref::WeakRef;
use servo_base::generic_channel::{GenericCallback, SendError};
use servo_capture_traits::{
    CaptureClient, CaptureRequest, EndReason, FrameBus, FrameError, FrameMessage, FrameReceiver,
    FrameReturns, PoolReader, SourceEvent, SourceId,
};

use crate::dom::globalscope::GlobalScope;
use crate::dom::screencapture::screencapturemediastreamtrack::ScreenCaptureMediaStreamTrack;
use crate::tasks::task_source::SendableTaskSource;

thread_local! {
    /// The live capture tracks of this script thread. Weak: being captured does
    /// not keep a track alive, and a track that is collected stops its capture.
    static TRACKS: RefCell<HashMap<SourceId, WeakRef<ScreenCaptureMediaStreamTrack>>> =
        RefCell::default();
}

/// From now on events of `source` reach `track`, until [`forget`].
pub(crate) fn watch(source: SourceId, track: &ScreenCaptureMediaStreamTrack) {
    TRACKS.with_borrow_mut(|tracks| tracks.insert(source, WeakRef::new(track)));
}

/// No events of `source` are awaited any more.
///
/// Whoever lets go of a source says so at once: a weak reference keeps the memory
/// of a track that was collected, though not what the track held.
pub(crate) fn forget(source: SourceId) {
    // Err: the thread ends, and its last tracks are collected after `TRACKS`.
    let _ = TRACKS.try_with(|tracks| tracks.borrow_mut().remove(&source));
}

/// The callback that the service sends a source's frames and events to. Frames
/// go straight into the bus; events become tasks of the page.
///
/// # Errors
/// When the process has no channel left.
pub(crate) fn new_sink(
    global: &GlobalScope,
    client: CaptureClient,
    source: SourceId,
    bus: Arc<FrameBus>,
) -> Result<GenericCallback<SourceEvent>, SendError> {
    let tasks = global
        .task_manager()
        .media_element_task_source()
        .to_sendable();
    let reader = PoolReader::new(client.pool_access());
    let mut frames = Frames {
        receiver: FrameReceiver::new(reader, bus.clone()),
        returns: FrameReturns::new(client.clone(), source),
        client,
        source,
        wants_copies: false,
    };
    GenericCallback::new(move |event| match event {
        Ok(SourceEvent::Frame(frame)) => frames.deliver(frame),
        Ok(SourceEvent::Ended(reason)) => {
            bus.end();
            queue(&tasks, source, SourceEvent::Ended(reason));
        }
        Ok(event) => queue(&tasks, source, event),
        Err(error) => {
            warn!("{source} sent what is no capture event: {error:?}");
            bus.end();
            queue(&tasks, source, SourceEvent::Ended(EndReason::Closed));
        }
    })
}

/// The frames of a source on their way to its bus.
struct Frames {
    receiver: FrameReceiver,
    returns: FrameReturns,
    client: CaptureClient,
    source: SourceId,
    /// The service was asked for copies, as a picture could not be had.
    wants_copies: bool,
}

impl Frames {
    fn deliver(&mut self, frame: FrameMessage) {
        let source = self.source;
        let lease = self.returns.lease(&frame);
        match self.receiver.receive(frame, lease) {
            Ok(()) => {}
            // The source has a new pool, and a frame of it follows.
            Err(FrameError::Picture(error)) if error.is_temporary() => {
                debug!("{source}: {error}");
            }
            Err(error) => {
                warn!("{source} sent a frame that cannot be shown: {error}");
                if !self.wants_copies {
                    self.wants_copies = true;
                    // Err: no further frame will come.
                    let _ = self.client.send(CaptureRequest::CopyFrames);
                }
            }
        }
    }
}

fn queue(tasks: &SendableTaskSource, source: SourceId, event: SourceEvent) {
    tasks.queue(task!(capture_source_event: move |cx| {
        handle_event(cx, source, event);
    }));
}

fn handle_event(cx: &mut JSContext, source: SourceId, event: SourceEvent) {
    let track = TRACKS.with_borrow(|tracks| tracks.get(&source).and_then(|track| track.root()));
    let Some(track) = track else {
        forget(source);
        return;
    };
    match event {
        // Frames do not come this way.
        SourceEvent::Frame(_) => {}
        SourceEvent::Changed { screen, settings } => track.source_changed(cx, screen, settings),
        SourceEvent::Muted(muted) => track.source_muted(cx, muted),
        SourceEvent::Ended(_) => {
            forget(source);
            track.source_ended(cx);
        }
    }
}
