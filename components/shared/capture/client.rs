/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How a page's process reaches the service, and how the constellation does.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use servo_base::generic_channel;
use servo_base::generic_channel::{GenericCallback, SendError};
use servo_base::id::{BrowsingContextId, PipelineId, ScriptEventLoopId};
use servo_url::ServoUrl;
use url::{Host, Origin};

use crate::permissions_policy::{
    ContainerDesk, ContainerMessage, ContainerPolicies, ContainerPolicy,
};
use crate::returns::Gathered;
use crate::{CaptureRequest, ClientId, Guarded, PoolAccess, Site};

/// How long the constellation waits for the service to take the indicator down
/// when the browser shuts down.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a script thread waits for the browser's process to take or to tell
/// the policy of a container, which is a look into a table there.
const CONTAINER_TIMEOUT: Duration = Duration::from_secs(2);

/// An event loop's way to the service; travels in the initial script state.
#[derive(Clone, Deserialize, Serialize)]
pub struct CaptureClient {
    requests: Option<GenericCallback<Guarded<CaptureRequest>>>,
    /// Whether `getAllScreensMedia` is exposed to pages at all. Exposure only:
    /// the service decides about each call.
    all_screens_exposed: bool,
    /// Where frames' pictures are.
    pools: PoolAccess,
    /// The policies of the containers of frames on other event loops.
    containers: Option<GenericCallback<Guarded<ContainerMessage>>>,
    /// Frames that are to be given back; each process has its own.
    #[serde(skip)]
    gathered: Arc<Gathered>,
}

/// What of the way to the pictures works in this process, which is the same for
/// all its event loops.
static PROVED: OnceLock<PoolAccess> = OnceLock::new();

impl fmt::Debug for CaptureClient {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("CaptureClient")
    }
}

impl CaptureClient {
    /// Whether the preferences expose `getAllScreensMedia` to pages.
    pub fn all_screens_exposed(&self) -> bool {
        self.all_screens_exposed
    }

    /// How this process gets at frames' pictures. Where it cannot have the
    /// service's memory, the service is told, so that it sends copies.
    pub fn pool_access(&self) -> PoolAccess {
        let access = match &self.pools {
            PoolAccess::Socket(_) => PROVED.get_or_init(|| self.pools.clone().proved()),
            other => other,
        };
        if *access == PoolAccess::Copies {
            // Err: the service is gone, and no frame will come.
            let _ = self.send(CaptureRequest::CopyFrames);
        }
        access.clone()
    }

    /// Frames that go back together.
    pub(crate) fn gathered(&self) -> &Gathered {
        &self.gathered
    }

    /// Hands a request to the service.
    ///
    /// # Errors
    /// When the service is gone, or there never was one. A reply callback in
    /// the request is dropped then: settle the promise yourself.
    pub fn send(&self, request: CaptureRequest) -> Result<(), SendError> {
        match &self.requests {
            Some(requests) => requests.send(Guarded(request)),
            None => Err(SendError::Disconnected),
        }
    }

    /// Deposits the policy of a frame's container, for the documents that will
    /// be in the frame on whatever event loop, and waits until it is there.
    pub fn deposit_container(&self, frame: BrowsingContextId, container: ContainerPolicy) {
        let done = self.containers.as_ref().and_then(|containers| {
            let (done, wait) = generic_channel::channel()?;
            let container = Box::new(container);
            let message = ContainerMessage::Deposit {
                frame,
                container,
                done,
            };
            containers.send(Guarded(message)).ok()?;
            wait.try_recv_timeout(CONTAINER_TIMEOUT).ok()
        });
        if done.is_none() {
            log::warn!("{frame} has no capture features: its container's policy is lost");
        }
    }

    /// The policy of the container of a frame, as deposited last. Without one
    /// nothing is known of the container.
    pub fn container_of(&self, frame: BrowsingContextId) -> Option<ContainerPolicy> {
        let (reply, answer) = generic_channel::channel()?;
        let message = ContainerMessage::Ask { frame, reply };
        self.containers.as_ref()?.send(Guarded(message)).ok()?;
        let container = answer.try_recv_timeout(CONTAINER_TIMEOUT).ok()?;
        container.map(|container| *container)
    }
}

