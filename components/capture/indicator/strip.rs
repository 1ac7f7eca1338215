/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the indicator looks like: one line of text on a strip, as pixels.
//!
//! Pure: the same content, width and scale give the same bytes on every
//! machine, as the only font is the one built in.

use std::ops::Range;
use std::sync::Arc;

use cosmic_text::{
    Attrs, Buffer, Color, Family, FontSystem, Hinting, Metrics, Shaping, SwashCache, Wrap, fontdb,
};
use euclid::Size2D;
use servo_capture_traits::MonitorPixel;
use tiny_skia::{FillRule, Paint, PathBuilder, Pixmap, Rect, Transform};

use super::sentence::fit;
use super::{IndicatorContent, IndicatorError};

/// Height of a strip in CSS pixels.
const HEIGHT: f32 = 28.0;
/// Size of the text in CSS pixels.
const FONT_SIZE: f32 = 14.0;
/// The line around the strip that sets it off from a page of its own color, in
/// CSS pixels. The edge at the top of the monitor has none.
const BORDER: f32 = 2.0;
/// Between the border and the dot, and between the text and the border.
const PADDING: f32 = 10.0;
/// Diameter of the dot, its ring included.
const DOT: f32 = 14.0;
/// Between the dot and the text.
const GAP: f32 = 8.0;

/// Monospaced: in an origin each letter counts, and no two look alike.
const FONT: &[u8] = epaint_default_fonts::HACK_REGULAR;

type Rgb = [u8; 3];

/// The colors of a strip.
#[derive(Clone, Copy, Debug)]
struct Palette {
    background: Rgb,
    /// The sentence but for its origins.
    text: Rgb,
    origin: Rgb,
    /// The border and the ring around the dot.
    edge: Rgb,
    dot: Rgb,
}

impl Palette {
    const LIVE: Self = Self {
        background: [0x7d, 0x00, 0x12],
        text: [0xff, 0xff, 0xff],
        origin: [0xff, 0xe9, 0x8a],
        edge: [0xff, 0xff, 0xff],
        dot: [0xff, 0x2d, 0x2d],
    };
    const ENDED: Self = Self {
        background: [0x26, 0x26, 0x28],
        text: [0xff, 0xff, 0xff],
        origin: [0xff, 0xe9, 0x8a],
        edge: [0xc4, 0xc4, 0xc8],
        dot: [0x8c, 0x8c, 0x90],
    };

    fn of(content: &IndicatorContent) -> Self {
        if content.live {
            Self::LIVE
        } else {
            Self::ENDED
        }
    }
}

/// The picture of a strip.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Strip {
    /// Width and height in device pixels.
    pub size: Size2D<u32, MonitorPixel>,
    /// Blue, green, red and 255 for each pixel; rows from top to bottom, without
    /// padding.
    pub pixels: Vec<u8>,
    /// The sentence as it is drawn, with shortened origins.
    pub text: String,
}

/// Draws strips. Keeps the font and the glyphs it has drawn.
pub struct StripPainter {
    fonts: FontSystem,
    glyphs: SwashCache,
    /// Width of every character at font size 1.
    advance: f32,
}

impl Default for StripPainter {
    fn default() -> Self {
        Self::new()
    }
}

impl StripPainter {
    /// Loads the built-in font.
    pub fn new() -> Self {
        let mut database = fontdb::Database::new();
        database.load_font_source(fontdb::Source::Binary(Arc::new(FONT)));
        let mut fonts = FontSystem::new_with_locale_and_db("en-US".to_owned(), database);
        const SAMPLE_SIZE: f32 = 100.0;
        let mut sample = shape(&mut fonts, "0", &[], SAMPLE_SIZE, Palette::LIVE);
        let advance = text_width(&mut sample, &mut fonts) / SAMPLE_SIZE;
        Self {
            fonts,
            glyphs: SwashCache::new(),
            advance,
        }
    }

