/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The window itself: what it is painted to, where it is, what it draws.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use dpi::{PhysicalPosition, PhysicalSize};
use egui::{Align2, PaintCallback, Ui};
use egui_glow::CallbackFn;
use euclid::{Point2D, Rect, Scale, Size2D};
use servo::{
    Cursor, DeviceIndependentPixel, DeviceIntPoint, DeviceIntRect, DeviceIntSize, DevicePixel,
    InputMethodControl, LoadStatus, OffscreenRenderingContext, RenderingContext, ScreenGeometry,
    Theme, WebView, WindowRenderingContext,
};
use winit::event_loop::ActiveEventLoop;
use winit::raw_window_handle::{HasDisplayHandle as _, HasWindowHandle as _};
use winit::window::{Fullscreen, Window};

use super::BrowserWindow;
use super::chrome::{TabView, View};
use super::dialogs::{self, Answer, Place};
use super::input::{cursor_icon, theme};
use super::notice::Reply;
use super::one_cpu::on_one_cpu;
use crate::cli::WindowSize;
use crate::output;
use crate::shell::{EXIT_UNAVAILABLE, Frontend};

/// The window, and what pages are painted to before they are copied into it.
pub struct WindowFrame {
    // Dropped before the window, in this order.
    page: Rc<OffscreenRenderingContext>,
    context: Rc<WindowRenderingContext>,
    /// The window.
    pub window: Window,
    /// Where the page is in the window, in device pixels.
    page_rect: Cell<DeviceIntRect>,
    is_page_dirty: Cell<bool>,
    is_changed: Cell<bool>,
    cursor: Cell<Cursor>,
    /// Where the window is, where the system tells.
    place: Cell<Option<DeviceIntRect>>,
}

impl WindowFrame {
    /// Opens a window of `size`.
    ///
    /// # Errors
    /// When the display has no room for it or no OpenGL.
    pub fn open(event_loop: &ActiveEventLoop, size: WindowSize) -> anyhow::Result<Self> {
        let size = PhysicalSize::new(size.width, size.height);
        let attributes = Window::default_attributes()
            .with_title("captureshell")
            .with_inner_size(size);
        let window = event_loop
            .create_window(attributes)
            .context("cannot open a window")?;
        let context = WindowRenderingContext::new(
            event_loop.display_handle().context("no display")?,
            window.window_handle().context("no window")?,
            window.inner_size(),
        )
        .map_err(|error| anyhow!("no OpenGL for the window: {error:?}"))?;
        let context = Rc::new(context);
        context
            .make_current()
            .map_err(|error| anyhow!("no OpenGL for the window: {error:?}"))?;
        let page = Rc::new(context.offscreen_context(window.inner_size()));
        Ok(Self {
            page,
            context,
            window,
            page_rect: Cell::default(),
            is_page_dirty: Cell::new(true),
            is_changed: Cell::new(true),
            cursor: Cell::default(),
            place: Cell::default(),
        })
    }

    /// The window's OpenGL, current from now on.
    ///
    /// # Errors
    /// When the display has gone.
    pub fn gl(&self) -> anyhow::Result<Arc<egui_glow::glow::Context>> {
        self.context
            .make_current()
            .map_err(|error| anyhow!("OpenGL is gone: {error:?}"))?;
        Ok(self.context.glow_gl_api())
    }

    /// Whether something around the page has changed since the last call.
    pub fn take_changed(&self) -> bool {
        self.is_changed.take()
    }

    /// Where the page is in the window, in device pixels.
    pub fn page_rect(&self) -> DeviceIntRect {
        self.page_rect.get()
    }

    /// The window has another size.
    pub fn resize(&self, size: PhysicalSize<u32>) {
        if size.width > 0 && size.height > 0 {
            self.context.resize(size);
        }
    }

    /// The window has another place.
    pub fn moved(&self) {
        let position = self.window.outer_position().ok();
        self.place.set(position.map(|_| self.window_rect()));
    }

    fn place_page(&self, page: Option<&WebView>, rect: DeviceIntRect) {
        self.page_rect.set(rect);
        let size = PhysicalSize::new(rect.width().max(1) as u32, rect.height().max(1) as u32);
        if let Some(page) = page
            && self.page.size() != size
        {
            page.resize(size);
            self.is_page_dirty.set(true);
            self.is_changed.set(true);
        }
    }

    fn window_rect(&self) -> DeviceIntRect {
        let position = self.window.outer_position().unwrap_or_default();
        let size = self.window.outer_size();
        DeviceIntRect::from_origin_and_size(
            DeviceIntPoint::new(position.x, position.y),
            DeviceIntSize::new(size.width as i32, size.height as i32),
        )
    }

