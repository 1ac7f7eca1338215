/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What Servo tells the browser about its pages.

use std::path::PathBuf;
use std::rc::Rc;

use servo::{
    AuthenticationRequest, ConsoleLogLevel, CreateNewWebViewRequest, Cursor, DeviceIntPoint,
    DeviceIntRect, DeviceIntSize, EmbedderControl, EmbedderControlId, InputEventId,
    InputEventResult, LoadStatus, NavigationRequest, PermissionRequest, ScreenGeometry,
    SimpleDialog, TraversalId, WebView, WebViewDelegate,
};
use url::{Origin, Url};

use crate::output;
use crate::prompts::{Prompt, Request};
use crate::shell::{EXIT_PAGE_FAILED, Shell};

impl WebViewDelegate for Shell {
    fn screen_geometry(&self, webview: WebView) -> Option<ScreenGeometry> {
        self.frontend.screen_geometry(&webview)
    }

    fn notify_url_changed(&self, webview: WebView, _url: Url) {
        if let Some(webdriver) = &self.webdriver {
            webdriver.address_changed(webview.id());
        }
        self.frontend.changed();
    }

    fn notify_page_title_changed(&self, _webview: WebView, _title: Option<String>) {
        self.frontend.changed();
    }

    fn notify_status_text_changed(&self, _webview: WebView, _status: Option<String>) {
        self.frontend.changed();
    }

    fn notify_history_changed(&self, _webview: WebView, _entries: Vec<Url>, _current: usize) {
        self.frontend.changed();
    }

    fn notify_load_status_changed(&self, webview: WebView, status: LoadStatus) {
        if status == LoadStatus::Complete {
            if self.loaded.get().is_none() {
                self.loaded.set(Some(std::time::Instant::now()));
            }
            self.information.show(&webview);
            if let Some(webdriver) = &self.webdriver {
                webdriver.page_loaded(webview.id());
            }
        }
        self.frontend.changed();
    }

    fn request_navigation(&self, webview: WebView, request: NavigationRequest) {
        if self.information.may_navigate(webview.id(), &request.url) {
            request.allow();
        } else {
            request.deny();
        }
    }

    fn notify_traversal_complete(&self, _webview: WebView, traversal: TraversalId) {
        if let Some(webdriver) = &self.webdriver {
            webdriver.traversal_complete(&traversal);
        }
    }

    fn notify_cursor_changed(&self, webview: WebView, cursor: Cursor) {
        if self.active().is_some_and(|active| active == webview) {
            self.frontend.set_cursor(cursor);
        }
    }

    fn notify_new_frame_ready(&self, webview: WebView) {
        self.frontend.frame_ready(&webview);
    }

    fn notify_closed(&self, webview: WebView) {
        self.close(webview.id());
    }

    fn notify_input_event_handled(
        &self,
        _webview: WebView,
        event: InputEventId,
        _result: InputEventResult,
    ) {
        if let Some(webdriver) = &self.webdriver {
            webdriver.input_handled(event);
        }
    }

    fn notify_crashed(&self, webview: WebView, reason: String, backtrace: Option<String>) {
        output::complain(format_args!(
            "the page crashed: {}",
            output::one_line(&reason)
        ));
        if let Some(backtrace) = backtrace {
            log::error!("{backtrace}");
        }
        self.forget_requests(webview.id());
        // Servo puts a page in its place that says so and offers to reload.
        if !self.frontend.can_prompt() && self.webdriver.is_none() {
            self.request_exit(EXIT_PAGE_FAILED);
        }
        self.frontend.changed();
    }

    fn notify_fullscreen_state_changed(&self, _webview: WebView, is_fullscreen: bool) {
        self.frontend.set_fullscreen(is_fullscreen);
    }

    fn request_move_to(&self, webview: WebView, point: DeviceIntPoint) {
        if let Some(geometry) = self.frontend.screen_geometry(&webview) {
            let size = geometry.window_rect.size();
            self.frontend
                .set_window_rect(&webview, DeviceIntRect::from_origin_and_size(point, size));
        }
    }

    fn request_resize_to(&self, webview: WebView, size: DeviceIntSize) {
        if let Some(geometry) = self.frontend.screen_geometry(&webview) {
            let size = size.min(geometry.size);
            let rect = DeviceIntRect::from_origin_and_size(geometry.window_rect.min, size);
            self.frontend.set_window_rect(&webview, rect);
        }
    }

