/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Against real X servers.

mod changes;
mod fallbacks;
mod faults;
mod limits;
mod pixels;
mod pointer;
mod sharing;

use std::process::Command;
use std::thread;
use std::time::Instant;

use capture_test_rig::process::{Process, Stream};
use capture_test_rig::{
    MonitorSpec, Painter, Picture as Drawing, XServer, XorgDummy, Xvfb, XvfbBuilder,
};
use euclid::{Size2D, point2};
use servo_capture_traits::MonitorPixel;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateGCAux, Rectangle};
use x11rb::wrapper::ConnectionExt as _;

use super::*;

/// What a server needs at most to tell of a change, on a busy machine.
const NEWS_TIMEOUT: Duration = Duration::from_secs(10);

fn three(names: [&str; 3]) -> Vec<MonitorSpec> {
    vec![
        MonitorSpec::new(names[0], 0, 0, 640, 480),
        MonitorSpec::new(names[1], 640, 0, 800, 600),
        MonitorSpec::new(names[2], 1440, 0, 1024, 768),
    ]
}

fn virtual_three() -> Vec<MonitorSpec> {
    three(["LEFT", "MIDDLE", "RIGHT"])
}

fn xvfb() -> XvfbBuilder {
    Xvfb::builder().monitors(virtual_three())
}

fn xorg() -> XServer {
    XorgDummy::builder()
        .monitors(three(["DUMMY0", "DUMMY1", "DUMMY2"]))
        .start()
        .expect("Xorg with the dummy driver")
}

/// Nobody looks at stalls.
fn unobserved() -> StallObserver {
    Arc::new(|_| {})
}

fn connect(server: &XServer) -> X11Grabber {
    X11Grabber::connect(server.display(), &unobserved()).expect("the server answers")
}

/// A grabber with all monitors open.
fn open_all(server: &XServer) -> (X11Grabber, Vec<Monitor>) {
    let mut grabber = connect(server);
    let monitors = grabber.monitors().expect("monitors");
    for monitor in &monitors {
        grabber.open(monitor.id).expect("it opens");
    }
    (grabber, monitors)
}

fn coded(index: usize) -> Drawing {
    Drawing::Coded {
        monitor: index as u32,
    }
}

fn cover_all(server: &XServer, monitors: &[MonitorSpec]) -> Vec<Painter> {
    monitors
        .iter()
        .enumerate()
        .map(|(index, monitor)| Painter::cover(server, monitor, coded(index)).expect("a painter"))
        .collect()
}

/// Reads some parts of a picture; what had to be read besides.
fn read(
    grabber: &mut X11Grabber,
    picture: &mut Picture,
    parts: &Damage,
) -> Result<Damage, GrabError> {
    let mut reads = [Read::new(picture, parts)];
    let result = grabber.read(&mut reads)?.pop();
    let [read] = reads;
    result.expect("one result for each picture")?;
    Ok(read.more)
}

/// Reads a new picture of all of a monitor.
fn shoot(grabber: &mut X11Grabber, monitor: MonitorId) -> Result<Picture, GrabError> {
    let mut picture = grabber.new_picture(monitor)?;
    read(grabber, &mut picture, &Damage::Whole)?;
    Ok(picture)
}

/// What was drawn on a monitor since somebody asked; that of others is lost.
fn drawn_on(grabber: &mut X11Grabber, monitor: MonitorId) -> Damage {
    all_drawn(grabber).remove(&monitor).unwrap_or_default()
}

fn all_drawn(grabber: &mut X11Grabber) -> HashMap<MonitorId, Damage> {
    let mut drawn = HashMap::new();
    grabber
        .take_damage(&mut |monitor, damage| {
            drawn.insert(monitor, damage);
        })
        .expect("connected");
    drawn
}

fn part(x: u32, y: u32, width: u32, height: u32) -> Box2D<u32, MonitorPixel> {
    Box2D::from_origin_and_size(point2(x, y), Size2D::new(width, height))
}

fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
    let start = (y as usize * picture.size.width as usize + x as usize) * 4;
    let bytes = picture.writer.bytes();
    [bytes[start], bytes[start + 1], bytes[start + 2]]
}

/// Every pixel must be the drawing's; the fourth byte means nothing.
fn check_pixels(picture: &Picture, drawing: &Drawing, frame: u32) {
    let (width, height) = (picture.size.width, picture.size.height);
    let bytes = picture.writer.bytes();
    assert_eq!(bytes.len() as u32, width * height * 4);
    for (y, row) in (0..height).zip(bytes.chunks_exact(width as usize * 4)) {
        for (x, found) in (0..width).zip(row.chunks_exact(4)) {
            let expected = drawing.pixel((width, height), x, y, frame);
            assert_eq!(found[..3], expected[..3], "at ({x}, {y})");
        }
    }
}

fn check_geometry(found: &[Monitor], expected: &[MonitorSpec]) {
    let found: Vec<_> = found
        .iter()
        .map(|monitor| {
            let (min, size) = (monitor.bounds.min, monitor.size());
            (monitor.label.clone(), min.x, min.y, size.width, size.height)
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|spec| (spec.name.clone(), spec.x, spec.y, spec.width, spec.height))
        .collect();
    assert_eq!(found, expected);
}

/// Asks until the answer is yes.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + NEWS_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} within {NEWS_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_layout_change(grabber: &mut X11Grabber) {
    wait_until("the change of the layout is noticed", || {
        grabber.layout_changed().expect("connected")
    });
}

fn rectangle(x: i16, y: i16, width: u16, height: u16) -> Rectangle {
    Rectangle {
        x,
        y,
        width,
        height,
    }
}

/// Draws a white rectangle and waits until it is drawn.
fn fill(connection: &impl Connection, drawable: u32, area: Rectangle) {
    let context = connection.generate_id().expect("an id");
    connection
        .create_gc(context, drawable, &CreateGCAux::new().foreground(0xff_ffff))
        .expect("sent");
    connection
        .poly_fill_rectangle(drawable, context, &[area])
        .expect("sent")
        .check()
        .expect("drawn");
    connection.free_gc(context).expect("sent");
    connection.sync().expect("done");
}

/// Starts an X server that the rig has no builder for.
fn start(command: Command) -> (Process, String) {
    let process = Process::spawn(command).expect("the server starts");
    let number = process.wait_for_line(Stream::Stdout, 0, NEWS_TIMEOUT, |line| {
        line.trim().parse::<u32>().ok()
    });
    let (number, _) = number.expect("a display number");
    (process, format!(":{number}"))
}
