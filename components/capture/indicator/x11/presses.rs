/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Presses of the pointer's main button on the strips, and whose they are.
//!
//! An event that a program made itself says so. One that it had the X server make
//! with the XTEST extension looks like any other but for the device that it
//! comes from, which XInput 2 tells. What a person alone may do is done by no
//! such device. Programs that help a person to press use XTEST too: all else can
//! be pressed by them.

use x11rb::protocol::xinput::{self, ConnectionExt as _, DeviceId, XIEventMask};
use x11rb::protocol::xproto::{AtomEnum, ButtonPressEvent, Window};

use super::connection::{Fault, Server};

/// The left button of a mouse.
const MAIN_BUTTON: u8 = 1;
/// Set in the code of an event that another program sent.
const SENT_BY_PROGRAM: u8 = 0x80;
/// All pointers together (XInput 2, `XIAllMasterDevices`).
const ALL_POINTERS: DeviceId = 1;

/// The main button went down or up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Press {
    pub(super) window: Window,
    /// In the window.
    pub(super) x: i16,
    pub(super) y: i16,
    /// None where the server does not tell.
    pub(super) device: Option<DeviceId>,
}

impl Press {
    /// None if a program sent it, or if it is of another button.
    pub(super) fn of_core(event: &ButtonPressEvent) -> Option<Self> {
        let is_ours = event.response_type & SENT_BY_PROGRAM == 0 && event.detail == MAIN_BUTTON;
        is_ours.then_some(Self {
            window: event.event,
            x: event.event_x,
            y: event.event_y,
            device: None,
        })
    }

    /// The same for an event of XInput 2, whose coordinates have 16 bits below
    /// the point.
    pub(super) fn of_device(event: &xinput::ButtonPressEvent) -> Option<Self> {
        let is_ours =
            event.response_type & SENT_BY_PROGRAM == 0 && event.detail == u32::from(MAIN_BUTTON);
        is_ours.then_some(Self {
            window: event.event,
            x: (event.event_x >> 16) as i16,
            y: (event.event_y >> 16) as i16,
            device: Some(event.sourceid),
        })
    }

    /// Whether a program made it with XTEST, as far as the server tells. Waits
    /// for the server.
    pub(super) fn is_made_by_program(&self, server: &Server) -> Result<bool, Fault> {
        let Some(device) = self.device else {
            return Ok(false);
        };
        let property = server.connection.xinput_xi_get_property(
            device,
            false,
            server.atoms.xtest_device,
            AtomEnum::ANY.into(),
            0,
            1,
        )?;
        let property = property.reply()?;
        let is_set = |bytes: &Vec<u8>| bytes.iter().any(|&byte| byte != 0);
        Ok(property.items.as_data8().is_some_and(is_set))
    }
}

/// Has the server tell of presses on a window, with their devices.
pub(super) fn select(server: &Server, window: Window) -> Result<(), Fault> {
    let mask = xinput::EventMask {
        deviceid: ALL_POINTERS,
        mask: vec![XIEventMask::BUTTON_PRESS | XIEventMask::BUTTON_RELEASE],
    };
    server.connection.xinput_xi_select_events(window, &[mask])?;
    Ok(())
}
