/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Monitors of known size and picture, without any display: what a machine
//! without a display server captures, and the fake that the service is tested
//! with.

mod layout;
pub mod picture;

use std::collections::HashMap;

use euclid::{Box2D, Size2D};
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::{Damage, DesktopPixel, MonitorPixel};

use self::layout::Slot;
pub use self::layout::{FRAME_RATE, Overlay, SyntheticLayout};
use self::picture::{draw, time_code_area};
use crate::grabber::{Canvas, GrabError, Grabber};
use crate::monitor::{Monitor, MonitorId};

/// More than any real monitor has; keeps a mistake from taking all memory.
const MAX_PIXELS: u64 = 1 << 26;

struct OpenMonitor {
    bounds: Box2D<i32, DesktopPixel>,
    pixels: Vec<u8>,
    /// What `pixels` show: the frame and the version of the overlay. None
    /// before the first grab.
    shown: Option<(u32, u64)>,
    /// Where the overlay was drawn.
    overlaid: Option<Box2D<u32, MonitorPixel>>,
}

/// A [`Grabber`] of a [`SyntheticLayout`].
pub struct SyntheticGrabber {
    layout: SyntheticLayout,
    connection: u64,
    layout_version: u64,
    open: HashMap<MonitorId, OpenMonitor>,
}

impl SyntheticGrabber {
    pub(self) fn new(layout: SyntheticLayout) -> Result<Self, GrabError> {
        let (connection, layout_version) = {
            let state = layout.lock();
            if let Some(reason) = &state.outage {
                return Err(GrabError::NoDisplayServer(reason.clone()));
            }
            (state.connection, state.layout_version)
        };
        Ok(Self {
            layout,
            connection,
            layout_version,
            open: HashMap::new(),
        })
    }

    fn check_connection(&self) -> Result<(), GrabError> {
        let state = self.layout.lock();
        if state.connection == self.connection {
            return Ok(());
        }
        Err(GrabError::Disconnected(
            state
                .outage
                .clone()
                .unwrap_or_else(|| "it was broken meanwhile".to_owned()),
        ))
    }

    /// The monitor as it is, and the frame it shows.
    fn look(&self, monitor: MonitorId) -> Result<(Slot, u32), GrabError> {
        self.check_connection()?;
        let state = self.layout.lock();
        Ok((state.slot(monitor)?.clone(), state.frame()))
    }
}

impl OpenMonitor {
    fn size(&self) -> Size2D<u32, MonitorPixel> {
        self.bounds.size().cast_unit().cast()
    }

    /// Brings the picture up to date; what changed.
    fn update(&mut self, slot: &Slot, frame: u32) -> Damage {
        let size = self.size();
        let whole = Box2D::from_size(size);
        let overlay_now = slot.overlay.as_ref().map(|overlay| overlay.area);
        let (areas, damage) = match self.shown {
            None => (vec![whole], Damage::Whole),
            Some(shown) => {
                let mut areas = Vec::new();
                if shown.0 != frame {
                    areas.push(time_code_area());
                }
                if shown.1 != slot.overlay_version {
                    areas.extend(self.overlaid);
                    areas.extend(overlay_now);
                }
                let areas: Vec<_> = areas
                    .iter()
                    .filter_map(|area| area.intersection(&whole))
                    .collect();
                (areas.clone(), Damage::Rectangles(areas))
            }
        };
        for area in areas {
            draw(&mut self.pixels, slot.index, size, area, frame);
        }
        if let Some(overlay) = &slot.overlay {
            self.lay_over(overlay);
        }
        self.overlaid = overlay_now;
        self.shown = Some((frame, slot.overlay_version));
        damage
    }

    fn lay_over(&mut self, overlay: &Overlay) {
        let size = self.size();
        let Some(visible) = overlay.area.intersection(&Box2D::from_size(size)) else {
            return;
        };
        let stride = size.width as usize * 4;
        let overlay_stride = overlay.area.width() as usize * 4;
        let bytes = visible.width() as usize * 4;
        // An intersection with something that starts at 0 starts where the
        // overlay starts.
        let rows = overlay.pixels.chunks_exact(overlay_stride);
        for (y, row) in (visible.min.y..visible.max.y).zip(rows) {
            let start = y as usize * stride + visible.min.x as usize * 4;
            self.pixels[start..start + bytes].copy_from_slice(&row[..bytes]);
        }
    }
}