/// What the constellation tells the service. It is the word of the parent
/// process, so the service believes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServiceNotice {
    /// The document became fully active, or is not any more: left, or in history.
    PipelineActivity {
        /// Which document.
        pipeline: PipelineId,
        /// Whether it is fully active now.
        active: bool,
    },
    /// The document is gone: closed, crashed, or its process died.
    PipelineGone(PipelineId),
    /// Nobody holds the client's sender any more: its process or thread ended,
    /// whether or not anybody noticed.
    ClientGone(ClientId),
    /// The client's event loop was made, for the documents of one site.
    ClientPlaced {
        /// Which client.
        client: ClientId,
        /// The site; none where only opaque origins belong, and those that
        /// inherit one from a document elsewhere.
        site: Option<Site>,
    },
    /// The document is about to be made by the client's event loop, and by no
    /// other.
    PipelinePlaced {
        /// Which document.
        pipeline: PipelineId,
        /// By whom.
        client: ClientId,
        /// Whether it is in a tab or window of its own, not in a frame.
        is_top_level: bool,
    },
}

/// How requests and notices reach the service's thread; implemented by the
/// service. None of its methods may block for long or panic.
pub trait Submission: Send + Sync {
    /// A request of `client`. Called on script threads or on the router.
    fn request(&self, client: ClientId, request: CaptureRequest);
    /// Something of `client` could not be read as a request, and is lost.
    fn unreadable(&self, client: ClientId);
    /// A notice of the constellation.
    fn notice(&self, notice: ServiceNotice);
    /// Ends every capture, takes the indicator down and joins the service's
    /// threads, within `timeout`.
    fn exit(&self, timeout: Duration);
}

/// Lives as long as somebody can send on a client's behalf: the router drops it
/// when the last sender is closed, which a killed process does without a word.
struct Presence {
    client: ClientId,
    event_loop: ScriptEventLoopId,
    submission: Arc<dyn Submission>,
    event_loops: Arc<EventLoops>,
}

/// Which client each event loop is, and of which site, for as long as somebody
/// can speak for it.
type EventLoops = Mutex<HashMap<ScriptEventLoopId, (ClientId, Option<Site>)>>;

/// Whether an origin may capture at all.
type IsCandidate = dyn Fn(&Origin) -> bool + Send + Sync;

impl Drop for Presence {
    fn drop(&mut self) {
        self.event_loops.lock().remove(&self.event_loop);
        self.submission
            .notice(ServiceNotice::ClientGone(self.client));
    }
}

/// The constellation's handle on the service. Not serializable: it stays in
/// the parent process.
#[derive(Clone)]
pub struct CaptureServiceHandle {
    submission: Arc<dyn Submission>,
    all_screens_exposed: bool,
    pools: PoolAccess,
    containers: Arc<ContainerPolicies>,
    event_loops: Arc<EventLoops>,
    is_candidate: Arc<IsCandidate>,
}

impl fmt::Debug for CaptureServiceHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("CaptureServiceHandle")
    }
}

impl CaptureServiceHandle {
    /// A handle on a service.
    pub fn new(submission: Arc<dyn Submission>, all_screens_exposed: bool) -> Self {
        Self {
            submission,
            all_screens_exposed,
            pools: PoolAccess::SameProcess,
            containers: Arc::default(),
            event_loops: Arc::default(),
            is_candidate: Arc::new(|_| false),
        }
    }

