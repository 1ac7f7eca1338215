/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Pictures that show one state of their monitor.
//!
//! Other clients draw between our requests, so that two requests may see two
//! states. But DAMAGE tells what was drawn: it is taken after the requests of
//! each round, on the way of the answer that is awaited anyway. What is outside
//! the damage did not change since it was taken before, and what is in it is
//! read again, until nothing was drawn but what the round's only request read.
//!
//! Where somebody draws all the time, damage is taken between the requests too: a
//! picture that shows what was drawn before its request need not be read for it
//! again.

use std::collections::HashMap;
use std::ops::Range;

use servo_base::cross_process_instant::CrossProcessInstant;
use servo_capture_traits::Damage;
use x11rb::protocol::xproto::ConnectionExt as _;

use super::connection::{answer, disconnected};
use super::memory::Attachment;
use super::plan::{Part, covers, requests};
use super::transfer::{Failure, Origin, Sent, Target, send, store};
use super::{X11Grabber, explain};
use crate::grabber::{GrabError, Picture, Read};
use crate::monitor::MonitorId;

/// How often pictures are read at most. The last round reads each in a single
/// request, however large, so that nothing can be drawn in between.
const ROUNDS: usize = 3;

/// A picture on its way to one state.
struct Job {
    /// Which of the reads.
    index: usize,
    monitor: MonitorId,
    origin: Origin,
    target: Target,
    /// What differs from that state.
    stale: Damage,
    progress: Progress,
    /// It is read in one request, however long that takes.
    in_one: bool,
    /// What this round reads, and in how many requests.
    parts: Vec<Part>,
    requests: usize,
    /// During which stages of the round it is read.
    stages: Range<usize>,
}

/// What was drawn on the open monitors, stage by stage of a round: a stage ends
/// when damage is taken.
struct Drawn(Vec<HashMap<MonitorId, Damage>>);

impl Drawn {
    fn on(&self, monitor: MonitorId, stages: Range<usize>) -> Damage {
        let mut drawn = Damage::nothing();
        for stage in self.0.iter().take(stages.end).skip(stages.start) {
            if let Some(part) = stage.get(&monitor) {
                drawn.merge(part);
            }
        }
        drawn
    }

    fn all_on(&self, monitor: MonitorId) -> Damage {
        self.on(monitor, 0..self.0.len())
    }
}

enum Progress {
    Unfinished,
    /// It shows a state of its monitor not older than this.
    Done(CrossProcessInstant),
    Failed(Failure),
}

impl Job {
    fn is_unfinished(&self) -> bool {
        matches!(self.progress, Progress::Unfinished)
    }

    /// Whether it shows one state after a round during which `drawn` was drawn.
    fn is_consistent(&self, drawn: &Drawn) -> bool {
        let until_read = drawn.on(self.monitor, 0..self.stages.end);
        until_read.is_empty()
            || (self.requests <= 1 && covers(&self.parts, &until_read, self.origin.size))
    }
}

