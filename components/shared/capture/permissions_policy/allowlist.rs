/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Allowlists.

use serde::{Deserialize, Serialize};
use servo_url::ImmutableOrigin;
use url::{Host, Url};

/// An allowlist
/// (<https://w3c.github.io/webappsec-permissions-policy/#allowlists>).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Allowlist {
    /// `*`: every origin, opaque ones too.
    Everyone,
    /// Only these; nobody if empty.
    Origins(Vec<AllowedOrigins>),
}

/// What one entry of an allowlist stands for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum AllowedOrigins {
    /// One origin.
    One(ImmutableOrigin),
    /// `https://*.example.org`: the origins of all subdomains, but not of the
    /// domain itself.
    Subdomains {
        /// Scheme, without the colon.
        scheme: String,
        /// What is behind `*.`, in lower case and in ASCII.
        domain: String,
        /// The port, given or the scheme's own.
        port: u16,
    },
}

impl Allowlist {
    /// Nobody.
    pub fn nobody() -> Self {
        Self::Origins(Vec::new())
    }

    /// Whether the allowlist matches an origin
    /// (<https://w3c.github.io/webappsec-permissions-policy/#matches>).
    pub fn matches(&self, origin: &ImmutableOrigin) -> bool {
        match self {
            Self::Everyone => true,
            Self::Origins(entries) => entries.iter().any(|entry| entry.contain(origin)),
        }
    }

    /// The entries as scripts see them.
    pub fn serialize_entries(&self) -> Vec<String> {
        match self {
            Self::Everyone => vec!["*".to_owned()],
            Self::Origins(entries) => entries.iter().map(AllowedOrigins::text).collect(),
        }
    }

    /// Appends an entry that is not there yet; an allowlist is an ordered set.
    pub(super) fn append(entries: &mut Vec<AllowedOrigins>, entry: AllowedOrigins) {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
}

impl AllowedOrigins {
    /// What an origin or URL in a header or attribute stands for. None if it is
    /// no URL or its origin is opaque.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let ImmutableOrigin::Tuple(scheme, host, port) = ImmutableOrigin::new(&url) else {
            return None;
        };
        let subdomains_of = match &host {
            Host::Domain(name) => name.strip_prefix("*."),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        };
        Some(match subdomains_of {
            Some(domain) => Self::Subdomains {
                domain: domain.to_owned(),
                scheme,
                port,
            },
            None => Self::One(ImmutableOrigin::Tuple(scheme, host, port)),
        })
    }

    fn contain(&self, origin: &ImmutableOrigin) -> bool {
        match self {
            Self::One(one) => one == origin,
            Self::Subdomains {
                scheme,
                domain,
                port,
            } => match origin {
                ImmutableOrigin::Tuple(its_scheme, Host::Domain(name), its_port) => {
                    let label = name
                        .strip_suffix(domain.as_str())
                        .and_then(|rest| rest.strip_suffix('.'));
                    its_scheme == scheme
                        && its_port == port
                        && label.is_some_and(|label| !label.is_empty())
                }
                _ => false,
            },
        }
    }

    fn text(&self) -> String {
        let origin = match self {
            Self::One(origin) => origin.clone(),
            Self::Subdomains {
                scheme,
                domain,
                port,
            } => {
                let host = Host::Domain(format!("*.{domain}"));
                ImmutableOrigin::Tuple(scheme.clone(), host, *port)
            }
        };
        origin.ascii_serialization().into_owned()
    }
}
