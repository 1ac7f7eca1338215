/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The whole service with its threads, on synthetic monitors, spoken to as a
//! page's process speaks to it.

mod attacks;
mod control;
mod desktop;
#[cfg(target_os = "linux")]
mod indicator;
mod record;
mod screens;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::{Index, PipelineId, PipelineNamespaceId, ScriptEventLoopId, TEST_PIPELINE_ID};
use servo_capture_traits::{
    AllScreensReply, CaptureClient, CaptureError, CaptureRequest, CaptureServiceHandle,
    ConfigureReply, Damage, EndReason, FrameFormat, FrameMessage, FramePixels, GrantedSource,
    PoolAccess, PoolReader, SourceEvent, SourceId,
};

use url::Host;

use super::control::{CaptureControl, control};
use super::outbox::Posting;
use super::{LogEmbedder, Service};
use crate::desktop::fake::FakeDesktop;
use crate::grabber::GrabberFactory;
use crate::grabber::synthetic::SyntheticLayout;
use crate::grabber::synthetic::picture::pixel;
use crate::indicator::synthetic::{IndicatorEvent, IndicatorLog, SyntheticIndicator};
use crate::indicator::{IndicatorError, Marks};
use crate::policy::CapturePolicy;
use crate::record::RecordSettings;

const ORIGIN: &str = "https://allowed.example";
const HOST: &str = "allowed.example";
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for a frame at 30 a second that must not come.
const QUIET: Duration = Duration::from_millis(400);

struct Rig {
    layout: SyntheticLayout,
    log: IndicatorLog,
    counter: Arc<AtomicU64>,
    desktop: FakeDesktop,
    handle: CaptureServiceHandle,
    client: CaptureClient,
    control: CaptureControl,
}

impl Rig {
    fn new() -> Self {
        Self::with_record(RecordSettings::default(), false, Vec::new())
    }

    fn with_record(record: RecordSettings, required: bool, policy_problems: Vec<String>) -> Self {
        let grabber = |layout: &SyntheticLayout| layout.factory();
        Self::with_grabber(record, required, policy_problems, grabber)
    }

    fn with_grabber(
        record: RecordSettings,
        required: bool,
        policy_problems: Vec<String>,
        grabber: impl FnOnce(&SyntheticLayout) -> GrabberFactory,
    ) -> Self {
        let layout = SyntheticLayout::empty();
        layout.plug(0, 0, 400, 300);
        layout.plug(400, 0, 320, 200);
        let counter = Arc::new(AtomicU64::new(0));
        let log = IndicatorLog::counting_with(counter.clone());
        let shown = log.clone();
        let (_, embedder_notices) = bounded(1);
        let (played, desktop) = FakeDesktop::new();
        let policy = CapturePolicy {
            all_screens_enabled: true,
            all_screens_allowed_origins: vec![ORIGIN.parse().unwrap()],
            record_required: required,
            ..CapturePolicy::default()
        };
        let (control, desk) = control(policy.clone());
        let handle = Service {
            policy,
            record,
            policy_problems,
            is_automated: false,
            embedder: Arc::new(LogEmbedder),
            desk,
            grabber: grabber(&layout),
            marks: Marks::default(),
            indicator: Box::new(move || Ok(Box::new(SyntheticIndicator::new(shown.clone())))),
            desktop,
            embedder_notices,
            posting: Posting::Directly,
        }
        .start();
        let client = introduce(&handle, TEST_PIPELINE_ID, HOST);
        Self {
            layout,
            log,
            counter,
            desktop: played,
            handle,
            client,
            control,
        }
    }

    fn ask(&self, origin: &str) -> Result<Vec<GrantedSource>, CaptureError> {
        ask(&self.client, TEST_PIPELINE_ID, origin)
    }

