/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What Servo gets for `servo:capture`: a page without any information in it.
//!
//! The page is the same for whoever asks, so that nobody learns anything by asking. What it shows
//! is handed to it afterwards, in the one tab that the browser itself has opened for it
//! (`information/mod.rs`).

use std::future::{Future, ready};
use std::pin::Pin;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderValue, Method};
use net_traits::request::{Destination, RequestMode};
use servo::protocol_handler::{
    DoneChannel, FetchContext, NetworkError, ProtocolHandler, Request, ResourceFetchTiming,
    Response, ResponseBody,
};
use url::Url;
use uuid::Uuid;

/// The scheme of the browser's own pages.
pub const SCHEME: &str = "servo";
/// The address of the information page.
pub const ADDRESS: &str = "servo:capture";

const PAGE: &str = include_str!("../../../../resources/pages/capture.html");
const STYLE: &str = include_str!("../../../../resources/pages/capture.css");
const SCRIPT: &str = include_str!("../../../../resources/pages/capture.js");

/// Whether this is the information page, or a place in it.
pub fn is_information(url: &Url) -> bool {
    url.scheme() == SCHEME && url.path() == "capture" && url.query().is_none()
}

/// The handler of the scheme.
pub struct InformationProtocol;

impl ProtocolHandler for InformationProtocol {
    fn load<'a>(
        &'a self,
        request: &'a mut Request,
        _done: &mut DoneChannel,
        _context: &FetchContext,
    ) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(ready(respond(request)))
    }
}

fn respond(request: &Request) -> Response {
    let url = request.current_url();
    // Nothing but a tab: no frame, no script, no fetch(), and nothing that came by a redirect.
    let is_for_a_tab = request.destination == Destination::Document
        && matches!(request.mode, RequestMode::Navigate)
        && request.method == Method::GET
        && request.url_list.len() == 1;
    if !is_for_a_tab || !is_information(url.as_url()) {
        let reason = "there is no such page for a web page".to_owned();
        return Response::network_error(NetworkError::ResourceLoadError(reason));
    }
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let timing = ResourceFetchTiming::new(request.timing_type());
    let mut response = Response::new(url, timing);
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        // Fails only for control characters.
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers.insert(name, value);
        }
    }
    *response.body.lock() = ResponseBody::Done(page(&nonce).into_bytes());
    response
}

fn page(nonce: &str) -> String {
    PAGE.replace("{nonce}", nonce)
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_is_the_page() {
        let is = |address: &str| is_information(&Url::parse(address).unwrap());
        assert!(is(ADDRESS) && is("servo:capture#record"));
        for other in [
            "servo:capture?token=x",
            "servo:capture/",
            "servo://capture",
            "servo:other",
            "https://capture/",
        ] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing_but_its_own() {
        let page = page("n0nce");
        assert!(!page.contains("{nonce}") && !page.contains("{script}"));
        // In its text, which is checked against its policy by the browser.
        for word in [
            " src=",
            " href=\"http",
            "@import",
            "url(",
            "innerHTML",
            " style=",
            " onclick=",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert_eq!(page.matches("<script nonce=\"n0nce\">").count(), 1);
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("</script").count(), 1);
    }

    /// The contrast of two colors by <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |color: &str| {
            let channel = |at: usize| {
                let value = u8::from_str_radix(&color[at..at + 2], 16).unwrap();
                let value = f64::from(value) / 255.0;
                if value <= 0.04045 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_text_is_legible_on_every_ground_by_day_and_by_night() {
        let schemes: Vec<&str> = STYLE.split("prefers-color-scheme: dark").collect();
        assert_eq!(schemes.len(), 2);
        for scheme in schemes {
            let color = |name: &str| {
                let (_, rest) = scheme.split_once(&format!("--{name}: ")).unwrap();
                rest[..7].to_owned()
            };
            for text in ["text", "quiet", "link", "alarm"] {
                for ground in ["ground", "card"] {
                    let ratio = contrast(&color(text), &color(ground));
                    assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
                }
            }
            let ratio = contrast(&color("on-alarm"), &color("alarm"));
            assert!(ratio >= 4.5, "on-alarm: {ratio:.2}");
        }
    }
}
