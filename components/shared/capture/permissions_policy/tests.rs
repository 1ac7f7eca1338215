/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::sync::Arc;

use proptest::prelude::*;
use servo_base::generic_channel::channel;
use servo_base::id::{BrowsingContextId, PipelineNamespace, TEST_NAMESPACE};
use servo_url::{ImmutableOrigin, ServoUrl};

use super::*;
use crate::ClientId;

fn origin(url: &str) -> ImmutableOrigin {
    match ServoUrl::parse(url) {
        Ok(url) => url.origin(),
        Err(error) => panic!("{url}: {error}"),
    }
}

fn own() -> ImmutableOrigin {
    origin("https://own.test")
}

fn other() -> ImmutableOrigin {
    origin("https://other.test")
}

/// What a header says about the camera: the entries, or none if nothing.
fn header(text: &str) -> Option<Vec<String>> {
    let policy = parse_header([text.as_bytes()], &own()).unwrap();
    Some(policy.get(&Feature::Camera)?.serialize_entries())
}

/// What an `allow` attribute says about the camera in a frame of `other()`.
fn attribute(text: &str) -> Option<Vec<String>> {
    let directive = parse_policy_directive(text, &own(), &other());
    Some(directive.get(&Feature::Camera)?.serialize_entries())
}

fn entries(entries: &[&str]) -> Option<Vec<String>> {
    Some(entries.iter().map(|&entry| entry.to_owned()).collect())
}

#[test]
fn every_name_leads_to_its_feature() {
    for feature in Feature::ALL {
        assert_eq!(Feature::from_name(feature.name()), Some(feature));
        assert_eq!(Feature::from_name(&feature.name().to_uppercase()), None);
    }
    assert_eq!(Feature::from_name("geolocation"), None);
}

#[test]
fn a_header_names_origins_self_everyone_and_nobody() {
    for (text, expected) in [
        ("", None),
        ("microphone=()", None),
        ("camera=()", entries(&[])),
        ("camera=self", entries(&["https://own.test"])),
        ("camera=(self)", entries(&["https://own.test"])),
        ("camera=*", entries(&["*"])),
        ("camera=(self *)", entries(&["*"])),
        (
            r#"camera=(self "https://other.test/path" "https://*.sub.test:8443")"#,
            entries(&[
                "https://own.test",
                "https://other.test",
                "https://*.sub.test:8443",
            ]),
        ),
        (
            r#"camera="https://other.test""#,
            entries(&["https://other.test"]),
        ),
        ("camera=(self self)", entries(&["https://own.test"])),
        ("camera=self, camera=()", entries(&[])),
        ("unknown=*, camera=*;report-to=endpoint", entries(&["*"])),
        // No origins: ignored within a list.
        (
            r#"camera=("no url" "data:," none 1 self)"#,
            entries(&["https://own.test"]),
        ),
        // A mistake restricts.
        ("camera=1", entries(&[])),
        ("camera", entries(&[])),
    ] {
        assert_eq!(header(text), expected, "{text}");
    }
}

#[test]
fn a_header_that_is_no_dictionary_is_an_error() {
    // The syntax of the header that came before this one, and broken lists.
    for text in ["camera 'none'", "camera=(self", "Camera=()", "camera=(),"] {
        assert!(parse_header([text.as_bytes()], &own()).is_err(), "{text}");
    }
    assert!(parse_header([&b"camera=\xff"[..]], &own()).is_err());
}

#[test]
fn several_header_fields_are_one_dictionary() {
    let fields = [&b"camera=()"[..], b"microphone=self"];
    let policy = parse_header(fields, &own()).unwrap();
    assert_eq!(policy.len(), 2);
    assert_eq!(parse_header([], &own()), Ok(PolicyDirective::new()));
}