impl Grabber for SyntheticGrabber {
    fn describe(&self) -> String {
        "synthetic monitors".to_owned()
    }

    fn monitors(&mut self) -> Result<Vec<Monitor>, GrabError> {
        self.check_connection()?;
        self.layout_version = self.layout.lock().layout_version;
        let monitors = self.layout.monitors();
        if monitors.is_empty() {
            return Err(GrabError::NoMonitor);
        }
        Ok(monitors)
    }

    fn layout_changed(&mut self) -> Result<bool, GrabError> {
        self.check_connection()?;
        let version = self.layout.lock().layout_version;
        Ok(std::mem::replace(&mut self.layout_version, version) != version)
    }

    fn open(&mut self, monitor: MonitorId) -> Result<(), GrabError> {
        let (slot, _) = self.look(monitor)?;
        let size = slot.monitor.size();
        let count = u64::from(size.width) * u64::from(size.height);
        if count == 0 || count > MAX_PIXELS {
            return Err(GrabError::Unreadable {
                monitor,
                reason: format!("it has {count} pixels"),
            });
        }
        let open = OpenMonitor {
            bounds: slot.monitor.bounds,
            pixels: vec![0; count as usize * 4],
            shown: None,
            overlaid: None,
        };
        self.open.insert(monitor, open);
        Ok(())
    }

    fn close(&mut self, monitor: MonitorId) {
        self.open.remove(&monitor);
    }

