/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator on synthetic monitors: the same strip as on real ones, painted
//! into their pictures, so that it is seen wherever those are shown.

use std::time::Duration;

use euclid::{Box2D, Point2D, Size2D};

use super::strip::{Form, StripPainter, Tag};
use super::{Indicator, IndicatorContent, IndicatorError, Mark, Marks, UserAction};
use crate::grabber::WakeBy;
use crate::grabber::synthetic::{Overlay, SyntheticLayout};
use crate::monitor::{Monitor, MonitorId};

/// Nothing ever happens to it.
const IDLE_PERIOD: Duration = Duration::from_secs(60);

/// Paints the strip over the pictures of a [`SyntheticLayout`].
pub struct PaintedIndicator {
    layout: SyntheticLayout,
    painter: StripPainter,
    tag: Tag,
    marks: Marks,
    shown: Vec<Monitor>,
}

impl PaintedIndicator {
    /// For the monitors of `layout`; tells `marks` what must be seen there.
    pub fn new(layout: SyntheticLayout, marks: Marks) -> Self {
        Self {
            layout,
            painter: StripPainter::new(),
            tag: Tag::random(),
            marks,
            shown: Vec::new(),
        }
    }

    /// The strip of a monitor, and its mark.
    fn draw(
        &mut self,
        content: &IndicatorContent,
        monitor: &Monitor,
    ) -> Result<(Overlay, Mark), IndicatorError> {
        let width = monitor.size().width;
        let strip = self
            .painter
            .paint(content, self.tag, Form::Full, width, monitor.scale)?;
        let left = width.saturating_sub(strip.size.width) / 2;
        let overlay = Overlay {
            area: Box2D::from_origin_and_size(
                Point2D::new(left, 0),
                Size2D::new(strip.size.width, strip.size.height),
            ),
            pixels: strip.pixels.clone(),
        };
        let on_desktop = |area: Box2D<u32, _>| {
            let area: Box2D<i32, _> = area.to_i32().cast_unit();
            area.translate(monitor.bounds.min.to_vector())
        };
        let inset = overlay.area.min.to_vector();
        let mark = Mark {
            area: on_desktop(overlay.area),
            checked: on_desktop(strip.checked.translate(inset)),
            pixels: strip.pixels,
        };
        Ok((overlay, mark))
    }

    fn paint(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError> {
        let mut drawn = Vec::new();
        for monitor in monitors {
            drawn.push((monitor.id, self.draw(content, monitor)?));
        }
        let marks = drawn.iter().map(|(_, (_, mark))| mark.clone()).collect();
        self.marks.expect(marks);
        for (id, (overlay, _)) in drawn {
            self.layout
                .set_overlay(id, Some(overlay))
                .map_err(|error| IndicatorError::CannotShow(error.to_string()))?;
        }
        self.marks.settle();
        Ok(())
    }

    fn take_down(&mut self) {
        for monitor in std::mem::take(&mut self.shown) {
            self.clear(monitor.id);
        }
    }

    fn clear(&self, id: MonitorId) {
        // Err: the monitor was unplugged, and its picture with it.
        let _ = self.layout.set_overlay(id, None);
    }
}

impl Indicator for PaintedIndicator {
    fn show(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError> {
        for before in std::mem::take(&mut self.shown) {
            if !monitors.iter().any(|monitor| monitor.id == before.id) {
                self.clear(before.id);
            }
        }
        self.shown = monitors.to_vec();
        self.paint(content, monitors)
            .inspect_err(|_| self.take_down())
    }

    fn hide(&mut self) {
        self.marks.clear();
        self.take_down();
        self.tag = Tag::random();
    }

    /// Nobody else draws on synthetic monitors, and nobody presses anything.
    fn keep(&mut self, _: &mut dyn FnMut(UserAction)) -> Result<(), IndicatorError> {
        Ok(())
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        WakeBy::Period(IDLE_PERIOD)
    }
}

impl Drop for PaintedIndicator {
    fn drop(&mut self) {
        self.take_down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grabber::Grabber;

    /// The pixels of a monitor's uppermost row.
    fn top_row(layout: &SyntheticLayout, monitor: &Monitor) -> Vec<u8> {
        let mut grabber = layout.connect().unwrap();
        grabber.open(monitor.id).unwrap();
        let mut row = Vec::new();
        grabber.read_rows(monitor.id, 0..1, &mut row).unwrap();
        row
    }

    #[test]
    fn the_strip_is_in_the_picture_while_shown_and_nowhere_else() {
        let layout = SyntheticLayout::default();
        let monitors = layout.monitors();
        let before: Vec<_> = monitors.iter().map(|m| top_row(&layout, m)).collect();
        let content = IndicatorContent {
            origins: vec!["https://a.example".to_owned()],
            live: true,
            ..IndicatorContent::default()
        };
        let marks = Marks::default();
        let mut indicator = PaintedIndicator::new(layout.clone(), marks.clone());
        indicator.show(&content, &monitors[..2]).unwrap();
        for (index, monitor) in monitors.iter().enumerate() {
            let mut grabber = layout.connect().unwrap();
            grabber.open(monitor.id).unwrap();
            let mut rows = Vec::new();
            grabber.read_rows(monitor.id, 0..100, &mut rows).unwrap();
            let is_seen = marks.expected().is_seen(monitor.bounds, &rows, 0);
            assert_eq!(is_seen, index < 2, "{}", monitor.label);
        }
        for (index, monitor) in monitors.iter().enumerate() {
            let changed = top_row(&layout, monitor) != before[index];
            assert_eq!(changed, index < 2, "{}", monitor.label);
        }
        indicator.show(&content, &monitors[1..]).unwrap();
        assert_eq!(top_row(&layout, &monitors[0]), before[0]);
        drop(indicator);
        for (index, monitor) in monitors.iter().enumerate() {
            assert_eq!(top_row(&layout, monitor), before[index]);
        }
    }
}
