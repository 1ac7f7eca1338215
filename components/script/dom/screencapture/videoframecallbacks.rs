/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `HTMLVideoElement.requestVideoFrameCallback()`
//! (<https://wicg.github.io/video-rvfc/>), for every video.

mod clock;
mod presented;

use std::cell::Cell;
use std::collections::VecDeque;

use js::context::JSContext;
use js::realm::CurrentRealm;
use script_bindings::callback::{ExceptionHandling, RootedCallback, TracedCallback};
use script_bindings::cell::DomRefCell;
use time::Duration;
use webrender_api::ImageKey;

pub(crate) use self::presented::{PresentedFrame, PresentedFrames};
use crate::dom::bindings::codegen::Bindings::HTMLMediaElementBinding::HTMLMediaElementMethods;
use crate::dom::bindings::codegen::Bindings::VideoFrameCallbackBinding::{
    VideoFrameCallbackMetadata, VideoFrameRequestCallback,
};
use crate::dom::bindings::codegen::UnionTypes::MediaStreamOrBlob;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::num::Finite;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::document::{Document, RenderingUpdateReason};
use crate::dom::html::htmlmediaelement::HTMLMediaElement;
use crate::dom::html::htmlvideoelement::HTMLVideoElement;
use crate::dom::node::NodeTraits;

/// How long after its submission a frame is expected on the screen: the script
/// thread waits 16 ms at most before it updates the rendering, and the
/// compositor for the next refresh, whose rate script is not told.
const DISPLAY_DELAY: Duration = Duration::milliseconds(16 + 1000 / 60);

/// A callback and its handle.
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
struct Entry {
    handle: u32,
    #[ignore_malloc_size_of = "measured by mozjs"]
    callback: TracedCallback<VideoFrameRequestCallback>,
}

/// What a video keeps for its callbacks.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct VideoFrameCallbacks {
    /// <https://wicg.github.io/video-rvfc/#list-of-video-frame-request-callbacks>
    list: DomRefCell<VecDeque<Entry>>,
    /// What is left of the list that is being run.
    running: DomRefCell<VecDeque<Entry>>,
    /// <https://wicg.github.io/video-rvfc/#video-frame-request-callback-identifier>
    identifier: Cell<u32>,
    /// <https://wicg.github.io/video-rvfc/#last-presented-frame-indentifier>
    last_presented_frame: Cell<u32>,
    /// The picture that layout has been told of; for `presentation.rs`.
    #[no_trace]
    laid_out: Cell<Option<ImageKey>>,
}

impl VideoFrameCallbacks {
    /// Layout is told of this picture; whether it was told of another one, or none.
    pub(crate) fn lay_out(&self, picture: Option<ImageKey>) -> bool {
        self.laid_out.replace(picture) != picture
    }
}

/// The videos of a document that have callbacks. They are kept alive, as their
/// next frame can be seen by the page, whether or not it keeps the element.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct VideosWithCallbacks(DomRefCell<Vec<Dom<HTMLVideoElement>>>);

impl VideosWithCallbacks {
    fn add(&self, video: &HTMLVideoElement) {
        let mut videos = self.0.borrow_mut();
        if !videos.iter().any(|known| &**known == video) {
            videos.push(Dom::from_ref(video));
        }
    }

    fn remove(&self, video: &HTMLVideoElement) {
        self.0.borrow_mut().retain(|known| &**known != video);
    }

    fn all(&self) -> Vec<DomRoot<HTMLVideoElement>> {
        self.0
            .borrow()
            .iter()
            .map(|video| video.as_rooted())
            .collect()
    }
}

/// <https://wicg.github.io/video-rvfc/#dom-htmlvideoelement-requestvideoframecallback>
pub(crate) fn request_video_frame_callback(
    video: &HTMLVideoElement,
    callback: RootedCallback<VideoFrameRequestCallback>,
) -> u32 {
    // Step 1. The video is `video`.
    let callbacks = video.frame_callbacks();
    // Step 2. A new handle.
    let handle = callbacks.identifier.get().wrapping_add(1);
    callbacks.identifier.set(handle);
    // Step 3.
    callbacks.list.borrow_mut().push_back(Entry {
        handle,
        callback: callback.to_traced(),
    });
    // Not in the spec: Servo updates the rendering only when there is a reason,
    // and looks only at videos that it knows to have callbacks.
    video.owner_document().videos_with_callbacks().add(video);
    call_back_soon(video);
    // Step 4.
    handle
}

/// <https://wicg.github.io/video-rvfc/#dom-htmlvideoelement-cancelvideoframecallback>
pub(crate) fn cancel_video_frame_callback(video: &HTMLVideoElement, handle: u32) {
    // Step 1. The video is `video`.
    let callbacks = video.frame_callbacks();
    // Steps 2 and 3. Instead of a flag that is looked at before the call, the
    // entry is removed from what is to be called, also when it is its turn
    // later in the list that is being run.
    callbacks
        .list
        .borrow_mut()
        .retain(|entry| entry.handle != handle);
    callbacks
        .running
        .borrow_mut()
        .retain(|entry| entry.handle != handle);
    forget_without_callbacks(video);
}

