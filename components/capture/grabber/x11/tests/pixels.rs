/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! That pictures show what is on the screen, and nothing torn.

use std::sync::atomic::AtomicU64;

use capture_test_rig::frame_number;

use super::super::connection::Transport;
use super::super::plan::UNDIVIDED_READS;
use super::*;

const WAYS: [fn() -> Transport; 3] = [
    || Transport::Pixmaps,
    || Transport::Rows("a test".to_owned()),
    || Transport::Socket("a test".to_owned()),
];

/// Geometry, labels and pixels on a server with the monitors of [`three`], all
/// read in one go.
fn check_three(server: &XServer, specs: &[MonitorSpec]) {
    let mut painters = cover_all(server, specs);
    let (mut grabber, monitors) = open_all(server);
    check_geometry(&monitors, specs);
    let primary: Vec<_> = monitors.iter().map(|monitor| monitor.is_primary).collect();
    assert_eq!(primary, [true, false, false]);
    for monitor in &monitors {
        assert_eq!(monitor.work_area, monitor.bounds);
        assert_eq!((monitor.scale, monitor.color_depth), (1.0, 24));
        assert!(!monitor.is_internal);
    }
    let mut pictures: Vec<_> = monitors
        .iter()
        .map(|monitor| grabber.new_picture(monitor.id).expect("a picture"))
        .collect();
    for frame in [0, 1, 77] {
        for painter in &mut painters {
            painter.show(frame).expect("a frame");
        }
        let before = CrossProcessInstant::now();
        let mut reads: Vec<_> = pictures
            .iter_mut()
            .map(|picture| Read::new(picture, &Damage::Whole))
            .collect();
        let results = grabber.read(&mut reads).expect("connected");
        assert_eq!(results.len(), 3);
        for result in results {
            assert!(result.expect("a state") >= before);
        }
        for (index, picture) in pictures.iter().enumerate() {
            check_pixels(picture, &coded(index), frame);
        }
    }
}

#[test]
fn three_monitors_of_xvfb_are_read_exactly_in_one_go() {
    let server = xvfb().start().expect("Xvfb");
    check_three(&server, &virtual_three());
}

#[test]
fn three_outputs_of_xorg_are_read_exactly_in_one_go() {
    let server = xorg();
    check_three(&server, &three(["DUMMY0", "DUMMY1", "DUMMY2"]));
}

#[test]
fn three_monitors_are_read_exactly_over_the_socket() {
    let server = xvfb().disable_extension("MIT-SHM").start().expect("Xvfb");
    check_three(&server, &virtual_three());
}

#[test]
fn only_damaged_pixels_are_copied() {
    const SENTINEL: u8 = 0xa5;
    let server = xvfb().start().expect("Xvfb");
    let _painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let parts = [
        part(10, 20, 30, 5),
        part(700, 590, 100, 10),
        part(0, 300, 1, 1),
    ];
    let mut damage = Damage::nothing();
    for part in parts {
        damage.add(part);
    }
    for way in WAYS {
        grabber.server.transport = way();
        let by_rows = matches!(way(), Transport::Rows(_));
        let mut picture = grabber.new_picture(monitors[1].id).expect("a picture");
        picture.writer.bytes_mut().fill(SENTINEL);
        let more = read(&mut grabber, &mut picture, &damage).expect("pixels");
        assert!(more.is_empty(), "{more:?}");
        for y in 0..600 {
            for x in 0..800 {
                let is_read = parts.iter().any(|part| {
                    let in_row = part.y_range().contains(&y);
                    in_row && (by_rows || part.x_range().contains(&x))
                });
                let expected = coded(1).pixel((800, 600), x, y, 0);
                let expected = if is_read {
                    [expected[0], expected[1], expected[2]]
                } else {
                    [SENTINEL; 3]
                };
                assert_eq!(pixel(&picture, x, y), expected, "({x}, {y}), {:?}", way());
            }
        }
    }
}

