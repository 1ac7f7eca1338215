/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! X clients that want frames to be delivered without the privacy indicator in them.
//!
//! The monitors are of one color that the indicator does not have, and so is whatever the attackers
//! lay over it. A frame that shows nothing but this color in the middle of the indicator's place is a
//! success, whatever else happens.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use capture_integration_tests::{Browser, Launch, Page, Site, eventually};
use capture_test_rig::{
    Attack, Intruder, MonitorSpec, Painter, Picture, Verdict, WindowInfo, XServer, Xvfb,
};

use crate::Suite;

/// Of monitors and covers.
const COLOR: u32 = 0x00ff_00ff;
/// How long each attack is kept up.
const SIEGE: Duration = Duration::from_millis(1500);
/// How long frames may take to come again afterwards, in a debug build.
const RECOVERY: Duration = Duration::from_secs(20);
/// How long a press takes at most that counts.
const PRESSED: Duration = Duration::from_secs(3);

const SUCCESS: &str = "a frame without the indicator in its place";

/// What is done to the indicator's windows, again and again.
type Act = fn(&Intruder, &[WindowInfo]) -> Result<()>;

const fn attack_of(name: &'static str, tried: &'static str) -> Attack {
    Attack {
        name,
        tried,
        success: SUCCESS,
    }
}

fn each(windows: &[WindowInfo], act: impl Fn(u32) -> Result<()>) -> Result<()> {
    windows.iter().try_for_each(|window| act(window.id))
}

const ACTS: [(Attack, Act); 11] = [
    (
        attack_of(
            "indicator: unmap",
            "its windows are unmapped as often as they come",
        ),
        |intruder, windows| each(windows, |window| intruder.unmap(window)),
    ),
    (
        attack_of(
            "indicator: destroy",
            "its windows are destroyed as often as they come",
        ),
        |intruder, windows| each(windows, |window| intruder.destroy(window)),
    ),
    (
        attack_of(
            "indicator: move away",
            "its windows are moved to where no monitor is",
        ),
        |intruder, windows| each(windows, |window| intruder.banish(window)),
    ),
    (
        attack_of("indicator: shrink", "its windows are made one pixel large"),
        |intruder, windows| each(windows, |window| intruder.shrink(window)),
    ),
    (
        attack_of(
            "indicator: shape",
            "its windows are given the shape of nothing",
        ),
        |intruder, windows| each(windows, |window| intruder.hollow(window)),
    ),
    (
        attack_of(
            "indicator: lower",
            "its windows are put below the covered desktop's",
        ),
        |intruder, windows| each(windows, |window| intruder.lower(window)),
    ),
    (
        attack_of(
            "indicator: paint over",
            "its windows are painted over by another client",
        ),
        |intruder, windows| {
            windows.iter().try_for_each(|window| {
                let size = (window.width, window.height);
                intruder.scribble(window.id, (0, 0), size, COLOR)
            })
        },
    ),
    (
        attack_of(
            "indicator: put into another window",
            "its windows are put into a window below",
        ),
        |intruder, windows| {
            let hole = intruder.cover((0, 600), (50, 20), COLOR)?;
            each(windows, |window| intruder.put_into(window, hole))
        },
    ),
    (
        attack_of(
            "indicator: kill",
            "the client that draws it is killed as often as it comes",
        ),
        |intruder, windows| {
            windows
                .first()
                .map_or(Ok(()), |it| intruder.kill_owner(it.id))
        },
    ),
    (
        attack_of(
            "indicator: double",
            "a picture of it without its words is laid over it",
        ),
        |intruder, windows| {
            windows
                .iter()
                .try_for_each(|window| intruder.double(window, COLOR).map(drop))
        },
    ),
    (
        attack_of(
            "indicator: cover",
            "windows are laid over it, one above the other",
        ),
        |intruder, windows| {
            windows.iter().try_for_each(|window| {
                let size = (window.width, window.height);
                intruder.cover((window.x, window.y), size, COLOR).map(drop)
            })
        },
    ),
];

const STARVE: Attack = attack_of(
    "indicator: starve",
    "a window over everything raises itself all the time, while others flood the X server",
);
const DISMISSED: Attack = Attack {
    name: "indicator: dismissed by a program",
    tried: "a program presses its control to dismiss it (XTEST), the page stops and captures again",
    success: "the indicator is small, at once or in the second capture",
};

