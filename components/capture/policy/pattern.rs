/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! One entry of an allowlist.
//!
//! The syntax is the one of Chrome's enterprise policies ("URL patterns",
//! `ContentSettingsPattern`), restricted to what can name an origin:
//!
//! | Pattern                  | Matches                                         |
//! |--------------------------|-------------------------------------------------|
//! | `https://example.com:443`| that origin and no other                        |
//! | `https://example.com`    | that host over https, on **every** port         |
//! | `example.com`            | that host over https and http, on every port    |
//! | `[*.]example.com`        | `example.com` and all its subdomains            |
//! | `https://*:8443`         | every host over https on that port              |
//! | `http://127.0.0.1`, `[::1]` | that address                                 |
//! | `*`                      | every https and http origin                     |
//!
//! - The scheme may be left out or be `*`. In Chromium that means any scheme;
//!   here it means https or http, the only schemes whose pages have an origin
//!   that can be compared. An opaque origin never matches.
//! - The port is a number from 0 to 65535, or `*`. Left out it means every port,
//!   as in Chromium.
//! - A path is ignored. Credentials, a query or a fragment are refused, since
//!   they show that something else than an origin was meant.
//! - Hosts are brought to the form that the URL standard gives them: lower case,
//!   punycode, compressed IPv6. IPv4 addresses must already have it, because
//!   `127.1` and `0x7f.1` hide what they allow.
//! - A host with a trailing dot is another host in the URL standard, so patterns
//!   may not end in one and an origin that does matches only `*`.

mod meaning;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use url::{Host, Origin};

/// The most bytes that an entry may have. A host name has at most 253, and the
/// work on it grows faster than its length.
pub const MAX_PATTERN_BYTES: usize = 2048;

/// What a host starts with to include its subdomains.
const SUBDOMAINS: &str = "[*.]";

/// One allowlist entry, Chrome Enterprise URL pattern syntax.
///
/// `Display` writes the canonical form, which parses to an equal pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginPattern {
    scheme: Part<Scheme>,
    host: HostPattern,
    port: Part<u16>,
}

impl OriginPattern {
    /// Whether `origin` is among those that this entry allows. An opaque origin
    /// never is.
    pub fn matches(&self, origin: &Origin) -> bool {
        let Origin::Tuple(scheme, host, port) = origin else {
            return false;
        };
        Scheme::from_name(scheme).is_some_and(|scheme| self.scheme.matches(scheme))
            && self.host.matches(host)
            && self.port.matches(*port)
    }

    /// The pattern that matches exactly what both match, or `None` when nothing
    /// can match both.
    pub fn intersection(&self, other: &OriginPattern) -> Option<OriginPattern> {
        Some(OriginPattern {
            scheme: self.scheme.intersection(other.scheme)?,
            host: self.host.intersection(&other.host)?,
            port: self.port.intersection(other.port)?,
        })
    }
}

/// A part of a pattern that is either left open or fixed to one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part<T> {
    Any,
    Only(T),
}

impl<T: Copy + PartialEq> Part<T> {
    fn matches(self, value: T) -> bool {
        match self {
            Part::Any => true,
            Part::Only(wanted) => wanted == value,
        }
    }

    fn intersection(self, other: Part<T>) -> Option<Part<T>> {
        match (self, other) {
            (Part::Any, part) | (part, Part::Any) => Some(part),
            (Part::Only(ours), Part::Only(theirs)) => (ours == theirs).then_some(self),
        }
    }
}

