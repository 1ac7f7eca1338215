/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where frames and events of sources go.

use std::collections::{HashMap, HashSet};

use servo_base::generic_channel::GenericCallback;
use servo_capture_traits::{
    ClientId, FrameMessage, FramePixels, PictureError, SourceEvent, SourceId,
};

use super::outbox::{Bundle, Letter};
use crate::core::RawFrame;

struct Sink {
    client: ClientId,
    callback: GenericCallback<SourceEvent>,
}

/// The sinks of all sources.
#[derive(Default)]
pub(super) struct Sinks {
    sinks: HashMap<SourceId, Sink>,
    /// Whose process cannot have our memory. Ends with the client.
    copying: HashSet<ClientId>,
}

impl Sinks {
    /// From now on `source` is `client`'s and speaks to `callback`.
    pub(super) fn keep(
        &mut self,
        client: ClientId,
        source: SourceId,
        callback: GenericCallback<SourceEvent>,
    ) {
        self.sinks.insert(source, Sink { client, callback });
    }

    /// The source is over.
    pub(super) fn forget(&mut self, source: SourceId) {
        self.sinks.remove(&source);
    }

    /// Frames go to `client` as copies from now on.
    pub(super) fn copy_for(&mut self, client: ClientId) {
        self.copying.insert(client);
    }

    /// The client is gone.
    pub(super) fn forget_client(&mut self, client: ClientId) {
        self.copying.remove(&client);
    }

    /// Has an event sent; a source without a sink hears nothing.
    pub(super) fn tell(&self, bundle: &mut Bundle, source: SourceId, event: SourceEvent) {
        if let Some(sink) = self.sinks.get(&source) {
            let letter = Letter::Source(source, sink.callback.clone(), event);
            bundle.add(sink.client, letter);
        }
    }

    /// What is sent of a frame: where its picture is, or a copy.
    ///
    /// # Errors
    /// When the picture is not of the frame's size.
    pub(super) fn message(
        &self,
        source: SourceId,
        frame: RawFrame,
    ) -> Result<FrameMessage, PictureError> {
        let sink = self.sinks.get(&source);
        let pixels = if sink.is_some_and(|sink| self.copying.contains(&sink.client)) {
            FramePixels::copied(&frame.memory, frame.size)?
        } else {
            FramePixels::Pooled {
                pool: frame.pool,
                index: frame.index,
            }
        };
        Ok(FrameMessage {
            sequence: frame.sequence,
            captured_at: frame.captured_at,
            size: frame.size,
            damage: frame.damage,
            is_last_picture: frame.is_last_picture,
            more_follow: false,
            pixels,
        })
    }
}

#[cfg(test)]
mod tests {
    use euclid::Size2D;
    use servo_base::cross_process_instant::CrossProcessInstant;
    use servo_capture_traits::{Damage, PictureWriter, PoolRegistration};

    use super::*;

    #[test]
    fn only_a_client_that_asked_for_copies_gets_them() {
        let mut writer = PictureWriter::new(4).unwrap();
        writer.bytes_mut().fill(7);
        let pool = PoolRegistration::new();
        let frame = RawFrame {
            sequence: 1,
            captured_at: CrossProcessInstant::now(),
            size: Size2D::new(1, 1),
            damage: Damage::Whole,
            is_last_picture: false,
            pool: pool.id(),
            index: pool.add(writer.memory().clone()),
            memory: writer.memory().clone(),
        };
        let mut sinks = Sinks::default();
        let (one, other) = (ClientId::next(), ClientId::next());
        let (sources, callback) = (
            [SourceId::random(), SourceId::random()],
            GenericCallback::new(|_| {}).unwrap(),
        );
        sinks.keep(one, sources[0], callback.clone());
        sinks.keep(other, sources[1], callback);
        sinks.copy_for(one);
        let mut is_copy = |source| match sinks.message(source, frame.clone()).unwrap().pixels {
            FramePixels::Copied(pixels) => {
                assert_eq!(*pixels, [7, 7, 7, 255]);
                true
            }
            FramePixels::Pooled { .. } => false,
        };
        assert_eq!(sources.map(&mut is_copy), [true, false]);
        sinks.forget_client(one);
        let pixels = sinks.message(sources[0], frame.clone()).unwrap().pixels;
        assert!(matches!(pixels, FramePixels::Pooled { .. }));
    }
}
