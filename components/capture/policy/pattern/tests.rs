/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use proptest::prelude::*;
use url::Url;

use super::*;

fn origin(url: &str) -> Origin {
    Url::parse(url).unwrap().origin()
}

#[track_caller]
fn check(pattern: &str, url: &str, expected: bool) {
    let parsed: OriginPattern = pattern.parse().unwrap();
    assert_eq!(
        parsed.matches(&origin(url)),
        expected,
        "{pattern} against {url}"
    );
}

#[track_caller]
fn refused(text: &str) -> PatternError {
    match text.parse::<OriginPattern>() {
        Ok(pattern) => panic!("{text:?} was taken as {pattern}"),
        Err(error) => error,
    }
}

#[track_caller]
fn check_canonical(text: &str, canonical: &str) {
    let pattern: OriginPattern = text.parse().unwrap();
    assert_eq!(pattern.to_string(), canonical, "for {text:?}");
}

#[test]
fn the_truths_of_chromiums_tests_hold() {
    check("https://www.chromium.org", "https://www.chromium.org", true);
    check("[*.]chromium.org", "https://sub.chromium.org", true);
    check("https://www.chromium.org", "https://www.example.com", false);
    assert_eq!(refused(""), PatternError::Empty);
}

#[test]
fn a_scheme_fixes_the_scheme_and_none_leaves_https_and_http() {
    check("https://a.test", "http://a.test", false);
    check("http://a.test", "http://a.test", true);
    check("HTTPS://a.test", "https://a.test", true);
    for pattern in ["a.test", "*://a.test"] {
        check(pattern, "https://a.test", true);
        check(pattern, "http://a.test", true);
        check(pattern, "wss://a.test", false);
        check(pattern, "ftp://a.test", false);
    }
}

#[test]
fn a_bare_domain_is_that_host_only() {
    check("example.com", "https://example.com", true);
    check("example.com", "https://www.example.com", false);
    check("example.com", "https://example.com.evil.test", false);
}

#[test]
fn a_subdomain_wildcard_compares_whole_labels() {
    check("[*.]example.com", "https://example.com", true);
    check("[*.]example.com", "https://a.b.example.com", true);
    check("[*.]example.com", "https://evil-example.com", false);
    check("[*.]example.com", "https://evilexample.com", false);
    check("[*.]example.com", "https://.example.com", false);
    check("[*.]example.com", "https://example.com.evil.test", false);
    check("[*.]0.0.1.test", "http://127.0.0.1", false);
}

#[test]
fn an_omitted_port_is_any_port_and_a_number_only_that() {
    check("https://a.test", "https://a.test:8443", true);
    check("https://a.test:*", "https://a.test:8443", true);
    check("https://a.test:443", "https://a.test", true);
    check("https://a.test:443", "https://a.test:8443", false);
    check("a.test:80", "https://a.test", false);
    check("a.test:0", "https://a.test:0", true);
    check("a.test:65535", "https://a.test:65535", true);
    check("https://*:8443", "https://b.test:8443", true);
    check("https://*:8443", "https://b.test", false);
}

#[test]
fn the_path_is_ignored() {
    check("https://a.test/app/index.html", "https://a.test", true);
    check("https://a.test/app", "https://a.test/other", true);
    check("a.test/x://b.test", "https://a.test", true);
    check_canonical("https://a.test:8443/user@host", "https://a.test:8443");
}

#[test]
fn the_asterisk_is_every_origin_of_a_page() {
    check("*", "https://a.test", true);
    check("*", "http://127.0.0.1:8000", true);
    check("*", "https://[::1]", true);
    check("*", "data:text/html,x", false);
    check("*", "file:///etc/hosts", false);
}

#[test]
fn addresses_are_compared_as_addresses() {
    check("http://127.0.0.1", "http://127.0.0.1", true);
    check("http://127.0.0.1", "http://127.1", true);
    check("http://127.0.0.1", "http://127.0.0.2", false);
    check("http://[::1]:8000", "http://[0:0:0:0:0:0:0:1]:8000", true);
    check("[0:0::0:1]", "http://[::1]", true);
    check("[::1]", "http://[::2]", false);
    check_canonical("https://[FE80:0:0::1]:443", "https://[fe80::1]:443");
}