/// A part of <https://html.spec.whatwg.org/multipage/#update-the-rendering>: for
/// each associated video element of a document, run the video frame request
/// callbacks. `now` is the frame's timestamp, in milliseconds.
pub(crate) fn run(cx: &mut CurrentRealm, document: &Document, now: f64) {
    for video in document.videos_with_callbacks().all() {
        run_the_video_frame_request_callbacks(cx, &video, now);
    }
}

/// <https://wicg.github.io/video-rvfc/#run-the-video-frame-request-callbacks>
fn run_the_video_frame_request_callbacks(cx: &mut JSContext, video: &HTMLVideoElement, now: f64) {
    let callbacks = video.frame_callbacks();
    // Step 1.
    if callbacks.list.borrow().is_empty() {
        return;
    }
    // Steps 2 to 4. Nothing to say, or nothing new.
    let Some(frame) = new_frame(video) else {
        return;
    };
    let metadata = metadata(cx, video, frame);
    // Not in the spec, where nothing happens meanwhile: a frame that came while
    // this update was under way belongs to the next one, which the player's
    // event for the frame brings about.
    if *metadata.presentationTime > now {
        return;
    }
    // Step 5.
    callbacks.last_presented_frame.set(frame.number);
    // Steps 6 and 7. What the callbacks register waits for the next frame.
    let list = callbacks.list.take();
    callbacks.running.borrow_mut().extend(list);
    // Step 8.
    loop {
        // Step 8.1. The canceled ones are gone.
        rooted!(&in(cx) let callback = callbacks
            .running
            .borrow_mut()
            .pop_front()
            .map(|entry| entry.callback));
        let Some(callback) = &*callback else {
            break;
        };
        // Steps 8.2 and 8.3. Err: the exception is reported already.
        let _ = callback.Call__(cx, Finite::wrap(now), &metadata, ExceptionHandling::Report);
    }
    forget_without_callbacks(video);
}

/// The frame that a video presents, if its callbacks were not called for it.
fn new_frame(video: &HTMLVideoElement) -> Option<PresentedFrame> {
    // Not in the spec: a frame that comes before the element has current data
    // is not yet the element's picture
    // (https://html.spec.whatwg.org/multipage/#the-video-element), and could
    // not be drawn.
    if !video.is_usable() {
        return None;
    }
    let frame = video
        .upcast::<HTMLMediaElement>()
        .presented_frames()
        .latest()?;
    (frame.number != video.frame_callbacks().last_presented_frame.get()).then_some(frame)
}

/// <https://wicg.github.io/video-rvfc/#video-frame-callback-metadata-attributes>
fn metadata(
    cx: &mut JSContext,
    video: &HTMLVideoElement,
    frame: PresentedFrame,
) -> VideoFrameCallbackMetadata {
    // The clock of the document, as the callbacks' own timestamp is, and not of
    // the one in which the video was made.
    let performance = video.owner_global().performance(cx);
    let stamp = |at| performance.to_dom_high_res_time_stamp(at);
    // The end may come before the clock expects it. NaN, for no duration, is no
    // limit to `min`.
    let duration = video.upcast::<HTMLMediaElement>().Duration();
    VideoFrameCallbackMetadata {
        presentationTime: stamp(frame.submitted_at),
        expectedDisplayTime: stamp(frame.submitted_at + DISPLAY_DELAY),
        width: frame.size.width,
        height: frame.size.height,
        mediaTime: Finite::wrap(frame.media_time.min(duration)),
        presentedFrames: frame.number,
        // Servo's players do not tell what they decode.
        processingDuration: None,
        // The way from a player to its element carries pixels and no times, so
        // that nothing is known of when a frame was captured. To take another
        // time for it would be a guess.
        captureTime: None,
        // Nothing is known of the network either.
        receiveTime: None,
        rtpTimestamp: None,
    }
}

/// A frame of `media` was presented, or may count as presented from now on.
pub(crate) fn frame_presented(media: &HTMLMediaElement) {
    if let Some(video) = media.downcast::<HTMLVideoElement>() {
        call_back_soon(video);
    }
}

/// The playback rate of `media` has changed.
pub(crate) fn rate_changed(media: &HTMLMediaElement) {
    // https://w3c.github.io/mediacapture-main/#mediastreams-in-media-elements:
    // a stream has one rate.
    let rate = match media.GetSrcObject() {
        Some(MediaStreamOrBlob::MediaStream(_)) => 1.0,
        _ => media.GetPlaybackRate().map_or(1.0, |rate| *rate),
    };
    media.presented_frames().set_rate(rate);
}

/// `media` has come into another document.
pub(crate) fn adopted(media: &HTMLMediaElement, old_document: &Document) {
    let Some(video) = media.downcast::<HTMLVideoElement>() else {
        return;
    };
    old_document.videos_with_callbacks().remove(video);
    if !video.frame_callbacks().list.borrow().is_empty() {
        video.owner_document().videos_with_callbacks().add(video);
        call_back_soon(video);
    }
}

/// Has the rendering updated if that would call callbacks, also of a video that
/// is not shown.
fn call_back_soon(video: &HTMLVideoElement) {
    if !video.frame_callbacks().list.borrow().is_empty() && new_frame(video).is_some() {
        video
            .owner_document()
            .add_rendering_update_reason(RenderingUpdateReason::VideoFramePresented);
    }
}

fn forget_without_callbacks(video: &HTMLVideoElement) {
    if video.frame_callbacks().list.borrow().is_empty() {
        video.owner_document().videos_with_callbacks().remove(video);
    }
}
