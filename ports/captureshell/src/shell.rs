/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the browser is, with a window or without: Servo, its pages, and what they ask for.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use euclid::Scale;
use servo::{
    Cursor, DeviceIndependentPixel, DeviceIntRect, DevicePixel, InputMethodControl,
    JavaScriptEvaluationError, RenderingContext, ScreenGeometry, Servo, Theme, WebView,
    WebViewBuilder, WebViewId,
};
use url::Url;

use crate::information::{Information, is_information};
use crate::output;
use crate::prompts::{Prompt, Request};
use crate::screens::ScreensDesk;
use crate::tabs::Tabs;
use crate::webdriver::WebDriver;

/// A program that ended well.
pub const EXIT_SUCCESS: u8 = 0;
/// Something the program needs is missing (`EX_UNAVAILABLE`).
pub const EXIT_UNAVAILABLE: u8 = 69;
/// The page crashed or never loaded (`EX_SOFTWARE`).
pub const EXIT_PAGE_FAILED: u8 = 70;
/// A file could not be written (`EX_CANTCREAT`).
pub const EXIT_CANNOT_WRITE: u8 = 73;
/// The configuration is wrong (`EX_CONFIG`).
pub const EXIT_CONFIGURATION: u8 = 78;

/// What shows pages: a window, or nothing but memory.
pub trait Frontend {
    /// What a new page is painted to.
    ///
    /// # Errors
    /// When the graphics system gives none.
    fn rendering_context(&self) -> anyhow::Result<Rc<dyn RenderingContext>>;

    /// Device pixels per density-independent pixel.
    fn scale(&self) -> Scale<f32, DeviceIndependentPixel, DevicePixel>;

    /// A page has something new to paint.
    fn frame_ready(&self, webview: &WebView);

    /// A title, an address, the list of tabs or of prompts has changed.
    fn changed(&self);

    /// The screen and the window, for `window.screen` and its like. Called while Servo lays out:
    /// must not call back into Servo.
    fn screen_geometry(&self, webview: &WebView) -> Option<ScreenGeometry>;

    /// Moves and resizes the window with its frame; returns where it is then, in device pixels.
    fn set_window_rect(&self, webview: &WebView, rect: DeviceIntRect) -> DeviceIntRect;

    /// Where the window is on the desktop, in device pixels; `None` if it is nowhere, or the
    /// system does not tell. Cheap.
    fn place(&self) -> Option<DeviceIntRect>;

    /// Makes the window as large as the screen; returns where it is then, in device pixels.
    fn maximize(&self, webview: &WebView) -> DeviceIntRect;

    /// A page entered or left full screen.
    fn set_fullscreen(&self, is_fullscreen: bool);

    /// The pointer's shape over the page has changed.
    fn set_cursor(&self, cursor: Cursor);

    /// Whether somebody can answer prompts.
    fn can_prompt(&self) -> bool;

    /// A field takes text (`None`: no longer).
    fn set_text_input(&self, field: Option<&InputMethodControl>);

    /// Whether pages are to be light or dark, where the system says so.
    fn theme(&self) -> Option<Theme>;

    /// Somebody who is not in the window wants to see what it shows.
    fn come_forward(&self);
}

/// The browser.
pub struct Shell {
    /// What shows the pages.
    pub frontend: Rc<dyn Frontend>,
    /// All pages.
    pub tabs: RefCell<Tabs<WebView>>,
    /// What pages ask for, oldest first.
    pub prompts: RefCell<Vec<Prompt>>,
    /// The WebDriver commands, if somebody may give them.
    pub webdriver: Option<WebDriver>,
    /// What people are told of captures.
    pub information: Information,
    /// When the first page began to load.
    pub started: Cell<Option<Instant>>,
    /// When the first page had loaded.
    pub loaded: Cell<Option<Instant>>,
    screens: Arc<ScreensDesk>,
    print_console: bool,
    /// The first page, which waits until people have been told that pages may capture.
    first: RefCell<Option<Url>>,
    exit: Cell<Option<u8>>,
    /// Closed pages. They must not be dropped while Servo is calling us.
    closed: RefCell<Vec<WebView>>,
    /// Dropped last: waits for Servo to end.
    pub servo: Servo,
}

