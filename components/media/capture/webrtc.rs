/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Captures in peer connections. The inner backend knows nothing of a
//! `FrameBus`: it gets a GStreamer stream of its own for each capture that a page
//! adds to a connection, and encodes that like any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use euclid::Size2D;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use servo_capture_traits::picture::picture_bytes;
use servo_capture_traits::{BusUpdate, CapturedFrame, Damage, FrameBus, MonitorPixel};
use servo_media_gstreamer::media_stream::GStreamerMediaStream;
use servo_media_gstreamer::webrtc::{GStreamerWebRtcController, construct};
use servo_media_streams::registry::{MediaStreamId, get_stream, unregister_stream};
use servo_media_webrtc::thread::InternalEvent;
use servo_media_webrtc::{
    BundlePolicy, DataChannelId, DataChannelInit, DataChannelMessage, IceCandidate,
    SessionDescription, WebRtcBackend, WebRtcController, WebRtcControllerBackend,
    WebRtcDataChannelResult, WebRtcError, WebRtcResult, WebRtcSignaller,
};

/// How often a still picture is sent again. A far end that has joined late, or that
/// lost something, sees no picture until one is encoded after it has asked.
const STILL_PERIOD: Duration = Duration::from_secs(1);

/// How long to wait for the encoder when it has not come to the picture before.
const BUSY_PERIOD: Duration = Duration::from_millis(15);

/// Peer connections that can send captures.
pub(crate) struct CaptureWebRtc;

impl WebRtcBackend for CaptureWebRtc {
    type Controller = Controller;

    fn construct_webrtc_controller(
        signaller: Box<dyn WebRtcSignaller>,
        thread: WebRtcController,
    ) -> Controller {
        // The inner backend panics if it cannot: when the plugins for DTLS or ICE are
        // not installed.
        let inner = construct(signaller, thread).inspect_err(|error| {
            log::error!("there are no peer connections: {error:?}");
        });
        Controller {
            inner: inner.ok(),
            feeds: Vec::new(),
        }
    }
}

/// A peer connection.
pub(crate) struct Controller {
    inner: Option<GStreamerWebRtcController>,
    feeds: Vec<Feed>,
}

impl Controller {
    fn inner(&mut self) -> Result<&mut GStreamerWebRtcController, WebRtcError> {
        let missing = || WebRtcError::Backend("peer connections need more plugins".to_owned());
        self.inner.as_mut().ok_or_else(missing)
    }
}

impl WebRtcControllerBackend for Controller {
    fn add_stream(&mut self, stream: &MediaStreamId) -> WebRtcResult {
        let id = match FrameBus::find(stream.id()) {
            Some(bus) => {
                self.inner()?;
                let feed = Feed::start(bus)?;
                let id = feed.stream;
                self.feeds.push(feed);
                id
            }
            // The inner backend panics at an id that it does not know.
            None if get_stream(stream).is_none() => {
                return Err(WebRtcError::Backend("no such stream".to_owned()));
            }
            None => *stream,
        };
        self.inner()?.add_stream(&id)
    }

    fn quit(&mut self) {
        if let Ok(inner) = self.inner() {
            inner.quit();
        }
        self.feeds.clear();
    }

    fn configure(&mut self, stun_server: &str, policy: BundlePolicy) -> WebRtcResult {
        self.inner()?.configure(stun_server, policy)
    }

    fn set_remote_description(
        &mut self,
        description: SessionDescription,
        then: Box<dyn FnOnce() + Send + 'static>,
    ) -> WebRtcResult {
        self.inner()?.set_remote_description(description, then)
    }

    fn set_local_description(
        &mut self,
        description: SessionDescription,
        then: Box<dyn FnOnce() + Send + 'static>,
    ) -> WebRtcResult {
        self.inner()?.set_local_description(description, then)
    }

    fn add_ice_candidate(&mut self, candidate: IceCandidate) -> WebRtcResult {
        self.inner()?.add_ice_candidate(candidate)
    }