/// The schemes whose pages have an origin of scheme, host and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn from_name(name: &str) -> Option<Scheme> {
        match name {
            "http" => Some(Scheme::Http),
            "https" => Some(Scheme::Https),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostPattern {
    Any,
    Exact(Host<String>),
    /// The domain and everything below it.
    Subdomains(String),
}

impl HostPattern {
    fn matches(&self, host: &Host<String>) -> bool {
        match self {
            HostPattern::Any => true,
            HostPattern::Exact(wanted) => wanted == host,
            HostPattern::Subdomains(domain) => {
                matches!(host, Host::Domain(host) if is_within(host, domain))
            }
        }
    }

    fn intersection(&self, other: &HostPattern) -> Option<HostPattern> {
        match (self, other) {
            (HostPattern::Any, host) | (host, HostPattern::Any) => Some(host.clone()),
            (HostPattern::Exact(host), pattern) | (pattern, HostPattern::Exact(host)) => pattern
                .matches(host)
                .then(|| HostPattern::Exact(host.clone())),
            (HostPattern::Subdomains(ours), HostPattern::Subdomains(theirs)) => {
                if is_within(ours, theirs) {
                    Some(self.clone())
                } else if is_within(theirs, ours) {
                    Some(other.clone())
                } else {
                    None
                }
            }
        }
    }
}

/// Whether `host` is `domain` or one of its subdomains. Compares whole labels:
/// `evil-example.com` is not within `example.com`.
fn is_within(host: &str, domain: &str) -> bool {
    match host.strip_suffix(domain) {
        Some("") => true,
        Some(below) => below.len() > 1 && below.ends_with('.'),
        None => false,
    }
}

impl FromStr for OriginPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        if let Some(found) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(PatternError::Blank { found });
        }
        if text.contains('?') {
            return Err(PatternError::Query);
        }
        if text.contains('#') {
            return Err(PatternError::Fragment);
        }
        let (scheme, rest) = split_scheme(text)?;
        // The path, if any, is dropped here.
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.contains('@') {
            return Err(PatternError::Credentials);
        }
        let (host, port) = split_port(authority);
        Ok(OriginPattern {
            scheme,
            host: parse_host_pattern(host, port)?,
            port: port.map_or(Ok(Part::Any), parse_port)?,
        })
    }
}

/// Splits `scheme://` off. The text has a scheme only if its first slash is
/// part of `://`; a later one belongs to the path.
fn split_scheme(text: &str) -> Result<(Part<Scheme>, &str), PatternError> {
    let scheme_and_rest = text
        .split_once("://")
        .filter(|(scheme, _)| !scheme.contains('/'));
    let Some((scheme, rest)) = scheme_and_rest else {
        return Ok((Part::Any, text));
    };
    if scheme == "*" {
        return Ok((Part::Any, rest));
    }
    match Scheme::from_name(&scheme.to_ascii_lowercase()) {
        Some(scheme) => Ok((Part::Only(scheme), rest)),
        None => Err(PatternError::Scheme {
            found: scheme.to_owned(),
        }),
    }
}

/// Splits `:port` off, leaving the colons within the brackets of an IPv6
/// address alone.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let brackets_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[brackets_end..].find(':') {
        Some(colon) => {
            let colon = brackets_end + colon;
            (&authority[..colon], Some(&authority[colon + 1..]))
        }
        None => (authority, None),
    }
}

fn parse_port(port: &str) -> Result<Part<u16>, PatternError> {
    if port == "*" {
        return Ok(Part::Any);
    }
    // `u16::from_str` alone would take `+80` too.
    if port.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(port) = port.parse()
    {
        return Ok(Part::Only(port));
    }
    Err(PatternError::Port {
        found: port.to_owned(),
    })
}

/// `port` is only looked at to tell an IPv6 address without brackets.
fn parse_host_pattern(text: &str, port: Option<&str>) -> Result<HostPattern, PatternError> {
    if port.is_some_and(|port| port.contains(':')) {
        return Err(PatternError::Colons);
    }
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    let Some(below) = text.strip_prefix(SUBDOMAINS) else {
        return parse_host(text).map(HostPattern::Exact);
    };
    match parse_host(below)? {
        Host::Domain(domain) => Ok(HostPattern::Subdomains(domain)),
        Host::Ipv4(_) | Host::Ipv6(_) => Err(PatternError::SubdomainsOfAddress {
            address: below.to_owned(),
        }),
    }
}