#[test]
fn addresses_in_disguise_are_refused() {
    for text in [
        "127.1",
        "0x7f.1",
        "2130706433",
        "127.0.0.01",
        "127.0.0.1.",
        "１27.0.0.1",
    ] {
        let error = refused(text);
        assert!(
            error.to_string().contains("here 127.0.0.1"),
            "{text}: {error}"
        );
    }
    assert_eq!(refused("::1"), PatternError::Colons);
    assert_eq!(refused("[::1"), PatternError::Colons);
    assert!(matches!(refused("[::1]x"), PatternError::Host { .. }));
    assert!(matches!(refused("256.0.0.1"), PatternError::Host { .. }));
}

#[test]
fn hosts_are_compared_in_punycode_and_lower_case() {
    check("https://bücher.test", "https://xn--bcher-kva.test", true);
    check("https://xn--bcher-kva.test", "https://BÜCHER.test", true);
    check("[*.]BÜCHER.test", "https://shop.bücher.test", true);
    check("EXAMPLE.com", "https://example.COM", true);
    check_canonical("https://BÜCHER.test", "https://xn--bcher-kva.test");
    // A Cyrillic letter that looks like the Latin one is another host.
    check("https://apple.test", "https://аpple.test", false);
}

#[test]
fn a_trailing_dot_is_another_host() {
    check("a.test", "https://a.test.", false);
    check("[*.]a.test", "https://b.a.test.", false);
    assert!(matches!(
        refused("https://a.test."),
        PatternError::TrailingDot { .. }
    ));
    assert!(matches!(
        refused("[*.]a.test.:443"),
        PatternError::TrailingDot { .. }
    ));
    assert!(matches!(
        refused("a.test。"),
        PatternError::TrailingDot { .. }
    ));
}

#[test]
fn wildcards_elsewhere_are_refused() {
    for text in [
        "*.example.com",
        "www.*.com",
        "exa*ple.com",
        "https://ex*",
        "**",
        "a.＊.test",
    ] {
        assert!(
            matches!(refused(text), PatternError::PartialWildcard { .. }),
            "{text}"
        );
    }
    assert!(matches!(
        refused("[*.][*.]a.test"),
        PatternError::PartialWildcard { .. }
    ));
    assert!(matches!(
        refused("www.[*.]a.test"),
        PatternError::PartialWildcard { .. }
    ));
    assert!(matches!(
        refused("[*.]*"),
        PatternError::PartialWildcard { .. }
    ));
    assert!(matches!(
        refused("[*.].mysite.com"),
        PatternError::EmptyLabel { .. }
    ));
    assert!(matches!(
        refused("[*.]127.0.0.1"),
        PatternError::SubdomainsOfAddress { .. }
    ));
    assert!(matches!(
        refused("[*.][::1]"),
        PatternError::SubdomainsOfAddress { .. }
    ));
    assert_eq!(refused("[*.]"), PatternError::NoHost);
}

#[test]
fn what_is_more_than_an_origin_is_refused() {
    assert_eq!(refused("https://user@a.test"), PatternError::Credentials);
    assert_eq!(
        refused("https://a.test@evil.test"),
        PatternError::Credentials
    );
    assert_eq!(
        refused("https://user:pass@a.test/"),
        PatternError::Credentials
    );
    assert_eq!(refused("https://a.test/?q"), PatternError::Query);
    assert_eq!(refused("https://a.test#top"), PatternError::Fragment);
    assert!(matches!(
        refused("https://a%2etest"),
        PatternError::PercentEncoding { .. }
    ));
    assert!(matches!(
        refused(r"https://a.test\path"),
        PatternError::Host { .. }
    ));
    assert!(matches!(
        refused("a..test"),
        PatternError::EmptyLabel { .. }
    ));
}