    /// The same handle, with what says which origins may capture at all.
    #[must_use]
    pub fn with_candidates(
        self,
        is_candidate: impl Fn(&Origin) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            is_candidate: Arc::new(is_candidate),
            ..self
        }
    }

    /// The same handle, for pages that get at frames' pictures this way.
    #[must_use]
    pub fn with_pools(self, pools: PoolAccess) -> Self {
        Self { pools, ..self }
    }

    /// Mints the sender of one event loop. Whatever comes through it is that
    /// client's, whatever the message says. No document of it captures before
    /// [`event_loop_serves`](Self::event_loop_serves) and
    /// [`pipeline_placed`](Self::pipeline_placed).
    pub fn mint_client(&self, event_loop: ScriptEventLoopId) -> CaptureClient {
        let client = ClientId::next();
        self.event_loops.lock().insert(event_loop, (client, None));
        let presence = Presence {
            client,
            event_loop,
            submission: self.submission.clone(),
            event_loops: self.event_loops.clone(),
        };
        let requests = GenericCallback::new(move |request: Result<Guarded<_>, _>| match request {
            Ok(Guarded(request)) => presence.submission.request(client, request),
            Err(error) => {
                log::debug!("{client} sent what is no capture request: {error:?}");
                presence.submission.unreadable(client);
            }
        });
        if let Err(error) = &requests {
            log::error!("{client} has no way to the capture service: {error:?}");
        }
        let desk = ContainerDesk::new(client, self.containers.clone());
        let containers =
            GenericCallback::new(move |message: Result<Guarded<_>, _>| match message {
                Ok(Guarded(message)) => desk.serve(message),
                Err(error) => log::warn!("{client} sent what is no container's policy: {error:?}"),
            });
        if let Err(error) = &containers {
            log::error!("{client} has no way to containers' policies: {error:?}");
        }
        CaptureClient {
            requests: requests.ok(),
            all_screens_exposed: self.all_screens_exposed,
            pools: self.pools.clone(),
            containers: containers.ok(),
            gathered: Arc::default(),
        }
    }

    /// The event loop was made for documents of this registered domain or
    /// address, or for such as belong to none.
    pub fn event_loop_serves(
        &self,
        event_loop: ScriptEventLoopId,
        host: Option<&Host>,
        is_public_suffix: impl Fn(&str) -> bool,
    ) {
        let site = host.map(|host| {
            let is_public_suffix = host_is(host, is_public_suffix);
            Site::new(host.clone(), is_public_suffix)
        });
        let client = {
            let mut event_loops = self.event_loops.lock();
            // None: its process has ended already.
            let Some((client, kept)) = event_loops.get_mut(&event_loop) else {
                return;
            };
            kept.clone_from(&site);
            *client
        };
        self.submission
            .notice(ServiceNotice::ClientPlaced { client, site });
    }

    /// The event loop is about to make the document. Said before the event loop
    /// is told to, where the constellation is the one who tells it.
    pub fn pipeline_placed(
        &self,
        pipeline: PipelineId,
        event_loop: ScriptEventLoopId,
        is_top_level: bool,
    ) {
        let client = self.event_loops.lock().get(&event_loop).map(|of| of.0);
        // None: its process has ended already.
        if let Some(client) = client {
            self.submission.notice(ServiceNotice::PipelinePlaced {
                pipeline,
                client,
                is_top_level,
            });
        }
    }

    /// Whether a redirect has brought a document that may capture into an event
    /// loop of another site, where nobody can vouch for it. It must be loaded
    /// again, once, by an event loop of its own site.
    pub fn is_misplaced(
        &self,
        event_loop: ScriptEventLoopId,
        url: &ServoUrl,
        was_reloaded: bool,
    ) -> bool {
        let origin = url.as_url().origin();
        if was_reloaded || !origin.is_tuple() || !(self.is_candidate)(&origin) {
            return false;
        }
        let event_loops = self.event_loops.lock();
        event_loops
            .get(&event_loop)
            .is_some_and(|(_, site)| site.as_ref().is_none_or(|site| !site.has(&origin)))
    }

    /// The document became fully active, or is not any more.
    pub fn pipeline_activity(&self, pipeline: PipelineId, active: bool) {
        self.submission
            .notice(ServiceNotice::PipelineActivity { pipeline, active });
    }

    /// The document is gone. May be said more than once.
    pub fn pipeline_gone(&self, pipeline: PipelineId) {
        self.submission
            .notice(ServiceNotice::PipelineGone(pipeline));
    }

    /// Ends the service; returns when the indicator is down or after two
    /// seconds.
    pub fn exit(&self) {
        self.submission.exit(EXIT_TIMEOUT);
    }
}

