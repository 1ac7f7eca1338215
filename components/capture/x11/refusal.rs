/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! X errors for people.

use std::fmt;

use x11rb::x11_utils::X11Error;

/// An X error for people: `Match in MIT-SHM GetImage`.
pub(crate) struct Refusal<'a>(pub(crate) &'a X11Error);

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{:?}", self.0.error_kind)?;
        if let Some(request) = self.0.request_name {
            formatter.write_str(" in ")?;
            if let Some(extension) = &self.0.extension_name {
                write!(formatter, "{extension} ")?;
            }
            formatter.write_str(request)?;
        }
        Ok(())
    }
}
