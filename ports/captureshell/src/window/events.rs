/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which part of the window an event is for, and what the person wants with it.

use dpi::PhysicalPosition;
use euclid::Scale;
use servo::{
    DevicePoint, ImeEvent, InputEvent, MouseButtonEvent, MouseLeftViewportEvent, MouseMoveEvent,
    TouchEvent, TouchId, TouchPointerType, WebView,
};
use url::Url;
use winit::event::{ElementState, MouseScrollDelta, Touch, WindowEvent};
use winit::keyboard::ModifiersState;

use super::BrowserWindow;
use super::chrome::{Action, next_zoom};
use super::input::{self, Composition};
use crate::cli;
use crate::information::is_information;
use crate::output;
use crate::shell::Frontend as _;

/// Where the pointer is, which keys are held, and what is being composed.
#[derive(Default)]
pub struct InputState {
    /// Relative to the window, in device pixels.
    position: DevicePoint,
    /// Whether the page is under it.
    pub is_over_page: bool,
    /// How many of its buttons were pressed over the page and are held still: the page hears of
    /// the pointer until they are released.
    held: usize,
    modifiers: ModifiersState,
    composition: Composition,
}

impl BrowserWindow {
    /// Passes an event on to the page, to the toolbar, or to both.
    pub fn handle(&mut self, event: WindowEvent) {
        let is_for_toolbar = self.handle_for_page(&event);
        if is_for_toolbar {
            let response = self.gui.on_window_event(&self.frame.window, &event);
            if response.repaint {
                self.frame.window.request_redraw();
            }
        }
    }

    /// Whether the page, and neither the toolbar nor a prompt, gets what is typed.
    fn is_page_focused(&self) -> bool {
        !self.has_prompt() && !self.gui.egui_ctx.egui_wants_keyboard_input()
    }

    fn has_prompt(&self) -> bool {
        self.shell.active().is_some_and(|page| {
            let prompts = self.shell.prompts.borrow();
            prompts.iter().any(|prompt| prompt.webview == page.id())
        })
    }

    /// The point relative to the page, in device pixels.
    fn page_point(&self) -> DevicePoint {
        self.input.position - self.frame.page_rect().min.to_f32().to_vector()
    }

    /// Passes an event on to the page if it is for the page. Returns whether the toolbar is to see
    /// it too.
    fn handle_for_page(&mut self, event: &WindowEvent) -> bool {
        let Some(page) = self.shell.active() else {
            return true;
        };
        match event {
            WindowEvent::Resized(size) => {
                self.frame.resize(*size);
                self.frame.moved();
                self.frame.window.request_redraw();
            }
            WindowEvent::ScaleFactorChanged { scale_factor, .. } => {
                for webview in self.shell.tabs.borrow().iter() {
                    webview.set_hidpi_scale_factor(Scale::new(*scale_factor as f32));
                }
            }
            WindowEvent::Moved(_) => self.frame.moved(),
            WindowEvent::ThemeChanged(theme) => {
                for webview in self.shell.tabs.borrow().iter() {
                    webview.notify_theme_change(input::theme(*theme));
                }
            }
            WindowEvent::Focused(is_focused) => page.set_focused(*is_focused),
            WindowEvent::ModifiersChanged(modifiers) => self.input.modifiers = modifiers.state(),
            WindowEvent::KeyboardInput {
                event,
                is_synthetic: false,
                ..
            } => {
                // Escape closes a dialog before it ends full screen.
                let escapes = self.frame.window.fullscreen().is_some() && !self.has_prompt();
                if let Some(action) = input::shortcut(event, self.input.modifiers, escapes) {
                    self.apply(action);
                    return false;
                }
                if self.is_page_focused() {
                    let event = input::keyboard_event(event, self.input.modifiers);
                    page.notify_input_event(InputEvent::Keyboard(event));
                    return false;
                }
            }
            WindowEvent::Ime(event) if self.is_page_focused() => {
                for event in self.input.composition.events(event) {
                    page.notify_input_event(InputEvent::Ime(ImeEvent::Composition(event)));
                }
                return false;
            }
            WindowEvent::CursorMoved { position, .. } => self.move_pointer(&page, *position),
            WindowEvent::CursorLeft { .. } => {
                self.input.is_over_page = false;
                let event = MouseLeftViewportEvent::default();
                page.notify_input_event(InputEvent::MouseLeftViewport(event));
            }
            WindowEvent::MouseInput { state, button, .. } => {
                self.press(&page, *state, *button);
            }
            WindowEvent::MouseWheel { delta, .. }
                if self.input.is_over_page && !self.has_prompt() =>
            {
                self.scroll(&page, *delta);
                return false;
            }
            WindowEvent::Touch(touch) => return !self.touch(&page, touch),
            _ => {}
        }
        true
    }

    fn move_pointer(&mut self, page: &WebView, position: PhysicalPosition<f64>) {
        let position = DevicePoint::new(position.x as f32, position.y as f32);
        self.input.position = position;
        let was_over_page = self.input.is_over_page;
        self.input.is_over_page = self.frame.page_rect().to_f32().contains(position);
        if self.has_prompt() {
            return;
        }
        if self.input.is_over_page || self.input.held > 0 {
            let event = MouseMoveEvent::new(self.page_point().into());
            page.notify_input_event(InputEvent::MouseMove(event));
        } else if was_over_page {
            let event = MouseLeftViewportEvent::default();
            page.notify_input_event(InputEvent::MouseLeftViewport(event));
        }
    }

