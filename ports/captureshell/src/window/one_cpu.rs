/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Keeps egui's text from panicking next to Servo.
//!
//! epaint 0.37 draws each glyph with vello_cpu and renders it without flushing first, which is
//! right only as long as vello_cpu has one thread. Servo's canvas turns on the `multithreading`
//! feature of the same crate, and vello_cpu then takes as many threads as there are processors
//! that the calling thread may run on. So the thread that draws the toolbar is bound to one
//! processor while it does.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Calls `draw` while the calling thread may run on one processor only. Where the system does not
/// let it, `draw` is called all the same.
pub fn on_one_cpu<R>(draw: impl FnOnce() -> R) -> R {
    let before = sched_getaffinity(None).ok();
    if let Some(before) = &before
        && let Some(first) = (0..CpuSet::MAX_CPU).find(|cpu| before.is_set(*cpu))
    {
        let mut one = CpuSet::new();
        one.set(first);
        let _ = sched_setaffinity(None, &one);
    }
    let _restore = Restore(before);
    draw()
}

/// Lets the thread run where it could before, whatever happens.
struct Restore(Option<CpuSet>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = sched_setaffinity(None, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_is_bound_only_while_it_draws() {
        let before = sched_getaffinity(None).unwrap();
        let within = on_one_cpu(|| std::thread::available_parallelism().unwrap().get());
        assert_eq!(within, 1);
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }
}
