/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which numbers the displays of tests have.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Beyond those that servers take by themselves, which begin with 0.
const FIRST: u32 = 1000;
const COUNT: u32 = 50_000;

/// A display number that nobody has, and that no other server of this process has had: where one
/// was killed nobody else comes by chance. Somebody else may take it before a server has it.
///
/// # Errors
/// All of them are taken.
pub(crate) fn unused_number() -> Result<u32> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run beside each other begin far apart. Their ids would not do: in two
    // containers they are the same, and abstract sockets are the network's, not the container's.
    static OFFSET: LazyLock<u32> = LazyLock::new(|| RandomState::new().hash_one(()) as u32 % COUNT);
    let offset = *OFFSET;
    let in_use = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    (0..COUNT)
        .map(|_| {
            let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
            FIRST + offset.wrapping_add(taken) % COUNT
        })
        .find(|number| !is_taken(*number, &in_use))
        .context("every display number is taken")
}

/// Whether a server has the number, or one that was killed had it. `in_use` lists the sockets of
/// all, `/proc/net/unix`: also of those whose files are another container's.
fn is_taken(number: u32, in_use: &str) -> bool {
    let socket = format!("/tmp/.X11-unix/X{number}");
    let has_it = |line: &str| line.trim_end().ends_with(&socket);
    let paths = [format!("/tmp/.X{number}-lock"), socket.clone()];
    paths.iter().any(|path| Path::new(path).exists()) || in_use.lines().any(has_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let numbers = [(); 100].map(|()| unused_number().unwrap());
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), numbers.len());
        assert!(numbers.iter().all(|number| *number >= FIRST));
    }

    #[test]
    fn a_number_whose_socket_has_no_file_is_taken_too() {
        let in_use = "Num RefCount Protocol Flags Type St Inode Path\n\
                      0000000032a564e6: 00000002 00000000 00010000 0001 01 38 @/tmp/.X11-unix/X999123\n";
        assert!(is_taken(999_123, in_use));
        assert!(!is_taken(999_124, in_use) && !is_taken(99_123, in_use));
    }
}
