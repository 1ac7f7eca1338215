/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What goes wrong in that world, comes and goes.

use servo_capture::core::{Event, LockReason};
use servo_capture::grabber::GrabError;
use servo_capture::indicator::{IndicatorError, UserAction};
use servo_capture::monitor::MonitorId;
use servo_capture_traits::ClientId;

use super::{Choices, ORIGINS, World, monitor, pipeline};

impl World {
    /// One such event.
    pub(super) fn fault(&mut self, choices: &mut Choices) {
        let error = GrabError::Disconnected("fuzz".to_owned());
        let id = MonitorId(1 + choices.below(3) as u64);
        match choices.below(16) {
            0 => {
                let pipeline = pipeline(choices.below(8));
                let active = choices.byte() > 127;
                if active {
                    self.inactive.remove(&pipeline);
                } else {
                    self.inactive.insert(pipeline);
                }
                self.event(Event::PipelineActivity { pipeline, active });
            }
            1 => {
                let pipeline = pipeline(choices.below(8));
                self.gone.insert(pipeline);
                self.event(Event::PipelineGone { pipeline });
            }
            2 => {
                let index = choices.below(4);
                let client = std::mem::replace(&mut self.clients[index], ClientId::next());
                self.ended.push(client);
                self.placed.retain(|_, of| *of != client);
                self.sinks.retain(|_, of| *of != client);
                self.event(Event::ClientGone { client });
            }
            3 => {
                let client = self.clients[choices.below(4)];
                self.event(Event::ClientFlooded { client });
            }
            4 => {
                let width = 2 + i32::from(choices.byte() % 8);
                let monitors = vec![monitor(id.0, width), monitor(4, 4)];
                self.layout.clone_from(&monitors);
                self.event(Event::MonitorsChanged { monitors });
            }
            5 => self.event(Event::MonitorFailed { monitor: id, error }),
            6 => {
                self.layout_lost();
                self.event(Event::DisplayServerLost { error });
            }
            7 => {
                let stalled = choices.byte() > 127;
                self.event(Event::ServerStalled { stalled });
            }
            8 if self.is_shown => {
                self.is_shown = false;
                let error = IndicatorError::Lost {
                    label: "M1".to_owned(),
                    reason: "fuzz".to_owned(),
                };
                self.event(Event::IndicatorLost { error });
            }
            9 => {
                let action = if choices.byte() > 127 {
                    UserAction::Stop
                } else {
                    UserAction::ShowInformation
                };
                self.event(Event::UserActed { action });
            }
            10 => {
                self.is_locked = true;
                let reason = LockReason::ScreenSaver;
                self.event(Event::SessionLocked { reason });
            }
            11 => {
                self.is_locked = false;
                self.event(Event::SessionUnlocked);
            }
            12 => {
                let source = choices.one(&self.sources);
                if let Some(source) = source {
                    self.event(Event::SinkLost { source });
                }
            }
            13 => {
                let mut running = self.running.values();
                if running.any(|source| source.monitor == id) && self.hidden.insert(id) {
                    self.event(Event::IndicatorCovered { monitor: id });
                }
            }
            14 => {
                let was_hidden = self.hidden.remove(&id);
                if was_hidden {
                    self.event(Event::IndicatorSeen { monitor: id });
                }
            }
            15 => {
                let origin = ORIGINS[choices.below(2)];
                if let Ok(pattern) = origin.parse() {
                    self.revoked.insert(origin);
                    self.event(Event::Revoke { pattern });
                }
            }
            _ => {}
        }
    }
}
