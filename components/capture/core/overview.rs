/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What is going on, for people: the state of the core without its workings.

use std::sync::Arc;

use euclid::default::Size2D;

use super::session::Session;
use super::{Core, LockReason, SessionId, Timestamp};
use crate::policy::CapturePolicy;

/// What the service does and whom it lets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptureOverview {
    /// Who may capture what, after all that was taken away.
    pub policy: Arc<CapturePolicy>,
    /// What is captured, or about to be; the oldest first.
    pub captures: Vec<OngoingCapture>,
    /// Why nothing can be captured now although it may.
    pub locked: Option<LockReason>,
}

/// What one call of a page was granted or waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct OngoingCapture {
    /// Names it towards the service. Says nothing to people.
    pub session: SessionId,
    /// The page's origin, serialized.
    pub origin: String,
    /// None while it waits for its answer.
    pub granted_at: Option<Timestamp>,
    /// The monitors of which tracks are left.
    pub monitors: Vec<OngoingMonitor>,
}

/// A captured monitor.
#[derive(Clone, Debug, PartialEq)]
pub struct OngoingMonitor {
    /// The model's name, or the connector's.
    pub label: String,
    /// In device pixels.
    pub size: Size2D<u32>,
    /// Whether no frames leave for now: its indicator is not seen, or the display
    /// server is silent.
    pub is_muted: bool,
}

impl Core {
    /// Everything that people are told.
    pub fn overview(&self) -> CaptureOverview {
        let captures = self.sessions.iter();
        CaptureOverview {
            policy: self.policy.clone(),
            captures: captures
                .map(|(&id, session)| self.ongoing(id, session))
                .collect(),
            locked: self.locked,
        }
    }

    fn ongoing(&self, id: SessionId, session: &Session) -> OngoingCapture {
        let mut monitors = Vec::new();
        for &monitor in &session.granted {
            let mut sources = self.sources.values();
            // Clones show the same monitor.
            let source =
                sources.find(|source| source.session == id && source.monitor.id == monitor);
            if let Some(source) = source {
                monitors.push(OngoingMonitor {
                    label: source.monitor.label.clone(),
                    size: source.monitor.size().to_untyped(),
                    is_muted: source.is_muted(),
                });
            }
        }
        OngoingCapture {
            session: id,
            origin: session.origin.clone(),
            granted_at: session.granted_at,
            monitors,
        }
    }
}
