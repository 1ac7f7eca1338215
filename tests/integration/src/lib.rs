/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The browser, the service and real X servers together.
//!
//! What a test needs to run a scenario from outside: a [`Desktop`] of three painted monitors, a
//! [`Site`] for each origin, the [`Browser`] as a user starts it, and a [`Page`] in it that does
//! what the test says and answers through its console.
//!
//! The browser is the program that the environment variable `CAPTURESHELL` names, or the one that
//! was built next to the tests. Browsers of one test program run one after the other, however many
//! tests run at once: a debug build that shares two cores with five others misses its deadlines.

mod browser;
mod buses;
mod desktop;
mod page;
mod site;
mod wait;
mod webdriver;

pub use browser::{Browser, Launch, browser_program, print_record, record_entries};
pub use buses::Buses;
pub use desktop::{
    DARK_GROUND, Desktop, LIGHT_GROUND, THREE_STREAMS, assert_pixels, sample_points, three_monitors,
};
pub use page::{Page, PageError};
pub use site::Site;
pub use wait::{eventually, holds_for};
pub use webdriver::WebDriver;
