/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use capture_test_rig::process::Stream;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::wait::eventually;

/// How long the browser may take to obey, in a debug build.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What the standard calls the reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Somebody in front of a browser that was started with `--webdriver 0`: looks at its tabs, clicks
/// and types.
#[derive(Debug)]
pub struct WebDriver {
    port: u16,
    session: String,
}

impl WebDriver {
    /// Begins a session.
    ///
    /// # Errors
    /// The browser serves no WebDriver.
    pub fn connect(browser: &Browser) -> Result<Self> {
        let port = |line: &str| {
            let (_, port) = line.split_once("WebDriver listens on 127.0.0.1:")?;
            port.trim().parse().ok()
        };
        let (port, _) = browser
            .process()
            .wait_for_line(Stream::Stderr, 0, TIMEOUT, port)?;
        let mut driver = Self {
            port,
            session: String::new(),
        };
        eventually("WebDriver listens", TIMEOUT, || {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
        })?;
        let capabilities = json!({ "alwaysMatch": { "pageLoadStrategy": "none" } });
        let answer = driver.request("POST", "", &json!({ "capabilities": capabilities }))?;
        driver.session = text(&answer["sessionId"])?;
        Ok(driver)
    }

    /// The tabs' names.
    ///
    /// # Errors
    /// The browser does not answer.
    pub fn tabs(&self) -> Result<Vec<String>> {
        let handles = self.command("GET", "window/handles", &Value::Null)?;
        let handles = handles.as_array().context("no list of tabs")?;
        handles.iter().map(text).collect()
    }

    /// Looks at another tab from now on.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn switch_to(&self, tab: &str) -> Result<()> {
        self.command("POST", "window", &json!({ "handle": tab }))
            .map(drop)
    }

    /// Opens a tab, looks at it from now on, and goes to an address.
    ///
    /// # Errors
    /// The browser does not do it.
    pub fn open_tab(&self, url: &str) -> Result<String> {
        let answer = self.command("POST", "window/new", &json!({ "type": "tab" }))?;
        let tab = text(&answer["handle"])?;
        self.switch_to(&tab)?;
        self.command("POST", "url", &json!({ "url": url }))?;
        Ok(tab)
    }

    /// The value of a function's body in the page.
    ///
    /// # Errors
    /// It throws.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.command(
            "POST",
            "execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Everything that the page says.
    ///
    /// # Errors
    /// There is no page.
    pub fn text(&self) -> Result<String> {
        text(&self.run("return document.body.innerText")?)
    }

    /// Waits until the page says something.
    ///
    /// # Errors
    /// It does not in time; says what it says instead.
    pub fn wait_for_text(&self, part: &str) -> Result<String> {
        eventually(&format!("the page says {part:?}"), TIMEOUT, || {
            let text = self.text()?;
            if text.contains(part) {
                return Ok(Some(text));
            }
            bail!("it says {text:?}");
        })
    }

    /// Clicks the first element for which a selector holds, once there is one that stays long
    /// enough: pages change.
    ///
    /// # Errors
    /// There is none, or it cannot be clicked.
    pub fn click(&self, selector: &str) -> Result<()> {
        let wanted = json!({ "using": "css selector", "value": selector });
        eventually(&format!("{selector} is clicked"), TIMEOUT, || {
            let element = text(&self.command("POST", "element", &wanted)?[ELEMENT])?;
            self.command("POST", &format!("element/{element}/click"), &json!({}))?;
            Ok(Some(()))
        })
    }

    /// Moves the mouse to the middle of the first element for which a selector holds, and presses
    /// its main button.
    ///
    /// # Errors
    /// There is no such element.
    pub fn press(&self, selector: &str) -> Result<()> {
        let wanted = json!({ "using": "css selector", "value": selector });
        let element = self.command("POST", "element", &wanted)?;
        self.point(&json!([
            { "type": "pointerMove", "origin": element, "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 0 },
        ]))
    }

    /// Lets go of what was [pressed](Self::press), where the mouse is.
    ///
    /// # Errors
    /// The browser does not do it.
    pub fn release(&self) -> Result<()> {
        self.point(&json!([{ "type": "pointerUp", "button": 0 }]))
    }

    fn point(&self, actions: &Value) -> Result<()> {
        let source = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.command("POST", "actions", &json!({ "actions": [source] }))
            .map(drop)
    }

    /// Presses and releases keys, one after the other.
    ///
    /// # Errors
    /// The browser does not do it.
    pub fn press_keys(&self, keys: &[char]) -> Result<()> {
        let events = |key: &char| {
            ["keyDown", "keyUp"].map(|event| json!({ "type": event, "value": key.to_string() }))
        };
        let events: Vec<Value> = keys.iter().flat_map(events).collect();
        let source = json!({ "type": "key", "id": "keyboard", "actions": events });
        self.command("POST", "actions", &json!({ "actions": [source] }))
            .map(drop)
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.request(method, &format!("/{}/{path}", self.session), body)
            .with_context(|| format!("{method} {path} {body}"))
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        write!(
            stream,
            "{method} /session{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let value: Value = serde_json::from_str(body).with_context(|| answer.clone())?;
        let is_good = head
            .lines()
            .next()
            .is_some_and(|line| line.contains(" 200"));
        if !is_good {
            bail!("{}", value["value"]);
        }
        Ok(value["value"].clone())
    }
}

fn text(value: &Value) -> Result<String> {
    let text = value.as_str();
    text.map(str::to_owned)
        .with_context(|| format!("no text: {value}"))
}
