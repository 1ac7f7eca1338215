/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! WebDriver: what the server passes on to the browser. Commands for a document go on to Servo,
//! those for windows, loads, input and prompts are carried out here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;

use crossbeam_channel::{Receiver, Sender};
use euclid::{Rect, Scale};
use servo::{
    DeviceIndependentIntRect, EventLoopWaker, GenericSender, InputEvent, InputEventId, JSValue,
    Preferences, TraversalId, WebDriverCommandMsg, WebDriverJSResult, WebDriverLoadStatus,
    WebDriverScriptCommand, WebDriverUserPromptAction, WebView, WebViewId, WebViewRect,
};
use url::Url;

use crate::prompts::Request;
use crate::shell::{EXIT_SUCCESS, Shell};

/// The commands that wait, and whom to tell when they are done.
pub struct WebDriver {
    commands: Receiver<WebDriverCommandMsg>,
    waiting: RefCell<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Told when a page has loaded, or cannot go on without an answer.
    loads: HashMap<WebViewId, GenericSender<WebDriverLoadStatus>>,
    /// Told when a page's address has changed, where nothing is loaded.
    steps: HashMap<WebViewId, GenericSender<WebDriverLoadStatus>>,
    /// Told when going back or forward is done.
    traversals: HashMap<TraversalId, GenericSender<WebDriverLoadStatus>>,
    /// Told when the page has handled an input event.
    inputs: HashMap<InputEventId, Sender<()>>,
    /// Told that a script that waits for an answer to `alert()` will not return.
    script: Option<GenericSender<WebDriverJSResult>>,
}

/// Finds out whether `port` of the loopback interface is free, and which one is when `port` is 0.
/// The server itself runs on a thread of its own and could only panic there.
///
/// # Errors
/// When the port is in use or needs privileges.
pub fn free_port(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?
        .local_addr()?
        .port())
}

impl WebDriver {
    /// Starts the server on `port` of the loopback interface. Servo must be running.
    pub fn start(port: u16, waker: Box<dyn EventLoopWaker>, preferences: Preferences) -> Self {
        // Bounded by the server, which has one command under way at a time, plus input events
        // of one action sequence.
        let (sender, commands) = crossbeam_channel::unbounded();
        webdriver_server::start_server(port, sender, waker, preferences);
        Self {
            commands,
            waiting: RefCell::default(),
        }
    }

    /// Carries out the commands that have come in.
    pub fn handle_commands(&self, shell: &Rc<Shell>) {
        while let Ok(command) = self.commands.try_recv() {
            self.handle(shell, command);
        }
    }