#[test]
fn an_allow_attribute_names_origins_and_keywords() {
    for (text, expected) in [
        ("", None),
        (";;", None),
        ("microphone", None),
        ("Camera", None),
        ("camera", entries(&["https://other.test"])),
        (
            " \t camera ; microphone *",
            entries(&["https://other.test"]),
        ),
        ("camera 'src'", entries(&["https://other.test"])),
        ("camera 'SELF'", entries(&["https://own.test"])),
        (
            "camera 'self' 'src'",
            entries(&["https://own.test", "https://other.test"]),
        ),
        ("camera 'none'", entries(&[])),
        ("camera self", entries(&[])),
        ("camera 'none' *", entries(&["*"])),
        (
            "camera https://a.test:444/x",
            entries(&["https://a.test:444"]),
        ),
        ("camera https://*.a.test", entries(&["https://*.a.test"])),
        ("camera *; camera 'none'", entries(&[])),
        ("camera=*", None),
    ] {
        assert_eq!(attribute(text), expected, "{text}");
    }
}

#[test]
fn subdomains_are_neither_the_domain_nor_another_one() {
    let list = parse_policy_directive("camera https://*.a.test", &own(), &other());
    let list = &list[&Feature::Camera];
    for (url, expected) in [
        ("https://b.a.test", true),
        ("https://c.b.a.test", true),
        ("https://a.test", false),
        ("https://ba.test", false),
        ("http://b.a.test", false),
        ("https://b.a.test:444", false),
        ("https://127.0.0.1", false),
    ] {
        assert_eq!(list.matches(&origin(url)), expected, "{url}");
    }
}

/// Whether a document of `frame` in a document of `own()` may use the camera.
fn nested(header: &str, allow: &str, frame: &ImmutableOrigin) -> bool {
    let declared = parse_header([header.as_bytes()], &own()).unwrap();
    let container = ContainerPolicy {
        policy: PermissionsPolicy::top_level(own()).with_declared(declared),
        directive: parse_policy_directive(allow, &own(), frame),
    };
    PermissionsPolicy::nested(&container, frame.clone()).is_enabled(Feature::Camera)
}

