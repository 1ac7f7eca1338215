/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What goes to standard output, to standard error and to files.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use serde::Deserialize;

/// Writes one line to standard output, at once.
///
/// # Errors
/// When nobody reads it any more, or the disk is full.
pub fn print_line(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Writes `captureshell: message` to standard error. That nobody reads it is not an error.
pub fn complain(message: Arguments) {
    let _ = writeln!(io::stderr(), "captureshell: {message}");
}

/// The message on one line: control characters are written as escapes, all else stays as it is (so
/// a line of JSON stays JSON).
pub fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push('\t'),
            character if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(character));
            }
            character => line.push(character),
        }
    }
    line
}

/// One captured stream of a page.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Stream {
    /// Which `<video>` of the page it is, counted from 0.
    pub video: usize,
    /// The label of the track.
    pub label: String,
    /// The size of its frames, in pixels.
    pub width: u32,
    /// The size of its frames, in pixels.
    pub height: u32,
    /// Where the screen is on the desktop, in the unit of `window.screen`, if the page can know.
    pub left: Option<f64>,
    /// Where the screen is on the desktop, in the unit of `window.screen`, if the page can know.
    pub top: Option<f64>,
    /// Device pixels per CSS pixel of that screen, if the page can know.
    pub device_pixel_ratio: Option<f64>,
    /// Frames per second that the track is set to.
    pub frame_rate: Option<f64>,
    /// Frames per second that the page has counted, if it counts.
    pub frames_per_second: Option<f64>,
}

impl Stream {
    /// The name of the file that holds its picture; `number` counts from 1.
    pub fn file_name(&self, number: usize) -> String {
        let label: String = self
            .label
            .chars()
            .take(40)
            .map(|character| {
                if character.is_ascii_alphanumeric() || matches!(character, '_' | '-') {
                    character
                } else {
                    '-'
                }
            })
            .collect();
        match label.trim_matches('-') {
            "" => format!("stream-{number}.png"),
            label => format!("stream-{number}-{label}.png"),
        }
    }
}

/// Finds the captured streams of a page. Its value is a JSON text: a list of [`Stream`]s.
pub const FIND_STREAMS: &str = r#"(() => {
    const trackOf = video => {
        const stream = video.srcObject;
        if (!stream || typeof stream.getVideoTracks !== "function") return null;
        return stream.getVideoTracks().find(track =>
            "screenDetailed" in track ||
            (typeof track.getSettings === "function" && track.getSettings().displaySurface !== undefined)
        ) || null;
    };
    let report = [];
    try { report = window.captureReport ? Array.from(window.captureReport()) : []; } catch (_) {}
    const number = value => Number.isFinite(value) ? value : null;
    const streams = [];
    document.querySelectorAll("video").forEach((video, index) => {
        const track = trackOf(video);
        if (!track) return;
        const settings = typeof track.getSettings === "function" ? track.getSettings() : {};
        const detailed = track.screenDetailed;
        const screen = (typeof detailed === "function" ? track.screenDetailed() : detailed) || {};
        const counted = report.find(entry => entry && entry.label === track.label) || {};
        streams.push({
            video: index,
            label: String(track.label || ""),
            width: video.videoWidth,
            height: video.videoHeight,
            left: number(screen.left ?? counted.left),
            top: number(screen.top ?? counted.top),
            devicePixelRatio: number(screen.devicePixelRatio ?? counted.devicePixelRatio),
            frameRate: number(settings.frameRate),
            framesPerSecond: number(counted.framesPerSecond),
        });
    });
    return JSON.stringify(streams);
})()"#;

/// A script whose value is the current frame of a `<video>` as the address of a PNG, at the
/// frame's own size.
pub fn draw_stream(stream: &Stream) -> String {
    format!(
        r#"(() => {{
    const video = document.querySelectorAll("video")[{}];
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    return canvas.toDataURL("image/png");
}})()"#,
        stream.video
    )
}