#[test]
fn what_is_drawn_elsewhere_meanwhile_is_read_and_not_told_again() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let connection = server.connect().expect("the server answers");
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[0].id;
    for (way, is_undivided) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        grabber.server.transport = way();
        for open in grabber.open.values_mut() {
            open.division = Division::default();
        }
        let mut picture = shoot(&mut grabber, id).expect("a picture");
        let mut other = shoot(&mut grabber, monitors[2].id).expect("a picture");
        all_drawn(&mut grabber);
        fill(&connection, painters[0].window(), rectangle(8, 8, 4, 4));
        fill(&connection, painters[2].window(), rectangle(3, 3, 2, 2));
        if is_undivided {
            for open in grabber.open.values_mut() {
                open.division.tore();
            }
        }
        // Nobody was told of these, nor asked for them: the first would be torn off the picture.
        let wanted = Damage::from(part(100, 100, 10, 10));
        let mut reads = [
            Read::new(&mut picture, &wanted),
            Read::new(&mut other, &Damage::Whole),
        ];
        for result in grabber.read(&mut reads).expect("connected") {
            result.expect("a state");
        }
        assert_eq!(reads[0].more, Damage::from(part(8, 8, 4, 4)), "{:?}", way());
        let (read_too, read_of_other) = (Damage::from(part(3, 3, 2, 2)), reads[1].more.clone());
        assert_eq!(pixel(&picture, 8, 8), [0xff; 3]);
        assert_eq!(pixel(&picture, 11, 11), [0xff; 3]);
        assert_eq!(pixel(&other, 3, 3), [0xff; 3]);
        // What the single request for all of it has read is known to be in it where damage is taken
        // between the requests; else it is told all the same.
        let drawn = all_drawn(&mut grabber);
        let told = drawn.get(&monitors[2].id);
        if is_undivided {
            assert_eq!((read_of_other, told), (read_too, None), "{:?}", way());
        } else {
            assert_eq!((read_of_other, told), (Damage::nothing(), Some(&read_too)));
        }
        assert_eq!(drawn.get(&id), None);
        for (painter, index) in painters.iter().zip(0..) {
            let area = rectangle(0, 0, 20, 20);
            connection
                .clear_area(
                    false,
                    painter.window(),
                    area.x,
                    area.y,
                    area.width,
                    area.height,
                )
                .expect("sent");
            assert_eq!(painter.frame(), 0, "{index}");
        }
        connection.sync().expect("done");
    }
}

#[test]
fn rows_of_several_monitors_come_in_one_go_and_a_monitor_that_is_gone_fails_alone() {
    let server = xvfb().start().expect("Xvfb");
    let _painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let gone = MonitorId(u64::MAX);
    for way in WAYS {
        grabber.server.transport = way();
        grabber.rows.clear();
        let pictures: Vec<_> = monitors
            .iter()
            .map(|monitor| shoot(&mut grabber, monitor.id).expect("a picture"))
            .collect();
        let wanted = [
            (monitors[0].id, 0..28),
            (gone, 0..28),
            (monitors[2].id, 700..768),
            (monitors[0].id, 448..512),
        ];
        let mut rows = vec![Vec::new(); wanted.len()];
        let mut reads: Vec<_> = wanted
            .iter()
            .zip(&mut rows)
            .map(|((monitor, rows), into)| RowsRead {
                monitor: *monitor,
                rows: rows.clone(),
                into,
            })
            .collect();
        let results = grabber
            .read_many_rows(&mut reads, Duration::ZERO)
            .expect("connected");
        let expected = [Ok(()), Err(GrabError::UnknownMonitor(gone)), Ok(()), Ok(())];
        assert_eq!(results, expected, "{:?}", way());
        let part = |picture: usize, from: usize, to: usize| {
            let stride = pictures[picture].size.width as usize * 4;
            &pictures[picture].writer.bytes()[from * stride..to * stride]
        };
        assert!(rows[0] == part(0, 0, 28), "{:?}", way());
        assert!(rows[2] == part(2, 700, 768), "{:?}", way());
        // What lies beyond the monitor is left out.
        assert!(rows[3] == part(0, 448, 480), "{:?}", way());
    }
}

/// How often this thread has waited for something so far.
fn waits() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("of this thread");
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.expect("a count").trim().parse().expect("a number")
}

#[test]
fn whoever_naps_is_not_woken_by_each_answer() {
    let server = xvfb().start().expect("Xvfb");
    let _painters = cover_all(&server, &virtual_three());
    let (mut grabber, monitors) = open_all(&server);
    let mut read = |nap| {
        let mut rows = vec![Vec::new(); monitors.len()];
        let mut reads: Vec<_> = monitors
            .iter()
            .zip(&mut rows)
            .map(|(monitor, into)| RowsRead {
                monitor: monitor.id,
                rows: 0..64,
                into,
            })
            .collect();
        let before = waits();
        let results = grabber.read_many_rows(&mut reads, nap).expect("connected");
        let waits = waits() - before;
        assert!(results.iter().all(Result::is_ok));
        assert!(rows.iter().all(|rows| !rows.is_empty()));
        waits
    };
    // Makes room for the rows, which has answers of its own.
    read(Duration::ZERO);
    // Long enough for a busy machine's server.
    assert_eq!(read(Duration::from_millis(500)), 1);
}

