/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The browser without a window: pages are painted to memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use dpi::PhysicalSize;
use euclid::Scale;
use servo::{
    Cursor, DeviceIndependentPixel, DeviceIntPoint, DeviceIntRect, DevicePixel, EventLoopWaker,
    InputMethodControl, RenderingContext, ScreenGeometry, SoftwareRenderingContext, Theme, WebView,
    WebViewId,
};

use crate::Signals;
use crate::batch::Batch;
use crate::cli::WindowSize;
use crate::shell::{Frontend, Shell};

/// The longest time without a turn. Everything that happens wakes the loop; this is for what
/// might not.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Wakes the loop; the same wake-up twice is one.
#[derive(Clone)]
pub struct Waker(Sender<()>);

/// Waits for the [`Waker`].
pub struct Sleeper(Receiver<()>);

/// A waker and what it wakes.
pub fn waker() -> (Waker, Sleeper) {
    let (sender, receiver) = crossbeam_channel::bounded(1);
    (Waker(sender), Sleeper(receiver))
}

impl EventLoopWaker for Waker {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        match self.0.try_send(()) {
            // A wake-up is under way already, or the loop has ended.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

impl Sleeper {
    /// Returns when woken, or at `deadline` at the latest.
    fn sleep(&self, deadline: Option<Instant>) {
        let longest = Instant::now() + LONGEST_SLEEP;
        let until = deadline.map_or(longest, |deadline| deadline.min(longest));
        // Woken or not, there is a turn to do.
        let _ = self.0.recv_deadline(until);
    }
}

/// Paints each page to a context of its own, so that no page is hidden behind another.
pub struct Headless {
    size: Cell<WindowSize>,
    position: Cell<DeviceIntPoint>,
    /// Where pages or WebDriver have put the window, if they have.
    place: Cell<Option<DeviceIntRect>>,
    dirty: RefCell<Vec<WebViewId>>,
}

impl Headless {
    /// Pages of `size`.
    pub fn new(size: WindowSize) -> Self {
        Self {
            size: Cell::new(size),
            position: Cell::default(),
            place: Cell::default(),
            dirty: RefCell::default(),
        }
    }

    fn window_rect(&self, webview: &WebView) -> DeviceIntRect {
        DeviceIntRect::from_origin_and_size(self.position.get(), webview.size().to_i32())
    }

    /// Paints what has changed.
    fn paint(&self, shell: &Shell) {
        for id in self.dirty.take() {
            if let Some(webview) = shell.webview(id) {
                webview.paint();
                webview.rendering_context().present();
            }
        }
    }

    /// Runs the browser until it ends; returns its exit code.
    pub fn run(
        &self,
        shell: &Rc<Shell>,
        sleeper: &Sleeper,
        signals: &Signals,
        batch: &mut Batch,
    ) -> u8 {
        loop {
            signals.pass_on(shell);
            shell.turn();
            self.paint(shell);
            batch.turn(shell, Instant::now());
            if let Some(code) = shell.exit_code() {
                return code;
            }
            sleeper.sleep(batch.deadline(shell));
        }
    }
}

impl Frontend for Headless {
    fn rendering_context(&self) -> anyhow::Result<Rc<dyn RenderingContext>> {
        let WindowSize { width, height } = self.size.get();
        let context = SoftwareRenderingContext::new(PhysicalSize { width, height })
            .map_err(|error| anyhow!("no software OpenGL (Mesa's EGL is needed): {error:?}"))?;
        context
            .make_current()
            .map_err(|error| anyhow!("software OpenGL does not work: {error:?}"))?;
        Ok(Rc::new(context))
    }

    fn scale(&self) -> Scale<f32, DeviceIndependentPixel, DevicePixel> {
        Scale::new(1.0)
    }

    fn frame_ready(&self, webview: &WebView) {
        let mut dirty = self.dirty.borrow_mut();
        if !dirty.contains(&webview.id()) {
            dirty.push(webview.id());
        }
    }

    fn changed(&self) {}

    fn screen_geometry(&self, webview: &WebView) -> Option<ScreenGeometry> {
        let window_rect = self.window_rect(webview);
        Some(ScreenGeometry {
            size: window_rect.size(),
            available_size: window_rect.size(),
            window_rect,
        })
    }

    fn set_window_rect(&self, webview: &WebView, rect: DeviceIntRect) -> DeviceIntRect {
        let limit = WindowSize::LIMIT;
        let side = |side: i32| u32::try_from(side).unwrap_or(1).clamp(1, limit);
        self.position.set(rect.min);
        webview.resize(PhysicalSize {
            width: side(rect.width()),
            height: side(rect.height()),
        });
        self.place.set(Some(rect));
        self.window_rect(webview)
    }

    fn place(&self) -> Option<DeviceIntRect> {
        self.place.get()
    }

    fn maximize(&self, webview: &WebView) -> DeviceIntRect {
        // The screen is as large as the window.
        self.position.set(DeviceIntPoint::zero());
        self.window_rect(webview)
    }

    fn set_fullscreen(&self, _is_fullscreen: bool) {}

    fn set_cursor(&self, _cursor: Cursor) {}

    fn can_prompt(&self) -> bool {
        false
    }

    fn set_text_input(&self, _field: Option<&InputMethodControl>) {}

    fn theme(&self) -> Option<Theme> {
        None
    }

    fn come_forward(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wake_ups_are_one() {
        let (waker, sleeper) = waker();
        for _ in 0..1000 {
            waker.wake();
        }
        let before = Instant::now();
        sleeper.sleep(None);
        assert!(before.elapsed() < LONGEST_SLEEP / 2);
        let deadline = Instant::now() + Duration::from_millis(20);
        sleeper.sleep(Some(deadline));
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn a_wake_up_after_the_end_is_harmless() {
        let (waker, sleeper) = waker();
        drop(sleeper);
        waker.clone_box().wake();
    }
}
