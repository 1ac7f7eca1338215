/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which monitors the X server has, and what is known of each.

use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::DesktopPixel;
use x11rb::errors::ReplyError;
use x11rb::protocol::randr::{ConnectionExt as _, Crtc, Output};
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _};

use super::connection::{MonitorSource, Server, answer, disconnected, required};
use super::edid;
use super::scale::desktop_scale;
use super::work_area::WorkAreas;
use crate::grabber::GrabError;
use crate::monitor::{Monitor, MonitorId};

/// How many 32-bit values are read of an EDID: two blocks of 128 bytes.
const EDID_VALUES: u32 = 64;
/// Marks ids that are not atoms, which have 29 bits.
const CRTC_IDS: u64 = 1 << 32;
const SCREEN_IDS: u64 = 2 << 32;
/// How connectors of built-in panels are called.
const INTERNAL_CONNECTORS: [&str; 3] = ["edp", "lvds", "dsi"];

/// A monitor's place, without what takes further requests to learn.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) id: MonitorId,
    /// Within the screen.
    pub(super) bounds: Box2D<i32, DesktopPixel>,
    is_primary: bool,
    /// The RandR monitor's name.
    name: Option<Atom>,
    outputs: Vec<Output>,
}

/// The active monitors in no particular order, clipped to the screen; those of
/// no size left out.
pub(super) fn places(server: &Server) -> Result<Vec<Place>, GrabError> {
    let screen = server
        .connection
        .get_geometry(server.root)
        .map_err(disconnected)?;
    let mut places = match server.monitor_source {
        MonitorSource::Monitors => randr_monitors(server)?,
        MonitorSource::Crtcs { has_current } => randr_crtcs(server, has_current)?,
        MonitorSource::Screen => Vec::new(),
    };
    let screen = required("the size of its screen", screen.reply())?;
    let screen = bounds(0, 0, screen.width, screen.height);
    if server.monitor_source == MonitorSource::Screen {
        places.push(Place {
            id: MonitorId(SCREEN_IDS | u64::from(server.root)),
            bounds: screen,
            is_primary: true,
            name: None,
            outputs: Vec::new(),
        });
    }
    Ok(visible(places, screen))
}

/// Clips places to the screen, and leaves out those of which nothing is left.
fn visible(places: Vec<Place>, screen: Box2D<i32, DesktopPixel>) -> Vec<Place> {
    let clipped = places.into_iter().filter_map(|mut place| {
        place.bounds = place.bounds.intersection(&screen)?;
        Some(place)
    });
    clipped.collect()
}

/// All that is known of the active monitors, in the order of [`Monitor::sort`].
pub(super) fn monitors(server: &Server) -> Result<Vec<Monitor>, GrabError> {
    let places = places(server)?;
    let details = details(server, &places)?;
    let scale = required("its resources", desktop_scale(&server.connection))?;
    let work_areas = required("the work area", WorkAreas::read(server))?;
    let mut monitors: Vec<Monitor> = places
        .into_iter()
        .zip(details)
        .map(|(place, details)| Monitor {
            id: place.id,
            bounds: place.bounds,
            work_area: work_areas.of(place.bounds),
            scale,
            color_depth: u32::from(server.depth.min(24)),
            is_primary: place.is_primary,
            is_internal: details.is_internal,
            label: details.label,
        })
        .collect();
    Monitor::sort(&mut monitors);
    Ok(monitors)
}

fn bounds(x: i16, y: i16, width: u16, height: u16) -> Box2D<i32, DesktopPixel> {
    Box2D::from_origin_and_size(
        Point2D::new(i32::from(x), i32::from(y)),
        Size2D::new(i32::from(width), i32::from(height)),
    )
}

fn randr_monitors(server: &Server) -> Result<Vec<Place>, GrabError> {
    let request = server.connection.randr_get_monitors(server.root, true);
    let reply = required("its monitors", request.map_err(disconnected)?.reply())?;
    Ok(reply
        .monitors
        .into_iter()
        .map(|monitor| Place {
            id: MonitorId(u64::from(monitor.name)),
            bounds: bounds(monitor.x, monitor.y, monitor.width, monitor.height),
            is_primary: monitor.primary,
            name: Some(monitor.name),
            outputs: monitor.outputs,
        })
        .collect())
}

