/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Device pixels per CSS pixel.

use x11rb::errors::ReplyError;
use x11rb::resource_manager::new_from_default;

use crate::x11::X11Connection;

/// The resolution that counts as scale 1.
const REFERENCE_DPI: f64 = 96.0;
/// What desktops offer; anything else is a mistake in somebody's settings.
const SENSIBLE: std::ops::RangeInclusive<f64> = 0.5..=8.0;

/// The scale of all monitors: X11 knows one for the whole desktop, the X
/// resource `Xft.dpi`. 1 where it is absent or senseless.
pub(super) fn desktop_scale(connection: &X11Connection) -> Result<f32, ReplyError> {
    let resources = new_from_default(connection)?;
    Ok(scale(resources.get_string("Xft.dpi", "")))
}

fn scale(dpi: Option<&str>) -> f32 {
    dpi.and_then(|dpi| dpi.trim().parse::<f64>().ok())
        .map(|dpi| dpi / REFERENCE_DPI)
        .filter(|scale| SENSIBLE.contains(scale))
        .map_or(1.0, |scale| scale as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_the_resolution_over_96() {
        assert_eq!(scale(Some("96")), 1.0);
        assert_eq!(scale(Some("144")), 1.5);
        assert_eq!(scale(Some(" 192.0 ")), 2.0);
    }

    #[test]
    fn an_absent_or_senseless_resolution_counts_as_96() {
        for dpi in ["", "0", "-96", "nan", "inf", "1e9", "10", "high"] {
            assert_eq!(scale(Some(dpi)), 1.0, "{dpi:?}");
        }
        assert_eq!(scale(None), 1.0);
    }
}
