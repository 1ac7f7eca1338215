/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way of a container's policy to the document in it.
//!
//! A frame of another site is on another script thread, in another process
//! with `--multiprocess`. Whoever has the container deposits its policy here
//! before the frame is navigated, and whoever makes the frame's document asks
//! for it. Both wait for the answer, so that the deposit comes first; without
//! one the frame has no feature.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use servo_base::generic_channel::GenericSender;
use servo_base::id::BrowsingContextId;

use super::ContainerPolicy;
use crate::ClientId;

/// Containers of one client whose policy is kept. Deposits are made anew at
/// each navigation, so that it harms little to forget the oldest.
const MAX_CONTAINERS: usize = 1024;

/// A deposit or a question of an event loop.
#[derive(Deserialize, Serialize)]
pub enum ContainerMessage {
    /// The policy of a container, for the documents that will be in it.
    Deposit {
        /// The frame.
        frame: BrowsingContextId,
        /// The policy of its container.
        container: Box<ContainerPolicy>,
        /// Told when it is done.
        done: GenericSender<()>,
    },
    /// What is the policy of the frame's container?
    Ask {
        /// The frame.
        frame: BrowsingContextId,
        /// Gets the answer; none if nobody has deposited one.
        reply: GenericSender<Option<Box<ContainerPolicy>>>,
    },
}

/// The policies of all containers, in the browser's process.
#[derive(Default)]
pub(crate) struct ContainerPolicies(Mutex<Table>);

#[derive(Default)]
struct Table {
    policies: BTreeMap<BrowsingContextId, (ClientId, Box<ContainerPolicy>)>,
    /// The frames of each client, the oldest first.
    deposits: BTreeMap<ClientId, VecDeque<BrowsingContextId>>,
}

impl ContainerPolicies {
    /// Keeps a policy. Another client's container is not replaced: the
    /// container of a frame never moves to another event loop.
    fn deposit(&self, client: ClientId, frame: BrowsingContextId, container: Box<ContainerPolicy>) {
        let mut table = self.0.lock();
        match table.policies.get_mut(&frame) {
            Some((owner, _)) if *owner != client => {
                log::warn!("{client} is not the owner of the container of {frame}");
            }
            Some((_, policy)) => *policy = container,
            None => {
                table.policies.insert(frame, (client, container));
                let frames = table.deposits.entry(client).or_default();
                frames.push_back(frame);
                let oldest = (frames.len() > MAX_CONTAINERS).then(|| frames.pop_front());
                if let Some(oldest) = oldest.flatten() {
                    table.policies.remove(&oldest);
                }
            }
        }
    }

    fn get(&self, frame: BrowsingContextId) -> Option<Box<ContainerPolicy>> {
        let table = self.0.lock();
        table.policies.get(&frame).map(|(_, policy)| policy.clone())
    }

    fn forget(&self, client: ClientId) {
        let mut table = self.0.lock();
        for frame in table.deposits.remove(&client).unwrap_or_default() {
            table.policies.remove(&frame);
        }
    }
}

/// Where one client deposits and asks; forgets its deposits when it is gone.
pub(crate) struct ContainerDesk {
    client: ClientId,
    policies: Arc<ContainerPolicies>,
}

impl ContainerDesk {
    pub(crate) fn new(client: ClientId, policies: Arc<ContainerPolicies>) -> Self {
        Self { client, policies }
    }

    pub(crate) fn serve(&self, message: ContainerMessage) {
        let sent = match message {
            ContainerMessage::Deposit {
                frame,
                container,
                done,
            } => {
                self.policies.deposit(self.client, frame, container);
                done.send(())
            }
            ContainerMessage::Ask { frame, reply } => reply.send(self.policies.get(frame)),
        };
        if let Err(error) = sent {
            log::debug!("{} does not wait any more: {error:?}", self.client);
        }
    }
}

impl Drop for ContainerDesk {
    fn drop(&mut self) {
        self.policies.forget(self.client);
    }
}
