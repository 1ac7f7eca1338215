/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A session that is locked, put aside or about to sleep (E6), told by services that the test plays.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{
    Buses, Desktop, Launch, Page, Site, eventually, holds_for, record_entries,
};
use capture_test_rig::services::{Logind, LogindState, OUR_SESSION, ScreenSaver, Value};
use serde_json::json;

/// How long a word may take to reach the page, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// How long the indicator stays at least after a capture, and how much longer at most.
const LINGER: Duration = Duration::from_secs(5);
const SLACK: Duration = Duration::from_secs(1);

const SCREEN_SAVERS: [&str; 5] = [
    "org.freedesktop.ScreenSaver",
    "org.gnome.ScreenSaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
    "org.xfce.ScreenSaver",
];

/// The services of a desktop.
struct Services {
    buses: Buses,
    state: LogindState,
    logind: Logind,
    screen_savers: Vec<ScreenSaver>,
}

impl Services {
    fn start() -> Result<Self> {
        let buses = Buses::start()?;
        let state = LogindState::default();
        let logind = Logind::start(&buses.system_address(), &state)?;
        let session = buses.session_address();
        let screen_savers = SCREEN_SAVERS
            .iter()
            .map(|name| ScreenSaver::start(&session, name))
            .collect::<Result<_>>()?;
        Ok(Self {
            buses,
            state,
            logind,
            screen_savers,
        })
    }
}

/// One of those who say that the session is locked.
#[derive(Clone, Copy, Debug)]
enum Word {
    Signal,
    Hint,
    Switch,
    Sleep,
    ScreenSaver(usize),
}

impl Word {
    fn all() -> impl Iterator<Item = Self> {
        let screen_savers = (0..SCREEN_SAVERS.len()).map(Self::ScreenSaver);
        [Self::Signal, Self::Hint, Self::Switch, Self::Sleep]
            .into_iter()
            .chain(screen_savers)
    }

    /// Says it, or takes it back.
    fn say(self, services: &Services, locked: bool) -> Result<()> {
        let logind = &services.logind;
        match self {
            Self::Signal => {
                let member = if locked { "Lock" } else { "Unlock" };
                logind.session_signal(OUR_SESSION, member)
            }
            Self::Hint => logind.property(OUR_SESSION, "LockedHint", Value::Bool(locked)),
            Self::Switch => logind.property(OUR_SESSION, "Active", Value::Bool(!locked)),
            Self::Sleep => logind.sleep(locked),
            Self::ScreenSaver(number) => services.screen_savers[number].active_changed(locked),
        }
    }

    /// What people read in the record.
    fn reason(self) -> &'static str {
        match self {
            Self::Signal | Self::Hint => "the screen is locked",
            Self::Switch => "another user is in front of the screen",
            Self::Sleep => "the machine goes to sleep",
            Self::ScreenSaver(_) => "the screen saver is on",
        }
    }
}

fn ended(page: &Page<'_>) -> Result<Option<()>> {
    let states = page.run("return shown.map(({ track, ended }) => [track.readyState, ended])")?;
    let all = states.as_array().context("a list")?;
    ensure!(!all.is_empty(), "nothing was captured");
    Ok(all
        .iter()
        .all(|state| *state == json!(["ended", 1]))
        .then_some(()))
}

#[test]
fn whoever_says_that_the_session_is_locked_every_capture_ends_and_none_resumes() -> Result<()> {
    let services = Services::start()?;
    let home = tempfile::tempdir()?;
    let site = Site::start()?;
    let browser = Launch::new()
        .backend("synthetic")
        .allow(site.origin())
        .buses(&services.buses)
        .home(home.path())
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    for word in Word::all() {
        // An unlock and the call come by different ways.
        eventually("a capture begins", SOON, || {
            word.say(&services, false)?;
            page.run("await capture()").map(Some)
        })?;
        eventually(&format!("{word:?} ends every track"), SOON, || {
            // Said again, as the browser may have begun to listen just now.
            word.say(&services, true)?;
            ended(&page)
        })?;
        let error = page.run_and_fail("return navigator.mediaDevices.getAllScreensMedia()")?;
        ensure!(
            error.name == "NotReadableError" && error.message.contains(word.reason()),
            "{word:?}: {error}"
        );
        word.say(&services, false)?;
        holds_for(
            "an unlock begins nothing",
            Instant::now() + Duration::from_millis(300),
            || Ok(ended(&page)?.is_some()),
        )?;
        page.run("forgetAll()")?;
        let entries = record_entries(home.path(), &[])?;
        // The refusal of the call comes after it.
        let last_end = entries.iter().rfind(|entry| entry["event"] == "end");
        let reason = last_end.context("no end")?["reason"].as_str();
        ensure!(
            reason.is_some_and(|reason| reason.contains(word.reason())),
            "{word:?}: {reason:?}"
        );
    }
    // Every grant has its end, and each of its monitors its stop.
    let entries = record_entries(home.path(), &[])?;
    let count = |event: &str| {
        entries
            .iter()
            .filter(|entry| entry["event"] == event)
            .count()
    };
    ensure!(count("grant") == Word::all().count(), "{entries:#?}");
    ensure!(count("end") == count("grant") && count("stop") == count("start"));
    Ok(())
}

