/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The browser in a window: egui draws tabs, toolbar and prompts, Servo the page below them.

mod chrome;
mod dialogs;
mod events;
mod frame;
mod input;
mod notice;
mod one_cpu;

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use egui_glow::EguiGlow;
use servo::EventLoopWaker;
use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::WindowId;

use self::chrome::Toolbar;
use self::events::InputState;
use self::frame::WindowFrame;
use self::notice::Notice;
use crate::batch::Batch;
use crate::cli::{Arguments, WindowSize};
use crate::shell::{EXIT_PAGE_FAILED, EXIT_SUCCESS, EXIT_UNAVAILABLE, Shell};
use crate::{Failure, OrExit as _, Signals, Start};

/// Runs the browser in a window until it is closed; returns its exit code.
pub fn run(arguments: &Arguments, start: Start, batch: Batch) -> Result<u8, Failure> {
    let event_loop = EventLoop::<Wake>::with_user_event()
        .build()
        .map_err(|error| {
            log::warn!("{error}");
            anyhow!(
                "there is no display to open a window on, neither $WAYLAND_DISPLAY nor $DISPLAY \
                 (--headless needs none)"
            )
        })
        .or_exit(EXIT_UNAVAILABLE)?;
    let waker = WindowWaker(event_loop.create_proxy());
    let signals = Signals::watch(Box::new(waker.clone())).or_exit(EXIT_UNAVAILABLE)?;
    let mut app = App {
        size: arguments.window_size(),
        start,
        batch,
        signals,
        waker,
        repaint_at: Arc::default(),
        outcome: Ok(EXIT_PAGE_FAILED),
        window: None,
    };
    let result = event_loop.run_app(&mut app);
    app.close();
    result
        .context("the connection to the display was lost")
        .or_exit(EXIT_UNAVAILABLE)?;
    app.outcome
}

/// What wakes the loop from other threads.
#[derive(Debug)]
pub enum Wake {
    /// Servo or WebDriver has something to do.
    Turn,
    /// egui has something to draw.
    Repaint,
}

#[derive(Clone)]
struct WindowWaker(EventLoopProxy<Wake>);

impl EventLoopWaker for WindowWaker {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        // Fails only when the loop has ended.
        let _ = self.0.send_event(Wake::Turn);
    }
}

struct App {
    size: WindowSize,
    start: Start,
    batch: Batch,
    signals: Signals,
    waker: WindowWaker,
    /// When egui wants to draw next, if nothing else happens.
    repaint_at: Arc<Mutex<Option<Instant>>>,
    outcome: Result<u8, Failure>,
    window: Option<BrowserWindow>,
}

/// The window and all that is in it.
struct BrowserWindow {
    gui: EguiGlow,
    toolbar: Toolbar,
    input: InputState,
    /// What people are told before the first page, until they have taken note of it.
    notice: Option<Notice>,
    shell: Rc<Shell>,
    frame: Rc<WindowFrame>,
}

impl App {
    fn open(&mut self, event_loop: &ActiveEventLoop) -> anyhow::Result<BrowserWindow> {
        let frame = Rc::new(WindowFrame::open(event_loop, self.size)?);
        let gui = EguiGlow::new(
            event_loop,
            frame.gl()?,
            None,
            Some(frame.window.scale_factor() as f32),
            false,
        );
        let (waker, repaint_at) = (self.waker.clone(), self.repaint_at.clone());
        gui.egui_ctx.set_request_repaint_callback(move |info| {
            if info.delay.is_zero() {
                let _ = waker.0.send_event(Wake::Repaint);
            } else if let Some(time) = Instant::now().checked_add(info.delay) {
                let mut at = repaint_at.lock().unwrap_or_else(PoisonError::into_inner);
                *at = Some(at.map_or(time, |earlier| earlier.min(time)));
            }
        });
        let waker = Box::new(self.waker.clone());
        let shell = self.start.shell(frame.clone(), waker);
        Ok(BrowserWindow {
            gui,
            toolbar: Toolbar::default(),
            input: InputState::default(),
            notice: self.start.warning.clone().map(Notice::new),
            shell,
            frame,
        })
    }

    /// Whether it is time for what egui wanted to draw later, and else when it is.
    fn repaint(&self, now: Instant) -> (bool, Option<Instant>) {
        let mut at = self
            .repaint_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match *at {
            Some(time) if time <= now => {
                *at = None;
                (true, None)
            }
            later => (false, later),
        }
    }

    /// Closes the window and ends Servo.
    fn close(&mut self) {
        if let Some(mut window) = self.window.take() {
            if let Some(code) = window.shell.exit_code() {
                self.outcome = Ok(code);
            }
            crate::limit_shutdown(window.shell.exit_code().unwrap_or(EXIT_UNAVAILABLE));
            window.shell.shut_down();
            // egui's textures go while their context lives.
            if window.frame.gl().is_ok() {
                window.gui.destroy();
            }
        }
    }
}

impl ApplicationHandler<Wake> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.window.is_some() {
            return;
        }
        match self.open(event_loop) {
            Ok(window) => {
                window.frame.moved();
                window.frame.window.request_redraw();
                self.window = Some(window);
            }
            Err(error) => {
                self.outcome = Err(anyhow!("{error:#} (--headless needs no window)"))
                    .or_exit(EXIT_UNAVAILABLE);
                event_loop.exit();
            }
        }
    }

    fn user_event(&mut self, _event_loop: &ActiveEventLoop, wake: Wake) {
        if let (Wake::Repaint, Some(window)) = (wake, &self.window) {
            window.frame.window.request_redraw();
        }
    }

    fn window_event(&mut self, _event_loop: &ActiveEventLoop, _id: WindowId, event: WindowEvent) {
        let Some(window) = &mut self.window else {
            return;
        };
        match event {
            WindowEvent::CloseRequested => window.shell.request_exit(EXIT_SUCCESS),
            WindowEvent::RedrawRequested => window.draw(),
            event => window.handle(event),
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let now = Instant::now();
        let (is_repaint_due, repaint_later) = self.repaint(now);
        let Some(window) = &mut self.window else {
            return;
        };
        let shell = &window.shell;
        self.signals.pass_on(shell);
        shell.turn();
        self.batch.turn(shell, now);
        if is_repaint_due || window.frame.take_changed() {
            window.frame.window.request_redraw();
        }
        if shell.exit_code().is_some() {
            event_loop.exit();
        }
        let deadline = [self.batch.deadline(shell), repaint_later]
            .into_iter()
            .flatten()
            .min();
        event_loop.set_control_flow(deadline.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}
