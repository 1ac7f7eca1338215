/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::Event;
use x11rb::protocol::record::{self, ConnectionExt as _};
use x11rb::protocol::shm;
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::server::{XServer, root_window};

/// How long the server may take to begin or end a record.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// The core protocol's request number of `GetImage`.
const GET_IMAGE: u8 = 73;
/// The MIT-SHM extension's request number of `GetImage`.
const SHM_GET_IMAGE: u16 = 4;
/// What the RECORD extension calls requests, the beginning and the end.
const FROM_CLIENT: u8 = 1;
const START_OF_DATA: u8 = 4;

/// Notices every window that is put on the screen, however briefly.
#[derive(Debug)]
pub struct MapWatch {
    connection: RustConnection,
}

impl MapWatch {
    /// Watches from now on.
    ///
    /// # Errors
    /// The server is gone.
    pub fn start(server: &XServer) -> Result<Self> {
        let connection = server.connect()?;
        let root = root_window(&connection)?;
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
        connection
            .change_window_attributes(root, &events)?
            .check()?;
        Ok(Self { connection })
    }

    /// The windows directly under the root window that were mapped since the last call, in order.
    ///
    /// # Errors
    /// The server is gone.
    pub fn mapped(&self) -> Result<Vec<u32>> {
        // After the answer to this, every event from before it has been received.
        self.connection.sync()?;
        let mut windows = Vec::new();
        while let Some(event) = self.connection.poll_for_event()? {
            if let Event::MapNotify(event) = event {
                windows.push(event.window);
            }
        }
        Ok(windows)
    }
}

/// Counts how often any client reads pixels from the screen, by `GetImage` of the core protocol or
/// of MIT-SHM.
///
/// `CopyArea` is not counted: it is what painting is made of.
#[derive(Debug)]
pub struct ReadWatch {
    control: RustConnection,
    context: record::Context,
    total: Receiver<Result<usize>>,
}

impl ReadWatch {
    /// Counts from now on.
    ///
    /// # Errors
    /// The server is gone or has no RECORD extension.
    pub fn start(server: &XServer) -> Result<Self> {
        let control = server.connect()?;
        let context = control.generate_id()?;
        let none = record::Range8 { first: 0, last: 0 };
        let no_extension = record::ExtRange {
            major: none,
            minor: record::Range16 { first: 0, last: 0 },
        };
        let mut range = record::Range {
            core_requests: record::Range8 {
                first: GET_IMAGE,
                last: GET_IMAGE,
            },
            core_replies: none,
            ext_requests: no_extension,
            ext_replies: no_extension,
            delivered_events: none,
            device_events: none,
            errors: none,
            client_started: false,
            client_died: false,
        };
        if let Some(extension) = control.extension_information(shm::X11_EXTENSION_NAME)? {
            let major = extension.major_opcode;
            range.ext_requests = record::ExtRange {
                major: record::Range8 {
                    first: major,
                    last: major,
                },
                minor: record::Range16 {
                    first: SHM_GET_IMAGE,
                    last: SHM_GET_IMAGE,
                },
            };
        }
        let everybody = [record::CS::ALL_CLIENTS.into()];
        control
            .record_create_context(context, 0, &everybody, &[range])?
            .check()
            .context("recording requests")?;
        let data = server.connect()?;
        let (started, has_started) = sync_channel(1);
        let (finished, total) = sync_channel(1);
        thread::Builder::new()
            .name("read watch".to_owned())
            .spawn(move || {
                // Nobody waits for the total any more when this fails.
                let _ = finished.send(count_requests(&data, context, &started));
            })?;
        has_started
            .recv_timeout(RECORD_TIMEOUT)
            .context("the server does not begin to record")?;
        Ok(Self {
            control,
            context,
            total,
        })
    }

    /// How often pixels were read until now.
    ///
    /// # Errors
    /// The server is gone.
    pub fn finish(self) -> Result<usize> {
        self.control.record_disable_context(self.context)?.check()?;
        let total = self.total.recv_timeout(RECORD_TIMEOUT);
        total.context("the server does not end the record")?
    }
}

fn count_requests(
    data: &RustConnection,
    context: record::Context,
    started: &SyncSender<()>,
) -> Result<usize> {
    let mut count = 0;
    for reply in data.record_enable_context(context)? {
        let reply = reply?;
        match reply.category {
            START_OF_DATA => {
                // Only the first one is waited for.
                let _ = started.try_send(());
            }
            FROM_CLIENT => count += requests_in(&reply.data, reply.client_swapped)?,
            _ => {}
        }
    }
    Ok(count)
}

/// How many requests lie in a row; each has its length, in units of four bytes, in its second pair
/// of bytes.
fn requests_in(mut data: &[u8], is_swapped: bool) -> Result<usize> {
    let mut count = 0;
    while let Some(length) = data.get(2..4) {
        let length = [length[0], length[1]];
        let units = if is_swapped {
            u16::from_ne_bytes(length).swap_bytes()
        } else {
            u16::from_ne_bytes(length)
        };
        ensure!(units > 0, "a long request where a short one was recorded");
        data = data.get(usize::from(units) * 4..).unwrap_or_default();
        count += 1;
    }
    Ok(count)
}