    /// Draws the strip for a monitor of this width (device pixels) and scale
    /// (device pixels per CSS pixel). It is as wide as its text needs, and never
    /// wider than the monitor.
    ///
    /// # Errors
    /// When the monitor has no width.
    pub fn paint(
        &mut self,
        content: &IndicatorContent,
        monitor_width: u32,
        scale: f32,
    ) -> Result<Strip, IndicatorError> {
        let layout = Layout::new(content, monitor_width, scale, self.advance);
        let palette = Palette::of(content);
        let (width, height) = (layout.size.width, layout.size.height);
        let mut pixmap = Pixmap::new(width, height).ok_or_else(|| {
            IndicatorError::CannotShow(format!("no strip of {width}x{height} pixels can be drawn"))
        })?;
        draw_ground(&mut pixmap, &layout, palette);
        self.draw_text(&mut pixmap, &layout, palette);
        let mut pixels = pixmap.take();
        for pixel in pixels.chunks_exact_mut(4) {
            pixel.swap(0, 2);
        }
        Ok(Strip {
            size: layout.size,
            pixels,
            text: layout.text,
        })
    }

    fn draw_text(&mut self, pixmap: &mut Pixmap, layout: &Layout, palette: Palette) {
        let mut buffer = shape(
            &mut self.fonts,
            &layout.text,
            &layout.origins,
            layout.font_size,
            palette,
        );
        let left = layout.text_left.round() as i32;
        let top = ((layout.inner_height() - line_height(layout.font_size)) / 2.0).round() as i32;
        let (width, height) = (pixmap.width() as i32, pixmap.height() as i32);
        let data = pixmap.data_mut();
        buffer.draw(
            &mut self.fonts,
            &mut self.glyphs,
            color(palette.text),
            |x, y, _, _, color| {
                let (x, y) = (left + x, top + y);
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    let at = (y * width + x) as usize * 4;
                    if let Some(pixel) = data.get_mut(at..at + 3) {
                        blend(pixel, color);
                    }
                }
            },
        );
    }
}

/// Where everything is, in device pixels.
#[derive(Clone, Debug)]
struct Layout {
    size: Size2D<u32, MonitorPixel>,
    scale: f32,
    text: String,
    /// Where the origins are in `text`, in bytes.
    origins: Vec<Range<usize>>,
    font_size: f32,
    text_left: f32,
}

impl Layout {
    fn new(content: &IndicatorContent, monitor_width: u32, scale: f32, advance: f32) -> Self {
        let scale = if scale.is_finite() {
            scale.clamp(0.5, 8.0)
        } else {
            1.0
        };
        let font_size = FONT_SIZE * scale;
        let text_left = (BORDER + PADDING + DOT + GAP) * scale;
        let text_right = (PADDING + BORDER) * scale;
        let room = (monitor_width as f32 - text_left - text_right).max(1.0);

        let (text, origins) = fit(content, (room / (advance * font_size)) as usize);
        let wanted = text.chars().count() as f32 * advance * font_size;
        // A hair smaller than what fills the room exactly, as glyphs may stick
        // out of their advance.
        let font_size = if wanted > room {
            (font_size * room / wanted * 0.99).max(1.0)
        } else {
            font_size
        };
        let width = (text_left + wanted.min(room) + text_right).ceil() as u32;
        Self {
            size: Size2D::new(width.min(monitor_width), (HEIGHT * scale).round() as u32),
            scale,
            text,
            origins,
            font_size,
            text_left,
        }
    }

    /// The border's width: whole pixels, so that it is sharp.
    fn border(&self) -> f32 {
        (BORDER * self.scale).round().max(1.0)
    }

    /// Height above the lower border.
    fn inner_height(&self) -> f32 {
        self.size.height as f32 - self.border()
    }
}

fn line_height(font_size: f32) -> f32 {
    (font_size * 1.2).round()
}

fn color([red, green, blue]: Rgb) -> Color {
    Color::rgb(red, green, blue)
}

fn shape(
    fonts: &mut FontSystem,
    text: &str,
    origins: &[Range<usize>],
    font_size: f32,
    palette: Palette,
) -> Buffer {
    let plain = Attrs::new().family(Family::Name("Hack"));
    let marked = plain.clone().color(color(palette.origin));
    let mut spans = Vec::new();
    let mut at = 0;
    for origin in origins {
        spans.push((&text[at..origin.start], plain.clone()));
        spans.push((&text[origin.clone()], marked.clone()));
        at = origin.end;
    }
    spans.push((&text[at..], plain.clone()));
    spans.retain(|(text, _)| !text.is_empty());
    let mut buffer = Buffer::new(fonts, Metrics::new(font_size, line_height(font_size)));
    buffer.set_wrap(Wrap::None);
    buffer.set_hinting(Hinting::Disabled);
    buffer.set_size(None, None);
    buffer.set_rich_text(spans, &plain, Shaping::Advanced, None);
    buffer
}

