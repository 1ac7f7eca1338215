/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The information page, and that it is the user's alone.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Browser, Launch, Page, Site, WebDriver, eventually};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);
const CAPTURE: &str = "return navigator.mediaDevices.getAllScreensMedia()";
/// Captures without showing anything: drawing videos would keep the browser from hearing clicks.
const BEGIN: &str = "globalThis.tracks ??= [];
     for (const stream of await navigator.mediaDevices.getAllScreensMedia())
         tracks.push(stream.getVideoTracks()[0])";
const STATES: &str = "return tracks.map(({ readyState }) => readyState)";

/// A browser with the information page in its first tab, and a page of `site` in its second.
fn open(site: &Site, launch: Launch) -> Result<(Browser, WebDriver, [String; 2])> {
    let browser = launch
        .backend("synthetic")
        .argument("--webdriver")
        .argument("0")
        .open("servo:capture")?;
    let driver = WebDriver::connect(&browser)?;
    let information = driver.tabs()?.remove(0);
    let tab = driver.open_tab(&site.remote_url("main"))?;
    Ok((browser, driver, [information, tab]))
}

fn wait_for_ends(page: &Page<'_>) -> Result<()> {
    eventually("the captures end", PATIENCE, || {
        let states = page.run(STATES)?;
        let states = states.as_array().context("no states")?;
        Ok(states.iter().all(|state| state == "ended").then_some(()))
    })
}

fn wait_for_captures(driver: &WebDriver, expected: usize) -> Result<()> {
    eventually(&format!("{expected} captures are listed"), PATIENCE, || {
        let count = driver.run("return document.querySelectorAll('.capture').length")?;
        Ok((count == expected).then_some(()))
    })
}

/// The button with this label, as people hear it.
fn button(label: &str) -> String {
    format!("button[aria-label=\"{label}\"]")
}

#[test]
fn the_page_tells_of_captures_as_they_come_and_go_and_stops_and_revokes() -> Result<()> {
    for multiprocess in [false, true] {
        let site = Site::start()?;
        let launch = Launch::new()
            .multiprocess(multiprocess)
            .allow(site.origin());
        let (browser, driver, [information, _]) = open(&site, launch)?;
        let page = Page::new(&browser, &site, "main");
        let origin = site.origin();

        // Without any capture: who may, by whose word, and where that stands.
        driver.switch_to(&information)?;
        let text = driver.wait_for_text("Nothing is captured now")?;
        for part in [
            origin,
            "you",
            "--pref dom_screen_capture",
            "Nothing is recorded",
        ] {
            ensure!(text.contains(part), "{part:?} is missing: {text}");
        }

        // It changes by itself.
        page.run(BEGIN)?;
        let text = driver.wait_for_text(&format!("captured now by {origin}"))?;
        ensure!(text.contains("monitor"), "{text}");
        driver.wait_for_text("Allowed")?;

        // One capture of two ends; and by the keyboard.
        page.run(BEGIN)?;
        wait_for_captures(&driver, 2)?;
        driver.click(&button(&format!("Stop the capture by {origin}")))?;
        eventually("one capture ends, the other goes on", PATIENCE, || {
            let states = page.run(STATES)?;
            let states = states.as_array().context("no states")?;
            let ended = states.iter().filter(|state| **state == "ended").count();
            ensure!(ended * 2 <= states.len(), "both have ended");
            Ok((ended * 2 == states.len()).then_some(()))
        })?;
        driver.wait_for_text("the user stopped it")?;
        wait_for_captures(&driver, 1)?;
        driver.run("document.querySelector('button.strong').focus()")?;
        driver.press_keys(&['\u{e007}'])?;
        wait_for_ends(&page)?;
        driver.wait_for_text("Nothing is captured now")?;

        // What is revoked ends and is refused from then on.
        page.run("tracks.length = 0")?;
        page.run(BEGIN)?;
        let pattern = driver.run("return document.querySelector('#allowed .name').textContent")?;
        let pattern = pattern.as_str().context("no entry")?;
        let label = format!("Let {pattern} capture no more until the browser ends");
        driver.wait_for_text("captured now by")?;
        driver.click(&format!("#allowed {}", button(&label)))?;
        wait_for_ends(&page)?;
        let text = driver.wait_for_text("no page may capture")?;
        ensure!(text.contains("revoked"), "{text}");
        let error = page.run_and_fail(CAPTURE)?;
        ensure!(error.name == "NotAllowedError", "{error}");
        ensure!(error.message.contains("revoked"), "{error}");
        driver.wait_for_text("the user revoked")?;
    }
    Ok(())
}

