/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The information page, `servo:capture`: who may capture, what is captured now and what was, and
//! the means to stop it.
//!
//! How it is kept the user's alone:
//! * its address gives a page without information (`protocol.rs`);
//! * what it shows goes only to the tab that the shell itself opened for it, which never shows
//!   another page: web pages can neither open such a tab nor take it elsewhere;
//! * its buttons are navigations to `servo:capture?…` with a random token that is handed to that
//!   tab only. The shell takes them from that tab only, and carries out none of them as a
//!   navigation. Every other page that wants to go to `servo:` is refused.

mod facts;
mod link;
mod protocol;
mod state;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use servo::{WebView, WebViewId};
use servo_capture::policy::OriginPattern;
use servo_capture::{CaptureControl, ControlError, SessionId};
use url::Url;
use uuid::Uuid;

pub use self::facts::Facts;
pub use self::link::Link;
pub use self::protocol::{ADDRESS, InformationProtocol, SCHEME, is_information};
use self::state::State;
use crate::output;
use crate::shell::Shell;

/// What the shell needs for the page.
pub struct Information {
    /// The capture service.
    pub control: CaptureControl,
    /// What the service's thread leaves for the shell.
    pub link: Arc<Link>,
    /// The preferences.
    pub facts: Arc<Facts>,
    tab: RefCell<Option<Tab>>,
}

/// The tab that shows it.
struct Tab {
    webview: WebViewId,
    token: String,
}

/// What the person wants.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Command {
    StopAll,
    Stop(SessionId),
    Revoke(OriginPattern),
}

impl Information {
    /// No tab shows it.
    pub fn new(control: CaptureControl, link: Arc<Link>, facts: Arc<Facts>) -> Self {
        Self {
            control,
            link,
            facts,
            tab: RefCell::default(),
        }
    }

    /// The tab that shows it, if there is one.
    pub fn tab(&self) -> Option<WebViewId> {
        self.tab.borrow().as_ref().map(|tab| tab.webview)
    }

    /// This tab was opened for it.
    pub fn opened(&self, webview: WebViewId) {
        let token = Uuid::new_v4().simple().to_string();
        self.tab.replace(Some(Tab { webview, token }));
    }

    /// This tab is closed, or about to show something else.
    pub fn left(&self, webview: WebViewId) {
        if self.tab() == Some(webview) {
            self.tab.take();
        }
    }

    /// Hands the page what it shows, if this is its tab.
    pub fn show(&self, webview: &WebView) {
        let tab = self.tab.borrow();
        let Some(tab) = tab.as_ref().filter(|tab| tab.webview == webview.id()) else {
            return;
        };
        let status = self.control.status();
        let state = State::new(&status, &self.facts.preferences(), Instant::now());
        let (Ok(state), Ok(address)) = (
            serde_json::to_string(&state),
            serde_json::to_string(ADDRESS),
        ) else {
            return;
        };
        // The page says again who it is, in case that it has just gone.
        let script = format!(
            "if (location.href.split('#')[0] === {address}) \
             globalThis.captureInformation?.show({state}, \"{}\")",
            tab.token
        );
        // A page that is not there yet is shown it when it has loaded.
        webview.evaluate_javascript(script, |_| {});
    }

    /// Whether a page may go there. Its own tab is for nothing else (Servo asks when it is loaded
    /// again), and nobody else is led to it. What its buttons say is carried out.
    pub fn may_navigate(&self, webview: WebViewId, url: &Url) -> bool {
        let tab = self.tab.borrow();
        match tab.as_ref().filter(|tab| tab.webview == webview) {
            Some(tab) => {
                if let Some(command) = parse(url, &tab.token)
                    && let Err(error) = self.carry_out(command)
                {
                    output::complain(format_args!("{error}"));
                }
                is_information(url)
            }
            None => url.scheme() != SCHEME,
        }
    }

    fn carry_out(&self, command: Command) -> Result<(), ControlError> {
        match command {
            Command::StopAll => self.control.stop_all(),
            Command::Stop(session) => self.control.stop(session),
            Command::Revoke(pattern) => self.control.revoke(pattern),
        }
    }
}

/// What a button says, if it knows the token.
fn parse(url: &Url, token: &str) -> Option<Command> {
    if url.scheme() != SCHEME || url.path() != "capture" {
        return None;
    }
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    if value("token")? != token {
        return None;
    }
    Some(match value("do")?.as_str() {
        "stop-all" => Command::StopAll,
        "stop" => Command::Stop(SessionId(value("session")?.parse().ok()?)),
        "revoke" => Command::Revoke(value("pattern")?.parse().ok()?),
        _ => return None,
    })
}

impl Shell {
    /// Brings the information page to the front; opens it if there is none.
    pub fn show_information(self: &Rc<Self>) {
        let open = self
            .information
            .tab()
            .filter(|id| self.webview(*id).is_some());
        match (open, Url::parse(ADDRESS)) {
            (Some(id), _) => self.activate(id),
            (None, Ok(url)) => {
                if let Err(error) = self.open(url) {
                    output::complain(format_args!("cannot open a page: {error:#}"));
                }
            }
            (None, Err(error)) => output::complain(format_args!("{ADDRESS}: {error}")),
        }
        self.frontend.come_forward();
    }

    /// Does what the service's thread has left to do.
    pub fn inform(self: &Rc<Self>) {
        if self.information.link.take_wish() && self.frontend.can_prompt() {
            self.show_information();
        }
        if self.information.link.take_change() {
            self.frontend.changed();
            if let Some(webview) = self.information.tab().and_then(|id| self.webview(id)) {
                self.information.show(&webview);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Option<Command>) {
        assert_eq!(
            parse(&Url::parse(address).unwrap(), "t0ken"),
            expected,
            "{address}"
        );
    }

    #[test]
    fn a_button_is_understood_with_its_token() {
        check(
            "servo:capture?token=t0ken&do=stop-all",
            Some(Command::StopAll),
        );
        check(
            "servo:capture?token=t0ken&do=stop&session=7",
            Some(Command::Stop(SessionId(7))),
        );
        check(
            "servo:capture?token=t0ken&do=revoke&pattern=https%3A%2F%2F%5B*.%5Dwall.example%3A443",
            Some(Command::Revoke(
                "https://[*.]wall.example:443".parse().unwrap(),
            )),
        );
    }

    #[test]
    fn whoever_does_not_know_the_token_commands_nothing() {
        for address in [
            "servo:capture",
            "servo:capture?do=stop-all",
            "servo:capture?token=&do=stop-all",
            "servo:capture?token=t0ke&do=stop-all",
            "servo:capture?token=other&token=t0ken&do=stop-all",
            "servo:other?token=t0ken&do=stop-all",
            "https://capture/?token=t0ken&do=stop-all",
            "servo:capture?token=t0ken&do=allow&pattern=*",
            "servo:capture?token=t0ken&do=stop&session=-1",
            "servo:capture?token=t0ken&do=revoke&pattern=no%20pattern",
        ] {
            check(address, None);
        }
    }
}