    fn create_offer(
        &mut self,
        then: Box<dyn FnOnce(SessionDescription) + Send + 'static>,
    ) -> WebRtcResult {
        self.inner()?.create_offer(then)
    }

    fn create_answer(
        &mut self,
        then: Box<dyn FnOnce(SessionDescription) + Send + 'static>,
    ) -> WebRtcResult {
        self.inner()?.create_answer(then)
    }

    fn create_data_channel(&mut self, init: &DataChannelInit) -> WebRtcDataChannelResult {
        self.inner()?.create_data_channel(init)
    }

    fn close_data_channel(&mut self, channel: &DataChannelId) -> WebRtcResult {
        self.inner()?.close_data_channel(channel)
    }

    fn send_data_channel_message(
        &mut self,
        channel: &DataChannelId,
        message: &DataChannelMessage,
    ) -> WebRtcResult {
        self.inner()?.send_data_channel_message(channel, message)
    }

    fn internal_event(&mut self, event: InternalEvent) -> WebRtcResult {
        self.inner()?.internal_event(event)
    }
}

/// A capture on its way into the inner backend. Dropping it ends it.
struct Feed {
    stream: MediaStreamId,
    shared: Arc<Shared>,
}

struct Shared {
    bus: Arc<FrameBus>,
    source: AppSrc,
    stopped: AtomicBool,
    interrupt: AtomicBool,
}

impl Feed {
    /// Makes a stream of the inner backend that shows `bus`.
    ///
    /// # Errors
    /// There is no thread to be had.
    fn start(bus: Arc<FrameBus>) -> Result<Self, WebRtcError> {
        let source = AppSrc::builder()
            .is_live(true)
            .do_timestamp(true)
            .format(gstreamer::Format::Time)
            .block(false)
            .build();
        let shared = Arc::new(Shared {
            bus,
            source: source.clone(),
            stopped: false.into(),
            interrupt: false.into(),
        });
        let thread_shared = shared.clone();
        thread::Builder::new()
            .name("CaptureFeed".to_owned())
            .spawn(move || thread_shared.run())?;
        Ok(Self {
            stream: GStreamerMediaStream::create_video_from(source.upcast()),
            shared,
        })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.interrupt.store(true, Ordering::Release);
        self.shared.bus.wake();
        // Held meanwhile: what the registry drops itself, under its lock, asks for
        // that lock.
        let held = get_stream(&self.stream);
        unregister_stream(&self.stream);
        drop(held);
    }
}

impl Shared {
    fn run(&self) {
        let mut seen = 0;
        let mut last: Option<gstreamer::Buffer> = None;
        let mut size = Size2D::default();
        let mut is_busy = false;
        loop {
            let period = if is_busy { BUSY_PERIOD } else { STILL_PERIOD };
            let deadline = last.as_ref().map(|_| Instant::now() + period);
            let update = self.bus.wait(seen, &self.interrupt, deadline);
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
            match update {
                BusUpdate::Frame { frame, version } => {
                    seen = version;
                    let Some(buffer) = buffer(&frame) else {
                        continue;
                    };
                    last = Some(buffer);
                    if frame.size != size {
                        size = frame.size;
                        self.source.set_caps(Some(&caps(size)));
                    }
                }
                BusUpdate::TimedOut => {}
                BusUpdate::Interrupted => continue,
                // The far end keeps the last picture.
                BusUpdate::Ended => return,
            }
            // Newest wins here, too: nothing queues behind a slow encoder.
            is_busy = self.source.current_level_bytes() > 0;
            if !is_busy && let Some(buffer) = last.clone() {
                // The copy shares the memory; the source gives each its own time.
                if let Err(error) = self.source.push_buffer(buffer) {
                    // Not taken until the connection plays, and after it was closed.
                    log::trace!("a frame is not taken by a peer connection: {error:?}");
                }
            }
        }
    }
}

