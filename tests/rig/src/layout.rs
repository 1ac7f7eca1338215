/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How RandR gives a server its monitors.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use x11rb::CURRENT_TIME;
use x11rb::protocol::randr::{self, ConnectionExt as _, GetScreenResourcesCurrentReply, ModeInfo};
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::monitor::{MonitorSpec, ProtocolArea, bounding_size};
use crate::server::root_window;

/// Frames a second of every mode made here.
const REFRESH_HZ: u32 = 60;

/// The active monitors in the server's order.
pub(crate) fn monitors(connection: &RustConnection) -> Result<Vec<MonitorSpec>> {
    let root = root_window(connection)?;
    let reply = connection.randr_get_monitors(root, true)?.reply()?;
    let mut monitors = Vec::new();
    for monitor in reply.monitors {
        let name = connection.get_atom_name(monitor.name)?.reply()?.name;
        monitors.push(MonitorSpec {
            name: String::from_utf8(name).context("a monitor's name")?,
            x: monitor.x.into(),
            y: monitor.y.into(),
            width: monitor.width.into(),
            height: monitor.height.into(),
            width_mm: monitor.width_in_millimeters,
            height_mm: monitor.height_in_millimeters,
        });
    }
    Ok(monitors)
}

/// Gives a server with one output, which never changes, the virtual `monitors`.
///
/// The output belongs to one of them; would it belong to none, the server would add a monitor of
/// its own that covers everything.
pub(crate) fn arrange_virtual(connection: &RustConnection, monitors: &[MonitorSpec]) -> Result<()> {
    let root = root_window(connection)?;
    // Not the current ones: Xephyr has none before it is asked for them all.
    let resources = connection.randr_get_screen_resources(root)?.reply()?;
    let output = *resources
        .outputs
        .first()
        .context("a server without outputs")?;
    let mut current = HashMap::new();
    for monitor in connection.randr_get_monitors(root, true)?.reply()?.monitors {
        if !monitor.automatic {
            current.insert(monitor.name, monitor);
        }
    }
    let mut wanted = Vec::new();
    for monitor in monitors {
        let atom = connection
            .intern_atom(false, monitor.name.as_bytes())?
            .reply()?
            .atom;
        wanted.push((atom, monitor, monitor.protocol_area()?));
    }
    // The output stays with the monitor that has it, so that a monitor which does not change is not
    // touched.
    let keeper = wanted
        .iter()
        .map(|(atom, ..)| *atom)
        .find(|atom| {
            current
                .get(atom)
                .is_some_and(|monitor| monitor.outputs.contains(&output))
        })
        .or(wanted.first().map(|(atom, ..)| *atom));

    let mut changes = Vec::new();
    for (atom, monitor, area) in wanted {
        let keeps_output = keeper == Some(atom);
        let unchanged = current.get(&atom).is_some_and(|old| {
            (old.x, old.y, old.width, old.height) == (area.x, area.y, area.width, area.height)
                && (old.width_in_millimeters, old.height_in_millimeters)
                    == (monitor.width_mm, monitor.height_mm)
                && old.outputs.contains(&output) == keeps_output
        });
        if unchanged {
            current.remove(&atom);
            continue;
        }
        changes.push(randr::MonitorInfo {
            name: atom,
            primary: keeps_output,
            automatic: false,
            x: area.x,
            y: area.y,
            width: area.width,
            height: area.height,
            width_in_millimeters: monitor.width_mm,
            height_in_millimeters: monitor.height_mm,
            outputs: if keeps_output {
                vec![output]
            } else {
                Vec::new()
            },
        });
    }

    // In one go, as other clients should not see what is between. What changes is deleted first:
    // the server refuses some replacements of a monitor that takes over another's output.
    connection.grab_server()?;
    for name in current.into_keys() {
        connection.randr_delete_monitor(root, name)?.check()?;
    }
    for monitor in changes {
        let text = format!("{monitor:?}");
        connection
            .randr_set_monitor(root, monitor)?
            .check()
            .with_context(|| format!("setting {text}"))?;
    }
    connection.ungrab_server()?;
    connection.sync_all()
}

