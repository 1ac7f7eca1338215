/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What an entry allows, in words for people who do not know its syntax.

use url::Host;

use super::{HostPattern, OriginPattern, Part};

impl OriginPattern {
    /// One phrase: "pages of …".
    pub fn meaning(&self) -> String {
        let host = match &self.host {
            HostPattern::Any => "every web site".to_owned(),
            HostPattern::Exact(Host::Domain(domain)) => domain.clone(),
            HostPattern::Exact(address) => format!("the address {address}"),
            HostPattern::Subdomains(domain) => format!("{domain} and every site below it"),
        };
        let scheme = match self.scheme {
            Part::Any => "https and http".to_owned(),
            Part::Only(scheme) => scheme.name().to_owned(),
        };
        let port = match self.port {
            Part::Any => "every port".to_owned(),
            Part::Only(port) => format!("port {port}"),
        };
        format!("pages of {host}, over {scheme}, on {port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_entry_is_put_into_words() {
        let check = |pattern: &str, expected: &str| {
            let pattern: OriginPattern = pattern.parse().unwrap();
            assert_eq!(pattern.meaning(), expected);
        };
        check(
            "https://wall.example",
            "pages of wall.example, over https, on every port",
        );
        check(
            "[*.]corp.example:8443",
            "pages of corp.example and every site below it, over https and http, on port 8443",
        );
        check(
            "http://[::1]:80",
            "pages of the address [::1], over http, on port 80",
        );
        check(
            "*",
            "pages of every web site, over https and http, on every port",
        );
    }
}