/// Counts frames, and those without the indicator: `watch(blind)` begins, `seen` is the sum.
const WATCH: &str = "
    window.seen = { frames: 0, bare: 0 };
    window.watched = new WeakSet();
    window.watch = blind => shown.forEach(({ video, track }) => {
        if (watched.has(video)) return;
        watched.add(video);
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [60, 16];
        const context = canvas.getContext('2d');
        const look = () => {
            const left = Math.floor(video.videoWidth / 2) - 30;
            context.drawImage(video, left, blind ? 200 : 6, 60, 16, 0, 0, 60, 16);
            const { data } = context.getImageData(0, 0, 60, 16);
            let same = 0;
            for (let at = 0; at < data.length; at += 4)
                same += data[at] === 255 && data[at + 1] === 0 && data[at + 2] === 255;
            seen.frames++;
            if (same > 0.9 * 60 * 16) seen.bare++;
            video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
    });";

/// Two monitors, their pictures, a page that captures them, and something that moves on them.
struct Scene<'a> {
    server: &'a XServer,
    page: Page<'a>,
    blind: bool,
    mover: Mover<'a>,
}

/// Changes a few pixels of each monitor, below the indicator's place and below every window, so that
/// there is something to deliver.
struct Mover<'a> {
    painters: &'a [Painter],
    intruder: Intruder,
    color: Cell<u32>,
}

impl Mover<'_> {
    fn move_once(&self) -> Result<()> {
        self.color
            .set(self.color.get().wrapping_add(0x0001_0305) & 0x007f_7f7f);
        for painter in self.painters {
            let (window, color) = (painter.window(), self.color.get());
            self.intruder.scribble(window, (10, 300), (40, 20), color)?;
        }
        self.intruder.settle()
    }
}

pub(crate) fn attack(suite: &mut Suite) {
    let attacks: Vec<Attack> = ACTS
        .iter()
        .map(|(attack, _)| *attack)
        .chain([STARVE, DISMISSED])
        .collect();
    if suite.wants(&attacks)
        && let Err(error) = attack_indicator(suite)
    {
        suite.give_up(&attacks, &error);
    }
}

fn monitors() -> [MonitorSpec; 2] {
    [
        MonitorSpec::new("LEFT", 0, 0, 640, 480),
        MonitorSpec::new("RIGHT", 640, 40, 600, 440),
    ]
}

fn attack_indicator(suite: &mut Suite) -> Result<()> {
    let server = Xvfb::builder()
        .size(1300, 700)
        .monitors(monitors())
        .start()?;
    let painters = monitors()
        .iter()
        .map(|monitor| Painter::cover(&server, monitor, Picture::Solid([255, 0, 255, 255])))
        .collect::<Result<Vec<_>>>()?;
    let site = Site::start()?;
    let browser = open(&server, &site)?;
    let scene = Scene {
        server: &server,
        page: Page::new(&browser, &site, "main"),
        blind: suite.blind,
        mover: Mover {
            painters: &painters,
            intruder: Intruder::enter(&server)?,
            color: Cell::new(0),
        },
    };
    scene.page.run(WATCH)?;
    for (attack, act) in ACTS {
        suite.make(attack, || scene.besiege(act));
    }
    suite.make(STARVE, || scene.starve());
    suite.make(DISMISSED, || scene.dismiss());
    Ok(())
}

fn open(server: &XServer, site: &Site) -> Result<Browser> {
    Launch::new()
        .display(server.display())
        .backend("x11")
        .allow(site.origin())
        .open(&site.remote_url("main"))
}

