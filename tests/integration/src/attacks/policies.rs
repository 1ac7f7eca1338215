/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Policy files by which somebody other than the administrator would allow a page.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Result, ensure};
use capture_integration_tests::{Launch, Page, Site};
use capture_test_rig::{Attack, Verdict};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::Suite;
use crate::origins::{TRY, is_captured, verdict};

/// Allows everybody.
const ALLOW_ALL: &str = r#"{ "dom_screen_capture_all_screens_allowed_origins": ["*"] }"#;
/// Allows nobody, and then everybody.
const TWICE: &str = r#"{ "dom_screen_capture_all_screens_allowed_origins": [],
    "dom_screen_capture_all_screens_allowed_origins": ["*"] }"#;
const ALLOW_NOBODY: &str = r#"{ "dom_screen_capture_all_screens_allowed_origins": [] }"#;

const SUCCESS: &str = "the call of a page that nobody else has listed is granted";

/// What stands in the administrator's directory, and with which further preference.
struct Swap {
    attack: Attack,
    prepare: fn(directory: &Path, elsewhere: &Path) -> Result<()>,
    preference: Option<&'static str>,
}

const SWAPS: [Swap; 6] = [
    Swap {
        attack: Attack {
            name: "policy file: symbolic link",
            tried: "a link in the administrator's directory leads to a file that allows everybody",
            success: SUCCESS,
        },
        prepare: |directory, elsewhere| {
            let file = elsewhere.join("mine.json");
            fs::write(&file, ALLOW_ALL)?;
            Ok(symlink(file, directory.join("capture.json"))?)
        },
        preference: None,
    },
    Swap {
        attack: Attack {
            name: "policy file: pipe",
            tried: "a pipe in the administrator's directory, which would stop whoever reads it",
            success: "the call is granted, or the browser waits for the pipe",
        },
        prepare: |directory, _| {
            let mode = Mode::RUSR | Mode::WUSR;
            let path = directory.join("capture.json");
            Ok(mknodat(CWD, path, FileType::Fifo, mode, 0)?)
        },
        // Whatever cannot be read may have been meant to forbid this.
        preference: Some(r#"dom_screen_capture_all_screens_allowed_origins=["*"]"#),
    },
    Swap {
        attack: Attack {
            name: "policy file: writable by everybody",
            tried: "a file that allows everybody and that everybody may write",
            success: SUCCESS,
        },
        prepare: |directory, _| {
            let file = directory.join("capture.json");
            fs::write(&file, ALLOW_ALL)?;
            Ok(fs::set_permissions(file, Permissions::from_mode(0o666))?)
        },
        preference: None,
    },
    Swap {
        attack: Attack {
            name: "policy file: directory writable by everybody",
            tried: "a file that allows everybody in a directory that everybody may write",
            success: SUCCESS,
        },
        prepare: |directory, _| {
            fs::write(directory.join("capture.json"), ALLOW_ALL)?;
            Ok(fs::set_permissions(
                directory,
                Permissions::from_mode(0o777),
            )?)
        },
        preference: None,
    },
    Swap {
        attack: Attack {
            name: "policy file: the list twice",
            tried: "a file whose second list allows everybody, after one that allows nobody",
            success: SUCCESS,
        },
        prepare: |directory, _| Ok(fs::write(directory.join("capture.json"), TWICE)?),
        preference: None,
    },
    Swap {
        attack: Attack {
            name: "policy file: the user against the administrator",
            tried: "the user's preference allows everybody, the administrator's nobody",
            success: SUCCESS,
        },
        prepare: |directory, _| Ok(fs::write(directory.join("capture.json"), ALLOW_NOBODY)?),
        preference: Some(r#"dom_screen_capture_all_screens_allowed_origins=["*"]"#),
    },
];

const LATER: Attack = Attack {
    name: "policy file: added while the browser runs",
    tried: "a file that allows everybody is put there after the start, and the page loaded again",
    success: SUCCESS,
};

pub(crate) fn attack(suite: &mut Suite) {
    for swap in SWAPS {
        suite.make(swap.attack, || try_swap(&swap));
    }
    suite.make(LATER, try_later);
}

fn launch(directory: &Path) -> Launch {
    Launch::new().backend("synthetic").managed(directory)
}

/// Nothing would be shown by a refusal if the same file were not believed in its place.
fn try_swap(swap: &Swap) -> Result<Verdict> {
    let (directory, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    (swap.prepare)(directory.path(), elsewhere.path())?;
    let site = Site::start()?;
    let mut launch = launch(directory.path());
    if let Some(preference) = swap.preference {
        launch = launch.argument("--pref").argument(preference);
    }
    let browser = launch.open(&site.remote_url("main"))?;
    let outcome = Page::new(&browser, &site, "main").run(TRY)?;
    Ok(verdict(&outcome))
}

fn try_later() -> Result<Verdict> {
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    let site = Site::start()?;
    let file = directory.path().join("capture.json");
    {
        fs::write(&file, ALLOW_ALL)?;
        let browser = launch(directory.path()).open(&site.remote_url("control"))?;
        let outcome = Page::new(&browser, &site, "control").run(TRY)?;
        ensure!(is_captured(&outcome), "with the file at start: {outcome}");
        fs::remove_file(&file)?;
    }
    let browser = launch(directory.path()).open(&site.remote_url("before"))?;
    let page = Page::new(&browser, &site, "before");
    page.run("return 1")?;
    fs::write(&file, ALLOW_ALL)?;
    page.begin(&format!("location.href = '{}'", site.remote_url("after")));
    let outcome = Page::new(&browser, &site, "after").run(TRY)?;
    Ok(verdict(&outcome))
}