#[test]
fn a_lock_takes_frames_at_once_and_the_indicator_after_five_seconds() -> Result<()> {
    let services = Services::start()?;
    let desktop = Desktop::xvfb()?;
    let site = Site::start()?;
    for multiprocess in [false, true] {
        let browser = desktop
            .launch(site.origin())
            .multiprocess(multiprocess)
            .buses(&services.buses)
            .open(&site.remote_url(&format!("main-{multiprocess}")))?;
        let page = Page::new(&browser, &site, &format!("main-{multiprocess}"));
        page.run("await capture()")?;
        ensure!(desktop.is_indicated(site.origin())?);
        let before_lock = Instant::now();
        eventually("the session manager is heard", SOON, || {
            Word::Signal.say(&services, true)?;
            ended(&page)
        })?;
        let after_lock = Instant::now();
        holds_for("the indicator stays", before_lock + LINGER, || {
            desktop.is_indicated(site.origin())
        })?;
        let deadline = after_lock + LINGER + SLACK;
        desktop.wait_until_not_indicated(deadline.saturating_duration_since(Instant::now()))?;
        // Nothing comes back by itself.
        Word::Signal.say(&services, false)?;
        holds_for(
            "nothing is captured",
            Instant::now() + Duration::from_secs(1),
            || Ok(desktop.indicators()?.is_empty() && ended(&page)?.is_some()),
        )?;
        eventually("a new call is heard", SOON, || {
            page.run("await capture()").map(Some)
        })?;
        ensure!(desktop.is_indicated(site.origin())?);
    }
    Ok(())
}

#[test]
fn the_machine_sleeps_when_every_capture_has_ended() -> Result<()> {
    let services = Services::start()?;
    let home = tempfile::tempdir()?;
    let site = Site::start()?;
    let browser = Launch::new()
        .backend("synthetic")
        .allow(site.origin())
        .buses(&services.buses)
        .home(home.path())
        .open(&site.remote_url("main"))?;
    let page = Page::new(&browser, &site, "main");
    page.run("return 1")?;
    ensure!(services.state.held() == 0, "nothing is captured");
    page.run("await capture()")?;
    eventually("sleep waits", SOON, || {
        Ok((services.state.held() == 1).then_some(()))
    })?;
    // What logind does: it tells, and sleeps when nobody holds it any more.
    eventually("nobody keeps the machine awake", SOON, || {
        services.logind.sleep(true)?;
        Ok((services.state.held() == 0).then_some(()))
    })?;
    // That was after the end of everything.
    let entries = record_entries(home.path(), &[])?;
    let count = |event: &str| {
        entries
            .iter()
            .filter(|entry| entry["event"] == event)
            .count()
    };
    ensure!(
        count("end") == 1 && count("stop") == count("start"),
        "{entries:#?}"
    );
    eventually("every track has ended", SOON, || ended(&page))?;
    services.logind.sleep(false)?;
    // A capture that the page ends lets the machine sleep too.
    eventually("calls are heard again", SOON, || {
        page.run("await capture()").map(Some)
    })?;
    eventually("sleep waits", SOON, || {
        Ok((services.state.held() == 1).then_some(()))
    })?;
    page.run("stopAll()")?;
    eventually("nobody keeps the machine awake", SOON, || {
        Ok((services.state.held() == 0).then_some(()))
    })
}
