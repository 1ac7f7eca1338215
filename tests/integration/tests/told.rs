/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the desktop shows of captures besides the indicator (D6), on a message bus of the test's own.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Buses, Launch, Page, Site, eventually};
use capture_test_rig::services::{Notifications, Notified, Watcher};
use rustix::process::Signal;
use serde_json::json;

/// How long something may take to reach the desktop or the page, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn launch(site: &Site) -> Launch {
    Launch::new().backend("synthetic").allow(site.origin())
}

/// The body of the notification that was shown last, and its number.
fn shown(daemon: &Notifications) -> Result<(u32, String)> {
    eventually("a notification is shown", SOON, || {
        Ok(match daemon.calls().pop() {
            Some(Notified::Shown { id, body, .. }) => Some((id, body)),
            _ => None,
        })
    })
}

fn wait_for_item(tray: &Watcher, number: usize) -> Result<String> {
    eventually("an item is in the tray", SOON, || {
        Ok(tray.items().get(number).cloned())
    })
}

fn wait_for_end(page: &Page<'_>) -> Result<()> {
    eventually("every track has ended", SOON, || {
        let states =
            page.run("return shown.map(({ track, ended }) => [track.readyState, ended])")?;
        let all = states.as_array().context("a list")?;
        ensure!(!all.is_empty());
        let has_ended = all.iter().all(|state| *state == json!(["ended", 1]));
        ensure!(has_ended, "{states}");
        Ok(Some(()))
    })
}

#[test]
fn a_notification_and_the_tray_say_who_captures_and_the_tray_stops_it() -> Result<()> {
    let buses = Buses::start()?;
    let daemon = Notifications::start(&buses.session_address(), 7)?;
    let tray = Watcher::start(&buses.session_address())?;
    let site = Site::start()?;
    let browser = launch(&site).buses(&buses).open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    ensure!(daemon.calls().is_empty() && tray.items().is_empty());

    for round in 0..2 {
        let streams = page.run("return capture()")?;
        let count = streams.as_array().context("a list")?.len();
        let (id, body) = shown(&daemon)?;
        let expected = format!("{} captures {count} monitors since ", site.origin());
        ensure!(body.starts_with(&expected), "{body}");
        let item = wait_for_item(&tray, round)?;
        let (title, text) = tray.tool_tip(&item)?;
        ensure!(
            title == "Your screens are captured" && text == body,
            "{title}: {text}"
        );

        tray.click(&item, "What is captured?")?;
        eventually("the shell is told", SOON, || {
            let told = "the user asks what is captured";
            Ok((browser.errors().matches(told).count() > round).then_some(()))
        })?;
        let states = page.run("return shown.every(({ track }) => track.readyState === 'live')")?;
        ensure!(states == true, "asking has ended something");
        tray.click(&item, "Stop all captures")?;
        wait_for_end(&page)?;
        eventually("the notification is closed", SOON, || {
            Ok((daemon.calls().last() == Some(&Notified::Closed(id))).then_some(()))
        })?;
        eventually("the item is gone", SOON, || {
            Ok(tray.tool_tip(&item).is_err().then_some(()))
        })?;
        page.run("forgetAll()")?;
    }
    Ok(())
}

#[test]
fn where_the_policy_does_not_let_the_user_stop_the_tray_does_not_offer_it() -> Result<()> {
    let buses = Buses::start()?;
    let tray = Watcher::start(&buses.session_address())?;
    let site = Site::start()?;
    let browser = launch(&site)
        .buses(&buses)
        .preference("dom_screen_capture_user_may_stop", false)
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return capture()")?;
    let labels = tray.menu(&wait_for_item(&tray, 0)?)?;
    let has = |wanted: &str| labels.iter().any(|(label, _)| label == wanted);
    ensure!(
        has("What is captured?") && !has("Stop all captures"),
        "{labels:?}"
    );
    Ok(())
}

/// A browser on a page of its own captures, stops and captures again, as if there were nothing else.
fn check_capture(site: &Site, channel: &str, launch: Launch) -> Result<()> {
    let mut browser = launch.open(&site.remote_url(channel))?;
    let page = Page::new(&browser, site, channel);
    for _ in 0..2 {
        page.run("await capture()")?;
        let live = page.run("return shown.every(({ track }) => track.readyState === 'live')")?;
        ensure!(live == true);
        page.run("stopAll(); forgetAll()")?;
    }
    ensure!(browser.is_running()?);
    Ok(())
}

#[test]
fn a_desktop_without_any_of_this_changes_nothing() -> Result<()> {
    let site = Site::start()?;
    check_capture(&site, "no-bus", launch(&site))?;
    let buses = Buses::start()?;
    check_capture(&site, "no-services", launch(&site).buses(&buses))?;
    // Buses that accept connections and answer nothing.
    for bus in [&buses.system, &buses.session] {
        bus.process().signal(Signal::STOP)?;
    }
    check_capture(&site, "no-answers", launch(&site).buses(&buses))
}