#[test]
fn a_page_that_is_revoked_by_its_origin_does_not_take_its_neighbor_along() -> Result<()> {
    let (site, other) = (Site::start()?, Site::start()?);
    // One entry for both: sites differ by their ports.
    let launch = Launch::new().allow("http://127.0.0.1");
    let (browser, driver, [information, _]) = open(&site, launch)?;
    driver.open_tab(&other.remote_url("other"))?;
    let (page, neighbor) = (
        Page::new(&browser, &site, "main"),
        Page::new(&browser, &other, "other"),
    );
    page.run(BEGIN)?;
    neighbor.run(BEGIN)?;
    driver.switch_to(&information)?;
    driver.wait_for_text(other.origin())?;
    let origin = site.origin();
    let label = format!("Let {origin} capture no more until the browser ends");
    driver.click(&format!("#captures {}", button(&label)))?;
    wait_for_ends(&page)?;
    let states = neighbor.run(STATES)?;
    ensure!(!states.to_string().contains("ended"), "{states}");
    driver.wait_for_text(&format!("You have revoked: {origin}"))?;
    Ok(())
}

#[test]
fn an_administrator_who_lets_nobody_stop_gives_no_buttons() -> Result<()> {
    let site = Site::start()?;
    let launch = Launch::new()
        .allow(site.origin())
        .argument("--pref")
        .argument("dom_screen_capture_user_may_stop=false");
    let (browser, driver, [information, _]) = open(&site, launch)?;
    let page = Page::new(&browser, &site, "main");
    page.run(BEGIN)?;
    driver.switch_to(&information)?;
    driver.wait_for_text("does not let you stop")?;
    let buttons = driver.run("return document.querySelectorAll('button').length")?;
    ensure!(buttons == 0, "{buttons} buttons");
    Ok(())
}

/// What a web page tries, and what it must not come to. Each is a script that gives what it got.
const ATTEMPTS: [(&str, &str); 9] = [
    (
        "fetch() without CORS",
        "return fetch('servo:capture', { mode: 'no-cors' }).then(async response => (await response.text()).length, () => 0)",
    ),
    (
        "fetch()",
        "return fetch('servo:capture').then(async response => (await response.text()).length, () => 0)",
    ),
    (
        "fetch() of a command",
        "return fetch('servo:capture?token=x&do=stop-all', { method: 'POST', mode: 'no-cors' })
             .then(async response => (await response.text()).length, () => 0)",
    ),
    (
        "fetch() through a redirect",
        "return fetch('REDIRECT').then(async response => (await response.text()).length, () => 0)",
    ),
    (
        "XMLHttpRequest",
        "return new Promise(resolve => {
             const request = new XMLHttpRequest();
             request.onloadend = () => resolve(request.responseText.length);
             request.open('GET', 'servo:capture');
             request.send();
         })",
    ),
    (
        "a script element",
        "return new Promise(resolve => {
             const script = document.createElement('script');
             script.onload = () => resolve('captureInformation' in globalThis);
             script.onerror = () => resolve(0);
             script.src = 'servo:capture';
             document.head.append(script);
         })",
    ),
    (
        "a frame",
        "return new Promise(resolve => {
             const frame = document.createElement('iframe');
             const look = () => {
                 let text = null;
                 try { text = frame.contentDocument?.body?.innerText ?? null; } catch {}
                 resolve(text?.includes('Captured now') ? text : 0);
             };
             frame.onload = look;
             setTimeout(look, 3000);
             frame.src = 'servo:capture';
             document.body.append(frame);
         })",
    ),
    (
        "a window of its own",
        "return new Promise(resolve => {
             const other = open('servo:capture');
             setTimeout(() => {
                 let seen = 0;
                 try { seen = other?.captureInformation ? 1 : 0; } catch {}
                 other?.close();
                 resolve(seen);
             }, 2000);
         })",
    ),
    (
        "going there with a command",
        "location.href = 'servo:capture?token=&do=stop-all';
         await delay(500);
         location.assign('servo:capture');
         await delay(500);
         const link = document.createElement('a');
         link.href = 'servo:capture?do=stop-all';
         document.body.append(link);
         link.click();
         await delay(500);
         const form = document.createElement('form');
         form.method = 'post';
         form.action = 'servo:capture?do=stop-all';
         document.body.append(form);
         form.submit();
         await delay(500);
         return 0",
    ),
];

#[test]
fn no_web_page_reads_frames_scripts_or_commands_it() -> Result<()> {
    for multiprocess in [false, true] {
        let site = Site::start()?;
        let launch = Launch::new()
            .multiprocess(multiprocess)
            .allow(site.origin());
        let (browser, driver, [information, tab]) = open(&site, launch)?;
        let page = Page::new(&browser, &site, "main");
        page.run(BEGIN)?;
        driver.switch_to(&information)?;
        driver.wait_for_text("captured now by")?;
        for (what, script) in ATTEMPTS {
            let script = script.replace("REDIRECT", &site.redirect_url("servo:capture"));
            let got = page.run(&script).with_context(|| what.to_owned())?;
            ensure!(got == 0, "{what} got {got}");
            let states = page.run(STATES)?;
            ensure!(!states.to_string().contains("ended"), "{what}: {states}");
        }
        // Nothing has become of the page's tab, nor of the other.
        driver.switch_to(&tab)?;
        let address = driver.run("return location.href")?;
        ensure!(address == site.remote_url("main"), "{address}");
        driver.switch_to(&information)?;
        ensure!(
            driver.text()?.contains("captured now by"),
            "{}",
            driver.text()?
        );

        // A tab that is led there shows no information, however it was led.
        for address in ["servo:capture", &site.redirect_url("servo:capture")] {
            driver.open_tab(address)?;
            std::thread::sleep(Duration::from_secs(1));
            let text = driver.text().unwrap_or_default();
            ensure!(!text.contains(site.origin()), "{address}: {text}");
        }
    }
    Ok(())
}

