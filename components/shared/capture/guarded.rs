/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reading what a process sends that is not trusted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A message that is read without panicking, whatever its bytes are: ipc-channel
/// panics when a message names a channel that did not come with it, and the
/// thread that it would take along is the one that reads everybody's messages.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Guarded<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Guarded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Nothing of a half-read message is used after a panic.
        catch_unwind(AssertUnwindSafe(|| T::deserialize(deserializer)))
            .map_err(|_| D::Error::custom("the message names what did not come with it"))?
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, U32Deserializer};

    use super::*;

    /// Reads a number, and panics when it is large, as ipc-channel does.
    struct Careless(u32);

    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let number = u32::deserialize(deserializer)?;
            Ok(Self([7, 8][number as usize]))
        }
    }

    #[test]
    fn a_panic_while_reading_is_an_error() {
        let read = |number: u32| {
            let deserializer: U32Deserializer<Error> = number.into_deserializer();
            Guarded::<Careless>::deserialize(deserializer).map(|guarded| guarded.0.0)
        };
        assert_eq!(read(1), Ok(8));
        assert!(read(2).is_err());
    }
}