impl Shell {
    /// A browser without pages; `first` is the page to begin with.
    pub fn new(
        servo: Servo,
        frontend: Rc<dyn Frontend>,
        webdriver: Option<WebDriver>,
        information: Information,
        screens: Arc<ScreensDesk>,
        print_console: bool,
        first: Url,
    ) -> Rc<Self> {
        Rc::new(Self {
            frontend,
            tabs: RefCell::default(),
            prompts: RefCell::default(),
            webdriver,
            information,
            started: Cell::default(),
            loaded: Cell::default(),
            screens,
            print_console,
            first: RefCell::new(Some(first)),
            exit: Cell::default(),
            closed: RefCell::default(),
            servo,
        })
    }

    /// Opens the first page, once. People have been told what is to be known before.
    ///
    /// # Errors
    /// When there is nothing to paint it to.
    pub fn open_first(self: &Rc<Self>) -> anyhow::Result<()> {
        // Taken before anything is opened: nothing waits for it any more.
        let first = self.first.take();
        first.map_or(Ok(()), |first| self.open(first).map(drop))
    }

    /// Opens `url` in a new tab, which comes to the front.
    ///
    /// # Errors
    /// When there is nothing to paint it to.
    pub fn open(self: &Rc<Self>, url: Url) -> anyhow::Result<WebView> {
        let is_information = is_information(&url);
        let webview = WebViewBuilder::new(&self.servo, self.frontend.rendering_context()?)
            .hidpi_scale_factor(self.frontend.scale())
            .delegate(self.clone())
            .url(url)
            .build();
        if self.started.get().is_none() {
            self.started.set(Some(Instant::now()));
        }
        if is_information {
            self.information.opened(webview.id());
        }
        self.adopt(webview.clone());
        Ok(webview)
    }

    /// Shows a page that Servo made.
    pub fn adopt(&self, webview: WebView) {
        if let Some(theme) = self.frontend.theme() {
            webview.notify_theme_change(theme);
        }
        self.tabs.borrow_mut().open(webview);
        self.show_active();
    }

    /// The page in front.
    pub fn active(&self) -> Option<WebView> {
        self.tabs.borrow().active().cloned()
    }

    /// The page with this id, if it is open.
    pub fn webview(&self, id: WebViewId) -> Option<WebView> {
        self.tabs
            .borrow()
            .iter()
            .find(|webview| webview.id() == id)
            .cloned()
    }

    /// Brings a page to the front.
    pub fn activate(&self, id: WebViewId) {
        {
            let mut tabs = self.tabs.borrow_mut();
            if let Some(index) = tabs.position(|webview| webview.id() == id) {
                tabs.activate(index);
            }
        }
        self.show_active();
    }

    /// Makes the active page the one that is seen.
    pub fn show_active(&self) {
        let tabs = self.tabs.borrow();
        let active = tabs.active_index();
        for (index, webview) in tabs.iter().enumerate() {
            // Without a window each page has a context of its own and is always painted.
            if index == active || !self.frontend.can_prompt() {
                webview.show();
            } else {
                webview.hide();
            }
            webview.set_focused(index == active);
        }
        if let Some(webview) = tabs.active() {
            self.frontend.frame_ready(webview);
            self.frontend.set_cursor(Cursor::Default);
        }
        drop(tabs);
        self.frontend.changed();
    }