#[test]
fn several_pictures_of_one_monitor_are_read_together() {
    let server = xvfb().start().expect("Xvfb");
    let painters = cover_all(&server, &virtual_three());
    let connection = server.connect().expect("the server answers");
    let (mut grabber, monitors) = open_all(&server);
    let id = monitors[0].id;
    let mut whole = grabber.new_picture(id).expect("a picture");
    let mut partial = shoot(&mut grabber, id).expect("a picture");
    all_drawn(&mut grabber);
    fill(&connection, painters[0].window(), rectangle(8, 8, 4, 4));
    let nothing = Damage::nothing();
    let mut reads = [
        Read::new(&mut whole, &Damage::Whole),
        Read::new(&mut partial, &nothing),
    ];
    for result in grabber.read(&mut reads).expect("connected") {
        result.expect("a state");
    }
    let [first, second] = reads.map(|read| read.more);
    assert_eq!(first, second, "the same for all pictures of a monitor");
    assert_eq!(pixel(&whole, 8, 8), [0xff; 3]);
    assert_eq!(pixel(&partial, 8, 8), [0xff; 3]);
    assert!(whole.writer.bytes() == partial.writer.bytes());
}

/// Flips all of a screen, which is too large for one request, as fast as the
/// server can, and reads meanwhile.
fn check_no_tear(transport: Transport, (width, height): (u32, u32), reads: usize) {
    const FRAMES: u32 = 3;
    let spec = MonitorSpec::new("LARGE", 0, 0, width, height);
    let server = Xvfb::builder()
        .monitors([spec.clone()])
        .start()
        .expect("Xvfb");
    let mut painter = Painter::cover(&server, &spec, coded(0)).expect("a painter");
    for frame in 0..FRAMES {
        painter.prepare(frame).expect("room for a frame");
    }
    let (mut grabber, monitors) = open_all(&server);
    grabber.server.transport = transport;
    let mut picture = grabber.new_picture(monitors[0].id).expect("a picture");
    let done = AtomicBool::new(false);
    let shown = AtomicU64::new(0);
    let (mut done_reads, mut interrupted) = (0, 0);
    let rounds_before = grabber.rounds;
    let mut seen = std::collections::BTreeSet::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let next = shown.fetch_add(1, Ordering::AcqRel) + 1;
                let frame = next % u64::from(FRAMES);
                painter.show(frame as u32).expect("a frame");
            }
        });
        let check = |picture: &Picture| {
            let code = |y| {
                let [blue, green, red] = pixel(picture, 8, y);
                frame_number([blue, green, red, 255])
            };
            // Rows of the same parity of cells as the top one.
            let top = code(0);
            for y in (0..height).step_by(16) {
                assert_eq!(code(y), top, "torn at row {y}");
            }
            top
        };
        let deadline = Instant::now() + Duration::from_secs(90);
        while done_reads < reads || interrupted == 0 || seen.len() < FRAMES as usize {
            assert!(
                Instant::now() < deadline,
                "{done_reads} reads, {interrupted} interrupted, {seen:?} seen"
            );
            let more = read(&mut grabber, &mut picture, &Damage::Whole);
            let more = more.inspect_err(|_| done.store(true, Ordering::Release));
            interrupted += usize::from(!more.expect("pixels").is_empty());
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&picture)));
            match result {
                Ok(frame) => seen.insert(frame),
                Err(panic) => {
                    done.store(true, Ordering::Release);
                    std::panic::resume_unwind(panic);
                }
            };
            done_reads += 1;
        }
        done.store(true, Ordering::Release);
    });
    // After one that was made again, many are not divided.
    let most = done_reads + 2 * (done_reads / (UNDIVIDED_READS as usize + 1) + 1);
    let rounds = grabber.rounds - rounds_before;
    assert!(
        rounds <= most,
        "{rounds} rounds for {done_reads} reads, {most} at most"
    );
}

#[test]
fn a_flipping_4k_screen_is_never_torn_in_pixmaps() {
    check_no_tear(Transport::Pixmaps, (3840, 2160), 300);
}

#[test]
fn a_flipping_4k_screen_is_never_torn_in_rows() {
    check_no_tear(Transport::Rows("a test".to_owned()), (3840, 2160), 200);
}

#[test]
fn a_flipping_screen_is_never_torn_over_the_socket() {
    check_no_tear(Transport::Socket("a test".to_owned()), (2560, 1700), 20);
}

#[test]
fn a_4k_monitor_is_read_exactly_on_every_way() {
    let spec = MonitorSpec::new("UHD", 0, 0, 3840, 2160);
    let server = Xvfb::builder()
        .monitors([spec.clone()])
        .start()
        .expect("Xvfb");
    let _painter = Painter::cover(&server, &spec, coded(3)).expect("a painter");
    let (mut grabber, monitors) = open_all(&server);
    for way in WAYS {
        grabber.server.transport = way();
        let picture = shoot(&mut grabber, monitors[0].id).expect("a picture");
        check_pixels(&picture, &coded(3), 0);
        let mut rows = Vec::new();
        grabber
            .read_rows(monitors[0].id, 0..2160, &mut rows)
            .expect("rows");
        assert!(rows == picture.writer.bytes(), "{:?}", way());
    }
}