    /// Every event of a source, each with its place in the order of things.
    fn attach(&self, source: SourceId) -> Receiver<(u64, SourceEvent)> {
        let (sender, receiver) = channel();
        let counter = self.counter.clone();
        let sink = GenericCallback::new(move |event: Result<SourceEvent, _>| {
            let sequence = counter.fetch_add(1, Ordering::SeqCst);
            // Err: the test has seen enough.
            let _ = sender.send((sequence, event.unwrap()));
        })
        .unwrap();
        self.client
            .send(CaptureRequest::Attach { source, sink })
            .unwrap();
        receiver
    }

    fn release(&self, source: SourceId, sequence: u64) {
        self.client
            .send(CaptureRequest::Release {
                frames: vec![(source, sequence)],
            })
            .unwrap();
    }

    fn stop(&self, source: SourceId) {
        self.client.send(CaptureRequest::Stop { source }).unwrap();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.handle.exit();
    }
}

/// A new event loop for documents of `host` that has this one.
fn introduce(handle: &CaptureServiceHandle, pipeline: PipelineId, host: &str) -> CaptureClient {
    let event_loop = ScriptEventLoopId::new();
    let client = handle.mint_client(event_loop);
    let host = Host::parse(host).unwrap();
    handle.event_loop_serves(event_loop, Some(&host), |_| false);
    handle.pipeline_placed(pipeline, event_loop, true);
    client
}

/// A document; there is one for each number.
fn pipeline(number: u32) -> PipelineId {
    PipelineId {
        namespace_id: PipelineNamespaceId(7),
        index: Index::new(number).unwrap(),
    }
}

fn ask(
    client: &CaptureClient,
    pipeline: PipelineId,
    origin: &str,
) -> Result<Vec<GrantedSource>, CaptureError> {
    let (sender, receiver) = channel();
    let reply = GenericCallback::new(move |reply: Result<AllScreensReply, _>| {
        sender.send(reply.unwrap().0).unwrap();
    })
    .unwrap();
    client
        .send(CaptureRequest::AllScreens {
            pipeline,
            origin: origin.to_owned(),
            reply,
        })
        .unwrap();
    receiver.recv_timeout(PATIENCE).unwrap()
}

fn next_frame(events: &Receiver<(u64, SourceEvent)>) -> (u64, FrameMessage) {
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            (place, SourceEvent::Frame(frame)) => return (place, frame),
            (_, SourceEvent::Ended(reason)) => panic!("ended: {reason}"),
            _ => {}
        }
    }
}

/// What a page of this process finds in a frame.
fn pixels(frame: &FrameMessage) -> Vec<u8> {
    let FramePixels::Pooled { pool, index } = frame.pixels else {
        panic!("a copy within one process");
    };
    let bytes = (frame.size.width * frame.size.height * 4) as usize;
    let mut reader = PoolReader::new(PoolAccess::SameProcess);
    let picture = reader.picture(pool, index, bytes).unwrap();
    let mut pixels = vec![0; bytes];
    picture
        .copy_opaque(frame.size, &Damage::Whole, &mut pixels)
        .unwrap();
    pixels
}

fn end(events: &Receiver<(u64, SourceEvent)>) -> EndReason {
    loop {
        if let (_, SourceEvent::Ended(reason)) = events.recv_timeout(PATIENCE).unwrap() {
            return reason;
        }
    }
}

#[test]
fn a_page_gets_the_exact_pixels_of_every_monitor_after_the_indicator() {
    let rig = Rig::new();
    rig.layout.stop_clock_at(Duration::ZERO);
    for (index, granted) in rig.ask(ORIGIN).unwrap().into_iter().enumerate() {
        let (place, frame) = next_frame(&rig.attach(granted.source));
        assert_eq!(frame.size, granted.settings.size);
        let pixels = pixels(&frame);
        for (x, y) in [(0, 0), (7, 150), (300, 199)] {
            let offset = ((y * frame.size.width + x) * 4) as usize;
            let mut expected = pixel(index as u32, frame.size, x, y, 0);
            expected[3] = 255;
            assert_eq!(pixels[offset..offset + 4], expected, "{index} {x} {y}");
        }
        let shown = rig.log.history();
        let shown = shown
            .iter()
            .find(|record| matches!(record.event, IndicatorEvent::Shown { .. }))
            .unwrap();
        assert!(
            shown.sequence < place,
            "the frame came before the indicator"
        );
    }
}

