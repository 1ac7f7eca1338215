/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a person can press on a strip.

use euclid::{Box2D, Point2D};
use servo_capture_traits::MonitorPixel;
use tiny_skia::{LineCap, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::{Form, Rgb, paint};

/// Width of a control in CSS pixels.
const WIDTH: f32 = 26.0;
/// From the middle of a control to the edge of its symbol, in CSS pixels.
const REACH: f32 = 5.0;
/// Thickness of a line in CSS pixels.
const LINE: f32 = 2.0;

/// Something to press.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Control {
    /// Ends what is captured.
    Stop,
    /// Asks what is captured.
    Information,
    /// Makes the strip small.
    Dismiss,
    /// Makes the strip as large as it was.
    Restore,
}

impl Control {
    /// Whether only a person may press it, and no program, not even one that a
    /// person uses to press: it makes less to be seen of a capture.
    pub fn is_for_people_alone(self) -> bool {
        self == Self::Dismiss
    }
}

/// A control and where it is on its strip, in device pixels.
pub type PlacedControl = (Control, Box2D<u32, MonitorPixel>);

/// The controls of a strip, from left to right.
pub(super) fn of(form: Form, is_live: bool, may_stop: bool) -> &'static [Control] {
    match (form, is_live && may_stop) {
        (Form::Full, true) => &[Control::Stop, Control::Information, Control::Dismiss],
        (Form::Full, false) => &[Control::Information, Control::Dismiss],
        (Form::Small, _) => &[],
    }
}

/// Width of so many controls in device pixels.
pub(super) fn width(count: usize, scale: f32) -> f32 {
    count as f32 * (WIDTH * scale).round()
}

/// Where they are when the first begins at `left`.
pub(super) fn place(
    controls: &[Control],
    left: f32,
    height: f32,
    scale: f32,
) -> Vec<PlacedControl> {
    let (left, width, height) = (
        left.round() as u32,
        (WIDTH * scale).round() as u32,
        height.round() as u32,
    );
    let place = |(index, &control): (usize, &Control)| {
        let left = left + index as u32 * width;
        let area = Box2D::new(Point2D::new(left, 0), Point2D::new(left + width, height));
        (control, area)
    };
    controls.iter().enumerate().map(place).collect()
}

/// Draws a control's symbol. Their forms are told by the information page.
pub(super) fn draw(
    pixmap: &mut Pixmap,
    control: Control,
    area: Box2D<u32, MonitorPixel>,
    color: Rgb,
    scale: f32,
) {
    let middle = area.to_f32().center();
    let (x, y, reach) = (middle.x, middle.y, REACH * scale);
    let stroke = Stroke {
        width: LINE * scale,
        line_cap: LineCap::Round,
        ..Stroke::default()
    };
    let mut line = |path: PathBuilder| {
        if let Some(path) = path.finish() {
            pixmap.stroke_path(&path, &paint(color), &stroke, Transform::identity(), None);
        }
    };
    match control {
        Control::Stop => {
            let edge = reach * 2.0;
            if let Some(square) = Rect::from_xywh(x - reach, y - reach, edge, edge) {
                pixmap.fill_rect(square, &paint(color), Transform::identity(), None);
            }
        }
        Control::Information => {
            let mut stem = PathBuilder::new();
            stem.move_to(x, y - reach * 0.2);
            stem.line_to(x, y + reach);
            // The dot: a line of no length with round ends.
            stem.move_to(x, y - reach);
            stem.line_to(x, y - reach + 0.01);
            line(stem);
        }
        Control::Dismiss => {
            let mut cross = PathBuilder::new();
            let reach = reach * 0.9;
            cross.move_to(x - reach, y - reach);
            cross.line_to(x + reach, y + reach);
            cross.move_to(x + reach, y - reach);
            cross.line_to(x - reach, y + reach);
            line(cross);
        }
        // The whole small strip; it needs no symbol.
        Control::Restore => {}
    }
}
