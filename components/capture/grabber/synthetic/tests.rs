/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::Arc;

use parking_lot::Mutex;

use super::picture::{pixel, read_time_code};
use super::*;

fn stopped() -> (SyntheticLayout, SyntheticGrabber, Vec<MonitorId>) {
    let layout = SyntheticLayout::default();
    layout.stop_clock_at(Duration::ZERO);
    let mut grabber = layout.connect().expect("no outage");
    let monitors = grabber.monitors().expect("three monitors");
    let ids = monitors.iter().map(|monitor| monitor.id).collect();
    (layout, grabber, ids)
}

fn told(grabber: &mut SyntheticGrabber) -> Vec<(MonitorId, Damage)> {
    let mut all = Vec::new();
    grabber
        .take_damage(&mut |monitor, damage| all.push((monitor, damage)))
        .expect("connected");
    all
}

/// Reads parts of a picture; what had to be read besides.
fn read(
    grabber: &mut SyntheticGrabber,
    picture: &mut Picture,
    parts: &Damage,
) -> Result<Damage, GrabError> {
    let mut reads = [Read::new(picture, parts)];
    let results = grabber.read(&mut reads)?;
    results[0].clone().map(|_| reads[0].more.clone())
}

fn whole(grabber: &mut SyntheticGrabber, id: MonitorId) -> Result<Picture, GrabError> {
    let mut picture = grabber.new_picture(id)?;
    read(grabber, &mut picture, &Damage::Whole)?;
    Ok(picture)
}

/// Every pixel of a picture must be the documented one.
fn check_picture(picture: &Picture, index: u32, frame: u32) {
    let pixels = picture.writer.bytes().chunks_exact(4);
    for (number, found) in pixels.enumerate() {
        let x = number as u32 % picture.size.width;
        let y = number as u32 / picture.size.width;
        let expected = pixel(index, picture.size, x, y, frame);
        assert_eq!(found, expected, "at ({x}, {y})");
    }
}

#[test]
fn the_default_monitors_are_the_documented_ones() {
    let (_, mut grabber, _) = stopped();
    let found: Vec<String> = grabber
        .monitors()
        .expect("monitors")
        .iter()
        .map(|monitor| {
            let (min, size) = (monitor.bounds.min, monitor.size());
            format!(
                "{} {}x{} at {}, {} primary {}",
                monitor.label, size.width, size.height, min.x, min.y, monitor.is_primary
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "Synthetic-1 1920x1080 at 0, 0 primary true",
            "Synthetic-2 1280x1024 at 1920, 0 primary false",
            "Synthetic-3 2560x1440 at 3200, 0 primary false",
        ]
    );
}

#[test]
fn each_monitor_shows_its_own_picture_and_tells_the_time_code_alone() {
    let (layout, mut grabber, ids) = stopped();
    let mut pictures = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        grabber.open(*id).expect("opens");
        let picture = whole(&mut grabber, *id).expect("a picture");
        check_picture(&picture, index as u32, 0);
        pictures.push(picture);
    }
    assert!(told(&mut grabber).is_empty(), "time stands still");
    layout.stop_clock_at(Duration::from_millis(1_000));
    let damage = told(&mut grabber);
    assert_eq!(damage.len(), 3);
    let expected = Damage::from(time_code_area());
    assert!(damage.iter().all(|(_, damage)| *damage == expected));
    read(&mut grabber, &mut pictures[1], &expected).expect("a picture");
    let stride = pictures[1].size.width as usize * 4;
    let pixels = pictures[1].writer.bytes();
    assert_eq!(read_time_code(pixels, stride), Some(30));
    check_picture(&pictures[1], 1, 30);
}

#[test]
fn what_is_drawn_before_the_reading_is_read_and_told_with_it() {
    let (layout, mut grabber, ids) = stopped();
    grabber.open(ids[0]).expect("opens");
    let mut picture = whole(&mut grabber, ids[0]).expect("a picture");
    told(&mut grabber);
    layout.stop_clock_at(Duration::from_millis(500));
    let corner = Damage::from(Box2D::from_size(Size2D::new(4, 4)));
    let more = read(&mut grabber, &mut picture, &corner).expect("a picture");
    assert_eq!(more, Damage::from(time_code_area()));
    check_picture(&picture, 0, 15);
    assert!(told(&mut grabber).is_empty(), "told twice");
}

#[test]
fn a_running_clock_makes_thirty_frames_a_second() {
    let layout = SyntheticLayout::default();
    let first = layout.frame();
    thread::sleep(Duration::from_millis(200));
    let passed = layout.frame() - first;
    assert!((5..60).contains(&passed), "{passed} frames in 200 ms");
    let grabber = layout.connect().expect("no outage");
    let WakeBy::Period(period) = grabber.wakes_by() else {
        panic!("synthetic monitors have no descriptor");
    };
    assert!(!period.is_zero() && period <= LOOK_PERIOD, "{period:?}");
}

