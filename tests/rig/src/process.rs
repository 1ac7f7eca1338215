/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Child processes that cannot be left behind, with bounded logs and a deadline on every wait, and
//! what `/proc` tells about them.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::line_log::LineLog;
pub use crate::proc_fs::{
    Footprint, cpu_time, descendants, descriptor_count, descriptors, shared_memory_count,
    thread_time, threads_time,
};

/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long what a process wrote last may take to arrive: its descendants may hold its pipes open.
const LOG_TIMEOUT: Duration = Duration::from_millis(500);

/// Which output of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A running child process: the leader of a process group of its own, killed with all its
/// descendants when dropped, and by the kernel when this process dies.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    pidfd: OwnedFd,
    stdout: Arc<LineLog>,
    stderr: Arc<LineLog>,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with no input and both outputs collected line by line.
    ///
    /// # Errors
    /// The program cannot be started; the error's root is the [`io::Error`].
    pub fn spawn(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        die_with_this_process(&mut command);
        let mut child =
            spawn_from_lasting_thread(command).with_context(|| format!("starting {name}"))?;
        let process_id = Pid::from_child(&child);
        let stdout = LineLog::collect(child.stdout.take())?;
        let stderr = LineLog::collect(child.stderr.take())?;
        let pidfd = rustix::process::pidfd_open(process_id, PidfdFlags::empty())
            .with_context(|| format!("watching {name}"))?;
        Ok(Self {
            name,
            child,
            pidfd,
            stdout,
            stderr,
            status: None,
        })
    }

    /// The process id, valid until a wait has succeeded.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many lines the stream has had so far: where to start waiting for what comes next.
    pub fn position(&self, stream: Stream) -> usize {
        self.log(stream).lock().end()
    }

    /// The lines from number `from` on that are still kept.
    pub fn lines(&self, stream: Stream, from: usize) -> Vec<String> {
        self.log(stream).lock().from(from).cloned().collect()
    }

    /// Waits for the first line from number `from` on for which `accept` gives a value. Returns
    /// that value and the number of the line after it.
    ///
    /// # Errors
    /// The timeout passed or the stream ended; the message holds the end of both logs.
    pub fn wait_for_line<T>(
        &self,
        stream: Stream,
        from: usize,
        timeout: Duration,
        mut accept: impl FnMut(&str) -> Option<T>,
    ) -> Result<(T, usize)> {
        let deadline = Instant::now() + timeout;
        let log = self.log(stream);
        let mut state = log.lock();
        let mut next = from;
        loop {
            next = next.max(state.dropped);
            while next < state.end() {
                let line = &state.lines[next - state.dropped];
                next += 1;
                if let Some(value) = accept(line) {
                    return Ok((value, next));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                let what = if state.closed {
                    "its output ended"
                } else {
                    "timed out"
                };
                let has_ended = state.closed;
                drop(state);
                if has_ended {
                    // Why may be said on the other stream.
                    let rest = LOG_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()));
                    for log in [&self.stdout, &self.stderr] {
                        log.wait_closed(rest);
                    }
                }
                bail!(
                    "{what} while waiting {timeout:?} for a line of {}\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            state = log
                .grown
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for the process to end by itself and reaps it.
    ///
    /// # Errors
    /// It still runs after `timeout`; it is left running.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        if !wait_for_end(self.pidfd.as_fd(), Instant::now() + timeout)? {
            bail!(
                "{} still runs after {timeout:?}\n{}",
                self.name,
                self.log_tail()
            );
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        // A descendant may hold the pipes open for longer; only what this process wrote is awaited.
        for log in [&self.stdout, &self.stderr] {
            log.wait_closed(LOG_TIMEOUT);
        }
        Ok(status)
    }

    /// The exit status, if a wait has succeeded or the process has ended in the meantime.
    ///
    /// # Errors
    /// The system call's.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Sends a signal to this process alone.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        rustix::process::pidfd_send_signal(&self.pidfd, signal)
            .with_context(|| format!("signalling {}", self.name))
    }

    /// Kills the process and every descendant, reaps it, and returns when all of them are gone.
    ///
    /// # Errors
    /// One does not go, which the kernel allows only in uninterruptible sleep.
    pub fn kill_tree(&mut self) -> Result<()> {
        if self.status.is_some() {
            return Ok(());
        }
        let family = self.family();
        // Their ids may be gone by now: nothing to kill then.
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.signal(Signal::KILL);
        for member in &family {
            let _ = rustix::process::pidfd_send_signal(member, Signal::KILL);
        }
        self.wait(KILL_TIMEOUT)?;
        let deadline = Instant::now() + KILL_TIMEOUT;
        for member in &family {
            if !wait_for_end(member.as_fd(), deadline)? {
                bail!("a descendant of {} does not go", self.name);
            }
        }
        Ok(())
    }

    /// Sends a signal to the process or to that of its descendants which runs this program: one
    /// that was started by another program, which does not hand signals on.
    ///
    /// # Errors
    /// There is none.
    pub fn signal_program(&self, program: &str, signal: Signal) -> Result<()> {
        let mut family = descendants(self.id())?;
        family.push(self.id());
        let runs_it = |id: &u32| {
            let name = fs::read_to_string(format!("/proc/{id}/comm"));
            name.is_ok_and(|name| name.trim_end() == program)
        };
        let found = family.into_iter().find(runs_it).and_then(process_id);
        let found = found.with_context(|| format!("{} runs no {program}", self.name))?;
        rustix::process::kill_process(found, signal)
            .with_context(|| format!("signalling {program}"))
    }

    /// Its descendants as they are now.
    fn family(&self) -> Vec<OwnedFd> {
        let members = descendants(self.id()).unwrap_or_default();
        let open = |id| rustix::process::pidfd_open(process_id(id)?, PidfdFlags::empty()).ok();
        members.into_iter().filter_map(open).collect()
    }

    /// The end of both outputs, for messages.
    pub fn log_tail(&self) -> String {
        let mut text = String::new();
        for (title, log) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let state = log.lock();
            text.push_str(&format!("--- {} {title}, last lines\n", self.name));
            for line in state.from(state.end().saturating_sub(30)) {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }

    fn log(&self, stream: Stream) -> &LineLog {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }
}

impl AsFd for Process {
    /// Readable when the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill_tree() {
            eprintln!("leaving {} behind: {error:#}", self.name);
        }
    }
}

