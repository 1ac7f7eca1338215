/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What `/proc` tells about processes.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

/// How many file descriptors `process` has open.
///
/// # Errors
/// There is no such process, or it belongs to another user.
pub fn descriptor_count(process: u32) -> Result<usize> {
    Ok(descriptors(process)?.len())
}

/// What each file descriptor of `process` is, as `/proc` names it (`socket:[123]`, `/dev/null`).
/// One that was closed meanwhile is left out.
///
/// # Errors
/// There is no such process, or it belongs to another user.
pub fn descriptors(process: u32) -> Result<Vec<PathBuf>> {
    let folder = format!("/proc/{process}/fd");
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {folder}"))?;
    Ok(entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .collect())
}

/// How many regions of shared memory without a file (memfd) that could hold a picture of a monitor
/// `process` has mapped. It may have closed their descriptors.
///
/// # Errors
/// There is no such process, or it belongs to another user.
pub fn shared_memory_count(process: u32) -> Result<usize> {
    let path = format!("/proc/{process}/maps");
    let maps = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let is_picture = |map: &&str| map.contains(" /memfd:") && mapped_bytes(map) >= PICTURE_BYTES;
    Ok(maps.lines().filter(is_picture).count())
}

/// What is smaller holds no picture of a monitor.
const PICTURE_BYTES: u64 = 1 << 16;

/// How much a line of `/proc/<id>/maps` tells of, `7f00-7f80 r--s ...`.
fn mapped_bytes(map: &str) -> u64 {
    let bounds = map
        .split(' ')
        .next()
        .and_then(|range| range.split_once('-'));
    let parse = |text| u64::from_str_radix(text, 16).ok();
    bounds
        .and_then(|(start, end)| parse(end)?.checked_sub(parse(start)?))
        .unwrap_or(0)
}

/// What a process, or several together, hold of what is easily lost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Footprint {
    /// Open file descriptors.
    pub descriptors: usize,
    /// Regions of memory.
    pub mappings: usize,
    /// As [`shared_memory_count`].
    pub shared_memory: usize,
    /// Threads.
    pub threads: usize,
    /// Memory that no file backs and no other process shares.
    pub private_bytes: u64,
}

impl Footprint {
    /// That of one process.
    ///
    /// # Errors
    /// There is no such process, or it belongs to another user.
    pub fn of(process: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        let status = read("status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            number.with_context(|| format!("no {name} of process {process}"))
        };
        Ok(Self {
            descriptors: descriptor_count(process)?,
            mappings: read("maps")?.lines().count(),
            shared_memory: shared_memory_count(process)?,
            threads: usize::try_from(field("Threads:")?)?,
            private_bytes: field("RssAnon:")? * 1024,
        })
    }
}

impl std::ops::AddAssign for Footprint {
    fn add_assign(&mut self, other: Self) {
        self.descriptors += other.descriptors;
        self.mappings += other.mappings;
        self.shared_memory += other.shared_memory;
        self.threads += other.threads;
        self.private_bytes += other.private_bytes;
    }
}

/// The children of `process`, their children, and so on, by id.
///
/// # Errors
/// `/proc` cannot be read.
pub fn descendants(process: u32) -> Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Ok(stat) = Stat::of(id) {
            children.entry(stat.parent).or_default().push(id);
        }
    }
    let mut family = Vec::new();
    let mut pending = vec![process];
    while let Some(parent) = pending.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            family.push(child);
            pending.push(child);
        }
    }
    Ok(family)
}

/// The processor time, user and system, that `process`, its living descendants and the children
/// they have reaped used so far.
///
/// # Errors
/// There is no such process.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let mut ticks = Stat::of(process)?.ticks;
    for member in descendants(process)? {
        // It may have ended since it was listed; its parent's count holds it then.
        if let Ok(stat) = Stat::of(member) {
            ticks += stat.ticks;
        }
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// The processor time that the threads of this name have used in a process so far, to the
/// nanosecond.
///
/// # Errors
/// There is no such process, or no such thread.
pub fn thread_time(process: u32, name: &str) -> Result<Duration> {
    // The kernel keeps 15 bytes of a name.
    let kept = &name[..name.len().min(15)];
    let total = time_of_threads(process, |found| found == kept)?;
    total.with_context(|| format!("no thread {name} in process {process}"))
}

/// The processor time that the threads which a process has now have used, to the nanosecond.
///
/// # Errors
/// There is no such process.
pub fn threads_time(process: u32) -> Result<Duration> {
    let total = time_of_threads(process, |_| true)?;
    total.with_context(|| format!("no threads in process {process}"))
}

fn time_of_threads(process: u32, is_wanted: impl Fn(&str) -> bool) -> Result<Option<Duration>> {
    let mut total = None;
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = entry?.path();
        // A thread may have ended since it was listed.
        let Ok(found) = fs::read_to_string(thread.join("comm")) else {
            continue;
        };
        if !is_wanted(found.trim_end()) {
            continue;
        }
        let times = fs::read_to_string(thread.join("schedstat"))?;
        let nanoseconds: u64 = times
            .split_whitespace()
            .next()
            .context("an empty schedstat")?
            .parse()?;
        *total.get_or_insert(Duration::ZERO) += Duration::from_nanos(nanoseconds);
    }
    Ok(total)
}

/// What is used of `/proc/<id>/stat`.
struct Stat {
    parent: u32,
    /// User and system time, its own and that of reaped children, in clock ticks.
    ticks: u64,
}

impl Stat {
    fn of(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/stat");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        Self::parse(&text).with_context(|| format!("reading {path}"))
    }

    /// The fields after the command's name, which is in parentheses and may hold anything: proc(5).
    fn parse(text: &str) -> Result<Self> {
        let (_, rest) = text.rsplit_once(')').context("no command name")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |index: usize| {
            fields
                .get(index)
                .and_then(|field| field.parse::<u64>().ok())
                .ok_or_else(|| anyhow!("no number in field {}", index + 3))
        };
        Ok(Self {
            parent: u32::try_from(field(1)?)?,
            ticks: field(11)? + field(12)? + field(13)? + field(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footprint_of_a_process_shows_what_it_takes() {
        let own = std::process::id();
        let before = Footprint::of(own).expect("it runs");
        assert!(before.threads > 0 && before.mappings > 0 && before.private_bytes > 0);
        let files: Vec<_> = (0..20).map(|_| fs::File::open("/dev/null")).collect();
        let after = Footprint::of(own).expect("it runs");
        // Other tests open and close theirs meanwhile.
        assert!(after.descriptors >= before.descriptors + 10);
        drop(files);
    }

    #[test]
    fn a_command_name_with_parentheses_and_spaces_is_parsed() {
        let stat =
            Stat::parse("12 (a) b) (c) S 34 1 1 0 -1 0 0 0 0 0 5 6 7 8 20 0").expect("valid");
        assert_eq!((stat.parent, stat.ticks), (34, 26));
    }
}
