/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Frames, windows and histories in which a document that may not capture tries to be, or to use,
//! one that may.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Page, Site, eventually, holds_for};
use capture_test_rig::{Attack, Verdict};
use serde_json::json;

use crate::Suite;
use crate::origins::{ALLOWED, EVIL, TRY, is_captured, open, verdict};

/// How long a page that was left may have a capture.
const ENDED: Duration = Duration::from_secs(15);

/// What every page gets: `TELL`, a script that calls and tells the page; `told`, which waits for what
/// it says; `frame`, which makes a frame that may do everything.
const TOOLS: &str = "
    window.TELL = `(async () => { TRY })().then(
        outcome => (window.opener ?? parent).postMessage({ outcome }, '*'))`;
    window.told = () => new Promise((resolve, reject) => {
        addEventListener('message', event => resolve(event.data.outcome), { once: true });
        setTimeout(() => reject(new Error('no answer')), 20000);
    });
    window.frame = properties => {
        const frame = document.createElement('iframe');
        frame.allow = 'all-screens-capture *';
        Object.assign(frame, properties);
        document.body.append(frame);
        return frame;
    };
    window.call = async window => {
        let devices;
        try { devices = window.navigator.mediaDevices; } catch (error) { return error.name; }
        if (!devices || !devices.getAllScreensMedia) return 'absent';
        try { return 'captured ' + (await devices.getAllScreensMedia()).length; }
        catch (error) { return error.name; }
    };
    window.loaded = frame => new Promise(resolve => frame.onload = resolve);";

const SUCCESS: &str = "the call is granted";