    /// Closes a page. Without pages the browser ends, unless WebDriver may open new ones.
    pub fn close(&self, id: WebViewId) {
        {
            let mut tabs = self.tabs.borrow_mut();
            let Some(index) = tabs.position(|webview| webview.id() == id) else {
                return;
            };
            if let Some(webview) = tabs.close(index) {
                self.closed.borrow_mut().push(webview);
            }
            if tabs.is_empty() && self.webdriver.is_none() {
                self.request_exit(EXIT_SUCCESS);
            }
        }
        self.information.left(id);
        self.forget_requests(id);
        self.show_active();
    }

    /// Answers all requests of a page with no.
    pub fn forget_requests(&self, id: WebViewId) {
        self.prompts
            .borrow_mut()
            .retain(|prompt| prompt.webview != id);
        if let Some(webdriver) = &self.webdriver {
            webdriver.page_gone(id);
        }
    }

    /// Takes a request, or answers it with no where nobody can say anything else.
    pub fn prompt(&self, prompt: Prompt) {
        let kind = prompt.request.webdriver_kind();
        let webdriver = self.webdriver.as_ref().filter(|_| kind.is_some());
        if !self.frontend.can_prompt() && webdriver.is_none() {
            prompt.request.dismiss();
            return;
        }
        if let Some(webdriver) = webdriver {
            webdriver.prompt_shown(prompt.webview);
        }
        self.prompts.borrow_mut().push(prompt);
        self.frontend.changed();
    }

    /// Lets Servo, WebDriver and what they ask for make progress.
    pub fn turn(self: &Rc<Self>) {
        self.servo.spin_event_loop();
        // WebDriver could open a page before the first.
        let may_open = self.first.borrow().is_none();
        if may_open {
            self.inform();
        }
        if let Some(webdriver) = self.webdriver.as_ref().filter(|_| may_open) {
            webdriver.handle_commands(self);
        }
        self.screens.window_is_at(self.frontend.place());
        self.ask_about_screens();
        self.closed.take();
    }

    /// Asks what the capture service wants to know. Without anybody to ask, or without the page, it
    /// hears nothing, which is no.
    fn ask_about_screens(&self) {
        for question in self.screens.take_questions() {
            if self.frontend.can_prompt() && self.webview(question.webview).is_some() {
                self.prompt(Prompt {
                    webview: question.webview,
                    origin: question.origin.clone(),
                    request: Request::Screens(question),
                });
            }
        }
    }

    /// The exit code, once the browser is to end.
    pub fn exit_code(&self) -> Option<u8> {
        self.exit.get()
    }

    /// Ends the browser after the current turn. The first code wins.
    pub fn request_exit(&self, code: u8) {
        if self.exit.get().is_none() {
            self.exit.set(Some(code));
        }
    }

    /// Writes a console message, if they are to be written.
    pub fn print_console(&self, message: &str) {
        if !self.print_console {
            return;
        }
        if let Err(error) = output::print_line(&output::one_line(message)) {
            if error.kind() != io::ErrorKind::BrokenPipe {
                output::complain(format_args!("cannot write to standard output: {error}"));
            }
            // Whoever read it has gone: nothing is left to do.
            self.request_exit(EXIT_SUCCESS);
        }
    }

    /// Makes Servo notice pages whose process has gone: it does so only when it has something to
    /// tell them.
    pub fn find_crashed(self: &Rc<Self>) {
        for webview in self.tabs.borrow().iter() {
            let (shell, id) = (Rc::downgrade(self), webview.id());
            webview.evaluate_javascript("undefined", move |result| {
                if let (Err(JavaScriptEvaluationError::InternalError), Some(shell)) =
                    (result, shell.upgrade())
                    && let Some(webview) = shell.webview(id)
                {
                    // That nobody is there to load it again is what Servo takes for a crash.
                    webview.reload();
                }
            });
        }
    }

    /// Closes all pages, so that dropping the shell ends Servo.
    pub fn shut_down(&self) {
        self.prompts.take();
        if let Some(webdriver) = &self.webdriver {
            webdriver.shut_down();
        }
        let pages = self.tabs.borrow_mut().take_all();
        drop(pages);
        self.closed.take();
    }
}
