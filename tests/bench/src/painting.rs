/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The program that draws the patterns, in a process of its own.
//!
//! Each update is prepared in a pixmap and shown by one `CopyArea` for each monitor. After the
//! updates of a tick it waits for the X server: a tick that begins only when its successor is due
//! is lost, and lost ticks are how much a capturer disturbs other programs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use rustix::thread::{ClockId, Timespec, clock_nanosleep_absolute};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux,
    CreateWindowAux, EventMask, FillStyle, ImageFormat, MapState, PropMode, Rectangle, StackMode,
    Visibility, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::code::{Code, CodePlace};
use crate::pattern::{Layout, Pattern};
use crate::peer::{Cell, MonitorArea};
use crate::sample::now_us;
use crate::stop::Stop;

/// Ticks a second: the rate of the fastest pattern, by name.
const TICKS_PER_SECOND: u32 = 60;
/// The time of 60 ticks is really 1.001 seconds, as in NTSC's "60". Thereby the phase to a capturer
/// that polls 60 times a second goes through all values in 17 seconds, and the latency that it gets
/// is no matter of luck.
const NOMINAL_SECOND_US: u64 = 1_001_000;
/// What the program prints when the first update of each monitor is on the screen.
pub const READY: &str = "ready";
/// A tile's side in pixels: every block of so many pixels changes with every update.
const TILE: u16 = 64;
const DEPTH: u8 = 24;

/// Draws until the cell's time is over or SIGTERM, and writes each update to `log`, see
/// [`crate::log`].
///
/// # Errors
/// The display cannot be reached or is lost, or the log cannot be written.
pub fn run(cell: &Cell, log: &Path) -> Result<()> {
    let stop = Stop::after(cell.seconds)?;
    let (connection, _) = RustConnection::connect(None).context("connecting to the display")?;
    let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    let mut program = Program {
        sheets: Vec::new(),
        log: BufWriter::new(file),
        obscured: false,
        connection,
    };
    for (index, area) in cell.monitors.iter().enumerate() {
        let sheet = Sheet::cover(&program.connection, index, area, cell.pattern)
            .with_context(|| format!("covering {}", area.name))?;
        program.sheets.push(sheet);
    }
    program.park_pointer(&cell.monitors[0])?;
    program.draw(0, now_us())?;
    println!("{READY}");
    program.draw_until(&stop)?;
    program.log.flush().context("writing the log")
}

struct Program {
    connection: RustConnection,
    sheets: Vec<Sheet>,
    log: BufWriter<File>,
    /// A window of another program may stand above one of ours.
    obscured: bool,
}

impl Program {
    fn draw_until(&mut self, stop: &Stop) -> Result<()> {
        let start_us = now_us();
        let due = |tick: u64| start_us + tick * NOMINAL_SECOND_US / u64::from(TICKS_PER_SECOND);
        let mut tick = 1;
        while !stop.reached() {
            sleep_until(due(tick));
            self.draw(tick, due(tick))?;
            self.handle_events()?;
            if self.obscured && tick.is_multiple_of(TICKS_PER_SECOND.into()) {
                self.stand_above_windows()?;
            }
            // Ticks whose successors are due already will never be seen.
            let mut lost = 0;
            while due(tick + 2) <= now_us() {
                tick += 1;
                lost += self.updates_at(tick);
            }
            if lost > 0 {
                writeln!(self.log, "l {lost} {}", due(tick)).context("writing the log")?;
            }
            tick += 1;
        }
        Ok(())
    }

    /// Puts the pointer where no code is: some capturers draw it whatever they are asked.
    fn park_pointer(&self, area: &MonitorArea) -> Result<()> {
        let root = self
            .connection
            .setup()
            .roots
            .first()
            .context("no screen")?
            .root;
        let x = i16::try_from(area.x + area.width / 2)?;
        let y = i16::try_from(area.y + area.height / 2)?;
        self.connection
            .warp_pointer(x11rb::NONE, root, 0, 0, 0, 0, x, y)?;
        Ok(())
    }

    fn updates_at(&self, tick: u64) -> usize {
        self.sheets
            .iter()
            .filter(|sheet| sheet.changes_at(tick))
            .count()
    }

