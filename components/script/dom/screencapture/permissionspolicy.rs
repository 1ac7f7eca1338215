/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://w3c.github.io/webappsec-permissions-policy/#the-policy-object>

use dom_struct::dom_struct;
use js::context::JSContext;
use script_bindings::reflector::{Reflector, reflect_dom_object};
use servo_capture_traits::permissions_policy::{Feature, PermissionsPolicy as Policy};
use servo_url::{ImmutableOrigin, ServoUrl};

use super::documentpolicy::{container_policy, declared_origin, policy_of};
use crate::dom::bindings::codegen::Bindings::PermissionsPolicyBinding::PermissionsPolicyMethods;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::bindings::str::DOMString;
use crate::dom::html::htmliframeelement::HTMLIFrameElement;
use crate::dom::node::{Node, NodeTraits};

#[dom_struct]
pub(crate) struct PermissionsPolicy {
    reflector_: Reflector,
    /// <https://w3c.github.io/webappsec-permissions-policy/#associated-node>
    node: Dom<Node>,
}

impl PermissionsPolicy {
    pub(crate) fn new(cx: &mut JSContext, node: &Node) -> DomRoot<Self> {
        reflect_dom_object(
            cx,
            Box::new(Self {
                reflector_: Reflector::new(),
                node: Dom::from_ref(node),
            }),
            &*node.owner_window(),
        )
    }

    /// <https://w3c.github.io/webappsec-permissions-policy/#observable-policy>,
    /// whose own origin is the default origin.
    fn observable_policy(&self) -> Policy {
        match self.node.downcast::<HTMLIFrameElement>() {
            Some(iframe) => Policy::nested(&container_policy(iframe), declared_origin(iframe)),
            None => policy_of(&self.node.owner_document()),
        }
    }
}

/// The origin that a page names; one that is none is like no other.
fn parse_origin(origin: &DOMString) -> ImmutableOrigin {
    match ServoUrl::parse(&origin.str()) {
        Ok(url) => url.origin(),
        Err(_) => ImmutableOrigin::new_opaque(),
    }
}

impl PermissionsPolicyMethods<crate::DomTypeHolder> for PermissionsPolicy {
    /// <https://w3c.github.io/webappsec-permissions-policy/#dom-permissionspolicy-allowsfeature>
    fn AllowsFeature(&self, feature: DOMString, origin: Option<DOMString>) -> bool {
        // Step 2.
        let policy = self.observable_policy();
        // Step 1.
        let origin = origin.map_or_else(|| policy.origin().clone(), |origin| parse_origin(&origin));
        // Steps 3 and 4.
        Feature::from_name(&feature.str())
            .is_some_and(|feature| policy.is_enabled_for(feature, &origin))
    }

    /// <https://w3c.github.io/webappsec-permissions-policy/#dom-permissionspolicy-features>
    fn Features(&self) -> Vec<DOMString> {
        Feature::ALL
            .into_iter()
            .map(|feature| feature.name().into())
            .collect()
    }

    /// <https://w3c.github.io/webappsec-permissions-policy/#dom-permissionspolicy-allowedfeatures>
    fn AllowedFeatures(&self) -> Vec<DOMString> {
        let policy = self.observable_policy();
        Feature::ALL
            .into_iter()
            .filter(|feature| policy.is_enabled(*feature))
            .map(|feature| feature.name().into())
            .collect()
    }

    /// <https://w3c.github.io/webappsec-permissions-policy/#dom-permissionspolicy-getallowlistforfeature>
    fn GetAllowlistForFeature(&self, feature: DOMString) -> Vec<DOMString> {
        let Some(feature) = Feature::from_name(&feature.str()) else {
            return Vec::new();
        };
        let allowlist = self.observable_policy().allowlist(feature);
        allowlist
            .serialize_entries()
            .into_iter()
            .map(DOMString::from)
            .collect()
    }
}
