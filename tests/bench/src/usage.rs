/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What processes cost: processor time, wake-ups, memory.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};
use capture_test_rig::process::descendants;
use serde::{Deserialize, Serialize};

/// What a set of processes used during a time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time, user and system, in seconds.
    pub cpu_seconds: f64,
    /// How often a thread gave up its processor to wait for something, which is how often it was
    /// woken. Threads that ended meanwhile are not counted.
    pub wake_ups: u64,
    /// How often a thread was interrupted while it had work.
    pub preemptions: u64,
}

/// The counters of a process and of all its descendants at one time.
#[derive(Clone, Debug, Default)]
pub struct Counters(HashMap<u32, Process>);

#[derive(Clone, Copy, Debug, Default)]
struct Process {
    /// All its threads, those that ended included, in nanoseconds.
    cpu_nanoseconds: u64,
    /// Children that ended and were waited for, in clock ticks.
    reaped_ticks: u64,
    wake_ups: u64,
    preemptions: u64,
}

impl Counters {
    /// The counters of `root` and of what descends from it now. A process that ends while it is
    /// asked is in its parent's counters later.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn of_tree(root: u32) -> Result<Self> {
        let mut members = descendants(root)?;
        members.push(root);
        let counted = members
            .into_iter()
            .filter_map(|id| Some((id, Process::of(id)?)))
            .collect();
        Ok(Self(counted))
    }

    /// The counters of one process without what descends from it.
    ///
    /// # Errors
    /// There is no such process.
    pub fn of_process(id: u32) -> Result<Self> {
        let process = Process::of(id).with_context(|| format!("process {id} has gone"))?;
        let own = Process {
            reaped_ticks: 0,
            ..process
        };
        Ok(Self(HashMap::from([(id, own)])))
    }

    /// What was used since the `earlier` count.
    pub fn since(&self, earlier: &Self) -> Usage {
        let mut usage = Usage::default();
        let mut nanoseconds = 0;
        let mut ticks = 0;
        for (id, now) in &self.0 {
            let before = earlier.0.get(id).copied().unwrap_or_default();
            nanoseconds += now.cpu_nanoseconds.saturating_sub(before.cpu_nanoseconds);
            ticks += now.reaped_ticks.saturating_sub(before.reaped_ticks);
            usage.wake_ups += now.wake_ups.saturating_sub(before.wake_ups);
            usage.preemptions += now.preemptions.saturating_sub(before.preemptions);
        }
        // Who was there before and was waited for since brought its whole life into its parent's
        // count; its life before is taken off again.
        let gone: u64 = earlier
            .0
            .iter()
            .filter(|(id, _)| !self.0.contains_key(id))
            .map(|(_, before)| before.cpu_nanoseconds)
            .sum();
        let reaped = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        let reaped = (reaped - gone as f64 / 1e9).max(0.0);
        usage.cpu_seconds = nanoseconds as f64 / 1e9 + reaped;
        usage
    }
}

impl Process {
    fn of(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut process = Self {
            cpu_nanoseconds: cpu_nanoseconds(id)?,
            reaped_ticks: reaped_ticks(&stat)?,
            ..Self::default()
        };
        for thread in fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten() {
            let Ok(status) = fs::read_to_string(thread.path().join("status")) else {
                continue;
            };
            process.wake_ups += field(&status, "voluntary_ctxt_switches:").unwrap_or_default();
            process.preemptions +=
                field(&status, "nonvoluntary_ctxt_switches:").unwrap_or_default();
        }
        Some(process)
    }
}

/// The processor time of a process, to the nanosecond: `/proc` counts whole
/// ticks, which is too coarse for what is nearly still.
#[expect(unsafe_code)]
fn cpu_nanoseconds(id: u32) -> Option<u64> {
    let id = libc::pid_t::try_from(id).ok()?;
    let mut clock = 0;
    // SAFETY: `clock` is a valid place for a clock's id, and is written before it is read.
    if unsafe { libc::clock_getcpuclockid(id, &mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for a time; the id was made by the call above.
    if unsafe { libc::clock_gettime(clock, &mut time) } != 0 {
        return None;
    }
    Some(u64::try_from(time.tv_sec).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec).ok()?)
}

/// Fields 16 and 17 of `/proc/<id>/stat`, see proc(5).
fn reaped_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(13);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// The number after `name` at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    })
}

/// The proportional share of memory of a process and its descendants in bytes: what several
/// processes map together is counted once, as parts.
///
/// # Errors
/// `/proc` cannot be read.
pub fn memory_of_tree(root: u32) -> Result<u64> {
    let mut members = descendants(root)?;
    members.push(root);
    Ok(members.into_iter().filter_map(memory).sum())
}

fn memory(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    Some(field(&text, "Pss:")? * 1024)
}

/// What the whole machine has worked so far.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// All processors together, in clock ticks; what a hypervisor took is part of it.
    busy_ticks: u64,
}

impl Machine {
    /// Now.
    ///
    /// # Errors
    /// `/proc/stat` cannot be read.
    pub fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        Self::parse(&text).context("no times in /proc/stat")
    }

    /// The first line: user, nice, system, idle, iowait, irq, softirq, steal. Guests' time is in
    /// the first two already.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<u64> = text
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect();
        let busy = [0, 1, 2, 5, 6, 7]
            .into_iter()
            .map(|index| fields.get(index).copied().unwrap_or_default())
            .sum();
        (fields.len() >= 4).then_some(Self { busy_ticks: busy })
    }

    /// Processor seconds since the `earlier` time.
    pub fn since(self, earlier: Self) -> f64 {
        let ticks = self.busy_ticks.saturating_sub(earlier.busy_ticks);
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    /// Of another process: threads of other tests in this one come and go, and with them what was
    /// counted of them.
    #[test]
    fn work_and_waits_are_counted() {
        let script = "read go
            i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done
            for n in 1 2 3 4 5; do sleep 0.01; done
            echo done; read end";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let before = Counters::of_tree(child.id()).unwrap();
        input.write_all(b"go\n").unwrap();
        output.read_line(&mut String::new()).unwrap();
        let usage = Counters::of_tree(child.id()).unwrap().since(&before);
        input.write_all(b"end\n").unwrap();
        child.wait().unwrap();
        assert!((0.02..10.0).contains(&usage.cpu_seconds), "{usage:?}");
        // For each program that sleeps it waits once.
        assert!(usage.wake_ups >= 5, "{usage:?}");
    }

    #[test]
    fn children_that_came_and_went_are_counted() {
        let id = std::process::id();
        let before = Counters::of_tree(id).unwrap();
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(
            Command::new("sh")
                .args(["-c", script])
                .status()
                .unwrap()
                .success()
        );
        let usage = Counters::of_tree(id).unwrap().since(&before);
        assert!(usage.cpu_seconds > 0.02, "{usage:?}");
    }

    #[test]
    fn memory_that_is_written_counts() {
        let id = std::process::id();
        let before = memory(id).unwrap();
        let block = vec![1_u8; 32 << 20];
        let after = memory(id).unwrap();
        assert!(
            after >= before + (block.len() as u64 * 3 / 4),
            "{before} {after}"
        );
    }

    #[test]
    fn idle_time_is_not_work() {
        let text = "cpu  10 1 5 1000 70 2 3 4 9 9\ncpu0 1 1 1 1\n";
        assert_eq!(Machine::parse(text).unwrap().busy_ticks, 25);
        assert!(Machine::parse("intr 5").is_none());
    }
}