    fn handle(&self, shell: &Rc<Shell>, command: WebDriverCommandMsg) {
        use WebDriverCommandMsg as Command;
        // That the server has gone before it got its answer is its own affair.
        match command {
            Command::IsBrowsingContextOpen(..) | Command::FocusBrowsingContext(..) => {
                shell.servo.execute_webdriver_command(command);
            }
            Command::ScriptCommand(_, ref script) => {
                self.note_script(script);
                shell.servo.execute_webdriver_command(command);
            }
            Command::Shutdown => shell.request_exit(EXIT_SUCCESS),
            Command::ResetAllCookies(sender) => {
                shell
                    .servo
                    .site_data_manager()
                    .clear_cookies(Some(Box::new(move || {
                        let _ = sender.send(());
                    })));
            }
            Command::IsWebViewOpen(id, sender) => {
                let _ = sender.send(shell.webview(id).is_some());
            }
            Command::GetAllWebViews(sender) => {
                let all = shell.tabs.borrow().iter().map(WebView::id).collect();
                let _ = sender.send(all);
            }
            Command::GetWebViewSelectedForInteraction(sender) => {
                let _ = sender.send(shell.active().map(|webview| webview.id()));
            }
            Command::SelectWebViewForInteraction(id) => shell.activate(id),
            Command::NewWindow(_, id, load) => self.new_window(shell, |webview| {
                if let Some(load) = load {
                    self.waiting.borrow_mut().loads.insert(webview.id(), load);
                }
                let _ = id.send(webview.id());
            }),
            Command::CloseWebView(id, sender) => {
                shell.close(id);
                let _ = sender.send(());
            }
            Command::LoadUrl(id, url, load) => {
                if let Some(webview) = shell.webview(id) {
                    // The information page shows nothing in a tab that goes to and fro.
                    shell.information.left(id);
                    self.load(&webview, url, load);
                }
            }
            Command::Refresh(id, load) => {
                if let Some(webview) = shell.webview(id) {
                    self.waiting.borrow_mut().loads.insert(id, load);
                    webview.reload();
                }
            }
            Command::GoBack(id, load) => match shell.webview(id) {
                Some(webview) if webview.can_go_back() => {
                    let traversal = webview.go_back(1);
                    self.waiting.borrow_mut().traversals.insert(traversal, load);
                }
                _ => drop(load.send(WebDriverLoadStatus::NavigationStop)),
            },
            Command::GoForward(id, load) => match shell.webview(id) {
                Some(webview) if webview.can_go_forward() => {
                    let traversal = webview.go_forward(1);
                    self.waiting.borrow_mut().traversals.insert(traversal, load);
                }
                _ => drop(load.send(WebDriverLoadStatus::NavigationStop)),
            },
            Command::InputEvent(id, event, handled) => {
                self.input(shell, id, event, handled);
            }
            Command::TakeScreenshot(id, rect, sender) => {
                if let Some(webview) = shell.webview(id) {
                    let rect = rect.map(|rect| WebViewRect::Page(rect.to_box2d()));
                    webview.take_screenshot(rect, move |image| drop(sender.send(image)));
                }
            }
            Command::GetViewportSize(id, sender) => {
                if let Some(webview) = shell.webview(id) {
                    let _ = sender.send(webview.size() / webview.hidpi_scale_factor());
                }
            }
            Command::GetWindowRect(id, sender) => {
                if let Some(webview) = shell.webview(id) {
                    let _ = sender.send(window_rect(shell, &webview));
                }
            }
            Command::SetWindowRect(id, rect, sender) => {
                if let Some(webview) = shell.webview(id) {
                    let scale = webview.hidpi_scale_factor();
                    let rect = (rect.to_f32() * scale).round().to_i32();
                    let rect = shell.frontend.set_window_rect(&webview, rect);
                    let _ = sender.send((rect.to_f32() / scale).round().to_i32());
                }
            }
            Command::MaximizeWebView(id, sender) => {
                if let Some(webview) = shell.webview(id) {
                    let rect = shell.frontend.maximize(&webview).to_f32();
                    let rect = rect / webview.hidpi_scale_factor();
                    let _ = sender.send(rect.round().to_i32());
                }
            }
            Command::CurrentUserPrompt(id, sender) => {
                let kind = newest_prompt(shell, id, |request| request.webdriver_kind());
                let _ = sender.send(kind.flatten());
            }
            Command::GetAlertText(id, sender) => {
                let text = newest_prompt(shell, id, |request| request.message());
                let _ = sender.send(text.ok_or(()));
            }
            Command::SendAlertText(id, typed) => {
                newest_prompt(shell, id, |request| {
                    if let Request::Dialog { text, .. } = request {
                        *text = typed;
                    }
                });
            }
            Command::HandleUserPrompt(id, action, sender) => {
                let _ = sender.send(answer_prompt(shell, id, &action).ok_or(()));
            }
        }
    }

    fn new_window(&self, shell: &Rc<Shell>, tell: impl FnOnce(&WebView)) {
        let active = shell.active().map(|webview| webview.id());
        let Ok(blank) = Url::parse("about:blank") else {
            return;
        };
        match shell.open(blank) {
            Ok(webview) => {
                tell(&webview);
                // Opening one for WebDriver does not select it.
                if let Some(active) = active {
                    shell.activate(active);
                }
            }
            Err(error) => crate::output::complain(format_args!("cannot open a page: {error:#}")),
        }
    }

    fn load(&self, webview: &WebView, url: Url, load: GenericSender<WebDriverLoadStatus>) {
        let step = step(webview.url().as_ref(), &url);
        webview.load(url);
        let mut waiting = self.waiting.borrow_mut();
        match step {
            Step::None => drop(load.send(WebDriverLoadStatus::Complete)),
            Step::WithinDocument => drop(waiting.steps.insert(webview.id(), load)),
            Step::Load => drop(waiting.loads.insert(webview.id(), load)),
        }
    }

    fn input(
        &self,
        shell: &Rc<Shell>,
        id: WebViewId,
        event: InputEvent,
        handled: Option<Sender<()>>,
    ) {
        if let Some(webview) = shell.webview(id) {
            // A page that waits for an answer handles nothing, and whoever gives the command has to
            // be free to answer.
            let is_stuck = newest_prompt(shell, id, |_| ()).is_some();
            let event = webview.notify_input_event(event);
            if let Some(handled) = handled
                && !is_stuck
            {
                self.waiting.borrow_mut().inputs.insert(event, handled);
            }
        }
    }

    fn note_script(&self, command: &WebDriverScriptCommand) {
        let mut waiting = self.waiting.borrow_mut();
        match command {
            WebDriverScriptCommand::ExecuteScriptWithCallback(_, sender) => {
                waiting.script = Some(sender.clone());
            }
            WebDriverScriptCommand::AddLoadStatusSender(id, sender) => {
                waiting.loads.insert(*id, sender.clone());
            }
            WebDriverScriptCommand::RemoveLoadStatusSender(id) => {
                waiting.loads.remove(id);
            }
            _ => waiting.script = None,
        }
    }

    /// A page has loaded.
    pub fn page_loaded(&self, id: WebViewId) {
        self.tell_load(id, WebDriverLoadStatus::Complete);
    }