/// Whether a process ends before the deadline.
fn wait_for_end(pidfd: BorrowedFd<'_>, deadline: Instant) -> Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut polled = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
        match poll(&mut polled, Some(&Timespec::try_from(left)?)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for a process"),
        }
    }
}

fn process_id(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Sends SIGKILL to `process`, if there is one.
pub fn kill(process: u32) {
    if let Some(pid) = process_id(process) {
        // No such process: it is gone, as wanted.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Lets the kernel kill the process when the thread that starts it ends.
fn die_with_this_process(command: &mut Command) {
    let parent = rustix::process::getpid();
    let in_child = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        if rustix::process::getppid() != Some(parent) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed; the closure makes two
    // system calls and builds an error from a constant, and neither allocates nor locks.
    unsafe { command.pre_exec(in_child) };
}

type Job = (Command, SyncSender<io::Result<Child>>);

/// Starts `command` from a thread that lasts as long as this process: the parent-death signal is
/// sent when the *thread* that started a process ends, and the threads of tests end early.
fn spawn_from_lasting_thread(command: Command) -> Result<Child> {
    static STARTER: Mutex<Option<SyncSender<Job>>> = Mutex::new(None);
    let starter = {
        let mut slot = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(starter) => starter.clone(),
            None => slot.insert(start_starter()?).clone(),
        }
    };
    let (reply, answer) = sync_channel(1);
    starter
        .send((command, reply))
        .map_err(|_| anyhow!("the thread that starts processes has ended"))?;
    Ok(answer.recv()??)
}

fn start_starter() -> io::Result<SyncSender<Job>> {
    let (sender, jobs): (SyncSender<Job>, Receiver<Job>) = sync_channel(0);
    thread::Builder::new()
        .name("process starter".to_owned())
        .spawn(move || {
            for (mut command, reply) in jobs {
                // Nobody waits any more: the child is dropped, its pipes close.
                let _ = reply.send(command.spawn());
            }
        })?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn(command).expect("sh starts")
    }

    #[test]
    fn lines_of_both_streams_are_collected_and_the_status_kept() {
        let mut process = shell("echo one; echo two; echo oops >&2; exit 7");
        let (line, next) = process
            .wait_for_line(Stream::Stdout, 0, Duration::from_secs(5), |line| {
                line.starts_with('t').then(|| line.to_owned())
            })
            .expect("the second line");
        assert_eq!((line.as_str(), next), ("two", 2));
        let status = process.wait(Duration::from_secs(5)).expect("it ends");
        assert_eq!(status.code(), Some(7));
        assert_eq!(process.lines(Stream::Stderr, 0), ["oops"]);
        assert_eq!(process.lines(Stream::Stdout, 1), ["two"]);
    }

    #[test]
    fn a_wait_ends_at_its_deadline() {
        let mut process = shell("sleep 60");
        let start = Instant::now();
        assert!(process.wait(Duration::from_millis(50)).is_err());
        let never = |_: &str| None::<()>;
        let waited = process.wait_for_line(Stream::Stdout, 0, Duration::from_millis(50), never);
        assert!(waited.is_err());
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn dropping_a_process_kills_its_grandchildren() {
        let process = shell("sleep 60 & echo $!; wait");
        let (grandchild, _) = process
            .wait_for_line(Stream::Stdout, 0, Duration::from_secs(5), |line| {
                line.parse::<u32>().ok()
            })
            .expect("the id");
        assert!(
            descendants(process.id())
                .expect("/proc")
                .contains(&grandchild)
        );
        drop(process);
        let stat = fs::read_to_string(format!("/proc/{grandchild}/stat"));
        let runs = stat.is_ok_and(|stat| !stat.contains(") Z "));
        assert!(!runs, "the grandchild still runs");
    }

    #[test]
    fn a_program_that_another_one_started_can_be_told_to_end() {
        let mut process = shell("sleep 60; echo ended");
        let deadline = Instant::now() + Duration::from_secs(5);
        while process.signal_program("sleep", Signal::TERM).is_err() {
            assert!(Instant::now() < deadline, "nothing sleeps");
            thread::sleep(Duration::from_millis(5));
        }
        assert!(process.wait(Duration::from_secs(5)).is_ok());
        assert!(process.signal_program("sleep", Signal::TERM).is_err());
    }

    #[test]
    fn a_process_outlives_the_thread_that_started_it() {
        let mut process = thread::spawn(|| shell("sleep 60"))
            .join()
            .expect("no panic");
        let ended = process.wait(Duration::from_millis(200));
        assert!(ended.is_err(), "it was killed with its thread: {ended:?}");
    }

    #[test]
    fn processor_time_counts_descendants() {
        let mut process = shell(
            "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; sleep 60'; :",
        );
        process
            .wait_for_line(Stream::Stdout, 0, Duration::from_secs(60), |line| {
                (line == "done").then_some(())
            })
            .expect("the loop ends");
        assert!(cpu_time(process.id()).expect("/proc") >= Duration::from_millis(20));
        process.kill_tree().expect("it goes");
    }
}