/// How a page tries to get a call granted.
enum Way {
    /// By this script, which gives the outcome.
    Script(&'static str),
    /// By a listed page in a frame with these properties, which calls by itself.
    Framed(&'static str),
}

/// An attack by a page.
struct Trick {
    attack: Attack,
    way: Way,
}

const fn trick(name: &'static str, tried: &'static str, script: &'static str) -> Trick {
    Trick {
        attack: Attack {
            name,
            tried,
            success: SUCCESS,
        },
        way: Way::Script(script),
    }
}

const fn framing(name: &'static str, tried: &'static str, properties: &'static str) -> Trick {
    Trick {
        way: Way::Framed(properties),
        ..trick(name, tried, "")
    }
}

const fn shut(
    name: &'static str,
    tried: &'static str,
    script: &'static str,
) -> (Attack, &'static str) {
    let attack = Attack {
        name,
        tried,
        success: SUCCESS,
    };
    (attack, script)
}

/// By a page that may not capture. `ALLOWED_URL` is a page that may.
const BY_EVIL: [Trick; 10] = [
    trick(
        "document: srcdoc",
        "an unlisted page's srcdoc frame calls",
        "const answer = told(); frame({ srcdoc: `<script>${TELL}</` + `script>` }); return answer",
    ),
    trick(
        "document: about:blank",
        "an unlisted page calls on its empty frame's navigator",
        "return call(frame({}).contentWindow)",
    ),
    trick(
        "document: blob:",
        "an unlisted page's frame of a blob: address calls",
        "const answer = told();
         const blob = new Blob([`<script>${TELL}</` + `script>`], { type: 'text/html' });
         frame({ src: URL.createObjectURL(blob) }); return answer",
    ),
    trick(
        "document: data:",
        "an unlisted page's frame of a data: address calls",
        "const answer = told();
         frame({ src: 'data:text/html,' + encodeURIComponent(`<script>${TELL}</` + `script>`) });
         return answer",
    ),
    trick(
        "document: javascript:",
        "an unlisted page's frame of a javascript: address calls",
        "const answer = told();
         frame({ src: 'javascript:' + encodeURIComponent(TELL + '; void 0') }); return answer",
    ),
    trick(
        "document: document.open",
        "an unlisted page writes a document anew into its frame, which calls",
        "const answer = told(); const { contentDocument } = frame({});
         contentDocument.open(); contentDocument.write(`<script>${TELL}</` + `script>`);
         contentDocument.close(); return answer",
    ),
    trick(
        "document: into a listed page's frame",
        "an unlisted page calls on the navigator of a listed page in its frame",
        "const it = frame({ src: ALLOWED_URL }); await loaded(it);
         return call(it.contentWindow)",
    ),
    trick(
        "document: document.open of a listed page",
        "an unlisted page writes a document into a listed page's frame",
        "const it = frame({ src: ALLOWED_URL }); await loaded(it);
         try { it.contentWindow.document.open(); } catch (error) { return error.name; }
         return call(it.contentWindow)",
    ),
    framing(
        "document: sandboxed listed page",
        "a listed page calls that an unlisted one has put into a sandbox",
        "sandbox: 'allow-scripts'",
    ),
    framing(
        "document: listed page without allow",
        "a listed page calls that an unlisted one frames without allowing it to capture",
        "allow: ''",
    ),
];

/// By a page that may capture and has shut that off by its header, and by what it frames.
const BY_SHUT: [(Attack, &str); 4] = [
    shut(
        "policy: shut by the header",
        "a listed page calls whose Permissions-Policy allows nobody",
        "return call(window)",
    ),
    shut(
        "policy: empty frame of a shut page",
        "that page calls on the navigator of its empty frame, allowed twice",
        "return call(frame({ allow: \"all-screens-capture 'none'; all-screens-capture *\" })
            .contentWindow)",
    ),
    shut(
        "policy: srcdoc of a shut page",
        "a srcdoc frame of that page calls, allowed",
        "const answer = told(); frame({ srcdoc: `<script>${TELL}</` + `script>` }); return answer",
    ),
    shut(
        "policy: document.open of a shut page",
        "that page writes a document anew into its frame, which calls, allowed",
        "const answer = told(); const { contentDocument } = frame({});
         contentDocument.open(); contentDocument.write(`<script>${TELL}</` + `script>`);
         contentDocument.close(); return answer",
    ),
];

const POPUP: Attack = Attack {
    name: "document: popup",
    tried: "an unlisted page opens a window and calls on its navigator",
    success: SUCCESS,
};
const UNLISTED_FRAME: Attack = Attack {
    name: "document: unlisted frame of a listed page",
    tried: "an unlisted page calls that a listed page frames and allows",
    success: SUCCESS,
};
const REMOVED: Attack = Attack {
    name: "document: removed frame",
    tried: "a listed page calls on the navigator of a frame that it has removed",
    success: SUCCESS,
};
const HISTORY: Attack = Attack {
    name: "history: back to a page that captured",
    tried: "a listed page captures, goes to an unlisted one, and back",
    success: "the browser has memory of pictures without a new call",
};
const DURING: Attack = Attack {
    name: "history: left during the call",
    tried: "a listed page calls and goes to an unlisted one at once",
    success: "the browser keeps memory of pictures",
};

pub(crate) fn attack(suite: &mut Suite) {
    let attacks: Vec<Attack> = BY_EVIL
        .iter()
        .map(|trick| trick.attack)
        .chain(BY_SHUT.map(|(attack, _)| attack))
        .chain([POPUP, UNLISTED_FRAME, REMOVED, HISTORY, DURING])
        .collect();
    if suite.wants(&attacks)
        && let Err(error) = attack_documents(suite)
    {
        suite.give_up(&attacks, &error);
    }
}

/// A script with the tools before it.
fn with_tools(script: &str, allowed_url: &str) -> String {
    let tools = TOOLS.replace("TRY", &TRY.replace('`', "\\`").replace("${", "\\${"));
    format!(
        "{tools}; const ALLOWED_URL = {}; {script}",
        json!(allowed_url)
    )
}

fn attack_documents(suite: &mut Suite) -> Result<()> {
    let site = Site::start()?;
    let browser = open(suite, &site, "evil")?;
    let page = Page::new(&browser, &site, "evil");
    page.run("return 1")?;
    for (number, Trick { attack, way }) in BY_EVIL.into_iter().enumerate() {
        let channel = format!("framed-{number}");
        let url = site.remote_url_at(ALLOWED, &channel);
        suite.make(attack, || match way {
            Way::Script(script) => Ok(verdict(&page.run(&with_tools(script, &url))?)),
            Way::Framed(properties) => {
                let make = format!("frame({{ src: ALLOWED_URL, {properties} }}); return 1");
                page.run(&with_tools(&make, &url))?;
                let framed = Page::new(&browser, &site, &channel);
                Ok(verdict(&framed.run(TRY)?))
            }
        });
    }
    suite.make(POPUP, || {
        let script = "const opened = open('about:blank'); if (!opened) return 'not opened';
             const outcome = await call(opened); opened.close(); return outcome";
        Ok(verdict(&page.run(&with_tools(script, ""))?))
    });

    page.begin(&format!(
        "location.href = '{}'",
        site.remote_url_at(ALLOWED, "shut")
            .replace("/remote", "/shut/remote")
    ));
    let page = Page::new(&browser, &site, "shut");
    page.run("return 1")?;
    for (attack, script) in BY_SHUT {
        suite.make(attack, || Ok(verdict(&page.run(&with_tools(script, ""))?)));
    }

    page.begin(&format!(
        "location.href = '{}'",
        site.remote_url_at(ALLOWED, "listed")
    ));
    let page = Page::new(&browser, &site, "listed");
    let outcome = page.run(TRY)?;
    ensure!(is_captured(&outcome), "the listed origin gets {outcome}");
    suite.make(UNLISTED_FRAME, || {
        let url = site.remote_url_at(EVIL, "unlisted-frame");
        let make = "frame({ src: ALLOWED_URL }); return 1";
        page.run(&with_tools(make, &url))?;
        let framed = Page::new(&browser, &site, "unlisted-frame");
        Ok(verdict(&framed.run(TRY)?))
    });
    suite.make(REMOVED, || {
        let script = "const it = frame({}); const { navigator } = it.contentWindow;
             const devices = navigator.mediaDevices; it.remove();
             return call({ navigator: { mediaDevices: devices } })";
        Ok(verdict(&page.run(&with_tools(script, ""))?))
    });
    let before = browser.shared_memory_count()?;
    let left = Page::new(&browser, &site, "left");
    suite.make(DURING, || {
        page.begin(&format!(
            "navigator.mediaDevices.getAllScreensMedia(); location.href = '{}'",
            site.remote_url_at(EVIL, "left")
        ));
        left.run("return 1")?;
        let kept = eventually("the memory is let go", ENDED, || {
            let now = browser
                .shared_memory_count()
                .context("the browser is gone")?;
            Ok((now <= before).then_some(()))
        });
        let seen = format!("{before} before, {} after", browser.shared_memory_count()?);
        Ok(Verdict::by(kept.is_err(), seen))
    });
    let here = if suite.wants_one(DURING) {
        &left
    } else {
        &page
    };
    suite.make(HISTORY, || {
        let again = site.remote_url_at(ALLOWED, "again");
        here.begin(&format!("location.href = '{again}'"));
        let page = Page::new(&browser, &site, "again");
        page.run("return capture()")?;
        let during = browser.shared_memory_count()?;
        ensure!(during > before, "no memory for pictures: {during}");
        page.begin(&format!(
            "location.href = '{}'",
            site.remote_url_at(EVIL, "elsewhere")
        ));
        let elsewhere = Page::new(&browser, &site, "elsewhere");
        elsewhere.run("return 1")?;
        elsewhere.begin("history.back()");
        let quiet = eventually("the memory is let go", ENDED, || {
            Ok((browser.shared_memory_count()? <= before).then_some(()))
        })
        .and_then(|()| {
            let until = Instant::now() + Duration::from_secs(3);
            holds_for("nothing is captured", until, || {
                Ok(browser.shared_memory_count()? <= before)
            })
        });
        let after = browser.shared_memory_count()?;
        let seen = format!("{before} before the capture, {during} during it, {after} after it");
        Ok(Verdict::by(quiet.is_err(), seen))
    });
    Ok(())
}
