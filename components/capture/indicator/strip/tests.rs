/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Every strip on every monitor.

use super::*;
use crate::indicator::ColorScheme;

/// Of the session of these tests.
const TAG: Tag = Tag(0x0123_4567_89ab_cdef);
const SCALES: [f32; 4] = [1.0, 1.25, 2.0, 3.0];
const LONG: &str =
    "https://a-very-long-subdomain.of-another.and-one-more.accounts.example.co.uk:8443";

fn content(origins: &[&str], live: bool) -> IndicatorContent {
    IndicatorContent {
        origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
        live,
        may_stop: true,
        ..IndicatorContent::default()
    }
}

fn paint_one(content: &IndicatorContent, width: u32, scale: f32) -> Strip {
    let mut painter = StripPainter::new();
    painter
        .paint(content, TAG, Form::Full, width, scale)
        .unwrap()
}

/// Columns, counted from the left, that hold anything but border and ground
/// between the monitor's edge and the lower border.
fn inked_columns(strip: &Strip, content: &IndicatorContent, scale: f32) -> Vec<u32> {
    let [red, green, blue] = Palette::of(content).background;
    let border = (BORDER * scale).round() as u32;
    let width = strip.size.width;
    (border..width - border)
        .filter(|x| {
            (0..strip.size.height - border).any(|y| {
                let at = ((y * width + x) * 4) as usize;
                strip.pixels[at..at + 3] != [blue, green, red]
            })
        })
        .collect()
}

#[test]
fn the_sentence_fits_every_monitor_and_is_never_cut() {
    let mut painter = StripPainter::new();
    for content in [
        content(&["https://a.example"], true),
        content(&[LONG], true),
        content(&[LONG, LONG], true),
        content(&[LONG, "https://b.example", "https://c.example"], false),
        content(&[], true),
    ] {
        let full = content.text();
        let words = &full[full.rfind(" all screens").unwrap()..];
        for scale in SCALES {
            for width in (320..=7680).step_by(160) {
                let strip = painter
                    .paint(&content, TAG, Form::Full, width, scale)
                    .unwrap();
                let place = format!("{width} at {scale}: {}", strip.text);
                assert!(strip.size.width <= width, "{place}");
                let scale = scale.min(width as f32 / NARROWEST);
                assert_eq!(strip.size.height, (28.0 * scale).round() as u32, "{place}");
                assert!(strip.text.ends_with(words), "{place}");
                let inked = inked_columns(&strip, &content, scale);
                let free = strip.size.width - inked.last().unwrap();
                assert!(free as f32 >= 7.0 * scale, "{place}: {free} columns free");
            }
        }
    }
}

#[test]
fn the_strip_is_as_wide_as_its_text() {
    let content = content(&["https://a.example"], true);
    let narrow = paint_one(&content, 1920, 1.0);
    let wide = paint_one(&content, 7680, 1.0);
    assert_eq!(narrow, wide);
    let inked = inked_columns(&wide, &content, 1.0);
    let free = wide.size.width - inked.last().unwrap();
    assert!(free < 20, "{free} columns free at the right");
}

#[test]
fn text_is_legible_from_800_css_pixels_on() {
    let content = content(&[LONG, LONG], true);
    let advance = StripPainter::new().advance;
    for scale in SCALES {
        let layout = Layout::new(&content, Form::Full, (800.0 * scale) as u32, scale, advance);
        assert!(layout.font_size >= 11.5 * scale, "{scale}: {layout:?}");
    }
}

#[test]
fn a_senseless_scale_or_width_does_no_harm() {
    let content = content(&["https://a.example"], true);
    let mut painter = StripPainter::new();
    for scale in [0.0, -3.0, f32::NAN, f32::INFINITY, 1e9] {
        let strip = painter
            .paint(&content, TAG, Form::Full, 1920, scale)
            .unwrap();
        assert!(strip.size.width <= 1920, "{scale}");
    }
    for width in [0, 1, 40] {
        let strip = painter.paint(&content, TAG, Form::Full, width, 1.0);
        assert!(strip.is_err(), "{width} columns have no room for the tag");
    }
}

/// WCAG 2.2, "contrast ratio".
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let luminance = |color: Rgb| {
        let [red, green, blue] = color.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    (one / other).max(other / one)
}

#[test]
fn all_text_has_a_contrast_of_seven_at_least() {
    assert_eq!(contrast([0; 3], [255; 3]).round(), 21.0);
    let both = [ColorScheme::Dark, ColorScheme::Light];
    let all = both.map(|scheme| [true, false].map(|live| (scheme, live)));
    for (scheme, live) in all.into_iter().flatten() {
        let content = IndicatorContent {
            scheme,
            ..content(&["https://a.example"], live)
        };
        let palette = Palette::of(&content);
        assert!(
            contrast(palette.text, palette.background) >= 7.0,
            "{palette:?}"
        );
        assert!(
            contrast(palette.origin, palette.background) >= 7.0,
            "{palette:?}"
        );
        assert!(
            contrast(palette.edge, palette.background) >= 4.5,
            "{palette:?}"
        );
        // Light on dark, or dark on light.
        let is_dark = contrast(palette.background, [0; 3]) < contrast(palette.text, [0; 3]);
        assert_eq!(is_dark, scheme == ColorScheme::Dark);
        // The colors that are checked are those that are drawn.
        let strip = paint_one(&content, 1920, 1.0);
        for [red, green, blue] in [palette.text, palette.origin, palette.background] {
            let found = strip
                .pixels
                .chunks_exact(4)
                .filter(|pixel| *pixel == [blue, green, red, 255])
                .count();
            assert!(
                found > 20,
                "{found} pixels of {red:02x}{green:02x}{blue:02x}"
            );
        }
    }
}

