/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The permissions policy of documents, and what HTML asks of it
//! (<https://w3c.github.io/webappsec-permissions-policy/>).
//!
//! The policies themselves are plain data of `servo_capture_traits`; here they
//! are made of documents, elements and responses.

use content_security_policy::sandboxing_directive::SandboxingFlagSet;
use html5ever::{LocalName, local_name};
use http::HeaderMap;
use js::context::JSContext;
use script_bindings::cell::DomRefCell;
use servo_base::id::{BrowsingContextId, PipelineId};
use servo_capture_traits::permissions_policy::{
    ContainerPolicy, Feature, PermissionsPolicy, parse_header, parse_policy_directive,
};
use servo_url::ImmutableOrigin;

use super::usermedia::nothing_asked_for;
use crate::dom::bindings::codegen::Bindings::MediaDevicesBinding::MediaStreamConstraints;
use crate::dom::bindings::codegen::Bindings::PermissionStatusBinding::PermissionName;
use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::codegen::UnionTypes::BooleanOrMediaTrackConstraints;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{DomRoot, MutNullableDom};
use crate::dom::console::Console;
use crate::dom::document::Document;
use crate::dom::element::Element;
use crate::dom::globalscope::GlobalScope;
use crate::dom::html::htmliframeelement::HTMLIFrameElement;
use crate::dom::node::{Node, NodeTraits};
use crate::dom::permissionspolicy::PermissionsPolicy as PolicyObject;
use crate::event_loop::document_collection::DocumentCollection;
use crate::event_loop::script_thread::ScriptThread;

/// The header that declares the policy of a document.
const HEADER: &str = "permissions-policy";

/// What a document keeps of its policy.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct DocumentPolicy {
    /// None in documents without a browsing context.
    #[ignore_malloc_size_of = "plain data"]
    #[no_trace]
    policy: DomRefCell<Option<PermissionsPolicy>>,
    object: NodePolicyObject,
}

/// The policy object of a node, made when it is first asked for.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct NodePolicyObject(MutNullableDom<PolicyObject>);

impl NodePolicyObject {
    pub(crate) fn get(&self, cx: &mut JSContext, node: &Node) -> DomRoot<PolicyObject> {
        self.0.or_init(|| PolicyObject::new(cx, node))
    }
}

impl DocumentPolicy {
    pub(crate) fn object(&self, cx: &mut JSContext, document: &Document) -> DomRoot<PolicyObject> {
        self.object.get(cx, document.upcast())
    }
}

fn origin_of(document: &Document) -> ImmutableOrigin {
    document.origin().immutable().clone()
}

/// The policy of a document. One without a browsing context may use nothing.
pub(crate) fn policy_of(document: &Document) -> PermissionsPolicy {
    document
        .permissions_policy()
        .policy
        .borrow()
        .clone()
        .unwrap_or_else(|| PermissionsPolicy::nothing(origin_of(document)))
}

/// Where a new document comes from.
pub(crate) struct Creation<'a> {
    /// The documents of this script thread.
    pub(crate) documents: &'a DocumentCollection,
    /// The document that has the new one's container.
    pub(crate) parent: Option<PipelineId>,
    /// The browsing context that the new document is for.
    pub(crate) frame: BrowsingContextId,
    /// The headers of its response.
    pub(crate) headers: Option<&'a HeaderMap>,
}

/// Gives a new document its policy
/// (<https://w3c.github.io/webappsec-permissions-policy/#algo-create-from-response>).
pub(crate) fn initialize(cx: &mut JSContext, document: &Document, creation: &Creation<'_>) {
    let origin = origin_of(document);
    // Step 1. The policy without the response.
    let policy = match creation.parent {
        None => PermissionsPolicy::top_level(origin.clone()),
        Some(parent) => match container_of(creation, parent) {
            Some(container) => PermissionsPolicy::nested(&container, origin.clone()),
            None => PermissionsPolicy::nothing(origin.clone()),
        },
    };
    // Steps 2 and 3. What the response declares.
    let fields = creation
        .headers
        .into_iter()
        .flat_map(|headers| headers.get_all(HEADER));
    let policy = match parse_header(fields.map(|field| field.as_bytes()), &origin) {
        Ok(declared) => policy.with_declared(declared),
        Err(error) => {
            Console::internal_warn(cx, &document.global(), format!("{error}."));
            policy
        }
    };
    // Step 4.
    *document.permissions_policy().policy.borrow_mut() = Some(policy);
}

/// The policy of the container that a new document is in; none if the container
/// is gone.
fn container_of(creation: &Creation<'_>, parent: PipelineId) -> Option<ContainerPolicy> {
    if creation.documents.find_document(parent).is_some() {
        let element = creation.documents.find_iframe(parent, creation.frame)?;
        return Some(container_policy(&element));
    }
    // It is on another script thread, which has deposited its policy.
    ScriptThread::capture()?.container_of(creation.frame)
}

