/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The attack suite from inside: a page's process that is taken over and says to
//! the service what it likes, and threads that crash. Each attack prints a line;
//! `./mach test attacks` shows them and counts them with those from outside.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use capture_test_rig::{Attack, Tally, Verdict};
use servo_base::cross_process_instant::CrossProcessInstant;

use super::*;
use crate::grabber::{GrabError, Grabber, Picture, Pointer, Read, StallObserver, WakeBy};
use crate::monitor::{Monitor, MonitorId};

const EVIL: &str = "evil.example";
/// Requests of the flood.
const FLOOD: usize = 20_000;

fn granted(result: &Result<Vec<GrantedSource>, CaptureError>) -> Verdict {
    match result {
        Ok(sources) => Verdict::Succeeded(format!("{} sources", sources.len())),
        Err(error) => Verdict::Held(error.to_string()),
    }
}

/// Whether a frame comes within a while.
fn gets_frame(events: &Receiver<(u64, SourceEvent)>) -> bool {
    let deadline = Instant::now() + QUIET;
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        match events.recv_timeout(left) {
            Ok((_, SourceEvent::Frame(_))) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    false
}

fn sink() -> (GenericCallback<SourceEvent>, Receiver<(u64, SourceEvent)>) {
    let (sender, receiver) = channel();
    let sink = GenericCallback::new(move |event: Result<SourceEvent, _>| {
        // Err: the test has seen enough.
        let _ = sender.send((0, event.unwrap()));
    });
    (sink.unwrap(), receiver)
}

fn configure(
    client: &CaptureClient,
    source: SourceId,
    format: FrameFormat,
) -> Result<ConfigureReply> {
    let (sender, receiver) = channel();
    let reply = GenericCallback::new(move |reply: Result<ConfigureReply, _>| {
        sender.send(reply.unwrap()).unwrap();
    });
    let reply = reply.unwrap();
    client
        .send(CaptureRequest::Configure {
            source,
            format,
            reply,
        })
        .ok()
        .context("the service is gone")?;
    receiver.recv_timeout(PATIENCE).context("no answer")
}

fn forge(tally: &mut Tally) {
    let rig = Rig::new();
    let evil = introduce(&rig.handle, pipeline(1), EVIL);
    let no_site = ScriptEventLoopId::new();
    let sandboxed = rig.handle.mint_client(no_site);
    rig.handle.event_loop_serves(no_site, None, |_| false);
    rig.handle.pipeline_placed(pipeline(2), no_site, false);
    let attack = |name, tried| Attack {
        name,
        tried,
        success: "the call is granted",
    };
    tally.make(
        attack(
            "forge: another's origin",
            "a process for one site claims the listed origin of another for its own document",
        ),
        || Ok(granted(&ask(&evil, pipeline(1), ORIGIN))),
    );
    tally.make(
        attack(
            "forge: another's document",
            "a process for one site speaks for the document of another, and claims its origin",
        ),
        || Ok(granted(&ask(&evil, TEST_PIPELINE_ID, ORIGIN))),
    );
    tally.make(
        attack(
            "forge: an origin for none",
            "the process of a sandboxed document claims the listed origin",
        ),
        || Ok(granted(&ask(&sandboxed, pipeline(2), ORIGIN))),
    );
    for (name, claim) in [
        ("forge: user name", "https://allowed.example@evil.example"),
        (
            "forge: path",
            "https://evil.example/https://allowed.example",
        ),
        ("forge: trailing dot", "https://allowed.example."),
        ("forge: blob:", "blob:https://allowed.example/0"),
        (
            "forge: line break",
            "https://allowed.example\n.evil.example",
        ),
        ("forge: punycode", "https://xn--llowed-2nf.example"),
    ] {
        let tried = "a process for another site claims an origin that is read as the listed one";
        tally.make(attack(name, tried), || {
            Ok(granted(&ask(&evil, pipeline(1), claim)))
        });
    }
}

fn steal(tally: &mut Tally) {
    let rig = Rig::new();
    let thief = introduce(&rig.handle, pipeline(1), EVIL);
    let sources = rig.ask(ORIGIN).unwrap();
    let source = sources[0].source;
    let victim = rig.attach(source);
    let alive = || {
        let (_, frame) = next_frame(&victim);
        rig.release(source, frame.sequence);
    };
    alive();
    let attack = |name, tried| Attack {
        name,
        tried,
        success: "the thief gets a frame, or the victim's frames change or end",
    };
    let frames_to =
        |request: fn(SourceId, GenericCallback<SourceEvent>) -> CaptureRequest| -> Result<Verdict> {
            let (sink, events) = sink();
            thief.send(request(source, sink)).ok().context("gone")?;
            let stolen = gets_frame(&events);
            alive();
            Ok(Verdict::by(stolen, format!("a frame: {stolen}")))
        };
    tally.make(
        attack("steal: attach", "a process attaches to another's source"),
        || frames_to(|source, sink| CaptureRequest::Attach { source, sink }),
    );
    tally.make(
        attack("steal: clone", "a process clones another's source"),
        || {
            frames_to(|source, sink| CaptureRequest::Clone {
                source,
                clone: SourceId::random(),
                sink,
            })
        },
    );
    tally.make(
        attack(
            "steal: clone onto",
            "a process gives a clone the id of another's source",
        ),
        || {
            frames_to(|source, sink| CaptureRequest::Clone {
                source: SourceId::random(),
                clone: source,
                sink,
            })
        },
    );
    tally.make(
        attack(
            "steal: stop and release",
            "a process stops another's source and frees its frames",
        ),
        || {
            let (_, held) = next_frame(&victim);
            for request in [
                CaptureRequest::Release {
                    frames: vec![(source, held.sequence)],
                },
                CaptureRequest::Stop { source },
                CaptureRequest::Stop { source },
            ] {
                thief.send(request).ok().context("gone")?;
            }
            rig.release(source, held.sequence);
            alive();
            Ok(Verdict::by(false, "the victim's frames go on"))
        },
    );
    tally.make(
        attack(
            "steal: format",
            "a process asks for another format of another's source",
        ),
        || {
            let format = FrameFormat::native(sources[0].settings.size / 2);
            let ConfigureReply(answer) = configure(&thief, source, format)?;
            alive();
            Ok(Verdict::by(answer.is_ok(), format!("{answer:?}")))
        },
    );
    tally.make(
        Attack {
            name: "replay: after the stop",
            tried: "a page attaches to, clones and releases a source that it has stopped",
            success: "a frame comes",
        },
        || {
            rig.stop(source);
            rig.stop(source);
            let again = rig.attach(source);
            let (sink, cloned) = sink();
            let clone = SourceId::random();
            let request = CaptureRequest::Clone {
                source,
                clone,
                sink,
            };
            rig.client.send(request).ok().context("gone")?;
            let revived = gets_frame(&again) || gets_frame(&cloned);
            Ok(Verdict::by(revived, format!("a frame: {revived}")))
        },
    );
}

fn absurd(tally: &mut Tally) {
    let rig = Rig::new();
    let sources = rig.ask(ORIGIN).unwrap();
    let source = sources[0].source;
    let events = rig.attach(source);
    tally.make(
        Attack {
            name: "absurd: formats",
            tried: "a page asks for frames of no size, of 4 billion pixels, at NaN a second",
            success: "one is granted, or frames end",
        },
        || {
            let native = FrameFormat::native(sources[0].settings.size);
            let mut formats = [native; 6];
            formats[0].size.width = 0;
            formats[1].size.width = u32::MAX;
            formats[2].size.height = u32::MAX;
            formats[3].frame_rate = f64::NAN;
            formats[4].frame_rate = 1e300;
            formats[5].crop.max.x = u32::MAX;
            let mut granted = 0;
            for format in formats {
                granted += usize::from(configure(&rig.client, source, format)?.0.is_ok());
            }
            let (_, frame) = next_frame(&events);
            rig.release(source, frame.sequence);
            Ok(Verdict::by(granted > 0, format!("{granted} of 6 granted")))
        },
    );
    tally.make(
        Attack {
            name: "absurd: origin of 64 MiB",
            tried: "a process claims an origin of 64 MiB, ten times",
            success: "the call is granted or the service does not answer any more",
        },
        || {
            let origin = format!("https://{}.allowed.example", "a".repeat(64 << 20));
            let mut answer = ask(&rig.client, TEST_PIPELINE_ID, &origin);
            for _ in 1..10 {
                answer = ask(&rig.client, TEST_PIPELINE_ID, &origin);
            }
            next_frame(&events);
            Ok(granted(&answer))
        },
    );
}

fn flood(tally: &mut Tally) {
    let rig = Rig::new();
    let source = rig.ask(ORIGIN).unwrap()[0].source;
    let events = rig.attach(source);
    let evil = introduce(&rig.handle, pipeline(1), EVIL);
    tally.make(
        Attack {
            name: "flood: calls of another process",
            tried: "a process sends 20000 calls and as many stops, while a page captures",
            success: "a call is granted or not answered, or the page loses its capture",
        },
        || {
            let (sender, answers) = channel();
            for _ in 0..FLOOD {
                let sender = sender.clone();
                let reply = GenericCallback::new(move |reply: Result<AllScreensReply, _>| {
                    // Err: the test has seen enough.
                    let _ = sender.send(reply.unwrap().0.is_ok());
                });
                let request = CaptureRequest::AllScreens {
                    pipeline: pipeline(1),
                    origin: ORIGIN.to_owned(),
                    reply: reply.unwrap(),
                };
                evil.send(request).ok().context("gone")?;
                let source = SourceId::random();
                evil.send(CaptureRequest::Stop { source })
                    .ok()
                    .context("gone")?;
            }
            let mut granted = 0;
            for number in 0..FLOOD {
                let answer = answers.recv_timeout(PATIENCE);
                let answer = answer.with_context(|| format!("answer {number} is missing"))?;
                granted += usize::from(answer);
            }
            let (_, frame) = next_frame(&events);
            rig.release(source, frame.sequence);
            let seen = format!("{granted} granted, all answered, and the page's frames go on");
            Ok(Verdict::by(granted > 0, seen))
        },
    );
}

/// A grabber that panics when it is told to.
struct Crashing {
    inner: Box<dyn Grabber>,
    crash: Arc<AtomicBool>,
}

impl Crashing {
    fn inner(&mut self) -> &mut dyn Grabber {
        assert!(!self.crash.load(Ordering::SeqCst), "the attack's crash");
        &mut *self.inner
    }
}

impl Grabber for Crashing {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
        self.inner().monitors()
    }

    fn layout_changed(&mut self) -> Result<bool, GrabError> {
        self.inner().layout_changed()
    }

    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        self.inner().open(monitor)
    }

    fn close(&mut self, monitor: MonitorId) {
        self.inner().close(monitor);
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        self.inner.wakes_by()
    }

    fn tells_damage(&self, monitor: MonitorId) -> bool {
        self.inner.tells_damage(monitor)
    }

    fn take_damage(&mut self, told: &mut dyn FnMut(MonitorId, Damage)) -> Result<(), GrabError> {
        self.inner().take_damage(told)
    }

    fn new_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError> {
        self.inner().new_picture(monitor)
    }

    fn read(
        &mut self,
        reads: &mut [Read<'_>],
    ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError> {
        self.inner().read(reads)
    }

    fn read_rows(
        &mut self,
        monitor: MonitorId,
        rows: Range<u32>,
        into: &mut Vec<u8>,
    ) -> Result<(), GrabError> {
        self.inner().read_rows(monitor, rows, into)
    }

    fn pointer(&mut self) -> Result<Option<Pointer>, GrabError> {
        self.inner().pointer()
    }

    fn watch_pointer(&mut self, wanted: bool) -> Result<(), GrabError> {
        self.inner().watch_pointer(wanted)
    }
}

fn crash(tally: &mut Tally) {
    let crash = Arc::new(AtomicBool::new(false));
    let crashes = crash.clone();
    let rig = Rig::with_grabber(
        RecordSettings::default(),
        false,
        Vec::new(),
        move |layout: &SyntheticLayout| {
            let mut make = layout.factory();
            Box::new(move |observer: &StallObserver| -> Result<_, GrabError> {
                let (inner, crash) = (make(observer)?, crashes.clone());
                Ok(Box::new(Crashing { inner, crash }) as Box<dyn Grabber>)
            })
        },
    );
    let source = rig.ask(ORIGIN).unwrap()[0].source;
    let events = rig.attach(source);
    next_frame(&events);
    tally.make(
        Attack {
            name: "crash: the engine",
            tried: "the thread that reads the screen panics during a capture",
            success: "the track does not end, the indicator stays for good, or a call hangs",
        },
        || {
            crash.store(true, Ordering::SeqCst);
            rig.layout.stop_clock_at(Duration::from_secs(3600));
            let ended = loop {
                match events.recv_timeout(PATIENCE) {
                    Ok((_, SourceEvent::Ended(reason))) => break Some(reason),
                    Ok(_) => {}
                    Err(_) => break None,
                }
            };
            let hidden = rig.log.wait_until(PATIENCE, |history| {
                let last = history.last().map(|record| &record.event);
                matches!(last, Some(IndicatorEvent::Hidden))
            });
            let again = rig.ask(ORIGIN);
            ensure!(again.is_err(), "who captured that?");
            let seen = format!("ended: {ended:?}; hidden: {hidden}; then {again:?}");
            Ok(Verdict::by(ended.is_none() || !hidden, seen))
        },
    );
}

#[test]
fn hostile_processes_and_crashes_gain_nothing() {
    let mut tally = Tally::default();
    forge(&mut tally);
    steal(&mut tally);
    absurd(&mut tally);
    flood(&mut tally);
    crash(&mut tally);
    tally.finish().unwrap();
}

/// What the attacks above would count if nobody vouched: the tally can fail.
#[test]
fn an_attack_that_is_granted_is_counted() {
    let rig = Rig::new();
    let mut tally = Tally::default();
    let attack = Attack {
        name: "control",
        tried: "the listed page itself calls",
        success: "the call is granted",
    };
    tally.make(attack, || Ok(granted(&rig.ask(ORIGIN))));
    assert_eq!(tally.succeeded(), 1);
    assert!(tally.finish().is_err());
}
