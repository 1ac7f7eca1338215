/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Real X servers with several monitors, and pictures of known pixels on them.
//!
//! Tests and benches start a server of their own ([`Xvfb`], [`XorgDummy`]), rearrange its monitors
//! while somebody captures them, put a [`Picture`] on each with a [`Painter`], and compare what was
//! captured with [`Picture::pixel`] or with a [`Screenshot`] taken by the plainest request there
//! is. Every server and every [`Process`](process::Process) is ended when its value is dropped and
//! also when the test process dies. No wait is without a deadline.
//!
//! [`MessageBus`] is a desktop's message bus of one's own, [`services`] are what plays a desktop there. A
//! [`Manager`] is a window manager or a compositor, a [`Seat`] is for a person in front
//! of an X server. An [`Intruder`] means ill by other clients' windows, and a [`Tally`] counts what came of
//! attacks.
//!
//! Nothing here knows Servo or the capture service.

mod display;
mod inspect;
mod intruder;
mod layout;
mod line_log;
mod managed;
mod managers;
mod monitor;
mod painter;
mod picture;
mod pointer;
mod proc_fs;
pub mod process;
mod server;
pub mod services;
mod session_bus;
mod tally;
mod watch;
mod xephyr;
mod xorg_dummy;
mod xvfb;

pub use inspect::{Screenshot, WindowInfo, screenshot, unmap_window, windows};
pub use intruder::Intruder;
pub use managed::ManagedWindow;
pub use managers::Manager;
pub use monitor::MonitorSpec;
pub use painter::Painter;
pub use picture::{Bgra, Picture, expected, frame_number};
pub use server::XServer;
pub use session_bus::MessageBus;
pub use tally::{Attack, Tally, Verdict};
pub use watch::{MapWatch, ReadWatch};
pub use xephyr::Seat;
pub use xorg_dummy::{XorgDummy, XorgDummyBuilder};
pub use xvfb::{Xvfb, XvfbBuilder};