#[test]
fn a_moved_or_resized_monitor_must_be_opened_again() {
    let (layout, mut grabber, ids) = stopped();
    grabber.open(ids[0]).expect("opens");
    let mut picture = whole(&mut grabber, ids[0]).expect("a picture");
    assert!(!grabber.layout_changed().expect("connected"));
    layout.resize(ids[0], 800, 600);
    assert!(grabber.layout_changed().expect("connected"));
    assert!(!grabber.layout_changed().expect("connected"), "told once");
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("another size");
    assert_eq!(error, GrabError::MonitorChanged(ids[0]));
    grabber.open(ids[0]).expect("opens");
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("an old picture");
    assert_eq!(error, GrabError::MonitorChanged(ids[0]));
    let picture = whole(&mut grabber, ids[0]).expect("a picture");
    assert_eq!(picture.size, Size2D::new(800, 600));
    check_picture(&picture, 0, 0);
    layout.move_to(ids[0], 7, 7);
    let error = whole(&mut grabber, ids[0]).expect_err("another place");
    assert!(error.is_temporary());
}

#[test]
fn an_unplugged_monitor_is_unknown_and_the_others_go_on() {
    let (layout, mut grabber, ids) = stopped();
    grabber.open(ids[0]).expect("opens");
    grabber.open(ids[1]).expect("opens");
    layout.unplug(ids[0]);
    assert_eq!(
        whole(&mut grabber, ids[0]).expect_err("unplugged"),
        GrabError::UnknownMonitor(ids[0])
    );
    whole(&mut grabber, ids[1]).expect("still there");
    let new = layout.plug(0, 0, 640, 480);
    assert!(!ids.contains(&new), "ids are not used twice");
    layout.unplug(ids[1]);
    layout.unplug(ids[2]);
    layout.unplug(new);
    assert_eq!(grabber.monitors(), Err(GrabError::NoMonitor));
}

#[test]
fn an_unreadable_monitor_says_why_until_it_is_readable_again() {
    let (layout, mut grabber, ids) = stopped();
    layout.set_unreadable(ids[2], Some("the session is locked"));
    let error = grabber.open(ids[2]).expect_err("unreadable");
    assert!(
        error.to_string().contains("the session is locked"),
        "{error}"
    );
    assert!(!error.is_fatal() && !error.is_temporary());
    layout.set_unreadable(ids[2], None);
    grabber.open(ids[2]).expect("readable");
    whole(&mut grabber, ids[2]).expect("readable");
}

#[test]
fn a_broken_connection_stays_broken_and_a_new_one_works_after_recovery() {
    let (layout, mut grabber, ids) = stopped();
    grabber.open(ids[0]).expect("opens");
    let mut picture = whole(&mut grabber, ids[0]).expect("a picture");
    layout.disconnect("crash");
    let error = read(&mut grabber, &mut picture, &Damage::Whole).expect_err("broken");
    assert!(error.is_fatal());
    let silent: StallObserver = Arc::new(|_| {});
    let Err(GrabError::NoDisplayServer(reason)) = layout.factory()(&silent) else {
        panic!("a grabber without a server");
    };
    assert_eq!(reason, "crash");
    layout.recover();
    let error = grabber.layout_changed().expect_err("still broken");
    assert!(error.is_fatal());
    let mut grabber = layout.factory()(&silent).expect("a new grabber");
    grabber.open(ids[0]).expect("opens");
    grabber.new_picture(ids[0]).expect("a picture");
}

#[test]
fn an_overlay_covers_the_picture_and_uncovers_it_again() {
    let (layout, mut grabber, ids) = stopped();
    grabber.open(ids[1]).expect("opens");
    let mut picture = whole(&mut grabber, ids[1]).expect("a picture");
    // It reaches beyond the right edge.
    let area = Box2D::new(euclid::point2(1270, 0), euclid::point2(1290, 40));
    let overlay = Overlay {
        area,
        pixels: Arc::new([1, 2, 3, 255].repeat(20 * 40)),
    };
    layout
        .set_overlay(ids[1], Some(overlay.clone()))
        .expect("fits");
    let visible = Damage::from(Box2D::new(area.min, euclid::point2(1280, 40)));
    assert_eq!(told(&mut grabber), [(ids[1], visible.clone())]);
    read(&mut grabber, &mut picture, &visible).expect("a picture");
    let start = (39 * 1280 + 1279) * 4;
    assert_eq!(picture.writer.bytes()[start..start + 4], [1, 2, 3, 255]);
    layout.set_overlay(ids[1], None).expect("fits");
    assert_eq!(told(&mut grabber), [(ids[1], visible.clone())]);
    read(&mut grabber, &mut picture, &visible).expect("a picture");
    check_picture(&picture, 1, 0);
    let short = Overlay {
        area,
        pixels: Arc::new(vec![0; 20 * 40 * 4 - 1]),
    };
    assert!(layout.set_overlay(ids[1], Some(short)).is_err());
}

#[test]
fn a_liar_tells_nothing_and_a_stall_is_told_to_whoever_observes() {
    let (layout, mut grabber, ids) = stopped();
    grabber.open(ids[0]).expect("opens");
    layout.set_telling(ids[0], Telling::Falsely);
    layout.stop_clock_at(Duration::from_secs(1));
    assert!(grabber.tells_damage(ids[0]));
    assert!(told(&mut grabber).is_empty());
    let picture = whole(&mut grabber, ids[0]).expect("a picture");
    check_picture(&picture, 0, 30);
    layout.set_telling(ids[0], Telling::Not);
    assert!(!grabber.tells_damage(ids[0]));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let observed = heard.clone();
    let observer: StallObserver = Arc::new(move |stalled| observed.lock().push(stalled));
    let mut grabber = layout.factory()(&observer).expect("a grabber");
    layout.stall_for(STALL + Duration::from_millis(20));
    grabber.take_damage(&mut |_, _| {}).expect("connected");
    assert_eq!(*heard.lock(), [true, false]);
}