#[test]
fn schemes_with_opaque_origins_are_refused() {
    for text in [
        "file:///etc/hosts",
        "file://*",
        "data://x",
        "chrome-extension://abc",
        "isolated-app://abc",
        "ws://a.test",
        "://a.test",
        "htt*://a.test",
    ] {
        assert!(
            matches!(refused(text), PatternError::Scheme { .. }),
            "{text}"
        );
    }
    for text in ["data:text/html,x", "about:blank", "javascript:alert(1)"] {
        assert!(matches!(refused(text), PatternError::Port { .. }), "{text}");
    }
}

#[test]
fn ports_are_checked() {
    for port in [
        "",
        "65536",
        "-1",
        "+80",
        "8o",
        "80*",
        "４43",
        "99999999999999999999",
    ] {
        let text = format!("https://a.test:{port}");
        assert!(
            matches!(refused(&text), PatternError::Port { .. }),
            "{text}"
        );
    }
    assert_eq!(refused("a.test:80:90"), PatternError::Colons);
}

#[test]
fn blanks_and_empty_parts_are_refused() {
    for text in [
        " ",
        " https://a.test",
        "https://a.test ",
        "https://a\ttest",
        "a.test\n",
        "a\0.test",
        "a.test/\u{a0}",
        "a\u{2028}b",
    ] {
        assert!(
            matches!(refused(text), PatternError::Blank { .. }),
            "{text:?}"
        );
    }
    for text in ["https://", "https://:443", "/path", "https:///path"] {
        assert_eq!(refused(text), PatternError::NoHost, "{text:?}");
    }
}

#[test]
fn an_entry_longer_than_any_origin_is_refused() {
    let with_path = |length: usize| format!("https://a.test/{}", "x".repeat(length));
    let room = MAX_PATTERN_BYTES - with_path(0).len();
    assert!(with_path(room).parse::<OriginPattern>().is_ok());
    assert_eq!(refused(&with_path(room + 1)), PatternError::TooLong);
    assert_eq!(refused(&"ü".repeat(100_000)), PatternError::TooLong);
}

#[test]
fn canonical_forms_leave_out_what_is_open() {
    check_canonical("*", "*");
    check_canonical("*://*:*/*", "*");
    check_canonical("*://[*.]A.test:*", "[*.]a.test");
    check_canonical("http://a.test:0080", "http://a.test:80");
}

#[test]
fn deserializing_says_what_is_wrong_with_the_entry() {
    let pattern: OriginPattern = serde_json::from_str("\"https://a.test\"").unwrap();
    assert_eq!(pattern, "https://a.test".parse().unwrap());
    let error = serde_json::from_str::<OriginPattern>("\"*.a.test\"").unwrap_err();
    assert!(
        error.to_string().contains("[*.] before a whole domain"),
        "{error}"
    );
    let error = serde_json::from_str::<OriginPattern>("7").unwrap_err();
    assert!(error.to_string().contains("an origin pattern"), "{error}");
}

#[test]
fn intersections_are_what_both_match() {
    #[track_caller]
    fn check(ours: &str, theirs: &str, expected: Option<&str>) {
        let (ours, theirs): (OriginPattern, OriginPattern) =
            (ours.parse().unwrap(), theirs.parse().unwrap());
        for both in [ours.intersection(&theirs), theirs.intersection(&ours)] {
            assert_eq!(both.map(|both| both.to_string()).as_deref(), expected);
        }
    }
    check("*", "https://a.test", Some("https://a.test"));
    check("[*.]a.test", "[*.]b.a.test:80", Some("[*.]b.a.test:80"));
    check("[*.]a.test", "a.test", Some("a.test"));
    check("[*.]a.test", "[*.]eviltest", None);
    check("http://a.test", "https://a.test", None);
    check("a.test:80", "a.test:81", None);
}

fn labels() -> impl Strategy<Value = String> {
    "[a-z]([a-z0-9]{0,5}[a-z])?(\\.[a-z]([a-z0-9]{0,5}[a-z])?){0,3}"
}

fn tuple_origin() -> impl Strategy<Value = Origin> {
    let host = prop_oneof![
        labels().prop_map(Host::Domain),
        any::<[u8; 4]>().prop_map(|octets| Host::Ipv4(octets.into())),
        any::<[u16; 8]>().prop_map(|groups| Host::Ipv6(groups.into())),
    ];
    let scheme = prop_oneof![Just("http".to_owned()), Just("https".to_owned())];
    (scheme, host, any::<u16>()).prop_map(|(scheme, host, port)| Origin::Tuple(scheme, host, port))
}