/// Switches outputs on, off and about until `monitors` is what they show, as `xrandr` would.
pub(crate) fn arrange_outputs(connection: &RustConnection, monitors: &[MonitorSpec]) -> Result<()> {
    let desktop = Outputs::read(connection)?;
    let mut changes = Vec::new();
    let mut used = Vec::new();
    for monitor in monitors {
        let area = monitor.protocol_area()?;
        let Some(output) = desktop
            .outputs
            .iter()
            .find(|output| output.name == monitor.name)
        else {
            bail!("no output is called {}", monitor.name);
        };
        used.push(output.id);
        if output.area != Some(area) {
            changes.push((output, area, desktop.mode(connection, output, area)?));
        }
    }
    let unplugged = desktop
        .outputs
        .iter()
        .filter(|output| output.area.is_some() && !used.contains(&output.id));

    connection.grab_server()?;
    for output in unplugged {
        desktop.configure(connection, output, None)?;
    }
    let wanted_size = bounding_size(monitors);
    let geometry = connection.get_geometry(desktop.root)?.reply()?;
    let size = (u32::from(geometry.width), u32::from(geometry.height));
    let enough = (size.0.max(wanted_size.0), size.1.max(wanted_size.1));
    if enough != size {
        desktop.set_size(connection, enough)?;
    }
    for (output, area, mode) in changes {
        desktop.configure(connection, output, Some((area, mode)))?;
    }
    if enough != wanted_size {
        desktop.set_size(connection, wanted_size)?;
    }
    let primary = connection
        .randr_get_output_primary(desktop.root)?
        .reply()?
        .output;
    if !used.contains(&primary) {
        connection
            .randr_set_output_primary(desktop.root, used[0])?
            .check()?;
    }
    connection.ungrab_server()?;
    connection.sync_all()
}

/// The outputs of a server and what each shows.
struct Outputs {
    root: u32,
    resources: GetScreenResourcesCurrentReply,
    outputs: Vec<Output>,
}

struct Output {
    id: randr::Output,
    name: String,
    /// The CRTC that drives it, or a free one of its own.
    crtc: randr::Crtc,
    /// None: switched off.
    area: Option<ProtocolArea>,
    modes: Vec<randr::Mode>,
}

impl Outputs {
    fn read(connection: &RustConnection) -> Result<Self> {
        let root = root_window(connection)?;
        let resources = connection
            .randr_get_screen_resources_current(root)?
            .reply()?;
        let time = resources.config_timestamp;
        let mut busy = Vec::new();
        let mut infos = Vec::new();
        for id in &resources.outputs {
            let info = connection.randr_get_output_info(*id, time)?.reply()?;
            busy.push(info.crtc);
            infos.push((*id, info));
        }
        let mut outputs = Vec::new();
        for (id, info) in infos {
            let area = if info.crtc == 0 {
                None
            } else {
                let crtc = connection.randr_get_crtc_info(info.crtc, time)?.reply()?;
                Some(ProtocolArea {
                    x: crtc.x,
                    y: crtc.y,
                    width: crtc.width,
                    height: crtc.height,
                })
            };
            let free = || info.crtcs.iter().copied().find(|crtc| !busy.contains(crtc));
            let crtc = Some(info.crtc).filter(|crtc| *crtc != 0).or_else(free);
            // An output without one cannot be switched on; the server says so when asked.
            let crtc = crtc.unwrap_or_default();
            busy.push(crtc);
            outputs.push(Output {
                id,
                name: String::from_utf8(info.name).context("an output's name")?,
                crtc,
                area,
                modes: info.modes,
            });
        }
        Ok(Self {
            root,
            resources,
            outputs,
        })
    }