impl X11Grabber {
    /// [`crate::grabber::Grabber::read`] on a connection that is not broken.
    pub(super) fn read_all(
        &mut self,
        reads: &mut [Read<'_>],
    ) -> Result<Vec<Result<CrossProcessInstant, GrabError>>, GrabError> {
        self.check_places()?;
        let mut jobs = Vec::new();
        let mut results = Vec::new();
        for (index, read) in reads.iter().enumerate() {
            match self.job(index, read) {
                Ok(job) => {
                    jobs.push(job);
                    results.push(Ok(CrossProcessInstant::now()));
                }
                Err(error) => results.push(Err(error)),
            }
        }
        for round in 1..=ROUNDS {
            if !jobs.iter().any(Job::is_unfinished) {
                break;
            }
            self.round(&mut jobs, reads, round == ROUNDS)?;
            #[cfg(test)]
            {
                self.rounds += 1;
            }
        }
        if jobs
            .iter()
            .any(|job| matches!(job.progress, Progress::Failed(Failure::Refused(_))))
        {
            // A rectangle that reaches beyond the screen is refused, as it is right after the
            // screen became smaller.
            self.places_unchecked = true;
        }
        // Had the layout changed before the pixels were read, the event would have come before
        // them.
        self.look_after_reading()?;
        for job in jobs {
            let result = self.result(&job);
            if result.is_err()
                && let Some(open) = self.open.get_mut(&job.monitor)
            {
                // Nobody looks at what this read says of it.
                open.drawn.merge(&reads[job.index].more);
            }
            results[job.index] = result;
        }
        Ok(results)
    }

    fn job(&mut self, index: usize, read: &Read<'_>) -> Result<Job, GrabError> {
        let monitor = read.picture.monitor;
        let origin = self.present_origin(monitor)?;
        if read.picture.size != origin.size {
            return Err(GrabError::MonitorChanged(monitor));
        }
        let target = self.target(read.picture, &origin)?;
        // Without DAMAGE nobody would know what was drawn between two requests.
        let mut in_one = self.damage.is_none();
        if let Some(open) = self.open.get_mut(&monitor) {
            in_one |= open.division.is_off();
            open.division.read();
        }
        Ok(Job {
            index,
            monitor,
            origin,
            target,
            stale: read.parts.clone(),
            progress: Progress::Unfinished,
            in_one,
            parts: Vec::new(),
            requests: 0,
            stages: 0..1,
        })
    }

    /// Where the pixels of a picture go. Those of another connection have
    /// nothing that this server could write to.
    fn target(&self, picture: &Picture, origin: &Origin) -> Result<Target, GrabError> {
        let attachment = picture.attachment::<Attachment>();
        let foreign = attachment.is_some_and(|attachment| !attachment.is_of(&self.server));
        if foreign || picture.writer.memory().len() != origin.bytes() {
            return Err(GrabError::Unreadable {
                monitor: picture.monitor,
                reason: "its picture was made by another grabber".to_owned(),
            });
        }
        Ok(Target::of(attachment))
    }

    fn result(&self, job: &Job) -> Result<CrossProcessInstant, GrabError> {
        self.check_presence(job.monitor)?;
        match &job.progress {
            Progress::Done(instant) => Ok(*instant),
            Progress::Failed(failure) => Err(unreadable(job.monitor, failure)),
            // No last round leaves any (`settle`).
            Progress::Unfinished => Err(GrabError::MonitorChanged(job.monitor)),
        }
    }

    /// Reads what is stale of all unfinished pictures, in one go.
    fn round(
        &mut self,
        jobs: &mut [Job],
        reads: &mut [Read<'_>],
        is_last: bool,
    ) -> Result<(), GrabError> {
        let connection = self.server.connection.clone();
        let since = CrossProcessInstant::now();
        let mut sent: Vec<(usize, Sent<'_>)> = Vec::new();
        // Each costs the server something: only where much is saved.
        let by_stages = jobs.iter().any(|job| job.is_unfinished() && job.in_one);
        let mut takes = Vec::new();
        for (number, job) in jobs.iter_mut().enumerate() {
            if !job.is_unfinished() {
                continue;
            }
            if is_last {
                job.stale = Damage::Whole;
                job.in_one = true;
            }
            let planned = requests(job.target.shape(), job.origin.size, &job.stale, job.in_one);
            job.requests = planned.len();
            if by_stages && let Some(damage) = &mut self.damage {
                takes.push(damage.take(&connection).map_err(disconnected)?);
            }
            let stage = takes.len();
            for parts in &planned {
                let request = send(
                    &connection,
                    &self.server,
                    self.context,
                    &job.origin,
                    job.target,
                    parts,
                );
                sent.push((number, request.map_err(disconnected)?));
            }
            job.parts = planned.into_iter().flatten().collect();
            job.stages = stage..stage + 1;
        }
        let mut drawn = Drawn(Vec::new());
        let last = self.sync(&connection)?;
        for take in takes {
            let reply = answer(take.reply())?.map(|reply| reply.rectangles);
            drawn.0.push(self.distribute(reply.ok().as_deref()));
        }
        drawn.0.push(last);
        for (number, request) in sent {
            let job = &mut jobs[number];
            let read = &mut reads[job.index];
            let writer = &mut read.picture.writer;
            let finished = request.finish(&self.server, |part, pixels| {
                store(writer, &job.origin, part, pixels);
            })?;
            if let Err(failure) = finished {
                job.progress = Progress::Failed(failure);
            }
        }
        self.settle(jobs, reads, &drawn, since);
        Ok(())
    }

    /// Waits until the server has done all that was sent; what was drawn on the
    /// open monitors since damage was taken last.
    fn sync(
        &mut self,
        connection: &crate::x11::X11Connection,
    ) -> Result<HashMap<MonitorId, Damage>, GrabError> {
        let Some(damage) = &mut self.damage else {
            // Refused or not: it was answered.
            let _ = answer(connection.get_input_focus().map_err(disconnected)?.reply())?;
            return Ok(HashMap::new());
        };
        let taken = damage.take(connection).map_err(disconnected)?;
        let reply = answer(taken.reply())?.map(|reply| reply.rectangles);
        Ok(self.distribute(reply.ok().as_deref()))
    }

    /// Decides which pictures show one state now. All of a monitor go on
    /// together, so that what had to be read besides is the same for all.
    fn settle(
        &mut self,
        jobs: &mut [Job],
        reads: &mut [Read<'_>],
        drawn: &Drawn,
        since: CrossProcessInstant,
    ) {
        let is_torn = |job: &Job| job.is_unfinished() && !job.is_consistent(drawn);
        let torn: Vec<MonitorId> = jobs
            .iter()
            .filter(|job| is_torn(job))
            .map(|job| job.monitor)
            .collect();
        // What goes on has read all of it when it ends. Else what was drawn before any picture of
        // the monitor was read is in all that are read, and the rest is told.
        for (&monitor, open) in &mut self.open {
            if !torn.contains(&monitor) {
                let from = first_stage(jobs, monitor);
                open.drawn.merge(&drawn.on(monitor, from..drawn.0.len()));
            }
        }
        let shown: Vec<Damage> = jobs
            .iter()
            .map(|job| drawn.on(job.monitor, 0..first_stage(jobs, job.monitor)))
            .collect();
        for (job, shown) in jobs.iter_mut().zip(shown) {
            if !job.is_unfinished() {
                continue;
            }
            let more = &mut reads[job.index].more;
            if torn.contains(&job.monitor) {
                if job.requests > 1
                    && let Some(open) = self.open.get_mut(&job.monitor)
                {
                    open.division.tore();
                }
                let drawn = drawn.all_on(job.monitor);
                more.merge(&drawn);
                job.stale = drawn;
            } else {
                more.merge(&shown);
                job.progress = Progress::Done(since);
            }
        }
    }
}

/// The first stage of a round in which a picture of the monitor is read: 0 if any
/// was not, or could not be.
fn first_stage(jobs: &[Job], monitor: MonitorId) -> usize {
    let of_monitor = jobs.iter().filter(|job| job.monitor == monitor);
    let stages = of_monitor.map(|job| match job.progress {
        Progress::Unfinished => job.stages.start,
        Progress::Done(_) | Progress::Failed(_) => 0,
    });
    stages.min().unwrap_or(0)
}

pub(super) fn unreadable(monitor: MonitorId, failure: &Failure) -> GrabError {
    let reason = match failure {
        Failure::Refused(error) => explain(error),
        Failure::Nonsense(reason) => reason.clone(),
    };
    GrabError::Unreadable { monitor, reason }
}