#[test]
fn another_origin_gives_another_picture_and_the_same_one_the_same() {
    let a = paint_one(&content(&["https://a.example"], true), 1920, 1.0);
    let b = paint_one(&content(&["https://b.example"], true), 1920, 1.0);
    let ended = paint_one(&content(&["https://a.example"], false), 1920, 1.0);
    assert_eq!(a.size, b.size);
    assert_ne!(a.pixels, b.pixels);
    assert_ne!(a.pixels, ended.pixels);
    assert_eq!(
        a,
        paint_one(&content(&["https://a.example"], true), 1920, 1.0)
    );
    let mut used = StripPainter::new();
    let other = content(&[LONG], false);
    used.paint(&other, Tag(1), Form::Full, 800, 2.0).unwrap();
    let again = used.paint(
        &content(&["https://a.example"], true),
        TAG,
        Form::Full,
        1920,
        1.0,
    );
    assert_eq!(again.unwrap(), a);
}

#[test]
fn every_pixel_is_opaque() {
    let strip = paint_one(&content(&[LONG], true), 1920, 1.25);
    assert_eq!(
        strip.pixels.len(),
        (strip.size.width * strip.size.height * 4) as usize
    );
    assert!(strip.pixels.chunks_exact(4).all(|pixel| pixel[3] == 255));
}

/// The pixels of an area, red first.
fn pixels(strip: &Strip, area: Box2D<u32, MonitorPixel>) -> Vec<Rgb> {
    let at = |x: u32, y: u32| ((y * strip.size.width + x) * 4) as usize;
    let rows = area.min.y..area.max.y;
    rows.flat_map(|y| (area.min.x..area.max.x).map(move |x| at(x, y)))
        .map(|at| [strip.pixels[at + 2], strip.pixels[at + 1], strip.pixels[at]])
        .collect()
}

#[test]
fn controls_are_drawn_beside_each_other_and_apart_from_the_text() {
    let live = content(&[LONG], true);
    let locked = IndicatorContent {
        may_stop: false,
        ..live.clone()
    };
    let ended = content(&[LONG], false);
    use Control::{Dismiss, Information, Stop};
    for (content, expected) in [
        (&live, vec![Stop, Information, Dismiss]),
        (&locked, vec![Information, Dismiss]),
        (&ended, vec![Information, Dismiss]),
    ] {
        for scale in SCALES {
            let strip = paint_one(content, (640.0 * scale) as u32, scale);
            let found: Vec<Control> = strip.controls.iter().map(|control| control.0).collect();
            assert_eq!(found, expected);
            let palette = Palette::of(content);
            let mut right = 0;
            for (control, area) in strip.controls.clone() {
                assert!(area.min.x >= right && area.max.x <= strip.size.width);
                right = area.max.x;
                let pixels = pixels(&strip, area);
                assert!(pixels.contains(&palette.text), "{control:?} at {scale}");
                // Nothing of it touches its sides, so it is apart from all else.
                for x in [area.min.x, area.max.x - 1] {
                    let side =
                        Box2D::new(Point2D::new(x, area.min.y), Point2D::new(x + 1, area.max.y));
                    let side = self::pixels(&strip, side);
                    assert!(side.iter().all(|pixel| *pixel == palette.background));
                }
            }
        }
    }
}

#[test]
fn a_small_strip_holds_the_tag_and_is_one_control() {
    let content = content(&[LONG], true);
    let mut painter = StripPainter::new();
    for scale in SCALES {
        let width = (800.0 * scale) as u32;
        let small = painter
            .paint(&content, TAG, Form::Small, width, scale)
            .unwrap();
        assert!(
            (small.size.width as f32) < 120.0 * scale,
            "{:?}",
            small.size
        );
        assert_eq!(small.size.height, (28.0 * scale).round() as u32);
        assert!(small.text.is_empty());
        let all = Box2D::from_size(small.size);
        assert_eq!(small.controls, [(Control::Restore, all)]);
        let other = painter.paint(&content, Tag(!TAG.0), Form::Small, width, scale);
        assert_ne!(other.unwrap().pixels, small.pixels);
        assert!(all.contains_box(&small.checked));
        assert!(small.checked.width() > Tag::width(scale));
    }
}

#[test]
fn another_tag_gives_another_picture_in_the_checked_part() {
    let content = content(&["https://a.example"], true);
    let mut painter = StripPainter::new();
    for scale in SCALES {
        let mut checked = |tag| {
            let strip = painter
                .paint(&content, tag, Form::Full, 3000, scale)
                .unwrap();
            pixels(&strip, strip.checked)
        };
        let first = checked(TAG);
        for bit in [0, 31, 63] {
            assert_ne!(
                checked(Tag(TAG.0 ^ 1 << bit)),
                first,
                "bit {bit} at {scale}"
            );
        }
    }
}