#[test]
fn the_page_is_read_out_in_order() -> Result<()> {
    let site = Site::start()?;
    let launch = Launch::new().allow(site.origin());
    let (browser, driver, [information, _]) = open(&site, launch)?;
    let page = Page::new(&browser, &site, "main");
    page.run(BEGIN)?;
    driver.switch_to(&information)?;
    driver.wait_for_text("captured now by")?;
    let headings = driver.run(
        "return [...document.querySelectorAll('h1, h2')]
             .filter(heading => !heading.closest('[hidden]'))
             .map(heading => heading.tagName + ' ' + heading.textContent)",
    )?;
    let expected = json!([
        "H1 Screen capture",
        "H2 Captured now",
        "H2 Who may capture",
        "H2 What that means",
        "H2 Record",
    ]);
    ensure!(headings == expected, "{headings}");
    let faults = driver.run(
        "const faults = [];
         if (document.documentElement.lang !== 'en') faults.push('no language');
         if (!document.title) faults.push('no title');
         for (const section of document.querySelectorAll('section'))
             if (!document.getElementById(section.getAttribute('aria-labelledby'))) faults.push('unnamed section');
         for (const button of document.querySelectorAll('button'))
             if (!button.getAttribute('aria-label')) faults.push('unnamed button');
         for (const table of document.querySelectorAll('table'))
             if (!table.getAttribute('aria-label') || !table.querySelector('th[scope=col]')) faults.push('unnamed table');
         for (const link of document.querySelectorAll('nav a'))
             if (!document.querySelector(link.getAttribute('href'))) faults.push('link to nowhere');
         for (const element of document.querySelectorAll('[tabindex]'))
             faults.push('order of focus');
         if (document.getElementById('summary').getAttribute('role') !== 'status') faults.push('no status');
         if (document.documentElement.scrollWidth > innerWidth) faults.push('wider than the window');
         return faults",
    )?;
    ensure!(faults == json!([]), "{faults}");
    Ok(())
}

#[test]
fn what_is_pressed_or_focused_stays_while_captures_come_and_go() -> Result<()> {
    let site = Site::start()?;
    let launch = Launch::new().allow(site.origin());
    let (browser, driver, [information, _]) = open(&site, launch)?;
    let page = Page::new(&browser, &site, "main");
    page.run(BEGIN)?;
    let each = page.run("return tracks.length")?;
    driver.switch_to(&information)?;
    wait_for_captures(&driver, 1)?;

    // One capture is about to be stopped while another begins.
    let stop = button(&format!("Stop the capture by {}", site.origin()));
    driver.press(&stop)?;
    page.run(BEGIN)?;
    wait_for_captures(&driver, 2)?;
    let states = page.run(STATES)?;
    ensure!(!states.to_string().contains("ended"), "{states}");
    driver.release()?;
    wait_for_captures(&driver, 1)?;
    let ended = page.run(
        "return tracks.map(({ readyState }, index) => readyState === 'ended' ? index : -1)
             .filter(index => index >= 0)",
    )?;
    let first: Vec<u64> = (0..each.as_u64().context("no count")?).collect();
    ensure!(ended == json!(first), "{ended} of {each} each");

    // The focus is on what it was on, and not on something that replaced it.
    driver.run(
        "globalThis.focused = document.querySelector('#captures .capture button');
         focused.focus()",
    )?;
    page.run(BEGIN)?;
    wait_for_captures(&driver, 2)?;
    let stays = "return document.activeElement === focused && focused.isConnected";
    ensure!(driver.run(stays)? == true, "the focus is lost");

    // What comes under the pressed mouse when others go is not what was pressed.
    driver.press(&format!("#captures .capture:last-child {stop}"))?;
    page.run(BEGIN)?;
    wait_for_captures(&driver, 3)?;
    page.run(&format!(
        "tracks.slice({each}, 2 * {each}).forEach(track => track.stop())"
    ))?;
    wait_for_captures(&driver, 2)?;
    driver.release()?;
    // What was done by mistake would be done before this.
    driver.click(&format!("#captures .capture:last-child {stop}"))?;
    wait_for_captures(&driver, 1)?;
    let live = page.run("return tracks.map(({ readyState }) => readyState === 'live')")?;
    let expected = [false, false, true, false].map(|is_live| vec![is_live; first.len()]);
    ensure!(live == json!(expected.concat()), "{live}");

    // Nor does what ends all of them get away from the mouse.
    driver.press("button.strong")?;
    page.run(BEGIN)?;
    wait_for_captures(&driver, 2)?;
    driver.release()?;
    wait_for_ends(&page)?;
    driver.wait_for_text("Nothing is captured now")?;
    Ok(())
}
