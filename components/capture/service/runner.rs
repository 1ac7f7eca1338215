/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The service's thread: feeds the core and carries out what it decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, after, never, select};
use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::{
    AllScreensReply, CaptureRequest, ClientId, ConfigureReply, ServiceNotice, SourceEvent, SourceId,
};

use super::CaptureEmbedder;
use super::control::{Command, Desk};
use super::engine::EngineHandle;
use super::inbox::{Inbox, Mail};
use super::indicator_thread::{IndicatorCommand, IndicatorHandle};
use super::outbox::{Bundle, Letter, Outboxes};
use super::screens::ScreensDesk;
use super::sinks::Sinks;
use crate::core::{
    CaptureNotice, Core, Effect, EngineCommand, Event, RequestId, ScreensInput, Timestamp,
};
use crate::desktop::{Desktop, LiveCaptures};
use crate::grabber::GrabError;
use crate::indicator::IndicatorError;
use crate::record::RecordKeeper;

/// Messages of one kind that are taken before the others are looked at.
const MAX_AT_ONCE: usize = 32;

/// Everything that the service's thread owns.
pub(super) struct Runner {
    pub(super) core: Core,
    pub(super) started: Instant,
    pub(super) inbox: Arc<Inbox>,
    pub(super) embedder: Arc<dyn CaptureEmbedder>,
    pub(super) desk: Desk,
    pub(super) engine: EngineHandle,
    pub(super) indicator: IndicatorHandle,
    pub(super) replies: HashMap<RequestId, (ClientId, GenericCallback<AllScreensReply>)>,
    pub(super) configure_replies: HashMap<RequestId, (ClientId, GenericCallback<ConfigureReply>)>,
    pub(super) outboxes: Arc<Outboxes>,
    /// What has not been posted yet.
    pub(super) bundle: Bundle,
    pub(super) sinks: Sinks,
    pub(super) last_request: u64,
    pub(super) embedder_notices: Receiver<CaptureNotice>,
    pub(super) record: RecordKeeper,
    pub(super) desktop: Box<dyn Desktop>,
    pub(super) captures: LiveCaptures,
    pub(super) screens: ScreensDesk,
}

impl Runner {
    /// Serves until the browser exits; returns whom to tell that it is done.
    pub(super) fn run(mut self, mail: &Mail, events: &Receiver<Event>) -> Option<Sender<()>> {
        loop {
            self.notices(mail);
            self.post();
            let deadline = self.core.next_deadline();
            let timer = deadline.map_or_else(never, |deadline| after(self.until(deadline)));
            select! {
                recv(mail.notices) -> notice => match notice {
                    Ok(notice) => self.notice(notice),
                    Err(_) => return None,
                },
                recv(mail.requests) -> request => if let Ok((client, request)) = request {
                    self.inbox.taken(client);
                    // What was said before the request was made.
                    self.notices(mail);
                    self.request(client, request);
                    self.go_on(mail, &mail.requests, |runner, (client, request)| {
                        runner.inbox.taken(client);
                        runner.request(client, request);
                    });
                },
                recv(events) -> event => match event {
                    Ok(event) => {
                        self.event(event);
                        self.go_on(mail, events, Self::event);
                    }
                    Err(_) => return None,
                },
                recv(self.embedder_notices) -> notice => match notice {
                    Ok(notice) => self.embedder.notify(notice),
                    // A closed channel is always ready: not asked again.
                    Err(_) => self.embedder_notices = never(),
                },
                recv(mail.flood) -> _ => for client in self.inbox.take_flooded() {
                    self.event(Event::ClientFlooded { client });
                },
                recv(mail.answers) -> input => if let Ok(input) = input {
                    self.event(Event::Screens(input));
                },
                recv(mail.moved) -> _ => {
                    let window = self.inbox.window();
                    self.event(Event::Screens(ScreensInput::WindowMoved { window }));
                },
                recv(self.desk.commands) -> command => match command {
                    Ok(command) => self.command(command),
                    // The shell has let go of it.
                    Err(_) => self.desk.commands = never(),
                },
                recv(timer) -> _ => self.event(Event::Tick),
                recv(mail.exit) -> done => {
                    self.event(Event::Exit);
                    self.post();
                    return done.ok();
                },
            }
        }
    }

