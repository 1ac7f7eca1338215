/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the project needs beside Rust, git and Python 3, and how it is
//! installed.
//!
//! The lists are Debian 12's package names. What is missing is found without
//! the network, so that a machine that has everything pays a few milliseconds.

use std::env;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The compilers and the build-time tools. Servo's SpiderMonkey wants a newer
/// clang than Debian's default; `.cargo/config.toml` names this one.
const COMPILERS: &[&str] = &[
    "clang-19",
    "cmake",
    "libclang-19-dev",
    "lld-19",
    "llvm-19",
    "m4",
    "make",
    "pkg-config",
    "python3",
    // Servo's build takes the prebuilt SpiderMonkey with it; without it, it
    // compiles SpiderMonkey for a quarter of an hour.
    "ca-certificates",
    "curl",
];

/// Headers and libraries that the browser is linked with.
const LIBRARIES: &[&str] = &[
    "libegl-dev",
    "libfontconfig-dev",
    "libfreetype-dev",
    "libgbm-dev",
    "libgstreamer-plugins-bad1.0-dev",
    "libgstreamer-plugins-base1.0-dev",
    "libgstreamer1.0-dev",
    "libpipewire-0.3-dev",
    "libwayland-dev",
    "libx11-dev",
    "libxcb-randr0-dev",
    "libxcb1-dev",
    "zlib1g-dev",
];

/// What the browser loads while it runs.
const RUNTIME: &[&str] = &[
    "fonts-dejavu-core",
    "gstreamer1.0-libav",
    "gstreamer1.0-nice",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "libegl1",
    "libgl1-mesa-dri",
    "libgles2",
    "libx11-xcb1",
    "libxcursor1",
    "libxi6",
    "libxkbcommon-x11-0",
    "libxrandr2",
];

/// X servers and what drives them in the tests.
const TESTS: &[&str] = &[
    "dbus",
    "dbus-daemon",
    "openbox",
    "picom",
    "python3-venv",
    "x11-utils",
    "x11-xserver-utils",
    "xcompmgr",
    "xdotool",
    "xfwm4",
    "xserver-xephyr",
    "xserver-xorg-core",
    "xserver-xorg-video-dummy",
    "xvfb",
];

/// The peers that the benches measure against, and what those of their programs
/// that are written in C are compiled with when they first run.
const BENCHES: &[&str] = &[
    "chromium",
    "gcc",
    "libavdevice-dev",
    "libavformat-dev",
    "libavutil-dev",
    "libc6-dev",
];

/// What to prepare the machine for and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Also what `mach bench` measures against.
    pub bench: bool,
    /// Do not ask before installing.
    pub yes: bool,
    /// Say what would be installed, install nothing.
    pub dry_run: bool,
}

/// Installs what is missing. Does nothing when nothing is.
///
/// # Errors
/// When something is missing and cannot be installed, or the user says no.
pub fn ensure(options: Options) -> Result<()> {
    let wanted = wanted(options.bench, command_exists("npm"));
    let Some(missing) = missing(&wanted)? else {
        eprintln!(
            "mach: this system has no dpkg; make sure that it has the equivalents of: {}",
            wanted.join(" ")
        );
        return Ok(());
    };
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!(
        "mach: these packages are needed and missing: {}",
        missing.join(" ")
    );
    let Some(prefix) = privilege() else {
        bail!(
            "mach may not install packages here. Install them with\n  \
             su -c 'apt-get update && {}'\nand run mach again",
            install_command(&missing)
        );
    };
    let sudo = if prefix.is_empty() { "" } else { "sudo " };
    eprintln!("mach: {sudo}{}", install_command(&missing));
    if options.dry_run {
        return Ok(());
    }
    if !options.yes && io::stdin().is_terminal() && !confirmed()? {
        bail!("nothing was installed");
    }
    apt(&prefix, &["update"]).context("refreshing the package lists")?;
    require_compiler(&missing)?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(missing.iter().copied());
    apt(&prefix, &arguments).context("installing the missing packages")
}

/// Says which peers' packages are missing. `mach bench` measures without them
/// and says so once more in its report.
///
/// # Errors
/// When dpkg-query cannot be started.
pub fn report_missing_peers() -> Result<()> {
    match missing(BENCHES)? {
        Some(missing) if !missing.is_empty() => eprintln!(
            "mach: not installed, so not all peers take part: {}; ./mach bootstrap --bench installs them",
            missing.join(" ")
        ),
        _ => {}
    }
    Ok(())
}

/// Whether a program is in `PATH`.
pub fn command_exists(name: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|directory| directory.join(name).is_file()))
}

