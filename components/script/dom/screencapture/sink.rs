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
    CaptureClient, CaptureRequest, CapturedFrame, EndReason, FrameBus, FrameLease, FrameMessage,
    SourceEvent, SourceId,
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

/// From now on events of `source` reach `track`.
pub(crate) fn watch(source: SourceId, track: &ScreenCaptureMediaStreamTrack) {
    TRACKS.with_borrow_mut(|tracks| {
        tracks.retain(|_, track| track.is_alive());
        tracks.insert(source, WeakRef::new(track));
    });
}

/// No events of `source` are awaited any more.
fn forget(source: SourceId) {
    TRACKS.with_borrow_mut(|tracks| tracks.remove(&source));
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
    GenericCallback::new(move |event| match event {
        Ok(SourceEvent::Frame(frame)) => deliver(&client, source, &bus, frame),
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

fn deliver(client: &CaptureClient, source: SourceId, bus: &FrameBus, frame: FrameMessage) {
    let sequence = frame.sequence;
    let client = client.clone();
    let lease = FrameLease::new(move || {
        // Err: the service is gone and its buffers with it.
        let _ = client.send(CaptureRequest::Release { source, sequence });
    });
    if !frame.is_consistent() {
        warn!("{source} sent a frame whose size and bytes do not agree");
        return;
    }
    bus.push(CapturedFrame {
        sequence,
        captured_at: frame.captured_at,
        size: frame.size,
        pixels: frame.pixels.into_arc_vec(),
        lease: Some(Arc::new(lease)),
    });
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
        SourceEvent::Changed { screen, settings } => track.source_changed(screen, settings),
        SourceEvent::Muted(muted) => track.source_muted(cx, muted),
        SourceEvent::Ended(_) => {
            forget(source);
            track.source_ended(cx);
        }
    }
}
