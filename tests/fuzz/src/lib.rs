/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Everything that others' bytes reach: messages of pages' processes, headers and attributes of
//! pages, files of administrators and of the record, questions at the socket for pictures.
//!
//! Each [`Target`] takes any bytes and must neither panic nor break what it asserts. The corpus in
//! `corpus/` is replayed by `tests/replay.rs` in every test run; `libfuzzer/` runs the same targets
//! under libFuzzer (`./mach fuzz`).

mod core;
mod messages;
mod policies;
mod record;

/// Something that takes any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its corpus and of its program.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "allow_attribute",
        run: policies::allow_attribute,
    },
    Target {
        name: "capture_request",
        run: messages::capture_request,
    },
    Target {
        name: "container_message",
        run: messages::container_message,
    },
    Target {
        name: "container_policy",
        run: messages::container_policy,
    },
    Target {
        name: "core_events",
        run: core::core_events,
    },
    Target {
        name: "origin_pattern",
        run: policies::origin_pattern,
    },
    Target {
        name: "permissions_policy_header",
        run: policies::permissions_policy_header,
    },
    Target {
        name: "pool_messages",
        run: messages::pool_messages,
    },
    Target {
        name: "preferences",
        run: policies::preferences,
    },
    Target {
        name: "record_reader",
        run: record::record_reader,
    },
];

/// Feeds the target of that name.
///
/// # Panics
/// There is none, or it finds something wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(bytes);
}