/// Whether a host is a domain of which `condition` holds.
fn host_is(host: &Host, condition: impl Fn(&str) -> bool) -> bool {
    matches!(host, Host::Domain(domain) if condition(domain))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use servo_base::id::{PipelineNamespace, TEST_NAMESPACE, TEST_PIPELINE_ID};
    use servo_url::ImmutableOrigin;

    use super::*;
    use crate::permissions_policy::{Allowlist, Feature, PermissionsPolicy};

    #[derive(Default)]
    struct Notices(Mutex<Vec<ServiceNotice>>);

    impl Submission for Notices {
        fn request(&self, _: ClientId, _: CaptureRequest) {}

        fn unreadable(&self, _: ClientId) {}

        fn notice(&self, notice: ServiceNotice) {
            self.0.lock().push(notice);
        }

        fn exit(&self, _: Duration) {}
    }

    #[test]
    fn a_containers_policy_reaches_another_event_loop() {
        PipelineNamespace::install(TEST_NAMESPACE);
        let handle = CaptureServiceHandle::new(Arc::new(Notices::default()), true);
        let [parent, child] = [(), ()].map(|()| handle.mint_client(ScriptEventLoopId::new()));
        let frame = BrowsingContextId::new();
        assert_eq!(child.container_of(frame), None);
        let container = ContainerPolicy {
            policy: PermissionsPolicy::top_level(ImmutableOrigin::new_opaque()),
            directive: BTreeMap::from([(Feature::Camera, Allowlist::Everyone)]),
        };
        parent.deposit_container(frame, container.clone());
        assert_eq!(child.container_of(frame), Some(container));
        drop(parent);
        assert_eq!(child.container_of(frame), None);
    }

    #[test]
    fn a_client_is_gone_when_its_last_sender_is() {
        let notices = Arc::new(Notices::default());
        let handle = CaptureServiceHandle::new(notices.clone(), true);
        let client = handle.mint_client(ScriptEventLoopId::new());
        let clone = client.clone();
        drop(client);
        assert!(notices.0.lock().is_empty());
        drop(clone);
        let notices = notices.0.lock();
        assert!(matches!(notices[..], [ServiceNotice::ClientGone(_)]));
    }

    #[test]
    fn a_document_is_placed_with_the_client_of_its_event_loop() {
        let notices = Arc::new(Notices::default());
        let handle = CaptureServiceHandle::new(notices.clone(), true);
        let (event_loop, gone) = (ScriptEventLoopId::new(), ScriptEventLoopId::new());
        let sender = handle.mint_client(event_loop);
        drop(handle.mint_client(gone));
        notices.0.lock().clear();
        let host = Host::Domain("github.io".to_owned());
        handle.event_loop_serves(event_loop, Some(&host), |domain| domain == "github.io");
        handle.pipeline_placed(TEST_PIPELINE_ID, event_loop, true);
        // Nobody can speak for that one any more.
        handle.event_loop_serves(gone, Some(&host), |_| false);
        handle.pipeline_placed(TEST_PIPELINE_ID, gone, false);
        let said = std::mem::take(&mut *notices.0.lock());
        let [
            ServiceNotice::ClientPlaced {
                client,
                site: Some(site),
            },
            placed,
        ] = &said[..]
        else {
            panic!("{said:?}");
        };
        assert_eq!(*site, Site::new(host, true));
        let expected = ServiceNotice::PipelinePlaced {
            pipeline: TEST_PIPELINE_ID,
            client: *client,
            is_top_level: true,
        };
        assert_eq!(*placed, expected);
        drop(sender);
    }

    #[test]
    fn what_may_capture_and_was_redirected_to_is_loaded_again_once() {
        let handle = CaptureServiceHandle::new(Arc::new(Notices::default()), true)
            .with_candidates(|origin| origin.ascii_serialization() == "https://wall.example");
        let event_loop = ScriptEventLoopId::new();
        let sender = handle.mint_client(event_loop);
        let check = |url: &str, was_reloaded, expected| {
            let url = ServoUrl::parse(url).unwrap();
            let found = handle.is_misplaced(event_loop, &url, was_reloaded);
            assert_eq!(found, expected, "{url}");
        };
        let host = |name: &str| Host::Domain(name.to_owned());
        handle.event_loop_serves(event_loop, Some(&host("login.example")), |_| false);
        check("https://wall.example/page", false, true);
        check("https://wall.example/page", true, false);
        check("https://other.example/", false, false);
        check("about:blank", false, false);
        handle.event_loop_serves(event_loop, Some(&host("wall.example")), |_| false);
        check("https://wall.example/page", false, false);
        drop(sender);
        check("https://wall.example/page", false, false);
    }
}