    /// Makes the updates of a tick and waits until they are on the screen.
    fn draw(&mut self, tick: u64, due_us: u64) -> Result<()> {
        let mut drawn = Vec::new();
        for sheet in &mut self.sheets {
            if tick == 0 || sheet.changes_at(tick) {
                drawn.push((sheet.index, sheet.draw(&self.connection)?));
            }
        }
        if drawn.is_empty() {
            return Ok(());
        }
        self.connection
            .get_input_focus()?
            .reply()
            .context("waiting for the display")?;
        let done_us = now_us();
        for (monitor, code) in drawn {
            let Code { drawn_us, seq } = code;
            writeln!(self.log, "u {monitor} {seq} {due_us} {drawn_us} {done_us}")
                .context("writing the log")?;
        }
        Ok(())
    }

    fn handle_events(&mut self) -> Result<()> {
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::Expose(event) => {
                    if let Some(sheet) = self
                        .sheets
                        .iter()
                        .find(|sheet| sheet.window == event.window)
                    {
                        sheet.show(&self.connection)?;
                    }
                }
                Event::VisibilityNotify(event) => {
                    self.obscured |= event.state != Visibility::UNOBSCURED;
                }
                _ => {}
            }
        }
        self.connection.flush().context("writing to the display")
    }

    /// Puts our windows above ordinary ones, as a browser's, but not above those that no window
    /// manager manages: the product's indicator is one, and would come up again at once.
    fn stand_above_windows(&mut self) -> Result<()> {
        self.obscured = false;
        let root = self
            .connection
            .setup()
            .roots
            .first()
            .context("no screen")?
            .root;
        let ours: Vec<u32> = self.sheets.iter().map(|sheet| sheet.window).collect();
        let mut above = None;
        // From the lowest to the highest.
        for window in self.connection.query_tree(root)?.reply()?.children {
            if ours.contains(&window) {
                continue;
            }
            // It may have gone since it was listed.
            let Ok(attributes) = self.connection.get_window_attributes(window)?.reply() else {
                continue;
            };
            if !attributes.override_redirect && attributes.map_state == MapState::VIEWABLE {
                above = Some(window);
            }
        }
        if let Some(sibling) = above {
            for window in ours {
                let aux = ConfigureWindowAux::new()
                    .sibling(sibling)
                    .stack_mode(StackMode::ABOVE);
                self.connection.configure_window(window, &aux)?;
            }
        }
        self.connection.flush().context("writing to the display")
    }
}

/// The window over one monitor and what is copied into it.
struct Sheet {
    index: usize,
    window: u32,
    /// Fills with black, white, and for the copies.
    black: u32,
    white: u32,
    /// Two pictures of the updated part that differ everywhere; they take turns.
    pictures: [u32; 2],
    layout: Layout,
    seq: u32,
    /// Ticks from one update to the next; none: it never changes.
    ticks_per_update: Option<u64>,
}

impl Sheet {
    fn cover(
        connection: &RustConnection,
        index: usize,
        area: &MonitorArea,
        pattern: Pattern,
    ) -> Result<Self> {
        let screen = connection.setup().roots.first().context("no screen")?;
        let window = connection.generate_id()?;
        let aux = CreateWindowAux::new()
            .override_redirect(1)
            .event_mask(EventMask::EXPOSURE | EventMask::VISIBILITY_CHANGE);
        connection
            .create_window(
                DEPTH,
                window,
                screen.root,
                i16::try_from(area.x)?,
                i16::try_from(area.y)?,
                u16::try_from(area.width)?,
                u16::try_from(area.height)?,
                0,
                WindowClass::INPUT_OUTPUT,
                screen.root_visual,
                &aux,
            )?
            .check()
            .context("creating a window")?;
        let title = format!("Bench pattern on {}", area.name);
        connection.change_property8(
            PropMode::REPLACE,
            window,
            AtomEnum::WM_NAME,
            AtomEnum::STRING,
            title.as_bytes(),
        )?;
        let context = |color: u32| -> Result<u32> {
            let id = connection.generate_id()?;
            let aux = CreateGCAux::new().foreground(color).graphics_exposures(0);
            connection.create_gc(id, window, &aux)?;
            Ok(id)
        };
        let updates = pattern.updates_per_second(index);
        let mut sheet = Self {
            index,
            window,
            black: context(screen.black_pixel)?,
            white: context(screen.white_pixel)?,
            pictures: [0; 2],
            layout: pattern.layout(area.width, area.height),
            seq: 0,
            ticks_per_update: TICKS_PER_SECOND.checked_div(updates).map(u64::from),
        };
        let tile = noise_tile(connection, window, sheet.black)?;
        let background = connection.change_window_attributes(
            window,
            &ChangeWindowAttributesAux::new().background_pixmap(tile),
        )?;
        background
            .check()
            .context("setting a window's background")?;
        for number in 0..2 {
            sheet.pictures[number] = sheet.picture(connection, pattern, tile, number)?;
        }
        connection.free_pixmap(tile)?;
        connection
            .map_window(window)?
            .check()
            .context("showing a window")?;
        Ok(sheet)
    }

