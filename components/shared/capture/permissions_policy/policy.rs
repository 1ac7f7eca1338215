/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The policy of a document.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use servo_url::ImmutableOrigin;

use super::{AllowedOrigins, Allowlist, Feature};

/// A policy directive
/// (<https://w3c.github.io/webappsec-permissions-policy/#policy-directives>).
pub type PolicyDirective = BTreeMap<Feature, Allowlist>;

/// What of a container decides about the document in it: the policy of the
/// document that the container is in, and the directive of its attributes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ContainerPolicy {
    /// The policy of the container's node document.
    pub policy: PermissionsPolicy,
    /// <https://w3c.github.io/webappsec-permissions-policy/#container-policies>
    pub directive: PolicyDirective,
}

/// A permissions policy
/// (<https://w3c.github.io/webappsec-permissions-policy/#policies>).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PermissionsPolicy {
    /// The origin of the policy's document.
    origin: ImmutableOrigin,
    /// The features whose inherited policy is "Enabled".
    inherited: BTreeSet<Feature>,
    declared: PolicyDirective,
}

impl PermissionsPolicy {
    /// The policy of a document of the top level, without its header.
    pub fn top_level(origin: ImmutableOrigin) -> Self {
        Self {
            origin,
            inherited: Feature::ALL.into(),
            declared: BTreeMap::new(),
        }
    }

    /// The policy of a document in a container, without its header
    /// (<https://w3c.github.io/webappsec-permissions-policy/#algo-create-for-browsingcontext>).
    pub fn nested(container: &ContainerPolicy, origin: ImmutableOrigin) -> Self {
        let is_inherited = |feature: &Feature| container.is_inherited(*feature, &origin);
        Self {
            inherited: Feature::ALL.into_iter().filter(is_inherited).collect(),
            origin,
            declared: BTreeMap::new(),
        }
    }

    /// The policy of a document that is in no browsing context, or in a
    /// container of which nothing is known: nothing is enabled.
    pub fn nothing(origin: ImmutableOrigin) -> Self {
        Self {
            origin,
            inherited: BTreeSet::new(),
            declared: BTreeMap::new(),
        }
    }

    /// The policy with what the document's response declares
    /// (<https://w3c.github.io/webappsec-permissions-policy/#algo-create-from-response>,
    /// step 3).
    #[must_use]
    pub fn with_declared(mut self, declared: PolicyDirective) -> Self {
        self.declared = declared;
        self.declared
            .retain(|feature, _| self.inherited.contains(feature));
        self
    }

    /// The origin of the policy's document.
    pub fn origin(&self) -> &ImmutableOrigin {
        &self.origin
    }

    /// <https://w3c.github.io/webappsec-permissions-policy/#algo-get-feature-value>
    fn value_for(&self, feature: Feature, origin: &ImmutableOrigin) -> bool {
        // Steps 1 and 2.
        self.inherited.contains(&feature)
            // Steps 3 and 4.
            && self
                .declared
                .get(&feature)
                .is_none_or(|allowlist| allowlist.matches(origin))
    }

    /// <https://w3c.github.io/webappsec-permissions-policy/#algo-is-feature-enabled>
    pub fn is_enabled_for(&self, feature: Feature, origin: &ImmutableOrigin) -> bool {
        // Steps 1 and 2.
        if !self.inherited.contains(&feature) {
            return false;
        }
        match self.declared.get(&feature) {
            // Step 3.
            Some(allowlist) => allowlist.matches(origin),
            // Steps 4 to 6. The default allowlist of all features is 'self'.
            None => *origin == self.origin,
        }
    }

    /// Whether the policy's own document may use a feature.
    pub fn is_enabled(&self, feature: Feature) -> bool {
        self.is_enabled_for(feature, &self.origin)
    }

    /// The allowlist of a feature that is enabled; without a declaration it is
    /// the default one.
    pub fn allowlist(&self, feature: Feature) -> Allowlist {
        if !self.is_enabled(feature) {
            return Allowlist::nobody();
        }
        self.declared
            .get(&feature)
            .cloned()
            .unwrap_or_else(|| Allowlist::Origins(vec![AllowedOrigins::One(self.origin.clone())]))
    }
}

impl ContainerPolicy {
    /// <https://w3c.github.io/webappsec-permissions-policy/#algo-define-inherited-policy-in-container>
    fn is_inherited(&self, feature: Feature, origin: &ImmutableOrigin) -> bool {
        let own = self.policy.origin();
        // Steps 1 and 2. A document delegates only what it has itself, and
        // step 3: what it declares holds for the documents in it.
        if !self.policy.value_for(feature, own) || !self.policy.value_for(feature, origin) {
            return false;
        }
        match self.directive.get(&feature) {
            // Steps 4 and 5. The container's attributes.
            Some(allowlist) => allowlist.matches(origin),
            // Steps 6 to 8. The default allowlist of all features is 'self'.
            None => origin == own,
        }
    }
}