    fn screen_size(&self) -> Option<DeviceIntSize> {
        let monitor = self
            .window
            .current_monitor()
            .or_else(|| self.window.available_monitors().next())?;
        let size = monitor.size();
        Some(DeviceIntSize::new(size.width as i32, size.height as i32))
    }
}

impl Frontend for WindowFrame {
    fn rendering_context(&self) -> anyhow::Result<Rc<dyn RenderingContext>> {
        Ok(self.page.clone())
    }

    fn scale(&self) -> Scale<f32, DeviceIndependentPixel, DevicePixel> {
        Scale::new(self.window.scale_factor() as f32)
    }

    fn frame_ready(&self, _webview: &WebView) {
        self.is_page_dirty.set(true);
        self.window.request_redraw();
    }

    fn changed(&self) {
        self.is_changed.set(true);
    }

    fn screen_geometry(&self, _webview: &WebView) -> Option<ScreenGeometry> {
        let size = self.screen_size()?;
        Some(ScreenGeometry {
            size,
            available_size: size,
            window_rect: self.window_rect(),
        })
    }

    fn set_window_rect(&self, _webview: &WebView, rect: DeviceIntRect) -> DeviceIntRect {
        let (outer, inner) = (self.window.outer_size(), self.window.inner_size());
        let side = |wanted: i32, outer: u32, inner: u32| {
            let limit = WindowSize::LIMIT;
            let wanted = u32::try_from(wanted).unwrap_or(1);
            wanted
                .saturating_sub(outer.saturating_sub(inner))
                .clamp(1, limit)
        };
        self.window.set_maximized(false);
        self.window
            .set_outer_position(PhysicalPosition::new(rect.min.x, rect.min.y));
        let size = PhysicalSize::new(
            side(rect.width(), outer.width, inner.width),
            side(rect.height(), outer.height, inner.height),
        );
        match self.window.request_inner_size(size) {
            // Done already.
            Some(_) => self.window_rect(),
            // The window manager will.
            None => rect,
        }
    }

    fn place(&self) -> Option<DeviceIntRect> {
        self.place.get()
    }

    fn maximize(&self, _webview: &WebView) -> DeviceIntRect {
        self.window.set_maximized(true);
        self.screen_size()
            .map_or_else(|| self.window_rect(), DeviceIntRect::from_size)
    }

    fn set_fullscreen(&self, is_fullscreen: bool) {
        self.window
            .set_fullscreen(is_fullscreen.then_some(Fullscreen::Borderless(None)));
        self.changed();
    }

    fn set_cursor(&self, cursor: Cursor) {
        self.cursor.set(cursor);
        self.changed();
    }

    fn can_prompt(&self) -> bool {
        true
    }

    fn set_text_input(&self, field: Option<&InputMethodControl>) {
        self.window.set_ime_allowed(field.is_some());
        if let Some(field) = field {
            let rect = field
                .position()
                .translate(self.page_rect.get().min.to_vector());
            self.window.set_ime_cursor_area(
                PhysicalPosition::new(rect.min.x, rect.min.y),
                PhysicalSize::new(rect.width().max(0) as u32, rect.height().max(0) as u32),
            );
        }
    }

    fn theme(&self) -> Option<Theme> {
        self.window.theme().map(theme)
    }

    fn come_forward(&self) {
        self.window.set_minimized(false);
        self.window.focus_window();
        self.changed();
    }
}

impl BrowserWindow {
    /// Draws all of the window.
    pub fn draw(&mut self) {
        let page = self.shell.active();
        if self.frame.is_page_dirty.take()
            && let Some(page) = &page
        {
            page.paint();
        }
        if self.frame.gl().is_err() {
            return;
        }
        self.frame.context.prepare_for_rendering();
        let view = self.view(page.as_ref());
        let frame = self.frame.clone();
        let toolbar = &mut self.toolbar;
        let notice = self.notice.as_ref();
        let mut reply = None;
        let is_fullscreen = frame.window.fullscreen().is_some();
        let mut actions = Vec::new();
        let mut answer = None;
        let mut prompts = self.shell.prompts.borrow_mut();
        let mut prompt = page.as_ref().and_then(|page| {
            prompts
                .iter_mut()
                .find(|prompt| prompt.webview == page.id())
        });
        let is_pointer_over_page = self.input.is_over_page;
        let gui = &mut self.gui;
        let run = |ui: &mut Ui| {
            if !is_fullscreen {
                actions.extend(toolbar.show(ui, &view));
            }
            // In full screen too: a page must not get rid of it.
            if let Some(notice) = notice {
                reply = notice.show(ui).or(reply);
            }
            let rect = ui.available_rect_before_wrap();
            show_page(ui, &frame, page.as_ref(), rect);
            if is_pointer_over_page && prompt.is_none() {
                ui.ctx().set_cursor_icon(cursor_icon(frame.cursor.get()));
            }
            if let Some(prompt) = &mut prompt {
                let place = Place {
                    origin: rect.min,
                    scale: ui.ctx().pixels_per_point(),
                };
                answer = dialogs::show(ui.ctx(), prompt, place).or(answer.take());
            }
        };
        on_one_cpu(|| gui.run(&frame.window, run));
        drop(prompts);
        self.gui.paint(&frame.window);
        frame.context.present();
        // The notice is on the screen, or there is none.
        if let Err(error) = self.shell.open_first() {
            output::complain(format_args!("cannot open a page: {error:#}"));
            self.shell.request_exit(EXIT_UNAVAILABLE);
        }
        self.take_note(reply);
        if let (Some(answer), Some(page)) = (answer, &page) {
            self.answer(page, answer);
        }
        for action in actions {
            self.apply(action);
        }
    }

