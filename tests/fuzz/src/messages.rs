/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Messages between a page's process and the browser's, read as the browser reads them.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

use ipc_channel::ipc::IpcMessage;
use serde::{Deserialize, Serialize};
use servo_capture_traits::permissions_policy::{
    ContainerMessage, ContainerPolicy, Feature, PermissionsPolicy,
};
use servo_capture_traits::pools::wire::{self, QUESTION_BYTES};
use servo_capture_traits::{
    AllScreensReply, CaptureRequest, ConfigureReply, FrameBus, FrameLease, FrameReceiver, Guarded,
    PoolAccess, PoolReader, PoolRegistration, SourceEvent,
};
use servo_config::opts::{Opts, initialize_options};
use servo_url::{ImmutableOrigin, ServoUrl};
use uuid::Uuid;

thread_local! {
    /// A message is being read: a panic of ipc-channel's is caught and becomes an error.
    static READS: Cell<bool> = const { Cell::new(false) };
}

/// Messages are read as between processes, where a callback is a channel and never an address; and a
/// panic that is caught is neither printed nor taken for a finding.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        initialize_options(Opts {
            multiprocess: true,
            ..Opts::default()
        });
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            if !READS.get() {
                before(what);
            }
        }));
    });
}

/// Reads a message as the browser's router does.
fn read<T>(bytes: &[u8]) -> Option<T>
where
    T: for<'de> Deserialize<'de> + Serialize,
{
    prepare();
    READS.set(true);
    let message = IpcMessage::from_data(bytes.to_vec()).to::<Guarded<T>>();
    READS.set(false);
    message.ok().map(|Guarded(message)| message)
}

/// What a page's process asks for, and what it is sent: the same code reads both.
pub(crate) fn capture_request(bytes: &[u8]) {
    match read(bytes) {
        None
        | Some(
            CaptureRequest::Stop { .. }
            | CaptureRequest::Release { .. }
            | CaptureRequest::CopyFrames,
        ) => {}
        // No channel came with it.
        Some(_) => panic!("a callback that leads nowhere was read"),
    }
    let _: Option<AllScreensReply> = read(bytes);
    let _: Option<ConfigureReply> = read(bytes);
    if let Some(SourceEvent::Frame(frame)) = read::<SourceEvent>(bytes) {
        let bus = FrameBus::register(Uuid::nil());
        let mut receiver = FrameReceiver::new(PoolReader::new(PoolAccess::Copies), bus);
        // Refused, unless it brings pixels of its own that fit.
        let _ = receiver.receive(frame, FrameLease::new(|| {}));
        FrameBus::unregister(Uuid::nil());
    }
}

pub(crate) fn container_message(bytes: &[u8]) {
    // Each carries a channel, which no bytes make.
    assert!(read::<ContainerMessage>(bytes).is_none());
}

/// A container's policy decides about the documents in it, whatever it says.
pub(crate) fn container_policy(bytes: &[u8]) {
    let Some(container) = read::<ContainerPolicy>(bytes) else {
        return;
    };
    let opaque = ImmutableOrigin::new_opaque();
    let some = ServoUrl::parse("https://page.example").map(|url| url.origin());
    for origin in some.into_iter().chain([opaque]) {
        let policy = PermissionsPolicy::nested(&container, origin.clone());
        for feature in Feature::ALL {
            let is_enabled = policy.is_enabled(feature);
            // A document cannot have what its container's document has not.
            if is_enabled {
                assert!(container.policy.is_enabled(feature));
            }
            let _ = policy.allowlist(feature).serialize_entries();
        }
    }
}

/// A question at the socket for pictures.
pub(crate) fn pool_messages(bytes: &[u8]) {
    if let Some(question) = bytes.first_chunk::<QUESTION_BYTES>() {
        let (pool, index) = wire::parse(question);
        assert_eq!(wire::question(pool, index), *question);
        assert!(PoolRegistration::find(pool, index).is_none());
    }
}
