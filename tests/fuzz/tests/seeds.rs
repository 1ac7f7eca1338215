/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The corpora of messages: they are made here, so that they stay what is sent.
//! `UPDATE_FUZZ_CORPUS=1` writes them anew.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use euclid::{Point2D, Rect, Size2D};
use serde::Serialize;
use servo_capture_traits::permissions_policy::{
    AllowedOrigins, Allowlist, ContainerPolicy, Feature, PermissionsPolicy,
};
use servo_capture_traits::{
    AllScreensReply, CaptureError, CaptureRequest, ConfigureReply, CursorMode, DisplaySurface,
    EndReason, GrantedSource, ScreenId, ScreenInfo, SourceEvent, SourceId, SourceSettings,
};
use servo_url::ServoUrl;

fn bytes(message: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(message).unwrap()
}

fn settings() -> SourceSettings {
    SourceSettings {
        size: Size2D::new(8, 4),
        frame_rate: 30.0,
        surface: DisplaySurface::Monitor,
        cursor: CursorMode::Never,
        screen_pixel_ratio: 1.0,
    }
}

fn screen() -> ScreenInfo {
    let bounds = Rect::new(Point2D::new(0, 0), Size2D::new(8, 4));
    ScreenInfo {
        bounds,
        available: bounds,
        device_pixel_ratio: 1.0,
        color_depth: 24,
        is_primary: true,
        is_internal: false,
        label: "M1".to_owned(),
    }
}

/// The seeds of a target, by name.
fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let source = SourceId::from_u128(7);
    let granted = GrantedSource {
        source,
        screen: screen(),
        screen_id: ScreenId::from_u128(9),
        settings: settings(),
        device_id: "d".repeat(32),
    };
    let origin = |url: &str| ServoUrl::parse(url).unwrap().origin();
    let container = ContainerPolicy {
        policy: PermissionsPolicy::top_level(origin("https://outer.example")),
        directive: BTreeMap::from([
            (Feature::AllScreensCapture, Allowlist::Everyone),
            (
                Feature::Camera,
                Allowlist::Origins(vec![
                    AllowedOrigins::One(origin("https://inner.example")),
                    AllowedOrigins::Subdomains {
                        scheme: "https".to_owned(),
                        domain: "example.org".to_owned(),
                        port: 443,
                    },
                ]),
            ),
        ]),
    };
    let reason = EndReason::IndicatorLost("covered".to_owned());
    let refused = CaptureError::RefusedByPolicy("not listed".to_owned());
    vec![
        (
            "capture_request",
            "stop",
            bytes(&CaptureRequest::Stop { source }),
        ),
        (
            "capture_request",
            "copy-frames",
            bytes(&CaptureRequest::CopyFrames),
        ),
        (
            "capture_request",
            "release",
            bytes(&CaptureRequest::Release {
                frames: vec![(source, 3)],
            }),
        ),
        (
            "capture_request",
            "granted",
            bytes(&AllScreensReply(Ok(vec![granted]))),
        ),
        (
            "capture_request",
            "refused",
            bytes(&AllScreensReply(Err(refused))),
        ),
        (
            "capture_request",
            "configured",
            bytes(&ConfigureReply(Ok(settings()))),
        ),
        ("capture_request", "muted", bytes(&SourceEvent::Muted(true))),
        (
            "capture_request",
            "ended",
            bytes(&SourceEvent::Ended(reason)),
        ),
        (
            "capture_request",
            "changed",
            bytes(&SourceEvent::Changed {
                screen: screen(),
                settings: settings(),
            }),
        ),
        ("container_policy", "directive", bytes(&container)),
        // A deposit up to its channel, which no bytes can make.
        (
            "container_message",
            "deposit",
            [&[0, 1, 1, 1][..], &bytes(&container)].concat(),
        ),
        ("container_message", "ask", vec![1, 1, 1, 0]),
    ]
}

#[test]
fn the_corpora_of_messages_are_what_is_sent() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, name, bytes) in seeds() {
        let path = corpus.join(target).join(name);
        if env::var_os("UPDATE_FUZZ_CORPUS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let found = fs::read(&path).unwrap_or_default();
        assert!(found == bytes, "{}: UPDATE_FUZZ_CORPUS=1", path.display());
    }
}