    /// A page has another address.
    pub fn address_changed(&self, id: WebViewId) {
        let step = self.waiting.borrow_mut().steps.remove(&id);
        if let Some(step) = step {
            let _ = step.send(WebDriverLoadStatus::Complete);
        }
    }

    /// A page was closed or crashed: what waits for it need not wait on.
    pub fn page_gone(&self, id: WebViewId) {
        self.tell_load(id, WebDriverLoadStatus::Timeout);
        self.address_changed(id);
    }

    fn tell_load(&self, id: WebViewId, status: WebDriverLoadStatus) {
        let load = self.waiting.borrow_mut().loads.remove(&id);
        if let Some(load) = load {
            let _ = load.send(status);
        }
    }

    /// Going back or forward is done.
    pub fn traversal_complete(&self, traversal: &TraversalId) {
        let load = self.waiting.borrow_mut().traversals.remove(traversal);
        if let Some(load) = load {
            let _ = load.send(WebDriverLoadStatus::Complete);
        }
    }

    /// A page has handled an input event.
    pub fn input_handled(&self, event: InputEventId) {
        let handled = self.waiting.borrow_mut().inputs.remove(&event);
        if let Some(handled) = handled {
            let _ = handled.send(());
        }
    }

    /// A page waits for an answer of the person: neither its load, nor its script, nor the input
    /// it was given goes on.
    pub fn prompt_shown(&self, id: WebViewId) {
        let script = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.inputs.clear();
            if let Some(load) = waiting.loads.get(&id) {
                let _ = load.send(WebDriverLoadStatus::Blocked);
            }
            waiting.script.clone()
        };
        if let Some(script) = script {
            let _ = script.send(Ok(JSValue::Null));
        }
    }

    /// Forgets whoever waits.
    pub fn shut_down(&self) {
        self.waiting.take();
    }
}

/// What going to an address means.
#[derive(Debug, PartialEq)]
enum Step {
    /// A document is loaded.
    Load,
    /// Another part of the document is shown; nothing is loaded that could complete.
    WithinDocument,
    /// That part of the document is shown already.
    None,
}

fn step(from: Option<&Url>, to: &Url) -> Step {
    let without_fragment = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        url
    };
    match from {
        Some(from) if to.fragment().is_none() || without_fragment(from) != without_fragment(to) => {
            Step::Load
        }
        Some(from) if from == to => Step::None,
        Some(_) => Step::WithinDocument,
        None => Step::Load,
    }
}

fn window_rect(shell: &Shell, webview: &WebView) -> DeviceIndependentIntRect {
    let scale = webview.hidpi_scale_factor();
    let rect = shell.frontend.screen_geometry(webview).map_or_else(
        || Rect::from_size(webview.size()).to_box2d(),
        |geometry| geometry.window_rect.to_f32(),
    );
    (rect / Scale::new(scale.get())).round().to_i32()
}

fn newest_prompt<R>(
    shell: &Shell,
    id: WebViewId,
    use_it: impl FnOnce(&mut Request) -> R,
) -> Option<R> {
    let mut prompts = shell.prompts.borrow_mut();
    prompts
        .iter_mut()
        .rev()
        .find(|prompt| prompt.webview == id && prompt.request.webdriver_kind().is_some())
        .map(|prompt| use_it(&mut prompt.request))
}

/// Answers the newest prompt of a page and returns its text.
fn answer_prompt(
    shell: &Shell,
    id: WebViewId,
    action: &WebDriverUserPromptAction,
) -> Option<String> {
    let text = newest_prompt(shell, id, |request| request.message())?;
    if *action == WebDriverUserPromptAction::Ignore {
        return Some(text);
    }
    let mut prompts = shell.prompts.borrow_mut();
    let index = prompts
        .iter()
        .rposition(|prompt| prompt.webview == id && prompt.request.webdriver_kind().is_some())?;
    let request = prompts.remove(index).request;
    drop(prompts);
    match action {
        WebDriverUserPromptAction::Accept => request.accept(),
        WebDriverUserPromptAction::Dismiss | WebDriverUserPromptAction::Ignore => {
            request.dismiss();
        }
    }
    shell.frontend.changed();
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_fragment_is_a_step_within_the_document() {
        let check = |from: &str, to: &str, expected: Step| {
            let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
            assert_eq!(step(Some(&from), &to), expected, "{from} {to}");
        };
        check("http://a/x", "http://a/x", Step::Load);
        check("http://a/x#1", "http://a/x", Step::Load);
        check("http://a/x", "http://a/y#1", Step::Load);
        check("http://a/x", "http://a/x#1", Step::WithinDocument);
        check("http://a/x#1", "http://a/x#2", Step::WithinDocument);
        check("http://a/x#1", "http://a/x#1", Step::None);
        assert_eq!(step(None, &Url::parse("http://a/x#1").unwrap()), Step::Load);
    }

    #[test]
    fn a_port_in_use_is_an_error_and_not_a_panic() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(
            free_port(port).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        assert_ne!(free_port(0).unwrap(), 0);
    }
}