fn caps(size: Size2D<u32, MonitorPixel>) -> gstreamer::Caps {
    let length = |length| i32::try_from(length).unwrap_or(i32::MAX);
    gstreamer::Caps::builder("video/x-raw")
        .field("format", "BGRx")
        .field("width", length(size.width))
        .field("height", length(size.height))
        // As it comes.
        .field("framerate", gstreamer::Fraction::new(0, 1))
        .build()
}

/// The frame's picture in memory of the inner backend; none if it cannot be read.
fn buffer(frame: &CapturedFrame) -> Option<gstreamer::Buffer> {
    let mut pixels = vec![0; picture_bytes(frame.size).ok()?];
    let copied = frame
        .picture
        .copy_opaque(frame.size, &Damage::Whole, &mut pixels);
    match copied {
        Ok(()) => Some(gstreamer::Buffer::from_mut_slice(pixels)),
        Err(error) => {
            log::error!("a frame cannot be sent: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use servo_base::cross_process_instant::CrossProcessInstant;
    use servo_capture_traits::{FramePicture, PictureWriter};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn frame(value: u8, width: u32, height: u32) -> CapturedFrame {
        let mut writer = PictureWriter::new((width * height * 4) as usize).unwrap();
        writer.bytes_mut().fill(value);
        CapturedFrame {
            sequence: u64::from(value),
            captured_at: CrossProcessInstant::now(),
            size: Size2D::new(width, height),
            damage: Damage::Whole,
            picture: FramePicture::Shared(writer.memory().clone()),
            lease: None,
        }
    }

    /// Plays a feed into a sink; what comes out is its width and its first byte.
    fn play(bus: &Arc<FrameBus>) -> (Feed, gstreamer::Pipeline, mpsc::Receiver<(i32, u8)>) {
        gstreamer::init().unwrap();
        let feed = Feed::start(bus.clone()).unwrap();
        let (sender, seen) = mpsc::channel();
        let sink = gstreamer_app::AppSink::builder().sync(false).build();
        sink.set_callbacks(
            gstreamer_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().unwrap();
                    let caps = sample.caps().unwrap();
                    let width = caps.structure(0).unwrap().get("width").unwrap();
                    let map = sample.buffer().unwrap().map_readable().unwrap();
                    // The test may have seen enough.
                    let _ = sender.send((width, map[0]));
                    Ok(gstreamer::FlowSuccess::Ok)
                })
                .build(),
        );
        let pipeline = gstreamer::Pipeline::new();
        let source = feed.shared.source.upcast_ref::<gstreamer::Element>();
        pipeline.add_many([source, sink.upcast_ref()]).unwrap();
        source.link(&sink).unwrap();
        pipeline.set_state(gstreamer::State::Playing).unwrap();
        (feed, pipeline, seen)
    }

    /// Waits for what may come after repetitions of what came before.
    #[track_caller]
    fn wait_for(seen: &mpsc::Receiver<(i32, u8)>, expected: (i32, u8)) {
        while seen.recv_timeout(PATIENCE).unwrap() != expected {}
    }

    #[test]
    fn frames_of_any_size_reach_the_inner_backend_and_a_still_one_again_and_again() {
        let bus = Arc::new(FrameBus::default());
        let (feed, pipeline, seen) = play(&bus);
        bus.push(frame(1, 16, 8));
        for _ in 0..3 {
            wait_for(&seen, (16, 1));
        }
        bus.push(frame(2, 32, 8));
        wait_for(&seen, (32, 2));
        bus.set_enabled(false);
        wait_for(&seen, (32, 0));
        let shared = Arc::downgrade(&feed.shared);
        drop(feed);
        let deadline = Instant::now() + PATIENCE;
        while shared.strong_count() > 0 {
            assert!(Instant::now() < deadline, "the thread goes on");
            thread::sleep(Duration::from_millis(5));
        }
        pipeline.set_state(gstreamer::State::Null).unwrap();
    }
}
