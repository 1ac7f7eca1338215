/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator on synthetic monitors: the same strip as on real ones, painted
//! into their pictures, so that it is seen wherever those are shown.

use std::sync::Arc;

use euclid::{Box2D, Point2D, Size2D};

use super::strip::StripPainter;
use super::{Indicator, IndicatorContent, IndicatorError};
use crate::grabber::synthetic::{Overlay, SyntheticLayout};
use crate::monitor::{Monitor, MonitorId};

/// Paints the strip over the pictures of a [`SyntheticLayout`].
pub struct PaintedIndicator {
    layout: SyntheticLayout,
    painter: StripPainter,
    shown: Vec<Monitor>,
}

impl PaintedIndicator {
    /// For the monitors of `layout`.
    pub fn new(layout: SyntheticLayout) -> Self {
        Self {
            layout,
            painter: StripPainter::new(),
            shown: Vec::new(),
        }
    }

    fn paint(
        &mut self,
        content: &IndicatorContent,
        monitor: &Monitor,
    ) -> Result<(), IndicatorError> {
        let width = monitor.size().width;
        let strip = self.painter.paint(content, width, monitor.scale)?;
        let left = width.saturating_sub(strip.size.width) / 2;
        let overlay = Overlay {
            area: Box2D::from_origin_and_size(
                Point2D::new(left, 0),
                Size2D::new(strip.size.width, strip.size.height),
            ),
            pixels: Arc::new(strip.pixels),
        };
        self.layout
            .set_overlay(monitor.id, Some(overlay))
            .map_err(|error| IndicatorError::CannotShow(error.to_string()))
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
        for monitor in monitors {
            if let Err(error) = self.paint(content, monitor) {
                self.hide();
                return Err(error);
            }
        }
        Ok(())
    }

    fn hide(&mut self) {
        for monitor in std::mem::take(&mut self.shown) {
            self.clear(monitor.id);
        }
    }

    /// Nobody else draws on synthetic monitors.
    fn keep(&mut self) -> Result<(), IndicatorError> {
        Ok(())
    }
}

impl Drop for PaintedIndicator {
    fn drop(&mut self) {
        self.hide();
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
        let canvas = grabber.grab(monitor.id).unwrap();
        canvas.pixels[..canvas.stride_bytes].to_vec()
    }

    #[test]
    fn the_strip_is_in_the_picture_while_shown_and_nowhere_else() {
        let layout = SyntheticLayout::default();
        let monitors = layout.monitors();
        let before: Vec<_> = monitors.iter().map(|m| top_row(&layout, m)).collect();
        let content = IndicatorContent {
            origins: vec!["https://a.example".to_owned()],
            live: true,
        };
        let mut indicator = PaintedIndicator::new(layout.clone());
        indicator.show(&content, &monitors[..2]).unwrap();
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