    /// A mode of the output with exactly the area's size, made if there is none.
    fn mode(
        &self,
        connection: &RustConnection,
        output: &Output,
        area: ProtocolArea,
    ) -> Result<u32> {
        let name = format!("test-{}x{}", area.width, area.height);
        let mode = match self.mode_named(connection, &name)? {
            Some(mode) => mode,
            None => {
                let info = mode_info(area.width, area.height, name.len())?;
                let reply = connection.randr_create_mode(self.root, info, name.as_bytes())?;
                reply
                    .reply()
                    .with_context(|| format!("creating the mode {name}"))?
                    .mode
            }
        };
        if !output.modes.contains(&mode) {
            connection
                .randr_add_output_mode(output.id, mode)?
                .check()
                .with_context(|| format!("adding the mode {name} to {}", output.name))?;
        }
        Ok(mode)
    }

    /// Asked anew each time: one mode may serve several outputs that are changed together.
    fn mode_named(&self, connection: &RustConnection, wanted: &str) -> Result<Option<u32>> {
        let resources = connection
            .randr_get_screen_resources_current(self.root)?
            .reply()?;
        let mut names = resources.names.as_slice();
        for mode in &resources.modes {
            let Some((name, rest)) = names.split_at_checked(mode.name_len.into()) else {
                bail!("the names of the modes are cut short");
            };
            if name == wanted.as_bytes() {
                return Ok(Some(mode.id));
            }
            names = rest;
        }
        Ok(None)
    }

    fn configure(
        &self,
        connection: &RustConnection,
        output: &Output,
        state: Option<(ProtocolArea, u32)>,
    ) -> Result<()> {
        let (x, y, mode, outputs) = match &state {
            Some((area, mode)) => (area.x, area.y, *mode, vec![output.id]),
            None => (0, 0, 0, Vec::new()),
        };
        let status = connection
            .randr_set_crtc_config(
                output.crtc,
                CURRENT_TIME,
                self.resources.config_timestamp,
                x,
                y,
                mode,
                randr::Rotation::ROTATE0,
                &outputs,
            )?
            .reply()
            .with_context(|| format!("setting {} to {state:?}", output.name))?
            .status;
        if status != randr::SetConfig::SUCCESS {
            bail!("setting {} to {state:?}: {status:?}", output.name);
        }
        Ok(())
    }

    fn set_size(&self, connection: &RustConnection, (width, height): (u32, u32)) -> Result<()> {
        // 96 dots an inch, as xrandr has it.
        let millimeters = |pixels: u32| pixels * 254 / 960;
        connection
            .randr_set_screen_size(
                self.root,
                u16::try_from(width)?,
                u16::try_from(height)?,
                millimeters(width),
                millimeters(height),
            )?
            .check()
            .with_context(|| format!("making the screen {width}x{height}"))
    }
}

/// A mode with some blanking; there is no display that would mind.
fn mode_info(width: u16, height: u16, name_length: usize) -> Result<ModeInfo> {
    let htotal = width.checked_add(160).context("the mode is too wide")?;
    let vtotal = height.checked_add(30).context("the mode is too high")?;
    Ok(ModeInfo {
        id: 0,
        width,
        height,
        dot_clock: u32::from(htotal) * u32::from(vtotal) * REFRESH_HZ,
        hsync_start: width + 48,
        hsync_end: width + 80,
        htotal,
        hskew: 0,
        vsync_start: height + 3,
        vsync_end: height + 9,
        vtotal,
        name_len: u16::try_from(name_length)?,
        mode_flags: randr::ModeFlag::HSYNC_POSITIVE | randr::ModeFlag::VSYNC_POSITIVE,
    })
}

/// Waits until the server has carried out everything before.
trait SyncAll {
    fn sync_all(&self) -> Result<()>;
}

impl SyncAll for RustConnection {
    fn sync_all(&self) -> Result<()> {
        self.get_input_focus()?.reply()?;
        Ok(())
    }
}
