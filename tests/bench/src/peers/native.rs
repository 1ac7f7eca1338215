/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Peers in C, compiled where the bench runs, so that this program needs neither their libraries nor
//! a compiler to be built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::peer::{Cell, Peer, Reach, own_command};

/// How what is missing can be had.
const INSTALL: &str = "`./mach bootstrap --bench` installs it";
/// As `MAX_MONITORS` in `peers/common.h`.
const MAX_MONITORS: usize = 16;
/// Warnings are left out: another version of a library may deprecate something.
const FLAGS: [&str; 3] = ["-std=gnu11", "-O2", "-pthread"];

/// A program of `peers/` and what it needs.
#[derive(Debug)]
pub(super) struct Program {
    name: &'static str,
    /// Its files; those that end with `.c` are compiled.
    files: &'static [(&'static str, &'static str)],
    /// The names of libraries for pkg-config.
    libraries: &'static [&'static str],
    /// The Debian packages that have them.
    packages: &'static str,
    /// A plugin of GStreamer's, and its Debian package.
    plugin: Option<(&'static str, &'static str)>,
}

const COMMON: [(&str, &str); 2] = [
    ("common.h", include_str!("../../peers/common.h")),
    ("common.c", include_str!("../../peers/common.c")),
];

/// ffmpeg's x11grab.
pub(super) const FFMPEG: Program = Program {
    name: "ffmpeg",
    files: &[
        COMMON[0],
        COMMON[1],
        ("handoff.h", include_str!("../../peers/handoff.h")),
        ("handoff.c", include_str!("../../peers/handoff.c")),
        ("ffmpeg.c", include_str!("../../peers/ffmpeg.c")),
    ],
    libraries: &["libavdevice", "libavformat", "libavcodec", "libavutil"],
    packages: "libavdevice-dev libavformat-dev libavutil-dev",
    plugin: None,
};

/// GStreamer's ximagesrc.
pub(super) const GSTREAMER: Program = Program {
    name: "gstreamer",
    files: &[
        COMMON[0],
        COMMON[1],
        ("gstreamer.c", include_str!("../../peers/gstreamer.c")),
    ],
    libraries: &["gstreamer-1.0", "gstreamer-app-1.0"],
    packages: "libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev",
    plugin: Some(("libgstximagesrc.so", "gstreamer1.0-plugins-good")),
};