#[test]
fn a_format_is_answered_and_its_frames_come() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    let mut format = FrameFormat::native(granted[0].settings.size);
    format.size /= 2;
    let configure = |format| {
        let (sender, receiver) = channel();
        let reply = GenericCallback::new(move |reply: Result<ConfigureReply, _>| {
            sender.send(reply.unwrap().0).unwrap();
        })
        .unwrap();
        rig.client
            .send(CaptureRequest::Configure {
                source: granted[0].source,
                format,
                reply,
            })
            .unwrap();
        receiver.recv_timeout(PATIENCE).unwrap()
    };
    assert_eq!(configure(format).unwrap().size, format.size);
    while next_frame(&events).1.size != format.size {}
    format.frame_rate = f64::NAN;
    assert!(matches!(
        configure(format),
        Err(CaptureError::BadRequest(_))
    ));
}

#[test]
fn a_still_picture_comes_once_and_not_again() {
    let rig = Rig::new();
    rig.layout.stop_clock_at(Duration::ZERO);
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    let (_, frame) = next_frame(&events);
    rig.release(granted[0].source, frame.sequence);
    assert_eq!(
        events.recv_timeout(QUIET).map(drop),
        Err(RecvTimeoutError::Timeout)
    );
    rig.layout.stop_clock_at(Duration::from_secs(1));
    next_frame(&events);
}

#[test]
fn a_page_that_releases_nothing_gets_four_frames_and_more_when_it_does() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    let held: Vec<u64> = (0..4).map(|_| next_frame(&events).1.sequence).collect();
    assert_eq!(
        events.recv_timeout(QUIET).map(drop),
        Err(RecvTimeoutError::Timeout)
    );
    rig.release(granted[0].source, held[0]);
    next_frame(&events);
}

#[test]
fn the_indicator_goes_five_seconds_after_the_last_capture_by_the_real_clock() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    for granted in &granted {
        rig.attach(granted.source);
    }
    for granted in &granted {
        rig.stop(granted.source);
    }
    let stopped = Instant::now();
    let hidden = rig.log.wait_until(PATIENCE, |history| {
        matches!(
            history.last().map(|record| &record.event),
            Some(IndicatorEvent::Hidden)
        )
    });
    assert!(hidden);
    let stayed = stopped.elapsed();
    assert!(
        stayed >= Duration::from_millis(4990) && stayed < Duration::from_secs(7),
        "{stayed:?}"
    );
}

#[test]
fn an_unlisted_origin_sees_no_indicator_and_an_indicator_that_fails_no_capture() {
    let rig = Rig::new();
    let other = introduce(&rig.handle, pipeline(1), "other.example");
    assert!(matches!(
        ask(&other, pipeline(1), "https://other.example"),
        Err(CaptureError::RefusedByPolicy(_))
    ));
    assert!(rig.log.history().is_empty());
    rig.log.fail_next("no place");
    assert!(matches!(rig.ask(ORIGIN), Err(CaptureError::NoIndicator(_))));
    rig.ask(ORIGIN).unwrap();
}