    /// Does what the person wants about the notice.
    fn take_note(&mut self, reply: Option<Reply>) {
        match reply {
            None => return,
            Some(Reply::Understood) => self.notice = None,
            Some(Reply::More) => self.shell.show_information(),
        }
        self.frame.window.request_redraw();
    }

    /// Gives the page the answer to its oldest prompt.
    fn answer(&self, page: &WebView, answer: Answer) {
        let mut prompts = self.shell.prompts.borrow_mut();
        let Some(index) = prompts
            .iter()
            .position(|prompt| prompt.webview == page.id())
        else {
            return;
        };
        let request = prompts.remove(index).request;
        drop(prompts);
        match (answer, request) {
            (Answer::Menu(action), crate::prompts::Request::Menu(menu)) => menu.select(action),
            (Answer::Accept, request) => request.accept(),
            (Answer::Dismiss | Answer::Menu(_), request) => request.dismiss(),
        }
        self.frame.changed();
    }

    fn view(&self, page: Option<&WebView>) -> View {
        let tabs = self.shell.tabs.borrow();
        let address = |webview: &WebView| webview.url().map_or_else(String::new, String::from);
        let title = |webview: &WebView| {
            webview
                .page_title()
                .filter(|title| !title.trim().is_empty())
                .unwrap_or_else(|| address(webview))
        };
        if let Some(page) = page {
            self.frame
                .window
                .set_title(&format!("{} - captureshell", title(page)));
        }
        View {
            tabs: tabs
                .iter()
                .map(|webview| TabView {
                    title: title(webview),
                    is_loading: webview.load_status() != LoadStatus::Complete,
                })
                .collect(),
            active: tabs.active_index(),
            address: page.map(address).unwrap_or_default(),
            can_go_back: page.is_some_and(WebView::can_go_back),
            can_go_forward: page.is_some_and(WebView::can_go_forward),
            zoom: page.map_or(1.0, WebView::page_zoom),
            is_capturing: !self
                .shell
                .information
                .control
                .status()
                .overview
                .captures
                .is_empty(),
        }
    }
}

/// Copies the page into the window, and what its pointer points to over its lower left corner.
fn show_page(ui: &Ui, frame: &WindowFrame, page: Option<&WebView>, rect: egui::Rect) {
    let scale = ui.ctx().pixels_per_point();
    let corner = |corner: egui::Pos2| {
        DeviceIntPoint::new(
            (corner.x * scale).round() as i32,
            (corner.y * scale).round() as i32,
        )
    };
    frame.place_page(page, DeviceIntRect::new(corner(rect.min), corner(rect.max)));
    if page.is_some()
        && let Some(copy) = frame.page.render_to_parent_callback()
    {
        let callback = CallbackFn::new(move |info, painter| {
            let pixels = info.viewport_in_pixels();
            let target = Rect::new(
                Point2D::new(pixels.left_px, pixels.from_bottom_px),
                Size2D::new(pixels.width_px, pixels.height_px),
            );
            copy(painter.gl(), target);
        });
        ui.painter().add(PaintCallback {
            rect,
            callback: Arc::new(callback),
        });
    }
    let status = page.and_then(WebView::status_text).unwrap_or_default();
    if !status.is_empty() {
        let visuals = ui.visuals();
        let galley = ui.painter().layout_no_wrap(
            status,
            egui::TextStyle::Small.resolve(ui.style()),
            visuals.text_color(),
        );
        let place = Align2::LEFT_BOTTOM.anchor_size(rect.left_bottom(), galley.size());
        ui.painter()
            .rect_filled(place.expand(3.0), 2.0, visuals.panel_fill);
        ui.painter().galley(place.min, galley, visuals.text_color());
    }
}