    /// Posts what has gathered. A sink that cannot be reached any more is a page
    /// that is gone.
    fn post(&mut self) {
        loop {
            let losses = self.outboxes.post_all(&mut self.bundle);
            if losses.is_empty() {
                return;
            }
            losses.into_iter().for_each(|loss| self.event(loss));
        }
    }

    /// The constellation's word comes before the page's: a request of a document
    /// that is known to be gone is not begun, and of one that has been vouched
    /// for is not kept waiting.
    fn notices(&mut self, mail: &Mail) {
        while let Ok(notice) = mail.notices.try_recv() {
            self.notice(notice);
        }
    }

    /// Takes what came together with the first of its kind without going to sleep
    /// in between, unless the constellation has something to say.
    fn go_on<T>(&mut self, mail: &Mail, more: &Receiver<T>, take: impl Fn(&mut Self, T)) {
        for _ in 0..MAX_AT_ONCE {
            if !mail.notices.is_empty() || !mail.exit.is_empty() {
                return;
            }
            match more.try_recv() {
                Ok(next) => take(self, next),
                Err(_) => return,
            }
        }
    }

    /// What is wrong with the preferences that the service starts with.
    pub(super) fn policy_problems(&mut self, problems: Vec<String>) {
        if !problems.is_empty() {
            self.event(Event::PolicyProblems { problems });
        }
    }

    fn command(&mut self, command: Command) {
        if let Command::PolicyRead(policy, _) = &command
            && policy.record_required
        {
            self.record.require();
        }
        self.event(command.into_event());
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_start(self.started.elapsed())
    }

