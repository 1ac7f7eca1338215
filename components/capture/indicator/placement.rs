/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where the strips go. Pure.

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::DesktopPixel;

use super::strip::{Form, Strip, StripPainter, Tag};
use super::{IndicatorContent, IndicatorError, Mark};
use crate::monitor::Monitor;

/// A strip and where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacedStrip {
    /// On the desktop, in device pixels.
    pub(super) area: Box2D<i32, DesktopPixel>,
    pub(super) strip: Strip,
    /// The label of the monitor that it is drawn for.
    pub(super) label: String,
}

impl PlacedStrip {
    /// What must be seen on the screen when it is shown.
    pub(super) fn mark(&self) -> Mark {
        let checked = self.strip.checked.to_i32();
        let to_desktop = |point: Point2D<i32, _>| self.area.min + point.to_vector().cast_unit();
        Mark {
            area: self.area,
            checked: Box2D::new(to_desktop(checked.min), to_desktop(checked.max)),
            pixels: self.strip.pixels.clone(),
        }
    }
}

/// How strips look, besides what they say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) tag: Tag,
    pub(super) form: Form,
}

/// Draws a strip for each monitor, in the middle of its upper edge; a small one
/// at that edge's right end.
///
/// Monitors that show the same part of the desktop (mirrored ones) share a
/// strip: two would cover each other. The smallest one decides where it is, as
/// that place is on the larger ones too.
///
/// # Errors
/// When a monitor has no size; its label is in the message.
pub(super) fn place(
    painter: &mut StripPainter,
    content: &IndicatorContent,
    look: Look,
    monitors: &[Monitor],
) -> Result<Vec<PlacedStrip>, IndicatorError> {
    let mut by_size: Vec<&Monitor> = monitors.iter().collect();
    by_size.sort_by_key(|monitor| {
        let size = monitor.size();
        u64::from(size.width) * u64::from(size.height)
    });
    let mut placed: Vec<PlacedStrip> = Vec::new();
    for monitor in by_size {
        if placed
            .iter()
            .any(|strip| monitor.bounds.contains_box(&strip.area))
        {
            continue;
        }
        placed.push(place_one(painter, content, look, monitor)?);
    }
    placed.sort_by_key(|strip| (strip.area.min.x, strip.area.min.y));
    Ok(placed)
}

fn place_one(
    painter: &mut StripPainter,
    content: &IndicatorContent,
    look: Look,
    monitor: &Monitor,
) -> Result<PlacedStrip, IndicatorError> {
    let cannot = |reason: String| {
        let label = &monitor.label;
        IndicatorError::CannotShow(format!("the indicator does not fit on {label}: {reason}"))
    };
    let room = monitor.size();
    let strip = painter
        .paint(content, look.tag, look.form, room.width, monitor.scale)
        .map_err(|error| cannot(error.to_string()))?;
    if strip.size.height > room.height {
        let (wanted, found) = (strip.size.height, room.height);
        return Err(cannot(format!("{wanted} rows are needed, it has {found}")));
    }
    let free = (room.width - strip.size.width) as i32;
    let left = match look.form {
        Form::Full => monitor.bounds.min.x + free / 2,
        Form::Small => monitor.bounds.min.x + free,
    };
    let size = Size2D::new(strip.size.width as i32, strip.size.height as i32);
    Ok(PlacedStrip {
        area: Box2D::from_origin_and_size(Point2D::new(left, monitor.bounds.min.y), size),
        strip,
        label: monitor.label.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::tests::monitor;

    fn content() -> IndicatorContent {
        IndicatorContent {
            origins: vec!["https://a.example".to_owned()],
            live: true,
            ..IndicatorContent::default()
        }
    }

    const LOOK: Look = Look {
        tag: Tag(7),
        form: Form::Full,
    };

    fn place_all(monitors: &[Monitor]) -> Result<Vec<PlacedStrip>, IndicatorError> {
        place(&mut StripPainter::new(), &content(), LOOK, monitors)
    }

    #[test]
    fn a_strip_is_in_the_middle_of_its_monitors_upper_edge() {
        let mut scaled = monitor(2, 1920, -300, 3840, 2160);
        scaled.scale = 2.0;
        for monitor in [monitor(1, 0, 0, 1920, 1080), scaled] {
            let placed = place_all(std::slice::from_ref(&monitor)).unwrap();
            let area = placed[0].area;
            assert_eq!(area.min.y, monitor.bounds.min.y);
            assert_eq!(area.height(), (28.0 * monitor.scale) as i32);
            let left = area.min.x - monitor.bounds.min.x;
            let right = monitor.bounds.max.x - area.max.x;
            assert!(left > 0 && (left - right).abs() <= 1, "{left} {right}");
        }
    }

    #[test]
    fn a_small_strip_is_at_the_right_end_of_the_upper_edge() {
        let monitor = monitor(1, -500, 40, 1920, 1080);
        let form = Form::Small;
        let look = Look { form, ..LOOK };
        let monitors = std::slice::from_ref(&monitor);
        let placed = place(&mut StripPainter::new(), &content(), look, monitors).unwrap();
        let area = placed[0].area;
        assert_eq!((area.max.x, area.min.y), (1420, 40));
        assert!(area.width() < 200, "{area:?}");
        assert!(monitor.bounds.contains_box(&placed[0].mark().checked));
    }

    #[test]
    fn every_monitor_shows_a_whole_strip_and_no_strip_covers_another() {
        for monitors in [
            vec![
                monitor(1, 0, 0, 1920, 1080),
                monitor(2, 1920, 0, 1920, 1080),
            ],
            // Mirrored: the same size, another size, another place.
            vec![monitor(1, 0, 0, 1920, 1080), monitor(2, 0, 0, 1920, 1080)],
            vec![monitor(1, 0, 0, 1920, 1080), monitor(2, 0, 0, 1366, 768)],
            vec![
                monitor(1, 0, 0, 3840, 2160),
                monitor(2, 700, 500, 1366, 768),
            ],
        ] {
            let placed = place_all(&monitors).unwrap();
            for monitor in &monitors {
                assert!(
                    placed
                        .iter()
                        .any(|strip| monitor.bounds.contains_box(&strip.area)),
                    "{monitor:?}"
                );
            }
            for (index, strip) in placed.iter().enumerate() {
                assert!(
                    placed[index + 1..]
                        .iter()
                        .all(|other| !other.area.intersects(&strip.area)),
                    "{monitors:?}"
                );
            }
        }
    }

    #[test]
    fn a_monitor_without_room_is_named() {
        for broken in [monitor(7, 0, 0, 0, 0), monitor(7, 0, 0, 800, 20)] {
            let error = place_all(&[monitor(1, 0, 0, 1920, 1080), broken]).unwrap_err();
            assert!(error.to_string().contains("M7"), "{error}");
        }
    }
}
