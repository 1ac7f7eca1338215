/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Permissions policy (<https://w3c.github.io/webappsec-permissions-policy/>)
//! for the features that capture: which documents may use them at all.
//!
//! What belongs here: the texts of the header and of the `allow` attribute, the
//! policy of a document, and the way of a container's policy to a frame that
//! lives on another script thread ([`containers`]). What does not: what a user
//! or an administrator allows, which is asked afterwards.

mod allowlist;
mod attribute;
mod containers;
mod feature;
mod header;
mod policy;
#[cfg(test)]
mod tests;

pub use allowlist::{AllowedOrigins, Allowlist};
pub use attribute::parse_policy_directive;
pub use containers::ContainerMessage;
pub(crate) use containers::{ContainerDesk, ContainerPolicies};
pub use feature::Feature;
pub use header::{HeaderError, parse_header};
pub use policy::{ContainerPolicy, PermissionsPolicy, PolicyDirective};