    fn until(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.now())
    }

    fn event(&mut self, event: Event) {
        let now = self.now();
        // Frames are many, and no news for people.
        let may_be_news = !matches!(event, Event::Frame { .. } | Event::Release { .. });
        let mut is_news = false;
        for effect in self.core.handle(event, now) {
            is_news |= matches!(effect, Effect::Record(_));
            self.carry_out(effect);
        }
        if may_be_news {
            is_news |= self.desk.publish(self.core.overview(), self.started);
        }
        if is_news {
            self.embedder.changed();
        }
        // What the record could not take ends before anything else begins.
        for event in self.record.take_events() {
            self.event(event);
        }
    }

    fn notice(&mut self, notice: ServiceNotice) {
        let event = match notice {
            ServiceNotice::PipelineActivity { pipeline, active } => {
                Event::PipelineActivity { pipeline, active }
            }
            ServiceNotice::PipelineGone(pipeline) => Event::PipelineGone { pipeline },
            ServiceNotice::ClientGone(client) => {
                self.sinks.forget_client(client);
                self.outboxes.forget(client);
                Event::ClientGone { client }
            }
            ServiceNotice::ClientPlaced { client, site } => Event::ClientPlaced { client, site },
            ServiceNotice::PipelinePlaced {
                pipeline,
                client,
                is_top_level,
            } => Event::PipelinePlaced {
                pipeline,
                client,
                is_top_level,
            },
        };
        self.event(event);
    }

    fn request(&mut self, client: ClientId, request: CaptureRequest) {
        let event = match request {
            CaptureRequest::AllScreens {
                pipeline,
                origin,
                reply,
            } => {
                let request = self.next_request();
                self.replies.insert(request, (client, reply));
                Event::AllScreens {
                    request,
                    client,
                    pipeline,
                    origin,
                }
            }
            CaptureRequest::Attach { source, sink } => {
                self.keep_sink(client, source, sink);
                Event::Attach { client, source }
            }
            CaptureRequest::Clone {
                source,
                clone,
                sink,
            } => {
                self.keep_sink(client, clone, sink);
                Event::Clone {
                    client,
                    source,
                    clone,
                }
            }
            CaptureRequest::Configure {
                source,
                format,
                reply,
            } => {
                let request = self.next_request();
                self.configure_replies.insert(request, (client, reply));
                Event::Configure {
                    request,
                    client,
                    source,
                    format,
                }
            }
            CaptureRequest::Stop { source } => Event::Stop { client, source },
            CaptureRequest::CopyFrames => {
                // What was under way when the client went is not remembered.
                if self.core.knows_client(client) {
                    self.sinks.copy_for(client);
                }
                return;
            }
            CaptureRequest::Release { frames } => {
                let frames = frames.into_iter().take(CaptureRequest::MAX_RELEASED);
                return frames.for_each(|(source, sequence)| {
                    self.event(Event::Release {
                        client,
                        source,
                        sequence,
                    });
                });
            }
            CaptureRequest::Screens(request) => {
                let id = self.next_request();
                Event::Screens(self.screens.take(&self.core, client, request, id))
            }
        };
        self.event(event);
    }

    fn next_request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// Keeps a sink unless it would take another's place.
    fn keep_sink(
        &mut self,
        client: ClientId,
        source: SourceId,
        sink: GenericCallback<SourceEvent>,
    ) {
        if self.core.may_keep_sink(client, source) {
            self.sinks.keep(client, source, sink);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { request, result } => {
                let Some((client, reply)) = self.replies.remove(&request) else {
                    log::error!("{request:?} was answered twice");
                    return;
                };
                let letter = Letter::AllScreens(reply, AllScreensReply(result));
                self.bundle.add(client, letter);
            }
            Effect::Configured { request, result } => {
                let Some((client, reply)) = self.configure_replies.remove(&request) else {
                    log::error!("{request:?} was answered twice");
                    return;
                };
                let letter = Letter::Configured(reply, ConfigureReply(result));
                self.bundle.add(client, letter);
            }
            Effect::Deliver { source, frame } => match self.sinks.message(source, frame) {
                Ok(message) => {
                    let event = SourceEvent::Frame(message);
                    self.sinks.tell(&mut self.bundle, source, event);
                }
                Err(error) => {
                    log::error!("{source} cannot go on: {error}");
                    self.bundle.lose(source);
                }
            },
            Effect::Tell { source, event } => self.sinks.tell(&mut self.bundle, source, event),
            Effect::Forget { source } => self.sinks.forget(source),
            Effect::Engine(command) => self.command_engine(command),
            Effect::Indicate {
                generation,
                content,
                monitors,
            } => self.command_indicator(IndicatorCommand::Show {
                generation,
                content,
                monitors,
            }),
            Effect::RestoreIndicator => self.command_indicator(IndicatorCommand::Restore),
            Effect::HideIndicator => self.command_indicator(IndicatorCommand::Hide),
            Effect::Record(entry) => self.record.write(&entry, self.now()),
            Effect::Notify(notice) => {
                if self.captures.notice(&notice) {
                    self.desktop.tell(self.captures.all());
                }
                self.embedder.notify(notice);
            }
            Effect::Screens(effect) => {
                let embedder = &*self.embedder;
                if let Some(pipeline) =
                    self.screens
                        .carry_out(effect, embedder, &self.inbox, &self.outboxes)
                {
                    self.event(Event::Screens(ScreensInput::SinkLost { pipeline }));
                }
            }
        }
    }

    /// Never blocks: an engine that does not take its commands hangs in the
    /// display server, and everything that waits for it ends.
    fn command_engine(&mut self, command: EngineCommand) {
        if let Err(error) = self.engine.try_send(command) {
            let what = match error {
                TrySendError::Full(_) => "the display server does not answer",
                TrySendError::Disconnected(_) => "the capture engine has ended",
            };
            log::error!("{what}");
            if !self.core.is_idle() {
                let error = GrabError::Disconnected(what.to_owned());
                self.event(Event::DisplayServerLost { error });
            }
        }
    }

    fn command_indicator(&mut self, command: IndicatorCommand) {
        if let Err(error) = self.indicator.try_send(command) {
            let (what, command) = match error {
                TrySendError::Full(command) => ("the indicator does not answer", command),
                TrySendError::Disconnected(command) => ("the indicator has ended", command),
            };
            log::error!("{what}");
            if let IndicatorCommand::Show { generation, .. } = command {
                let error = IndicatorError::CannotShow(what.to_owned());
                self.event(Event::IndicatorFailed { generation, error });
            }
        }
    }
}
