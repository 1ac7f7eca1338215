/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! An item in the desktop's tray while something is captured
//! (<https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/>): who
//! captures, and what the user can do about it.

use std::time::Duration;

use async_io::Timer;
use crossbeam_channel::Sender;
use futures_lite::future::or;
use ksni::menu::StandardItem;
use ksni::{Category, Handle, Icon, MenuItem, ToolTip, TrayMethods};

use super::LiveCapture;
use super::captures::sentences;
use super::presence::News;
use crate::core::Event;
use crate::indicator::UserAction;

/// How long the bus and the tray may take for one step.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a click may wait for room in the service's queue.
const CLICK_TIMEOUT: Duration = Duration::from_millis(500);

/// Where clicks go.
#[derive(Clone)]
pub(super) struct Clicks {
    pub(super) events: Sender<Event>,
    /// Whether the user may stop captures.
    pub(super) user_may_stop: bool,
}

impl Clicks {
    fn send(&self, action: UserAction) {
        let event = Event::UserActed { action };
        if let Err(error) = self.events.send_timeout(event, CLICK_TIMEOUT) {
            log::warn!("a click in the tray was lost: {error}");
        }
    }
}

/// The item, there only while something is captured.
pub(super) struct Tray {
    clicks: Clicks,
    handle: Option<Handle<Item>>,
}

impl Tray {
    pub(super) fn new(clicks: Clicks) -> Self {
        Self {
            clicks,
            handle: None,
        }
    }

    /// Shows these captures, or nothing if there is none. What does not answer
    /// in time is tried again with the next change.
    pub(super) async fn update(&mut self, captures: Vec<LiveCapture>, news: &News) {
        // Until it is known to be otherwise.
        news.set_shown(self.handle.is_some() || !captures.is_empty());
        let updated = match self.handle.take() {
            handle if captures.is_empty() => {
                if let Some(handle) = handle {
                    within_time(async {
                        handle.shutdown().await;
                        Some(())
                    })
                    .await;
                }
                None
            }
            Some(handle) => {
                let change = handle.update(|item| item.captures = captures);
                within_time(change).await.map(|()| handle)
            }
            None => {
                let item = Item {
                    clicks: self.clicks.clone(),
                    captures,
                };
                // Its unique name: whoever owns a name that it asks for could
                // keep it out. A tray may also come later.
                let spawned = item
                    .disable_dbus_name(true)
                    .assume_sni_available(true)
                    .spawn();
                let spawned = async {
                    spawned
                        .await
                        .inspect_err(|error| log::debug!("no tray: {error}"))
                        .ok()
                };
                within_time(spawned).await
            }
        };
        self.handle = updated;
        news.set_shown(self.handle.is_some());
    }
}

async fn within_time<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    let late = async {
        Timer::after(TIMEOUT).await;
        log::debug!("the tray does not answer");
        None
    };
    or(future, late).await
}

struct Item {
    clicks: Clicks,
    captures: Vec<LiveCapture>,
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "servo-screen-capture".to_owned()
    }

    fn title(&self) -> String {
        "Your screens are captured".to_owned()
    }

    fn category(&self) -> Category {
        Category::SystemServices
    }

    fn icon_name(&self) -> String {
        "media-record".to_owned()
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        vec![dot(22), dot(44)]
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip {
            icon_name: self.icon_name(),
            icon_pixmap: Vec::new(),
            title: self.title(),
            description: sentences(&self.captures).join("\n"),
        }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let mut menu: Vec<MenuItem<Self>> = sentences(&self.captures)
            .into_iter()
            .map(|line| {
                StandardItem {
                    // An underscore alone marks the access key.
                    label: line.replace('_', "__"),
                    enabled: false,
                    ..StandardItem::default()
                }
                .into()
            })
            .collect();
        menu.push(MenuItem::Separator);
        menu.push(action("What is captured?", UserAction::ShowInformation));
        if self.clicks.user_may_stop {
            menu.push(action("Stop all captures", UserAction::Stop));
        }
        menu
    }
}

fn action(label: &str, action: UserAction) -> MenuItem<Item> {
    StandardItem {
        label: label.to_owned(),
        activate: Box::new(move |item: &mut Item| item.clicks.send(action)),
        ..StandardItem::default()
    }
    .into()
}

/// A red dot with a white edge, for trays whose icon theme has none.
fn dot(size: i32) -> Icon {
    let center = (size - 1) as f32 / 2.0;
    let radius = size as f32 * 0.45;
    let pixel = |x: i32, y: i32| {
        let distance = (x as f32 - center).hypot(y as f32 - center);
        match distance / radius {
            part if part <= 0.75 => [0xff, 0xd0, 0x10, 0x10],
            part if part <= 1.0 => [0xff, 0xff, 0xff, 0xff],
            _ => [0; 4],
        }
    };
    Icon {
        width: size,
        height: size,
        // Alpha, red, green, blue.
        data: (0..size)
            .flat_map(|y| (0..size).flat_map(move |x| pixel(x, y)))
            .collect(),
    }
}