    /// Makes one of the two pictures of the updated part.
    fn picture(
        &self,
        connection: &RustConnection,
        pattern: Pattern,
        tile: u32,
        number: usize,
    ) -> Result<u32> {
        let area = self.layout.updated;
        let whole = Rectangle { x: 0, y: 0, ..area };
        let pixmap = connection.generate_id()?;
        connection
            .create_pixmap(DEPTH, pixmap, self.window, area.width, area.height)?
            .check()
            .context("creating a picture")?;
        if let Some(mark) = mark(pattern, &self.layout) {
            connection.poly_fill_rectangle(pixmap, self.black, &[whole])?;
            if number == 0 {
                connection.poly_fill_rectangle(pixmap, self.white, &[mark])?;
            }
            return Ok(pixmap);
        }
        let context = connection.generate_id()?;
        let shift = if number == 0 { 0 } else { TILE as i32 / 2 + 1 };
        let aux = CreateGCAux::new()
            .fill_style(FillStyle::TILED)
            .tile(tile)
            .tile_stipple_x_origin(shift);
        connection
            .create_gc(context, pixmap, &aux)?
            .check()
            .context("creating a tile's context")?;
        connection.poly_fill_rectangle(pixmap, context, &[whole])?;
        connection.free_gc(context)?;
        Ok(pixmap)
    }

    fn changes_at(&self, tick: u64) -> bool {
        self.ticks_per_update
            .is_some_and(|ticks| tick.is_multiple_of(ticks))
    }

    /// Puts the next update on the screen.
    fn draw(&mut self, connection: &RustConnection) -> Result<Code> {
        self.seq += 1;
        let code = Code {
            drawn_us: now_us(),
            seq: self.seq,
        };
        let picture = self.current();
        let updated = self.layout.updated;
        for place in [self.layout.top, self.layout.bottom] {
            let place = CodePlace {
                x: place.x - updated.x.unsigned_abs() as u32,
                y: place.y - updated.y.unsigned_abs() as u32,
                ..place
            };
            connection.poly_fill_rectangle(picture, self.black, &[place.area()])?;
            let white = code.white_rectangles(self.index, place);
            connection.poly_fill_rectangle(picture, self.white, &white)?;
        }
        self.show(connection)?;
        Ok(code)
    }

    /// Copies the last update into the window.
    fn show(&self, connection: &RustConnection) -> Result<()> {
        let Rectangle {
            x,
            y,
            width,
            height,
        } = self.layout.updated;
        connection.copy_area(
            self.current(),
            self.window,
            self.black,
            0,
            0,
            x,
            y,
            width,
            height,
        )?;
        Ok(())
    }

    fn current(&self) -> u32 {
        self.pictures[self.seq as usize % 2]
    }
}

/// What comes and goes between the codes of a small pattern.
fn mark(pattern: Pattern, layout: &Layout) -> Option<Rectangle> {
    let (width, height) = match pattern {
        Pattern::Caret => (2, 16),
        Pattern::Typing => (20, 30),
        _ => return None,
    };
    Some(Rectangle {
        x: 8,
        y: layout.top.height() as i16,
        width,
        height,
    })
}

/// A pixmap of noise, no two neighbors alike.
fn noise_tile(connection: &RustConnection, window: u32, context: u32) -> Result<u32> {
    let tile = connection.generate_id()?;
    connection.create_pixmap(DEPTH, tile, window, TILE, TILE)?;
    let mut state = 0x2545_f491_u32;
    let pixels: Vec<u8> = (0..usize::from(TILE) * usize::from(TILE))
        .flat_map(|_| {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_ne_bytes()
        })
        .collect();
    connection
        .put_image(
            ImageFormat::Z_PIXMAP,
            tile,
            context,
            TILE,
            TILE,
            0,
            0,
            0,
            DEPTH,
            &pixels,
        )?
        .check()
        .context("making a tile")?;
    Ok(tile)
}

/// Sleeps until a time of `CLOCK_MONOTONIC`. A signal wakes it early, which is right: the loop looks
/// whether to stop.
fn sleep_until(time_us: u64) {
    let request = Timespec {
        tv_sec: (time_us / 1_000_000).cast_signed(),
        tv_nsec: (time_us % 1_000_000 * 1000) as i64,
    };
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &request);
}