    fn press(&mut self, page: &WebView, state: ElementState, button: winit::event::MouseButton) {
        let is_press = state == ElementState::Pressed;
        let is_for_page = if is_press {
            self.input.is_over_page && !self.has_prompt()
        } else {
            self.input.held > 0
        };
        if !is_for_page {
            return;
        }
        if is_press {
            self.input.held += 1;
            self.gui.egui_ctx.memory_mut(|memory| {
                if let Some(widget) = memory.focused() {
                    memory.surrender_focus(widget);
                }
            });
        } else {
            self.input.held -= 1;
        }
        let event = MouseButtonEvent::new(
            input::mouse_action(state),
            input::mouse_button(button),
            self.page_point().into(),
        );
        page.notify_input_event(InputEvent::MouseButton(event));
    }

    fn scroll(&mut self, page: &WebView, delta: MouseScrollDelta) {
        if !self.input.modifiers.control_key() {
            let scale = self.frame.window.scale_factor();
            page.notify_input_event(input::wheel_event(delta, scale, self.page_point()));
            return;
        }
        let up = match delta {
            MouseScrollDelta::LineDelta(_, y) => f64::from(y),
            MouseScrollDelta::PixelDelta(delta) => delta.y,
        };
        if up != 0.0 {
            self.apply(if up > 0.0 {
                Action::ZoomIn
            } else {
                Action::ZoomOut
            });
        }
    }

    /// Returns whether the finger is on the page.
    fn touch(&self, page: &WebView, touch: &Touch) -> bool {
        let point = DevicePoint::new(touch.location.x as f32, touch.location.y as f32);
        let rect = self.frame.page_rect().to_f32();
        if !rect.contains(point) || self.has_prompt() {
            return false;
        }
        let event = TouchEvent::new(
            input::touch_type(touch.phase),
            TouchId(touch.id as i32),
            (point - rect.min.to_vector()).into(),
            TouchPointerType::Touch,
        );
        page.notify_input_event(InputEvent::Touch(event));
        true
    }

    /// Does what the person wants.
    pub fn apply(&mut self, action: Action) {
        let page = self.shell.active();
        match (action, page) {
            (Action::Navigate(text), Some(page)) => self.navigate(&page, &text),
            (Action::Back, Some(page)) if page.can_go_back() => drop(page.go_back(1)),
            (Action::Forward, Some(page)) if page.can_go_forward() => drop(page.go_forward(1)),
            (Action::Reload, Some(page)) => page.reload(),
            (Action::ZoomIn, Some(page)) => page.set_page_zoom(next_zoom(page.page_zoom(), 1.0)),
            (Action::ZoomOut, Some(page)) => page.set_page_zoom(next_zoom(page.page_zoom(), -1.0)),
            (Action::ZoomReset, Some(page)) => page.set_page_zoom(1.0),
            (Action::CloseActiveTab, Some(page)) => self.shell.close(page.id()),
            (Action::NewTab, _) => self.open_tab(),
            (Action::CloseTab(index), _) => {
                let id = self.shell.tabs.borrow().iter().nth(index).map(WebView::id);
                if let Some(id) = id {
                    self.shell.close(id);
                }
            }
            (Action::Activate(index), _) => {
                self.shell.tabs.borrow_mut().activate(index);
                self.shell.show_active();
            }
            (Action::ActivateRelative(steps), _) => {
                self.shell.tabs.borrow_mut().activate_relative(steps);
                self.shell.show_active();
            }
            (Action::ShowInformation, _) => self.shell.show_information(),
            (Action::FocusAddress, _) => self.toolbar.focus_address(),
            (Action::ToggleFullscreen, page) => {
                let is_fullscreen = self.frame.window.fullscreen().is_some();
                if let (true, Some(page)) = (is_fullscreen, page) {
                    page.exit_fullscreen();
                }
                self.frame.set_fullscreen(!is_fullscreen);
            }
            _ => {}
        }
        self.frame.window.request_redraw();
    }

    fn navigate(&mut self, page: &WebView, text: &str) {
        match cli::address(text, None) {
            Ok(url) => {
                self.toolbar.complaint = None;
                self.go_to(page, url);
            }
            Err(error) => self.toolbar.complaint = Some(error.to_string()),
        }
    }

    /// The information page has a tab of its own, which shows nothing else.
    fn go_to(&mut self, page: &WebView, url: Url) {
        if is_information(&url) {
            self.shell.show_information();
        } else if self.shell.information.tab() == Some(page.id()) {
            if let Err(error) = self.shell.open(url) {
                output::complain(format_args!("cannot open a tab: {error:#}"));
            }
        } else {
            page.load(url);
        }
    }

    fn open_tab(&mut self) {
        let Ok(blank) = Url::parse("about:blank") else {
            return;
        };
        match self.shell.open(blank) {
            Ok(_) => self.toolbar.focus_address(),
            Err(error) => output::complain(format_args!("cannot open a tab: {error:#}")),
        }
    }
}