fn randr_crtcs(server: &Server, has_current: bool) -> Result<Vec<Place>, GrabError> {
    let connection = &server.connection;
    let root = server.root;
    let (crtcs, primary): (Vec<Crtc>, Output) = if has_current {
        let resources = connection.randr_get_screen_resources_current(root);
        let primary = connection.randr_get_output_primary(root);
        let resources = required("its CRTCs", resources.map_err(disconnected)?.reply())?;
        let primary = answer(primary.map_err(disconnected)?.reply())?;
        (resources.crtcs, primary.map_or(0, |reply| reply.output))
    } else {
        let resources = connection.randr_get_screen_resources(root);
        let resources = required("its CRTCs", resources.map_err(disconnected)?.reply())?;
        (resources.crtcs, 0)
    };
    let requests = crtcs
        .iter()
        .map(|crtc| {
            connection
                .randr_get_crtc_info(*crtc, 0)
                .map_err(disconnected)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut places = Vec::new();
    for (crtc, request) in crtcs.into_iter().zip(requests) {
        // A CRTC that went away meanwhile is no monitor; an event tells of it.
        let Ok(reply) = answer(request.reply())? else {
            continue;
        };
        if reply.mode != 0 && !reply.outputs.is_empty() {
            places.push(Place {
                id: MonitorId(CRTC_IDS | u64::from(crtc)),
                bounds: bounds(reply.x, reply.y, reply.width, reply.height),
                is_primary: reply.outputs.contains(&primary),
                name: None,
                outputs: reply.outputs,
            });
        }
    }
    Ok(places)
}

/// What the outputs of a monitor tell of it.
struct Details {
    label: String,
    is_internal: bool,
}

/// All requests go out before the first reply is awaited.
fn details(server: &Server, places: &[Place]) -> Result<Vec<Details>, GrabError> {
    let connection = &server.connection;
    let send = |place: &Place| -> Result<_, ReplyError> {
        let name = place
            .name
            .map(|name| connection.get_atom_name(name))
            .transpose()?;
        let mut outputs = Vec::new();
        for output in &place.outputs {
            outputs.push((
                connection.randr_get_output_info(*output, 0)?,
                connection.randr_get_output_property(
                    *output,
                    server.atoms.edid,
                    AtomEnum::ANY,
                    0,
                    EDID_VALUES,
                    false,
                    false,
                )?,
            ));
        }
        Ok((name, outputs))
    };
    let requests = places
        .iter()
        .map(|place| required("its outputs", send(place)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut details = Vec::new();
    for (name, outputs) in requests {
        let mut model = None;
        let mut connector = None;
        let mut is_internal = false;
        for (info, edid) in outputs {
            // An output that went away meanwhile has nothing to tell.
            if let Ok(info) = answer(info.reply())? {
                let name = String::from_utf8_lossy(&info.name).into_owned();
                is_internal |= is_internal_connector(&name);
                connector.get_or_insert(name);
            }
            if let Ok(edid) = answer(edid.reply())? {
                model = model.or_else(|| edid::model_name(&edid.data));
            }
        }
        let name = match name {
            Some(request) => answer(request.reply())?
                .ok()
                .map(|reply| String::from_utf8_lossy(&reply.name).into_owned()),
            None => None,
        };
        details.push(Details {
            label: model
                .or(name)
                .or(connector)
                .unwrap_or_else(|| "Screen".to_owned()),
            is_internal,
        });
    }
    Ok(details)
}

fn is_internal_connector(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    INTERNAL_CONNECTORS
        .iter()
        .any(|connector| name.starts_with(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_of_no_size_or_beyond_the_screen_is_none_and_others_are_clipped() {
        let place = |x, y, width, height| Place {
            id: MonitorId(1),
            bounds: bounds(x, y, width, height),
            is_primary: false,
            name: None,
            outputs: Vec::new(),
        };
        let screen = bounds(0, 0, 800, 600);
        let none = [
            place(5, 5, 0, 300),
            place(5, 5, 300, 0),
            place(0, 0, 0, 0),
            place(800, 0, 10, 10),
            place(-10, 0, 10, 600),
        ];
        assert!(visible(none.to_vec(), screen).is_empty());
        let found = visible(vec![place(-10, 500, 100, 200)], screen);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bounds, bounds(0, 500, 90, 100));
    }

    #[test]
    fn panels_are_told_from_external_connectors_by_name() {
        for name in ["eDP-1", "eDP", "LVDS1", "DSI-2"] {
            assert!(is_internal_connector(name), "{name}");
        }
        for name in [
            "DP-1",
            "HDMI-A-1",
            "DVI-D-0",
            "VGA1",
            "DUMMY0",
            "Virtual-1",
            "",
        ] {
            assert!(!is_internal_connector(name), "{name}");
        }
    }
}
