/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a renderer is told of a copy.

use std::fmt;
use std::sync::Arc;

use ipc_channel::ipc::IpcSharedMemory;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use servo_base::generic_channel::GenericSharedMemory;

use super::lent::Received;
use super::{CopyMemory, PictureCopy};
use crate::Damage;

/// A new picture of an image that a renderer has, or the first one.
pub struct CopyUpdate {
    pub(super) pixels: UpdatePixels,
    /// What has changed since the update before.
    pub(super) damage: Damage,
}

pub(super) enum UpdatePixels {
    /// Memory of this process.
    Own(Arc<Vec<u8>>),
    /// In the page's process: memory that the browser's will map.
    Lent(Arc<PictureCopy>),
    /// In the browser's.
    Received(Received),
}

impl fmt::Debug for CopyUpdate {
    /// Without what is on the screen.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("CopyUpdate")
            .field("damage", &self.damage)
            .finish_non_exhaustive()
    }
}

impl CopyUpdate {
    pub(super) fn new(copy: &Arc<PictureCopy>, damage: Damage) -> Self {
        let pixels = match &copy.memory {
            CopyMemory::Own(pixels) => UpdatePixels::Own(pixels.clone()),
            CopyMemory::Lent(_) => UpdatePixels::Lent(copy.clone()),
        };
        Self { pixels, damage }
    }

    /// All pixels, for who keeps no copies; of memory that is no picture, what there
    /// is of it.
    pub fn into_pixels(self) -> Arc<Vec<u8>> {
        match self.pixels {
            UpdatePixels::Own(pixels) => pixels,
            UpdatePixels::Lent(copy) => copy.pixels(),
            UpdatePixels::Received(received) => Arc::new(received.to_vec()),
        }
    }
}

/// What of it goes over a channel between processes.
#[derive(Serialize)]
enum Outgoing<'a> {
    Own(GenericSharedMemory),
    Lent(&'a IpcSharedMemory),
}

#[derive(Deserialize)]
enum Incoming {
    Own(GenericSharedMemory),
    Lent(IpcSharedMemory),
}

impl Serialize for CopyUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = |pixels| Outgoing::Own(GenericSharedMemory::from_arc_vec(pixels));
        let pixels = match &self.pixels {
            UpdatePixels::Own(pixels) => own(pixels.clone()),
            UpdatePixels::Lent(copy) => match &copy.memory {
                CopyMemory::Own(pixels) => own(pixels.clone()),
                CopyMemory::Lent(memory) => {
                    memory.lend();
                    Outgoing::Lent(memory.memory())
                }
            },
            UpdatePixels::Received(_) => {
                return Err(serde::ser::Error::custom("it has arrived already"));
            }
        };
        (pixels, &self.damage).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CopyUpdate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pixels, damage) = Deserialize::deserialize(deserializer)?;
        // Nobody sends more rectangles who keeps to the rules, and to sort them takes time.
        let damage = match damage {
            Damage::Rectangles(rectangles) if rectangles.len() > Damage::MAX_RECTANGLES => {
                Damage::Whole
            }
            damage => damage,
        };
        let pixels = match pixels {
            Incoming::Own(pixels) => UpdatePixels::Own(pixels.into_arc_vec()),
            Incoming::Lent(memory) => {
                let received = Received::new(memory);
                let wrong = || serde::de::Error::custom("this is not the memory of a copy");
                UpdatePixels::Received(received.ok_or_else(wrong)?)
            }
        };
        Ok(Self { pixels, damage })
    }
}