impl Program {
    /// Whether it can be compiled and run here.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn check(&self, cell: &Cell) -> Result<(), String> {
        let monitors = cell.monitors.len();
        if monitors > MAX_MONITORS {
            return Err(format!(
                "{monitors} monitors, at most {MAX_MONITORS} can be captured"
            ));
        }
        if !is_in_path("cc") {
            return Err(format!("there is no C compiler (package gcc); {INSTALL}"));
        }
        if !is_in_path("pkg-config") {
            return Err(format!(
                "pkg-config is missing (package pkg-config); {INSTALL}"
            ));
        }
        for library in self.libraries {
            pkg_config(&["--exists", library]).map_err(|_| {
                format!(
                    "{library} is missing (packages {}); {INSTALL}",
                    self.packages
                )
            })?;
        }
        if let Some((plugin, package)) = self.plugin {
            let folder = pkg_config(&["--variable=pluginsdir", "gstreamer-1.0"])
                .map_err(|error| format!("{error:#}"))?;
            if !Path::new(folder.trim()).join(plugin).exists() {
                return Err(format!(
                    "GStreamer's plugin {plugin} is missing (package {package}); {INSTALL}"
                ));
            }
        }
        Ok(())
    }

    /// Its path; compiles it unless these sources were compiled with these libraries before.
    ///
    /// # Errors
    /// It cannot be compiled; the message has what the compiler said.
    pub(super) fn compile(&self) -> Result<PathBuf> {
        let mut query = vec!["--cflags", "--libs"];
        query.extend(self.libraries);
        let flags = pkg_config(&query)?;
        let this = env::current_exe().context("finding this program")?;
        let folder = this
            .parent()
            .context("this program is in no folder")?
            .join("bench-peers")
            .join(format!("{}-{}", self.name, self.fingerprint(&flags)));
        let program = folder.join(self.name);
        if program.exists() {
            return Ok(program);
        }
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        // Its own folder and a rename: two benches may do this at the same time.
        let work = tempfile::tempdir_in(&folder).context("making a folder to compile in")?;
        let made = work.path().join(self.name);
        let mut compiler = Command::new("cc");
        compiler
            .current_dir(work.path())
            .args(FLAGS)
            .arg("-o")
            .arg(&made);
        for (name, text) in self.files {
            fs::write(work.path().join(name), text).with_context(|| format!("writing {name}"))?;
            if name.ends_with(".c") {
                compiler.arg(name);
            }
        }
        compiler.args(flags.split_whitespace());
        let output = compiler.output().context("running cc")?;
        ensure!(
            output.status.success(),
            "compiling the peer {}: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        fs::rename(&made, &program).with_context(|| format!("making {}", program.display()))?;
        Ok(program)
    }

    /// Names these sources and these flags.
    fn fingerprint(&self, flags: &str) -> String {
        let mut hasher = Sha256::new();
        for (name, text) in self.files {
            hasher.update(name);
            hasher.update([0]);
            hasher.update(text);
            hasher.update([0]);
        }
        for flag in FLAGS {
            hasher.update(flag);
        }
        hasher.update(flags);
        hasher.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The command that runs it.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub(super) fn command(&self, mode: &str, cell: &Cell, samples: &Path) -> Result<Command> {
        let mut command = Command::new(self.compile()?);
        command
            .arg(mode)
            .arg(cell.fps.to_string())
            .arg(cell.seconds.to_string())
            .arg(samples)
            .args((0..cell.monitors.len()).map(|index| monitor_argument(cell, index)));
        Ok(command)
    }
}

/// A monitor as `start` of `peers/common.c` takes it.
fn monitor_argument(cell: &Cell, index: usize) -> String {
    let (area, layout) = (&cell.monitors[index], cell.layout(index));
    let (top, bottom) = (layout.top, layout.bottom);
    let numbers = [
        area.x,
        area.y,
        area.width,
        area.height,
        top.x,
        top.y,
        top.cell,
        bottom.x,
        bottom.y,
        bottom.cell,
    ];
    numbers.map(|number| number.to_string()).join(",")
}

/// What pkg-config answers.
fn pkg_config(arguments: &[&str]) -> Result<String> {
    let output = Command::new("pkg-config")
        .args(arguments)
        .output()
        .context("running pkg-config")?;
    ensure!(
        output.status.success(),
        "pkg-config: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).context("pkg-config's answer")
}

/// Whether there is a program of that name.
pub(super) fn is_in_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// A peer whose every process is one of these programs.
pub(super) struct Native {
    pub(super) name: &'static str,
    pub(super) program: &'static Program,
    pub(super) mode: &'static str,
}

impl Peer for Native {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reach(&self) -> Reach {
        Reach::Captured
    }

    fn can_run(&self, cell: &Cell) -> Result<(), String> {
        self.program.check(cell)
    }

    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command> {
        self.program.command(self.mode, cell, samples)
    }
}

/// ffmpeg's frames, copied once into shared memory that another process reads.
pub(super) struct FfmpegHandoff;

impl FfmpegHandoff {
    pub(super) const NAME: &'static str = "ffmpeg-handoff";
}

impl Peer for FfmpegHandoff {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn reach(&self) -> Reach {
        Reach::OtherProcess
    }

    fn can_run(&self, cell: &Cell) -> Result<(), String> {
        FFMPEG.check(cell)
    }

    fn command(&self, cell: &Cell, samples: &Path) -> Result<Command> {
        // What is measured must not contain a compiler.
        FFMPEG.compile()?;
        own_command(Self::NAME, cell, samples)
    }
}

/// The reader of [`FfmpegHandoff`]; the program that captures is its child.
pub(super) fn run_ffmpeg_handoff(cell: &Cell, samples: &Path) -> Result<()> {
    let source = FFMPEG.command("handoff", cell, Path::new("/dev/null"))?;
    super::handoff::read_from(source, cell, samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;
    use crate::peer::MonitorArea;

    fn cell(monitors: usize) -> Cell {
        let monitor = |index: usize| MonitorArea {
            name: format!("DUMMY{index}"),
            x: 1920 * index as u32,
            y: 0,
            width: 1920,
            height: 1080,
        };
        Cell {
            pattern: Pattern::Full,
            monitors: (0..monitors).map(monitor).collect(),
            fps: 60,
            seconds: 2.5,
        }
    }

    #[test]
    fn a_monitor_is_told_with_the_places_of_its_codes() {
        let cell = cell(2);
        let layout = cell.layout(1);
        let numbers: Vec<u32> = monitor_argument(&cell, 1)
            .split(',')
            .map(|number| number.parse().unwrap())
            .collect();
        assert_eq!(numbers[..4], [1920, 0, 1920, 1080]);
        for (start, place) in [(4, layout.top), (7, layout.bottom)] {
            assert_eq!(numbers[start..start + 3], [place.x, place.y, place.cell]);
        }
        assert_eq!(numbers.len(), 10);
    }

    #[test]
    fn more_monitors_than_the_programs_have_room_for_are_refused() {
        let refusal = FFMPEG.check(&cell(MAX_MONITORS + 1)).unwrap_err();
        assert!(refusal.contains("at most 16"), "{refusal}");
        let header = FFMPEG.files[0].1;
        assert!(header.contains(&format!("MAX_MONITORS = {MAX_MONITORS} ")));
    }

    #[test]
    fn a_missing_library_is_named_with_its_package_and_the_remedy() {
        let program = Program {
            libraries: &["no-such-library"],
            packages: "no-such-library-dev",
            ..FFMPEG
        };
        let refusal = program.check(&cell(1)).unwrap_err();
        assert!(refusal.contains("mach bootstrap --bench"), "{refusal}");
        if is_in_path("cc") && is_in_path("pkg-config") {
            assert!(
                refusal.contains("packages no-such-library-dev"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn other_sources_or_flags_are_another_program() {
        let changed = Program {
            files: &[("ffmpeg.c", "")],
            ..FFMPEG
        };
        assert_ne!(FFMPEG.fingerprint(""), changed.fingerprint(""));
        assert_ne!(FFMPEG.fingerprint("-la"), FFMPEG.fingerprint("-lb"));
        assert_eq!(FFMPEG.fingerprint("-la"), FFMPEG.fingerprint("-la"));
    }
}
