/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The pointer of a real server.

use euclid::Vector2D;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, Cursor};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::*;

const MOTION_NOTIFY: u8 = 6;

fn move_to(connection: &RustConnection, root: u32, x: i16, y: i16) {
    connection
        .xtest_fake_input(MOTION_NOTIFY, 0, 0, root, x, y, 0)
        .expect("sent");
    connection.sync().expect("done");
}

/// A filled square of one color as the pointer over all of the screen.
fn show_square(connection: &RustConnection, root: u32, size: u16, color: [u16; 3]) -> Cursor {
    let [pixmap, context, cursor] = [(); 3].map(|()| connection.generate_id().expect("an id"));
    let [red, green, blue] = color;
    connection
        .create_pixmap(1, pixmap, root, size, size)
        .expect("sent");
    connection
        .create_gc(context, pixmap, &CreateGCAux::new().foreground(1))
        .expect("sent");
    connection
        .poly_fill_rectangle(pixmap, context, &[rectangle(0, 0, size, size)])
        .expect("sent");
    connection
        .create_cursor(cursor, pixmap, pixmap, red, green, blue, 0, 0, 0, 3, 5)
        .expect("sent")
        .check()
        .expect("a cursor");
    connection
        .change_window_attributes(root, &ChangeWindowAttributesAux::new().cursor(cursor))
        .expect("sent");
    connection.sync().expect("done");
    cursor
}

fn pointer(grabber: &mut X11Grabber) -> Pointer {
    grabber.pointer().expect("connected").expect("a pointer")
}

/// Waits as an engine does.
fn is_woken(grabber: &X11Grabber, timeout: Duration) -> bool {
    match grabber.wakes_by() {
        WakeBy::Period(period) => period <= timeout,
        WakeBy::Descriptor(descriptor) => {
            let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
            let timeout = Timespec::try_from(timeout).expect("short");
            poll(&mut polled, Some(&timeout)).expect("polled") > 0
        }
    }
}

#[test]
fn position_and_shape_are_the_servers_and_the_shape_is_fetched_once() {
    let server = xvfb().start().expect("Xvfb");
    let mut grabber = connect(&server);
    let root = grabber.server.root;
    let connection = server.connect().expect("the server answers");
    for is_watched in [false, true] {
        grabber.watch_pointer(is_watched).expect("connected");
        show_square(&connection, root, 16, [0xffff, 0, 0]);
        move_to(&connection, root, 100, 200);
        let first = pointer(&mut grabber);
        assert_eq!(first.position, point2(100, 200));
        assert_eq!(first.shape.size, Size2D::new(16, 16));
        assert_eq!(first.shape.hot_spot, Vector2D::new(3, 5));
        assert_eq!(first.shape.pixels, [0, 0, 255, 255].repeat(16 * 16));
        move_to(&connection, root, 1500, 7);
        let moved = pointer(&mut grabber);
        assert_eq!(moved.position, point2(1500, 7));
        assert!(Arc::ptr_eq(&first.shape, &moved.shape));
        show_square(&connection, root, 8, [0, 0, 0xffff]);
        let changed = pointer(&mut grabber);
        assert_ne!(changed.shape.serial, first.shape.serial);
        assert_eq!(changed.shape.pixels, [255, 0, 0, 255].repeat(8 * 8));
    }
}

#[test]
fn moves_and_new_shapes_wake_only_who_watches_the_pointer() {
    let server = xvfb().start().expect("Xvfb");
    let mut grabber = connect(&server);
    let root = grabber.server.root;
    let connection = server.connect().expect("the server answers");
    // The server's own first drawing is over.
    grabber.layout_changed().expect("connected");
    move_to(&connection, root, 10, 10);
    show_square(&connection, root, 8, [0xffff, 0, 0]);
    assert!(
        !is_woken(&grabber, Duration::from_millis(100)),
        "not watched"
    );
    grabber.watch_pointer(true).expect("connected");
    assert!(
        is_woken(&grabber, Duration::ZERO),
        "watching begins with a look"
    );
    pointer(&mut grabber);
    assert!(
        !is_woken(&grabber, Duration::from_millis(100)),
        "nothing new"
    );
    move_to(&connection, root, 20, 30);
    assert!(is_woken(&grabber, NEWS_TIMEOUT), "a move");
    assert_eq!(pointer(&mut grabber).position, point2(20, 30));
    assert!(
        !is_woken(&grabber, Duration::from_millis(100)),
        "nothing new"
    );
    show_square(&connection, root, 8, [0, 0xffff, 0]);
    assert!(is_woken(&grabber, NEWS_TIMEOUT), "a shape");
    assert_eq!(pointer(&mut grabber).shape.pixels[..4], [0, 255, 0, 255]);
    grabber.watch_pointer(false).expect("connected");
    // The server has heard of it when it answers a later request.
    grabber.monitors().expect("monitors");
    move_to(&connection, root, 40, 50);
    assert!(
        !is_woken(&grabber, Duration::from_millis(100)),
        "not watched"
    );
}

#[test]
fn a_move_that_comes_along_with_an_answer_still_wakes() {
    let server = xvfb().start().expect("Xvfb");
    let (mut grabber, monitors) = open_all(&server);
    let root = grabber.server.root;
    let connection = server.connect().expect("the server answers");
    grabber.watch_pointer(true).expect("connected");
    pointer(&mut grabber);
    move_to(&connection, root, 33, 44);
    shoot(&mut grabber, monitors[0].id).expect("a picture");
    assert!(is_woken(&grabber, Duration::ZERO));
    assert_eq!(pointer(&mut grabber).position, point2(33, 44));
}
