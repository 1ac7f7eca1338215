/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the grabber and the indicator share of talking to an X server:
//! connections on which no wait is without an end, and what its errors say.

mod connect;
mod refusal;
mod stream;

pub(crate) use self::connect::{Connected, connect_to};
pub(crate) use self::refusal::Refusal;
pub(crate) use self::stream::{Patience, X11Connection};
