/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the constellation vouches for: which event loop a document belongs to,
//! and of which site the documents of an event loop are. What a page's process
//! says of itself must agree with it.

use std::collections::BTreeMap;

use servo_base::id::PipelineId;
use servo_capture_traits::{CaptureError, ClientId, Site};
use url::Origin;

use super::session::SessionState;
use super::{Core, SessionId, Timestamp};

/// How many documents of one client are remembered at once, those in history
/// and in frames included. Further ones cannot capture until others are gone.
const MAX_DOCUMENTS_PER_CLIENT: usize = 4096;

/// The constellation's word.
#[derive(Debug, Default)]
pub(super) struct Vouching {
    clients: BTreeMap<ClientId, Client>,
    documents: BTreeMap<PipelineId, Document>,
}

/// An event loop that somebody can speak for.
#[derive(Debug)]
struct Client {
    /// Whose documents it makes; none for those of opaque origins.
    site: Option<Site>,
    /// How many there are.
    documents: usize,
}

/// A document that is not gone.
#[derive(Clone, Copy, Debug)]
struct Document {
    client: ClientId,
    is_top_level: bool,
}

impl Vouching {
    fn place_client(&mut self, client: ClientId, site: Option<Site>) {
        let documents = self.clients.get(&client).map_or(0, |of| of.documents);
        self.clients.insert(client, Client { site, documents });
    }

    /// Whether it is believed: a document never goes to another event loop, and
    /// no client has documents without limit.
    fn place(&mut self, pipeline: PipelineId, document: Document) -> bool {
        let Some(client) = self.clients.get_mut(&document.client) else {
            return false;
        };
        if self.documents.contains_key(&pipeline) || client.documents >= MAX_DOCUMENTS_PER_CLIENT {
            return false;
        }
        client.documents += 1;
        self.documents.insert(pipeline, document);
        true
    }

    fn forget(&mut self, pipeline: PipelineId) {
        if let Some(document) = self.documents.remove(&pipeline)
            && let Some(client) = self.clients.get_mut(&document.client)
        {
            client.documents -= 1;
        }
    }

    fn forget_client(&mut self, client: ClientId) {
        self.clients.remove(&client);
        self.documents
            .retain(|_, document| document.client != client);
    }
}

impl Core {
    pub(super) fn client_placed(&mut self, client: ClientId, site: Option<Site>) {
        self.vouching.place_client(client, site);
    }

    /// Calls that came before this word on their document go on.
    pub(super) fn pipeline_placed(
        &mut self,
        pipeline: PipelineId,
        client: ClientId,
        is_top_level: bool,
        now: Timestamp,
    ) {
        let document = Document {
            client,
            is_top_level,
        };
        if self.gone.contains(&pipeline) || !self.vouching.place(pipeline, document) {
            log::warn!("{client} gets no word on one document more");
            return;
        }
        self.screens_placed(pipeline, client);
        let waiting: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.pipeline == pipeline)
            .map(|(&id, _)| id)
            .collect();
        for id in waiting {
            let Some(session) = self.sessions.get(&id) else {
                continue;
            };
            let SessionState::Vouching { request, .. } = session.state else {
                continue;
            };
            let (client, origin) = (session.client, session.origin.clone());
            // Nothing was begun for it.
            self.sessions.remove(&id);
            self.all_screens(request, client, pipeline, &origin, now);
        }
    }

    pub(super) fn forget_vouched_document(&mut self, pipeline: PipelineId) {
        self.vouching.forget(pipeline);
    }

    pub(super) fn forget_vouched_client(&mut self, client: ClientId) {
        self.vouching.forget_client(client);
    }

    /// Whether the document is this client's; `None` before the constellation
    /// has said whose it is.
    pub(super) fn is_document_of(&self, client: ClientId, pipeline: PipelineId) -> Option<bool> {
        let document = self.vouching.documents.get(&pipeline)?;
        Some(document.client == client)
    }

    /// Whether the client's event loop is known and can still be spoken for.
    pub fn knows_client(&self, client: ClientId) -> bool {
        self.vouching.clients.contains_key(&client)
    }

    /// Whether the document is in a tab or window of its own and not in a frame:
    /// the constellation's word, `None` before it has come.
    pub fn is_top_level(&self, pipeline: PipelineId) -> Option<bool> {
        let document = self.vouching.documents.get(&pipeline)?;
        Some(document.is_top_level)
    }

    /// An origin that a client claims must be of its site. What is opaque is
    /// nobody's claim, and allowed nothing.
    pub(super) fn check_claim(
        &mut self,
        client: ClientId,
        origin: &Origin,
    ) -> Result<(), CaptureError> {
        if !origin.is_tuple() {
            return Ok(());
        }
        let known = self.vouching.clients.get(&client);
        let site = known.and_then(|client| client.site.as_ref());
        if site.is_some_and(|site| site.has(origin)) {
            return Ok(());
        }
        self.counters.forged_origins += 1;
        let reason = match site {
            Some(site) => format!(
                "its process is for {site} and says it is of {}",
                origin.ascii_serialization()
            ),
            None => format!(
                "its process is for no site and says it is of {}",
                origin.ascii_serialization()
            ),
        };
        Err(CaptureError::Unvouched(reason))
    }
}
