/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What happens to pixels between the display server and a frame: pure
//! functions on blue, green, red and an undefined fourth byte, in rows from the
//! top without padding.

pub mod compare;
pub mod pointer;
pub mod scale;
