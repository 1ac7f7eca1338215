/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The thread around the engine, by the real clock.

use std::fs;
use std::thread;

use super::*;
use crate::grabber::GrabError;
#[cfg(target_os = "linux")]
use crate::grabber::alone;
use crate::service::direct::{DirectCapture, DirectEvent};

const PATIENCE: Duration = Duration::from_secs(10);

fn layout() -> SyntheticLayout {
    let layout = SyntheticLayout::empty();
    layout.plug(0, 0, SIZE.width, SIZE.height);
    layout
}

fn next_frame(capture: &DirectCapture) -> (SourceId, u64) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match capture.next(PATIENCE).unwrap() {
            Some(DirectEvent::Frame { source, frame }) => return (source, frame.sequence),
            Some(DirectEvent::Failed(error)) => panic!("{error}"),
            _ => {}
        }
    }
    panic!("no frame");
}

#[test]
fn frames_follow_the_monitors_thirty_a_second() {
    let capture = DirectCapture::with_grabber(layout().factory()).unwrap();
    let source = capture
        .add(capture.monitors()[0].id, FrameFormat::native(SIZE))
        .unwrap();
    let start = Instant::now();
    for _ in 0..30 {
        let (_, sequence) = next_frame(&capture);
        capture.release(source, sequence).unwrap();
    }
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_secs(3),
        "{took:?}"
    );
    assert_eq!(capture.counts().dropped, 0);
}

#[test]
fn a_reader_that_releases_nothing_is_served_as_soon_as_it_does() {
    let capture = DirectCapture::with_grabber(layout().factory()).unwrap();
    let source = capture
        .add(capture.monitors()[0].id, FrameFormat::native(SIZE))
        .unwrap();
    let held: Vec<u64> = (0..4).map(|_| next_frame(&capture).1).collect();
    thread::sleep(Duration::from_millis(200));
    assert!(capture.next(Duration::from_millis(100)).unwrap().is_none());
    let released = Instant::now();
    capture.release(source, held[0]).unwrap();
    next_frame(&capture);
    assert!(
        released.elapsed() < Duration::from_millis(500),
        "{:?}",
        released.elapsed()
    );
}

#[test]
fn a_display_server_that_is_lost_is_told_and_dropping_the_engine_ends_its_thread() {
    let layout = layout();
    let capture = DirectCapture::with_grabber(layout.factory()).unwrap();
    layout.disconnect("killed");
    let told = capture.next(PATIENCE).unwrap();
    assert!(
        matches!(told, Some(DirectEvent::Failed(GrabError::Disconnected(_)))),
        "{told:?}"
    );
    drop(capture);
    assert!(DirectCapture::with_grabber(layout.factory()).is_err());
}

#[cfg(unix)]
mod wired {
    use std::io::{Read as _, Write as _};
    use std::ops::Range;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use servo_base::cross_process_instant::CrossProcessInstant;

    use super::*;
    use crate::grabber::synthetic::SyntheticGrabber;
    use crate::grabber::{Grabber, Picture, Pointer, Read, StallObserver, WakeBy};
    use crate::monitor::Monitor;

    /// Synthetic monitors that wake by a descriptor, as an X server's do.
    struct Wired {
        grabber: SyntheticGrabber,
        wire: UnixStream,
    }

    impl Grabber for Wired {
        fn describe(&self) -> String {
            self.grabber.describe()
        }

        fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
            self.grabber.monitors()
        }

        fn layout_changed(&mut self) -> Result<bool, GrabError> {
            let mut news = [0; 64];
            while self.wire.read(&mut news).is_ok_and(|read| read > 0) {}
            self.grabber.layout_changed()
        }

        fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
            self.grabber.open(monitor)
        }

        fn close(&mut self, monitor: MonitorId) {
            self.grabber.close(monitor);
        }

        fn wakes_by(&self) -> WakeBy<'_> {
            WakeBy::Descriptor(self.wire.as_fd())
        }

        fn tells_damage(&self, monitor: MonitorId) -> bool {
            self.grabber.tells_damage(monitor)
        }

        fn take_damage(
            &mut self,
            told: &mut dyn FnMut(MonitorId, Damage),
        ) -> Result<(), GrabError> {
            self.grabber.take_damage(told)
        }

        fn new_picture(&mut self, monitor: MonitorId) -> Result<Picture, GrabError> {
            self.grabber.new_picture(monitor)
        }

        fn read(
            &mut self,
            reads: &mut [Read<'_>],
        ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError> {
            self.grabber.read(reads)
        }

        fn read_rows(
            &mut self,
            monitor: MonitorId,
            rows: Range<u32>,
            into: &mut Vec<u8>,
        ) -> Result<(), GrabError> {
            self.grabber.read_rows(monitor, rows, into)
        }

        fn pointer(&mut self) -> Result<Option<Pointer>, GrabError> {
            self.grabber.pointer()
        }

        fn watch_pointer(&mut self, wanted: bool) -> Result<(), GrabError> {
            self.grabber.watch_pointer(wanted)
        }
    }

    /// A capture of these monitors, and the display server's end of the wire.
    fn wired(layout: &SyntheticLayout) -> (DirectCapture, UnixStream) {
        let (server, wire) = UnixStream::pair().unwrap();
        wire.set_nonblocking(true).unwrap();
        let of_engine = layout.clone();
        let factory = Box::new(move |_: &StallObserver| {
            Ok(Box::new(Wired {
                grabber: of_engine.connect()?,
                wire: wire.try_clone().unwrap(),
            }) as Box<dyn Grabber>)
        });
        (DirectCapture::with_grabber(factory).unwrap(), server)
    }

    #[test]
    fn a_picture_that_comes_back_wakes_the_thread_only_if_it_lacks_one() {
        let layout = layout();
        layout.stop_clock_at(Duration::ZERO);
        let (capture, mut server) = wired(&layout);
        let source = capture
            .add(capture.monitors()[0].id, FrameFormat::native(SIZE))
            .unwrap();
        let mut held = vec![next_frame(&capture).1];
        thread::sleep(Duration::from_millis(300));
        let before = capture.counts().wakeups;
        capture.release(source, held.remove(0)).unwrap();
        thread::sleep(Duration::from_millis(300));
        let woken = capture.counts().wakeups - before;
        assert!(woken <= 1, "{woken} times, once to verify");
        // All pictures are lent, and something is drawn.
        for second in 1..=5 {
            layout.stop_clock_at(Duration::from_secs(second));
            server.write_all(&[1]).unwrap();
            if second <= 4 {
                held.push(next_frame(&capture).1);
            }
        }
        assert!(capture.next(Duration::from_millis(300)).unwrap().is_none());
        let released = Instant::now();
        capture.release(source, held.remove(0)).unwrap();
        next_frame(&capture);
        // The next time to verify would come later.
        assert!(
            released.elapsed() < Duration::from_millis(500),
            "{:?}",
            released.elapsed()
        );
    }

    #[test]
    fn still_monitors_wake_the_thread_once_a_second_and_news_at_once() {
        let layout = layout();
        layout.plug(500, 0, SIZE.width, SIZE.height);
        layout.stop_clock_at(Duration::ZERO);
        let (capture, mut server) = wired(&layout);
        for monitor in capture.monitors() {
            let source = capture.add(monitor.id, FrameFormat::native(SIZE)).unwrap();
            let (_, sequence) = next_frame(&capture);
            capture.release(source, sequence).unwrap();
        }
        thread::sleep(Duration::from_millis(300));
        let before = capture.counts();
        thread::sleep(Duration::from_secs(3));
        let after = capture.counts();
        let wakeups = after.wakeups - before.wakeups;
        assert!((2..=5).contains(&wakeups), "{wakeups} in three seconds");
        assert_eq!((before.reads, before.frames), (after.reads, after.frames));
        layout.stop_clock_at(Duration::from_secs(1));
        let drawn = Instant::now();
        server.write_all(&[1]).unwrap();
        next_frame(&capture);
        assert!(
            drawn.elapsed() < Duration::from_millis(250),
            "{:?}",
            drawn.elapsed()
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_captures_leave_no_descriptor_and_no_mapping() {
    const NAME: &str = "ten_thousand_captures_leave_no_descriptor_and_no_mapping";
    if !alone::is_child() {
        return alone::finish(alone::start(module_path!(), NAME, None));
    }
    let count = || {
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let pictures = maps.lines().filter(|line| line.contains("memfd")).count();
        (descriptors, pictures, maps.lines().count())
    };
    let mut rig = Rig::new(1);
    let cycle = |rig: &mut Rig, number: u32| {
        let mut format = FrameFormat::native(SIZE);
        if number.is_multiple_of(2) {
            format.size = SIZE / 4;
        }
        let source = rig.start_with(0, format);
        rig.tick();
        assert_eq!(rig.frames().len(), 1);
        if number.is_multiple_of(10) {
            rig.command(EngineCommand::Close { session: SESSION });
            rig.open();
        } else {
            rig.command(EngineCommand::Stop { source });
        }
        rig.now += Duration::from_millis(1);
    };
    for number in 0..12 {
        cycle(&mut rig, number);
    }
    let before = count();
    for number in 0..10_000 {
        cycle(&mut rig, number);
    }
    let after = count();
    assert!(
        after.0 <= before.0 + 1 && after.1 <= before.1 + 1,
        "{before:?} {after:?}"
    );
    // The allocator's own.
    assert!(after.2 <= before.2 + 16, "{before:?} {after:?}");
}
