/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the constellation can vouch for about the origins of an event loop.

use std::fmt;

use url::{Host, Origin};

/// The site whose documents the constellation puts into one event loop: a
/// registered domain with everything below it, or one address.
///
/// This is as fine as Servo separates documents. Schemes, ports and subdomains
/// of a site share an event loop, so which of them a document has is the word of
/// that event loop's process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    host: Host,
    /// Others have domains of their own below it, as below `github.io`.
    is_public_suffix: bool,
}

impl Site {
    /// The site of a host that is a registered domain or an address. Of a public
    /// suffix nothing but the host itself belongs to the site.
    pub fn new(host: Host, is_public_suffix: bool) -> Self {
        Self {
            host,
            is_public_suffix,
        }
    }

    /// Whether documents of this origin belong here. Opaque origins belong
    /// nowhere.
    pub fn has(&self, origin: &Origin) -> bool {
        let Origin::Tuple(_, host, _) = origin else {
            return false;
        };
        match (host, &self.host) {
            (Host::Domain(host), Host::Domain(site)) => {
                host == site
                    || !self.is_public_suffix
                        && host
                            .strip_suffix(site.as_str())
                            .is_some_and(|below| below.ends_with('.'))
            }
            (host, site) => host == site,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.host.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn check(site: &str, is_public_suffix: bool, origin: &str, expected: bool) {
        let site = Site::new(Host::parse(site).unwrap(), is_public_suffix);
        let parsed = Url::parse(origin).unwrap().origin();
        assert_eq!(site.has(&parsed), expected, "{origin} in {site}");
    }

    #[test]
    fn a_site_has_its_domain_and_what_is_below_and_nothing_else() {
        for (origin, expected) in [
            ("https://a.example", true),
            ("http://a.example:8080", true),
            ("https://deep.below.a.example", true),
            ("https://ba.example", false),
            ("https://a.example.evil", false),
            ("https://example", false),
            ("https://a.example.", false),
            ("https://127.0.0.1", false),
            ("file:///etc/passwd", false),
            ("data:text/html,a.example", false),
        ] {
            check("a.example", false, origin, expected);
        }
    }

    #[test]
    fn below_a_public_suffix_are_other_sites() {
        check("github.io", true, "https://github.io", true);
        check("github.io", true, "https://someone.github.io", false);
    }

    #[test]
    fn an_address_is_a_site_of_its_own() {
        check("127.0.0.1", false, "http://127.0.0.1:9", true);
        check("127.0.0.1", false, "http://127.0.0.2:9", false);
        check("[::1]", false, "http://[::1]", true);
        check("[::1]", false, "http://127.0.0.1", false);
    }
}