/// Leaves the policy of a container where the script thread of the document
/// that will be in it finds it.
pub(crate) fn deposit(iframe: &HTMLIFrameElement, frame: BrowsingContextId) {
    if let Some(client) = ScriptThread::capture() {
        client.deposit_container(frame, container_policy(iframe));
    }
}

/// The policy of an element's document, and the element's own
/// (<https://w3c.github.io/webappsec-permissions-policy/#algo-process-policy-attributes>;
/// none of our features has an attribute other than `allow`).
pub(crate) fn container_policy(iframe: &HTMLIFrameElement) -> ContainerPolicy {
    let policy = policy_of(&iframe.owner_document());
    let allow = allow_attribute(iframe);
    let directive = parse_policy_directive(&allow, policy.origin(), &declared_origin(iframe));
    ContainerPolicy { policy, directive }
}

fn allow_attribute(iframe: &HTMLIFrameElement) -> String {
    iframe
        .upcast::<Element>()
        .get_attribute_string_value(&LocalName::from("allow"))
        .unwrap_or_default()
}

/// <https://w3c.github.io/webappsec-permissions-policy/#declared-origin>
pub(crate) fn declared_origin(iframe: &HTMLIFrameElement) -> ImmutableOrigin {
    let element = iframe.upcast::<Element>();
    let document = iframe.owner_document();
    // Step 1.
    if document
        .has_active_sandboxing_flag(SandboxingFlagSet::SANDBOXED_ORIGIN_BROWSING_CONTEXT_FLAG)
    {
        return ImmutableOrigin::new_opaque();
    }
    // Step 2.
    if let Some(sandbox) = element.get_attribute_string_value(&local_name!("sandbox")) {
        let mut tokens = sandbox.split_ascii_whitespace();
        if !tokens.any(|token| token.eq_ignore_ascii_case("allow-same-origin")) {
            return ImmutableOrigin::new_opaque();
        }
    }
    // Step 3.
    if element.has_attribute(&local_name!("srcdoc")) {
        return origin_of(&document);
    }
    // Step 4. Not in the specification: `about:blank` counts as no URL, because
    // the document there has the origin of the element's document.
    if let Some(src) = element.get_attribute_string_value(&local_name!("src"))
        && let Ok(url) = document.encoding_parse_a_url(&src)
        && !url.matches_about_blank()
    {
        return url.origin();
    }
    // Step 5.
    origin_of(&document)
}

/// <https://html.spec.whatwg.org/multipage/#allowed-to-use>
pub(crate) fn is_allowed_to_use(document: &Document, feature: Feature) -> bool {
    // Steps 1 and 2.
    document.browsing_context().is_some()
        && document.is_fully_active()
        // Steps 3 and 4.
        && policy_of(document).is_enabled(feature)
}

/// The policy-controlled feature of a permission, of those that are ours.
pub(crate) fn feature_of(name: PermissionName) -> Option<Feature> {
    match name {
        PermissionName::All_screens_capture => Some(Feature::AllScreensCapture),
        PermissionName::Camera => Some(Feature::Camera),
        PermissionName::Display_capture => Some(Feature::DisplayCapture),
        PermissionName::Microphone => Some(Feature::Microphone),
        PermissionName::Screenshot => Some(Feature::Screenshot),
        PermissionName::Window_management => Some(Feature::WindowManagement),
        _ => None,
    }
}

/// Whether a permission is never asked for by name, only where it is used: by an
/// administrator's list, by a choice of the user, or by the service.
pub(crate) fn is_decided_at_use(name: PermissionName) -> bool {
    matches!(
        name,
        PermissionName::All_screens_capture
            | PermissionName::Display_capture
            | PermissionName::Screenshot
            | PermissionName::Window_management
    )
}

/// Why `getUserMedia()` is refused before anything is opened
/// (<https://w3c.github.io/mediacapture-main/#dom-mediadevices-getusermedia>).
pub(crate) fn user_media_refusal(
    global: &GlobalScope,
    constraints: &MediaStreamConstraints,
) -> Option<Error> {
    let document = global.as_window().Document();
    let failed = "Failed to execute 'getUserMedia' on 'MediaDevices'";
    if let Some(error) = nothing_asked_for(constraints) {
        return Some(error);
    }
    // Step 5. Not fully active.
    if !document.is_fully_active() {
        let message = format!("{failed}: the document is not fully active.");
        return Some(Error::InvalidState(Some(message)));
    }
    // Steps 6 and 7. The features of the kinds that are asked for.
    [
        (&constraints.audio, Feature::Microphone),
        (&constraints.video, Feature::Camera),
    ]
    .into_iter()
    .filter(|(asked, _)| !matches!(asked, BooleanOrMediaTrackConstraints::Boolean(false)))
    .find(|(_, feature)| !is_allowed_to_use(&document, *feature))
    .map(|(_, feature)| Error::NotAllowed(Some(format!("{failed}: {}", disabled(feature)))))
}

/// The end of a message about a feature that a document may not use.
pub(crate) fn disabled(feature: Feature) -> String {
    format!("the permissions policy of this document does not allow \"{feature}\".")
}
