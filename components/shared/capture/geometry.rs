/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Units of length, so that a rectangle of the desktop is never taken for one
//! of a monitor.

/// A device pixel of the display server's whole desktop; the origin is the
/// desktop's top left corner, y grows downward.
#[derive(Clone, Copy, Debug)]
pub enum DesktopPixel {}

/// A device pixel of one monitor; the origin is that monitor's top left corner.
#[derive(Clone, Copy, Debug)]
pub enum MonitorPixel {}

/// A CSS pixel of the multi-screen area that the Window Management API
/// describes: the desktop's device pixels divided by a monitor's scale.
#[derive(Clone, Copy, Debug)]
pub enum CssPixel {}
