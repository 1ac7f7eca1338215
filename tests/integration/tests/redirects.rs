/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Documents that a redirect brought to the event loop of another site.

use std::time::Duration;

use anyhow::{Result, ensure};
use capture_integration_tests::{Launch, Page, Site, eventually};
use serde_json::json;

/// Opens the page by a redirect of another site, as a sign-on service does, and lets it capture.
fn check(multiprocess: bool, opens_in_frame: bool) -> Result<()> {
    let (site, sign_on) = (Site::start()?, Site::start()?);
    let target = site.remote_url("main");
    let redirect = sign_on
        .remote_url_at("sign-on.localhost", "")
        .replace("remote.html", "redirect");
    let redirect = format!("{redirect}{target}");
    let launch = Launch::new()
        .backend("synthetic")
        .multiprocess(multiprocess)
        .hosts(&["sign-on.localhost"])
        .allow(site.origin());
    let first = if opens_in_frame {
        sign_on.remote_url_at("sign-on.localhost", "outer")
    } else {
        redirect.clone()
    };
    let browser = launch.open(&first)?;
    if opens_in_frame {
        Page::new(&browser, &sign_on, "outer").run(&format!(
            "const frame = document.createElement('iframe');
             frame.allow = 'all-screens-capture *';
             frame.src = {};
             document.body.append(frame);
             return 1",
            json!(redirect)
        ))?;
    }
    // The document that came by the redirect may take a command and be loaded again meanwhile.
    let page = Page::new(&browser, &site, "main");
    let call = "return (await navigator.mediaDevices.getAllScreensMedia()).length";
    let streams = eventually("the page captures", Duration::from_secs(60), || {
        page.run_within(call, Duration::from_secs(8)).map(Some)
    })?;
    ensure!(streams.as_u64().is_some_and(|count| count > 0), "{streams}");
    Ok(())
}

#[test]
fn a_listed_page_that_a_sign_on_service_redirects_to_captures() -> Result<()> {
    for multiprocess in [false, true] {
        check(multiprocess, false)?;
    }
    Ok(())
}

#[test]
fn so_does_one_in_a_frame() -> Result<()> {
    check(true, true)
}