impl Scene<'_> {
    fn indicators(&self) -> Result<Vec<WindowInfo>> {
        let mut windows = self.server.windows()?;
        windows.retain(|window| window.viewable && window.is_of_class("captureshell-indicator"));
        windows.sort_by_key(|window| window.x);
        Ok(windows)
    }

    /// Frames seen by the page, and how many of them had no indicator.
    fn seen(&self) -> Result<(u64, u64)> {
        let seen = self.page.run("return seen")?;
        let number = |name: &str| seen[name].as_u64().context("no number");
        Ok((number("frames")?, number("bare")?))
    }

    /// A capture runs, and frames come of it; a new one where an attack has left the old one without
    /// frames for good, which harms nobody's privacy.
    fn ready(&self) -> Result<()> {
        if self.frames_come().is_ok() {
            return Ok(());
        }
        self.page.run("stopAll(); forgetAll()")?;
        eventually("the indicator goes", RECOVERY, || {
            Ok(self.indicators()?.is_empty().then_some(()))
        })?;
        self.frames_come()
    }

    fn frames_come(&self) -> Result<()> {
        let live = "return shown.filter(({ track }) => track.readyState === 'live').length";
        if self.page.run(live)? != 2 {
            self.page.run("stopAll(); forgetAll(); await capture()")?;
        }
        self.page.run(&format!("watch({})", self.blind))?;
        let before = self.seen()?.0;
        eventually("frames come", RECOVERY / 2, || {
            self.mover.move_once()?;
            Ok((self.seen()?.0 >= before + 4).then_some(()))
        })
    }

    /// Does something to the indicator for a while, and waits until all is well again.
    fn besiege(&self, act: Act) -> Result<Verdict> {
        self.ready()?;
        let before = self.seen()?;
        let mut acts = 0;
        {
            // What it has made goes with it.
            let intruder = Intruder::enter(self.server)?;
            let end = Instant::now() + SIEGE;
            while Instant::now() < end {
                let windows = self.indicators()?;
                if !self.blind {
                    act(&intruder, &windows)?;
                    acts += usize::from(!windows.is_empty());
                }
                self.mover.move_once()?;
            }
        }
        ensure!(acts > 0 || self.blind, "there was no indicator to attack");
        self.judge(before, &format!("{acts} times"))
    }

    fn starve(&self) -> Result<Verdict> {
        self.ready()?;
        let before = self.seen()?;
        let mut raises = 0;
        {
            let intruder = Intruder::enter(self.server)?;
            let rival = intruder.cover((0, 0), (1300, 700), COLOR)?;
            // Of requests for a window that is not there: the server answers each with an error.
            let flood = (0..4)
                .map(|_| Intruder::enter(self.server))
                .collect::<Result<Vec<_>>>()?;
            let end = Instant::now() + 2 * SIEGE;
            while Instant::now() < end {
                for client in &flood {
                    for _ in 0..100 {
                        client.lower(rival.wrapping_add(1000))?;
                    }
                }
                intruder.raise(rival)?;
                intruder.settle()?;
                raises += 1;
            }
        }
        self.judge(before, &format!("{raises} raises"))
    }

    /// Lets what was under way arrive, and sees whether a frame had no indicator.
    fn judge(&self, before: (u64, u64), what: &str) -> Result<Verdict> {
        self.ready()?;
        let after = self.seen()?;
        let bare = after.1 - before.1;
        let frames = after.0 - before.0;
        let seen = format!("{bare} of {frames} frames without it, {what}");
        Ok(Verdict::by(bare > 0, seen))
    }

    fn dismiss(&self) -> Result<Verdict> {
        self.page.run("stopAll(); forgetAll(); await capture()")?;
        let whole = |windows: &[WindowInfo]| windows.len() == 2 && windows[0].width > 200;
        let small = |windows: &[WindowInfo]| windows.len() == 2 && windows[0].width < 130;
        let wait = |what: &str, condition: &dyn Fn(&[WindowInfo]) -> bool| {
            eventually(what, RECOVERY, || {
                let windows = self.indicators()?;
                Ok(condition(&windows).then_some(windows))
            })
        };
        let windows = wait("the whole indicator is shown", &whole)?;
        let it = &windows[0];
        // The last control is the one that dismisses.
        let right = it.x + it.width.cast_signed() - 16;
        let intruder = Intruder::enter(self.server)?;
        intruder.click((right, it.y + it.height.cast_signed() / 2))?;
        let dismissed = eventually("the indicator is small", PRESSED, || {
            Ok(small(&self.indicators()?).then_some(()))
        });
        self.page.run("stopAll(); forgetAll(); await capture()")?;
        let again = wait("the whole indicator is shown again", &whole);
        let widths: Vec<u32> = self.indicators()?.iter().map(|it| it.width).collect();
        let succeeded = dismissed.is_ok() || again.is_err();
        Ok(Verdict::by(succeeded, format!("widths {widths:?}")))
    }
}
