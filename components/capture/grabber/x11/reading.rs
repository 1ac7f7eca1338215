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

use std::collections::HashMap;

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
    /// What this round reads, and in how many requests.
    parts: Vec<Part>,
    requests: usize,
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
    fn is_consistent(&self, drawn: &Damage) -> bool {
        drawn.is_empty() || (self.requests <= 1 && covers(&self.parts, drawn, self.origin.size))
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

    fn job(&self, index: usize, read: &Read<'_>) -> Result<Job, GrabError> {
        let monitor = read.picture.monitor;
        let origin = self.present_origin(monitor)?;
        if read.picture.size != origin.size {
            return Err(GrabError::MonitorChanged(monitor));
        }
        Ok(Job {
            index,
            monitor,
            origin,
            target: self.target(read.picture, &origin)?,
            stale: read.parts.clone(),
            progress: Progress::Unfinished,
            parts: Vec::new(),
            requests: 0,
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
        // Without DAMAGE nobody would know what was drawn between two requests.
        let in_one = is_last || self.damage.is_none();
        let mut sent: Vec<(usize, Sent<'_>)> = Vec::new();
        for (number, job) in jobs.iter_mut().enumerate() {
            if !job.is_unfinished() {
                continue;
            }
            if is_last {
                job.stale = Damage::Whole;
            }
            let planned = requests(job.target.shape(), job.origin.size, &job.stale, in_one);
            job.requests = planned.len();
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
        }
        let drawn = self.sync(&connection)?;
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
        self.settle(jobs, reads, drawn, since);
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
        mut drawn: HashMap<MonitorId, Damage>,
        since: CrossProcessInstant,
    ) {
        let is_torn = |job: &Job| {
            let drawn = drawn.get(&job.monitor);
            job.is_unfinished() && drawn.is_some_and(|drawn| !job.is_consistent(drawn))
        };
        let torn: Vec<MonitorId> = jobs
            .iter()
            .filter(|job| is_torn(job))
            .map(|job| job.monitor)
            .collect();
        for job in jobs.iter_mut().filter(|job| job.is_unfinished()) {
            if torn.contains(&job.monitor) {
                let drawn = drawn.get(&job.monitor).cloned().unwrap_or_default();
                reads[job.index].more.merge(&drawn);
                job.stale = drawn;
            } else {
                job.progress = Progress::Done(since);
            }
        }
        // What goes on has read all of it when it ends; the rest is told.
        drawn.retain(|monitor, _| !torn.contains(monitor));
        for (monitor, drawn) in drawn {
            if let Some(open) = self.open.get_mut(&monitor) {
                open.drawn.merge(&drawn);
            }
        }
    }
}

pub(super) fn unreadable(monitor: MonitorId, failure: &Failure) -> GrabError {
    let reason = match failure {
        Failure::Refused(error) => explain(error),
        Failure::Nonsense(reason) => reason.clone(),
    };
    GrabError::Unreadable { monitor, reason }
}