fn parse_host(text: &str) -> Result<Host<String>, PatternError> {
    let owned = || text.to_owned();
    if text.is_empty() {
        return Err(PatternError::NoHost);
    }
    if text.contains('%') {
        return Err(PatternError::PercentEncoding { host: owned() });
    }
    if text.contains('*') {
        return Err(PatternError::PartialWildcard { host: owned() });
    }
    let host = Host::parse(text).map_err(|reason| PatternError::Host {
        host: owned(),
        reason,
    })?;
    match &host {
        // Looked at after parsing, because IDNA maps other dots and asterisks
        // (such as the full-width ones) to these.
        Host::Domain(domain) if domain.contains('*') => {
            Err(PatternError::PartialWildcard { host: owned() })
        }
        Host::Domain(domain) if domain.starts_with('.') || domain.contains("..") => {
            Err(PatternError::EmptyLabel { host: owned() })
        }
        Host::Domain(domain) if domain.ends_with('.') => {
            Err(PatternError::TrailingDot { host: owned() })
        }
        Host::Ipv4(address) if address.to_string() != text => Err(PatternError::UnusualIpv4 {
            found: owned(),
            address: *address,
        }),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => Ok(host),
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Part::Only(scheme) = self.scheme {
            write!(formatter, "{}://", scheme.name())?;
        }
        match &self.host {
            HostPattern::Any => formatter.write_str("*")?,
            HostPattern::Exact(host) => write!(formatter, "{host}")?,
            HostPattern::Subdomains(domain) => write!(formatter, "{SUBDOMAINS}{domain}")?,
        }
        if let Part::Only(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for OriginPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PatternVisitor;
        impl de::Visitor<'_> for PatternVisitor {
            type Value = OriginPattern;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an origin pattern such as \"https://example.com\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OriginPattern, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(PatternVisitor)
    }
}

/// Why a text is not an [`OriginPattern`], and what would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the error texts say it")]
pub enum PatternError {
    #[error("an entry must name an origin or be *, found an empty text")]
    Empty,
    #[error("an entry has at most {} bytes, found more", MAX_PATTERN_BYTES)]
    TooLong,
    #[error("an entry has no blanks or control characters, found {found:?}")]
    Blank { found: char },
    #[error("an entry names an origin and has no query, found ?")]
    Query,
    #[error("an entry names an origin and has no fragment, found #")]
    Fragment,
    #[error("an entry names an origin and has no user name or password, found @")]
    Credentials,
    #[error(
        "the scheme must be https, http or *, found {found:?}; \
         pages of other schemes have opaque origins, which nothing matches"
    )]
    Scheme { found: String },
    #[error("the port must be a number from 0 to 65535 or *, found {found:?}")]
    Port { found: String },
    #[error(
        "an IPv6 address is written in brackets, and there is only one port; found too many colons"
    )]
    Colons,
    #[error("an entry must name a host or have * in its place, found none")]
    NoHost,
    #[error("a wildcard is [*.] before a whole domain or * alone, found {host:?}")]
    PartialWildcard { host: String },
    #[error("[*.] stands before a domain, an address has no subdomains; found {address:?}")]
    SubdomainsOfAddress { address: String },
    #[error("a host is written without percent-encoding, found {host:?}")]
    PercentEncoding { host: String },
    #[error("the labels of a host must not be empty, found {host:?}")]
    EmptyLabel { host: String },
    #[error("a host with a trailing dot is another host than the one without, found {host:?}")]
    TrailingDot { host: String },
    #[error("an IPv4 address is written as four decimal numbers, here {address}; found {found:?}")]
    UnusualIpv4 {
        found: String,
        address: std::net::Ipv4Addr,
    },
    #[error("the host is not valid ({reason}), found {host:?}")]
    Host {
        host: String,
        reason: url::ParseError,
    },
}

#[cfg(test)]
mod tests;