/// Writes the picture behind a `data:image/png` address to a file, once it has proved to be one.
///
/// # Errors
/// When it is no PNG, or the file cannot be written.
pub fn write_data_url(address: &str, path: &Path) -> anyhow::Result<()> {
    let encoded = address
        .strip_prefix("data:image/png;base64,")
        .context("the page gave no PNG")?;
    let png = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .context("the page gave no PNG")?;
    image::load_from_memory_with_format(&png, image::ImageFormat::Png)
        .context("the page gave no PNG")?;
    std::fs::write(path, &png).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a picture of a page to a file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_page(image: &image::RgbaImage, path: &Path) -> anyhow::Result<()> {
    image
        .save_with_format(path, image::ImageFormat::Png)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A table of streams, one line each below a line of headings.
pub fn table(streams: &[Stream]) -> String {
    let mut rows = vec![
        [
            "stream", "label", "size", "position", "scale", "set fps", "seen fps",
        ]
        .map(str::to_owned),
    ];
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for (index, stream) in streams.iter().enumerate() {
        rows.push([
            (index + 1).to_string(),
            one_line(&stream.label),
            format!("{}x{}", stream.width, stream.height),
            or_dash(
                stream
                    .left
                    .zip(stream.top)
                    .map(|(left, top)| format!("{left},{top}")),
            ),
            or_dash(stream.device_pixel_ratio.map(|ratio| ratio.to_string())),
            or_dash(stream.frame_rate.map(|rate| format!("{rate:.1}"))),
            or_dash(stream.frames_per_second.map(|rate| format!("{rate:.1}"))),
        ]);
    }
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_its_line() {
        let check = |message: &str, expected: &str| assert_eq!(one_line(message), expected);
        check("plain", "plain");
        check("a\nb\r\nc", "a\\nb\\r\\nc");
        check("{\"a\":\"b\\nc\"}", "{\"a\":\"b\\nc\"}");
        check(
            "tab\tstays, \u{1b}[2J does not",
            "tab\tstays, \\u{1b}[2J does not",
        );
        check("\u{85}\u{2028}é", "\\u{85}\\u{2028}é");
    }

    #[test]
    fn a_table_lines_up_its_columns() {
        let streams = [
            Stream {
                label: "HDMI-1".to_owned(),
                width: 1280,
                height: 720,
                left: Some(-1280.0),
                top: Some(0.0),
                device_pixel_ratio: Some(1.5),
                frame_rate: Some(30.0),
                frames_per_second: Some(29.96),
                ..Stream::default()
            },
            Stream::default(),
        ];
        assert_eq!(
            table(&streams),
            "stream  label   size      position  scale  set fps  seen fps\n\
             1       HDMI-1  1280x720  -1280,0   1.5    30.0     30.0\n\
             2               0x0       -         -      -        -\n"
        );
    }

    #[test]
    fn a_label_cannot_lead_a_file_elsewhere() {
        let name = |label: &str| {
            Stream {
                label: label.to_owned(),
                ..Stream::default()
            }
            .file_name(3)
        };
        assert_eq!(name("DP-1"), "stream-3-DP-1.png");
        assert_eq!(name("../../etc/passwd"), "stream-3-etc-passwd.png");
        assert_eq!(name("日本"), "stream-3.png");
        assert_eq!(name(&"x".repeat(300)).len(), "stream-3-.png".len() + 40);
    }

    #[test]
    fn only_a_png_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("picture.png");
        let mut png = io::Cursor::new(Vec::new());
        image::RgbaImage::from_pixel(2, 1, image::Rgba([1, 2, 3, 255]))
            .write_to(&mut png, image::ImageFormat::Png)
            .unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(png.get_ref());
        write_data_url(&format!("data:image/png;base64,{encoded}"), &path).unwrap();
        assert_eq!(
            image::open(&path).unwrap().to_rgba8()[(1, 0)].0,
            [1, 2, 3, 255]
        );
        for address in [
            "data:,",
            "data:image/png;base64,!!",
            "data:image/png;base64,AAAA",
        ] {
            let path = directory.path().join("none.png");
            assert!(write_data_url(address, &path).is_err(), "{address}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn what_the_script_finds_can_be_read() {
        let streams: Vec<Stream> = serde_json::from_str(
            r#"[{"video":1,"label":"A","width":2,"height":3,"left":-4,"top":null,
                 "devicePixelRatio":2,"frameRate":30,"framesPerSecond":null}]"#,
        )
        .unwrap();
        assert_eq!(streams[0].video, 1);
        assert_eq!(streams[0].left, Some(-4.0));
        assert_eq!(streams[0].top, None);
    }
}
