/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What lies above the strips. Most of what comes there covers none of them, as
//! windows of a manager that are never seen, or a menu at the other end of the
//! monitor: whoever went above these too would fight with half the desktop.

use euclid::{Box2D, Point2D};
use servo_capture_traits::DesktopPixel;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{
    ConnectionExt as _, GetGeometryReply, MapState, Window, WindowClass,
};

use super::connection::{Fault, Server};
use super::window::StripWindow;

/// More windows above the strips are not looked at one by one.
const MOST_BESIDE: usize = 64;

/// What is above the strips.
pub(super) enum Above {
    /// A window that people see lies over one of them, or too many to tell.
    Covers,
    /// These windows, which cover none as they are now.
    Beside(Vec<Window>),
}

/// Looks what is above the strips. Waits for the server.
pub(super) fn look(server: &Server, strips: &[StripWindow]) -> Result<Above, Fault> {
    let connection = &server.connection;
    // From bottom to top.
    let stack = connection.query_tree(server.root)?.reply()?.children;
    let mut below = Vec::new();
    let mut others = Vec::new();
    for window in stack {
        match strips.iter().find(|strip| strip.window == window) {
            Some(strip) => below.push(strip.placed.area),
            None if below.is_empty() => {}
            None => others.push((window, below.len())),
        }
    }
    if others.len() > MOST_BESIDE {
        return Ok(Above::Covers);
    }
    // All are asked before the first answer is awaited: one round trip.
    let mut asked = Vec::new();
    for &(window, strips_below) in &others {
        let attributes = connection.get_window_attributes(window)?;
        asked.push((strips_below, attributes, connection.get_geometry(window)?));
    }
    let mut is_covered = false;
    for (strips_below, attributes, geometry) in asked {
        let (attributes, geometry) = match (attributes.reply(), geometry.reply()) {
            (Ok(attributes), Ok(geometry)) => (attributes, geometry),
            // It has gone meanwhile.
            (Err(ReplyError::X11Error(_)), _) | (_, Err(ReplyError::X11Error(_))) => continue,
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
        };
        let is_shown = attributes.map_state == MapState::VIEWABLE
            && attributes.class == WindowClass::INPUT_OUTPUT;
        let area = outer_area(&geometry);
        let mut covered = below.iter().take(strips_below);
        is_covered |= is_shown && covered.any(|strip| strip.intersects(&area));
    }
    Ok(if is_covered {
        Above::Covers
    } else {
        Above::Beside(others.into_iter().map(|(window, _)| window).collect())
    })
}

/// Where a window lies, with its border.
fn outer_area(geometry: &GetGeometryReply) -> Box2D<i32, DesktopPixel> {
    let corner = Point2D::new(i32::from(geometry.x), i32::from(geometry.y));
    let border = 2 * i32::from(geometry.border_width);
    let size = (
        i32::from(geometry.width) + border,
        i32::from(geometry.height) + border,
    );
    Box2D::from_origin_and_size(corner, size.into())
}
