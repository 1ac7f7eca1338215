/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The core against a small world with a clock that the test sets.

mod constellation;
mod engine;
mod frames;
mod hostility;
mod lock;
mod permission;
mod properties;
mod readers;
mod record;
mod scenarios;
mod screens;
mod sight;
mod vouching;
mod world;