fn text_width(buffer: &mut Buffer, fonts: &mut FontSystem) -> f32 {
    buffer.shape_until_scroll(fonts, false);
    buffer
        .layout_runs()
        .map(|run| run.line_w)
        .fold(0.0, f32::max)
}

/// Everything but the text.
fn draw_ground(pixmap: &mut Pixmap, layout: &Layout, palette: Palette) {
    let (width, height) = (pixmap.width() as f32, pixmap.height() as f32);
    let border = layout.border();
    let mut fill = |area: Option<Rect>, color: Rgb| {
        if let Some(area) = area {
            pixmap.fill_rect(area, &paint(color), Transform::identity(), None);
        }
    };
    fill(Rect::from_xywh(0.0, 0.0, width, height), palette.edge);
    fill(
        Rect::from_xywh(border, 0.0, width - 2.0 * border, height - border),
        palette.background,
    );
    let radius = DOT * layout.scale / 2.0;
    let center_x = (BORDER + PADDING) * layout.scale + radius;
    let center_y = layout.inner_height() / 2.0;
    let ring = 1.5 * layout.scale;
    for (radius, color) in [(radius, palette.edge), (radius - ring, palette.dot)] {
        if let Some(circle) = PathBuilder::from_circle(center_x, center_y, radius) {
            pixmap.fill_path(
                &circle,
                &paint(color),
                FillRule::Winding,
                Transform::identity(),
                None,
            );
        }
    }
}

fn paint([red, green, blue]: Rgb) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}

/// Lays `color` over an opaque pixel: red, green, blue.
fn blend(pixel: &mut [u8], color: Color) {
    let alpha = u32::from(color.a());
    for (channel, over) in pixel.iter_mut().zip([color.r(), color.g(), color.b()]) {
        let mixed = u32::from(over) * alpha + u32::from(*channel) * (255 - alpha);
        *channel = ((mixed + 127) / 255).min(255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALES: [f32; 4] = [1.0, 1.25, 2.0, 3.0];
    const LONG: &str =
        "https://a-very-long-subdomain.of-another.and-one-more.accounts.example.co.uk:8443";

    fn content(origins: &[&str], live: bool) -> IndicatorContent {
        IndicatorContent {
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            live,
        }
    }

    fn paint_one(content: &IndicatorContent, width: u32, scale: f32) -> Strip {
        StripPainter::new().paint(content, width, scale).unwrap()
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
                    let strip = painter.paint(&content, width, scale).unwrap();
                    let place = format!("{width} at {scale}: {}", strip.text);
                    assert!(strip.size.width <= width, "{place}");
                    assert_eq!(strip.size.height, (28.0 * scale).round() as u32, "{place}");
                    assert!(strip.text.ends_with(words), "{place}");
                    let inked = inked_columns(&strip, &content, scale);
                    let free = strip.size.width - inked.last().unwrap();
                    assert!(
                        free as f32 >= PADDING * scale,
                        "{place}: {free} columns free"
                    );
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
    fn text_is_full_size_from_640_css_pixels_on() {
        let content = content(&[LONG, LONG], true);
        let advance = StripPainter::new().advance;
        for scale in SCALES {
            let layout = Layout::new(&content, (640.0 * scale) as u32, scale, advance);
            assert!(layout.font_size >= 12.0 * scale, "{scale}: {layout:?}");
        }
    }

    #[test]
    fn a_senseless_scale_or_width_does_no_harm() {
        let content = content(&["https://a.example"], true);
        let mut painter = StripPainter::new();
        for scale in [0.0, -3.0, f32::NAN, f32::INFINITY, 1e9] {
            let strip = painter.paint(&content, 1920, scale).unwrap();
            assert!(strip.size.width <= 1920, "{scale}");
        }
        assert!(painter.paint(&content, 1, 1.0).is_ok());
        assert!(painter.paint(&content, 0, 1.0).is_err());
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
        for live in [true, false] {
            let content = content(&["https://a.example"], live);
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
        used.paint(&content(&[LONG], false), 800, 2.0).unwrap();
        let again = used.paint(&content(&["https://a.example"], true), 1920, 1.0);
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
}