#[test]
fn a_frame_has_what_its_container_has_and_delegates() {
    let opaque = ImmutableOrigin::new_opaque();
    for (header, allow, frame, expected) in [
        ("", "", own(), true),
        ("", "", other(), false),
        ("", "camera", other(), true),
        ("", "camera *", other(), true),
        ("", "camera 'self'", other(), false),
        ("", "camera 'none'", own(), false),
        ("", "microphone", other(), false),
        // The header of the container restricts its frames, too.
        ("camera=()", "camera *", own(), false),
        ("camera=()", "camera *", other(), false),
        ("camera=self", "camera", other(), false),
        ("camera=*", "", other(), false),
        ("camera=*", "camera", other(), true),
        (
            r#"camera=(self "https://other.test")"#,
            "camera",
            other(),
            true,
        ),
        (r#"camera=(self "https://other.test")"#, "", other(), false),
        // A document cannot delegate what it does not have.
        (r#"camera=("https://other.test")"#, "camera", other(), false),
        ("", "", opaque.clone(), false),
        ("", "camera *", opaque.clone(), true),
        ("camera=self", "camera *", opaque, false),
    ] {
        assert_eq!(
            nested(header, allow, &frame),
            expected,
            "{header:?} {allow:?} {frame:?}"
        );
    }
}

#[test]
fn a_documents_header_cannot_enable_what_its_container_does_not() {
    let container = ContainerPolicy {
        policy: PermissionsPolicy::top_level(own()),
        directive: PolicyDirective::new(),
    };
    let declared = parse_header([&b"camera=*"[..]], &other()).unwrap();
    let policy = PermissionsPolicy::nested(&container, other()).with_declared(declared);
    assert!(!policy.is_enabled(Feature::Camera));
    assert_eq!(policy.allowlist(Feature::Camera), Allowlist::nobody());
}

#[test]
fn a_document_of_the_top_level_has_everything_for_its_own_origin_only() {
    let policy = PermissionsPolicy::top_level(own());
    for feature in Feature::ALL {
        assert!(policy.is_enabled(feature));
        assert!(!policy.is_enabled_for(feature, &other()));
        assert!(!PermissionsPolicy::nothing(own()).is_enabled(feature));
    }
    let list = policy.allowlist(Feature::Camera).serialize_entries();
    assert_eq!(list, ["https://own.test"]);
}

fn ask(desk: &ContainerDesk, frame: BrowsingContextId) -> Option<ContainerPolicy> {
    let (reply, answer) = channel().unwrap();
    desk.serve(ContainerMessage::Ask { frame, reply });
    answer.recv().unwrap().map(|policy| *policy)
}

fn deposit(desk: &ContainerDesk, frame: BrowsingContextId, container: &ContainerPolicy) {
    let (done, wait) = channel().unwrap();
    desk.serve(ContainerMessage::Deposit {
        frame,
        container: Box::new(container.clone()),
        done,
    });
    wait.recv().unwrap();
}

fn container(allow: &str) -> ContainerPolicy {
    ContainerPolicy {
        policy: PermissionsPolicy::top_level(own()),
        directive: parse_policy_directive(allow, &own(), &other()),
    }
}

#[test]
fn a_deposit_is_its_clients_and_goes_with_it() {
    PipelineNamespace::install(TEST_NAMESPACE);
    let policies = Arc::new(ContainerPolicies::default());
    let parent = ContainerDesk::new(ClientId::next(), policies.clone());
    let child = ContainerDesk::new(ClientId::next(), policies);
    let frame = BrowsingContextId::new();
    assert_eq!(ask(&child, frame), None);
    deposit(&parent, frame, &container("camera"));
    assert_eq!(ask(&child, frame), Some(container("camera")));
    // A frame cannot say what its container allows.
    deposit(&child, frame, &container("camera *"));
    assert_eq!(ask(&child, frame), Some(container("camera")));
    deposit(&parent, frame, &container("microphone"));
    assert_eq!(ask(&child, frame), Some(container("microphone")));
    drop(parent);
    assert_eq!(ask(&child, frame), None);
}

#[test]
fn only_the_newest_deposits_of_a_client_are_kept() {
    PipelineNamespace::install(TEST_NAMESPACE);
    let policies = Arc::new(ContainerPolicies::default());
    let desk = ContainerDesk::new(ClientId::next(), policies);
    let frames = std::iter::repeat_with(BrowsingContextId::new)
        .take(1025)
        .collect::<Vec<_>>();
    for frame in &frames {
        deposit(&desk, *frame, &container("camera"));
    }
    assert_eq!(ask(&desk, frames[0]), None);
    assert!(ask(&desk, frames[1]).is_some());
    assert!(ask(&desk, frames[1024]).is_some());
}

fn any_targets() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "*",
        "'self'",
        "'src'",
        "'none'",
        "https://own.test",
        "https://other.test",
        "nonsense",
    ]);
    prop::collection::vec(word, 0..4).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse_policy_directive(&text, &own(), &other());
        let _ = parse_header([bytes.as_slice()], &own());
    }

    #[test]
    fn what_a_container_lacks_no_frame_below_it_has(
        header in prop::sample::select(vec!["", "camera=()", "camera=self", "camera=*"]),
        first in any_targets(),
        second in any_targets(),
        origins in prop::collection::vec(prop::sample::select(vec![own(), other()]), 2),
    ) {
        let declared = parse_header([header.as_bytes()], &own()).unwrap();
        let mut policy = PermissionsPolicy::top_level(own()).with_declared(declared);
        for (targets, origin) in [first, second].iter().zip(origins) {
            let allow = format!("camera {targets}");
            let directive = parse_policy_directive(&allow, policy.origin(), &origin);
            let had = policy.is_enabled(Feature::Camera);
            let container = ContainerPolicy { policy, directive };
            policy = PermissionsPolicy::nested(&container, origin);
            prop_assert!(had || !policy.is_enabled(Feature::Camera));
            if header == "camera=()" {
                prop_assert!(!policy.is_enabled(Feature::Camera));
            }
        }
    }
}