/// Text made of the pieces of patterns, so that many of them parse.
fn pattern_like() -> impl Strategy<Value = String> {
    let scheme = proptest::sample::select(vec!["", "https://", "http://", "*://", "ftp://", "://"]);
    let host = prop_oneof![
        labels(),
        labels().prop_map(|host| format!("[*.]{host}")),
        Just("*".to_owned()),
        Just("[::1]".to_owned()),
        any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        "\\PC{1,8}",
    ];
    let port = prop_oneof![
        Just(String::new()),
        Just(":*".to_owned()),
        any::<u16>().prop_map(|port| format!(":{port}")),
    ];
    let path = proptest::sample::select(vec!["", "/", "/a/b", "/*"]);
    (scheme, host, port, path)
        .prop_map(|(scheme, host, port, path)| format!("{scheme}{host}{port}{path}"))
}

/// The one pattern with nothing left open that names `origin`.
fn exact_pattern(origin: &Origin) -> OriginPattern {
    let Origin::Tuple(scheme, host, port) = origin else {
        panic!("{origin:?} is opaque");
    };
    format!("{scheme}://{host}:{port}").parse().unwrap()
}

proptest! {
    #[test]
    fn parsing_never_panics(text in any::<String>()) {
        let _ = text.parse::<OriginPattern>();
    }

    #[test]
    fn the_canonical_form_parses_to_the_same_pattern(text in pattern_like()) {
        if let Ok(pattern) = text.parse::<OriginPattern>() {
            prop_assert_eq!(pattern.to_string().parse::<OriginPattern>(), Ok(pattern));
        }
    }

    #[test]
    fn no_pattern_matches_an_opaque_origin(text in pattern_like()) {
        if let Ok(pattern) = text.parse::<OriginPattern>() {
            prop_assert!(!pattern.matches(&Origin::new_opaque()));
        }
    }

    #[test]
    fn an_exact_pattern_matches_only_its_own_origin(ours in tuple_origin(), other in tuple_origin()) {
        let pattern = exact_pattern(&ours);
        prop_assert!(pattern.matches(&ours));
        prop_assert_eq!(pattern.matches(&other), ours == other);
        let Origin::Tuple(scheme, host, port) = ours else { unreachable!() };
        let other_scheme = if scheme == "http" { "https" } else { "http" };
        prop_assert!(!pattern.matches(&Origin::Tuple(other_scheme.to_owned(), host.clone(), port)));
        prop_assert!(!pattern.matches(&Origin::Tuple(scheme.clone(), host, port.wrapping_add(1))));
        prop_assert!(!pattern.matches(&Origin::Tuple(scheme, Host::Domain("other.test.".to_owned()), port)));
    }

    #[test]
    fn a_subdomain_wildcard_never_matches_a_host_that_only_ends_alike(
        domain in labels(),
        prefix in "[a-z0-9-]{1,6}",
    ) {
        let pattern: OriginPattern = format!("[*.]{domain}").parse().unwrap();
        let matches = |host: String| pattern.matches(&Origin::Tuple("https".to_owned(), Host::Domain(host), 443));
        for host in [domain.clone(), format!("{prefix}.{domain}")] {
            prop_assert!(matches(host.clone()), "{}", host);
        }
        for host in [
            format!("evil-{domain}"),
            format!("{prefix}{domain}"),
            format!("{domain}.evil-{prefix}"),
        ] {
            prop_assert!(!matches(host.clone()), "{}", host);
        }
    }

    #[test]
    fn an_intersection_matches_what_both_match(
        ours in pattern_like(),
        theirs in pattern_like(),
        origin in tuple_origin(),
    ) {
        let (Ok(ours), Ok(theirs)) = (ours.parse::<OriginPattern>(), theirs.parse::<OriginPattern>()) else {
            return Ok(());
        };
        let both = ours.intersection(&theirs).is_some_and(|both| both.matches(&origin));
        prop_assert_eq!(both, ours.matches(&origin) && theirs.matches(&origin));
    }
}
