/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Processes that die, and pages that ask without end.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use capture_integration_tests::{Desktop, Launch, Page, Site, eventually};
use capture_test_rig::{Attack, Verdict, process};

use crate::Suite;
use crate::origins::{TRY, is_captured};

/// How long something may be kept by the browser after its page has died, on a busy machine.
const KEPT: Duration = Duration::from_secs(10);

const KILLED: Attack = Attack {
    name: "process: killed while it captures",
    tried: "the page's process is killed (SIGKILL) while it captures",
    success: "the browser keeps the memory of its pictures",
};
const NO_SERVER: Attack = Attack {
    name: "process: killed X server",
    tried: "the X server is killed (SIGKILL) while a page captures",
    success: "a track stays live, another call is granted, or the browser dies",
};
const FLOOD: Attack = Attack {
    name: "process: flood of calls",
    tried: "an unlisted page calls 5000 times without waiting, a listed one captures meanwhile",
    success: "a call is granted or never answered, or the listed page loses its capture",
};

pub(crate) fn attack(suite: &mut Suite) {
    suite.make(KILLED, kill_page);
    suite.make(NO_SERVER, kill_server);
    suite.make(FLOOD, flood);
}

fn launch(desktop: &Desktop, site: &Site) -> Launch {
    desktop
        .launch(site.origin())
        .multiprocess(true)
        // With somebody who could reload it, a browser outlives a page that crashes.
        .argument("--webdriver")
        .argument("0")
}

fn kill_page() -> Result<Verdict> {
    let (desktop, site) = (Desktop::xvfb()?, Site::start()?);
    let browser = launch(&desktop, &site).open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    let before = browser.shared_memory_count()?;
    page.run("return capture()")?;
    ensure!(browser.shared_memory_count()? >= before + 3, "no capture");
    let processes = browser.content_processes()?;
    ensure!(!processes.is_empty(), "no process runs the page");
    processes.into_iter().for_each(process::kill);
    let killed = Instant::now();
    let freed = eventually("the memory is let go", KEPT, || {
        let now = browser.shared_memory_count()?;
        Ok((now <= before).then(|| killed.elapsed()))
    });
    let seen = match &freed {
        Ok(after) => format!("all of it let go after {after:?}"),
        Err(error) => format!("{error:#}"),
    };
    Ok(Verdict::by(freed.is_err(), seen))
}

fn kill_server() -> Result<Verdict> {
    let (mut desktop, site) = (Desktop::xvfb()?, Site::start()?);
    let mut browser = launch(&desktop, &site).open(&site.remote_url("main"))?;
    {
        let page = Page::new(&browser, &site, "main");
        page.run("return capture()")?;
    }
    desktop.painters.clear();
    desktop.server.kill()?;
    ensure!(browser.is_running()?, "the browser died with the X server");
    let page = Page::new(&browser, &site, "main");
    let live = "return shown.filter(({ track }) => track.readyState === 'live').length";
    let ended = eventually("every track ends", KEPT, || {
        Ok((page.run(live)? == 0).then_some(()))
    });
    let outcome = page.run(TRY)?;
    let seen = format!("{} live tracks, then {outcome}", page.run(live)?);
    Ok(Verdict::by(ended.is_err() || is_captured(&outcome), seen))
}

fn flood() -> Result<Verdict> {
    let (desktop, site, other) = (Desktop::xvfb()?, Site::start()?, Site::start()?);
    let browser = launch(&desktop, &site)
        .hosts(&["localhost"])
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return capture()")?;
    // By another name of the loopback interface: another site, and a process of its own.
    page.run(&format!(
        "const frame = document.createElement('iframe');
         frame.allow = 'all-screens-capture *';
         frame.src = '{}';
         document.body.append(frame);
         return 1",
        other.remote_url_at("localhost", "flood")
    ))?;
    let answers = Page::new(&browser, &other, "flood").run(
        "const calls = Array.from({ length: 5000 },
             () => navigator.mediaDevices.getAllScreensMedia());
         const settled = await Promise.allSettled(calls);
         return settled.filter(({ status }) => status === 'rejected').length",
    )?;
    let live =
        page.run("return shown.filter(({ track }) => track.readyState === 'live').length")?;
    let seen = format!("{answers} refusals, {live} of 3 tracks live");
    Ok(Verdict::by(answers != 5000 || live != 3, seen))
}