    fn has_damage(&mut self, monitor: MonitorId) -> Result<bool, GrabError> {
        self.check_connection()?;
        let open = self
            .open
            .get(&monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        let state = self.layout.lock();
        // Whether the monitor is still there is for `grab` to tell.
        Ok(state.slot(monitor).map_or(true, |slot| {
            open.bounds != slot.monitor.bounds
                || open.shown != Some((state.frame(), slot.overlay_version))
        }))
    }

    fn grab(&mut self, monitor: MonitorId) -> Result<Canvas<'_>, GrabError> {
        let (slot, frame) = self.look(monitor)?;
        let captured_at = CrossProcessInstant::now();
        let open = self
            .open
            .get_mut(&monitor)
            .ok_or(GrabError::UnknownMonitor(monitor))?;
        if open.bounds != slot.monitor.bounds {
            return Err(GrabError::MonitorChanged(monitor));
        }
        if let Some(reason) = slot.unreadable {
            return Err(GrabError::Unreadable { monitor, reason });
        }
        let damage = open.update(&slot, frame);
        let size = open.size();
        Ok(Canvas {
            size,
            stride_bytes: size.width as usize * 4,
            pixels: &open.pixels,
            damage,
            captured_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

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

    /// Every pixel of what a grab lends must be the documented one.
    fn check_picture(canvas: &Canvas, index: u32, frame: u32) {
        for (number, found) in canvas.pixels.chunks_exact(4).enumerate() {
            let x = number as u32 % canvas.size.width;
            let y = number as u32 / canvas.size.width;
            assert_eq!(
                found,
                pixel(index, canvas.size, x, y, frame),
                "at ({x}, {y})"
            );
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
    fn each_monitor_shows_its_own_picture_and_updates_only_the_time_code() {
        let (layout, mut grabber, ids) = stopped();
        for (index, id) in ids.iter().enumerate() {
            grabber.open(*id).expect("opens");
            assert!(
                grabber.has_damage(*id).expect("connected"),
                "before the first grab"
            );
            let canvas = grabber.grab(*id).expect("a picture");
            assert_eq!(canvas.damage, Damage::Whole);
            check_picture(&canvas, index as u32, 0);
            assert!(
                !grabber.has_damage(*id).expect("connected"),
                "time stands still"
            );
        }
        layout.stop_clock_at(Duration::from_millis(1_000));
        assert!(grabber.has_damage(ids[1]).expect("connected"));
        let canvas = grabber.grab(ids[1]).expect("a picture");
        assert_eq!(canvas.damage, Damage::Rectangles(vec![time_code_area()]));
        assert_eq!(read_time_code(canvas.pixels, canvas.stride_bytes), Some(30));
        check_picture(&canvas, 1, 30);
    }

    #[test]
    fn a_running_clock_makes_thirty_frames_a_second() {
        let layout = SyntheticLayout::default();
        let first = layout.frame();
        std::thread::sleep(Duration::from_millis(200));
        let passed = layout.frame() - first;
        assert!((5..60).contains(&passed), "{passed} frames in 200 ms");
    }

    #[test]
    fn a_moved_or_resized_monitor_must_be_opened_again() {
        let (layout, mut grabber, ids) = stopped();
        grabber.open(ids[0]).expect("opens");
        assert!(!grabber.layout_changed().expect("connected"));
        layout.resize(ids[0], 800, 600);
        assert!(grabber.layout_changed().expect("connected"));
        assert!(!grabber.layout_changed().expect("connected"), "told once");
        assert!(grabber.has_damage(ids[0]).expect("connected"));
        let error = grabber.grab(ids[0]).expect_err("another size");
        assert_eq!(error, GrabError::MonitorChanged(ids[0]));
        grabber.open(ids[0]).expect("opens");
        let canvas = grabber.grab(ids[0]).expect("a picture");
        assert_eq!(canvas.size, Size2D::new(800, 600));
        check_picture(&canvas, 0, 0);
        layout.move_to(ids[0], 7, 7);
        let error = grabber.grab(ids[0]).expect_err("another place");
        assert!(error.is_temporary());
    }

    #[test]
    fn an_unplugged_monitor_is_unknown_and_the_others_go_on() {
        let (layout, mut grabber, ids) = stopped();
        grabber.open(ids[0]).expect("opens");
        grabber.open(ids[1]).expect("opens");
        layout.unplug(ids[0]);
        assert_eq!(
            grabber.grab(ids[0]).expect_err("unplugged"),
            GrabError::UnknownMonitor(ids[0])
        );
        grabber.grab(ids[1]).expect("still there");
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
        grabber.open(ids[2]).expect("opens");
        layout.set_unreadable(ids[2], Some("the session is locked"));
        let error = grabber.grab(ids[2]).expect_err("unreadable");
        assert!(
            error.to_string().contains("the session is locked"),
            "{error}"
        );
        assert!(!error.is_fatal() && !error.is_temporary());
        layout.set_unreadable(ids[2], None);
        grabber.grab(ids[2]).expect("readable");
    }

    #[test]
    fn a_broken_connection_stays_broken_and_a_new_one_works_after_recovery() {
        let (layout, mut grabber, ids) = stopped();
        grabber.open(ids[0]).expect("opens");
        layout.disconnect("crash");
        assert!(grabber.grab(ids[0]).expect_err("broken").is_fatal());
        let Err(GrabError::NoDisplayServer(reason)) = layout.factory()() else {
            panic!("a grabber without a server");
        };
        assert_eq!(reason, "crash");
        layout.recover();
        assert!(
            grabber
                .layout_changed()
                .expect_err("still broken")
                .is_fatal()
        );
        let mut grabber = layout.factory()().expect("a new grabber");
        grabber.open(ids[0]).expect("opens");
        grabber.grab(ids[0]).expect("a picture");
    }

    #[test]
    fn an_overlay_covers_the_picture_and_uncovers_it_again() {
        let (layout, mut grabber, ids) = stopped();
        grabber.open(ids[1]).expect("opens");
        grabber.grab(ids[1]).expect("a picture");
        // It reaches beyond the right edge.
        let area = Box2D::new(euclid::point2(1270, 0), euclid::point2(1290, 40));
        let overlay = Overlay {
            area,
            pixels: Arc::new([1, 2, 3, 255].repeat(20 * 40)),
        };
        layout
            .set_overlay(ids[1], Some(overlay.clone()))
            .expect("fits");
        assert!(grabber.has_damage(ids[1]).expect("connected"));
        let visible = Box2D::new(area.min, euclid::point2(1280, 40));
        let canvas = grabber.grab(ids[1]).expect("a picture");
        assert_eq!(canvas.damage, Damage::Rectangles(vec![visible]));
        let start = 39 * canvas.stride_bytes + 1279 * 4;
        assert_eq!(canvas.pixels[start..start + 4], [1, 2, 3, 255]);
        layout.set_overlay(ids[1], None).expect("fits");
        let canvas = grabber.grab(ids[1]).expect("a picture");
        assert_eq!(canvas.damage, Damage::Rectangles(vec![visible]));
        check_picture(&canvas, 1, 0);
        let short = Overlay {
            area,
            pixels: Arc::new(vec![0; 20 * 40 * 4 - 1]),
        };
        assert!(layout.set_overlay(ids[1], Some(short)).is_err());
    }
}
