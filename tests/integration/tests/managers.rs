/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A page that captures while window managers and compositors do what they do.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{DARK_GROUND, Desktop, Page, Site, THREE_STREAMS, eventually};
use capture_test_rig::{ManagedWindow, Manager, MonitorSpec, Painter, Picture, XServer};
use serde_json::Value;
use x11rb::protocol::xproto::{ConfigureWindowAux, ConnectionExt as _, StackMode};

/// How long a word may take to reach the page, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// A compositor that changes nothing of what windows show.
const PLAIN: &str = r#"
backend = "xrender";
vsync = false;
"#;
/// What the windows over the full screen are filled with.
const FILLINGS: [[u8; 4]; 2] = [[0x33, 0x66, 0x99, 0xff], [0x99, 0x33, 0x66, 0xff]];

/// Has the page count the frames of each stream and note its track's events, in order.
const WATCH: &str = "
    globalThis.frames = shown.map(() => 0);
    globalThis.heard = shown.map(() => []);
    shown.forEach(({ track, video }, index) => {
        const count = () => { frames[index]++; video.requestVideoFrameCallback(count); };
        video.requestVideoFrameCallback(count);
        for (const type of ['mute', 'unmute', 'ended'])
            track.addEventListener(type, () => heard[index].push(type));
    });";

/// Something small that changes in the lower right corner of each monitor, above all else that is
/// there now.
fn small_painters(server: &XServer) -> Result<Vec<Painter>> {
    const SIZE: u32 = 128;
    let connection = server.connect()?;
    let monitors = server.monitors()?.into_iter().enumerate();
    let cover = |(number, monitor): (usize, MonitorSpec)| {
        let right = monitor.x + monitor.width.cast_signed();
        let bottom = monitor.y + monitor.height.cast_signed();
        let corner = (right - SIZE.cast_signed(), bottom - SIZE.cast_signed());
        let area = MonitorSpec::new(&monitor.name, corner.0, corner.1, SIZE, SIZE);
        let picture = Picture::Coded {
            monitor: u32::try_from(number)?,
        };
        let painter = Painter::cover(server, &area, picture)?;
        // They go below everything by themselves.
        let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        let raised = connection.configure_window(painter.window(), &above)?;
        raised.check()?;
        Ok(painter)
    };
    monitors.map(cover).collect()
}

/// Waits until the page has had a new frame of every monitor, with the strip on the screen.
fn goes_on(desktop: &Desktop, page: &Page<'_>) -> Result<()> {
    let mut painters = small_painters(&desktop.server)?;
    let counts = || -> Result<Vec<u64>> {
        let counts = page.run("return frames")?;
        let counts = counts.as_array().context("a list")?;
        Ok(counts.iter().filter_map(Value::as_u64).collect())
    };
    let before = counts()?;
    ensure!(before.len() == THREE_STREAMS.len(), "{before:?}");
    let mut frame = 1;
    eventually("frames go on on every monitor", SOON, || {
        frame += 1;
        for painter in &mut painters {
            painter.show(frame)?;
        }
        let now = counts()?;
        let have_grown = before.iter().zip(&now).all(|(before, now)| now > before);
        let heard = page.run("return heard")?;
        ensure!(
            have_grown,
            "frames were {before:?} and are {now:?}, the tracks heard {heard}"
        );
        Ok(Some(()))
    })?;
    eventually("the strip is on every monitor", SOON, || {
        let indicators = desktop.indicators()?.len();
        ensure!(indicators == THREE_STREAMS.len(), "{indicators} strips");
        Ok(desktop.has_ground(DARK_GROUND)?.then_some(()))
    })
}

/// Windows over the full screen come to the front, the manager is killed and started again.
fn check(
    start: fn(&XServer) -> Result<Manager>,
    with_picom: bool,
    multiprocess: bool,
) -> Result<()> {
    let mut desktop = Desktop::xorg_dummy()?;
    desktop.painters.clear();
    let site = Site::start()?;
    let mut manager = start(&desktop.server)?;
    let picom = || Manager::picom(&desktop.server, PLAIN);
    let _picom = with_picom.then(picom).transpose()?;
    let browser = desktop.open(&site, multiprocess)?;
    let page = Page::new(&browser, &site, "main");
    page.run("await capture()")?;
    page.run(WATCH)?;
    goes_on(&desktop, &page)?;
    for _ in 0..2 {
        let windows: Vec<ManagedWindow> = FILLINGS
            .into_iter()
            .map(|filling| ManagedWindow::full_screen(&desktop.server, filling))
            .collect::<Result<_>>()?;
        for window in windows.iter().chain(&windows) {
            // Again and again, as a person does: a manager that is busy with the window before
            // leaves a request out at times.
            eventually("the window is in front", SOON, || {
                window.activate()?;
                Ok(window.is_in_front(&desktop.server)?.then_some(()))
            })?;
            goes_on(&desktop, &page)?;
        }
        manager.kill()?;
        goes_on(&desktop, &page)?;
        manager = start(&desktop.server)?;
        goes_on(&desktop, &page)?;
    }
    manager.end()?;
    goes_on(&desktop, &page)?;
    // Each mute has its end, and nothing else has.
    eventually("every track is live and not muted", SOON, || {
        let heard = page.run("return heard")?;
        let last = "return shown.every(({ track }) => track.readyState === 'live' && !track.muted)";
        ensure!(page.run(last)? == true, "the tracks heard {heard}");
        Ok(Some(()))
    })?;
    let heard = page.run("return heard")?;
    println!("the tracks heard {heard}");
    for events in heard.as_array().context("a list")? {
        let events = events.as_array().context("a list")?;
        let by_turns = events.iter().zip(["mute", "unmute"].into_iter().cycle());
        let is_in_order = by_turns.into_iter().all(|(event, wanted)| event == wanted);
        ensure!(is_in_order && events.len() % 2 == 0, "{heard}");
    }
    ensure!(
        desktop.is_indicated(site.origin())?,
        "not indicated at the end"
    );
    Ok(())
}

#[test]
fn frames_go_on_under_openbox_that_is_killed_and_started_again() -> Result<()> {
    check(Manager::openbox, false, false)
}

#[test]
fn frames_go_on_under_xfwm4_that_is_killed_and_started_again() -> Result<()> {
    check(Manager::xfwm4, false, true)
}

#[test]
fn frames_go_on_under_managers_with_a_compositor_beside_them() -> Result<()> {
    check(Manager::openbox, true, true)?;
    check(Manager::xfwm4, true, false)
}
