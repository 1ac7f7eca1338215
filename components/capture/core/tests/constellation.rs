/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The constellation of the world: it says whose each document is. And the calls
//! of pages, which say of themselves what they like.

use servo_base::id::PipelineId;
use servo_capture_traits::{ClientId, Site};
use url::{Host, Url};

use super::super::{Event, RequestId};
use super::world::{Page, World};

/// What a call said of itself.
pub(super) struct Asked {
    client: ClientId,
    pipeline: PipelineId,
    origin: String,
}

impl World {
    /// A page asks that the constellation has told of.
    pub(super) fn ask(&mut self, page: &Page) -> RequestId {
        self.place(page);
        self.origins.insert(page.pipeline, page.origin);
        self.ask_for(page.client, page.pipeline, page.origin)
    }

    /// Somebody asks, saying this of itself.
    pub(super) fn ask_for(
        &mut self,
        client: ClientId,
        pipeline: PipelineId,
        origin: &str,
    ) -> RequestId {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        let origin = origin.to_owned();
        let asked = Asked {
            client,
            pipeline,
            origin: origin.clone(),
        };
        self.requests.insert(request, asked);
        self.event(Event::AllScreens {
            request,
            client,
            pipeline,
            origin,
        });
        request
    }

    /// The constellation makes an event loop for the page's site and puts the
    /// page there, once.
    pub(super) fn place(&mut self, page: &Page) {
        let client = page.client;
        let host = Url::parse(page.origin).ok();
        let host = host.and_then(|url| url.host().map(|host| host.to_owned()));
        let name = host.as_ref().map(Host::to_string).unwrap_or_default();
        if self.hosts.insert(client, name).is_none() {
            let site = host.map(|host| Site::new(host, false));
            self.event(Event::ClientPlaced { client, site });
        }
        if !self.placed.contains_key(&page.pipeline) && !self.gone_for_good(page.pipeline) {
            self.placed.insert(page.pipeline, client);
            self.event(Event::PipelinePlaced {
                pipeline: page.pipeline,
                client,
                is_top_level: page.is_top_level,
            });
        }
    }

    /// Nothing is granted but to the process that the constellation gave the
    /// document to, for an origin of the site that it gave the process.
    pub(super) fn check_grant(&self, request: RequestId) -> PipelineId {
        let asked = &self.requests[&request];
        assert!(!self.locked, "granted while the session is locked");
        assert_eq!(self.placed.get(&asked.pipeline), Some(&asked.client));
        let claimed = Url::parse(&asked.origin).unwrap();
        assert_eq!(claimed.host_str(), Some(&*self.hosts[&asked.client]));
        asked.pipeline
    }
}
