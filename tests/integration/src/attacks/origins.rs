/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Documents whose origin is nearly the one that may capture.

use anyhow::{Result, ensure};
use capture_integration_tests::{Browser, Launch, Page, Site};
use capture_test_rig::{Attack, Verdict};

use crate::Suite;

/// The host that may capture, on the port of one site only.
pub(crate) const ALLOWED: &str = "allowed.localhost";
/// One that may not.
pub(crate) const EVIL: &str = "evil.localhost";

/// Every name of the loopback interface that an attack uses.
pub(crate) const HOSTS: [&str; 9] = [
    ALLOWED,
    EVIL,
    "sub.allowed.localhost",
    "allowed.localhost.evil.localhost",
    "allowed-localhost.localhost",
    "allowedxlocalhost.localhost",
    "xn--llowed-2nf.localhost",
    "xn--alloed-6sf.localhost",
    "localhost",
];

/// Calls, stops what it got, and says what came of it.
pub(crate) const TRY: &str = "
    const devices = navigator.mediaDevices;
    if (!devices || !devices.getAllScreensMedia) return 'absent';
    try {
        const streams = await devices.getAllScreensMedia();
        for (const stream of streams) stream.getTracks().forEach(track => track.stop());
        return 'captured ' + streams.length;
    } catch (error) {
        return error.name;
    }";

const SUCCESS: &str = "the call is granted";

/// A name, what is tried, the host, and whether it is on another port.
const LOOK_ALIKES: [(Attack, &str, bool); 11] = [
    (
        Attack {
            name: "origin: another port",
            tried: "a page of the listed host on another port calls",
            success: SUCCESS,
        },
        ALLOWED,
        true,
    ),
    (
        Attack {
            name: "origin: trailing dot",
            tried: "a page of the listed host with a dot at its end calls",
            success: SUCCESS,
        },
        "allowed.localhost.",
        false,
    ),
    (
        Attack {
            name: "origin: subdomain",
            tried: "a page of a host below the listed one calls",
            success: SUCCESS,
        },
        "sub.allowed.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: listed host as a subdomain",
            tried: "a page of a host that begins with the listed one calls",
            success: SUCCESS,
        },
        "allowed.localhost.evil.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: dot taken for any character",
            tried: "a page of a host with a letter where the listed one has a dot calls",
            success: SUCCESS,
        },
        "allowedxlocalhost.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: look-alike by a hyphen",
            tried: "a page of a host with a hyphen where the listed one has a dot calls",
            success: SUCCESS,
        },
        "allowed-localhost.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: look-alike in Cyrillic",
            tried: "a page of a host that begins with the Cyrillic letter like an a calls",
            success: SUCCESS,
        },
        "\u{430}llowed.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: look-alike in punycode",
            tried: "a page of a host whose ASCII form begins with xn-- calls",
            success: SUCCESS,
        },
        "xn--alloed-6sf.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: listed host as user name",
            tried: "an address with the listed host before an @ is opened and calls",
            success: SUCCESS,
        },
        "allowed.localhost@evil.localhost",
        false,
    ),
    (
        Attack {
            name: "origin: the same server by address",
            tried: "a page of the address that the listed host has calls",
            success: SUCCESS,
        },
        "127.0.0.1",
        false,
    ),
    (
        Attack {
            name: "origin: the listed host's parent",
            tried: "a page of the host above the listed one calls",
            success: SUCCESS,
        },
        "localhost",
        false,
    ),
];

const REDIRECT: Attack = Attack {
    name: "origin: redirect from the listed origin",
    tried: "an address of the listed origin leads to another origin's page, which calls",
    success: SUCCESS,
};

/// A browser on a page of nobody's, with the hosts of the attacks.
pub(crate) fn open(suite: &Suite, site: &Site, channel: &str) -> Result<Browser> {
    let port = site.origin().rsplit(':').next().unwrap_or_default();
    let listed = format!("http://{ALLOWED}:{port}");
    Launch::new()
        .backend("synthetic")
        .multiprocess(true)
        .hosts(&HOSTS)
        .allow(if suite.open_policy { "*" } else { &listed })
        .open(&site.remote_url_at(EVIL, channel))
}

pub(crate) fn attack(suite: &mut Suite) {
    let mut attacks: Vec<Attack> = LOOK_ALIKES.iter().map(|(attack, ..)| *attack).collect();
    attacks.push(REDIRECT);
    if !suite.wants(&attacks) {
        return;
    }
    if let Err(error) = attack_from_look_alikes(suite) {
        suite.give_up(&attacks, &error);
    }
}

fn attack_from_look_alikes(suite: &mut Suite) -> Result<()> {
    let (site, other) = (Site::start()?, Site::start()?);
    let browser = open(suite, &site, "first")?;
    let mut page = Page::new(&browser, &site, "first");
    // Nothing would be shown by refusals if the listed origin were refused as well.
    page.begin(&format!(
        "location.href = '{}'",
        site.remote_url_at(ALLOWED, "listed")
    ));
    page = Page::new(&browser, &site, "listed");
    let outcome = page.run(TRY)?;
    ensure!(is_captured(&outcome), "the listed origin gets {outcome}");
    for (number, (attack, host, is_elsewhere)) in LOOK_ALIKES.into_iter().enumerate() {
        if !suite.wants_one(attack) {
            continue;
        }
        let server = if is_elsewhere { &other } else { &site };
        let channel = format!("look-alike-{number}");
        let next = Page::new(&browser, server, &channel);
        page.begin(&format!(
            "location.href = '{}'",
            server.remote_url_at(host, &channel)
        ));
        suite.make(attack, || call(&next));
        page = next;
    }
    let next = Page::new(&browser, &site, "redirected");
    let from = site
        .remote_url_at(ALLOWED, "")
        .replace("remote.html", "redirect");
    let to = site.remote_url_at(EVIL, "redirected");
    page.begin(&format!("location.href = '{from}{to}'"));
    suite.make(REDIRECT, || call(&next));
    Ok(())
}

/// What came of [`TRY`].
pub(crate) fn is_captured(outcome: &serde_json::Value) -> bool {
    let text = outcome.as_str().unwrap_or_default();
    text.starts_with("captured")
}

pub(crate) fn verdict(outcome: &serde_json::Value) -> Verdict {
    Verdict::by(is_captured(outcome), outcome.as_str().unwrap_or_default())
}

fn call(page: &Page<'_>) -> Result<Verdict> {
    Ok(verdict(&page.run(TRY)?))
}
