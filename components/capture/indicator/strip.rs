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
use euclid::{Box2D, Point2D, Size2D};
use servo_capture_traits::MonitorPixel;
use tiny_skia::{FillRule, Paint, PathBuilder, Pixmap, Rect, Transform};

pub use self::controls::{Control, PlacedControl};
use self::palette::Palette;
pub use self::tag::Tag;
use super::sentence::fit;
use super::{IndicatorContent, IndicatorError};

mod controls;
mod palette;
mod tag;
#[cfg(test)]
mod tests;

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

/// A monitor of fewer CSS pixels in width gets all of the strip smaller.
const NARROWEST: f32 = 480.0;

type Rgb = [u8; 3];

/// How much of a strip is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// All of it.
    Full,
    /// The dot and the tag, after the person in front of it dismissed the rest:
    /// what the service still has to find on the screen.
    Small,
}

/// The picture of a strip.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Strip {
    /// Width and height in device pixels.
    pub size: Size2D<u32, MonitorPixel>,
    /// Blue, green, red and 255 for each pixel; rows from top to bottom, without
    /// padding.
    pub pixels: Arc<Vec<u8>>,
    /// The part that must be seen exactly: all but the outer ends, which hold
    /// nothing and which a compositor may round off.
    pub checked: Box2D<u32, MonitorPixel>,
    /// What can be pressed.
    pub controls: Vec<PlacedControl>,
    /// The sentence as it is drawn, with shortened origins; empty in a small
    /// strip.
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
        let mut sample = shape(&mut fonts, "0", &[], SAMPLE_SIZE, [0; 3]);
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
    /// When the monitor has no room for the tag.
    pub fn paint(
        &mut self,
        content: &IndicatorContent,
        tag: Tag,
        form: Form,
        monitor_width: u32,
        scale: f32,
    ) -> Result<Strip, IndicatorError> {
        let layout = Layout::new(content, form, monitor_width, scale, self.advance);
        let palette = Palette::of(content);
        let (width, height) = (layout.size.width, layout.size.height);
        let mut pixmap = Pixmap::new(width, height).ok_or_else(|| {
            IndicatorError::CannotShow(format!("no strip of {width}x{height} pixels can be drawn"))
        })?;
        if layout.checked.is_empty() || layout.tag_right() > width as f32 {
            return Err(IndicatorError::CannotShow(format!(
                "{width} columns are too few for the indicator"
            )));
        }
        draw_ground(&mut pixmap, &layout, palette);
        tag.draw(
            &mut pixmap,
            layout.tag_left,
            layout.inner_height(),
            layout.scale,
        );
        for &(control, area) in &layout.controls {
            controls::draw(&mut pixmap, control, area, palette.text, layout.scale);
        }
        if !layout.text.is_empty() {
            self.draw_text(&mut pixmap, &layout, palette);
        }
        let mut pixels = pixmap.take();
        for pixel in pixels.chunks_exact_mut(4) {
            pixel.swap(0, 2);
        }
        Ok(Strip {
            size: layout.size,
            pixels: Arc::new(pixels),
            checked: layout.checked,
            controls: layout.controls,
            text: layout.text,
        })
    }

    fn draw_text(&mut self, pixmap: &mut Pixmap, layout: &Layout, palette: Palette) {
        let mut buffer = shape(
            &mut self.fonts,
            &layout.text,
            &layout.origins,
            layout.font_size,
            palette.origin,
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
    tag_left: f32,
    text_left: f32,
    controls: Vec<PlacedControl>,
    checked: Box2D<u32, MonitorPixel>,
}

impl Layout {
    fn new(
        content: &IndicatorContent,
        form: Form,
        monitor_width: u32,
        scale: f32,
        advance: f32,
    ) -> Self {
        let scale = if scale.is_finite() {
            scale.clamp(0.5, 8.0)
        } else {
            1.0
        };
        // A monitor with less room than that gets a smaller strip.
        let scale = scale.min(monitor_width as f32 / NARROWEST).max(0.5);
        let font_size = FONT_SIZE * scale;
        let tag_left = (BORDER + PADDING + DOT + GAP) * scale;
        let tag_width = Tag::width(scale) as f32;
        let text_left = tag_left + tag_width + GAP * scale;
        let wanted = controls::of(form, content.live, content.may_stop);
        let controls_width = controls::width(wanted.len(), scale);
        let text_right = controls_width + (PADDING + BORDER) * scale;
        let room = (monitor_width as f32 - text_left - text_right).max(1.0);

        let mut layout = Self {
            size: Size2D::new(monitor_width, (HEIGHT * scale).round() as u32),
            scale,
            text: String::new(),
            origins: Vec::new(),
            font_size,
            tag_left,
            text_left,
            controls: Vec::new(),
            checked: Box2D::zero(),
        };
        let width = match form {
            Form::Small => tag_left.round() + tag_width + (PADDING + BORDER) * scale,
            Form::Full => {
                let used = layout.fit_text(content, room, advance);
                (text_left + used + text_right).ceil()
            }
        };
        layout.size.width = monitor_width.min(width as u32);
        let (width, height) = (layout.size.width, layout.size.height);
        let inner_height = layout.inner_height();
        layout.controls = match form {
            Form::Small => vec![(Control::Restore, Box2D::from_size(layout.size))],
            Form::Full => {
                let left = (width as f32 - layout.border() - controls_width).max(0.0);
                controls::place(wanted, left, inner_height, scale)
            }
        };
        let end = (PADDING * scale) as u32;
        layout.checked = Box2D::new(
            Point2D::new(end, 0),
            Point2D::new(width.saturating_sub(end), height),
        );
        layout
    }

    /// Chooses the sentence and its size; answers its width.
    fn fit_text(&mut self, content: &IndicatorContent, room: f32, advance: f32) -> f32 {
        let characters = (room / (advance * self.font_size)) as usize;
        (self.text, self.origins) = fit(content, characters);
        let wanted = self.text.chars().count() as f32 * advance * self.font_size;
        // A hair smaller than what fills the room exactly, as glyphs may stick
        // out of their advance.
        if wanted > room {
            self.font_size = (self.font_size * room / wanted * 0.99).max(1.0);
        }
        wanted.min(room)
    }

    /// Where the tag ends.
    fn tag_right(&self) -> f32 {
        self.tag_left + Tag::width(self.scale) as f32
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
    origin_color: Rgb,
) -> Buffer {
    let plain = Attrs::new().family(Family::Name("Hack"));
    let marked = plain.clone().color(color(origin_color));
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