#[test]
fn a_lost_indicator_mutes_and_its_return_unmutes() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    let id = rig.layout.monitors()[0].id;
    assert!(rig.log.lose_now(id, "unmapped"));
    let mut muted = Vec::new();
    while muted.len() < 2 {
        match events.recv_timeout(PATIENCE).unwrap() {
            (_, SourceEvent::Muted(now)) => muted.push(now),
            (_, SourceEvent::Frame(frame)) => rig.release(granted[0].source, frame.sequence),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(muted, [true, false]);
    let lost = |error: &IndicatorError| matches!(error, IndicatorError::Lost { .. });
    let history = rig.log.history();
    assert!(
        history
            .iter()
            .any(|record| matches!(&record.event, IndicatorEvent::Lost(error) if lost(error)))
    );
}

#[test]
fn unplugging_ends_one_track_and_a_new_size_is_told_before_its_frames() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let first = rig.attach(granted[0].source);
    let second = rig.attach(granted[1].source);
    let monitors = rig.layout.monitors();
    rig.layout.unplug(monitors[0].id);
    assert_eq!(end(&first), EndReason::MonitorRemoved);
    rig.layout.resize(monitors[1].id, 64, 48);
    let mut size = granted[1].settings.size;
    loop {
        match second.recv_timeout(PATIENCE).unwrap().1 {
            SourceEvent::Changed { settings, .. } => size = settings.size,
            SourceEvent::Frame(frame) => {
                assert_eq!(frame.size, size);
                if frame.size.width == 64 {
                    break;
                }
                rig.release(granted[1].source, frame.sequence);
            }
            SourceEvent::Muted(_) => {}
            SourceEvent::Ended(reason) => panic!("ended: {reason}"),
        }
    }
}

#[test]
fn one_unreadable_monitor_fails_the_call_and_leaves_nothing_open() {
    let rig = Rig::new();
    let id = rig.layout.monitors()[1].id;
    rig.layout.set_unreadable(id, Some("locked"));
    assert!(matches!(rig.ask(ORIGIN), Err(CaptureError::NotReadable(_))));
    rig.layout.set_unreadable(id, None);
    assert_eq!(rig.ask(ORIGIN).unwrap().len(), 2);
}

#[test]
fn a_lost_display_server_ends_the_tracks_and_the_next_call_finds_it_again() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    rig.layout.disconnect("killed");
    assert!(matches!(end(&events), EndReason::DisplayServerLost(_)));
    assert!(matches!(
        rig.ask(ORIGIN),
        Err(CaptureError::PlatformLimitation(_))
    ));
    rig.layout.recover();
    rig.ask(ORIGIN).unwrap();
}

#[test]
fn a_document_that_is_left_hears_no_more_and_another_client_may_not_speak_for_it() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    let stranger = rig.handle.mint_client(ScriptEventLoopId::new());
    assert!(matches!(
        ask(&stranger, TEST_PIPELINE_ID, ORIGIN),
        Err(CaptureError::BadRequest(_))
    ));
    rig.handle.pipeline_activity(TEST_PIPELINE_ID, false);
    assert_eq!(end(&events), EndReason::Closed);
    assert_eq!(
        events.recv_timeout(QUIET).map(drop),
        Err(RecvTimeoutError::Disconnected)
    );
    assert_eq!(rig.ask(ORIGIN), Err(CaptureError::DocumentInactive));
}

#[test]
fn exit_takes_the_indicator_down_before_it_returns() {
    let rig = Rig::new();
    let granted = rig.ask(ORIGIN).unwrap();
    let events = rig.attach(granted[0].source);
    next_frame(&events);
    rig.handle.exit();
    assert!(rig.log.shown().is_empty());
    assert_eq!(end(&events), EndReason::Closed);
    assert!(matches!(rig.ask(ORIGIN), Err(CaptureError::Aborted(_))));
}

#[test]
fn a_hundred_calls_leave_nothing_behind() {
    let rig = Rig::new();
    for _ in 0..100 {
        let granted = rig.ask(ORIGIN).unwrap();
        let events = rig.attach(granted[0].source);
        next_frame(&events);
        for granted in granted {
            rig.stop(granted.source);
        }
    }
    // More calls at once than one client may have: the stopped ones are gone.
    let held: Vec<_> = (0..8).map(|_| rig.ask(ORIGIN).unwrap()).collect();
    assert_eq!(held.len(), 8);
}
