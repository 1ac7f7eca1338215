/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which numbers the displays of tests have.

use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Beyond those that servers take by themselves, which begin with 0.
const FIRST: u32 = 1000;
const COUNT: u32 = 50_000;

/// A display number that nobody has, and that no other server of this process has had: where one
/// was killed nobody else comes by chance.
///
/// # Errors
/// All of them are taken.
pub(crate) fn unused_number() -> Result<u32> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run beside each other begin far apart.
    let offset = process::id().wrapping_mul(61);
    (0..COUNT)
        .map(|_| {
            let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
            FIRST + offset.wrapping_add(taken) % COUNT
        })
        .find(|number| !is_taken(*number))
        .context("every display number is taken")
}

/// Whether a server has the number, or one that was killed had it.
fn is_taken(number: u32) -> bool {
    let paths = [
        format!("/tmp/.X{number}-lock"),
        format!("/tmp/.X11-unix/X{number}"),
    ];
    paths.iter().any(|path| Path::new(path).exists())
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
}