/// The packages to have. npm is often installed from elsewhere; Debian's own
/// brings hundreds of packages and is wanted only where there is none.
fn wanted(bench: bool, has_npm: bool) -> Vec<&'static str> {
    let mut wanted = [COMPILERS, LIBRARIES, RUNTIME, TESTS].concat();
    if !has_npm {
        wanted.push("npm");
    }
    if bench {
        wanted.extend(BENCHES);
    }
    wanted
}

/// Which of `wanted` are not installed; `None` on a system without dpkg.
fn missing(wanted: &[&'static str]) -> Result<Option<Vec<&'static str>>> {
    let output = Command::new("dpkg-query")
        .args([
            "--show",
            "--showformat",
            "${db:Status-Status} ${Package}\\n",
        ])
        .args(wanted)
        .stdin(Stdio::null())
        .output();
    match output {
        // It fails when it does not know one of the names; its list is good.
        Ok(output) => Ok(Some(not_installed(
            wanted,
            &String::from_utf8_lossy(&output.stdout),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("starting dpkg-query"),
    }
}

/// Reads dpkg-query's lines, `status package`.
fn not_installed(wanted: &[&'static str], listing: &str) -> Vec<&'static str> {
    let installed = listing
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .collect::<Vec<_>>();
    wanted
        .iter()
        .copied()
        .filter(|package| !installed.contains(package))
        .collect()
}

/// What to put before `apt-get`: nothing for root, sudo where it exists, `None`
/// where neither helps.
fn privilege() -> Option<Vec<&'static str>> {
    if !command_exists("apt-get") {
        return None;
    }
    if rustix::process::geteuid().is_root() {
        return Some(Vec::new());
    }
    command_exists("sudo").then(|| vec!["sudo"])
}

fn install_command(packages: &[&str]) -> String {
    format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    )
}

fn confirmed() -> Result<bool> {
    eprint!("mach: install them now? [Y/n] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

/// An empty line is the default, the end of input is not an answer.
fn is_yes(answer: &str) -> bool {
    answer.ends_with('\n') && matches!(answer.trim(), "" | "y" | "Y" | "yes")
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Result<()> {
    // `env` because sudo drops the environment.
    let words = [
        prefix,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        arguments,
    ]
    .concat();
    let status = Command::new(words[0])
        .args(&words[1..])
        .status()
        .with_context(|| format!("starting {}", words[0]))?;
    if !status.success() {
        bail!("apt-get {} failed ({status})", arguments[0]);
    }
    Ok(())
}

/// Says what to do where the package sources have no clang-19, instead of
/// leaving the user with apt's list.
fn require_compiler(missing: &[&str]) -> Result<()> {
    if !missing.contains(&"clang-19") {
        return Ok(());
    }
    let output = Command::new("apt-cache")
        .args(["policy", "clang-19"])
        .env("LC_ALL", "C")
        .output()
        .context("starting apt-cache")?;
    if has_candidate(&String::from_utf8_lossy(&output.stdout)) {
        return Ok(());
    }
    bail!(
        "this system's package sources have no clang-19, which SpiderMonkey needs and Debian 12 \
         has. Add it from https://apt.llvm.org, or install another clang from 19 on and name it \
         in .cargo/config.toml"
    )
}

/// Reads the answer of `apt-cache policy`.
fn has_candidate(policy: &str) -> bool {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate: "))
        .any(|version| version != "(none)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let listing = "installed clang-19\nconfig-files cmake\nnot-installed m4\ninstalled m4x\n";
        assert_eq!(
            not_installed(&["clang-19", "cmake", "m4", "make"], listing),
            ["cmake", "m4", "make"]
        );
    }

    #[test]
    fn npm_is_wanted_only_where_there_is_none() {
        assert!(wanted(false, false).contains(&"npm"));
        assert!(!wanted(false, true).contains(&"npm"));
    }

    #[test]
    fn peers_are_wanted_only_for_benches() {
        assert!(wanted(true, true).contains(&"chromium"));
        assert!(!wanted(false, true).contains(&"chromium"));
    }

    #[test]
    fn no_package_is_listed_twice() {
        let mut all = wanted(true, false);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_package_without_candidate_is_not_to_be_had() {
        let policy = |candidate: &str| {
            format!("clang-19:\n  Installed: (none)\n  Candidate: {candidate}\n  Version table:\n")
        };
        assert!(has_candidate(&policy("1:19.1.7-3~deb12u1")));
        assert!(!has_candidate(&policy("(none)")));
        assert!(!has_candidate(""));
    }

    #[test]
    fn silence_is_not_consent() {
        assert!(is_yes("\n") && is_yes("y\n") && is_yes("yes\n"));
        assert!(!is_yes("") && !is_yes("n\n") && !is_yes("nein\n"));
    }
}