    fn request_create_new(&self, parent: WebView, request: CreateNewWebViewRequest) {
        // A request that is dropped makes `window.open()` return null.
        match self.frontend.rendering_context() {
            Ok(context) => {
                let webview = request
                    .builder(context)
                    .hidpi_scale_factor(self.frontend.scale())
                    .delegate(parent.delegate())
                    .build();
                self.adopt(webview);
            }
            Err(error) => output::complain(format_args!("cannot open a page: {error:#}")),
        }
    }

    fn request_permission(&self, webview: WebView, request: PermissionRequest) {
        self.prompt(Prompt {
            webview: webview.id(),
            origin: origin_of(webview.url()),
            request: Request::Permission(request),
        });
    }

    fn request_authentication(&self, webview: WebView, request: AuthenticationRequest) {
        let origin = origin_of(Some(request.url().clone()));
        self.prompt(Prompt {
            webview: webview.id(),
            origin,
            request: Request::Authentication {
                request,
                user: String::new(),
                password: String::new(),
            },
        });
    }

    fn show_embedder_control(&self, webview: WebView, control: EmbedderControl) {
        let request = match control {
            EmbedderControl::InputMethod(field) => {
                self.frontend.set_text_input(Some(&field));
                return;
            }
            EmbedderControl::SelectElement(select) => Request::Select(select),
            EmbedderControl::ColorPicker(picker) => Request::Color {
                color: picker
                    .current_color()
                    .map_or([0; 3], |color| [color.red, color.green, color.blue]),
                picker,
            },
            EmbedderControl::FilePicker(picker) => Request::File {
                folder: start_folder(picker.current_paths()),
                chosen: picker.current_paths().to_vec(),
                picker,
            },
            EmbedderControl::SimpleDialog(dialog) => Request::Dialog {
                text: match &dialog {
                    SimpleDialog::Prompt(prompt) => prompt.current_value().to_owned(),
                    SimpleDialog::Alert(_) | SimpleDialog::Confirm(_) => String::new(),
                },
                dialog,
            },
            EmbedderControl::ContextMenu(menu) => Request::Menu(menu),
        };
        self.prompt(Prompt {
            webview: webview.id(),
            origin: origin_of(webview.url()),
            request,
        });
    }

    fn hide_embedder_control(&self, _webview: WebView, control: EmbedderControlId) {
        self.frontend.set_text_input(None);
        self.prompts
            .borrow_mut()
            .retain(|prompt| prompt.request.control_id() != Some(control));
        self.frontend.changed();
    }

    fn show_console_message(&self, _webview: WebView, level: ConsoleLogLevel, message: String) {
        log::log!(target: "console", level.into(), "{message}");
        self.print_console(&message);
    }
}

/// Console messages of nobody's page: service workers.
pub struct ShellServoDelegate(pub std::rc::Weak<Shell>);

impl servo::ServoDelegate for ShellServoDelegate {
    fn show_console_message(&self, level: ConsoleLogLevel, message: String) {
        log::log!(target: "console", level.into(), "{message}");
        if let Some(shell) = self.0.upgrade() {
            shell.print_console(&message);
        }
    }

    fn notify_error(&self, error: servo::ServoError) {
        output::complain(format_args!("Servo reports {error:?}"));
    }
}

impl Shell {
    /// Makes the shell hear what is nobody's page's.
    pub fn listen(self: &Rc<Self>) {
        self.servo
            .set_delegate(Rc::new(ShellServoDelegate(Rc::downgrade(self))));
    }
}

/// Who a page is, as a person is told.
fn origin_of(url: Option<Url>) -> String {
    match url.as_ref().map(|url| (url, url.origin())) {
        None => "this page".to_owned(),
        Some((_, origin @ Origin::Tuple(..))) => origin.ascii_serialization(),
        Some((url, Origin::Opaque(_))) => url.to_string(),
    }
}

fn start_folder(chosen: &[PathBuf]) -> PathBuf {
    chosen
        .first()
        .and_then(|path| path.parent())
        .map(PathBuf::from)
        .or_else(std::env::home_dir)
        .unwrap_or_else(|| PathBuf::from("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_the_origin_and_not_the_whole_address() {
        let check = |url: &str, expected: &str| {
            assert_eq!(origin_of(Some(Url::parse(url).unwrap())), expected);
        };
        check(
            "https://bank.example/a?b=https://good.example",
            "https://bank.example",
        );
        check("http://127.0.0.1:8000/x", "http://127.0.0.1:8000");
        check("file:///srv/page.html", "file:///srv/page.html");
        assert_eq!(origin_of(None), "this page");
    }
}
